"""Which tensor is which: a number for every tensor object that the run touches."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from app.recorder.ids import Ids
from app.recorder.summaries import NOTHING, Summaries
from app.trace.document import Summary, Tensor

_LAZY = (UninitializedBuffer, UninitializedParameter)


class Tensors:
    """The tensors of the trace, numbered by first sight.

    Objects are told apart by address, checked through a weak reference:
    nothing of the program is kept alive, nothing is written on its tensors.
    All methods must run with torch-function modes disabled.
    """

    def __init__(self, summaries: Summaries) -> None:
        self._summaries = summaries
        #: By address; read on the fast path of `ops`.
        self.by_address: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}
        self._kinds: list[int] = []
        self._leaves: list[bool] = []
        self.requires_grad: list[bool] = []
        #: Handles of the first values.
        self.values: list[int] = []
        self._names: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def id(self, tensor: torch.Tensor) -> int:
        """The number of a tensor; at first sight its present value is kept."""
        known = self.by_address.get(id(tensor))
        if known is not None and known[0]() is tensor:
            return known[1]
        return self.add(tensor)

    def known(self, tensor: torch.Tensor) -> int | None:
        """The number, if the run has touched this tensor."""
        known = self.by_address.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def add(self, tensor: torch.Tensor, with_value: bool = True) -> int:
        """A new number: for a new tensor, or for one that an in-place op made another."""
        if type(tensor) in _LAZY:
            return self._lazy(tensor)
        kind = self._summaries.kinds.of(tensor)
        number = len(self._kinds)
        self._kinds.append(kind.index)
        self._leaves.append(tensor.is_leaf)
        self.requires_grad.append(tensor.requires_grad)
        self.values.append(self._summaries.of(tensor, kind) if with_value else NOTHING)
        self.by_address[id(tensor)] = (weakref.ref(tensor), number)
        return number

    def _lazy(self, tensor: torch.Tensor) -> int:
        """A parameter that has no shape yet; it will be looked at anew when it has."""
        self._kinds.append(self._summaries.kinds.of(torch.empty((), dtype=tensor.dtype)).index)
        self._leaves.append(True)
        self.requires_grad.append(tensor.requires_grad)
        self.values.append(NOTHING)
        return len(self._kinds) - 1

    def revalue(self, tensor: torch.Tensor) -> None:
        """Its first numbers came after it: it was empty, or the request gave them."""
        self.values[self.id(tensor)] = self._summaries.of(tensor)

    def has_value(self, number: int) -> bool:
        return self.values[number] >= 0

    def count(self, number: int) -> int:
        """How many elements a tensor has."""
        return self._summaries.kinds.all[self._kinds[number]].count

    def name(self, number: int, name: str) -> None:
        """The program calls it so."""
        names = self._names.setdefault(number, [])
        if name not in names:
            names.append(name)

    def documents(self, summaries: list[Summary | None], ids: Ids) -> list[Tensor]:
        kinds, names, values = self._summaries.kinds.all, self._names, self.values
        follows, leaves = self.requires_grad, self._leaves
        found: list[Tensor] = []
        for number, index in enumerate(self._kinds):
            kind = kinds[index]
            found.append(
                {
                    "id": ids.tensors[number],
                    "shape": kind.shape,
                    "dtype": kind.dtype,
                    "requires_grad": follows[number],
                    "is_leaf": leaves[number],
                    "names": names.get(number) or [],
                    "value": summaries[values[number]],
                }
            )
        return found


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
