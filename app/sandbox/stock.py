"""Children forked ahead, waiting in their jails; and a new zygote where one dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from app.sandbox.evaluator import Overloaded
from app.sandbox.handle import Child
from app.sandbox.nursery import Nursery, ZygoteRefused

log = logging.getLogger("gradwalk.sandbox")

#: Seconds until another attempt, where a zygote does not start.
RESTART_PAUSE = 1.0


class Stock:
    """Keeps `spare` children waiting; `take` waits `patience` seconds for one.

    `calm` tells whether the processor has time for a rehearsal, which makes the first
    run in a child as quick as a second, and costs more than it saves.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        *,
        spare: int,
        patience: float,
        calm: Callable[[], bool],
    ) -> None:
        self.nursery = Nursery(settings, self._zygote_died)
        self.deaths = 0
        #: Why there is none, in words; None while all is well.
        self.reason: str | None = "Not started."
        self._open = False
        self._spare = spare
        self._patience = patience
        self._idle: asyncio.Queue[Child] = asyncio.Queue()
        self._calm = calm
        #: In stock, and not asked to rehearse.
        self._fresh: list[Child] = []
        self._coming = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> int:
        return self._idle.qsize()

    async def open(self) -> None:
        """The nursery has started: fork ahead, and return when the first child waits."""
        self._open = True
        self.reason = None
        self.refill()
        self._idle.put_nowait(await self._idle.get())

    async def close(self) -> None:
        self._open = False
        self.reason = "Stopped."
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.nursery.stop()
        self._empty()

    async def take(self) -> Child:
        """A waiting child; raises `Overloaded` where none comes."""
        if not self._open:
            raise Overloaded(RESTART_PAUSE)
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    if self._idle.empty():
                        self.refill()
                    child = await self._idle.get()
                    if child in self._fresh:
                        self._fresh.remove(child)
                    if child.waits:
                        return child
                    child.dispose()
        except TimeoutError:
            raise Overloaded(RESTART_PAUSE) from None

    def refill(self) -> None:
        """Order as many children as are missing."""
        while (
            self.reason is None
            and self.nursery.alive
            and self._idle.qsize() + self._coming < self._spare
        ):
            self._coming += 1
            self._spawn(self._order())

    def rehearse(self) -> None:
        """Where there is time, let those in stock use it."""
        if self._calm():
            for child in self._fresh:
                child.rehearse()
            self._fresh.clear()

    async def _order(self) -> None:
        try:
            child = await self.nursery.order()
            self._idle.put_nowait(child)
            self._fresh.append(child)
            self.rehearse()
        except (OSError, EOFError) as error:
            log.warning("no child was born: %s", str(error) or "the zygote is gone")
            await asyncio.sleep(RESTART_PAUSE / 4)
        finally:
            self._coming -= 1

    def _zygote_died(self) -> None:
        self.deaths += 1
        if self._open:
            self.reason = "The sandbox is being restarted."
            self._empty()
            self._spawn(self._restart())

    def _empty(self) -> None:
        self._fresh.clear()
        while not self._idle.empty():
            self._idle.get_nowait().dispose()

    async def _restart(self) -> None:
        while True:
            try:
                await self.nursery.start()
            except (ZygoteRefused, OSError, TimeoutError) as error:
                log.error("the zygote does not start: %s", str(error) or repr(error))
                await asyncio.sleep(RESTART_PAUSE)
            else:
                self.reason = None
                self.refill()
                return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
