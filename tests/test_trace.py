"""The trace as bytes."""

from __future__ import annotations

import copy
import gc
import weakref

import orjson
import pytest

from app.evaluate import evaluate
from app.explain import annotate
from app.recorder import record, recording
from app.trace import TraceRequest, drain, encode, validate

LONG = """x = torch.ones(2, requires_grad=True)
y = x
for _ in range(700):
    y = y * 1.01
y.sum().backward(retain_graph=True)
y.sum().backward()
"""


@pytest.mark.parametrize(
    "code",
    ["", "x", "print('\\ud800')", LONG],
    ids=["empty", "expression", "surrogate", "long"],
)
def test_a_trace_taken_apart_gives_the_same_bytes(code: str) -> None:
    trace = record(TraceRequest(code=code))
    annotate(trace, code)
    usual = encode(trace)
    parts = copy.deepcopy(trace)
    assert drain(parts) == usual
    assert not parts
    validate(usual)


def test_long_lists_of_a_trace_are_empty_once_they_are_written() -> None:
    trace = record(TraceRequest(code=LONG))
    ops, nodes = trace["ops"], trace["graphs"][0]["nodes"]
    assert len(ops) > 512
    assert len(nodes) > 512
    drain(trace)
    assert not ops
    assert not nodes


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        with recording(TraceRequest(code="x")) as trace:
            assert not gc.isenabled()
            assert trace["error"] is None
        assert gc.isenabled() is enabled
        assert orjson.loads(evaluate(TraceRequest(code="x")))["error"] is None
        assert gc.isenabled() is enabled
    finally:
        gc.enable() if before else gc.disable()


def test_cycles_that_were_young_are_still_collected() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.own = self

    gc.collect()
    kept = Cycle()
    record(TraceRequest(code="x"))
    seen = weakref.ref(kept)
    del kept
    assert seen() is not None
    gc.collect()
    assert seen() is None
