"""Bytes on the wire: which content coding a client takes, and the coding itself."""

from __future__ import annotations

import gzip

import zstandard

#: Ours, best first.  zstd is in every current browser but older Safaris, which take gzip.
CODINGS = ("zstd", "gzip")


def accepted_encodings(header: str) -> list[str]:
    """Of `CODINGS`, those that an Accept-Encoding header takes, in our order."""
    weights: dict[str, float] = {}
    for part in header.split(","):
        name, _, parameter = part.partition(";")
        weight = parameter.strip().removeprefix("q=") if parameter else "1"
        try:
            weights[name.strip().lower()] = float(weight)
        except ValueError:
            continue
    default = weights.get("*", 0.0)
    return [coding for coding in CODINGS if weights.get(coding, default) > 0]


def compress(body: bytes, coding: str) -> bytes:
    """Quick rather than small: of the lessons' traces, level 1 makes even less than level 3."""
    if coding == "zstd":
        return zstandard.compress(body, 1)
    return gzip.compress(body, 1, mtime=0)
