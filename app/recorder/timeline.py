"""The events of a run in their order, kept small until they are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.recorder.ids import Ids
from app.recorder.oplog import OpLog
from app.trace.document import Event, EventKind, Update
from app.trace.values import Summary

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
    grads: list[Change] | None = None
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

    def documents(
        self, ops: OpLog, op_of_node: list[int], summaries: list[Summary | None], ids: Ids
    ) -> list[Event]:
        """`op_of_node` has each node's op, or -1."""
        lines = [place.line for place in ops.places.all]
        line_of = [lines[row[1]] for row in ops.rows]
        graph, graph_id = -1, ""
        found: list[Event] = []
        for event in self.events:
            if isinstance(event, Step):
                found.append(_told(event, summaries))
            elif event >= 0:
                found.append({"kind": "op", "line": line_of[event], "op": ids.ops[event]})
            else:
                node = ~event & _MASK
                if ~event >> _SHIFT != graph:
                    graph = ~event >> _SHIFT
                    graph_id = f"g{graph}"
                op = op_of_node[node]
                found.append(
                    {
                        "kind": "node",
                        "line": line_of[op] if op >= 0 else None,
                        "graph": graph_id,
                        "node": ids.nodes[node],
                    }
                )
        self.events.clear()
        return found


def _told(step: Step, summaries: list[Summary | None]) -> Event:
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
        event["updates"] = [_update(change, summaries) for change in step.changes]
    for change in step.grads or ():
        event["updates"].append({**_update(change, summaries), "grad": True})
    return event


def _update(change: Change, summaries: list[Summary | None]) -> Update:
    tensor, before, after = change
    return {"tensor": f"t{tensor}", "before": summaries[before], "after": summaries[after]}
