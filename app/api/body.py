"""From the bytes of a request to what they ask for, or the Problem that they are."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import Headers
from starlette.requests import Request

from app.api.problems import Problem
from app.settings import Settings
from app.trace import TraceRequest
from app.trace.request import LinesTarget, NameTarget, SpanTarget

Path = tuple[int | str, ...]
#: The forms that a target may have.
_TARGETS = frozenset(form.__name__ for form in (SpanTarget, LinesTarget, NameTarget))
_ANY_TARGET = "Give a span (line, col, end_line, end_col), or lines, or a name"


async def read_body(request: Request, limit: int) -> bytes:
    """The body, read no further than the limit; raises Problem 413."""
    declared = request.headers.get("content-length", "")
    body = bytearray()
    if not (declared.isdecimal() and int(declared) > limit):
        async for part in request.stream():
            body += part
            if len(body) > limit:
                break
        else:
            return bytes(body)
    raise Problem("too-large", f"A request may have {limit:,} bytes.")


def require_json(headers: Headers) -> None:
    """Raises Problem 415."""
    content_type = headers.get("content-type", "")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem("unsupported-media-type", "Send the body as it is, not compressed.")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(
            "unsupported-media-type",
            f"Send application/json, not {content_type or 'a body without a type'}.",
        )


def parse(body: bytes, headers: Headers, settings: Settings) -> TraceRequest:
    """The request that the bytes say; raises Problem 400, 413, 415 or 422."""
    require_json(headers)
    try:
        wanted = TraceRequest.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None
    if len(wanted.code) > settings.max_code_chars:
        raise Problem("too-large", f"A program may have {settings.max_code_chars:,} characters.")
    return wanted


def invalid(error: ValidationError) -> Problem:
    found = _closest(error.errors(include_url=False, include_context=False, include_input=False))
    first = found[0]
    if first["type"] == "json_invalid":
        return Problem("not-json", first["msg"])
    if first["type"] == "string_too_long" and first["loc"] == ("code",):
        return Problem("too-large", f"code: {first['msg']}")
    errors = [
        {"pointer": "".join(f"/{_escape(part)}" for part in one["loc"]), "detail": one["msg"]}
        for one in found[:20]
    ]
    detail = "; ".join(f"{one['pointer'][1:] or 'body'}: {one['detail']}" for one in errors)
    return Problem("invalid-request", detail, errors=errors)


def _closest(found: list[ErrorDetails]) -> list[ErrorDetails]:
    """Of what is wrong with a what-if's target, only what keeps it from the form it is closest to.

    Pydantic tells of each form that a target may have, with the form's name in the path.
    """
    kept = [one for one in found if not _forms(one)]
    targets: dict[Path, dict[str, list[ErrorDetails]]] = {}
    for one in found:
        if _forms(one):
            at = one["loc"].index("target") + 1
            form = str(one["loc"][at])
            shortened: ErrorDetails = {**one, "loc": one["loc"][:at] + one["loc"][at + 1 :]}
            targets.setdefault(one["loc"][:at], {}).setdefault(form, []).append(shortened)
    for place, forms in targets.items():
        if all(one["type"] == "missing" for wrong in forms.values() for one in wrong):
            kept.append({"type": "missing", "loc": place, "msg": _ANY_TARGET, "input": None})
        else:
            closest: list[ErrorDetails] = min(forms.values(), key=_distance)
            kept += closest
    return kept


def _forms(one: ErrorDetails) -> bool:
    return not _TARGETS.isdisjoint(map(str, one["loc"]))


def _distance(wrong: list[ErrorDetails]) -> tuple[int, int]:
    """A form with fewer fields that it does not know is closer, then one with fewer errors."""
    return sum(one["type"] == "extra_forbidden" for one in wrong), len(wrong)


def _escape(part: Any) -> str:
    """A step of a JSON pointer (RFC 6901)."""
    text = str(part).encode("utf-8", "backslashreplace").decode()
    return text.replace("~", "~0").replace("/", "~1")
