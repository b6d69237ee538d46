"""Programs made by chance: the trace is what the plain run's witnesses saw."""

from __future__ import annotations

import logging

import pytest

from app.explain import annotate
from app.recorder import recording
from app.trace import TraceRequest
from tests.recorder.chance.agreement import agree
from tests.recorder.chance.writing import program

FEW = range(50)
MANY = range(50, 3_000)


def written(seed: int) -> str:
    """Every other program has its state compared after each statement, too."""
    return program(seed, marked=seed % 2 == 1)


@pytest.mark.parametrize("seed", FEW)
def test_a_program_made_by_chance(seed: int) -> None:
    agree(written(seed))


@pytest.mark.full
@pytest.mark.parametrize("seed", MANY)
def test_another_program_made_by_chance(seed: int) -> None:
    agree(written(seed))


@pytest.mark.parametrize("tables", [True, False])
@pytest.mark.parametrize("seed", FEW[:20])
def test_no_explanation_of_it_fails(
    seed: int, tables: bool, caplog: pytest.LogCaptureFixture
) -> None:
    code = written(seed)
    with recording(TraceRequest(code=code), tables=tables) as trace, caplog.at_level(logging.ERROR):
        annotate(trace, code)
    assert not caplog.records
    assert all(variable["explanation"] for variable in trace["variables"])
