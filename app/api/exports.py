"""POST /api/v1/export/{format}: a trace that was made before, in another form."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import invalid, read_body, require_json
from app.api.examples import FORMAT_EXAMPLES
from app.api.formats import FORMATS, Exporter
from app.api.problems import Problem, responses
from app.settings import Settings
from app.trace import Trace

_NAMES: tuple[Literal["dot", "mermaid", "svg", "html"], ...] = ("dot", "mermaid", "svg", "html")


class ExportRequest(BaseModel):
    """A trace, and the program that it came from."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(default="", description="Shown beside the graph in the HTML form.")
    trace: Trace


def exports_router(settings: Settings, exporter: Exporter) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["traces"])

    @router.post(
        "/export/{format}",
        operation_id="exportTrace",
        summary="Draw a trace that was made before",
        response_class=Response,
        responses={
            200: {
                "description": "The trace in that form.",
                "content": {
                    FORMATS[name]: {"schema": {"type": "string"}, "example": FORMAT_EXAMPLES[name]}
                    for name in _NAMES
                },
            },
            **responses(
                "not-json",
                "host-not-allowed",
                "origin-not-allowed",
                "too-large",
                "unsupported-media-type",
                "invalid-request",
                "nothing-to-draw",
                "too-large-to-draw",
                "internal",
            ),
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/ExportRequest"}}
                },
            }
        },
    )
    async def export_trace(
        request: Request,
        format: Literal["dot", "mermaid", "svg", "html"],
        graph: Annotated[
            str | None,
            Query(description="Which graph to draw, such as g0; the last one if not given."),
        ] = None,
    ) -> Response:
        """Nothing is run: the trace is checked against its schema and drawn."""
        require_json(request.headers)
        body = await read_body(request, settings.max_answer_bytes + settings.max_request_bytes)
        return await asyncio.to_thread(_export, exporter, body, format, graph)

    return router


def _export(
    exporter: Exporter,
    body: bytes,
    format: Literal["dot", "mermaid", "svg", "html"],
    graph: str | None,
) -> Response:
    try:
        wanted = ExportRequest.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None
    try:
        return exporter.convert(wanted.trace, wanted.code, format, graph)
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        # It has the form of a trace, but was not made by a run: ids that lead nowhere and such.
        raise Problem(
            "invalid-request", f"This trace contradicts itself ({type(error).__name__}: {error})."
        ) from None
