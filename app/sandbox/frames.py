"""The words that the pool and a child exchange over their socket pair.

A frame is one byte (its kind), four bytes (its length, big endian) and its body.
The child may run hostile code that writes anything here: the pool believes no
length above its cap and no answer that does not fit the schema.
"""

from __future__ import annotations

import os
import struct

HEADER = struct.Struct("!cI")
SECONDS = struct.Struct("!d?")

# From the pool.
RUN = b"R"  # SECONDS (time limit, progress wanted), then the request as JSON
PROBE = b"T"  # the name of a probe of the self-test
REHEARSE = b"W"  # there is time for it; another follows
CHECK = b"V"  # bytes that must be a trace, for they may be large; only others follow

# From a child.
JAILED = b"J"  # it waits; the names of its layers, separated by commas
PROGRESS = b"P"  # a `Progress` as JSON
STARTED = b"S"  # it has read its program; empty
STOPPED = b"O"  # the program was stopped at its time limit, its trace is being made; empty
PART = b"M"  # the beginning of a long trace, as many bytes as `PART` of the codec, or more
ANSWER = b"A"  # the (rest of the) trace as JSON, or a probe's or check's verdict
FAILED = b"F"  # no trace could be made: "memory", or the error in words


def frame(kind: bytes, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body


def write_frame(fd: int, kind: bytes, body: bytes) -> None:
    """Blocking; raises OSError where the other end is closed."""
    if len(body) < 65536:
        rest = memoryview(frame(kind, body))
    else:
        os.write(fd, HEADER.pack(kind, len(body)))
        rest = memoryview(body)
    while rest:
        rest = rest[os.write(fd, rest) :]


def read_frame(fd: int) -> tuple[bytes, bytes]:
    """Blocking; raises EOFError where the other end is closed."""
    kind, length = HEADER.unpack(_read(fd, HEADER.size))
    return kind, _read(fd, length)


def _read(fd: int, length: int) -> bytes:
    parts = []
    while length:
        part = os.read(fd, min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
