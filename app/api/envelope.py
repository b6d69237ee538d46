"""Around every request: an id, headers, compression, a log line and metrics.

Plain ASGI, one layer: a response of the common kind passes through it without
being copied.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.metrics import Metrics
from app.api.wire import accepted_encodings, compress

log = logging.getLogger("gradwalk.request")

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_COMPRESS_FROM = 1_000
_THREAD_FROM = 500_000
_COMPRESSIBLE = (b"application/json", b"application/problem+json", b"text/", b"image/svg+xml")

#: Sent with everything; a page brings its own Content-Security-Policy.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), browsing-topics=()"),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DEFAULT_CSP = b"default-src 'none'; frame-ancestors 'none'"


class Envelope:
    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        sent = dict(scope["headers"])
        given = sent.get(b"x-request-id", b"")
        request_id = given if _ID.fullmatch(given) else secrets.token_hex(8).encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()
        codings = accepted_encodings(sent.get(b"accept-encoding", b"").decode("latin-1"))
        outgoing = _Outgoing(send, request_id, codings)
        method: str = scope["method"]
        family = _family(scope)  # before the routes make its root path another
        # HEAD is GET without its body, which the server leaves out.
        inner = {**scope, "method": "GET"} if method == "HEAD" else scope
        try:
            await self._app(inner, receive, outgoing)
        finally:
            elapsed = time.perf_counter() - started
            route = getattr(inner.get("route"), "path", None) or family
            known = method if method in _METHODS else "other"
            self._metrics.request(route, known, outgoing.status, elapsed)
            log.info(
                "%s %s %d",
                method,
                scope["raw_path"].decode("latin-1"),  # as sent: it can't break a line
                outgoing.status,
                extra={
                    "request_id": request_id.decode(),
                    "client": (scope.get("client") or ("-", 0))[0],
                    "milliseconds": round(elapsed * 1000, 2),
                    "bytes": outgoing.size,
                    **scope["state"].get("log", {}),
                },
            )


class _Outgoing:
    """The `send` of one response: adds headers and compresses a body that comes whole."""

    def __init__(self, send: Send, request_id: bytes, codings: list[str]) -> None:
        self._send = send
        self._request_id = request_id
        self._coding = codings[0] if codings else None
        self._start: Message | None = None
        #: 499, as proxies log it, where the client left before an answer began.
        self.status = 499
        self.size = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._headers(message["headers"])
            self._start = message
            return
        body: bytes = message.get("body", b"")
        if self._start is not None:
            start, self._start = self._start, None
            if not message.get("more_body"):
                message["body"] = body = await self._encode(start, body)
            await self._send(start)
        self.size += len(body)
        await self._send(message)

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name for name, _ in headers}
        extra = [pair for pair in SECURITY_HEADERS if pair[0] not in present]
        if b"content-security-policy" not in present:
            extra.append((b"content-security-policy", _DEFAULT_CSP))
        return [*headers, *extra, (b"x-request-id", self._request_id)]

    async def _encode(self, start: Message, body: bytes) -> bytes:
        headers: list[tuple[bytes, bytes]] = start["headers"]
        fields = dict(headers)
        kind = fields.get(b"content-type", b"")
        if b"content-encoding" in fields or not kind.startswith(_COMPRESSIBLE):
            return body
        if b"vary" not in fields:
            headers.append((b"vary", b"Accept, Accept-Encoding"))
        if self._coding is None or len(body) < _COMPRESS_FROM:
            return body
        if len(body) >= _THREAD_FROM:
            body = await asyncio.to_thread(compress, body, self._coding)
        else:
            body = compress(body, self._coding)
        start["headers"] = [pair for pair in headers if pair[0] != b"content-length"] + [
            (b"content-length", str(len(body)).encode()),
            (b"content-encoding", self._coding.encode()),
        ]
        return body


def _family(scope: Scope) -> str:
    """A label with few values, whatever is asked for."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return "/static" if path.startswith("/static/") else "other"
