"""One program from request to bytes: record, explain, encode as it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.explain import annotate
from app.recorder import recording
from app.trace import DEFAULT_LIMITS, Limits, Trace, TraceRequest, stream
from app.trace.progress import Progress


def evaluate(
    request: TraceRequest,
    limits: Limits = DEFAULT_LIMITS,
    *,
    progress: Callable[[Progress], None] | None = None,
    amend: Callable[[Trace], None] | None = None,
) -> Iterator[bytes]:
    """The trace of `request` as JSON, part by part; a program that fails makes one with `error`.

    The program has run, and is explained, when the first part is there.
    `progress` is called now and then while it runs, `amend` once it is over
    and before the trace is explained.
    """
    with recording(request, limits, progress=progress) as trace:
        if amend is not None:
            amend(trace)
        annotate(trace, request.code)
        yield from stream(trace)
