"""A column of a recorded section is the field of its entries, however it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from app.recorder import recording
from app.trace import Trace, TraceRequest
from app.trace.table import Table, column
from tests.recorder.programs import PROGRAMS

#: What rules of explanations and the recorder itself read as columns.
PATHS = {
    "tensors": ("id", "names", "is_leaf", "requires_grad", "value.nonfinite"),
    "ops": (
        "id", "name", "site.line", "parent", "inputs", "outputs", "recorded", "why_not_recorded",
    ),
    "timeline": ("kind", "line", "graph", "updates.tensor"),
    "nodes": (
        "id", "name", "executed", "outputs", "tensor", "upstream.nonfinite", "upstream.norm",
    ),
    "edges": ("id", "source", "target", "output", "gradient.nonfinite", "gradient.norm"),
}  # fmt: skip

MORE = {
    "many of many kinds": """
for n in (2, 3, 100):
    x = torch.randn(n, requires_grad=True)
    y = x
    for i in range(300):
        y = y * 1.001 if i % 3 else y.tanh()
    y.sum().backward()
    (y / 0).sum()
""",
    "infinities": """
x = torch.tensor([0.0, 1.0, 3e38], requires_grad=True)
for _ in range(10):
    (x / 0 + x * 1e30 + x.to(torch.bfloat16).float()).sum().backward()
""",
    "a mean that overflows": """
x = torch.full((4,), 3e307, dtype=torch.float64, requires_grad=True)
for _ in range(10):
    y = x * 1.5
y.sum().backward()
""",
}


def sections(trace: Trace) -> Iterator[tuple[str, Sequence[Any]]]:
    yield from (("tensors", trace["tensors"]), ("ops", trace["ops"]))
    yield "timeline", trace["timeline"]
    for graph in trace["graphs"]:
        yield from (("nodes", graph["nodes"]), ("edges", graph["edges"]))


@pytest.mark.parametrize("code", [*PROGRAMS.values(), *MORE.values()], ids=[*PROGRAMS, *MORE])
def test_columns_are_the_fields_of_the_entries(code: str) -> None:
    with recording(TraceRequest(code=code), tables=True) as trace:
        for name, table in sections(trace):
            assert isinstance(table, Table)
            entries = list(table)
            some = list(range(0, len(entries), 3))[::-1]
            assert table.written(some) == [entries[at] for at in some]
            for path in PATHS[name]:
                assert column(table, path) == column(entries, path), (name, path)
                assert column(table, path, some) == column(entries, path, some), (name, path)


def test_an_op_that_changes_nothing_mutates_nothing() -> None:
    code = "x = torch.ones(2)\ny = x * 2\ny.add_(1)\n"
    with recording(TraceRequest(code=code), tables=True) as trace:
        changed = column(trace["ops"], "mutated")
        assert [bool(one) for one in changed] == [
            op.get("mutated") is not None for op in trace["ops"]
        ]
        assert [one for one in changed if one] == [["t1"]]
