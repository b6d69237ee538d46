"""The application: the only place where the parts are put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api.envelope import Envelope
from app.api.exports import exports_router
from app.api.formats import Exporter
from app.api.gate import Gate
from app.api.health import health_router
from app.api.lessons import router as lessons_router
from app.api.metrics import Metrics
from app.api.openapi import complete_openapi
from app.api.operators import router as operators_router
from app.api.problems import (
    Problem,
    handle_http_exception,
    handle_problem,
    handle_unexpected,
    handle_validation,
)
from app.api.standalone import StandalonePage
from app.api.traces import traces_router
from app.assets import Assets, find_folder
from app.pages import Pages
from app.sandbox.evaluator import Evaluator
from app.settings import Settings


def create_app(
    settings: Settings | None = None, evaluator: Evaluator | None = None, *, started: bool = False
) -> FastAPI:
    """The service as an ASGI application.

    It stops its evaluator at its end, and starts it too unless it is `started` already.
    """
    chosen = settings or Settings()
    runner = evaluator or local_evaluator(chosen)
    metrics = Metrics(runner.status)
    assets = Assets(find_folder("static"), development=chosen.development)
    pages = Pages(chosen, assets)
    exporter = Exporter(StandalonePage(find_folder("templates"), find_folder("static")))

    async def http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        page = pages.missing(request) if error.status_code == 404 else None
        return page or await handle_http_exception(request, error)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if not started:
            await runner.start()
        try:
            yield
        finally:
            await runner.stop()

    app = FastAPI(
        title="Gradwalk",
        version=__version__,
        summary="Runs PyTorch and returns the graph that autograd really recorded.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(traces_router(chosen, runner, metrics, exporter))
    app.include_router(exports_router(chosen, exporter))
    app.include_router(lessons_router)
    app.include_router(operators_router)
    app.include_router(health_router(runner, metrics, expose_metrics=chosen.metrics))
    app.include_router(pages.router)
    app.mount("/static", assets)
    app.add_exception_handler(Problem, handle_problem)
    app.add_exception_handler(HTTPException, http_exception)
    app.add_exception_handler(RequestValidationError, handle_validation)
    app.add_exception_handler(Exception, handle_unexpected)
    # The last one added is the outermost: pages that may call can read a refusal too.
    app.add_middleware(Gate, settings=chosen, metrics=metrics)
    if chosen.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=chosen.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", "Accept", "X-Request-ID"],
            expose_headers=["Retry-After", "X-Request-ID"],
            max_age=600,
        )
    app.add_middleware(Envelope, metrics=metrics)
    complete_openapi(app)
    return app


def local_evaluator(settings: Settings) -> Evaluator:
    """The sandboxed pool, or the unsafe one where that was asked for."""
    if settings.unsafe_no_sandbox:
        from app.sandbox.inprocess import UnsafePool

        return UnsafePool(settings.children, settings.queue, settings.time_limit, settings.limits)
    from app.sandbox import LocalPool

    return LocalPool(
        children=settings.children,
        long_runs=settings.long_runs,
        queue=settings.queue,
        queue_seconds=settings.queue_seconds,
        time_limit=settings.time_limit,
        memory_mb=settings.memory_limit_mb,
        limits=settings.limits,
    )
