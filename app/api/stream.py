"""Progress while a program runs, one JSON object a line (`application/x-ndjson`).

{"kind": "progress", "elapsed_ms": 250.1, "ops": 1200, "nodes": 0, "stdout": "..."}
{"kind": "trace", "trace": {...}}          the last line, or
{"kind": "problem", "problem": {...}}      where the program could not be run after all
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import orjson

from app.api.problems import Problem
from app.trace.progress import Progress

Run = Callable[[Callable[[Progress], None]], Coroutine[Any, Any, bytes]]


#: Seconds after which a line is sent though nothing was reported: the time goes on.
_HEARTBEAT = 0.5


class ProgressLines:
    """Runs a program as a task and yields the lines; `cancel` frees its process."""

    def __init__(self, run: Run) -> None:
        #: The last report; its `stdout` is what has not been sent yet.
        self._last: Progress = {"elapsed_ms": 0.0, "ops": 0, "nodes": 0, "stdout": ""}
        self._reported_at = time.monotonic()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(run(self._report))
        self._task.add_done_callback(lambda _: self._wake.set())

    def _report(self, progress: Progress) -> None:
        """A slow reader gets fewer lines, with what was printed since the one before."""
        self._last = {**progress, "stdout": self._last["stdout"] + progress["stdout"]}
        self._reported_at = time.monotonic()
        self._wake.set()

    async def begin(self) -> None:
        """Return once there is something to send; raises what the run raised before that.

        So that a refusal can still be told by its status.
        """
        await self._wait()
        if self._task.done():
            self._task.result()

    async def lines(self, describe: Callable[[BaseException], Problem]) -> AsyncIterator[bytes]:
        elapsed = 0.0
        while not self._task.done():
            await self._wait()
            self._wake.clear()
            silent = (time.monotonic() - self._reported_at) * 1000
            elapsed = max(elapsed, round(self._last["elapsed_ms"] + silent, 3))
            line = {"kind": "progress", **self._last, "elapsed_ms": elapsed}
            self._last["stdout"] = ""
            if not self._task.done() or line["stdout"]:
                yield orjson.dumps(line) + b"\n"
        error = self._task.exception()
        if error is None:
            yield b'{"kind":"trace","trace":' + self._task.result() + b"}\n"
        else:
            document = describe(error).document(None)
            yield orjson.dumps({"kind": "problem", "problem": document}) + b"\n"

    async def cancel(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _wait(self) -> None:
        """For a report, the end, or a heartbeat."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEARTBEAT):
                await self._wake.wait()
