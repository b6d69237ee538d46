"""How an exception finds its explanation: by its type's name and its message."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.explain.finding import Finding
from app.explain.program import Program
from app.trace.document import Error


@dataclass(frozen=True)
class Case:
    """The program, its error, and what the pattern caught of the message."""

    program: Program
    error: Error
    match: re.Match[str]

    @property
    def line(self) -> int | None:
        return self.error["line"]

    def group(self, name: str) -> str:
        return self.match.group(name) or ""


Explain = Callable[[Case], Finding | None]
_RULES: list[tuple[re.Pattern[str], re.Pattern[str], Explain]] = []


def error(types: str, message: str) -> Callable[[Explain], Explain]:
    """Register an explanation of exceptions whose type and message match.

    Several may be registered for one message: the first that returns a finding
    speaks.
    """

    def register(explain: Explain) -> Explain:
        _RULES.append((re.compile(types), re.compile(message, re.DOTALL), explain))
        return explain

    return register


def explain_error(program: Program, raised: Error) -> Finding | None:
    """The finding of the first rule that fits, or None."""
    for types, message, explain in _RULES:
        if not types.fullmatch(raised["type"]):
            continue
        match = message.search(raised["message"])
        if match is None:
            continue
        finding = explain(Case(program, raised, match))
        if finding is not None:
            if finding.line is None:
                finding.line = raised["line"]
            return finding
    return None
