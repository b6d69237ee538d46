"""One program from request to bytes: record, explain, encode once."""

from __future__ import annotations

from collections.abc import Callable

from app.explain import annotate
from app.recorder import recording
from app.trace import DEFAULT_LIMITS, Limits, Trace, TraceRequest, drain
from app.trace.progress import Progress


def evaluate(
    request: TraceRequest,
    limits: Limits = DEFAULT_LIMITS,
    *,
    progress: Callable[[Progress], None] | None = None,
    amend: Callable[[Trace], None] | None = None,
) -> bytes:
    """The trace of `request` as JSON; a program that fails makes a trace with `error`.

    `progress` is called now and then while the program runs, `amend`
    once it is over and before the trace is explained.
    """
    with recording(request, limits, progress=progress) as trace:
        if amend is not None:
            amend(trace)
        annotate(trace, request.code)
        # Nothing is left of the trace for Python's collector to look through.
        return drain(trace)
