"""The pool stays up: children and zygotes die, hang and are replaced; nothing leaks."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.sandbox import LocalPool, Overloaded, SandboxUnavailable
from app.sandbox.handle import Child
from app.trace import TraceRequest, validate
from tests.sandbox.running import Running, running_pool

HELLO = "print('hello')"
LOOP = "while True: pass"


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    with running_pool() as running:
        yield running


@pytest.fixture
def own(shared: Running) -> Running:
    """A pool that tests break; here it has come back to rest."""
    eventually(lambda: at_rest(shared))
    return shared


def at_rest(running: Running) -> bool:
    status = running.pool.status()
    return bool(status["ready"]) and (
        status["idle"] == 3
        and 3 + status["checkers"] == status["children"] == len(offspring(zygote(running)))
    )


def eventually(check: Callable[[], bool]) -> None:
    for _ in range(600):
        if check():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come true")


def zygote(running: Running) -> int:
    pid = running.pool.status()["zygote"]
    assert isinstance(pid, int)
    return pid


def offspring(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def end_of(answer: bytes) -> str | None:
    error = validate(answer)["error"]
    return error["type"] if error else None


def test_the_zygote_dies_while_a_program_runs(own: Running) -> None:
    async def scene() -> bytes:
        task = asyncio.ensure_future(own.pool.evaluate(TraceRequest(code=LOOP)))
        await asyncio.sleep(0.3)
        os.kill(zygote(own), signal.SIGKILL)
        return await task

    before = zygote(own)
    assert end_of(own.do(scene())) == "Restarted"
    eventually(lambda: bool(own.pool.status()["ready"]))
    assert own.trace(HELLO)["stdout"] == "hello\n"
    assert zygote(own) != before


def test_requests_wait_out_a_restart(own: Running) -> None:
    os.kill(zygote(own), signal.SIGKILL)
    eventually(lambda: not own.pool.status()["ready"])
    assert own.trace(HELLO)["stdout"] == "hello\n"


def test_the_zygote_hangs(own: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sandbox.nursery._FORK_SECONDS", 0.5)
    restarts = own.pool.status()["restarts"]
    os.kill(zygote(own), signal.SIGSTOP)
    for _ in range(4):  # those in stock still answer
        try:
            own.trace(HELLO)
        except Overloaded:
            break
    eventually(lambda: own.pool.status()["restarts"] > restarts)
    monkeypatch.undo()
    eventually(lambda: bool(own.pool.status()["ready"]))
    assert own.trace(HELLO)["stdout"] == "hello\n"


def test_waiting_children_are_killed(own: Running) -> None:
    for pid in offspring(zygote(own)):
        os.kill(pid, signal.SIGKILL)
    assert own.trace(HELLO)["stdout"] == "hello\n"


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.003, 0.01, 0.1])
def test_a_child_killed_at_any_point_leaves_an_answer(own: Running, delay: float) -> None:
    async def scene() -> bytes:
        task = asyncio.ensure_future(own.pool.evaluate(TraceRequest(code=LOOP)))
        await asyncio.sleep(delay)
        for pid in offspring(zygote(own)):
            os.kill(pid, signal.SIGKILL)
        return await task

    assert end_of(own.do(scene())) in ("SIGKILL", "timeout")
    assert own.trace(HELLO)["stdout"] == "hello\n"


def test_nothing_leaks(own: Running) -> None:
    def held() -> tuple[int, int]:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        own_zygote = len(list(Path(f"/proc/{zygote(own)}/fd").iterdir()))
        return descriptors, own_zygote

    programs = [HELLO, "1 / 0", "import os; os._exit(1)", "import os; os.abort()", "open('x')"]

    async def many(count: int) -> None:
        requests = [TraceRequest(code=programs[i % len(programs)]) for i in range(count)]
        for start in range(0, count, 10):
            await asyncio.gather(*(own.pool.evaluate(r) for r in requests[start : start + 10]))

    own.do(many(20))
    eventually(lambda: at_rest(own))
    before = held()
    own.do(many(100))
    eventually(lambda: at_rest(own))
    assert held() == before


def test_children_end_with_a_server_that_is_killed() -> None:
    script = (
        "from tests.sandbox.running import running_pool\n"
        "import time\n"
        "with running_pool() as r:\n"
        "    print(r.pool.status()['zygote'], flush=True)\n"
        "    time.sleep(60)\n"
    )
    server = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server, server.stdout:
        pid = int(server.stdout.readline())
        children = offspring(pid)
        server.kill()
    eventually(lambda: not any(Path(f"/proc/{each}").exists() for each in [pid, *children]))


def test_a_full_queue_is_refused_with_a_time(own: Running) -> None:
    async def crowd() -> list[bytes | BaseException]:
        wanted = (own.pool.evaluate(TraceRequest(code=HELLO)) for _ in range(200))
        return await asyncio.gather(*wanted, return_exceptions=True)

    answers = own.do(crowd())
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    served = [answer for answer in answers if isinstance(answer, bytes)]
    assert len(refused) + len(served) == 200
    assert len(served) >= 66  # two run, 64 wait
    assert refused
    assert all(one.retry_after > 0 for one in refused)
    assert own.pool.status()["queued"] == 0
    eventually(lambda: own.pool.status()["running"] == 0)


#: Answers honestly, by way of its own process's memory, but never ends.
LINGERS = """
import os
os._exit = lambda status: [None for _ in iter(int, 1)]
"""


def test_a_child_that_lives_on_after_its_answer_is_killed_before_its_place_is_free(
    own: Running,
) -> None:
    async def scene() -> tuple[int, int]:
        born = set(offspring(zygote(own)))
        answer = await own.pool.evaluate(TraceRequest(code=LINGERS))
        assert end_of(answer) is None
        running = own.pool.status()["running"]
        while own.pool.status()["running"]:
            await asyncio.sleep(0)
        # Killed already, at most not yet buried.
        alive = born - {pid for pid in born if is_dead(pid)}
        return running, len(born) - len(alive)

    running, dead = own.do(scene())
    assert running == 1
    assert dead == 1
    eventually(lambda: at_rest(own))


def is_dead(pid: int) -> bool:
    """Ended, or with a SIGKILL that it can't escape."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    fields = dict(line.split(":", 1) for line in status.splitlines())
    pending = int(fields["SigPnd"], 16) | int(fields["ShdPnd"], 16)
    return fields["State"].split()[0] in "ZX" or bool(pending >> (signal.SIGKILL - 1) & 1)


def test_stopping_ends_children_whose_answer_was_sent() -> None:
    with running_pool() as running:
        pid = zygote(running)

        async def scene() -> list[int]:
            await running.pool.evaluate(TraceRequest(code=LINGERS))
            children = offspring(pid)
            await running.pool.stop()
            return children

        children = running.do(scene())
        assert running.pool.status()["running"] == 0
        eventually(lambda: not any(Path(f"/proc/{each}").exists() for each in children))


def test_long_runs_make_room_for_short_ones(own: Running) -> None:
    async def scene() -> tuple[bytes, int]:
        loops = [
            asyncio.ensure_future(own.pool.evaluate(TraceRequest(code=LOOP))) for _ in range(6)
        ]
        await asyncio.sleep(0.6)
        answer = await own.pool.evaluate(TraceRequest(code=HELLO))
        still = sum(not loop.done() for loop in loops)
        await asyncio.gather(*loops)
        return answer, still

    answer, still = own.do(scene())
    assert end_of(answer) is None
    assert still == 6


def test_a_missing_evaluator_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with (
        pytest.raises(SandboxUnavailable, match="no_such_module"),
        running_pool(evaluator="no_such_module:evaluate"),
    ):
        raise AssertionError("it started")
    assert "starting another" not in caplog.text  # it was not there yet, and nobody starts one


def test_from_start_to_stop() -> None:
    assert not LocalPool().status()["ready"]
    with running_pool() as running:
        status = running.pool.status()
        assert status["ready"]
        assert status["layers"]["seccomp"] is True
        assert set(status["self_test"].values()) <= {"refused", "killed"}
        assert len(status["self_test"]) >= 10
        pid = zygote(running)
        children = offspring(pid)
        assert children
    assert not running.pool.status()["ready"]
    eventually(lambda: not any(Path(f"/proc/{each}").exists() for each in [pid, *children]))


def test_children_rehearse_when_nobody_is_about_to_begin(
    own: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not between two runs of a drag, when the processor has a picture to draw."""
    rehearsed: list[tuple[int, float]] = []
    ended = time.monotonic()
    rehearse = Child.rehearse

    def noted(child: Child) -> None:
        rehearsed.append((own.pool.status()["running"], time.monotonic() - ended))
        rehearse(child)

    monkeypatch.setattr(Child, "rehearse", noted)

    async def drag() -> None:
        nonlocal ended
        for _ in range(8):
            await own.pool.evaluate(TraceRequest(code=HELLO))
            ended = time.monotonic()
            await asyncio.sleep(0.002)

    own.do(drag())
    eventually(lambda: len(rehearsed) >= 3)
    assert all(running == 0 and since > 0.02 for running, since in rehearsed)
