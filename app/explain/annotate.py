"""Fill a trace with explanations: of its error, of silent surprises, of each variable."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from app.explain.errors import explain_error, explain_limit
from app.explain.finding import diagnosis
from app.explain.hints import find_hints
from app.explain.program import Program
from app.explain.why import why
from app.trace.document import Trace, Variable

#: Variables whose whole chain of evidence goes into the trace; the others get their sentence.
MAX_CHAINS = 60

_log = logging.getLogger(__name__)


def annotate(trace: Trace, code: str) -> None:
    """Write diagnoses, hints and variable explanations into `trace`.

    An explanation that fails is left out: it must never cost the trace itself.
    """
    _guarded(lambda: _annotate(Program(trace, code)), "annotate")


def _annotate(program: Program) -> None:
    # The error's words may quote a variable's.
    _guarded(lambda: _explain_variables(program), "variables")
    _guarded(lambda: _explain_error(program), "error")
    _guarded(lambda: _find_hints(program), "hints")


def _explain_error(program: Program) -> None:
    raised = program.trace["error"]
    if raised is None:
        return
    finding = explain_limit(program, raised) or explain_error(program, raised)
    if finding is not None:
        if not finding.evidence and raised["line"] is not None:
            finding.evidence = [program.line_evidence(raised["line"])]
        raised["diagnosis"] = diagnosis(finding, program.source.code)


def _explain_variables(program: Program) -> None:
    for number, variable in enumerate(program.trace["variables"]):
        _guarded(partial(_explain_variable, program, variable, number < MAX_CHAINS), "a variable")


def _explain_variable(program: Program, variable: Variable, chain: bool) -> None:
    answer = why(program, variable, chain=chain)
    variable["explanation"] = answer["sentence"]
    if chain:
        variable["why"] = answer


def _find_hints(program: Program) -> None:
    program.trace["hints"] = [
        {
            "line": finding.line,
            "variable": finding.variable,
            "diagnosis": diagnosis(finding, program.source.code),
        }
        for finding in find_hints(program)
    ]


def _guarded(work: Callable[[], None], what: str) -> None:
    try:
        work()
    except Exception:
        _log.exception("explaining %s failed", what)
