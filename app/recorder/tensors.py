"""Which tensor is which: a number for every tensor object that the run touches."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain, islice
from typing import Any

import torch
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from app.recorder.aliases import Aliases, memory
from app.recorder.ids import Ids
from app.recorder.kinds import Kind
from app.recorder.readings import Readings
from app.recorder.summaries import NOTHING, Summaries
from app.trace.graph import Tensor
from app.trace.table import Table, picked

#: A few tenths of a second of reading.
_REREAD_ELEMENTS = 50_000_000
#: Number of the kind, is it a leaf, does it require grad, handle of its first value.
_Row = tuple[int, bool, bool, int]
#: Built once: a union of types is made anew wherever it is written.
CONTAINERS = (list, tuple, dict)
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
        #: One row a tensor, so that a program stopped in between leaves no half of one.
        self._rows: list[_Row] = []
        #: What the program calls them, in the order in which it is told, looked through once.
        self.names: list[Iterable[tuple[int, str]]] = []
        #: Gradients without a name of which a write was told with their leaf only.
        self.untold: set[int] = set()
        #: Handles of the numbers that ops wrote into them since.
        self._present: dict[int, int] = {}
        #: Elements that were read again because something was written.
        self._reread = 0
        #: Addresses of memory that was written to, and how many tensors there were then.
        self._written: dict[int, int] = {}
        self.aliases = Aliases()
        #: What the program gave names to: scope, name, tensor, and how many events there were.
        self.bindings: list[tuple[str | None, str, int, int]] = []
        #: The tensors among those, and how many of them have been looked at.
        self._bound: set[int] = set()
        self._looked = 0
        #: The program can write to memory unseen.
        self.shared = False

    def __len__(self) -> int:
        return len(self._rows)

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

    def is_bound(self, number: int) -> bool:
        """Has the program given it a name?"""
        self._bound.update(one[2] for one in islice(self.bindings, self._looked, None))
        self._looked = len(self.bindings)
        return number in self._bound

    def add(self, tensor: torch.Tensor, with_value: bool = True) -> int:
        """A new number: for a new tensor, or for one that an in-place op made another."""
        if type(tensor) in _LAZY:
            return self._lazy(tensor)
        kind = self._summaries.kinds.of(tensor)
        value = self._summaries.of(tensor, kind) if with_value else NOTHING
        number = len(self._rows)
        try:
            leaf = tensor.is_leaf
        except RuntimeError:  # see `history`
            leaf = False
        self._rows.append((kind.index, leaf, tensor.requires_grad, value))
        self.by_address[id(tensor)] = (weakref.ref(tensor), number)
        return number

    def _lazy(self, tensor: torch.Tensor) -> int:
        """A parameter that has no shape yet; it will be looked at anew when it has."""
        kind = self._summaries.kinds.of(torch.empty((), dtype=tensor.dtype))
        self._rows.append((kind.index, True, tensor.requires_grad, NOTHING))
        return len(self._rows) - 1

    def revalue(self, tensor: torch.Tensor) -> None:
        """Its first numbers came after it: it was empty, or the request gave them."""
        number = self.id(tensor)
        self._set_value(number, self._summaries.of(tensor))

    def reshaped(self, tensor: torch.Tensor, number: int) -> bool:
        """Has it another shape now (`resize_`, `t_`, `unsqueeze_`, `x.data = y`)?"""
        return self._rows[number][0] != self._summaries.kinds.of(tensor).index

    def reshape(self, tensor: torch.Tensor, number: int) -> None:
        """It is told with the shape that it has now."""
        self._rows[number] = (self._summaries.kinds.of(tensor).index, *self._rows[number][1:])

    def follow(self, tensor: torch.Tensor) -> None:
        """The program has set its requires_grad."""
        number = self.id(tensor)
        kind, leaf, _, value = self._rows[number]
        self._rows[number] = (kind, leaf, tensor.requires_grad, value)

    def changed(
        self, tensor: torch.Tensor, number: int, before: int | None = None
    ) -> tuple[int, int, int]:
        """Something wrote into it: its number, the handles of its numbers before and after."""
        if before is None:
            before = self._present.get(number, self.value(number))
        after = self._present[number] = self._after_write(tensor)
        return (number, before, after)

    def renewed(self, tensor: torch.Tensor) -> int:
        """An op that autograd recorded wrote into it: the number of the tensor that it is now."""
        number = self.add(tensor, with_value=False)
        self._set_value(number, self._after_write(tensor))
        return number

    def _after_write(self, tensor: torch.Tensor) -> int:
        """A large tensor that is filled element by element is not read each time."""
        self._reread += tensor.numel()
        if self._reread > _REREAD_ELEMENTS:
            return self._summaries.leave_out()
        return self._summaries.of(tensor)

    def written(self, tensor: torch.Tensor) -> None:
        """Something wrote into the memory of this tensor, and so of its views."""
        address = memory(tensor)
        if address is not None:
            self._written[address] = len(self._rows)

    def present(self, tensor: torch.Tensor) -> int:
        """The handle of its numbers as they are now; `NOTHING` if they are told as its first."""
        if not self.shared:
            address = memory(tensor)
            written = self._written.get(address) if address is not None else None
            number = self.id(tensor)
            # What came after the last write there was read as it is, if it was not left out.
            if self.value(number) >= 0 and (written is None or number >= written):
                return NOTHING
        return self._summaries.of(tensor)

    def known_of(self, number: int) -> tuple[Kind, bool, int]:
        """The kind of a tensor, does it require grad, and the handle of its first value."""
        kind, _, requires_grad, value = self._rows[number]
        return self._summaries.kinds.all[kind], requires_grad, value

    def last_present(self, number: int) -> int:
        """The handle of its numbers after the last write that was told of it; `NOTHING` if none."""
        return self._present.get(number, NOTHING)

    def _set_value(self, number: int, value: int) -> None:
        self._rows[number] = (*self._rows[number][:3], value)

    def value(self, number: int) -> int:
        """The handle of its first value."""
        return self._rows[number][3]

    def larger(self, entries: Sequence[Any], elements: int) -> list[int]:
        """Which of the entries is not one tensor, or one of more elements than so many."""
        large = {kind.index for kind in self._summaries.kinds.all if kind.count > elements}
        rows = self._rows
        return [
            index
            for index, number in enumerate(entries)
            if type(number) is not int or (large and rows[number][0] in large)
        ]

    def table(self, readings: Readings, ids: Ids) -> TensorTable:
        """The tensors as the trace tells them, once the run is over."""
        return TensorTable(self._rows, self.names, self._summaries.kinds.all, readings, ids)


class TensorTable(Table[Tensor]):
    def __init__(
        self,
        rows: list[_Row],
        named: list[Iterable[tuple[int, str]]],
        kinds: list[Kind],
        readings: Readings,
        ids: Ids,
    ) -> None:
        self._rows = rows
        self._named = named
        self._kinds = kinds
        self._readings = readings
        self._ids = ids

    @cached_property
    def _names(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for number, name in chain.from_iterable(self._named):
            names = found.setdefault(number, [])
            if name not in names:
                names.append(name)
        return found

    def __len__(self) -> int:
        return len(self._rows)

    def written(self, at: Sequence[int]) -> list[Tensor]:
        rows = picked(self._rows, at)
        values = self._readings.told([row[3] for row in rows])
        kinds, names, ids = self._kinds, self._names, self._ids.tensors
        found: list[Tensor] = []
        for number, (index, leaf, requires_grad, _), value in zip(at, rows, values, strict=True):
            kind = kinds[index]
            tensor: Tensor = {
                "id": ids[number], "shape": kind.shape, "dtype": kind.dtype,
                "requires_grad": requires_grad, "is_leaf": leaf,
                "names": names.get(number) or [], "value": value,
            }  # fmt: skip
            found.append(tensor)
        return found

    def nonfinite(self) -> list[int]:
        """Those with a value that is not finite."""
        return self._readings.bad([row[3] for row in self._rows])

    def column(self, path: str, at: Sequence[int] | None = None) -> list[Any]:
        numbers = range(len(self)) if at is None else at
        match path:
            case "id":
                return picked(self._ids.tensors, numbers)
            case "names":
                return [self._names.get(number) or [] for number in numbers]
            case "is_leaf":
                return [self._rows[number][1] for number in numbers]
            case "requires_grad":
                return [self._rows[number][2] for number in numbers]
            case "value.nonfinite":
                return self._readings.nonfinite([self._rows[number][3] for number in numbers])
        return super().column(path, at)


def tensors_in(value: Any, depth: int = 4) -> list[torch.Tensor]:
    """The tensors in an argument or result: itself, or inside lists, tuples and dicts."""
    if isinstance(value, torch.Tensor):
        return [value]
    found: list[torch.Tensor] = []
    if depth and isinstance(value, CONTAINERS):
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, torch.Tensor):
                found.append(item)
            elif isinstance(item, CONTAINERS):
                found += tensors_in(item, depth - 1)
    return found
