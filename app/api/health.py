"""/healthz: the server answers.  /readyz: it can run programs.  /metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from app import __version__
from app.api.metrics import Metrics
from app.api.problems import Problem, responses
from app.sandbox.evaluator import Evaluator


class _Answering(BaseModel):
    status: str = Field(examples=["ok"])
    version: str = Field(examples=["0.1.0"])


class Health(_Answering):
    layers: dict[str, Any] = Field(
        description="The layers of the sandbox that hold; none while it starts, or without one.",
        examples=[{"seccomp": True, "landlock": 7, "rlimits": True, "user": "nobody"}],
    )


class Readiness(_Answering):
    """`sandbox` is what the evaluator says of itself: layers engaged, children, self-test."""

    sandbox: dict[str, Any]


def health_router(evaluator: Evaluator, metrics: Metrics, *, expose_metrics: bool) -> APIRouter:
    router = APIRouter(tags=["operation"])

    @router.get("/healthz", operation_id="health", summary="The server answers")
    async def health() -> Health:
        return Health(status="ok", version=__version__, layers=evaluator.status()["layers"])

    @router.get(
        "/readyz",
        operation_id="readiness",
        summary="Programs can be run; the layers of the sandbox that hold them",
        responses=responses("not-ready"),
    )
    async def readiness() -> Readiness:
        status = evaluator.status()
        if not status.get("ready", False):
            detail = str(status.get("reason") or "No process waits for a program.")
            raise Problem("not-ready", detail, headers={"Retry-After": "2"})
        return Readiness(status="ok", version=__version__, sandbox=status)

    if expose_metrics:

        @router.get(
            "/metrics",
            operation_id="metrics",
            summary="Prometheus metrics",
            response_class=Response,
            responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        )
        async def read_metrics() -> Response:
            return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
