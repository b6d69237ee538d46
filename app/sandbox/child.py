"""One jailed child: waits for a program, runs it, answers, ends."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Protocol

import orjson

from app.recorder import DeadlineReached
from app.recorder.places import SNIPPET
from app.sandbox import ends, frames
from app.sandbox.jail import CHANNEL, Jail, lift_memory_limit
from app.sandbox.probes import PROBES
from app.sandbox.words import explain_denials
from app.trace import Limits, Trace, TraceRequest, validate
from app.trace.progress import Progress

#: Seconds between two progress reports.
_REPORT_EVERY = 0.1
#: Seconds until a program that caught the end of its time is told again.
_REMIND_EVERY = 0.25
#: What is told, until the process ends with its answer: to let go of it first would keep the
#: answer waiting.
_told: list[Trace] = []


class Evaluate(Protocol):
    """`app.evaluate.evaluate`, or what a test puts in its place."""

    def __call__(
        self,
        request: TraceRequest,
        limits: Limits,
        *,
        progress: Callable[[Progress], None] | None,
        amend: Callable[[Trace], None] | None,
    ) -> Iterator[bytes]: ...


class Rehearsal(Protocol):
    """What a child does while the processor has nothing else to do, or leaves out."""

    def run(self) -> None: ...

    def skip(self) -> None: ...


def live(
    jail: Jail,
    parent: int,
    evaluate: Evaluate,
    limits: Limits,
    layers: tuple[str, ...],
    rehearsal: Rehearsal,
) -> None:
    """Everything after the fork; never returns to the zygote's code."""
    try:
        jail.enter(parent)
        frames.write_frame(CHANNEL, frames.JAILED, b"")
        kind, body = frames.read_frame(CHANNEL)
        if kind == frames.REHEARSE:
            rehearsal.run()
            kind, body = frames.read_frame(CHANNEL)
        else:
            rehearsal.skip()
        if kind == frames.RUN:
            _run(body, evaluate, limits, words="words" in layers)
        elif kind == frames.PROBE:
            verdict = PROBES[body.decode()]()
            frames.write_frame(CHANNEL, frames.ANSWER, b"held" if verdict is None else verdict)
        while kind == frames.CHECK:
            frames.write_frame(CHANNEL, frames.ANSWER, _check(body))
            kind, body = frames.read_frame(CHANNEL)
    except EOFError:
        pass
    except BaseException as error:
        _answer_failure(error)
    finally:
        os._exit(0)


def _run(body: bytes, evaluate: Evaluate, limits: Limits, *, words: bool) -> None:
    frames.write_frame(CHANNEL, frames.STARTED, b"")
    seconds, wants_progress = frames.SECONDS.unpack_from(body)
    request = TraceRequest.model_validate_json(body[frames.SECONDS.size :])
    if words:
        explain_denials()
    reporter = Reporter() if wants_progress else None
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.setitimer(signal.ITIMER_REAL, seconds, _REMIND_EVERY)
    rest = b""
    for part in evaluate(request, limits, progress=reporter, amend=_amend):
        if rest:
            frames.write_frame(CHANNEL, frames.PART, rest)
        rest = part
    signal.setitimer(signal.ITIMER_REAL, 0)
    frames.write_frame(CHANNEL, frames.ANSWER, rest)


def _out_of_time(_signal: int, frame: FrameType | None) -> None:
    """Stop the program, if it is what runs: the making of its trace is not disturbed."""
    while frame is not None:
        if frame.f_code.co_filename == SNIPPET:
            raise DeadlineReached
        frame = frame.f_back


def _amend(trace: Trace) -> None:
    """The program is over: stop the clock, open the reserve, name the end."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    lift_memory_limit()
    ends.classify(trace)
    if trace["error"] is not None and trace["error"]["kind"] == "timeout":
        frames.write_frame(CHANNEL, frames.STOPPED, b"")
    _told.append(trace)
    gc.freeze()  # nor is it looked through again


def _check(data: bytes) -> bytes:
    # No program runs in here: what was made with the reserve is checked with it.
    lift_memory_limit()
    try:
        validate(data)
    except ValueError as error:
        return f"not a trace: {str(error)[:300]}".encode("utf-8", "backslashreplace")
    return b"valid"


def _answer_failure(error: BaseException) -> None:
    """No trace could be made; say why in a few words."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        lift_memory_limit()
        gc.collect()
        if isinstance(error, MemoryError):
            text = "memory"
        elif isinstance(error, DeadlineReached):
            text = "timeout"
        else:
            text = f"{type(error).__name__}: {error}"[:1000]
        frames.write_frame(CHANNEL, frames.FAILED, text.encode("utf-8", "backslashreplace"))
    except OSError:
        os._exit(ends.CHANNEL_CLOSED)
    except BaseException:
        os._exit(1)


class Reporter:
    """Sends progress now and then, and what was printed in between."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._printed: list[str] = []

    def __call__(self, progress: Progress) -> None:
        if progress["stdout"]:
            self._printed.append(progress["stdout"])
        now = time.monotonic()
        if now - self._last < _REPORT_EVERY:
            return
        self._last = now
        report: Progress = {**progress, "stdout": "".join(self._printed)}
        self._printed.clear()
        try:
            body = orjson.dumps(report)
        except TypeError:  # a lone surrogate
            report["stdout"] = report["stdout"].encode("utf-8", "backslashreplace").decode()
            body = orjson.dumps(report)
        frames.write_frame(CHANNEL, frames.PROGRESS, body)


def silence() -> None:
    """Descriptors 0, 1 and 2 lead nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
