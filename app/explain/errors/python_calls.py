"""Errors of Python about what a call or an operator was given."""

from __future__ import annotations

import ast
from contextlib import suppress
from difflib import get_close_matches

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.operands import failing, operands, tensor_of
from app.explain.texts import load
from app.trace.explanations import Evidence, Fix

_KEYWORDS: list[str] = load("names")["keywords"]["names"]
#: How alike two names must be for one to be meant by the other.
_ALIKE = 0.8


def _here(case: Case) -> list[Evidence]:
    return [case.program.line_evidence(case.line)] if case.line is not None else []


@error
def missing_argument(case: Case) -> Finding:
    call = case.group("call").replace(".__init__", "").replace(".forward", "")
    values = {"call": call, "names": case.group("names").replace("'", "`"), "line": case.line}
    return Finding("argument-missing", values, _here(case))


@error
def extra_argument(case: Case) -> Finding:
    call = case.group("call").replace(".__init__", "").replace(".forward", "")
    name = case.match["name"]
    misspelt = _misspelt(case, call, name) if name else None
    if misspelt is not None:
        return misspelt
    what = f"the keyword `{name}`" if name else f"{case.match['given']} arguments"
    return Finding("argument-extra", {"call": call, "what": what, "line": case.line}, _here(case))


def _misspelt(case: Case, call: str, name: str) -> Finding | None:
    """Of the keywords that torch takes, or the program's own functions, one may be meant."""
    source = case.program.source
    own = [
        argument.arg
        for node in source.nodes()
        if isinstance(node, ast.FunctionDef)
        for argument in (*node.args.args, *node.args.kwonlyargs)
    ]
    known = [one for one in (*own, *_KEYWORDS) if one != name]
    close = next(iter(get_close_matches(name, known, 1, _ALIKE)), None)
    given = [
        keyword
        for written in source.calls(case.line)
        for keyword in written.keywords
        if keyword.arg == name and close not in (other.arg for other in written.keywords)
    ]
    if close is None or len(given) != 1:
        return None
    text = f"{close}={source.text(given[0].value)}"
    values = {"call": call, "name": name, "close": close, "line": case.line}
    fix = edits.fix(f"Write `{close}`", edits.replace(source, given[0], text))
    return Finding("argument-misspelt", values, _here(case), [fix])


@error
def not_callable(case: Case) -> Finding:
    program = case.program
    node = failing(program)
    if not isinstance(node, ast.Call):
        node = next(iter(program.source.calls(case.line)), None)
    name = program.source.text(node.func) if node is not None else "it"
    values = {"name": name, "type": case.group("type"), "line": case.line}
    offered: list[Fix] = []
    if node is not None and not node.args and not node.keywords:
        edit = edits.replace(program.source, node, name)
        offered = [edits.fix("Take the brackets away", edit)]
    return Finding("not-callable", values, _here(case), offered)


@error
def operand_types(case: Case) -> Finding:
    program = case.program
    node = failing(program)
    wrong: ast.expr | None = None
    for operand in operands(node):
        is_list = isinstance(operand, ast.List)
        if isinstance(operand, ast.Name):
            assigned = program.source.assignments(operand.id, case.line)
            is_list = bool(assigned) and isinstance(assigned[-1].value, ast.List)
        if is_list and tensor_of(program, operand) is None:
            wrong = operand
    offered: list[Fix] = []
    if wrong is not None:
        text = f"torch.tensor({program.source.text(wrong)}, dtype=torch.float32)"
        edit = edits.replace(program.source, wrong, text)
        offered = [edits.fix(f"Make a tensor of `{program.source.text(wrong)}`", edit)]
    values = {
        "written": program.source.text(node)
        if node is not None
        else case.program.source.line(case.line).strip(),
        "a": case.group("a"),
        "b": case.group("b") or "something else",
        "line": case.line,
    }
    return Finding("operand-types", values, _here(case), offered)


@error
def compared_types(case: Case) -> Finding:
    """`1 < "2"`, also where a library compares what it was given."""
    program = case.program
    statement = program.source.statement(case.line)
    offered: list[Fix] = []
    for node in ast.walk(statement) if statement is not None else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            with suppress(ValueError):
                float(node.value)
                edit = edits.replace(program.source, node, node.value)
                offered = [edits.fix(f"Write the number {node.value}", edit)]
    written = program.source.text(statement) if statement is not None else "this line"
    values = {"line": case.line, "written": written, "a": case.group("a"), "b": case.group("b")}
    return Finding("compared-types", values, _here(case), offered)


@error
def argument_types(case: Case) -> Finding:
    values = {"call": case.group("call"), "given": case.group("given")[:80], "line": case.line}
    return Finding("argument-types", values, _here(case))
