"""`make bench`: what recording costs, beside plain torch, torchviz and torchlens.

CPU time of one thread, medians, each case's plain run in the same process and
turn, each with letting go of what it made.  "recorded" is the trace, its long
sections as tables, "answered" all that a request costs: recorded, explained and
encoded to bytes that are sent as they come.
Memory: the peak above what was there before, of a process of its own.
torchviz only draws the finished graph (no values, no gradients, no run);
torchlens logs the forward pass of a module.
"""

from __future__ import annotations

import gc
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torchlens
from torchviz import make_dot

from app.evaluate import evaluate
from app.recorder import recording, warm_up
from app.trace import Limits, TraceRequest

#: Nothing is left out, so that all of the work is measured.
LIMITS = Limits(trace_bytes=4 * 1024**3, nodes=1_000_000, ops=1_000_000)

CHAIN = """x = torch.randn(16, requires_grad=True)
y = x
for i in range({}):
    y = y * 1.001
    y = y + 0.001
loss = y.sum()
loss.backward()
"""
DAG = """import random
random.seed(1)
pool = [torch.randn(16, requires_grad=True) for _ in range(10)]
for i in range(5000):
    a, b = random.choice(pool[-50:]), random.choice(pool[-50:])
    pool.append(a * b * 0.5 if i % 2 else a + b)
loss = sum(pool[-50:]).sum()
loss.backward()
"""
MLP = """layers = []
for _ in range(200):
    layers += [nn.Linear(64, 64), nn.ReLU()]
net = nn.Sequential(*layers)
x = torch.randn(8, 64)
loss = net(x).sum()
loss.backward()
"""
TRANSFORMER = """layer = nn.TransformerEncoderLayer(256, 8, 1024, batch_first=True)
net = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
x = torch.randn(4, 64, 256)
loss = net(x).sum()
loss.backward()
"""
CASES: dict[str, tuple[str, int]] = {
    "MLP, 200 Linear+ReLU": (MLP, 9),
    "transformer encoder, 12 layers": (TRANSFORMER, 15),
    "chain of 1,000": (CHAIN.format(500), 15),
    "chain of 10,000": (CHAIN.format(5_000), 5),
    "chain of 50,000": (CHAIN.format(25_000), 3),
    "random DAG, 10,000": (DAG, 5),
}


def plain(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "__name__": "__main__"}
    exec(compile(code, "<plain>", "exec"), names)
    return names


def recorded(code: str) -> None:
    with recording(TraceRequest(code=code), LIMITS) as trace:
        assert trace["error"] is None and not trace["omitted"]
        trace.clear()  # type: ignore[attr-defined]


def answered(code: str) -> None:
    assert sum(map(len, evaluate(TraceRequest(code=code), LIMITS)))


def drawn(code: str) -> None:
    """The same program and torchviz's picture of it (as DOT text)."""
    sys.setrecursionlimit(1_000_000)
    make_dot(plain(code.replace("loss.backward()", ""))["loss"])


def logged(code: str) -> None:
    """The same program with its forward pass logged by torchlens."""
    names = plain(code.split("loss =")[0])
    torchlens.trace(names["net"], names["x"])


def seconds(run: Callable[[str], Any], code: str) -> float:
    gc.collect()
    before = time.process_time()
    run(code)
    return time.process_time() - before


def in_a_process(kind: str, name: str) -> float:
    """What a process of its own measures: seconds, or bytes of its peak; NaN if it crashes."""
    command = [sys.executable, "-m", "tests.bench.recorder", kind, name]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    return float(ended.stdout) if ended.returncode == 0 else float("nan")


def rss(field: str) -> int:
    """A field of this process's status, in bytes."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


#: What is measured in turn.
RUNS: dict[str, Callable[[str], Any]] = {
    "plain": plain,
    "recorded": recorded,
    "answered": answered,
}


def measure_peak(kind: str, name: str) -> None:
    torch.set_num_threads(1)
    warm_up()
    plain("x = torch.ones(1, requires_grad=True)\nx.sum().backward()\n")
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before = rss("VmRSS")
    RUNS[kind](CASES[name][0])
    print(rss("VmHWM") - before)


def main() -> None:
    torch.set_num_threads(1)
    warm_up()
    rows: dict[str, dict[str, Any]] = {}
    for name, (code, turns) in CASES.items():
        times: dict[str, list[float]] = {kind: [] for kind in RUNS}
        for _ in range(turns):
            for kind, run in RUNS.items():
                times[kind].append(seconds(run, code))
        row: dict[str, Any] = {k: statistics.median(v) for k, v in times.items()}
        if "50,000" not in name:
            row["torchviz"] = in_a_process("torchviz", name)
        if code in (MLP, TRANSFORMER):
            row["torchlens"] = seconds(logged, code)
        row["bytes"] = [in_a_process(kind, name) for kind in RUNS]
        rows[name] = row
        print(line(name, row), flush=True)
    print(json.dumps(rows))


def line(name: str, row: dict[str, Any]) -> str:
    others = "  ".join(
        f"{other} {row[other] / row['plain']:5.1f}x"
        for other in ("torchviz", "torchlens")
        if other in row
    )
    times = "  ".join(
        f"{kind} {row[kind] * 1e3:8.1f} ms {row[kind] / row['plain']:5.2f}x"
        for kind in ("recorded", "answered")
    )
    peaks = " -> ".join(f"{size / 1e6:.1f}" for size in row["bytes"])
    return (
        f"{name:32} plain {row['plain'] * 1e3:8.1f} ms  {times}"
        f"  peak, plain -> recorded -> answered {peaks} MB  {others}"
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        if sys.argv[1] == "torchviz":
            torch.set_num_threads(1)
            seconds(drawn, CHAIN.format(1))
            print(seconds(drawn, CASES[sys.argv[2]][0]), flush=True)
            os._exit(0)  # what torchviz leaves behind can't be taken apart
        measure_peak(sys.argv[1], sys.argv[2])
    else:
        main()
