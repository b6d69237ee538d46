"""POST /api/v1/traces: a program in, its trace out."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.body import parse, read_body
from app.api.examples import FORMAT_EXAMPLES, REQUEST_EXAMPLES
from app.api.formats import FORMATS, Exporter, Format, negotiate
from app.api.gate import bucket_of
from app.api.metrics import Metrics
from app.api.problems import INTERNAL_DETAIL, Problem, responses
from app.api.stream import ProgressLines, Run
from app.sandbox.evaluator import Evaluator, Overloaded
from app.settings import Settings
from app.trace import TraceRequest
from app.trace.progress import Progress

log = logging.getLogger("gradwalk")

#: The top-level `error` of an encoded trace: inside JSON strings quotes are
#: escaped, so this can't match the program's own text.
_END = re.compile(rb'"error":\s*(?:null|\{"kind":\s*"([a-z]+)")')

_NO_STORE = {"Cache-Control": "no-store"}
_FORMAT = "The form of the answer; wins over the Accept header."


def traces_router(
    settings: Settings, evaluator: Evaluator, metrics: Metrics, exporter: Exporter
) -> APIRouter:
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
                    },
                    **{
                        media: {"schema": {"type": "string"}, "example": FORMAT_EXAMPLES[name]}
                        for name, media in FORMATS.items()
                        if name != "json"
                    },
                },
            },
            **responses(
                "not-json",
                "host-not-allowed",
                "origin-not-allowed",
                "not-acceptable",
                "too-large",
                "unsupported-media-type",
                "invalid-request",
                "nothing-to-draw",
                "too-large-to-draw",
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
    async def create_trace(
        request: Request,
        format: Annotated[Format | None, Query(description=_FORMAT)] = None,
        graph: Annotated[
            str | None,
            Query(description="Which graph to draw, such as g0; the last one if not given."),
        ] = None,
    ) -> Response:
        """Compile and run the program in a process of its own, record every operation,
        every backward pass and the numbers on every edge.

        The answer is 200 whatever the program did.
        """
        wanted_format = negotiate(format, request.headers.get("accept", ""))
        body = await read_body(request, settings.max_request_bytes)
        wanted = parse(body, request.headers, settings)
        if settings.log_code:
            request.scope["state"]["log"] = {"code": wanted.code}
        client = bucket_of(request.scope)
        run = partial(_run, evaluator, metrics, request.scope["state"], client, wanted)
        if wanted_format == "ndjson":
            return await _streamed(run)
        trace = await while_connected(run(None), request.receive)
        if trace is None:
            return Response(status_code=499)
        if wanted_format != "json":
            return await asyncio.to_thread(
                exporter.convert_bytes, trace, wanted.code, wanted_format, graph
            )
        return Response(trace, media_type="application/json", headers=_NO_STORE)

    return router


async def _run(
    evaluator: Evaluator,
    metrics: Metrics,
    state: dict[str, Any],
    client: str,
    wanted: TraceRequest,
    progress: Callable[[Progress], None] | None,
) -> bytes:
    """Run it, and count how it ended."""
    started = time.perf_counter()
    end = "internal"
    try:
        trace = await evaluator.evaluate(wanted, progress=progress, client=client)
        found = _END.search(trace)
        end = found[1].decode() if found and found[1] else "ok"
        return trace
    except asyncio.CancelledError:
        end = "disconnected"
        raise
    except Overloaded as overloaded:
        end = "overloaded"
        raise _overloaded(overloaded) from None
    finally:
        metrics.program(end, time.perf_counter() - started)
        state.setdefault("log", {})["end"] = end


def _overloaded(overloaded: Overloaded) -> Problem:
    return Problem(
        "overloaded",
        "As many programs run and wait as this service takes. Try again soon.",
        headers={"Retry-After": str(max(1, round(overloaded.retry_after)))},
    )


async def _streamed(run: Run) -> Response:
    lines = ProgressLines(run)
    try:
        await lines.begin()
    except BaseException:
        await lines.cancel()
        raise
    return _Streamed(lines)


class _Streamed(StreamingResponse):
    """Lines as they come; the program is stopped when the client goes."""

    def __init__(self, lines: ProgressLines) -> None:
        headers = {**_NO_STORE, "X-Accel-Buffering": "no"}
        super().__init__(lines.lines(_describe), media_type=FORMATS["ndjson"], headers=headers)
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._lines.cancel()


def _describe(error: BaseException) -> Problem:
    if isinstance(error, Problem):
        return error
    log.error("a streamed run failed", exc_info=error)
    return Problem("internal", INTERNAL_DETAIL)


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
