"""The trace as bytes, and bytes that may be forged as a trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import orjson
from pydantic import TypeAdapter

from app.trace.document import Trace

#: Entries of a long list that are encoded together.
_AT_ONCE = 512

_adapter: TypeAdapter[Trace] = TypeAdapter(Trace)


def encode(trace: Trace) -> bytes:
    """Encode once; text that UTF-8 can't hold (lone surrogates) is escaped visibly."""
    return _dumps(trace)


def drain(trace: Trace) -> bytes:
    """Encode a trace that nobody needs any more, and take it apart on the way.

    What has been written is dropped at once, so that bytes and dictionaries
    of a long trace do not stand in memory beside each other.
    """
    parts = list(_object(cast("dict[str, Any]", trace)))
    return b"".join(parts)


def _object(fields: dict[str, Any]) -> Iterator[bytes]:
    """The JSON of an object, which is empty afterwards."""
    opening = b"{"
    for name in list(fields):
        yield opening + _dumps(name) + b":"
        opening = b","
        yield from _array(fields.pop(name), graphs=name == "graphs")
    yield b"}" if opening == b"," else b"{}"


def _array(value: Any, *, graphs: bool = False) -> Iterator[bytes]:
    """The JSON of any value; a long list, or one of graphs, is empty afterwards."""
    if not isinstance(value, list) or not (graphs or len(value) > _AT_ONCE):
        yield _dumps(value)
        return
    opening = b"["
    step = 1 if graphs else _AT_ONCE
    for start in range(0, len(value), step):
        entries = value[start : start + step]
        value[start : start + step] = [None] * len(entries)
        yield opening
        opening = b","
        if graphs:
            yield from _object(entries.pop())
        else:
            yield _dumps(entries)[1:-1]
    value.clear()
    yield b"]" if opening == b"," else b"[]"


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_printable(value))


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
