"""The torch calls of a run as rows, written out when it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from app.recorder.ids import Ids
from app.recorder.places import Place, Places
from app.trace.graph import Op, WhyNotRecorded
from app.trace.table import Table, picked

#: One number, or several: of one no tuple is made.
Few = int | tuple[int, ...]
#: Numbers, texts and None only: Python's collector has nothing to look for in such a tuple.
OpTuple = tuple[
    str, int, int, Few, int, str | None, Few, Few, bool, WhyNotRecorded | None, str | None,
    tuple[int, ...],
]  # fmt: skip


class OpRow(NamedTuple):
    """One op; `OpLog.rows` holds plain tuples of these."""

    name: str
    place: int
    occurrence: int
    #: Of the loops around it.
    iteration: Few
    #: Number of the composite op that called it, or -1.
    parent: int
    module: str | None
    #: Numbers of tensors.
    inputs: Few
    outputs: Few
    recorded: bool
    why_not_recorded: WhyNotRecorded | None
    intervention: str | None
    mutated: tuple[int, ...]

    @property
    def touched(self) -> set[int]:
        """The tensors that went in or came out."""
        return {*several(self.inputs), *several(self.outputs)}


def few(numbers: list[int]) -> Few:
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def several(numbers: Few) -> tuple[int, ...]:
    return (numbers,) if isinstance(numbers, int) else numbers


class OpLog:
    def __init__(self, places: Places) -> None:
        self.places = places
        self.rows: list[OpTuple] = []
        #: The op that made the engine node of a sequence number.
        self.of_sequence: dict[int, int] = {}
        #: The tensors that a node made, by its sequence number and output slot.
        #: A node that is not here made the only output of its op; an empty list: not known.
        self.made: dict[int, list[int | None]] = {}

    def row(self, op: int) -> OpRow:
        return OpRow._make(self.rows[op])

    def claim(self, op: int, sequence: int, end: int) -> None:
        """The nodes from `sequence` on, but for those of calls inside, are of this op."""
        for number in range(sequence, end):
            if number not in self.of_sequence:
                self.of_sequence[number] = op
                self.made.setdefault(number, [])

    def outputs(self, sequence: int, op: int) -> int | tuple[int | None, ...]:
        """The tensor that a node of this op (-1: none) made, or those by output slot.

        Empty where they are not known.
        """
        made = self.made.get(sequence)
        if made is not None:
            return tuple(made)
        if op < 0:
            return ()
        outputs = self.rows[op][7]
        return outputs if isinstance(outputs, int) else outputs[0] if outputs else ()

    def table(self, ids: Ids) -> OpTable:
        """The ops as the trace tells them, once the run is over."""
        return OpTable(self.rows, self.places.all, ids)


class OpTable(Table[Op]):
    def __init__(self, rows: list[OpTuple], places: list[Place], ids: Ids) -> None:
        self._rows = rows
        self._places = places
        self._ids = ids

    def __len__(self) -> int:
        return len(self._rows)

    def written(self, at: Sequence[int]) -> list[Op]:
        places, tensors, ops = self._places, self._ids.tensors, self._ids.ops
        found: list[Op] = []
        for identity, row in zip(picked(ops, at), picked(self._rows, at), strict=True):
            (name, where, occurrence, iteration, parent, module, inputs, outputs, recorded, why,
             intervention, mutated) = row  # fmt: skip
            place = places[where]
            site = place.site.copy()
            site["occurrence"] = occurrence
            op: Op = {
                "id": identity, "name": name, "site": site,
                "parent": ops[parent] if parent >= 0 else None, "module": module,
                "inputs": (
                    [tensors[inputs]] if isinstance(inputs, int) else
                    [tensors[tensor] for tensor in inputs]
                ),
                "outputs": (
                    [tensors[outputs]] if isinstance(outputs, int) else
                    [tensors[tensor] for tensor in outputs]
                ),
                "recorded": recorded, "why_not_recorded": why, "intervention": intervention,
                "expression": place.expression,
            }  # fmt: skip
            if iteration != ():
                op["iteration"] = list(several(iteration))
            if mutated:
                op["mutated"] = [tensors[tensor] for tensor in mutated]
            found.append(op)
        return found

    def first_that_made(self, tensors: Collection[int]) -> str | None:
        """The first op of which one of these is a result."""
        for op, row in enumerate(self._rows):
            outputs = row[7]
            if (
                outputs in tensors
                if isinstance(outputs, int)
                else any(o in tensors for o in outputs)
            ):
                return f"o{op}"
        return None

    def column(self, path: str, at: Sequence[int] | None = None) -> list[Any]:
        rows = self._rows if at is None else picked(self._rows, at)
        tensors, ops = self._ids.tensors, self._ids.ops
        match path:
            case "id":
                return list(ops) if at is None else picked(ops, at)
            case "name":
                return [row[0] for row in rows]
            case "site.line":
                return [self._places[row[1]].line for row in rows]
            case "parent":
                return [ops[row[4]] if row[4] >= 0 else None for row in rows]
            case "inputs":
                return [[tensors[tensor] for tensor in several(row[6])] for row in rows]
            case "outputs":
                return [[tensors[tensor] for tensor in several(row[7])] for row in rows]
            case "recorded":
                return [row[8] for row in rows]
            case "why_not_recorded":
                return [row[9] for row in rows]
            case "mutated":
                return [[tensors[tensor] for tensor in row[11]] for row in rows]
        return super().column(path, at)
