"""The local pool: leases a jailed child to each program and always gets an answer."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from app.sandbox.checkers import Checkers
from app.sandbox.evaluator import Overloaded
from app.sandbox.execution import Execution, NotStarted, grace
from app.sandbox.handle import Child
from app.sandbox.jail import LAYERS
from app.sandbox.lanes import Lanes, Place
from app.sandbox.nursery import ZygoteRefused
from app.sandbox.self_test import SandboxUnavailable, run_probes
from app.sandbox.stock import RESTART_PAUSE, Stock
from app.trace import DEFAULT_LIMITS, Limits, TraceRequest
from app.trace.progress import Progress

log = logging.getLogger("gradwalk.sandbox")

#: Seconds until a fork that may wait is ordered: it should not disturb the run.
_REFILL_DELAY = 0.012
#: Seconds from an answer to the end of its child: the answer leaves first, for the end of a
#: process and the fork of the next take the processor.
_DISPOSE_DELAY = 0.002
#: Seconds after a program in which none begins until children rehearse: who drags an input
#: asks again sooner, and needs the processor for the picture.
_QUIET = 0.025
#: A child that dies before it has read its program is replaced: by those in stock, which
#: may have died with it, and so many times more.
_ATTEMPTS = 3


class LocalPool:
    """An `Evaluator` on this machine.  Linux only.

    `children` programs begin at the same time; `long_runs` more may go on at
    lowest priority after their first tenth of a second (default: 4 a child, at
    least 8); `queue` wait, `queue_seconds` at most.  `time_limit` in seconds,
    `memory_mb` beyond what torch itself takes.  `evaluator` names what runs a
    request ("module:function"), `layers` what jails it (for tests).
    """

    def __init__(
        self,
        *,
        children: int | None = None,
        long_runs: int | None = None,
        queue: int = 64,
        queue_seconds: float = 10.0,
        time_limit: float = 10.0,
        memory_mb: int = 1024,
        limits: Limits = DEFAULT_LIMITS,
        evaluator: str = "app.evaluate:evaluate",
        layers: tuple[str, ...] = LAYERS,
        self_test: bool = True,
    ) -> None:
        quick = children or max(2, len(os.sched_getaffinity(0)))
        long = max(8, 4 * quick) if long_runs is None else long_runs
        self._lanes = Lanes(quick, long, queue, queue_seconds)
        self._time_limit = time_limit
        self._self_test = self_test
        self._stock = Stock(
            {
                "evaluator": evaluator,
                "limits": asdict(limits),
                "memory": memory_mb * 1024 * 1024,
                "cpu_seconds": int(time_limit + grace(time_limit)) + 2,
                "layers": layers,
            },
            spare=quick + 1,
            patience=queue_seconds,
            calm=self._calm,
        )
        self._checkers = Checkers(self._stock)
        self._execution = Execution(self._checkers, limits.trace_bytes + 1_000_000)
        self._probes: dict[str, str] | None = None
        #: On the loop's clock.
        self._quiet_from = 0.0
        #: Children that programs were given, with the place that each holds until it is dead.
        self._leased: dict[Child, Place] = {}

    async def start(self) -> None:
        """Load, test the jail, fork ahead; raises `SandboxUnavailable`."""
        try:
            await self._stock.nursery.start()
            if self._self_test:
                self._probes = await run_probes(self._stock.nursery)
        except (ZygoteRefused, OSError, EOFError, TimeoutError) as error:
            self._stock.nursery.stop()
            raise SandboxUnavailable(
                f"The sandbox does not start: {str(error) or repr(error)}"
            ) from error
        passed = {
            name: end for name, end in (self._probes or {}).items() if end.startswith("passed")
        }
        if passed:
            self._stock.nursery.stop()
            raise SandboxUnavailable(
                "The sandbox does not hold, so nothing is served: "
                + "; ".join(f"{name} {end}" for name, end in passed.items())
            )
        if not self._stock.nursery.layers["landlock"] and self._self_test:
            log.warning("this kernel has no Landlock: seccomp and the limits hold alone")
        await self._stock.open()

    async def stop(self) -> None:
        """End every child; whoever still waits for an answer gets an error."""
        await self._stock.close()
        self._checkers.close()
        for child in list(self._leased):
            self._clear(child)

    def status(self) -> dict[str, Any]:
        return {
            "ready": self._stock.reason is None,
            "reason": self._stock.reason,
            "zygote": self._stock.nursery.zygote_pid,
            "children": self._stock.nursery.children,
            "idle": self._stock.idle,
            "checkers": self._checkers.idle,
            "running": self._lanes.running,
            "long_running": self._lanes.long_running,
            "queued": self._lanes.queued,
            "restarts": self._stock.deaths,
            "layers": self._stock.nursery.layers,
            "self_test": self._probes,
        }

    async def evaluate(
        self,
        request: TraceRequest,
        *,
        deadline: float | None = None,
        progress: Callable[[Progress], None] | None = None,
        client: str = "",
    ) -> bytes:
        """See `Evaluator`; `deadline` in seconds can only shorten the time limit."""
        seconds = min(deadline or self._time_limit, self._time_limit)
        place = await self._lanes.enter(client)
        for _ in range(self._stock.idle + _ATTEMPTS):
            try:
                child = await self._stock.take()
            except BaseException:
                self._leave(place)
                raise
            try:
                return await self._lend(child, request, seconds, progress, place)
            except NotStarted:
                place.pause()
        self._leave(place)
        raise Overloaded(RESTART_PAUSE)

    async def _lend(
        self,
        child: Child,
        request: TraceRequest,
        seconds: float,
        progress: Callable[[Progress], None] | None,
        place: Place,
    ) -> bytes:
        """Run it; the place stays taken until `_clear`, or where it raises NotStarted."""
        loop = asyncio.get_running_loop()
        loop.call_later(_REFILL_DELAY, self._stock.refill)
        self._leased[child] = place
        at_leisure = False
        try:
            place.begin(child.yield_to_others)
            answer, at_leisure = await self._execution.run(child, request, seconds, progress)
            return answer
        except NotStarted:
            if self._leased.pop(child, None) is None:  # stopped meanwhile
                raise Overloaded(RESTART_PAUSE) from None
            child.dispose()
            self._stock.refill()
            raise
        finally:
            # Where others wait for the place, nothing is won by waiting.
            if at_leisure and not self._lanes.full:
                loop.call_later(_DISPOSE_DELAY, self._clear, child)
            else:
                self._clear(child)

    def _clear(self, child: Child) -> None:
        """Kill it, then give its place to the next; what it said since its answer is lost."""
        place = self._leased.pop(child, None)
        if place is not None:
            child.dispose()
            self._stock.refill()
            self._leave(place)

    def _leave(self, place: Place) -> None:
        place.leave()
        loop = asyncio.get_running_loop()
        self._quiet_from = loop.time() + _QUIET
        loop.call_at(self._quiet_from, self._stock.rehearse)

    def _calm(self) -> bool:
        """Nobody is about to begin, as far as can be told."""
        now = asyncio.get_running_loop().time()
        return self._lanes.calm and now >= self._quiet_from
