"""Hints: given where something is wrong, never on a program without fault."""

from __future__ import annotations

import pytest

from app.explain.finding import TEXTS
from app.explain.source import apply
from tests.explain.correct_programs import PROGRAMS
from tests.explain.hint_cases import CASES, CLEARED_BY_FIX
from tests.explain.running import explained, hint_codes

HEAD = "import torch, torch.nn as nn, torch.nn.functional as F\n"
GIVEN = [(code, HEAD + one) for code, (given, _) in CASES.items() for one in given]
NEAR = [(code, HEAD + one) for code, (_, near) in CASES.items() for one in near]


@pytest.mark.parametrize(("code", "program"), GIVEN)
def test_it_is_given_and_speaks_of_this_program(code: str, program: str) -> None:
    trace = explained(program)
    hints = [h for h in trace.get("hints", []) if h["diagnosis"]["code"] == code]
    assert hints, (hint_codes(trace), trace["error"])
    found = hints[0]["diagnosis"]
    words = found["explanation"] + found["fix"]
    assert "{" not in words
    assert 30 <= len(found["explanation"]) <= 700
    assert 5 <= len(found["title"]) <= 80
    assert 8 <= len(found["fix"]) <= 320
    quoted = found["explanation"].split("`")[1::2]
    assert "line " in found["explanation"] or any(q in program for q in quoted)
    assert found["evidence"]
    assert hints[0]["line"] is None or 1 <= hints[0]["line"] <= program.count("\n") + 1


@pytest.mark.parametrize(
    ("code", "program"), [(code, program) for code, program in GIVEN if code in CLEARED_BY_FIX]
)
def test_its_fix_takes_it_away(code: str, program: str) -> None:
    hints = explained(program).get("hints", [])
    fixes = [f for h in hints if h["diagnosis"]["code"] == code for f in h["diagnosis"].get("fixes", [])]
    for fix in fixes:
        after = explained(apply(program, fix["edits"]))
        assert after["error"] is None, (apply(program, fix["edits"]), after["error"])
        assert code not in hint_codes(after), apply(program, fix["edits"])


@pytest.mark.parametrize("code", sorted(CLEARED_BY_FIX))
def test_at_least_one_of_its_programs_is_offered_a_fix(code: str) -> None:
    offered = [
        fix
        for program in CASES[code][0]
        for hint in explained(HEAD + program).get("hints", [])
        if hint["diagnosis"]["code"] == code
        for fix in hint["diagnosis"].get("fixes", [])
    ]
    assert offered


@pytest.mark.parametrize(("code", "program"), NEAR)
def test_a_near_miss_does_not_get_it(code: str, program: str) -> None:
    trace = explained(program)
    assert trace["error"] is None, trace["error"]
    assert code not in hint_codes(trace)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_without_fault_gets_none(program: str) -> None:
    trace = explained(HEAD + program)
    assert trace["error"] is None, trace["error"]
    assert hint_codes(trace) == []


def test_every_hint_has_two_programs_and_two_near_misses() -> None:
    hints = {code for code in TEXTS if code.startswith("hint-")}
    assert hints == set(CASES)
    assert all(len(given) >= 2 and len(near) >= 2 for given, near in CASES.values())
