"""Large answers are checked in jailed children: no program runs in these, so they are kept.

What a forged answer can do is to take a validator's time; then it has that of a checker
and not of the server, and the next answer has another checker.
"""

from __future__ import annotations

import asyncio

from app.sandbox import frames
from app.sandbox.handle import BadFrame, Child
from app.sandbox.stock import Stock

_SECONDS = 15.0
#: Checkers that wait for the next answer.
_KEPT = 2
#: Bytes of an answer whose checker is not kept: the memory that it took would stay.
_MOST_BYTES = 4_000_000


class Checkers:
    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._idle: list[Child] = []

    @property
    def idle(self) -> int:
        return len(self._idle)

    async def check(self, answer: bytes) -> None:
        """Raises BadFrame unless it is a trace, NotChecked where no checker came to an end,
        `Overloaded` where there is no child."""
        while self._idle:
            checker = self._idle.pop()
            try:
                return await self._check(checker, answer)
            except _Lost:  # ended by its limit of processor time, or with its zygote
                continue
        checker = await self._stock.take()
        self._stock.refill()
        try:
            await self._check(checker, answer)
        except _Lost:
            raise NotChecked from None

    def close(self) -> None:
        while self._idle:
            self._idle.pop().dispose()

    async def _check(self, checker: Child, answer: bytes) -> None:
        keep = False
        try:
            async with asyncio.timeout(_SECONDS):
                await checker.send(frames.CHECK, answer)
                _, verdict = await checker.receive(10_000)
            if verdict != b"valid":
                raise BadFrame(verdict.decode("utf-8", "replace"))
            keep = len(answer) <= _MOST_BYTES and len(self._idle) < _KEPT
        except TimeoutError:
            raise NotChecked from None
        except (EOFError, ConnectionError):
            raise _Lost from None
        finally:
            if keep:
                self._idle.append(checker)
            else:
                checker.dispose()


class NotChecked(Exception):
    """Nobody knows whether it is a trace: it is too large for the time, or made to take it."""


class _Lost(Exception):
    """The checker ended before it gave a verdict."""
