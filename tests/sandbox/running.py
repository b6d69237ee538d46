"""A pool on an event loop in its own thread, for tests that are not coroutines."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from app.sandbox import LocalPool
from app.trace import TraceRequest, validate

T = TypeVar("T")


class Running:
    """`trace` runs a program and gives its validated trace."""

    def __init__(self, pool: LocalPool, loop: asyncio.AbstractEventLoop) -> None:
        self.pool = pool
        self._loop = loop

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def answer(self, code: str, **options: Any) -> bytes:
        return self.do(self.pool.evaluate(TraceRequest(code=code), **options))

    def trace(self, code: str, **options: Any) -> dict[str, Any]:
        data = self.answer(code, **options)
        validate(data)
        trace: dict[str, Any] = json.loads(data)
        return trace

    def end(self, code: str, **options: Any) -> dict[str, Any]:
        """The trace's error, which must be there."""
        error: dict[str, Any] | None = self.trace(code, **options)["error"]
        assert error is not None
        return error


def on_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own: this one's loop may be a browser's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result(120)


@contextmanager
def running_pool(**settings: Any) -> Iterator[Running]:
    """A started LocalPool; short limits unless told otherwise."""
    settings = {
        "children": 2,
        "time_limit": 1.5,
        "memory_mb": 256,
        "queue_seconds": 60.0,
        **settings,
    }
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    pool = LocalPool(**settings)
    running = Running(pool, loop)
    try:
        running.do(pool.start())
        yield running
    finally:
        running.do(pool.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
