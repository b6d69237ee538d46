"""POST /api/v1/traces: a program in, its trace out."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive

from app.api.examples import REQUEST_EXAMPLES, TRACE_EXAMPLE
from app.api.metrics import Metrics
from app.api.problems import Problem, responses
from app.sandbox.evaluator import Evaluator, Overloaded
from app.settings import Settings
from app.trace import TraceRequest

#: The top-level `error` of an encoded trace: inside JSON strings quotes are
#: escaped, so this can't match the program's own text.
_END = re.compile(rb'"error":\s*(?:null|\{"kind":\s*"([a-z]+)")')


def traces_router(settings: Settings, evaluator: Evaluator, metrics: Metrics) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["traces"])

    @router.post(
        "/traces",
        operation_id="createTrace",
        summary="Run a program and get its trace",
        response_class=Response,
        responses={
            200: {
                "description": "The trace. A program that failed has `error` set and keeps "
                "everything that was recorded until then.",
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/Trace"},
                        "example": TRACE_EXAMPLE,
                    }
                },
            },
            **responses(
                "not-json",
                "host-not-allowed",
                "origin-not-allowed",
                "too-large",
                "unsupported-media-type",
                "invalid-request",
                "rate-limited",
                "internal",
                "overloaded",
            ),
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/TraceRequest"},
                        "examples": REQUEST_EXAMPLES,
                    }
                },
            }
        },
    )
    async def create_trace(request: Request) -> Response:
        """Compile and run the program in a process of its own, record every operation,
        every backward pass and the numbers on every edge.

        The answer is 200 whatever the program did.
        """
        body = await read_body(request, settings.max_request_bytes)
        wanted = parse(body, request.headers.get("content-type", ""), settings)
        if settings.log_code:
            request.state.log = {"code": wanted.code}
        started = time.perf_counter()
        try:
            trace = await while_connected(evaluator.evaluate(wanted), request.receive)
        except Overloaded as overloaded:
            metrics.refused("overloaded")
            raise Problem(
                "overloaded",
                "As many programs run and wait as this service takes. Try again soon.",
                headers={"Retry-After": str(max(1, round(overloaded.retry_after)))},
            ) from None
        if trace is None:
            metrics.program("disconnected", time.perf_counter() - started)
            return Response(status_code=499)
        found = _END.search(trace)
        end = found[1].decode() if found and found[1] else "ok"
        metrics.program(end, time.perf_counter() - started)
        request.scope["state"].setdefault("log", {})["end"] = end
        return Response(trace, media_type="application/json", headers={"Cache-Control": "no-store"})

    return router


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


def parse(body: bytes, content_type: str, settings: Settings) -> TraceRequest:
    """The request that the bytes say; raises Problem 400, 413, 415 or 422."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(
            "unsupported-media-type",
            f"Send application/json, not {content_type or 'a body without a type'}.",
        )
    try:
        wanted = TraceRequest.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from None
    if len(wanted.code) > settings.max_code_chars:
        raise Problem("too-large", f"A program may have {settings.max_code_chars:,} characters.")
    return wanted


def _invalid(error: ValidationError) -> Problem:
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


async def while_connected(work: Any, receive: Receive) -> bytes | None:
    """Await `work`; None, with the work cancelled, once the client has gone."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            result: bytes = task.result()
            return result
        return None
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
