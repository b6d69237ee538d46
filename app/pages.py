"""The HTML pages: the studio, the same to be embedded, the operators, the API's own page.

Someone who follows a wrong link with a browser gets a page too, not JSON.

Templates get: `static` (where one version of all files lies), `csp_nonce` (for
the import map and CodeMirror's styles), `embed`, `sandboxed`, `version`, `base`,
`bundled` (the page's modules as one script, rather than one by one).
"""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Query
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app import __version__
from app.assets import Assets, find_folder
from app.explain.operators import operator, operator_groups, operators, searched
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


class Pages:
    """Makes the pages; `router` has their paths."""

    def __init__(self, settings: Settings, assets: Assets) -> None:
        self._settings = settings
        self._assets = assets
        self._templates = Environment(
            loader=FileSystemLoader(find_folder("templates")),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            auto_reload=settings.development,
        )
        self.router = self._routes()

    def missing(self, request: Request) -> HTMLResponse | None:
        """What a browser is shown where nothing is; None for those who did not ask for a page."""
        path = request.url.path
        below = path.removeprefix(self._settings.root_path)
        if request.method != "GET" or below.startswith(("/api/", "/static/")):
            return None
        if "text/html" not in request.headers.get("accept", ""):
            return None
        return self._page("missing.html", [], status=404, path=path)

    def _page(
        self,
        template: str,
        frame_ancestors: list[str],
        *,
        embed: bool = False,
        status: int = 200,
        **context: object,
    ) -> HTMLResponse:
        settings = self._settings
        nonce = secrets.token_urlsafe(16)
        html = self._templates.get_template(template).render(
            static=settings.root_path + self._assets.prefix,
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

    def _listed(self, query: str, *, missing: str | None = None) -> HTMLResponse:
        return self._page(
            "operators.html",
            [],
            status=200 if missing is None else 404,
            query=query,
            missing=missing,
            groups=operator_groups(),
            # All are sent: who clears the field wants to see the others.
            found={one["name"] for one in operators(query)},
            searched=searched,
        )

    def _routes(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)

        @router.get("/")
        async def studio() -> HTMLResponse:
            return self._page("index.html", [])

        @router.get("/embed")
        async def embedded() -> HTMLResponse:
            return self._page("index.html", self._settings.embed_origins, embed=True)

        @router.get("/docs")
        async def docs() -> HTMLResponse:
            return self._page("docs.html", [])

        @router.get("/operators")
        def operator_list(query: Annotated[str, Query(max_length=200)] = "") -> HTMLResponse:
            return self._listed(query)

        @router.get("/operators/{name}")
        def operator_page(name: str) -> HTMLResponse:
            found = operator(name)
            if found is None:
                return self._listed("", missing=name)
            return self._page("operator.html", [], operator=found)

        return router
