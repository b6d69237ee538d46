"""The document that everything exchanges.  Imports nothing else of ours."""

from app.trace.codec import PART, encode, stream, validate
from app.trace.document import SCHEMA_VERSION, Trace
from app.trace.limits import DEFAULT_LIMITS, Limits
from app.trace.request import Input, Intervention, TraceRequest

__all__ = [
    "DEFAULT_LIMITS",
    "PART",
    "SCHEMA_VERSION",
    "Input",
    "Intervention",
    "Limits",
    "Trace",
    "TraceRequest",
    "encode",
    "stream",
    "validate",
]
