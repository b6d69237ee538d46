"""The trace as tables and as bytes."""

from __future__ import annotations

import copy
import gc
import weakref

import orjson
import pytest

from app.evaluate import evaluate
from app.explain import annotate
from app.recorder import record, recording
from app.trace import PART, TraceRequest, encode, stream, validate
from app.trace.table import STRETCH, Table, whole

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
def test_tables_and_lists_give_the_same_bytes(code: str) -> None:
    with recording(TraceRequest(code=code), tables=True) as trace:
        annotate(trace, code)
        streamed = b"".join(stream(trace))
        assert encode(trace) == streamed
        lists = whole(copy.copy(trace))
    assert encode(lists) == streamed
    if "ud800" not in code:
        assert orjson.dumps(lists) == streamed
    validate(streamed)


def test_a_long_trace_comes_in_parts() -> None:
    parts = list(evaluate(TraceRequest(code=LONG)))
    assert len(parts) > 2
    assert all(len(part) >= PART for part in parts[:-1])
    assert len(orjson.loads(b"".join(parts))["ops"]) == 703


def test_a_table_reads_like_its_list() -> None:
    with recording(TraceRequest(code=LONG), tables=True) as trace:
        table = trace["ops"]
        assert isinstance(table, Table)
        entries = list(table)
        assert len(entries) == len(table) > STRETCH
        assert table[5] == entries[5]
        assert table[-1] == entries[-1]
        assert table[3:600:7] == entries[3:600:7]
        assert list(reversed(table)) == entries[::-1]
        assert entries[650] in table
        with pytest.raises(IndexError):
            table[len(entries)]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        with recording(TraceRequest(code="x")) as trace:
            assert not gc.isenabled()
            assert trace["error"] is None
        assert gc.isenabled() is enabled
        assert orjson.loads(b"".join(evaluate(TraceRequest(code="x"))))["error"] is None
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
