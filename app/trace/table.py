"""Long sections of a trace, written entry by entry when somebody reads them.

A section is a list of dictionaries, as everywhere, or a `Table`: what a run
recorded, in a fraction of the memory.  `column` reads one field of either
without making the others.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, cast, overload

from app.trace.document import Trace

Row = TypeVar("Row")
Value = TypeVar("Value")

#: Entries that are written together: few enough to stay in the processor's cache.
STRETCH = 64


class Table(Sequence[Row]):
    """Reads like the list of its entries, each made anew whenever it is asked for."""

    __slots__ = ()

    @abstractmethod
    def written(self, at: Sequence[int]) -> list[Row]:
        """The entries at these positions, in this order."""

    def column(self, path: str, at: Sequence[int] | None = None) -> list[Any]:
        """See `column`."""
        positions = range(len(self)) if at is None else at
        return [_field(row, path) for some in self.stretches(positions) for row in some]

    def stretches(self, positions: Sequence[int] | None = None) -> Iterator[list[Row]]:
        """The entries at these positions (all of them), some at a time."""
        if positions is None:
            positions = range(len(self))
        for start in range(0, len(positions), STRETCH):
            yield self.written(positions[start : start + STRETCH])

    def __iter__(self) -> Iterator[Row]:
        for some in self.stretches():
            yield from some

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        positions = range(len(self))
        if isinstance(index, slice):
            return self.written(positions[index])
        at = positions[index]
        return self.written(range(at, at + 1))[0]


def column(
    rows: list[Any] | Table[Any] | Sequence[Any], path: str, at: Sequence[int] | None = None
) -> list[Any]:
    """One field of every entry (of those `at` these positions), None where it is missing.

    A path with a dot goes on into what the field holds, into each where it is
    a list: `updates.tensor` gives a list of tensors an entry.
    """
    if not isinstance(rows, list):
        return cast("Table[Any]", rows).column(path, at)
    chosen = rows if at is None else [rows[position] for position in at]
    if "." in path:
        return [_field(row, path) for row in chosen]
    return [row.get(path) for row in chosen]


def picked(values: list[Value], at: Sequence[int]) -> list[Value]:
    """The values at some positions; a stretch of them is cut out in one piece."""
    if isinstance(at, range) and at.step == 1:
        return values[at.start : at.stop]
    return [values[position] for position in at]


def entries(trace: Trace) -> int:
    """How many there are in all long sections."""
    graphs = sum(len(graph["nodes"]) + len(graph["edges"]) for graph in trace["graphs"])
    return len(trace["tensors"]) + len(trace["ops"]) + len(trace["timeline"]) + graphs


def whole(trace: Trace) -> Trace:
    """The same trace with lists in place of its tables."""
    for part in (trace, *trace["graphs"]):
        fields = cast("dict[str, Any]", part)
        fields.update({name: list(v) for name, v in fields.items() if isinstance(v, Table)})
    return trace


def _field(row: Any, path: str) -> Any:
    name, dot, rest = path.partition(".")
    value = row.get(name)
    if not dot or value is None:
        return value
    if isinstance(value, list):
        return [None if item is None else _field(item, rest) for item in value]
    return _field(value, rest)
