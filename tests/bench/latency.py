"""`make bench`: how long the first notebook cell takes over HTTP, warm, on this machine.

One client that thinks 40 ms between requests; then eight that don't think; and
beside it, in the same run, a Jupyter kernel that executes the same cell and
draws it with torchviz and dot.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time

from jupyter_client.manager import KernelManager

from app.api.examples import SEED_CODE
from tests.bench.client import Connection, quantile
from tests.conftest import running_server

ROUNDS = 300
SECONDS = 8.0
CLIENTS = 8
DRAW = "\nimport torchviz\ndrawn = torchviz.make_dot(b, params={'x': x}).pipe('svg')\n"


async def one_client(url: str) -> list[float]:
    connection = Connection(url)
    times = []
    for turn in range(ROUNDS + 20):
        answer = await connection.trace(SEED_CODE, seed=turn)
        assert answer.status == 200 and json.loads(answer.body)["error"] is None
        if turn >= 20:
            times.append(answer.seconds)
        await asyncio.sleep(0.04)
    await connection.close()
    return times


async def many_clients(url: str) -> float:
    """Traces a second."""
    end = time.perf_counter() + SECONDS

    async def ask() -> int:
        connection, count = Connection(url), 0
        while time.perf_counter() < end:
            answer = await connection.trace(SEED_CODE)
            assert answer.status == 200
            count += 1
        await connection.close()
        return count

    return sum(await asyncio.gather(*(ask() for _ in range(CLIENTS)))) / SECONDS


def jupyter(code: str, rounds: int) -> list[float]:
    """Seconds for each execution in a warm kernel."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive("import torch", timeout=120, output_hook=lambda _: None)
        times = []
        for turn in range(rounds + 10):
            started = time.perf_counter()
            reply = client.execute_interactive(code, timeout=60, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok", reply["content"]
            if turn >= 10:
                times.append(time.perf_counter() - started)
            time.sleep(0.04)
        return times
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _row(name: str, times: list[float]) -> None:
    print(
        f"{name:<44} median {quantile(times, 0.5):6.2f} ms   p99 {quantile(times, 0.99):6.2f} ms",
        flush=True,
    )


def main() -> int:
    print(f"{os.cpu_count()} cores; the first notebook cell, warm; load {os.getloadavg()[0]:.1f}")
    with running_server() as server:
        _row("Gradwalk over HTTP, 1 client", asyncio.run(one_client(server.url)))
        rate = asyncio.run(many_clients(server.url))
        print(f"{f'Gradwalk over HTTP, {CLIENTS} clients':<44} {rate:6.0f} traces a second")
    _row("Jupyter kernel, same cell", jupyter(SEED_CODE, 100))
    if shutil.which("dot"):
        _row("Jupyter kernel, same cell + torchviz + dot", jupyter(SEED_CODE + DRAW, 40))
    else:
        print("torchviz was not measured: dot is not installed (Debian: graphviz).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
