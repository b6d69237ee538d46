"""Where the first NaN or infinity came from, forward and backward."""

from __future__ import annotations

from app.recorder.graphlog import GraphLog
from app.recorder.oplog import OpTable
from app.recorder.readings import Readings
from app.recorder.tensors import TensorTable
from app.trace.document import NonFinite


def first_nonfinite(
    ops: OpTable, tensors: TensorTable, graphs: list[GraphLog], readings: Readings
) -> NonFinite | None:
    """The first op with such a value, and the first node that sent or got such a gradient."""
    bad = set(tensors.nonfinite())
    op = ops.first_that_made(bad) if bad else None
    first = ((graph, graph.first_nonfinite(readings)) for graph in graphs)
    node = next((f"n{graph.numbers[at]}" for graph, at in first if at is not None), None)
    return None if op is None and node is None else {"value": op, "gradient": node}
