"""The ways along which gradients reached a tensor, and how much each contributed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.explain.extents import MAX_NODES, MAX_PATHS, Extents
from app.explain.indices import GraphIndex
from app.explain.program import Program
from app.trace.explanations import Path
from app.trace.graph import Graph
from app.trace.table import column
from app.trace.values import Summary

#: A way as its first edge (by position) and the way on from there.
_Way = tuple[int, "_Way"] | None
Vector = npt.NDArray[Any]


@dataclass(frozen=True)
class Arrival:
    """Where in a graph the gradients of one tensor came in."""

    index: GraphIndex
    node: str
    slot: int
    #: Positions of the edges that brought them.
    edges: list[int]

    @property
    def graph(self) -> Graph:
        return self.index.graph


@dataclass(frozen=True)
class Reach:
    """Everything between the roots of one graph and one tensor."""

    edges: list[str]
    nodes: list[str]
    paths: list[Path]


def arrival(program: Program, tensor: str, graph: Graph | None = None) -> Arrival | None:
    """Where gradients came to `tensor` in `graph`, or in the last one that has it; or None."""
    graphs = [graph] if graph is not None else reversed(program.trace["graphs"])
    for one in graphs:
        if one["kind"] == "not_run":
            continue
        index = program.index(one)
        node = index.arrivals.get(tensor)
        if node is None or not index.field(node, "executed"):
            continue
        outputs = index.field(node, "outputs")
        slot = outputs.index(tensor) if tensor in outputs else None
        if slot is not None:  # something may have come for others of the same node only
            arrived = index.field(node, "upstream.nonfinite")
            told = any(count is not None for count in arrived)  # or the numbers were left out
            if told and slot < len(arrived) and arrived[slot] is None:
                continue
        slot = slot or 0
        came = index.came.get(node, [])
        return Arrival(index, node, slot, [at for at in came if index.slots[at] == slot])
    return None


def reach(extents: Extents, to: Arrival) -> Reach:
    """The nodes (nearest to the roots first) and edges behind an arrival, and the ways."""
    index = to.index
    came, sources = index.came, index.sources
    edges = list(to.edges)
    seen = dict.fromkeys([to.node, *(sources[at] for at in edges)])
    queue = deque(list(seen)[1:])
    while queue and len(seen) < MAX_NODES:
        arriving = came.get(queue.popleft(), ())
        edges += arriving
        for at in arriving:
            source = sources[at]
            if source not in seen:
                seen[source] = None
                queue.append(source)
    names = [index.edges[at] for at in edges]
    return Reach(names, list(reversed(seen)), _paths(extents, to))


def _paths(extents: Extents, to: Arrival) -> list[Path]:
    index = to.index
    if extents.ways(to.node, to.edges) is not None:
        ways = _ways(extents, to)
    else:
        ways = [[at] for at in strongest(index, to.edges)]
    upstream = index.nodes[to.node]["upstream"] if len(ways) > 1 else []
    total = flat(upstream[to.slot]) if to.slot < len(upstream) else None
    return [
        {
            "nodes": [*(index.sources[at] for at in way), to.node],
            "edges": [index.edges[at] for at in way],
            "share": 1.0 if len(ways) == 1 else _share(contribution(index, way), total),
        }
        for way in ways
    ]


def strongest(index: GraphIndex, edges: list[int]) -> list[int]:
    """The edges along which the largest gradients came, at most `MAX_PATHS`."""
    if len(edges) <= MAX_PATHS:
        return edges
    norms = column(index.graph["edges"], "gradient.norm", edges)
    sizes = {
        at: float(norm) if norm is not None else 0.0 for at, norm in zip(edges, norms, strict=True)
    }
    return sorted(edges, key=sizes.__getitem__, reverse=True)[:MAX_PATHS]


def _ways(extents: Extents, to: Arrival) -> list[list[int]]:
    """All ways from a root to an arrival, of which there are few enough."""
    index = to.index
    found: list[list[int]] = []
    # A way is its first edge and the way on from there: copies would cost its length each step.
    stack: list[tuple[str, _Way]] = [(to.node, None)]
    while stack:
        current, way = stack.pop()
        if current in extents.roots:
            found.append(_unrolled(way))
        arriving = to.edges if way is None else index.came.get(current, [])
        for at in reversed(arriving):
            stack.append((index.sources[at], (at, way)))
    return found


def _unrolled(way: _Way) -> list[int]:
    edges: list[int] = []
    while way is not None:
        edges.append(way[0])
        way = way[1]
    return edges


def contribution(index: GraphIndex, way: list[int]) -> Vector | None:
    """What came along one way: the seed times the product of its local Jacobians.

    A way of one edge is what the edge itself carried.  None where a Jacobian is
    not in the trace.
    """
    if not way:
        return None
    edges = [index.graph["edges"][at] for at in way]
    if len(way) == 1:
        return flat(edges[0]["gradient"])
    first = edges[0]["source"]
    seeds = [r for r in index.graph["roots"] if r["node"] == first]
    if len(seeds) != 1:
        return None
    vector, slot = flat(seeds[0]["gradient"]), seeds[0]["output"]
    for edge in edges:
        jacobians = index.nodes[edge["source"]]["jacobians"] or []
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
