"""From the bytes of a request to what they ask for, or the Problem that they are."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from starlette.requests import Request

from app.api.problems import Problem
from app.settings import Settings
from app.trace import TraceRequest


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


def require_json(content_type: str) -> None:
    """Raises Problem 415."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(
            "unsupported-media-type",
            f"Send application/json, not {content_type or 'a body without a type'}.",
        )


def parse(body: bytes, content_type: str, settings: Settings) -> TraceRequest:
    """The request that the bytes say; raises Problem 400, 413, 415 or 422."""
    require_json(content_type)
    try:
        wanted = TraceRequest.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None
    if len(wanted.code) > settings.max_code_chars:
        raise Problem("too-large", f"A program may have {settings.max_code_chars:,} characters.")
    return wanted


def invalid(error: ValidationError) -> Problem:
    found = error.errors(include_url=False, include_context=False, include_input=False)
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


def _escape(part: Any) -> str:
    """A step of a JSON pointer (RFC 6901)."""
    text = str(part).encode("utf-8", "backslashreplace").decode()
    return text.replace("~", "~0").replace("/", "~1")
