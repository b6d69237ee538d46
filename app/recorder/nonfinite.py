"""Where the first NaN or infinity came from, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence

from app.trace.document import NonFinite
from app.trace.graph import Graph, Op, Tensor
from app.trace.table import column

#: So many ops are looked at together.
_STRETCH = 1024


def first_nonfinite(
    ops: Sequence[Op], tensors: Sequence[Tensor], graphs: list[Graph]
) -> NonFinite | None:
    """The first op with such a value, and the first node that sent such a gradient."""
    op, node = _first_op(ops, tensors), _first_node(graphs)
    return None if op is None and node is None else {"value": op, "gradient": node}


def _first_op(ops: Sequence[Op], tensors: Sequence[Tensor]) -> str | None:
    counts = column(tensors, "value.nonfinite")
    bad = set(column(tensors, "id", [at for at, count in enumerate(counts) if count]))
    for start in range(0, len(ops) if bad else 0, _STRETCH):
        stretch = range(start, min(start + _STRETCH, len(ops)))
        for at, made in zip(stretch, column(ops, "outputs", stretch), strict=True):
            if not bad.isdisjoint(made):
                return ops[at]["id"]
    return None


def _first_node(graphs: list[Graph]) -> str | None:
    for graph in graphs:
        edges, nodes = graph["edges"], graph["nodes"]
        sent = column(edges, "gradient.nonfinite")
        bad = set(column(edges, "source", [at for at, count in enumerate(sent) if count]))
        arrived = column(nodes, "upstream.nonfinite")
        at = [at for at, counts in enumerate(arrived) if any(counts)]
        bad.update(column(nodes, "id", at))
        for node in graph["order"] if bad else ():
            if node in bad:
                return node
    return None
