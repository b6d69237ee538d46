"""The trace as bytes, and bytes that may be forged as a trace."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import TypeAdapter

from app.trace.document import Trace

_adapter: TypeAdapter[Trace] = TypeAdapter(Trace)


def encode(trace: Trace) -> bytes:
    """Encode once; text that UTF-8 can't hold (lone surrogates) is escaped visibly."""
    try:
        return orjson.dumps(trace)
    except TypeError:
        return orjson.dumps(_printable(trace))


def validate(data: bytes) -> Trace:
    """Check untrusted bytes against the schema; raises `pydantic.ValidationError`."""
    return _adapter.validate_json(data, strict=False)


def _printable(value: Any) -> Any:
    """The same value with lone surrogates written as \\udXXX."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_printable(k): _printable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(v) for v in value]
    return value
