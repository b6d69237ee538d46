"""A finding is what a rule saw; with the words of `texts/diagnoses.toml` it is a diagnosis."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from app.explain import source as edits
from app.explain.texts import load
from app.trace.explanations import Diagnosis, Evidence, Fix

#: code -> {title, happened, why, fix, docs}; read at import, before any sandbox closes.
TEXTS: dict[str, dict[str, str]] = load("diagnoses")

#: Values of the program are cut to this many characters inside a sentence.
VALUE_CHARS = 60


@dataclass
class Finding:
    """What happened, as a code and the values that its words speak of."""

    code: str
    values: dict[str, Any] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)
    gradient: Any = None
    line: int | None = None
    variable: str | None = None


def diagnosis(finding: Finding, code: str) -> Diagnosis:
    """Render a finding; fixes that would not parse are left out."""
    text = TEXTS[finding.code]
    values = {k: _short(v) for k, v in finding.values.items()}
    rendered: Diagnosis = {
        "code": finding.code,
        "title": text["title"].format_map(values),
        "explanation": " ".join(f"{text['happened']} {text['why']}".format_map(values).split()),
        "fix": text["fix"].format_map(values),
        "evidence": finding.evidence,
        "docs": text.get("docs"),
    }
    fixes = [f for f in finding.fixes if f["edits"] and _parses(edits.apply(code, f["edits"]))]
    if fixes:
        rendered["fixes"] = fixes
    if finding.gradient is not None:
        rendered["gradient"] = finding.gradient
    return rendered


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= VALUE_CHARS * 3 else text[: VALUE_CHARS * 3 - 3] + "..."


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
