"""Progress while a program runs, one JSON object a line (`application/x-ndjson`).

{"kind": "progress", "elapsed_ms": 250.1, "ops": 1200, "nodes": 0, "stdout": "..."}
{"kind": "trace", "trace": {...}}          the last line, or
{"kind": "problem", "problem": {...}}      where the program could not be run after all
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import orjson

from app.api.problems import Problem
from app.trace.progress import Progress

Run = Callable[[Callable[[Progress], None]], Coroutine[Any, Any, bytes]]


class ProgressLines:
    """Runs a program as a task and yields the lines; `cancel` frees its process."""

    def __init__(self, run: Run) -> None:
        #: What was reported and not yet sent: a slow reader gets fewer, merged lines.
        self._pending: Progress | None = None
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(run(self._report))
        self._task.add_done_callback(lambda _: self._wake.set())

    def _report(self, progress: Progress) -> None:
        before = self._pending["stdout"] if self._pending else ""
        self._pending = {**progress, "stdout": before + progress["stdout"]}
        self._wake.set()

    async def begin(self) -> None:
        """Return once there is something to send; raises what the run raised before that.

        So that a refusal can still be told by its status.
        """
        await self._wake.wait()
        if self._task.done():
            self._task.result()

    async def lines(self, describe: Callable[[BaseException], Problem]) -> AsyncIterator[bytes]:
        while True:
            await self._wake.wait()
            self._wake.clear()
            ended = self._task.done()
            if self._pending is not None:
                line, self._pending = self._pending, None
                yield orjson.dumps({"kind": "progress", **line}) + b"\n"
            if ended:
                break
        error = self._task.exception()
        if error is None:
            yield b'{"kind":"trace","trace":' + self._task.result() + b"}\n"
        else:
            document = describe(error).document(None)
            yield orjson.dumps({"kind": "problem", "problem": document}) + b"\n"

    async def cancel(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
