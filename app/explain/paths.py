"""The ways along which gradients reached a tensor, and how much each contributed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.explain.program import Program
from app.trace.explanations import Path
from app.trace.graph import Edge, Graph, Node
from app.trace.values import Summary

#: More ways than this between root and tensor are not listed one by one.
MAX_PATHS = 16
#: Longer ways are not followed: the list would not help a reader.
MAX_LENGTH = 200
#: Steps of the search for ways, and nodes that one variable may light up.
MAX_STEPS = 600
MAX_NODES = 250

_Way = tuple[Edge, "_Way"] | None
Vector = npt.NDArray[Any]


@dataclass
class Reach:
    """Everything between the roots of one graph and one tensor."""

    graph: Graph
    node: Node
    edges: list[Edge]
    nodes: list[str]
    paths: list[Path]


def reach(program: Program, tensor: str, graph: Graph | None = None) -> Reach | None:
    """How gradients came to `tensor` in `graph`, or in the last one that has it; or None."""
    graphs = [graph] if graph is not None else reversed(program.trace["graphs"])
    for one in graphs:
        if one["kind"] == "not_run":
            continue
        node = program.arrivals(one).get(tensor)
        if node is not None and node["executed"] and _came(node, tensor):
            return _reach_in(program, one, node, tensor)
    return None


def _came(node: Node, tensor: str) -> bool:
    """Did something arrive for this tensor, and not only for others of the same node?"""
    if tensor not in node["outputs"]:
        return True
    slot = node["outputs"].index(tensor)
    return slot >= len(node["upstream"]) or node["upstream"][slot] is not None


def _reach_in(program: Program, graph: Graph, node: Node, tensor: str) -> Reach:
    into = program.gradients_into(graph)
    end = node["id"]
    slot = node["outputs"].index(tensor) if tensor in node["outputs"] else 0
    edges: list[Edge] = []
    #: The edges that count, by target.
    behind: dict[str, list[Edge]] = {}
    seen = {end: None}
    queue = deque([end])
    while queue and len(seen) < MAX_NODES:
        current = queue.popleft()
        arriving = into.get(current)
        if arriving is None:
            continue
        if current == end:
            arriving = [edge for edge in arriving if edge["output"] == slot]
        behind[current] = arriving
        edges += arriving
        for edge in arriving:
            source = edge["source"]
            if source not in seen:
                seen[source] = None
                queue.append(source)
    found = _paths(program, graph, node, slot, behind)
    return Reach(graph, node, edges, list(reversed(seen)), found)


def _paths(
    program: Program, graph: Graph, node: Node, slot: int, into: dict[str, list[Edge]]
) -> list[Path]:
    ways = _ways(graph, node["id"], into)
    if ways is None:
        ways = [[e] for e in strongest(into.get(node["id"], []))]
    total = flat(node["upstream"][slot]) if slot < len(node["upstream"]) else None
    return [
        {
            "nodes": [w[0]["source"], *(e["target"] for e in w)] if w else [node["id"]],
            "edges": [e["id"] for e in w],
            "share": 1.0 if len(ways) == 1 else _share(contribution(program, graph, w), total),
        }
        for w in ways
    ]


def strongest(edges: list[Edge]) -> list[Edge]:
    """The edges along which the largest gradients came, at most `MAX_PATHS`."""
    if len(edges) <= MAX_PATHS:
        return edges

    def size(edge: Edge) -> float:
        norm = edge["gradient"]["norm"] if edge["gradient"] is not None else None
        return float(norm) if norm is not None else 0.0

    return sorted(edges, key=size, reverse=True)[:MAX_PATHS]


def _ways(graph: Graph, end: str, into: dict[str, list[Edge]]) -> list[list[Edge]] | None:
    """All ways from a root to `end`, or None when they are too many or too long."""
    roots = {r["node"] for r in graph["roots"]}
    found: list[list[Edge]] = []
    # A way is its first edge and the way on from there: copies would cost its length each step.
    stack: list[tuple[str, int, _Way]] = [(end, 0, None)]
    steps = 0
    while stack:
        current, length, way = stack.pop()
        steps += 1
        if length > MAX_LENGTH or len(found) > MAX_PATHS or steps > MAX_STEPS:
            return None
        if current in roots:
            found.append(_unrolled(way))
        for edge in reversed(into.get(current, ())):
            stack.append((edge["source"], length + 1, (edge, way)))
    return found if len(found) <= MAX_PATHS else None


def _unrolled(way: _Way) -> list[Edge]:
    edges: list[Edge] = []
    while way is not None:
        edges.append(way[0])
        way = way[1]
    return edges


def contribution(program: Program, graph: Graph, way: list[Edge]) -> Vector | None:
    """What came along one way: the seed times the product of its local Jacobians.

    A way of one edge is what the edge itself carried.  None where a Jacobian is
    not in the trace.
    """
    if not way:
        return None
    if len(way) == 1:
        return flat(way[0]["gradient"])
    nodes = program.nodes_of(graph)
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
        with np.errstate(all="ignore"):
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
