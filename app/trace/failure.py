"""The trace of a run that left none: it was killed, crashed, or answered nonsense."""

from __future__ import annotations

import platform
from importlib.metadata import version

from app.trace.document import SCHEMA_VERSION, ErrorKind, Trace


def failed(kind: ErrorKind, type: str, message: str, *, seed: int, milliseconds: float) -> Trace:
    """Empty but for `error`; `milliseconds` is how long the run was given."""
    return {
        "schema_version": SCHEMA_VERSION,
        "runtime": {
            "python": platform.python_version(),
            "torch": version("torch"),
            "seed": seed,
            "elapsed_ms": {"total": round(milliseconds, 3)},
        },
        "stdout": "",
        "stdout_truncated": False,
        "warnings": [],
        "error": {"kind": kind, "type": type, "message": message, "line": None, "diagnosis": None},
        "tensors": [],
        "ops": [],
        "graphs": [],
        "timeline": [],
        "variables": [],
        "omitted": {},
    }
