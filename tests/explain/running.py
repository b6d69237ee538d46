"""Run a snippet through the recorder and have it explained."""

from __future__ import annotations

from app.explain import annotate
from app.recorder import record
from app.trace import Trace, TraceRequest


def explained(code: str) -> Trace:
    trace = record(TraceRequest(code=code))
    annotate(trace, code)
    return trace


def hint_codes(trace: Trace) -> list[str]:
    return [h["diagnosis"]["code"] for h in trace.get("hints", [])]
