"""The trace as bytes, and bytes that may be forged as a trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from pydantic import TypeAdapter

from app.trace.document import Trace
from app.trace.table import Table

#: Bytes that are handed on together.
PART = 256 * 1024

_adapter: TypeAdapter[Trace] = TypeAdapter(Trace)


def encode(trace: Trace) -> bytes:
    """Encode once; text that UTF-8 can't hold (lone surrogates) is escaped visibly."""
    return b"".join(stream(trace))


def stream(trace: Trace) -> Iterator[bytes]:
    """The same bytes in parts of `PART` or more, the last one of less.

    Tables are written as they go: neither their entries nor the bytes of a
    long trace ever stand in memory together.  A trace of lists is written at
    once, for its entries are all in memory already.
    """
    if isinstance(trace["ops"], list):
        yield _dumps(trace)
        return
    waiting: list[bytes] = []
    size = 0
    for piece in _object(trace):
        waiting.append(piece)
        size += len(piece)
        if size >= PART:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    yield b"".join(waiting)


def _object(fields: Mapping[str, Any]) -> Iterator[bytes]:
    """The JSON of a trace, or of one of its graphs."""
    opening = b"{"
    for name, value in fields.items():
        yield opening + _dumps(name) + b":"
        opening = b","
        if isinstance(value, Table):
            yield from _array([_dumps(some)[1:-1]] for some in value.stretches())
        elif name == "graphs":
            yield from _array(_object(graph) for graph in value)
        else:
            yield _dumps(value)
    yield b"}"


def _array(entries: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    opening = b"["
    for pieces in entries:
        yield opening
        yield from pieces
        opening = b","
    yield b"[]" if opening == b"[" else b"]"


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
