"""Programs without a sandbox (`--unsafe-no-sandbox`): for one's own code, on loopback.

Each still runs in a process of its own, forked from a server that has torch
loaded, so that a crash or an endless loop is an answer and not an outage.
Nothing keeps a program from files or the network.  Where the system can't fork
a server (Windows), a process is started anew for each program, which takes seconds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.connection
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from app.sandbox.evaluator import Overloaded
from app.trace import Limits, TraceRequest, encode
from app.trace.document import ErrorKind
from app.trace.failure import failed
from app.trace.progress import Progress

_METHOD = "spawn" if sys.platform == "win32" else "forkserver"


class UnsafePool:
    """An `Evaluator`; `children` programs run, `queue` more wait."""

    def __init__(self, children: int, queue: int, time_limit: float, limits: Limits) -> None:
        self._context: Any = multiprocessing.get_context(_METHOD)
        self._children = children
        self._queue = queue
        self._time_limit = time_limit
        self._limits = limits
        self._slots = asyncio.Semaphore(children)
        self._running = 0
        self._waiting = 0
        self._started = False

    async def start(self) -> None:
        if _METHOD == "forkserver":
            self._context.set_forkserver_preload(["app.evaluate"])
        await self.evaluate(TraceRequest(code="import torch\ntorch.ones(1)"), deadline=120)
        self._started = True

    async def stop(self) -> None:
        self._started = False

    def status(self) -> dict[str, Any]:
        return {
            "ready": self._started,
            "children": self._running,
            "running": self._running,
            "queued": self._waiting,
            "layers": {},
            "self_test": None,
            "reason": None if self._started else "Not started.",
        }

    async def evaluate(
        self,
        request: TraceRequest,
        *,
        deadline: float | None = None,
        progress: Callable[[Progress], None] | None = None,
        client: str = "",  # noqa: ARG002 - on loopback there is one
    ) -> bytes:
        if self._slots.locked() and self._waiting >= self._queue:
            raise Overloaded(self._time_limit / 2)
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        self._running += 1
        try:
            return await self._run(request, deadline or self._time_limit, progress)
        finally:
            self._running -= 1
            self._slots.release()

    async def _run(
        self,
        request: TraceRequest,
        seconds: float,
        progress: Callable[[Progress], None] | None,
    ) -> bytes:
        ours, theirs = self._context.Pipe()
        told = progress is not None
        process = self._context.Process(
            target=_child, args=(theirs, request.model_dump_json(), self._limits, told), daemon=True
        )
        loop = asyncio.get_running_loop()

        def report(one: Progress) -> None:
            if progress is not None:
                loop.call_soon_threadsafe(progress, one)

        started = time.perf_counter()
        await asyncio.to_thread(process.start)
        theirs.close()
        answer = loop.run_in_executor(None, _receive, ours, time.monotonic() + seconds, report)
        try:
            found = await asyncio.shield(answer)
        finally:
            process.kill()
            await asyncio.shield(asyncio.gather(answer, return_exceptions=True))
            await asyncio.to_thread(process.join)
            ours.close()
        if isinstance(found, bytes):
            return found
        elapsed = (time.perf_counter() - started) * 1000
        kind: ErrorKind = "timeout" if found == "timeout" else "crash"
        message = (
            f"The program was stopped after {seconds:g} s."
            if kind == "timeout"
            else f"The process ended without an answer (status {process.exitcode})."
        )
        return encode(failed(kind, kind, message, seed=request.seed, milliseconds=elapsed))


def _receive(ours: Connection, end: float, report: Callable[[Progress], None]) -> bytes | str:
    """The trace, or how the run ended without one."""
    try:
        while ours.poll(max(0.0, end - time.monotonic())):
            kind, data = ours.recv()
            if kind == "trace":
                trace: bytes = data
                return trace
            report(data)
    except (EOFError, OSError):
        return "crash"
    return "timeout"


def _child(theirs: Connection, request: str, limits: Limits, told: bool) -> None:
    from app.evaluate import evaluate

    def report(progress: Progress) -> None:
        theirs.send(("progress", progress))

    sys.argv = ["main.py"]  # not the server's
    wanted = TraceRequest.model_validate_json(request)
    parts = evaluate(wanted, limits, progress=report if told else None)
    theirs.send(("trace", b"".join(parts)))
    theirs.close()
