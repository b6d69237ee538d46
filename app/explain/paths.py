"""The ways along which gradients reached a tensor, and how much each contributed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.explain.program import Program
from app.trace.document import Edge, Graph, Node, Path, Summary

#: More ways than this between root and tensor are not listed one by one.
MAX_PATHS = 16
#: Longer ways are not followed: the list would not help a reader.
MAX_LENGTH = 200

Vector = npt.NDArray[Any]


@dataclass
class Reach:
    """Everything between the roots of one graph and one tensor."""

    graph: Graph
    node: Node
    edges: list[Edge]
    nodes: list[str]
    paths: list[Path]


def node_of(graph: Graph, tensor: str) -> Node | None:
    """The node to which gradients of `tensor` arrive: its AccumulateGrad or its grad_fn."""
    for node in graph["nodes"]:
        if node.get("tensor") == tensor:
            return node
    return next((n for n in graph["nodes"] if tensor in n["outputs"]), None)


def reach(program: Program, tensor: str) -> Reach | None:
    """How gradients came to `tensor` in the last graph that has it, or None."""
    for graph in reversed(program.trace["graphs"]):
        if graph["kind"] == "not_run":
            continue
        node = node_of(graph, tensor)
        if node is not None and node["executed"]:
            return _reach_in(graph, node, tensor)
    return None


def _reach_in(graph: Graph, node: Node, tensor: str) -> Reach:
    into: dict[str, list[Edge]] = {}
    for edge in graph["edges"]:
        if edge["gradient"] is not None:
            into.setdefault(edge["target"], []).append(edge)
    edges: list[Edge] = []
    seen = {node["id"]}
    queue = deque([node["id"]])
    slot = node["outputs"].index(tensor) if tensor in node["outputs"] else 0
    while queue:
        current = queue.popleft()
        for edge in into.get(current, []):
            if current == node["id"] and edge["output"] != slot:
                continue
            edges.append(edge)
            if edge["source"] not in seen:
                seen.add(edge["source"])
                queue.append(edge["source"])
    found = _paths(graph, node, slot, edges)
    order = {n: i for i, n in enumerate(graph["order"])}
    nodes = sorted(seen, key=lambda n: order.get(n, len(order)))
    return Reach(graph, node, edges, nodes, found)


def _paths(graph: Graph, node: Node, slot: int, edges: list[Edge]) -> list[Path]:
    into: dict[str, list[Edge]] = {}
    for edge in edges:
        into.setdefault(edge["target"], []).append(edge)
    ways = _ways(graph, node["id"], into)
    if ways is None:
        ways = [[e] for e in into.get(node["id"], [])]
    total = flat(node["upstream"][slot]) if slot < len(node["upstream"]) else None
    by_id = {n["id"]: n for n in graph["nodes"]}
    return [
        {
            "nodes": [w[0]["source"], *(e["target"] for e in w)] if w else [node["id"]],
            "edges": [e["id"] for e in w],
            "share": _share(contribution(graph, by_id, w), total),
        }
        for w in ways
    ]


def _ways(graph: Graph, end: str, into: dict[str, list[Edge]]) -> list[list[Edge]] | None:
    """All ways from a root to `end`, or None when they are too many or too long."""
    roots = {r["node"] for r in graph["roots"]}
    found: list[list[Edge]] = []
    stack: list[tuple[str, list[Edge]]] = [(end, [])]
    steps = 0
    while stack:
        current, way = stack.pop()
        steps += 1
        if len(way) > MAX_LENGTH or len(found) > MAX_PATHS or steps > 5000:
            return None
        if current in roots:
            found.append(way)
        for edge in reversed(into.get(current, [])):
            stack.append((edge["source"], [edge, *way]))
    return found if len(found) <= MAX_PATHS else None


def contribution(graph: Graph, nodes: dict[str, Node], way: list[Edge]) -> Vector | None:
    """What came along one way: the seed times the product of its local Jacobians.

    A way of one edge is what the edge itself carried.  None where a Jacobian is
    not in the trace.
    """
    if not way:
        return None
    if len(way) == 1:
        return flat(way[0]["gradient"])
    first = nodes[way[0]["source"]]
    seeds = [r for r in graph["roots"] if r["node"] == first["id"]]
    if len(seeds) != 1:
        return None
    vector, slot = flat(seeds[0]["gradient"]), seeds[0]["output"]
    for edge in way:
        jacobians = nodes[edge["source"]]["jacobians"] or []
        data = next(
            (j["data"] for j in jacobians if (j["input"], j["output"]) == (edge["input"], slot)),
            None,
        )
        if data is None or vector is None:
            return None
        matrix = np.array(numbers(data))
        if matrix.ndim != 2 or matrix.shape[0] != vector.size:
            return None
        vector, slot = vector @ matrix, edge["output"]
    return vector


def _share(part: Vector | None, total: Vector | None) -> float | None:
    """<part, total> / <total, total>: signed, and the shares of all ways add up to 1."""
    if part is None or total is None or part.shape != total.shape:
        return None
    scale = float(np.real(np.vdot(total, total)))
    if not np.isfinite(scale) or scale == 0 or not np.all(np.isfinite(part)):
        return None
    return float(np.real(np.vdot(total, part))) / scale


def flat(summary: Summary | None) -> Vector | None:
    """A summary's numbers as one row, or None where it holds no numbers."""
    if summary is None or summary["data"] is None:
        return None
    values = np.array(numbers(summary["data"]))
    if summary["dtype"].removeprefix("torch.").startswith("complex"):
        values = values.reshape(-1, 2) @ np.array([1, 1j])
    return values.reshape(-1)


def numbers(data: Any) -> Any:
    """Nested lists with 'NaN' and 'Infinity' as floats."""
    if isinstance(data, list):
        return [numbers(item) for item in data]
    return float(data)
