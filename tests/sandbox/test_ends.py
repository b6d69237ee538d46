"""Every way in which a program can end is told apart, and said in words."""

from __future__ import annotations

import asyncio
import os
import signal
from itertools import pairwise
from typing import Any

import pytest

from app.explain.source import apply
from app.sandbox import frames
from app.sandbox.ends import classify, without_answer
from app.sandbox.handle import Child
from app.trace import TraceRequest, validate
from app.trace.failure import failed
from app.trace.progress import Progress
from tests.sandbox.running import Running

BEFORE = (
    "import torch\nx = torch.ones(2, requires_grad=True)\nx.sum().backward()\nprint('before')\n"
)


def test_time(pool: Running) -> None:
    trace = pool.trace(BEFORE + "while True:\n    pass")
    assert trace["error"]["kind"] == "timeout"
    assert trace["error"]["line"] in (5, 6)
    assert trace["stdout"] == "before\n"
    assert trace["graphs"][0]["order"]


DATA = (
    "from torch.utils.data import DataLoader, TensorDataset\nd = TensorDataset(torch.ones(4, 2))\n"
)


@pytest.mark.parametrize(
    ("code", "said", "instead", "diagnosis"),
    [
        ("torch.compile(torch.sin)(torch.ones(1))", "torch.compile can't", "Leave it out",
         "no-compile"),
        ("nn.Linear(1, 1).compile()", "torch.compile can't", "Leave it out", "no-compile"),
        (DATA + "list(DataLoader(d, num_workers=2))", "can't start workers", "num_workers=0",
         "no-workers"),
        ("torch.hub.load('pytorch/vision', 'resnet18')", "can't be downloaded", "torch.nn",
         "no-network"),
        ("torch.hub.load_state_dict_from_url('http://example.org/m.pt')", "can't be downloaded",
         "torch.nn", "no-network"),
        ("x = 1\nbreakpoint()\nprint(x)", "no debugger", "timeline", "no-debugger"),
        ("import pdb\npdb.set_trace()\nprint(1)", "no debugger", "timeline", "no-debugger"),
        ("import os\nprint(os.path.abspath('.'))", "Files and folders can't", "", "no-files"),
        ("import tempfile\ntempfile.mkdtemp()", "can't be", "", "no-files"),
        ("import asyncio\nasync def f(): pass\nasyncio.run(f())", "asyncio can't run",
         "plain functions", "no-asyncio"),
        ("with torch.profiler.profile(): pass", "A profiler can't run", "perf_counter",
         "no-profiler"),
        ("import threading\nthreading.Thread(target=print).start()", "Threads can't be started",
         "one thread", "no-threads"),
        ("from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as e:\n"
         "    e.submit(print)", "Threads can't be started", "one thread", "no-threads"),
        ("import multiprocessing as mp\nmp.Pool(2)", "Other programs can't be started", "",
         "no-processes"),
        ("torch.export.export(nn.Linear(1, 1), (torch.ones(1),))", "torch.export can't run",
         "Call the module", "not-allowed"),
    ],
)  # fmt: skip
def test_what_cant_work_says_what_to_do_instead(
    pool: Running, code: str, said: str, instead: str, diagnosis: str
) -> None:
    error = pool.end(code)
    assert (error["kind"], error["type"]) == ("forbidden", "PermissionError")
    assert said in error["message"]
    assert instead in error["message"]
    assert error["line"] is not None
    assert error["diagnosis"]["code"] == diagnosis


def test_a_data_loader_with_workers_is_mended(pool: Running) -> None:
    code = DATA + (
        "loader = DataLoader(d, num_workers=2, persistent_workers=True, prefetch_factor=4)\n"
        "print(len(list(loader)))"
    )
    (fix,) = pool.end(code)["diagnosis"]["fixes"]
    mended = pool.trace(apply(code, fix["edits"]))
    assert (mended["error"], mended["stdout"]) == (None, "4\n")


@pytest.mark.parametrize(
    "code",
    [DATA + "list(DataLoader(d, num_workers=2))",
     "import asyncio\nclass Loop(asyncio.SelectorEventLoop): pass\nLoop()"],
)  # fmt: skip
def test_what_is_refused_leaves_nothing_that_complains_of_its_end(pool: Running, code: str) -> None:
    trace = pool.trace(code)
    assert trace["error"]["kind"] == "forbidden"
    assert "stderr" not in trace


def test_a_program_has_no_arguments_and_sees_none_of_ours(pool: Running) -> None:
    trace = pool.trace(
        "import argparse, sys\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--lr', type=float, default=0.1)\n"
        "print(parser.parse_args().lr, sys.argv, sys.orig_argv)"
    )
    assert trace["stdout"] == "0.1 ['main.py'] ['main.py']\n"


def test_an_interrupt_of_its_own_is_an_exception(pool: Running) -> None:
    trace = pool.trace(BEFORE + "raise KeyboardInterrupt('mine')")
    error = trace["error"]
    assert (error["kind"], error["type"], error["message"], error["line"]) == (
        "exception",
        "KeyboardInterrupt",
        "mine",
        5,
    )
    assert trace["stdout"] == "before\n"


def test_time_inside_one_call_of_c(pool: Running) -> None:
    error = pool.end(BEFORE + "import itertools\n2 in itertools.repeat(1)")
    assert error["kind"] == "timeout"
    assert "one long call" in error["message"]


def test_a_trace_that_takes_too_long_is_not_called_a_long_call(pool: Running) -> None:
    """Here the program says itself what its child says when it has been stopped."""
    stopped = "import os\nos.write(3, b'O\\0\\0\\0\\0')\n"
    error = pool.end(stopped + "import itertools\n2 in itertools.repeat(1)")
    assert error["type"] == "TimeLimit"
    assert "one long call" not in error["message"]
    assert "trace was not ready" in error["message"]
    assert "is kept" not in error["diagnosis"]["explanation"]
    assert pool.end(2 * stopped)["type"] == "ForgedAnswer"


def test_a_child_says_that_its_program_was_stopped(pool: Running) -> None:
    async def told(code: str) -> list[bytes]:
        child: Child = await pool.pool._stock.take()
        request = TraceRequest(code=code).model_dump_json().encode()
        await child.send(frames.RUN, frames.SECONDS.pack(0.2, False) + request)
        kinds = []
        while frames.ANSWER not in kinds:
            kind, _ = await child.receive(1_000_000)
            kinds.append(kind)
        child.dispose()
        return kinds

    endless = pool.do(told("while True: pass"))
    assert endless == [frames.STARTED, frames.STOPPED, frames.ANSWER]
    assert pool.do(told("x = 1")) == [frames.STARTED, frames.ANSWER]


def test_a_deadline_shortens_the_time(pool: Running) -> None:
    trace = pool.trace("while True: pass", deadline=0.2)
    assert trace["error"]["kind"] == "timeout"
    assert trace["runtime"]["elapsed_ms"]["total"] < 1_500


@pytest.mark.parametrize("taking", ["torch.empty(1 << 36)", "bytearray(1 << 36)"])
def test_memory(pool: Running, taking: str) -> None:
    trace = pool.trace(BEFORE + taking)
    assert trace["error"]["kind"] == "memory"
    assert trace["error"]["line"] == 5
    assert "more memory than it may have" in trace["error"]["message"]
    assert trace["graphs"][0]["order"]


@pytest.mark.parametrize(
    ("doing", "name"),
    [("import ctypes; ctypes.string_at(0)", "SIGSEGV"), ("import os; os.abort()", "SIGABRT")],
)
def test_crash_names_the_signal(pool: Running, doing: str, name: str) -> None:
    error = pool.end(doing)
    assert (error["kind"], error["type"]) == ("crash", name)
    assert name in error["message"]


@pytest.mark.parametrize(
    ("doing", "words"),
    [
        ("open('notes.txt')", "Files can't be opened here"),
        ("import torch; torch.save(torch.ones(1), 'model.pt')", "Files can't be opened here"),
        ("import socket; socket.create_connection(('example.org', 80))", "no network"),
        ("import urllib.request as u; u.urlopen('http://example.org')", "no network"),
        ("import subprocess; subprocess.run(['ls'])", "programs can't be started"),
        ("import os; os.system('ls')", "programs can't be started"),
        ("import threading; threading.Thread(target=print).start()", "Threads can't be started"),
        ("import os; os.kill(1, 9)", "Signals can't be sent"),
        ("import os; os.listdir('.')", "Files and folders can't be seen"),
        ("input('name? ')", "no keyboard"),
        ("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)", "only an attack makes"),
        ("import os; os.getcwd()", "Files and folders can't be seen"),
        ("import os; os.getgroups()", "The sandbox does not allow this"),
    ],
)
def test_forbidden_says_what(pool: Running, doing: str, words: str) -> None:
    error = pool.end(doing)
    assert error["kind"] == "forbidden"
    assert words in error["message"]


@pytest.mark.parametrize("name", ["matplotlib.pyplot", "torch._inductor.compiler_bisector"])
def test_a_module_that_is_not_loaded_is_explained(pool: Running, name: str) -> None:
    error = pool.end(f"import {name}")
    assert error["type"] == "ModuleNotFoundError"
    assert error["diagnosis"]


def test_output_is_cut_and_said_so(pool: Running) -> None:
    trace = pool.trace("for _ in range(3000):\n    print('x' * 100)")
    assert trace["stdout_truncated"]
    assert len(trace["stdout"]) == 100_000


def test_an_answer_over_the_limit(pool: Running) -> None:
    error = pool.end("import os\nos.write(3, b'A\\xff\\xff\\xff\\xff')")
    assert (error["kind"], error["type"]) == ("limit", "AnswerLimit")


def test_leaving_without_an_answer(pool: Running) -> None:
    error = pool.end("import os\nos._exit(3)")
    assert "exit status 3" in error["message"]
    assert error["diagnosis"]["code"] == "exit"
    assert pool.end("import os\nos.close(3)")["kind"] == "crash"


def test_sys_exit_is_an_end_like_any_other(pool: Running) -> None:
    assert pool.trace(BEFORE + "import sys\nsys.exit(1)")["stdout"] == "before\n"


@pytest.mark.parametrize("number", [n for n in signal.valid_signals() if n < 32])
def test_every_signal_has_words(number: int) -> None:
    trace = validate(without_answer(TraceRequest(code=""), 0.1, number))
    assert trace["error"] is not None
    assert trace["error"]["message"]
    assert os.WIFSIGNALED(number)


def test_an_exception_of_ones_own_keeps_its_kind() -> None:
    trace = failed("exception", "ValueError", "no", seed=0, milliseconds=1)
    classify(trace)
    assert trace["error"] is not None
    assert trace["error"]["kind"] == "exception"


def test_progress_comes_before_the_answer(pool: Running) -> None:
    seen: list[Progress] = []
    code = """
import torch, time
for i in range(8):
    print(i)
    torch.ones(1)
    time.sleep(0.05)
"""
    trace = pool.trace(code, progress=seen.append)
    assert trace["error"] is None
    assert seen
    assert all(a["ops"] <= b["ops"] for a, b in pairwise(seen))
    assert trace["stdout"].startswith("".join(report["stdout"] for report in seen))


def test_progress_of_another_form_is_not_passed_on(pool: Running) -> None:
    seen: list[Any] = []
    code = "import os\nos.write(3, b'P\\x00\\x00\\x00\\x07{\"a\":1}')"
    assert pool.end(code, progress=seen.append)["type"] == "ForgedAnswer"
    assert seen == []


def test_cancelling_frees_the_child(pool: Running) -> None:
    async def leave_early() -> None:
        task = asyncio.ensure_future(pool.pool.evaluate(TraceRequest(code="while True: pass")))
        await asyncio.sleep(0.3)
        assert pool.pool.status()["running"] == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    pool.do(leave_early())
    assert pool.pool.status()["running"] == 0
