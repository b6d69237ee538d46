"""What-ifs act while the program runs, and equal the change of source that they offer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.recorder.oracle import floats, plain, recorded

CODE = """import torch
x = torch.randn(3, requires_grad=True)
y = x + 2
a = y*y*3
b = a.mean()
b.backward()
"""
LOOP = """w = torch.ones(2, requires_grad=True)
total = 0
for i in range(3):
    total = total + (w * (i + 1)).sum()
total.backward()
"""


def span(line: int, col: int, end_col: int, **more: Any) -> dict[str, Any]:
    return {"line": line, "col": col, "end_line": line, "end_col": end_col, **more}


def run(code: str, kind: str, target: dict[str, Any]) -> tuple[Any, Any]:
    trace = recorded(code, interventions=[{"id": "cut", "kind": kind, "target": target}])
    (result,) = trace["interventions"]
    return trace, result


def apply(code: str, edits: list[Any]) -> str:
    """The edits, from last to first."""
    lines = code.split("\n")
    for edit in edits:
        head = lines[edit["line"] - 1][: edit["col"]]
        tail = lines[edit["end_line"] - 1][edit["end_col"] :]
        text = head + edit["text"] + tail
        lines[edit["line"] - 1 : edit["end_line"]] = text.split("\n")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("detach", span(4, 4, 7)),
        ("detach", span(4, 4, 5)),
        ("detach", span(4, 6, 7)),
        ("detach", span(3, 4, 9)),
        ("detach", span(5, 4, 12)),
        ("detach", {"name": "y"}),
        ("detach", {"lines": [3, 3]}),
        ("no_grad", span(4, 4, 7)),
        ("no_grad", span(4, 4, 9)),
        ("no_grad", {"lines": [3, 4]}),
        ("no_grad", {"name": "a"}),
        ("retain_grad", span(3, 4, 9)),
        ("retain_grad", {"name": "y"}),
        ("requires_grad", span(3, 4, 5)),
    ],
)
def test_an_intervention_equals_its_edits(kind: str, target: dict[str, Any]) -> None:
    trace, result = run(CODE, kind, target)
    assert result["applied"] == 1 and result["reason"] is None
    edited = plain(apply(CODE, result["edits"]))
    assert (trace["error"] is None) == (edited.error is None)
    if trace["error"] is not None:
        assert trace["error"]["message"] == str(edited.error)
    for variable in trace["variables"]:
        tensor = edited.names[variable["name"]]
        assert variable["requires_grad"] == tensor.requires_grad
        grad = tensor.grad if tensor.is_leaf or tensor.retains_grad else None
        assert (variable["grad"] is None) == (grad is None)
        if grad is not None:
            assert floats(variable["grad"]["data"]) == grad.tolist()


def test_an_op_tells_which_intervention_made_it() -> None:
    trace, _ = run(CODE, "detach", span(4, 4, 7))
    (cut,) = [op for op in trace["ops"] if op["intervention"]]
    assert (cut["name"], cut["why_not_recorded"], cut["expression"]) == (
        "detach",
        "detached",
        "y*y",
    )
    trace, _ = run(CODE, "no_grad", span(4, 4, 7))
    (ghost,) = [op for op in trace["ops"] if op["intervention"]]
    assert (ghost["name"], ghost["why_not_recorded"]) == ("mul", "no_grad")


def test_one_occurrence_only() -> None:
    trace, result = run(LOOP, "detach", span(4, 21, 32, occurrence=1))
    assert result["applied"] == 1
    (w,) = [v for v in trace["variables"] if v["name"] == "w"]
    assert w["grad"]["data"] == [4.0, 4.0]
    trace, result = run(LOOP, "detach", span(4, 21, 32))
    assert result["applied"] == 3


def test_no_grad_ends_when_the_expression_raises() -> None:
    code = """x = torch.ones(2, requires_grad=True)
try:
    y = x * torch.ones(3)
except RuntimeError:
    pass
z = x * 2
"""
    trace, result = run(code, "no_grad", span(3, 8, 25))
    assert result["applied"] == 1
    assert trace["ops"][-1]["recorded"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (span(4, 4, 6), "No expression"),
        (span(99, 0, 1), "No expression"),
        ({"name": "nobody"}, "assigns nothing to the name 'nobody'"),
        ({"lines": [50, 60]}, "No statement on these lines"),
        (span(4, 4, 7, occurrence=5), "It ran once: there is no occurrence 5"),
        (span(2, 16, 17), "not a tensor"),
    ],
)
def test_what_did_not_apply_says_why(target: dict[str, Any], reason: str) -> None:
    trace, result = run(CODE, "detach", target)
    assert result["applied"] == 0 and reason in result["reason"]
    assert trace["error"] is None


def test_two_at_one_place_are_each_told_as_source_that_parses() -> None:
    code = "x = torch.ones(2, requires_grad=True)\ny = x * 2\n"
    both = [{"id": id, "kind": "detach", "target": span(2, 4, 9)} for id in ("first", "second")]
    trace = recorded(code, interventions=both)
    for result in trace["interventions"]:
        assert result["edits"] is not None
        assert [edit["text"] for edit in result["edits"]] == ["(x * 2).detach()"]


def test_requires_grad_of_integers_says_why() -> None:
    _, result = run("k = torch.arange(3)\n", "requires_grad", {"name": "k"})
    assert result["applied"] == 0 and "floating point" in result["reason"]


def test_parameters_targets_and_functions_by_name() -> None:
    code = """def f(h):
    return h * 2
x = torch.ones(2, requires_grad=True)
for t in [x, x * 3]:
    u, v = f(t), t
u.sum().backward()
"""
    assert run(code, "detach", {"name": "h"})[1]["applied"] == 2
    assert run(code, "detach", {"name": "t"})[1]["applied"] == 2
    assert run(code, "detach", {"name": "u"})[1]["applied"] == 2
