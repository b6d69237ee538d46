"""One program from request to bytes: record, explain, encode once."""

from __future__ import annotations

from app.explain import annotate
from app.recorder import record
from app.trace import DEFAULT_LIMITS, Limits, TraceRequest, encode


def evaluate(request: TraceRequest, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The trace of `request` as JSON; a program that fails makes a trace with `error`."""
    trace = record(request, limits)
    annotate(trace, request.code)
    return encode(trace)
