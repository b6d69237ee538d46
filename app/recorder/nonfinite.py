"""Where the first NaN or infinity came from, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence

from app.trace.document import NonFinite
from app.trace.graph import Graph, Op, Tensor
from app.trace.table import column


def first_nonfinite(
    ops: Sequence[Op], tensors: Sequence[Tensor], graphs: list[Graph]
) -> NonFinite | None:
    """The first op with such a value, and the first node that sent such a gradient."""
    values = zip(column(tensors, "id"), column(tensors, "value.nonfinite"), strict=True)
    bad = {tensor for tensor, count in values if count}
    outputs = column(ops, "outputs")
    at = next((at for at, made in enumerate(outputs) if not bad.isdisjoint(made)), None)
    op = ops[at]["id"] if at is not None else None
    node = _first_node(graphs)
    return None if op is None and node is None else {"value": op, "gradient": node}


def _first_node(graphs: list[Graph]) -> str | None:
    for graph in graphs:
        edges, nodes = graph["edges"], graph["nodes"]
        sent = zip(column(edges, "source"), column(edges, "gradient.nonfinite"), strict=True)
        bad = {source for source, count in sent if count}
        arrived = zip(column(nodes, "id"), column(nodes, "upstream.nonfinite"), strict=True)
        bad.update(node for node, counts in arrived if any(counts))
        for node in graph["order"]:
            if node in bad:
                return node
    return None
