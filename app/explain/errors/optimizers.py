"""Errors of optimizers: what they were given instead of a list of leaves."""

from __future__ import annotations

import ast

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.operands import tensor_of
from app.explain.program import Program, listed
from app.explain.registering import Hidden, hidden_weights
from app.explain.source import called_name
from app.trace.explanations import Fix


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


@error
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


@error
def given_a_module(case: Case) -> Finding | None:
    program = case.program
    call = _optimizer_call(case)
    params = _params(call)
    if params is None or call is None or case.group("type") in ("float", "int", "NoneType"):
        return None
    if edits.keyword(call, "lr") is None and called_name(call) not in OPTIMIZERS:
        return None
    written = _written(program, params)
    call_it = isinstance(params, ast.Attribute) and params.attr == "parameters"
    right = f"{written}()" if call_it else f"{written}.parameters()"
    edit = edits.append_to(program.source, params, right.removeprefix(written))
    values = {
        "params": written,
        "line": case.line,
        "optimizer": called_name(call),
        "type": case.group("type"),
        "right": right,
    }
    evidence = [program.line_evidence(case.line)] if case.line is not None else []
    offered = [edits.fix(f"Give it `{right}`", edit)]
    return Finding("optimizer-got-a-module", values, evidence, offered)


OPTIMIZERS = frozenset(
    "SGD Adam AdamW Adagrad Adadelta Adamax RMSprop Rprop NAdam RAdam ASGD LBFGS SparseAdam".split()
)


@error
def empty_list(case: Case) -> Finding:
    program = case.program
    call = _optimizer_call(case)
    params = _params(call)
    written = _written(program, params)
    hidden = list(hidden_weights(program.source))
    if hidden and isinstance(params, ast.Call) and called_name(params) == "parameters":
        return _unregistered(case, written, hidden)
    leaves = [program.name(t["id"]) for t in program.parameters]
    values = {
        "params": written,
        "line": case.line,
        "optimizer": called_name(call) if call is not None else "the optimizer",
        "leaves": listed(leaves) or "there is none in this program yet",
    }
    offered: list[Fix] = []
    names = [n for n in leaves if n.isidentifier()]
    if params is not None and names:
        text = f"[{', '.join(names)}]"
        offered = [edits.fix(f"Give it `{text}`", edits.replace(program.source, params, text))]
    evidence = [program.tensor_evidence(t["id"]) for t in program.parameters[:6]]
    return Finding("optimizer-empty", values, evidence, offered)


def _unregistered(case: Case, params: str, hidden: list[Hidden]) -> Finding:
    kinds = {
        "layers": "layers in a plain list",
        "tensor": "a plain tensor",
        "result": "computed from a parameter",
    }
    call = _optimizer_call(case)
    values = {
        "params": params,
        "line": case.line,
        "optimizer": called_name(call) if call is not None else "the optimizer",
        "hidden": " and ".join(f"`{h.name}` ({kinds[h.kind]}, line {h.line})" for h in hidden[:3]),
    }
    evidence = [case.program.line_evidence(h.line) for h in hidden[:3]]
    everything = [edit for h in hidden for edit in h.fix["edits"]]
    title = hidden[0].fix["title"] if len(hidden) == 1 else "Register all of them"
    return Finding("optimizer-unregistered", values, evidence, [edits.fix(title, *everything)])


@error
def non_leaf(case: Case) -> Finding:
    program = case.program
    params = _params(_optimizer_call(case))
    given = params.elts if isinstance(params, ast.List | ast.Tuple | ast.Set) else []
    known = [(node, tensor_of(program, node)) for node in given]
    results = [(n, t) for n, t in known if t is not None and not t["is_leaf"]]
    written = [program.source.text(n) for n, _ in results] or [_written(program, params)]
    values = {"names": listed(written), "line": case.line}
    offered: list[Fix] = []
    changes = []
    for node, tensor in results:
        line = program.produced_on(tensor["id"])
        statement = program.source.statement(line)
        if isinstance(node, ast.Name) and isinstance(statement, ast.Assign):
            text = f"({program.source.text(statement.value)}).detach().requires_grad_()"
            changes.append(edits.replace(program.source, statement.value, text))
    if changes:
        offered = [edits.fix(f"Make a new leaf of {listed(written)}", *changes)]
    evidence = [program.tensor_evidence(t["id"]) for _, t in results]
    return Finding("optimizer-non-leaf", values, evidence, offered)


@error
def duplicated(case: Case) -> Finding:
    program = case.program
    params = _params(_optimizer_call(case))
    names = (
        [n.id for n in ast.walk(params) if isinstance(n, ast.Name)] if params is not None else []
    )
    twice = [n for n in dict.fromkeys(names) if names.count(n) > 1]
    values = {"names": listed(twice) or "a parameter", "line": case.line}
    evidence = [
        program.tensor_evidence(t["id"])
        for n in twice
        if (t := program.tensor_named(n)) is not None
    ]
    return Finding("optimizer-duplicate", values, evidence)


@error
def not_tensors(case: Case) -> Finding:
    program = case.program
    params = _params(_optimizer_call(case))
    values = {"type": case.group("type"), "line": case.line, "params": _written(program, params)}
    offered: list[Fix] = []
    if isinstance(params, ast.List | ast.Tuple):
        changes = [
            edits.replace(
                program.source, n, f"torch.tensor({program.source.text(n)}, requires_grad=True)"
            )
            for n in params.elts
            if isinstance(n, ast.Constant) and isinstance(n.value, float)
        ]
        offered = [edits.fix("Make tensors of the numbers", *changes)] if changes else []
    evidence = [program.line_evidence(case.line)] if case.line is not None else []
    return Finding("optimizer-not-tensors", values, evidence, offered)


@error
def closure_missing(case: Case) -> Finding:
    evidence = [case.program.line_evidence(case.line)] if case.line is not None else []
    return Finding("optimizer-closure", {"line": case.line}, evidence)


@error
def invalid_setting(case: Case) -> Finding | None:
    call = _optimizer_call(case)
    if call is None or called_name(call) not in OPTIMIZERS:
        return None
    values = {
        "what": case.group("what"),
        "value": case.group("value"),
        "line": case.line,
        "optimizer": called_name(call),
    }
    evidence = [case.program.line_evidence(case.line)] if case.line is not None else []
    return Finding("optimizer-setting", values, evidence)
