"""A trace as one HTML file: the whole page with the run in it, and no network.

The page's modules and styles are bundled by standalone.mjs; the trace stands in
the page as JSON that can't end its element.
"""

from __future__ import annotations

from pathlib import Path

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.explain.operators import operator
from app.trace import Trace


class StandalonePage:
    def __init__(self, templates: Path, static: Path) -> None:
        environment = Environment(
            loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined
        )
        self._template = environment.get_template("standalone.html")
        self._bundles = static / "vendor"

    def render(self, trace: Trace, code: str) -> str:
        names = {node["name"] for graph in trace["graphs"] for node in graph["nodes"]}
        saved = {
            "code": code,
            "trace": trace,
            "operators": {name: operator(name) for name in sorted(names)},
        }
        return self._template.render(
            # `<` only ever stands inside JSON's strings.
            saved=Markup(orjson.dumps(saved).decode().replace("<", "\\u003c")),
            script=Markup((self._bundles / "standalone.js").read_text("utf-8")),
            styles=Markup((self._bundles / "standalone.css").read_text("utf-8")),
            static="",
            csp_nonce="",
            embed=False,
            sandboxed=True,
            version="",
            base="",
        )
