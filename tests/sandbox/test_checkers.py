"""Large answers are checked in children that are kept, and that run no program."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from app.sandbox import frames
from app.sandbox.checkers import Checkers
from app.sandbox.handle import BadFrame, Child
from app.trace import TraceRequest
from tests.sandbox.running import Running, running_pool

LARGE = "import torch\nfor i in range(100):\n    x = torch.ones(100) * i\n"
#: A frame of 45 kB that says it is an answer.
FORGED = """
import os, struct
body = b'{"ops":[' + b",".join([b"{}"] * 15_000) + b"]}"
rest = struct.pack("!cI", b"A", len(body)) + body
while rest:
    rest = rest[os.write(3, rest):]
"""


@pytest.fixture(scope="module")
def own() -> Iterator[Running]:
    with running_pool(time_limit=5.0) as running:
        yield running


def kept(running: Running) -> list[int]:
    checkers: Checkers = running.pool._checkers
    return [checker.pid for checker in checkers._idle]


def test_a_checker_is_used_again(own: Running) -> None:
    assert len(own.answer(LARGE)) > 32_000
    first = kept(own)
    assert len(first) == own.pool.status()["checkers"] == 1
    own.answer(LARGE)
    assert kept(own) == first


def test_the_checker_of_a_forged_answer_is_not_kept(own: Running) -> None:
    own.answer(LARGE)
    (before,) = kept(own)
    assert own.end(FORGED)["type"] == "ForgedAnswer"
    assert before not in kept(own)
    assert own.trace(LARGE)["error"] is None


def test_a_checker_that_has_ended_is_replaced(own: Running) -> None:
    own.answer(LARGE)
    (before,) = kept(own)
    os.kill(before, signal.SIGKILL)
    assert own.trace(LARGE)["error"] is None
    assert kept(own) != [before]


def test_nobody_is_called_a_forger_because_the_machine_is_slow(
    own: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sandbox.checkers._SECONDS", 0.0)
    error = own.end(LARGE)
    assert (error["kind"], error["type"]) == ("limit", "NotChecked")
    assert "could not be checked in time" in error["message"]
    monkeypatch.undo()
    assert own.trace(LARGE)["error"] is None


def test_checkers_have_an_answer_each(own: Running) -> None:
    async def both() -> list[bytes]:
        requests = [TraceRequest(code=LARGE), TraceRequest(code=FORGED), TraceRequest(code=LARGE)]
        return await asyncio.gather(*(own.pool.evaluate(one) for one in requests))

    good, forged, other = own.do(both())
    assert b"ForgedAnswer" in forged
    assert b'"error":null' in good
    assert b'"error":null' in other


def test_a_checker_takes_no_program(own: Running) -> None:
    answer = own.answer(LARGE)

    async def scene() -> None:
        child: Child = await own.pool._stock.take()
        await child.send(frames.CHECK, answer)
        assert await child.receive(1000) == (frames.ANSWER, b"valid")
        await child.send(frames.RUN, frames.SECONDS.pack(1.0, False) + b'{"code":""}')
        try:
            with pytest.raises(EOFError):
                await child.receive(1000)
        finally:
            child.dispose()

    own.do(scene())


def test_what_is_no_trace_is_refused_each_time(own: Running) -> None:
    for _ in range(3):
        with pytest.raises(BadFrame):
            own.do(own.pool._checkers.check(b'{"version":' + b" " * 40_000 + b"1}"))
    assert own.trace(LARGE)["error"] is None
