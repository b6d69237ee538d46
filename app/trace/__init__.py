"""The document that everything exchanges.  Imports nothing else of ours."""

from app.trace.codec import drain, encode, validate
from app.trace.document import SCHEMA_VERSION, Trace
from app.trace.limits import DEFAULT_LIMITS, Limits
from app.trace.request import Input, Intervention, TraceRequest

__all__ = [
    "DEFAULT_LIMITS",
    "SCHEMA_VERSION",
    "Input",
    "Intervention",
    "Limits",
    "Trace",
    "TraceRequest",
    "drain",
    "encode",
    "validate",
]
