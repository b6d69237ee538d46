"""The HTML pages: the studio, the same to be embedded, the operators, the API's own page.

Templates get: `static` (where one version of all files lies), `csp_nonce` (for
the import map and CodeMirror's styles), `embed`, `sandboxed`, `version`, `base`,
`bundled` (the page's modules as one script, rather than one by one).
"""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Query
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from app import __version__
from app.assets import Assets, find_folder
from app.explain.operators import operator, operator_groups, searched
from app.settings import Settings


def content_security_policy(nonce: str, frame_ancestors: list[str]) -> str:
    """Nothing from elsewhere and no inline script: text of a program can never run."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'wasm-unsafe-eval' 'nonce-{nonce}'",
            "worker-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {' '.join(frame_ancestors) or chr(39) + 'none' + chr(39)}",
        )
    )


def pages_router(settings: Settings, assets: Assets) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    templates = Environment(
        loader=FileSystemLoader(find_folder("templates")),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        auto_reload=settings.development,
    )

    def page(
        template: str,
        frame_ancestors: list[str],
        *,
        embed: bool = False,
        status: int = 200,
        **context: object,
    ) -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        html = templates.get_template(template).render(
            static=settings.root_path + assets.prefix,
            csp_nonce=nonce,
            embed=embed,
            sandboxed=not settings.unsafe_no_sandbox,
            version=__version__,
            base=settings.root_path,
            bundled=not settings.development,
            **context,
        )
        headers = {
            "Content-Security-Policy": content_security_policy(nonce, frame_ancestors),
            "Cache-Control": "no-cache",
        }
        return HTMLResponse(html, status, headers=headers)

    @router.get("/")
    async def studio() -> HTMLResponse:
        return page("index.html", [])

    @router.get("/embed")
    async def embedded() -> HTMLResponse:
        return page("index.html", settings.embed_origins, embed=True)

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        return page("docs.html", [])

    def listed(query: str, *, missing: str | None = None) -> HTMLResponse:
        return page(
            "operators.html",
            [],
            status=200 if missing is None else 404,
            query=query,
            missing=missing,
            groups=operator_groups(query),
            searched=searched,
        )

    @router.get("/operators")
    def operator_list(query: Annotated[str, Query(max_length=200)] = "") -> HTMLResponse:
        return listed(query)

    @router.get("/operators/{name}")
    def operator_page(name: str) -> HTMLResponse:
        found = operator(name)
        if found is None:
            return listed("", missing=name)
        return page("operator.html", [], operator=found)

    return router
