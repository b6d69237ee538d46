"""Who may run now, and who waits.

A program begins in one of `quick` places.  If it is not over after a moment it
moves to one of `long` places; where more run than there are quick places, those
in long ones get the lowest priority.  So those who burn the processor do not
stand in the way of the many that end at once.  Others wait, up to `queue` of them:
each client has its turn, whose requests are taken in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from app.sandbox.evaluator import Overloaded
from app.sandbox.turns import Turns

#: Seconds in a quick place; most programs of a lesson take a tenth of it.
MOMENT = 0.1


class Place:
    """Held while a program runs; `leave` exactly once."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, yield_to_others: Callable[[], None]) -> None:
        """The program starts now; it is told to yield once it has to."""
        self._timer = asyncio.get_running_loop().call_later(MOMENT, self._overdue, yield_to_others)

    def _overdue(self, yield_to_others: Callable[[], None]) -> None:
        self._lanes.move(self)
        self._yield_if_crowded(yield_to_others)

    def _yield_if_crowded(self, yield_to_others: Callable[[], None]) -> None:
        if self._lanes.crowded:
            yield_to_others()
        else:
            self._timer = asyncio.get_running_loop().call_later(
                MOMENT, self._yield_if_crowded, yield_to_others
            )

    def pause(self) -> None:
        """Its child was lost; it begins anew with another."""
        if self._timer is not None:
            self._timer.cancel()

    def leave(self) -> None:
        self.pause()
        self._lanes.close(self)


class Lanes:
    def __init__(self, quick: int, long: int, queue: int, queue_seconds: float) -> None:
        self._quick_places = quick
        self._long_places = long
        self._queue = queue
        self._queue_seconds = queue_seconds
        self._waiting: Turns[asyncio.Future[Place]] = Turns()
        self._quick: set[Place] = set()
        self._long: set[Place] = set()
        #: In a quick place although they should move: no long place is free.
        self._overdue: deque[Place] = deque()

    @property
    def running(self) -> int:
        return len(self._quick) + len(self._long)

    @property
    def crowded(self) -> bool:
        return self.running + self.queued > self._quick_places

    @property
    def calm(self) -> bool:
        """None has just begun: those who run have been at it for a moment."""
        return not self._quick

    @property
    def full(self) -> bool:
        """As many have just begun as may; the others of those who run give way."""
        return len(self._quick) >= self._quick_places

    @property
    def long_running(self) -> int:
        return len(self._long) + len(self._overdue)

    @property
    def queued(self) -> int:
        return len(self._waiting)

    async def enter(self, client: str = "") -> Place:
        """Wait for a place; raises `Overloaded`."""
        if not self._waiting and len(self._quick) < self._quick_places:
            return self._open()
        if len(self._waiting) >= self._queue:
            self._displace(client)
        turn: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting.add(client, turn)
        try:
            async with asyncio.timeout(self._queue_seconds):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                turn.result().leave()  # called at the moment in which it gave up
            else:
                self._waiting.remove(client, turn)
            if isinstance(error, TimeoutError):
                raise Overloaded(self._retry_after()) from None
            raise

    def _displace(self, client: str) -> None:
        """Make room for one more in place of a client that waits for more than this one."""
        other = self._waiting.displace(client)
        if other is None:
            raise Overloaded(self._retry_after())
        if not other.done():
            other.set_exception(Overloaded(self._retry_after()))

    def move(self, place: Place) -> None:
        """To a long place, or as soon as there is one."""
        if len(self._long) < self._long_places:
            self._quick.discard(place)
            self._long.add(place)
            self._call()
        else:
            self._overdue.append(place)

    def close(self, place: Place) -> None:
        self._quick.discard(place)
        if place in self._overdue:
            self._overdue.remove(place)
        if place in self._long:
            self._long.remove(place)
            if self._overdue:
                self.move(self._overdue.popleft())
        self._call()

    def _open(self) -> Place:
        place = Place(self)
        self._quick.add(place)
        return place

    def _call(self) -> None:
        """Give free quick places to those who wait."""
        while self._waiting and len(self._quick) < self._quick_places:
            turn = self._waiting.next()
            if not turn.done():
                turn.set_result(self._open())

    def _retry_after(self) -> float:
        """Seconds, as a guess: each that waits needs a moment, if all are quick."""
        return 1.0 + len(self._waiting) * MOMENT / self._quick_places
