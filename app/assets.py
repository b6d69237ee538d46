"""The static files: held in memory, compressed once, cached by content.

Every file is served twice: under `/static/<digest>/...`, where the digest is
that of the whole tree and answers may be cached for ever, and under
`/static/...` with an ETag.  A page only ever uses the first, so that all its
modules, which import each other relatively, come from one version.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass, field
from pathlib import Path

import zstandard
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.problems import Problem, method_not_allowed
from app.api.wire import accepted_encodings

_DIGEST = re.compile(r"[0-9a-f]{16}$")
#: A worker obeys the policy that its own file came with.
_WORKER_CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
_TEXT = ("text/", "application/json", "image/svg+xml", "text/javascript")

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")


def find_folder(name: str) -> Path:
    """`static` or `templates`: inside the package when installed, beside it in a checkout."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parent.parent / name


@dataclass(frozen=True)
class Asset:
    body: bytes
    media_type: str
    #: A weak one: it is the same in every content coding.
    etag: str
    #: By content coding; made when first asked for.
    encoded: dict[str, bytes] = field(default_factory=dict)

    def known_by(self, if_none_match: str) -> bool:
        """Does a client hold it already, by its header If-None-Match?"""
        sent = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
        return "*" in sent or self.etag.removeprefix("W/") in sent

    def encode(self, codings: list[str]) -> tuple[bytes, str | None]:
        """The body in the best of the codings that the client takes."""
        if not self.media_type.startswith(_TEXT) or len(self.body) < 500:
            return self.body, None
        for coding in codings:
            if coding not in self.encoded:
                self.encoded[coding] = (
                    zstandard.compress(self.body, 15)
                    if coding == "zstd"
                    else gzip.compress(self.body, 9, mtime=0)
                )
            return self.encoded[coding], coding
        return self.body, None


class Assets:
    """An ASGI application for everything below `/static`."""

    def __init__(self, folder: Path, *, development: bool = False) -> None:
        self._folder = folder
        self._development = development
        self._files: dict[str, Asset] = {}
        self.digest = ""
        self._read()

    @property
    def prefix(self) -> str:
        """The path under which a page finds one version of all files."""
        if self._development:
            self._read()
        return f"/static/{self.digest}"

    def _read(self) -> None:
        files: dict[str, Asset] = {}
        tree = hashlib.sha256()
        for path in sorted(self._folder.rglob("*")):
            if not path.is_file() or path.name.endswith(".d.ts"):
                continue
            name = path.relative_to(self._folder).as_posix()
            body = path.read_bytes()
            digest = hashlib.sha256(body).hexdigest()
            tree.update(f"{name}\0{digest}\n".encode())
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            if kind.startswith("text/"):
                kind += "; charset=utf-8"
            files[name] = Asset(body, kind, f'W/"{digest[:32]}"')
        self._files = files
        self.digest = tree.hexdigest()[:16]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._respond(scope)
        await response(scope, receive, send)

    def _respond(self, scope: Scope) -> Response:
        path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/static")
        first, _, rest = path.lstrip("/").partition("/")
        digest = first if _DIGEST.match(first) else None
        name = rest if digest else path.lstrip("/")
        if self._development:
            self._read()
        asset = self._files.get(name)
        if scope["method"] not in ("GET", "HEAD"):
            raise method_not_allowed(scope["method"], scope["path"], "GET, HEAD")
        if asset is None:
            raise Problem("not-found", f"No static file is called {name}.")
        # The page of another version (a rolling update) still gets a file, but not for ever.
        current = digest == self.digest and not self._development
        sent = dict(scope["headers"])
        codings = accepted_encodings(sent.get(b"accept-encoding", b"").decode("latin-1"))
        body, coding = asset.encode(codings)
        headers = {
            "ETag": asset.etag,
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": _WORKER_CSP,
            "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
        }
        if coding:
            headers["Content-Encoding"] = coding
        if asset.known_by(sent.get(b"if-none-match", b"").decode("latin-1")):
            return Response(None, 304, headers=headers)
        return Response(body, headers=headers, media_type=asset.media_type)
