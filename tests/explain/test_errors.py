"""Diagnoses of errors: raised where they belong, silent elsewhere, with fixes that work."""

from __future__ import annotations

import pytest

from app.explain.finding import TEXTS
from app.explain.source import apply
from app.trace.explanations import Diagnosis
from tests.explain.running import (
    explained,
    fits_in_main,
    inside_main,
    names,
    pairs,
    programs,
)

CASES = programs("errors")
RAISING = pairs(CASES, "raising")
NEAR = pairs(CASES, "near")
IN_MAIN = [(code, program) for code, program in RAISING if fits_in_main(program)]

#: Fixes of these leave the program with another thing to decide, so they need not make it run.
UNFINISHED = {"syntax-bracket"}


def diagnosed(code: str) -> Diagnosis | None:
    raised = explained(code)["error"]
    return raised["diagnosis"] if raised is not None else None


@pytest.mark.parametrize(("code", "program"), RAISING, ids=names(RAISING))
def test_it_is_raised_and_speaks_of_this_program(code: str, program: str) -> None:
    found = diagnosed(program)
    assert found is not None
    assert found["code"] == code
    words = found["explanation"] + found["fix"]
    assert "{" not in words.replace("{'", "").replace("= {}", "")
    assert "None None" not in words
    assert 30 <= len(found["explanation"]) <= 700
    assert 5 <= len(found["title"]) <= 80
    assert 8 <= len(found["fix"]) <= 320
    assert _names_something(found, program), found["explanation"]
    assert found["evidence"], "nothing in the trace to point at"


def _names_something(found: Diagnosis, program: str) -> bool:
    """A line number, or a piece of the source, stands in the words."""
    words = found["explanation"]
    lines = [f"line {n}" for n in range(1, program.count("\n") + 2)]
    quoted = words.split("`")[1::2]
    return any(line in words.lower() for line in lines) or any(q in program for q in quoted)


@pytest.mark.parametrize(("code", "program"), RAISING, ids=names(RAISING))
def test_its_fixes_make_the_program_run(code: str, program: str) -> None:
    found = diagnosed(program)
    assert found is not None
    for fix in found.get("fixes", []):
        changed = apply(program, fix["edits"])
        assert changed != program
        raised = explained(changed)["error"]
        if code in UNFINISHED:
            assert raised is None or raised["message"] != found["title"]
        else:
            assert raised is None, f"{fix['title']}\n{changed}\n{raised}"


@pytest.mark.parametrize(("code", "program"), IN_MAIN, ids=names(IN_MAIN))
def test_it_is_the_same_inside_of_a_function(code: str, program: str) -> None:
    outside, inside = diagnosed(program), diagnosed(inside_main(program))
    assert outside is not None and inside is not None
    assert inside["code"] == code
    assert len(inside.get("fixes", [])) == len(outside.get("fixes", []))
    for fix in inside.get("fixes", []):
        raised = explained(apply(inside_main(program), fix["edits"]))["error"]
        assert raised is None or code in UNFINISHED, fix["title"]


@pytest.mark.parametrize(("code", "program"), NEAR, ids=names(NEAR))
def test_a_near_miss_does_not_raise_it(code: str, program: str) -> None:
    raised = explained(program)["error"]
    assert raised is None, raised
    del code


def test_every_case_has_two_programs_and_two_near_misses() -> None:
    for code, found in CASES.items():
        assert len(found["raising"]) >= 2, code
        assert len(found["near"]) >= 2, code
        assert code in TEXTS, code
