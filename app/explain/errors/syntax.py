"""Text that is not Python: the usual slips, each with what to write."""

from __future__ import annotations

import re

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.trace.explanations import Edit, Evidence, Fix

_OPENERS = {"(": ")", "[": "]", "{": "}"}
_PROMPT = re.compile(r"\s*(>>> ?|In \[\d*\]: ?)")
_CONTINUED = re.compile(r"\s*\.\.\.( |$)")
_COMMAND = re.compile(r"\s*[!%]")


def _here(case: Case) -> list[Evidence]:
    return [case.program.line_evidence(case.line)] if case.line is not None else []


def _values(case: Case) -> dict[str, object]:
    return {"line": case.line, "text": case.program.source.line(case.line).strip()[:60]}


@error
def print_statement(case: Case) -> Finding:
    line = case.line or 1
    text = case.program.source.line(line)
    match = re.match(r"(\s*)print\s+(.*\S)\s*$", text)
    offered: list[Fix] = []
    if match is not None:
        new = f"{match[1]}print({match[2]})"
        edit = {"line": line, "col": 0, "end_line": line, "end_col": len(text), "text": new}
        offered = [edits.fix("Put brackets round it", edit)]  # type: ignore[arg-type]
    return Finding("syntax-print", _values(case), _here(case), offered)


@error
def colon(case: Case) -> Finding:
    line = case.line or 1
    text = case.program.source.line(line).rstrip()
    offered = [edits.fix("Put a colon at the end", edits.insert(line, len(text), ":"))]
    return Finding("syntax-colon", _values(case), _here(case), offered)


@error
def never_closed(case: Case) -> Finding:
    bracket = case.group("bracket")
    line = case.line or 1
    text = case.program.source.line(line).rstrip()
    close = _OPENERS[bracket]
    offered = [edits.fix(f"Put `{close}` at the end", edits.insert(line, len(text), close))]
    values = {**_values(case), "bracket": bracket, "close": close}
    return Finding("syntax-bracket", values, _here(case), offered)


@error
def unmatched(case: Case) -> Finding:
    bracket = case.match["bracket"] or case.match["other"]
    return Finding("syntax-unmatched", {**_values(case), "bracket": bracket}, _here(case))


@error
def open_string(case: Case) -> Finding:
    return Finding("syntax-string", _values(case), _here(case))


@error
def no_block(case: Case) -> Finding:
    line = case.line or 1
    offered = [edits.fix("Indent the line", edits.insert(line, 0, "    "))]
    values = {**_values(case), "what": case.group("what"), "start": case.group("start")}
    return Finding("indent-missing", values, _here(case), offered)


@error
def unexpected_indent(case: Case) -> Finding:
    line = case.line or 1
    source = case.program.source
    written = [number for number, text in enumerate(source.lines, 1) if text.strip()]
    if line == written[0]:
        return _indented_as_a_whole(case, written)
    wide = len(source.indent(line))
    above = next((n for n in range(line - 1, 0, -1) if source.line(n).strip()), None)
    keep = len(source.indent(above)) if above is not None else 0
    edit = {"line": line, "col": keep, "end_line": line, "end_col": wide, "text": ""}
    fix = edits.fix("Give it the indentation of the line above", edit)  # type: ignore[arg-type]
    return Finding("indent-unexpected", _values(case), _here(case), [fix])


def _indented_as_a_whole(case: Case, written: list[int]) -> Finding:
    width = min(len(case.program.source.indent(number)) for number in written)
    moved: list[Edit] = [
        {"line": number, "col": 0, "end_line": number, "end_col": width, "text": ""}
        for number in written
    ]
    fix = edits.fix("Move all lines to the left", *moved)
    return Finding("indent-whole", _values(case), _here(case), [fix])


@error
def uneven_indent(case: Case) -> Finding:
    return Finding("indent-uneven", _values(case), _here(case))


@error
def one_equals(case: Case) -> Finding:
    return Finding("syntax-equals", _values(case), _here(case))


@error
def out_of_place(case: Case) -> Finding:
    return Finding("syntax-outside", {**_values(case), "word": case.group("word")}, _here(case))


def notebook(case: Case) -> Finding | None:
    """A line that only a notebook, a shell or Python's prompt understands."""
    text = case.program.source.line(case.line)
    if _PROMPT.match(text) or _COMMAND.match(text):
        return Finding("syntax-notebook", _values(case), _here(case), [_as_program(case)])
    return None


def _as_program(case: Case) -> Fix:
    """A notebook's or an interpreter's lines: prompts away, and the rest made comments."""
    lines = case.program.source.lines
    session = any(_PROMPT.match(text) for text in lines)
    changes: list[Edit] = []
    for number, text in enumerate(lines, 1):
        prompt = _PROMPT.match(text) or (_CONTINUED.match(text) if session else None)
        if prompt is not None:
            end = prompt.end()
            changes.append(
                {"line": number, "col": 0, "end_line": number, "end_col": end, "text": ""}
            )
        elif _COMMAND.match(text) or (session and text.strip()):
            changes.append(edits.insert(number, 0, "# "))  # a command, or what was printed
    return edits.fix("Make a program of it", *changes)


@error
def other(case: Case) -> Finding:
    text = case.program.source.line(case.line)
    block = re.match(r"\s*(if|for|while|def|class|with|else|elif|try|except)\b[^#]*$", text)
    if block is not None and not text.rstrip().endswith(":"):
        keyword = block[1]
        return Finding("syntax-block", {**_values(case), "keyword": keyword}, _here(case))
    if re.search(r"[“”‘’]", text):
        return Finding("syntax-quotes", _values(case), _here(case))
    return notebook(case) or Finding("syntax-other", _values(case), _here(case))
