"""One program in one child: the request goes in, and an answer comes out in any case."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from app.sandbox import ends, frames
from app.sandbox.checkers import Checkers, NotChecked
from app.sandbox.handle import BadFrame, Child, TooLarge
from app.trace import PART, TraceRequest, validate
from app.trace.progress import Progress

#: Answers up to this many bytes are validated here, larger ones in another child:
#: a forged one can take the validator a second for each 100 kB.
_SMALL_ANSWER = 32_000
_PROGRESS_BYTES = 1_000_000
#: Honest children report half as often.
_REPORT_SECONDS = 0.05

_progress: TypeAdapter[Progress] = TypeAdapter(Progress)


class Execution:
    """Answers of more than `answer_bytes` are not read; large ones are checked by `checkers`."""

    def __init__(self, checkers: Checkers, answer_bytes: int) -> None:
        self._checkers = checkers
        self._answer_bytes = answer_bytes

    async def run(
        self,
        child: Child,
        request: TraceRequest,
        seconds: float,
        progress: Callable[[Progress], None] | None,
    ) -> tuple[bytes, bool]:
        """An answer in any case, and whether its child may have a moment until it is ended;
        raises NotStarted where the child died before it began."""
        started = time.monotonic()
        #: Set where the child says that it makes the trace of a program whose time is over.
        stopped = asyncio.Event()
        try:
            async with asyncio.timeout(seconds + grace(seconds)):
                answer = await self._converse(child, request, seconds, progress, stopped)
            small = len(answer) <= _SMALL_ANSWER
            if not small:  # it must not run on beside the one that checks it
                child.kill()
            await self._validate(answer)
            return answer, small
        except TimeoutError:
            elapsed = time.monotonic() - started
            return ends.out_of_time(request, seconds, elapsed, stopped=stopped.is_set()), False
        except TooLarge:
            elapsed = time.monotonic() - started
            return ends.too_large(request, elapsed, self._answer_bytes), False
        except BadFrame as error:
            return ends.not_a_trace(request, time.monotonic() - started, str(error)), False
        except NotChecked:
            return ends.not_checked(request, time.monotonic() - started, len(answer)), False
        except EOFError:
            status = await self._status_of(child)
            elapsed = time.monotonic() - started
            if child.gone.cancelled():
                return ends.zygote_died(request, elapsed), False
            return ends.without_answer(request, elapsed, status), False

    async def _converse(
        self,
        child: Child,
        request: TraceRequest,
        seconds: float,
        progress: Callable[[Progress], None] | None,
        stopped: asyncio.Event,
    ) -> bytes:
        started = time.monotonic()
        reports = int(seconds / _REPORT_SECONDS) + 100
        header = frames.SECONDS.pack(seconds, progress is not None)
        with suppress(ConnectionError):  # what there is to know, receiving tells
            await child.send(frames.RUN, header + request.model_dump_json().encode())
        try:
            await child.receive(0)  # STARTED
        except EOFError:
            raise NotStarted from None
        parts: list[bytes] = []
        room = self._answer_bytes
        while True:
            kind, body = await child.receive(room)
            if kind == frames.ANSWER:
                return b"".join([*parts, body]) if parts else body
            # So that there can't be any number of them.
            if kind == frames.PART and len(body) >= PART:
                parts.append(body)
                room -= len(body)
                continue
            if kind == frames.STOPPED and not stopped.is_set():
                stopped.set()
                continue
            if kind == frames.FAILED:
                words = body[:1000].decode("utf-8", "replace")
                return ends.recorder_failed(request, time.monotonic() - started, words)
            reports -= 1
            if kind != frames.PROGRESS or len(body) > _PROGRESS_BYTES or reports < 0:
                raise BadFrame(f"frame {kind!r}")
            if progress is not None:
                try:
                    progress(_progress.validate_json(body))
                except ValidationError:
                    raise BadFrame("progress of another form") from None

    async def _validate(self, answer: bytes) -> None:
        """Raises BadFrame unless it is a trace: the child may have forged it."""
        if len(answer) <= _SMALL_ANSWER:
            try:
                validate(answer)
            except ValidationError:
                raise BadFrame("it does not fit the schema") from None
            return
        await self._checkers.check(answer)

    async def _status_of(self, child: Child) -> int | None:
        """How it ended; None if it lives on with its channel closed."""
        try:
            async with asyncio.timeout(1.0):
                return await asyncio.shield(child.gone)
        except TimeoutError:
            return None
        except asyncio.CancelledError:
            if child.gone.cancelled():  # with its zygote
                return None
            raise


class NotStarted(Exception):
    """The child died before it had read its program: another may have it."""


def grace(seconds: float) -> float:
    """After the timer inside the program: time to give back what was recorded."""
    return min(5.0, max(1.0, seconds / 2))
