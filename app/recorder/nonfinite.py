"""Where the first NaN or infinity came from, forward and backward."""

from __future__ import annotations

from app.trace.document import NonFinite
from app.trace.graph import Graph, Op, Tensor
from app.trace.values import Summary


def first_nonfinite(ops: list[Op], tensors: list[Tensor], graphs: list[Graph]) -> NonFinite | None:
    """The first op with such a value, and the first node that sent such a gradient."""
    values = {tensor["id"]: tensor["value"] for tensor in tensors}
    op = next((op["id"] for op in ops if any(_bad(values[out]) for out in op["outputs"])), None)
    node = _first_node(graphs)
    return None if op is None and node is None else {"value": op, "gradient": node}


def _first_node(graphs: list[Graph]) -> str | None:
    for graph in graphs:
        sources = {
            edge["source"]
            for edge in graph["edges"]
            if (gradient := edge["gradient"]) is not None and gradient["nonfinite"]
        }
        arrived = {node["id"] for node in graph["nodes"] if any(map(_bad, node["upstream"]))}
        for node in graph["order"]:
            if node in sources or node in arrived:
                return node
    return None


def _bad(summary: Summary | None) -> bool:
    return summary is not None and summary["nonfinite"] > 0
