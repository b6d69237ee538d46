"""What is cut is counted, and however a program ends there is a trace."""

from __future__ import annotations

import random
import signal
from typing import Any

import pytest

from app.recorder import DeadlineReached, record, run
from app.trace import DEFAULT_LIMITS, Limits, TraceRequest, encode, validate
from tests.plain import run_plain
from tests.recorder.oracle import recorded

CHAIN = """x = torch.ones(4, requires_grad=True)
y = x
for i in range({}):
    y = y * 1.0
y.sum().backward()
"""


def test_ops_nodes_and_graphs_past_the_limit_are_counted() -> None:
    trace = recorded(CHAIN.format(100), Limits(ops=10))
    assert len(trace["ops"]) == 10 and trace["omitted"]["ops"] == 92
    trace = recorded(CHAIN.format(100), Limits(nodes=30))
    assert len(trace["graphs"][0]["nodes"]) == 30 and trace["omitted"]["nodes"] == 72
    code = (
        "x = torch.ones(2, requires_grad=True)\nfor i in range(9):\n    (x * x).sum().backward()\n"
    )
    trace = recorded(code, Limits(graphs=4))
    assert len(trace["graphs"]) == 4 and trace["omitted"]["graphs"] == 5
    assert trace["variables"][0]["grad"] is not None
    assert trace["variables"][0]["grad"]["data"] == [18.0, 18.0]


def test_the_result_of_an_op_past_the_limit_is_no_input() -> None:
    code = "x = torch.ones(1)\nz = torch.ones(1)\nfor i in range(100):\n    x = x + 1\n"
    whole = recorded(code)
    assert [one["name"] for one in whole["inputs"]] == ["z"]
    assert recorded(code, Limits(ops=10))["inputs"] == whole["inputs"]


def test_the_trace_stays_under_its_size() -> None:
    small = Limits(trace_bytes=500_000)
    trace = recorded(CHAIN.format(3000), small)
    assert len(encode(trace)) < small.trace_bytes
    assert trace["omitted"]["values"] and trace["omitted"]["ops"]


def test_many_calls_of_grad_within_the_default_limits() -> None:
    code = """x = torch.ones(2, requires_grad=True)
for i in range(2500):
    torch.autograd.grad((x * x).sum(), x)
"""
    trace = record(TraceRequest(code=code))
    assert trace["error"] is None
    assert len(trace["graphs"]) + trace["omitted"]["graphs"] == 2500


def test_a_graph_held_over_a_thousand_iterations() -> None:
    code = """h = torch.ones(2, requires_grad=True)
for i in range(1000):
    h = h * 0.99
    h.sum().backward(retain_graph=True)
"""
    trace = record(TraceRequest(code=code))
    assert trace["error"] is None
    assert len(trace["graphs"]) == DEFAULT_LIMITS.graphs
    assert len(trace["graphs"]) + trace["omitted"]["graphs"] == 1000


def test_a_chain_of_200_000_nodes_does_not_crash() -> None:
    trace = record(TraceRequest(code=CHAIN.format(200_000)))
    assert trace["error"] is None
    kept = len(trace["graphs"][0]["nodes"])
    assert kept + trace["omitted"]["nodes"] == 200_002
    assert len(encode(trace)) < DEFAULT_LIMITS.trace_bytes


RINGS = """import weakref
alive = []
for i in range(100):
    x = torch.ones(1500, 1500) * i
    ring = [x]
    ring.append(ring)
    alive.append(weakref.ref(x))
print(sum(one() is not None for one in alive))
"""


def test_tensors_that_hold_themselves_are_collected_by_how_large_they_are() -> None:
    """Without a recorder Python's collector would come after 700 objects; here that is rare."""
    assert int(record(TraceRequest(code=RINGS))["stdout"]) < 40
    assert int(record(TraceRequest(code=f"import gc\ngc.disable()\n{RINGS}"))["stdout"]) == 100


def test_long_output_is_cut_and_said_so() -> None:
    trace = recorded("for i in range(100):\n    print('x' * 10)\n", Limits(stdout_chars=50))
    assert len(trace["stdout"]) == 50 and trace["stdout_truncated"]


def test_a_deadline_keeps_what_ran_until_then() -> None:
    def over(*_: Any) -> None:
        raise DeadlineReached

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        trace = recorded("x = torch.ones(2)\ny = x * 2\nprint('here')\nwhile True:\n    pass\n")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    error = trace["error"]
    assert error is not None
    assert (error["kind"], error["line"] in (4, 5), error["type"]) == ("timeout", True, "timeout")
    assert len(trace["ops"]) == 2 and trace["stdout"] == "here\n"
    assert trace["timeline"][-1]["kind"] == "error"


@pytest.mark.parametrize(
    ("code", "kind", "type_", "line"),
    [
        ("x = = 3\n", "syntax", "SyntaxError", 1),
        ("def f(:\n    pass\n", "syntax", "SyntaxError", 1),
        ("if True:\nx = 1\n", "syntax", "IndentationError", 2),
        ("x = '\0'", "syntax", "SyntaxError", None),
        ("x = 1\nreturn x\n", "syntax", "SyntaxError", 2),
        ("raise MemoryError\n", "memory", "MemoryError", 1),
        ("torch.empty(2**50)\n", "memory", "RuntimeError", 1),
        ("raise PermissionError(1, 'no')\n", "forbidden", "PermissionError", 1),
        ("def f():\n    1 / 0\nf()\n", "exception", "ZeroDivisionError", 2),
        ("class Odd(BaseException):\n    pass\nraise Odd('x')\n", "exception", "Odd", 3),
        ("eval('1 +')\n", "exception", "SyntaxError", 1),
    ],
)
def test_kinds_of_errors(code: str, kind: str, type_: str, line: int | None) -> None:
    error = recorded(code)["error"]
    assert error is not None
    assert (error["kind"], error["type"]) == (kind, type_)
    if line is not None:
        assert error["line"] == line


def test_an_error_tells_its_frames_and_span() -> None:
    error = recorded("def f(x):\n    y = 1; return x @ x.T.expand(7, 9)\nf(torch.ones(2, 3))\n")[
        "error"
    ]
    assert error is not None
    assert error["frames"] == [{"line": 3, "function": "<module>"}, {"line": 2, "function": "f"}]
    site = error["site"]
    assert site is not None and (site["line"], site["col"]) == (2, 22)


def test_progress_is_reported() -> None:
    heard: list[Any] = []
    code = """import time
for i in range(4):
    x = torch.ones(2) * i
    print(i)
    time.sleep(0.12)
"""
    record(TraceRequest(code=code), progress=heard.append)
    assert len(heard) >= 2
    assert heard[-1]["ops"] > heard[0]["ops"] - 1
    assert "".join(report["stdout"] for report in heard).startswith("0\n")


def test_a_deadline_at_any_moment_leaves_a_whole_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "x = [torch.randn(64, requires_grad=True) for _ in range(400)]\n"
        "y = torch.ones(3, requires_grad=True)\n"
        "for i in range(100):\n    z = y * i\n"
        "sum(t.sum() for t in x).backward()\n"
    )
    moments = random.Random(0)
    execute = run._Run.execute

    def raise_deadline(*_: object) -> None:
        raise DeadlineReached

    def stopped(self: run._Run) -> None:
        # Processor time: what the machine does besides does not matter.
        signal.setitimer(signal.ITIMER_VIRTUAL, moments.uniform(0.001, 0.04))
        try:
            execute(self)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    monkeypatch.setattr(run._Run, "execute", stopped)
    before = signal.signal(signal.SIGVTALRM, raise_deadline)
    ends = set()
    try:
        for _ in range(60):
            try:
                trace = record(TraceRequest(code=code))
            except DeadlineReached:  # just before the program, or just after
                continue
            validate(encode(trace))
            ends.add(trace["error"]["kind"] if trace["error"] else None)
    finally:
        signal.signal(signal.SIGVTALRM, before)
    assert "timeout" in ends


@pytest.mark.parametrize("tracked", ["False", "True"])
def test_a_large_tensor_that_is_filled_bit_by_bit_is_not_read_each_time(tracked: str) -> None:
    trace = recorded(
        f"import torch\nx = torch.ones(100, requires_grad={tracked})\n"
        "out = torch.zeros(100, 10_000)\n"
        "for i in range(100):\n    out[i] = x[i]\n    out[i, 0] = 2\n"
    )
    [out] = [v for v in trace["variables"] if v["name"] == "out"]
    assert out["value"] is not None and out["value"]["max"] == 2
    assert trace["omitted"]["values"] > 50


TRAINING = """net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
x = torch.randn(5, 3)
h = torch.zeros(1, requires_grad=True)
for epoch in range(5):
    if epoch % 2:
        opt.zero_grad()
    loss = (net(x) + h).pow(2).mean()
    loss.backward()
    opt.step()
    with torch.no_grad():
        h -= 0.1 * h.grad
    print(loss.item())
"""


def _comparable(entry: Any, *, numbers: bool = True) -> Any:
    """Without sequence numbers, which count on from run to run; or without all summaries."""
    if isinstance(entry, dict):
        if "nonfinite" in entry and not numbers:
            return None
        rest = {k: v for k, v in entry.items() if k != "sequence_nr"}
        return {k: _comparable(v, numbers=numbers) for k, v in rest.items()}
    if isinstance(entry, list):
        return [_comparable(v, numbers=numbers) for v in entry]
    return entry


def _at_the_end(trace: Any) -> list[Any]:
    """The variables, each with its value: it may stand with its tensor, whose memory was not
    written to (as far as one can tell: it may have been another's before)."""
    first = {tensor["id"]: tensor["value"] for tensor in trace["tensors"]}
    return [{"value": first[one["tensor"]], **one} for one in trace["variables"]]


@pytest.mark.parametrize("only", [0, 2, 4])
def test_numbers_of_one_backward_call_only(only: int) -> None:
    whole = recorded(TRAINING, jacobians="none")
    part = recorded(TRAINING, jacobians="none", values_of=only)
    assert _comparable(part["graphs"][only]) == _comparable(whole["graphs"][only])
    # Values that were left out where they were made are told at the end.
    assert _at_the_end(part) == _at_the_end(whole)
    assert part["stdout"] == whole["stdout"]
    for section in ("graphs", "timeline", "ops", "tensors", "bindings"):
        one, other = part[section], whole[section]  # type: ignore[literal-required]
        assert _comparable(one, numbers=False) == _comparable(other, numbers=False), section
    # Whatever it shares with the whole is the same, and the call's surroundings are all there.
    begins = [i for i, e in enumerate(whole["timeline"]) if e["kind"] == "backward"]
    start = begins[only - 1] if only else 0
    end = begins[only + 1] if only + 1 < len(begins) else len(whole["timeline"])
    left_out = 0
    for place, (one, other) in enumerate(zip(part["timeline"], whole["timeline"], strict=True)):
        changes = zip(one.get("updates", []), other.get("updates", []), strict=True)
        for mine, theirs in changes:
            for side in ("before", "after"):
                left_out += mine[side] != theirs[side]
                assert mine[side] in (None, theirs[side])
            if begins[only] <= place < end:
                assert mine == theirs
            elif start < place < begins[only]:
                assert mine["after"] in (theirs["after"], None)
    assert left_out and part["omitted"]["values"] >= left_out / 2
    made = {t for o in whole["ops"] if o.get("iteration") == [only] for t in o["outputs"]}
    values = {t["id"]: t["value"] for t in part["tensors"]}
    assert made and all(values[t] is not None for t in made)
    assert len(encode(part)) < 0.75 * len(encode(whole))


def test_numbers_of_a_backward_call_inside_another() -> None:
    code = (
        "x = torch.ones(2, requires_grad=True)\nw = torch.ones(2, requires_grad=True)\n"
        "@torch.enable_grad()\ndef walk(g):\n    (w * 2).sum().backward()\n"
        "y = x * 3\ny.register_hook(walk)\n"
        "y.sum().backward()\n(x * w).sum().backward()\n"
    )
    whole = recorded(code)
    for only in range(3):
        part = recorded(code, values_of=only)
        told = [
            any(edge["gradient"] is not None for edge in graph["edges"]) for graph in part["graphs"]
        ]
        assert told == [number == only for number in range(3)]
        assert part["graphs"][only]["edges"] == whole["graphs"][only]["edges"]


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        # The values of ops, and then the gradients, take what they may.
        (CHAIN.format(4_000), Limits(trace_bytes=4_000_000)),
        # Nodes do too.
        (CHAIN.format(4_000), Limits(trace_bytes=2_000_000)),
        (CHAIN.format(300), Limits(nodes=100)),
        ("x = torch.ones(2, requires_grad=True)\nfor _ in range(9):\n    (x * x).sum().backward()\n"
         "    last = x.grad.clone(); x.grad = None\nx.sum().backward()\n", Limits(graphs=4)),
    ],
)  # fmt: skip
def test_what_variables_hold_is_told_of_a_trace_that_is_cut(code: str, limits: Limits) -> None:
    plain = run_plain(code)
    trace = recorded(code, limits)
    assert trace["omitted"]
    for variable in trace["variables"]:
        if variable["name"] != "x":
            continue
        assert variable["grad"] is not None
        assert variable["grad"]["data"] == plain.names["x"].grad.tolist()
        # What was not seen is no reason to say that the program did it.
        assert variable["grad_status"] == "accumulated"


@pytest.mark.parametrize("size", [4_000_000, 8_000_000])
def test_the_last_value_of_a_long_chain_is_told(size: int) -> None:
    code = CHAIN.format(4_000)
    trace = recorded(code, Limits(trace_bytes=size))
    assert trace["omitted"]["values"]
    (y,) = (one for one in trace["variables"] if one["name"] == "y")
    first = {tensor["id"]: tensor["value"] for tensor in trace["tensors"]}
    value = y.get("value", first[y["tensor"]])
    assert value is not None
    assert value["data"] == run_plain(code).names["y"].tolist()
