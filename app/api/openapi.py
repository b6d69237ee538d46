"""Completes the OpenAPI document with the schemas that are read and written by hand."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter

from app.api.examples import TRACE_EXAMPLE
from app.api.exports import ExportRequest
from app.api.problems import ProblemDocument
from app.trace import Trace, TraceRequest

#: Read and written as bytes by the routes, so FastAPI does not see them.
_MODELS: tuple[Any, ...] = (Trace, TraceRequest, ExportRequest, ProblemDocument)
_REF = "#/components/schemas/{model}"


def complete_openapi(app: FastAPI) -> None:
    """Make `app.openapi()` return the whole document, built once."""
    draw = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = draw()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for model in _MODELS:
                drawn = TypeAdapter(model).json_schema(ref_template=_REF)
                schemas.update(drawn.pop("$defs", {}))
                schemas[drawn["title"]] = drawn
            # FastAPI drops nulls from what the routes bring, and here they mean something.
            answer = document["paths"]["/api/v1/traces"]["post"]["responses"]["200"]
            answer["content"]["application/json"]["example"] = TRACE_EXAMPLE
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
