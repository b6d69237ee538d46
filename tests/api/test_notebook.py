"""Every cell of the teaching notebook, as written, over HTTP: the numbers are plain torch's."""

from __future__ import annotations

from typing import Any

import pytest

from app.lessons import get_lesson
from tests.conftest import Server
from tests.plain import run_plain

Trace = dict[str, Any]


@pytest.fixture
def run(server: Server) -> Any:
    def run(lesson_id: str, **more: Any) -> Trace:
        return server.trace(get_lesson(lesson_id).code, **more)

    return run


def engine_order(graph: dict[str, Any]) -> list[str]:
    names = {node["id"]: node["name"] for node in graph["nodes"]}
    return [names[node] for node in graph["order"]]


def variable(trace: Trace, name: str) -> dict[str, Any]:
    return next(v for v in trace["variables"] if v["name"] == name)


def kinds(trace: Trace) -> list[str]:
    return [event["kind"] for event in trace["timeline"] if event["kind"] != "print"]


def ghosts(trace: Trace) -> list[tuple[str, str]]:
    found = [op for op in trace["ops"] if not op["recorded"] and op["why_not_recorded"]]
    return [(op["expression"], op["why_not_recorded"]) for op in found]


def test_backward(run: Any) -> None:
    trace = run("backward")
    plain = run_plain(get_lesson("backward").code)
    (graph,) = trace["graphs"]
    assert engine_order(graph) == [
        "MeanBackward0",
        "MulBackward0",
        "MulBackward0",
        "AddBackward0",
        "AccumulateGrad",
    ]
    assert len(graph["edges"]) == 5
    add = next(node for node in graph["nodes"] if node["name"] == "AddBackward0")
    into_y = [edge for edge in graph["edges"] if edge["target"] == add["id"]]
    y = plain.names["y"].tolist()
    assert [edge["gradient"]["data"] for edge in into_y] == [pytest.approx(y)] * 2
    assert add["upstream"][0]["data"] == pytest.approx([2 * v for v in y])
    assert variable(trace, "x")["grad"]["data"] == pytest.approx(plain.names["x"].grad.tolist())
    assert trace["stdout"] == plain.stdout


def test_without_requires_grad(run: Any) -> None:
    trace = run("no-requires-grad")
    error = trace["error"]
    assert error["message"] == (
        "element 0 of tensors does not require grad and does not have a grad_fn"
    )
    assert error["line"] == 13
    assert ("x+2", "no_input_requires_grad") in ghosts(trace)
    assert ("y*y", "no_input_requires_grad") in ghosts(trace)
    fixes = error["diagnosis"]["fixes"]
    assert any("requires_grad" in edit["text"] for fix in fixes for edit in fix["edits"])


def test_non_scalar(run: Any) -> None:
    error = run("non-scalar")["error"]
    assert error["message"] == "grad can be implicitly created only for scalar outputs"
    assert error["line"] == 10
    gradient = error["diagnosis"]["gradient"]
    assert len(gradient) == 3, "the offered vector has the root's shape"


def test_vector(run: Any) -> None:
    trace = run("vector")
    (graph,) = trace["graphs"]
    assert engine_order(graph) == ["MulBackward0"] * 11 + ["AccumulateGrad"]
    v = [0.1, 1.0, 0.0001]
    assert graph["roots"][0]["gradient"]["data"] == pytest.approx(v)
    assert variable(trace, "x")["grad"]["data"] == pytest.approx([2048 * one for one in v])
    loop = [op for op in trace["ops"] if op["site"] and op["site"]["line"] == 12]
    assert [op["site"]["occurrence"] for op in loop] == list(range(10))
    assert [op["iteration"] for op in loop] == [[i] for i in range(10)]


def test_requires_grad_in_place(run: Any) -> None:
    trace = run("requires-grad-in-place")
    reasons = dict(ghosts(trace))
    assert {reasons[text] for text in ("a * 3", "a - 1")} == {"no_input_requires_grad"}
    a, b = variable(trace, "a"), variable(trace, "b")
    assert (a["requires_grad"], a["is_leaf"], a["grad_fn"]) == (True, True, None)
    assert (b["requires_grad"], b["grad_fn"]) == (False, None)


def test_requires_grad_off(run: Any) -> None:
    trace = run("requires-grad-off")
    assert variable(trace, "x")["requires_grad"] is False
    assert trace["stdout"] == run_plain(get_lesson("requires-grad-off").code).stdout


def test_detach(run: Any) -> None:
    trace = run("detach")
    assert variable(trace, "y")["requires_grad"] is False
    assert ("x.detach()", "detached") in ghosts(trace)


def test_no_grad(run: Any) -> None:
    trace = run("no-grad")
    plus = [op for op in trace["ops"] if op["expression"] == "x+2"]
    assert [(op["recorded"], op["why_not_recorded"]) for op in plus] == [
        (False, "no_grad"),
        (True, None),
    ]


def test_accumulation(run: Any) -> None:
    trace = run("accumulate")
    assert len(trace["graphs"]) == 8
    steps = [event for event in trace["timeline"] if event["kind"] == "accumulate"]
    after = [event["updates"][0]["after"]["data"] for event in steps]
    assert after == [[3.0 * epoch] * 4 for epoch in range(1, 9)]
    before = [event["updates"][0]["before"] for event in steps]
    assert before[0] is None
    assert [one["data"] for one in before[1:]] == after[:-1]


def test_zero_grad(run: Any) -> None:
    trace = run("zero-grad")
    steps = [event for event in trace["timeline"] if event["kind"] == "accumulate"]
    assert [event["updates"][0]["after"]["data"] for event in steps] == [[3.0] * 4] * 2
    assert kinds(trace).count("zero_grad") == 2
    assert variable(trace, "weights")["grad"]["data"] == [0.0] * 4
    assert variable(trace, "weights")["grad_status"] == "zeroed"


def test_optimizer_wants_a_list(run: Any, server: Server) -> None:
    trace = run("optimizer-list")
    plain = run_plain(get_lesson("optimizer-list").code)
    error = trace["error"]
    assert (error["type"], error["message"]) == ("TypeError", str(plain.error))
    assert "iterable" in error["diagnosis"]["explanation"] + error["diagnosis"]["fix"]
    (edit,) = error["diagnosis"]["fixes"][0]["edits"]
    code = get_lesson("optimizer-list").code
    lines = code.split("\n")
    line = lines[edit["line"] - 1]
    lines[edit["line"] - 1] = line[: edit["col"]] + edit["text"] + line[edit["end_col"] :]
    fixed = server.trace("\n".join(lines))
    assert fixed["error"] is None
    assert kinds(fixed)[-2:] == ["optimizer_step", "zero_grad"]


def test_intervention_cuts_and_can_be_taken_back(run: Any) -> None:
    span = {"line": 7, "col": 4, "end_line": 7, "end_col": 7}
    cut = [{"id": "i1", "kind": "detach", "target": span}]
    after = run("backward", interventions=cut)
    assert variable(after, "x")["grad"] is None
    (result,) = after["interventions"]
    assert (result["id"], result["applied"]) == ("i1", 1)
    assert "detach" in result["edits"][0]["text"]
    again = run("backward")
    assert variable(again, "x")["grad_status"] == "accumulated"
