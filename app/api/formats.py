"""The forms in which a trace can be had: by `?format=` or by the Accept header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

import orjson
from starlette.responses import Response

from app.api.problems import Problem
from app.export import (
    NothingToDrawError,
    Picture,
    TooLargeToDrawError,
    picture,
    to_dot,
    to_mermaid,
    to_svg,
)
from app.trace import Trace

Format = Literal["json", "ndjson", "dot", "mermaid", "svg"]

#: Name in `?format=` -> media type.  The first is the default.
FORMATS: dict[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "dot": "text/vnd.graphviz",
    "mermaid": "text/vnd.mermaid",
    "svg": "image/svg+xml",
}

_DRAWN: dict[Format, Callable[[Picture], str]] = {
    "dot": to_dot,
    "mermaid": to_mermaid,
    "svg": to_svg,
}


def negotiate(wanted: Format | None, accept: str) -> Format:
    """The name of the format to answer in; raises Problem 406."""
    if wanted is not None:
        return wanted
    weights = _weights(accept)
    best = 0.0
    found: Format | None = None
    for name, media in FORMATS.items():
        group = media.partition("/")[0] + "/*"
        weight = weights.get(media, weights.get(group, weights.get("*/*", 0.0)))
        if weight > best:
            best, found = weight, name
    if found is None:
        raise Problem("not-acceptable", f"A trace can be had as {', '.join(FORMATS.values())}.")
    return found


def _weights(accept: str) -> dict[str, float]:
    """Media range -> quality; an absent header takes anything."""
    weights: dict[str, float] = {}
    for part in accept.split(",") if accept.strip() else ["*/*"]:
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            weights[media] = float(quality)
        except ValueError:
            weights[media] = 0.0
    return weights


def convert(data: bytes, name: Format, graph: str | None) -> Response:
    """The trace in `data`, which has been validated, drawn as `name`; raises Problem 422."""
    trace = cast(Trace, orjson.loads(data))
    try:
        text = _DRAWN[name](picture(trace, graph))
    except NothingToDrawError as error:
        raise Problem("nothing-to-draw", str(error)) from None
    except TooLargeToDrawError as error:
        raise Problem("too-large-to-draw", str(error)) from None
    return Response(text, media_type=FORMATS[name], headers={"Cache-Control": "no-store"})
