"""Errors of optimizers: what they were given instead of a list of leaves."""

from __future__ import annotations

import ast

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.program import Program
from app.explain.source import called_name
from app.trace.document import Fix


def _optimizer_call(case: Case) -> ast.Call | None:
    """The first call on the line whose name begins with a capital: the constructor."""
    for call in case.program.source.calls(case.line):
        if called_name(call)[:1].isupper() and (call.args or call.keywords):
            return call
    return None


def _params(call: ast.Call | None) -> ast.expr | None:
    if call is None:
        return None
    given = edits.keyword(call, "params")
    if given is not None:
        return given.value
    return call.args[0] if call.args else None


def _written(program: Program, node: ast.expr | None) -> str:
    return program.source.text(node) if node is not None else "its first argument"


@error("TypeError", r"params argument given to the optimizer should be an iterable")
def given_a_tensor(case: Case) -> Finding:
    program = case.program
    call = _optimizer_call(case)
    params = _params(call)
    written = _written(program, params)
    values = {
        "params": written,
        "line": case.line,
        "optimizer": called_name(call) if call is not None else "the optimizer",
    }
    offered: list[Fix] = []
    if params is not None:
        edit = edits.replace(program.source, params, f"[{written}]")
        offered = [edits.fix(f"Put `{written}` into a list", edit)]
    known = program.tensor_named(written)
    evidence = [program.tensor_evidence(known["id"])] if known is not None else []
    return Finding("optimizer-got-a-tensor", values, evidence, offered)
