"""`make load`: minutes of mixed honest and hostile traffic, then what must hold.

    python -m tests.bench.load [--seconds 300]

Fails if anything but 200 or 503 was answered, if a process, a file descriptor
or memory stays behind, if honest clients wait more than three times as long
beside six hostile ones, or if one of 1,000 connections at once gets no answer.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from app.api.examples import SEED_CODE
from tests.bench.client import Answer, Connection, quantile
from tests.conftest import Server, running_server

HONEST = [
    SEED_CODE,
    "w = torch.ones(4, requires_grad=True)\nfor _ in range(8):\n    (w*3).sum().backward()\n",
    "m = nn.LSTM(4, 8)\nm(torch.randn(5, 2, 4))[0].sum().backward()\n",
    "torch.ones(3).backward()",
]
HOSTILE = [
    "while True: pass",
    "x = torch.randn(2000, 2000)\nwhile True: x = x @ x",
    "a = []\nwhile True: a.append(bytearray(10_000_000))",
    "while True: print('x' * 10_000)",
    "import os\nos.kill(os.getppid(), 9)",
    "import ctypes\nctypes.string_at(0)",
    "open('/etc/passwd').read()",
    "def f(): f()\nimport sys\nsys.setrecursionlimit(10**8)\nf()",
    "x = torch.ones(1, requires_grad=True)\nwhile True: x = x * 1",
]


def _kin(pid: int) -> set[int]:
    """The process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, todo = set(), [pid]
    while todo:
        one = todo.pop()
        found.add(one)
        todo += parents.get(one, [])
    return found


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


class _State(NamedTuple):
    processes: int
    #: Of the server and the zygote.
    descriptors: int
    server: int
    zygote: int


def _state(server: Server) -> _State:
    pid = server.process.pid
    with server.client() as client:
        zygote = client.get("/readyz").json()["sandbox"]["zygote"]
    return _State(
        len(_kin(pid)),
        _descriptors(pid) + _descriptors(zygote),
        _resident_kb(pid),
        _resident_kb(zygote),
    )


async def _client(
    url: str, number: int, programs: list[str], end: float, think: float, seen: list[Answer]
) -> None:
    connection = Connection(url, f"127.0.0.{number + 2}")
    dice = random.Random(0)
    for code in itertools.cycle(dice.sample(programs, len(programs))):
        if time.perf_counter() >= end:
            break
        answer = await connection.trace(code)
        seen.append(answer)
        await asyncio.sleep(0.2 if answer.status == 503 else think)
    await connection.close()


async def _mixed(url: str, seconds: float, hostile: int) -> tuple[list[Answer], list[Answer]]:
    honest: list[Answer] = []
    other: list[Answer] = []
    end = time.perf_counter() + seconds
    await asyncio.gather(
        *(_client(url, number, HONEST, end, 0.04, honest) for number in range(2)),
        *(_client(url, 2 + number, HOSTILE, end, 0.0, other) for number in range(hostile)),
    )
    return honest, other


async def _thousand(url: str) -> Counter[int]:
    answers = await asyncio.gather(*(Connection(url).trace(SEED_CODE) for _ in range(1000)))
    return Counter(answer.status for answer in answers)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=300)
    seconds = parser.parse_args().seconds
    faults: list[str] = []
    with running_server("--time-limit", "2") as server:
        alone, _ = asyncio.run(_mixed(server.url, min(15.0, seconds / 4), 0))
        before = _state(server)
        honest, hostile = asyncio.run(_mixed(server.url, seconds, 6))
        crowd = asyncio.run(_thousand(server.url))
        time.sleep(3)
        after = _state(server)

    counts = Counter(answer.status for answer in honest + hostile)
    quiet = quantile([one.seconds for one in alone if one.status == 200], 0.5)
    beside = quantile([one.seconds for one in honest if one.status == 200], 0.5)
    print(f"{seconds:g} s, 2 honest and 6 hostile clients: statuses {dict(counts)}")
    print(f"honest median alone {quiet:.1f} ms, beside hostile ones {beside:.1f} ms")
    print(f"1,000 connections at once: statuses {dict(crowd)}")
    print(
        f"processes {before.processes} -> {after.processes}, "
        f"descriptors {before.descriptors} -> {after.descriptors}, "
        f"server's memory {before.server // 1024} -> {after.server // 1024} MB, "
        f"zygote's {before.zygote // 1024} -> {after.zygote // 1024} MB"
    )
    if set(counts) - {200, 503} or set(crowd) - {200, 503}:
        faults.append("something other than 200 or 503 was answered")
    if beside > 3 * quiet:
        faults.append("honest clients waited more than three times as long")
    if after.processes > before.processes or after.descriptors > before.descriptors + 2:
        faults.append("a process or a descriptor stayed behind")
    if after.server > before.server * 1.5 + 50_000 or after.zygote > before.zygote * 1.1:
        faults.append("memory grew")
    print("\n".join(f"FAULT: {fault}" for fault in faults) or "all holds")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
