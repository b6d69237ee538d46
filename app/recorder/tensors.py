"""Which tensor is which: an id for every tensor object that the run touches."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from app.recorder.summary import DTYPE_NAMES, Summaries, shape_list
from app.trace.document import Tensor

_LAZY = (UninitializedBuffer, UninitializedParameter)


class Tensors:
    """Entries of the trace by tensor object.

    Objects are told apart by address, checked through a weak reference:
    nothing of the program is kept alive, nothing is written on its tensors.
    All methods must run with torch-function modes disabled.
    """

    def __init__(self, summaries: Summaries) -> None:
        self.entries: list[Tensor] = []
        self._summaries = summaries
        self._known: dict[int, tuple[weakref.ref[torch.Tensor], Tensor]] = {}

    def entry(self, tensor: torch.Tensor) -> Tensor:
        """The entry of a tensor, made at first sight with its present value."""
        known = self._known.get(id(tensor))
        if known is not None and known[0]() is tensor:
            return known[1]
        return self.add(tensor)

    def id(self, tensor: torch.Tensor) -> str:
        known = self._known.get(id(tensor))
        if known is not None and known[0]() is tensor:
            return known[1]["id"]
        return self.add(tensor)["id"]

    def known(self, tensor: torch.Tensor) -> Tensor | None:
        """The entry, if the run has touched this tensor."""
        known = self._known.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def add(self, tensor: torch.Tensor, with_value: bool = True) -> Tensor:
        """A new entry: for a new tensor, or for one that an in-place op made another."""
        if type(tensor) in _LAZY:
            return self._lazy(tensor)
        entries = self.entries
        entry: Tensor = {
            "id": f"t{len(entries)}",
            "shape": shape_list(tensor.shape),
            "dtype": DTYPE_NAMES[tensor.dtype],
            "requires_grad": tensor.requires_grad,
            "is_leaf": tensor.is_leaf,
            "names": [],
            "value": self._summaries.of(tensor) if with_value else None,
        }
        entries.append(entry)
        self._known[id(tensor)] = (weakref.ref(tensor), entry)
        return entry

    def _lazy(self, tensor: torch.Tensor) -> Tensor:
        """A parameter that has no shape yet; it will be looked at anew when it has."""
        entry: Tensor = {
            "id": f"t{len(self.entries)}", "shape": [], "dtype": DTYPE_NAMES[tensor.dtype],
            "requires_grad": tensor.requires_grad, "is_leaf": True, "names": [], "value": None,
        }  # fmt: skip
        self.entries.append(entry)
        return entry

    def revalue(self, tensor: torch.Tensor) -> None:
        """Its first numbers came after it: it was empty, or the request gave them."""
        self.entry(tensor)["value"] = self._summaries.of(tensor)


def shape_of(tensor: torch.Tensor) -> list[int]:
    """The shape as plain integers."""
    return shape_list(tensor.shape)


def tensors_in(value: Any, depth: int = 4) -> list[torch.Tensor]:
    """The tensors in an argument or result: itself, or inside lists, tuples and dicts."""
    if isinstance(value, torch.Tensor):
        return [value]
    found: list[torch.Tensor] = []
    if depth and isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, torch.Tensor):
                found.append(item)
            elif isinstance(item, list | tuple | dict):
                found += tensors_in(item, depth - 1)
    elif depth and isinstance(value, dict):
        for item in value.values():
            found += tensors_in(item, depth - 1)
    return found
