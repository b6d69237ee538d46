"""How an exception finds its explanation: by its type's name and its message.

The messages stand in `texts/messages.toml`, in a table for each family (module)
and function, so that a new wording of torch is a change of data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.explain.finding import Finding
from app.explain.program import Program
from app.explain.texts import load
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

_MESSAGES = load("messages")
_RULES: list[tuple[re.Pattern[str], re.Pattern[str], Explain]] = []


def error(explain: Explain) -> Explain:
    """Register an explanation for the messages that stand under its module and name."""
    family = explain.__module__.rsplit(".", 1)[-1]
    for types, message in _MESSAGES[family][explain.__name__]["messages"]:
        _RULES.append((re.compile(types), re.compile(message, re.DOTALL), explain))
    return explain


def explain_error(program: Program, raised: Error) -> Finding | None:
    """The finding of the first rule that fits and has something to say, or None."""
    for types, message, explain in _RULES:
        if not types.fullmatch(raised["type"]):
            continue
        match = message.search(raised["message"])
        if match is None:
            continue
        finding = explain(Case(program, raised, match))
        if finding is not None:
            return finding
    return None
