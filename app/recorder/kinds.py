"""Shapes and dtypes: what tensors of one kind have in common is worked out once."""

from __future__ import annotations

import sys
from typing import Any

import torch

from app.recorder.budget import CHARS_A_NUMBER, CHARS_A_SUMMARY

DTYPE_NAMES: dict[torch.dtype, str] = {
    value: str(value).removeprefix("torch.")
    for value in vars(torch).values()
    if isinstance(value, torch.dtype)
}

#: Their numbers can be reduced in batches.
_REAL = frozenset(
    {torch.float32, torch.float64, torch.float16, torch.bfloat16}
    | {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool}
)
#: Tensors of more elements are reduced at once, while they are in the processor's cache.
LARGE = 16_384
#: What a tensor that waits weighs beside its numbers.
_BYTES_A_TENSOR = 600
#: So many small ones stay in the cache while they wait.
_TOGETHER = 512


class Kind:
    """A shape with a dtype, and the tensors of this kind whose numbers are still to be read."""

    __slots__ = (
        "bytes", "chars", "count", "dtype", "few", "index", "large", "reducible", "shape",
        "together", "waiting", "weight",
    )  # fmt: skip

    def __init__(self, index: int, shape: list[int], dtype: torch.dtype, elements: int) -> None:
        self.index = index
        #: One list for all tensors of this shape: nothing may change it.
        self.shape = shape
        self.dtype = DTYPE_NAMES.get(dtype, str(dtype).removeprefix("torch."))
        self.count = 1
        for side in shape:
            self.count *= side
        #: Few enough to be told one by one.
        self.few = self.count <= elements
        self.large = self.count > LARGE
        self.bytes = self.count * dtype.itemsize
        self.weight = self.bytes + _BYTES_A_TENSOR
        #: How many of them may wait.
        self.together = _TOGETHER if self.few else sys.maxsize
        #: What a summary takes in the trace.
        self.chars = CHARS_A_SUMMARY + (self.count * CHARS_A_NUMBER if self.few else 0)
        self.reducible = dtype in _REAL and self.count > 0
        #: Tensors whose numbers are still to be read, with their handles.
        self.waiting: list[tuple[int, torch.Tensor]] = []


class Kinds:
    def __init__(self, elements: int) -> None:
        self.all: list[Kind] = []
        self._elements = elements
        self._by_dtype: dict[torch.dtype, dict[Any, Kind]] = {}

    def of(self, tensor: torch.Tensor) -> Kind:
        """The kind of a tensor; nested ones have no shape that could be told."""
        by_shape = self._by_dtype.get(tensor.dtype)
        if by_shape is None:
            by_shape = self._by_dtype[tensor.dtype] = {}
        try:
            shape = tensor.shape
            kind = by_shape.get(shape)
            if kind is None:
                kind = by_shape[shape] = self._add([int(side) for side in shape], tensor.dtype)
        except Exception:  # whatever torch, or a class of the program's, says instead of a shape
            kind = self._add([], tensor.dtype)
            kind.reducible = False
        return kind

    def _add(self, shape: list[int], dtype: torch.dtype) -> Kind:
        kind = Kind(len(self.all), shape, dtype, self._elements)
        self.all.append(kind)
        return kind
