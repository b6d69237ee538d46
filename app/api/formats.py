"""The forms in which a trace can be had: by `?format=` or by the Accept header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

import orjson
from starlette.responses import Response

from app.api.problems import Problem
from app.api.standalone import StandalonePage
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

Format = Literal["json", "ndjson", "dot", "mermaid", "svg", "html"]

#: Name in `?format=` -> media type.  The first is the default.
FORMATS: dict[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "dot": "text/vnd.graphviz",
    "mermaid": "text/vnd.mermaid",
    "svg": "image/svg+xml",
    "html": "text/html",
}

_DRAWN: dict[Format, Callable[[Picture], str]] = {
    "dot": to_dot,
    "mermaid": to_mermaid,
    "svg": to_svg,
}
#: A page with scripts must not run as one of ours.
_SAVED = {
    "Cache-Control": "no-store",
    "Content-Disposition": 'attachment; filename="gradwalk.html"',
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'",
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


class Exporter:
    """Draws traces; `page` makes the standalone HTML."""

    def __init__(self, page: StandalonePage) -> None:
        self._page = page

    def convert(self, trace: Trace, code: str, name: Format, graph: str | None) -> Response:
        """A validated trace in the form called `name`; raises Problem 422."""
        if name == "html":
            html = self._page.render(trace, code)
            return Response(html, media_type=FORMATS[name], headers=_SAVED)
        try:
            text = _DRAWN[name](picture(trace, graph))
        except NothingToDrawError as error:
            raise Problem("nothing-to-draw", str(error)) from None
        except TooLargeToDrawError as error:
            raise Problem("too-large-to-draw", str(error)) from None
        return Response(text, media_type=FORMATS[name], headers={"Cache-Control": "no-store"})

    def convert_bytes(self, data: bytes, code: str, name: Format, graph: str | None) -> Response:
        """The same for a trace that a validating evaluator answered with."""
        return self.convert(cast(Trace, orjson.loads(data)), code, name, graph)
