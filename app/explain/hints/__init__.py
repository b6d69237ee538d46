"""Silent surprises: nothing was raised, and yet something is not as it seems.

A hint must be true of every program that gets it, and worth a reader's time;
when in doubt a rule says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from app.explain.finding import Finding
from app.explain.hints import (
    copies,
    cutting,
    losses,
    memory,
    nonfinite,
    numbers,
    silent,
    training,
    written,
)
from app.explain.program import Program

#: More hints than this would bury the page; of one kind, three make the point.
MAX_HINTS = 12
MAX_OF_A_KIND = 3

RULES: tuple[Callable[[Program], Iterator[Finding]], ...] = (
    *training.RULES,
    *memory.RULES,
    *cutting.RULES,
    *copies.RULES,
    *losses.RULES,
    *nonfinite.RULES,
    *numbers.RULES,
    *silent.RULES,
    *written.RULES,
)


def find_hints(program: Program) -> list[Finding]:
    """The findings of all rules, one for each code and place, in order of lines."""
    found: dict[tuple[str, int | None, str | None], Finding] = {}
    count: Counter[str] = Counter()
    for rule in RULES:
        for finding in rule(program):
            key = (finding.code, finding.line, finding.variable)
            if key not in found and count[finding.code] < MAX_OF_A_KIND:
                found[key] = finding
                count[finding.code] += 1
    return sorted(found.values(), key=lambda f: f.line or 0)[:MAX_HINTS]


__all__ = ["find_hints"]
