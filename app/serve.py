"""Runs the application under uvicorn: the socket, the logs, the address it prints."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
import sys
import time
import webbrowser
import zlib
from types import FrameType
from typing import Any

import uvicorn

from app.main import create_app, local_evaluator
from app.sandbox import SandboxUnavailable
from app.settings import Settings

log = logging.getLogger("gradwalk")

#: Fields that a request's log line carries, in this order.
_FIELDS = ("request_id", "client", "milliseconds", "bytes", "end", "code")

#: Connections that may wait to be accepted.
_BACKLOG = 2048


def refuse(settings: Settings) -> str | None:
    """Why the service must not start with these settings, in words; None if it may."""
    if settings.unsafe_no_sandbox:
        if settings.loopback:
            return None
        return "--unsafe-no-sandbox is for this machine alone: use it with --host 127.0.0.1."
    if sys.platform != "linux":
        return (
            "the sandbox needs Linux (seccomp). To run only your own programs, unprotected, "
            "add --unsafe-no-sandbox; for others, use the container."
        )
    return None


def serve(settings: Settings, *, browser: bool = False, code: str | None = None) -> int:
    """Serve until told to stop; 0 after a clean end, 1 where it could not start."""
    configure_logs(settings)
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as error:
        print(f"gradwalk: {settings.host}:{settings.port}: {error.strerror}", file=sys.stderr)
        return 1
    loops = uvicorn.Config(_no_app, log_config=None).get_loop_factory()
    with listener, asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(_serve(settings, listener, browser=browser, code=code))


async def _serve(
    settings: Settings, listener: socket.socket, *, browser: bool, code: str | None
) -> int:
    """Start the evaluator, then listen: the port opens only where the sandbox holds."""
    evaluator = local_evaluator(settings)
    log.info("loading torch and trying the sandbox")
    try:
        await evaluator.start()
    except SandboxUnavailable as error:
        print(f"gradwalk: {error}", file=sys.stderr)
        return 1
    layers = evaluator.status()["layers"]
    log.info("held by %s", ", ".join(f"{k}: {v}" for k, v in layers.items()) or "nothing")
    try:
        listener.listen(_BACKLOG)
    except OSError as error:  # another has begun to listen there meanwhile
        await evaluator.stop()
        print(f"gradwalk: {settings.host}:{settings.port}: {error.strerror}", file=sys.stderr)
        return 1
    if settings.any_address and not settings.allowed_hosts:
        log.info("answers under the names of this machine's loopback; --allowed-hosts adds others")
    address = f"http://{_name(settings)}:{listener.getsockname()[1]}{settings.root_path}/"
    server = _Server(
        uvicorn.Config(
            create_app(settings, evaluator, started=True),
            log_config=None,
            access_log=False,
            server_header=False,
            root_path=settings.root_path,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=round(settings.shutdown_grace) or None,
            timeout_keep_alive=75,
            backlog=_BACKLOG,
        ),
        address,
        page=address + share_hash(code) if browser else None,
    )
    await server.serve([listener])
    return 0 if server.started else 1


def _name(settings: Settings) -> str:
    """A name under which we answer, from this machine at least."""
    if settings.any_address:
        return "localhost"
    return f"[{settings.host}]" if ":" in settings.host else settings.host


async def _no_app(scope: object, receive: object, send: object) -> None:
    """Only asked which loop uvicorn would take."""


def share_hash(code: str | None) -> str:
    """The part of an address that holds a program, as static/url.js reads it."""
    if code is None:
        return ""
    deflate = zlib.compressobj(wbits=-15)
    packed = deflate.compress(json.dumps({"c": code}).encode()) + deflate.flush()
    return "#z=" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, address: str, *, page: str | None) -> None:
        super().__init__(config)
        self._address = address
        self._page = page

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"Gradwalk serves at {self._address}", flush=True)
            if self._page:
                webbrowser.open(self._page)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("stopping: no new requests, those that run may end")
        await super().shutdown(sockets)
        log.info("stopped")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends the service in good order, with status 0; a second one at once."""
        del sig, frame
        self.force_exit = self.should_exit
        self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    """Bind before the pool starts, so that a taken port is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def configure_logs(settings: Settings) -> None:
    """One handler for all: ours, uvicorn's, and Python's warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").setLevel(
        "INFO" if settings.log_level == "debug" else "WARNING"
    )
    logging.captureWarnings(True)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({key: getattr(record, key) for key in _FIELDS if hasattr(record, key)})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        line = f"{clock} {record.levelname.lower():7} {record.getMessage()}"
        fields = [f"{key}={getattr(record, key)}" for key in _FIELDS if hasattr(record, key)]
        if fields:
            line += "  " + " ".join(fields)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line
