"""Hints: given where something is wrong, never on a program without fault."""

from __future__ import annotations

import pytest

from app.explain import annotate
from app.explain.finding import TEXTS
from app.explain.source import apply
from app.recorder import record
from app.trace import TraceRequest
from tests.explain.running import (
    HEAD,
    explained,
    fits_in_main,
    hint_codes,
    inside_main,
    names,
    pairs,
    programs,
)

CASES = programs("hints")
GIVEN = pairs(CASES, "given")
NEAR = pairs(CASES, "near")
IN_MAIN = [(code, program) for code, program in GIVEN if fits_in_main(program)]

#: Hints whose fixes must take them away.
CLEARED_BY_FIX = {
    "hint-accumulates",
    "hint-step-cleared",
    "hint-eval",
    "hint-graph-kept",
    "hint-graph-in-list",
    "hint-cut",
    "hint-tensor-copy",
    "hint-non-leaf-grad",
    "hint-item",
    "hint-loss-broadcast",
    "hint-double-softmax",
    "hint-nonfinite-value",
    "hint-nonfinite-gradient",
    "hint-nonfinite-where",
    "hint-hidden-leaf",
    "hint-not-optimized",
    "hint-not-called",
    "hint-python-max",
    "hint-not-registered",
    "hint-flag-misspelt",
    "hint-flag-on-a-module",
}
FIXED = [(code, program) for code, program in GIVEN if code in CLEARED_BY_FIX]


@pytest.mark.parametrize(("code", "program"), IN_MAIN, ids=names(IN_MAIN))
def test_it_is_given_inside_of_a_function(code: str, program: str) -> None:
    assert code in hint_codes(explained(inside_main(program)))


@pytest.mark.parametrize(("code", "program"), GIVEN, ids=names(GIVEN))
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


@pytest.mark.parametrize(("code", "program"), FIXED, ids=names(FIXED))
def test_its_fix_takes_it_away(code: str, program: str) -> None:
    hints = explained(program).get("hints", [])
    fixes = [
        f for h in hints if h["diagnosis"]["code"] == code for f in h["diagnosis"].get("fixes", [])
    ]
    for fix in fixes:
        after = explained(apply(program, fix["edits"]))
        assert after["error"] is None, (apply(program, fix["edits"]), after["error"])
        assert code not in hint_codes(after), apply(program, fix["edits"])


@pytest.mark.parametrize("code", sorted(CLEARED_BY_FIX))
def test_at_least_one_of_its_programs_is_offered_a_fix(code: str) -> None:
    offered = [
        fix
        for program in CASES[code]["given"]
        for hint in explained(HEAD + program).get("hints", [])
        if hint["diagnosis"]["code"] == code
        for fix in hint["diagnosis"].get("fixes", [])
    ]
    assert offered


@pytest.mark.parametrize(("code", "program"), NEAR, ids=names(NEAR))
def test_a_near_miss_does_not_get_it(code: str, program: str) -> None:
    trace = explained(program)
    assert trace["error"] is None, trace["error"]
    assert code not in hint_codes(trace)


@pytest.mark.parametrize("program", programs("correct")["programs"])
def test_a_program_without_fault_gets_none(program: str) -> None:
    trace = explained(HEAD + program)
    assert trace["error"] is None, trace["error"]
    assert hint_codes(trace) == []


def test_every_hint_has_two_programs_and_two_near_misses() -> None:
    hints = {code for code in TEXTS if code.startswith("hint-")}
    assert hints == set(CASES)
    assert all(len(found[kind]) >= 2 for found in CASES.values() for kind in ("given", "near"))


def _function(backward: str) -> str:
    return HEAD + (
        "class Square(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x):\n"
        "        ctx.save_for_backward(x)\n        return x * x\n"
        "    @staticmethod\n    def backward(ctx, g):\n"
        f"        x, = ctx.saved_tensors\n        return {backward}\n"
        "x = torch.tensor([1.0, 2.0], requires_grad=True)\n"
        "Square.apply(x).sum().backward()\n"
    )


def test_a_check_that_fails_names_the_function_written_by_hand() -> None:
    code = _function("g")
    trace = record(TraceRequest(code=code, check=True))
    annotate(trace, code)
    [hint] = [h for h in trace["hints"] if h["diagnosis"]["code"] == "check-disagrees"]
    assert "`Square`" in hint["diagnosis"]["explanation"]
    assert hint["variable"] == "x"


def test_a_check_that_passes_gives_no_hint() -> None:
    code = _function("2 * x * g")
    trace = record(TraceRequest(code=code, check=True))
    annotate(trace, code)
    assert "check-disagrees" not in hint_codes(trace)
