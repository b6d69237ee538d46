"""What every drawn export shows: boxes and arrows, taken from one graph of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.trace.document import Trace
from app.trace.graph import Graph, Op, Tensor
from app.trace.values import Summary

#: More of them would bury the graph beside which they stand.
_MOST_GHOSTS = 100


@dataclass(frozen=True, slots=True)
class Box:
    id: str
    #: The expression or the leaf's name.
    title: str
    #: The engine's name of the node.
    engine: str
    kind: Literal["node", "leaf", "ghost"]
    #: The gradient that arrived, or the reason why the op was not recorded.
    note: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """Runs the way gradients run."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    boxes: list[Box]
    arrows: list[Arrow]


class NothingToDrawError(ValueError):
    """The trace has no graph, or not the one that was asked for."""


def picture(trace: Trace, graph_id: str | None = None) -> Picture:
    """The graph with this id, or the last one; raises `NothingToDrawError`."""
    graphs = trace["graphs"]
    chosen = next((g for g in graphs if g["id"] == graph_id), None) if graph_id else None
    if chosen is None:
        if graph_id or not graphs:
            raise NothingToDrawError(_missing(trace, graph_id))
        chosen = graphs[-1]
    return _drawn(trace, chosen)


def _missing(trace: Trace, graph_id: str | None) -> str:
    known = ", ".join(graph["id"] for graph in trace["graphs"][:20])
    if known:
        return f"This trace has no graph {graph_id!r}; it has {known}."
    error = trace["error"]
    if error is None:
        return "This trace has no graph: nothing required grad."
    line = f" on line {error['line']}" if error["line"] is not None else ""
    return f"This trace has no graph: the program stopped{line} ({error['type']})."


def numbers(summary: Summary | None, most: int = 6) -> str:
    """A gradient in a few characters: its numbers where few, else shape and norm."""
    if summary is None:
        return ""
    flat = _flatten(summary["data"])
    if summary["data"] is not None and len(flat) <= most:
        return "[" + ", ".join(_number(x) for x in flat) + "]"
    shape = "x".join(map(str, summary["shape"])) or "scalar"
    return f"{shape}, norm {_number(summary['norm'])}"


def _flatten(data: object) -> list[object]:
    """The numbers of nested lists; a complex number [re, im] counts as two."""
    return [x for part in data for x in _flatten(part)] if isinstance(data, list) else [data]


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)


def _drawn(trace: Trace, graph: Graph) -> Picture:
    ops = {op["id"]: op for op in trace["ops"]}
    tensors = {tensor["id"]: tensor for tensor in trace["tensors"]}
    boxes = []
    for node in graph["nodes"]:
        leaf = tensors.get(node.get("tensor") or "")
        title = _leaf_name(leaf) if leaf else _expression(ops.get(node["op"] or ""), node["name"])
        upstream = next((s for s in node["upstream"] if s is not None), None)
        kind: Literal["leaf", "node"] = "leaf" if node["name"] == "AccumulateGrad" else "node"
        boxes.append(Box(node["id"], title, node["name"], kind, numbers(upstream)))
    arrows = [
        Arrow(edge["source"], edge["target"], numbers(edge["gradient"])) for edge in graph["edges"]
    ]
    ghosts = _ghosts(trace, graph)
    for op in ghosts[:_MOST_GHOSTS]:
        reason = str(op["why_not_recorded"]).replace("_", " ")
        boxes.append(Box(op["id"], _expression(op, op["name"]), op["name"], "ghost", reason))
    if len(ghosts) > _MOST_GHOSTS:
        rest = f"and {len(ghosts) - _MOST_GHOSTS:,} more"
        boxes.append(Box("rest", rest, "", "ghost", "not recorded"))
    calls = {"backward": "backward()", "grad": "autograd.grad()", "not_run": "not run"}
    line = f" on line {graph['site']['line']}" if graph["site"] else ""
    return Picture(f"{calls[graph['kind']]}{line}", boxes, arrows)


def _ghosts(trace: Trace, graph: Graph) -> list[Op]:
    """The ops that stand beside a graph because they were not recorded.

    Of several backward calls each has those that ran after it began and before the next
    did, as on the page; what ran before all of them belongs to the first.
    """
    ghosts = [
        op
        for op in trace["ops"]
        if not op["recorded"] and op["why_not_recorded"] not in (None, "not_differentiable")
    ]
    begun = [event["graph"] for event in trace["timeline"] if event["kind"] == "backward"]
    if len(begun) < 2 or graph["id"] not in begun:
        return ghosts
    now = begun[0]
    call: dict[str, str] = {}
    for event in trace["timeline"]:
        if event["kind"] == "backward":
            now = event["graph"]
        elif event["kind"] == "op":
            call[event["op"]] = now
    for op in trace["ops"]:  # calls inside of another are not on the timeline
        call.setdefault(op["id"], call.get(op["parent"] or "", begun[0]))
    return [op for op in ghosts if call[op["id"]] == graph["id"]]


def _expression(op: Op | None, fallback: str) -> str:
    return (op.get("expression") if op else None) or (op["name"] if op else fallback)


def _leaf_name(tensor: Tensor) -> str:
    return " = ".join(tensor["names"]) or tensor["id"]
