"""The events of a run in their order, kept small until they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.recorder.ids import Ids
from app.recorder.oplog import OpLog
from app.recorder.readings import Readings
from app.trace.document import Event, EventKind, Update
from app.trace.table import Table, picked

#: Where the number of the graph begins in the number of a node that ran.
_SHIFT = 32
_MASK = (1 << _SHIFT) - 1

#: A tensor, and the handles of its numbers before and after an event.
Change = tuple[int, int, int]


@dataclass(slots=True)
class Step:
    """An event that is neither a mere op nor the run of a node."""

    kind: EventKind
    line: int | None
    graph: int | None = None
    node: int | None = None
    text: str | None = None
    changes: list[Change] | None = None
    #: Leaves of which an op changed the .grad.
    grads: Sequence[Change] = ()
    #: Where the changes are those of .grad: tensors that hold other numbers now, because the
    #: program gave a .grad a name of its own.
    values: Sequence[Change] = ()
    #: The op that made the changes.
    op: int | None = None


def event_of_node(graph: int, node: int) -> int:
    """The engine ran a node of a graph; those of the nodes of one graph count down."""
    return ~(graph << _SHIFT) - node


class Timeline:
    """Events: a `Step`, the number of an op, or (negative) a node that ran."""

    def __init__(self) -> None:
        self.events: list[int | Step] = []
        #: Tells what the engine did since it was asked last; set while it runs.
        self.catch_up: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self.events)

    def settle(self) -> None:
        """What the engine has done so far comes first."""
        if self.catch_up is not None:
            self.catch_up()

    def add(self, step: Step) -> None:
        self.settle()
        self.events.append(step)

    def forget(self, graph: int) -> None:
        """A backward call never began."""
        self.events = [e for e in self.events if not (isinstance(e, Step) and e.graph == graph)]

    def table(self, ops: OpLog, op_of_node: list[int], readings: Readings, ids: Ids) -> EventTable:
        """The events as the trace tells them, once the run is over."""
        return EventTable(self.events, ops, op_of_node, readings, ids)


class EventTable(Table[Event]):
    """`op_of_node` has each node's op, or -1."""

    def __init__(
        self,
        events: list[int | Step],
        ops: OpLog,
        op_of_node: list[int],
        readings: Readings,
        ids: Ids,
    ) -> None:
        self._events = events
        self._ops = ops.rows
        self._places = ops.places.all
        self._op_of_node = op_of_node
        self._readings = readings
        self._ids = ids

    def __len__(self) -> int:
        return len(self._events)

    def written(self, at: Sequence[int]) -> list[Event]:
        ids = self._ids
        events = picked(self._events, at)
        updates = self._updates([event for event in events if isinstance(event, Step)])
        graph, graph_id = -1, ""
        found: list[Event] = []
        for event in events:
            if isinstance(event, Step):
                found.append(_told(event, updates))
            elif event >= 0:
                found.append({"kind": "op", "line": self._line(event), "op": ids.ops[event]})
            else:
                number = ~event >> _SHIFT
                if number != graph:
                    graph, graph_id = number, f"g{number}"
                node = ~event & _MASK
                line = self._line(self._op_of_node[node])
                found.append(
                    {"kind": "node", "line": line, "graph": graph_id, "node": ids.nodes[node]}
                )
        return found

    def _updates(self, steps: list[Step]) -> Iterator[Update]:
        """The updates of all these steps, one after the other."""
        changes = [
            change
            for step in steps
            for change in (*(step.changes or ()), *step.grads, *step.values)
        ]
        told = self._readings.told([handle for change in changes for handle in change[1:]])
        for change, before, after in zip(changes, told[::2], told[1::2], strict=True):
            yield {"tensor": f"t{change[0]}", "before": before, "after": after}

    def _line(self, op: int) -> int | None:
        return self._places[self._ops[op][1]].line if op >= 0 else None

    def column(self, path: str, at: Sequence[int] | None = None) -> list[Any]:
        if path == "kind":
            events = self._events if at is None else picked(self._events, at)
            return [
                event.kind if type(event) is Step else "op" if event >= 0 else "node"  # type: ignore[operator]
                for event in events
            ]
        if path == "updates.tensor":
            events = self._events if at is None else picked(self._events, at)
            return [_changed(event) if isinstance(event, Step) else None for event in events]
        return super().column(path, at)


def _changed(step: Step) -> list[str] | None:
    """The tensors of its updates."""
    if step.changes is None:
        return None
    return [f"t{change[0]}" for change in (*step.changes, *step.grads)]


def _told(step: Step, updates: Iterator[Update]) -> Event:
    """`updates` are those of its changes, and of what comes after."""
    event: Event = {"kind": step.kind, "line": step.line}
    if step.graph is not None:
        event["graph"] = f"g{step.graph}"
    if step.op is not None:
        event["op"] = f"o{step.op}"
    if step.node is not None:
        event["node"] = f"n{step.node}"
    if step.text is not None:
        event["text"] = step.text
    if step.changes is not None:
        event["updates"] = list(islice(updates, len(step.changes)))
    for update in islice(updates, len(step.grads)):
        event["updates"].append({**update, "grad": True})
    for update in islice(updates, len(step.values)):
        event["updates"].append({**update, "grad": False})
    return event
