"""How much of a run a trace holds.  What is cut is counted in `omitted`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    #: Tensors up to this many elements carry all their numbers.
    value_elements: int = 64
    ops: int = 250_000
    graphs: int = 200
    #: Nodes over all graphs together.
    nodes: int = 250_000
    stdout_chars: int = 100_000
    #: Bytes of the encoded trace; summaries are dropped first, then graphs.
    trace_bytes: int = 64 * 1024 * 1024
    #: Elements on a side of a local Jacobian.
    jacobian_side: int = 64
    #: Graphs up to this many nodes get Jacobians without being asked.
    jacobian_nodes: int = 60


DEFAULT_LIMITS = Limits()
