"""Telling a listener how far a run has come."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.trace.progress import Progress

_EVERY = 0.1


class Watch:
    """Calls the listener at most every 100 ms; it must not touch torch."""

    def __init__(self, listener: Callable[[Progress], None]) -> None:
        self._listener = listener
        self._started = self._last = time.perf_counter()
        self._text: list[str] = []

    def printed(self, text: str) -> None:
        self._text.append(text)

    def moved(self, ops: int, nodes: int) -> None:
        now = time.perf_counter()
        if now - self._last < _EVERY:
            return
        self._last = now
        text, self._text = "".join(self._text), []
        self._listener(
            {"elapsed_ms": (now - self._started) * 1e3, "ops": ops, "nodes": nodes, "stdout": text}
        )
