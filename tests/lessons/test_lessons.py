"""Each lesson runs as plain torch runs it, its notes find their steps, its question is solved."""

from __future__ import annotations

from typing import Any

import pytest

from app.explain import annotate
from app.lessons import Goal, Lesson, all_lessons, get_lesson
from app.recorder import record
from app.trace import Trace, TraceRequest
from tests.plain import run_plain

LESSONS = all_lessons()
IDS = [lesson.id for lesson in LESSONS]


def traced(code: str, **more: Any) -> Trace:
    trace = record(TraceRequest(code=code, **more))
    annotate(trace, code)
    return trace


def holds(goal: Goal, trace: Trace) -> bool:
    """Whether this run answers the question (the page asks the same of the trace)."""
    grads = {v["name"]: v["grad"] for v in trace["variables"]}
    checks = []
    if goal.grad is not None:
        there = goal.variable in grads and grads[goal.variable] is not None
        checks.append(there == (goal.grad == "some"))
    if goal.equals is not None:
        grad = grads.get(goal.variable or "")
        data = None if grad is None else grad["data"]
        flat = data if isinstance(data, list) else [data]
        checks.append(data is not None and flat == pytest.approx(goal.equals, abs=1e-4))
    if goal.requires_grad is not None:
        flags = {v["name"]: v["requires_grad"] for v in trace["variables"]}
        checks.append(flags.get(goal.variable or "") == goal.requires_grad)
    if goal.error is not None:
        checks.append((trace["error"] is not None) == goal.error)
    if goal.stdout_contains is not None:
        checks.append(goal.stdout_contains in trace["stdout"])
    if goal.backward_calls is not None:
        checks.append(goal.backward_calls == len(trace["graphs"]))
    assert checks, "a goal without a condition is no question"
    return all(checks)


@pytest.mark.parametrize("lesson", LESSONS, ids=IDS)
def test_runs_as_plain_torch_does(lesson: Lesson) -> None:
    plain = run_plain(lesson.code)
    trace = traced(lesson.code)
    assert trace["stdout"] == plain.stdout
    if plain.error is None:
        assert trace["error"] is None
    else:
        assert trace["error"] is not None
        assert trace["error"]["type"] == type(plain.error).__name__
        assert trace["error"]["message"] == str(plain.error)
        assert trace["error"]["diagnosis"] is not None, "a lesson's error is explained"
    for variable in trace["variables"]:
        tensor = _named(plain.names, variable["name"])
        assert variable["shape"] == list(tensor.shape)
        grad = tensor.grad if tensor.is_leaf or tensor.retains_grad else None
        assert (variable["grad"] is None) == (grad is None), variable["name"]
        if grad is not None and variable["grad"]["data"] is not None:
            expected = pytest.approx(grad.flatten().tolist(), nan_ok=True)
            shown = variable["grad"]["data"]
            assert [float(x) for x in _flatten(shown)] == expected


def _named(names: dict[str, Any], name: str) -> Any:
    """The tensor that a variable's name means: `x`, or a module's `model.0.weight`."""
    first, _, path = name.partition(".")
    value = names[first]
    return value.get_parameter(path) if path else value


def _flatten(data: Any) -> list[Any]:
    return [x for part in data for x in _flatten(part)] if isinstance(data, list) else [data]


@pytest.mark.parametrize("lesson", LESSONS, ids=IDS)
def test_every_note_belongs_to_a_step(lesson: Lesson) -> None:
    timeline = traced(lesson.code)["timeline"]
    for note in lesson.notes:
        found = [
            event
            for event in timeline
            if event["kind"] == note.at.kind and note.at.line in (None, event["line"])
        ]
        assert found, f"no {note.at} in {[(e['kind'], e['line']) for e in timeline]}"
        found[note.at.nth]  # raises IndexError if there are fewer


def _replaced(lesson_id: str, old: str, new: str) -> dict[str, Any]:
    code = get_lesson(lesson_id).code
    assert old in code
    return {"code": code.replace(old, new)}


def _cut(lesson_id: str, kind: str, expression: str) -> dict[str, Any]:
    """The lesson with an intervention on the first place of `expression`."""
    code = get_lesson(lesson_id).code
    before = code[: code.index(expression)]
    line, col = before.count("\n") + 1, len(before) - before.rfind("\n") - 1
    span = {"line": line, "col": col, "end_line": line, "end_col": col + len(expression)}
    return {"code": code, "interventions": [{"id": "i", "kind": kind, "target": span}]}


#: What a learner does to answer each question.
SOLUTIONS: dict[str, dict[str, Any]] = {
    "chain-rule": _replaced("chain-rule", "x ** 2", "x ** 3"),
    "backward": _cut("backward", "detach", "y*y"),
    "no-requires-grad": _replaced("no-requires-grad", "randn(3)", "randn(3, requires_grad=True)"),
    "non-scalar": _replaced("non-scalar", "a.backward()", "a.backward(torch.ones_like(a))"),
    "vector": _replaced("vector", "[0.1, 1.0, 0.0001]", "[1.0, 1.0, 1.0]"),
    "requires-grad-in-place": _replaced(
        "requires-grad-in-place", "b = ((a", "a.requires_grad_(True)\nb = ((a"
    ),
    "requires-grad-off": _replaced(
        "requires-grad-off", "x.requires_grad_(", "x.sum().backward()\nx.requires_grad_("
    ),
    "detach": {"code": get_lesson("detach").code + "y[0] = 0\nprint(x)\n"},
    "no-grad": {"code": get_lesson("no-grad").code + "z.sum().backward()\n"},
    "accumulate": _replaced(
        "accumulate", "print(weights.grad)", "print(weights.grad)\n    weights.grad.zero_()"
    ),
    "zero-grad": _replaced("zero-grad", "    weights.grad.zero_()", ""),
    "loop-zero-grad": _replaced("loop-zero-grad", "split(2)", "split(4)"),
    "optimizer-list": _replaced("optimizer-list", "SGD(weights,", "SGD([weights],"),
    "optimizer": _replaced("optimizer", "lr=0.1", "lr=1/18"),
    "fan-out": _cut("fan-out", "detach", "torch.sin(h)"),
    "non-leaf": _cut("non-leaf", "retain_grad", "x * 4"),
    "detach-or-no-grad": {
        "code": "x = torch.tensor(3.0, requires_grad=True)\n"
        "a = x * x\nb = x * x\nc = x * a + x * b\nc.backward()\n"
    },
    "vanishing": _replaced("vanishing", "torch.sigmoid", "torch.relu"),
    "nan": _replaced(
        "nan", "torch.sqrt(x)", "torch.sqrt(torch.where(x > 0, x, torch.ones_like(x)))"
    ),
    "in-place": _replaced("in-place", "y += 1", "y = y + 1"),
    "custom-function": _replaced("custom-function", "Round.apply(x)", "torch.round(x)"),
    "double-backward": _replaced("double-backward", "x ** 3", "x ** 4"),
    "xor": _replaced("xor", "optimizer = ", "model[0].requires_grad_(False)\noptimizer = "),
}


def test_every_question_has_a_solution_here() -> None:
    assert set(SOLUTIONS) == {lesson.id for lesson in LESSONS}


@pytest.mark.parametrize("lesson_id", SOLUTIONS)
def test_question_is_open_before_and_answered_after(lesson_id: str) -> None:
    lesson = get_lesson(lesson_id)
    assert not holds(lesson.question.goal, traced(lesson.code))
    assert holds(lesson.question.goal, traced(**SOLUTIONS[lesson_id]))


def test_page_opens_on_one_lesson() -> None:
    assert [lesson.id for lesson in LESSONS if lesson.opening] == ["backward"]
