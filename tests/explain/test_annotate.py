"""annotate never raises, opens nothing, and its words are all in use."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import app.explain
from app.explain import annotate
from app.explain.finding import TEXTS
from app.explain.source import apply
from app.explain.texts import load
from app.recorder import record
from app.trace import TraceRequest, encode, validate
from tests.explain.running import explained, pairs, programs

ERRORS, HINTS = programs("errors"), programs("hints")
SOURCES = "\n".join(p.read_text() for p in Path(app.explain.__file__).parent.rglob("*.py"))

CODE = "import torch\nx = torch.randn(3, requires_grad=True)\nwhile True:\n    x = x * 2\n"


def ended(kind: str, code: str = CODE, message: str = "stopped", line: int | None = 4) -> Any:
    """A short run's trace, as if it had ended so."""
    trace = record(TraceRequest(code="import torch\nx = torch.randn(3, requires_grad=True)"))
    trace["error"] = {
        "kind": kind,
        "type": kind,
        "message": message,
        "line": line,
        "diagnosis": None,
    }  # type: ignore[typeddict-item]
    annotate(trace, code)
    assert trace["error"] is not None
    return trace["error"]["diagnosis"]


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        ("timeout", CODE, "timeout-endless"),
        ("timeout", "for i in range(10 ** 9):\n    pass\n\nx = 1", "timeout"),
        ("timeout", "import time\n\n\ntime.sleep(60)", "timeout-asleep"),
        ("memory", CODE, "memory"),
        ("crash", CODE, "crash"),
        ("limit", CODE, "limit"),
        ("forbidden", "import os\n\n\nopen('a')", "no-files"),
        ("forbidden", "import os\n\n\nos.system('ls')", "no-processes"),
        ("forbidden", "import threading\n\n\nthreading.Thread().start()", "no-threads"),
        ("forbidden", "import socket\n\n\nsocket.socket()", "no-network"),
        ("forbidden", "import torch\n\n\nf = torch.compile(g)", "no-compile"),
        ("forbidden", "import os\n\n\ninput()", "no-input"),
        ("forbidden", "import os\n\n\nos.getuid()", "not-allowed"),
    ],
)
def test_ends_from_outside_are_explained(kind: str, code: str, expected: str) -> None:
    found = ended(kind, code)
    assert found is not None and found["code"] == expected
    assert found["evidence"]
    assert "line" in found["explanation"] or expected in ("limit", "crash")


@pytest.mark.parametrize("kind", ["timeout", "memory", "crash", "limit", "forbidden"])
def test_an_end_without_a_line_is_explained_too(kind: str) -> None:
    found = ended(kind, "x = 1", line=None)
    assert found is not None
    assert "None" not in found["explanation"] + found["fix"]


def test_exceptions_of_a_small_sandbox_are_explained() -> None:
    for type_, message, code in (
        ("MemoryError", "", "memory"),
        ("RuntimeError", "DefaultCPUAllocator: can't allocate memory: you tried", "memory"),
        ("RuntimeError", "can't start new thread", "no-threads"),
        ("ModuleNotFoundError", "No module named 'torch._inductor.x'", "no-compile"),
        ("ModuleNotFoundError", "No module named 'multiprocessing.queues'", "no-threads"),
        ("EOFError", "EOF when reading a line", "no-input"),
        ("OSError", "could not get source code", "no-source"),
    ):
        trace = record(TraceRequest(code="x = 1"))
        trace["error"] = {
            "kind": "exception", "type": type_, "message": message, "line": 1, "diagnosis": None,
        }  # fmt: skip
        annotate(trace, "x = 1")
        assert trace["error"]["diagnosis"] is not None
        assert trace["error"]["diagnosis"]["code"] == code


def test_a_program_that_is_indented_as_a_whole_is_moved() -> None:
    code = "\n    import torch\n    for i in range(2):\n        print(i)\n"
    raised = explained(code)["error"]
    assert raised is not None and raised["diagnosis"] is not None
    assert raised["diagnosis"]["code"] == "indent-whole"
    (fix,) = raised["diagnosis"]["fixes"]
    mended = explained(apply(code, fix["edits"]))
    assert (mended["error"], mended["stdout"]) == (None, "0\n1\n")


def test_a_module_that_a_lone_expression_means_is_to_be_imported() -> None:
    raised = explained("np.savetxt('a', [1])")["error"]
    assert raised is not None and raised["diagnosis"] is not None
    assert raised["diagnosis"]["code"] == "name-not-imported"


def test_a_message_that_nobody_knows_gets_no_diagnosis() -> None:
    trace = explained("raise RuntimeError('something quite new')")
    assert trace["error"] is not None and trace["error"]["diagnosis"] is None


def test_it_never_raises_whatever_the_trace_holds(caplog: pytest.LogCaptureFixture) -> None:
    whole = explained(
        "import torch\nx = torch.ones(2, requires_grad=True)\n(x * x).sum().backward()"
    )
    for key in ("ops", "tensors", "graphs", "timeline", "variables"):
        broken = copy.deepcopy(whole)
        del broken[key]  # type: ignore[misc]
        annotate(broken, "x = (")
    assert "failed" in caplog.text
    annotate(copy.deepcopy(whole), "\ud800 not python \x00")
    annotate(copy.deepcopy(whole), "")


def test_an_explained_trace_still_fits_the_schema() -> None:
    first = dict(reversed([*pairs(ERRORS, "raising"), *pairs(HINTS, "given")]))
    for code, program in first.items():
        trace = explained(program)
        assert validate(encode(trace)) == trace, code


def test_it_works_where_no_file_can_be_opened() -> None:
    """As in the sandbox: after import, an audit hook forbids every open."""
    program = (
        "import sys\n"
        "from app.explain import annotate\n"
        "from app.recorder import record\n"
        "from app.trace import TraceRequest\n"
        "code = 'import torch\\nx = torch.randn(3)\\ny = x.sum()\\ny.backward()'\n"
        "trace = record(TraceRequest(code=code))\n"
        "def forbid(event, arguments):\n"
        "    if event in ('open', 'import') and armed:\n"
        "        raise PermissionError(event, arguments)\n"
        "armed = False\n"
        "sys.addaudithook(forbid)\n"
        "armed = True\n"
        "annotate(trace, code)\n"
        "print(trace['error']['diagnosis']['code'], len(trace['variables']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["backward-no-leaf", "2"], done.stderr


def test_every_text_is_used_and_tested() -> None:
    outside = {code for code in TEXTS if code not in ERRORS and code not in HINTS}
    for code in TEXTS:
        assert f'"{code}"' in SOURCES, f"{code} is never raised"
    assert outside <= {
        "inplace-saved-unknown", "timeout", "timeout-endless", "timeout-asleep", "memory",
        "crash", "limit", "indent-whole", "no-network", "no-processes", "no-threads", "no-workers",
        "no-compile", "no-asyncio", "no-profiler", "no-debugger", "no-input", "no-source",
        "not-allowed", "check-disagrees",
    }  # fmt: skip


@pytest.mark.parametrize("code", TEXTS)
def test_texts_are_plain_and_short(code: str) -> None:
    text = TEXTS[code]
    assert set(text) <= {"title", "happened", "why", "fix", "docs"}
    assert len(text["title"]) <= 75 and not text["title"].endswith(".")
    for part in ("happened", "why", "fix"):
        assert 10 <= len(text[part]) <= 330, part
        assert text[part].count("`") % 2 == 0, part
    if "docs" in text:
        assert re.fullmatch(r"torch(\.\w+)*", text["docs"])


def test_sentences_about_variables_are_all_used() -> None:
    statuses = load("variables")["sentences"]
    for key in statuses:
        assert f'"{key}"' in SOURCES or key in str(load("variables")), key
