"""Errors of custom autograd.Functions and of modules."""

from __future__ import annotations

import ast
from difflib import get_close_matches

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.program import Program
from app.trace.explanations import Evidence, Fix


def _class(program: Program, name: str) -> ast.ClassDef | None:
    for node in program.source.nodes():
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    return None


def _method(cls: ast.ClassDef | None, name: str) -> ast.FunctionDef | None:
    for node in cls.body if cls is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    return None


def _evidence(case: Case, node: ast.stmt | None) -> list[Evidence]:
    line = node.lineno if node is not None else case.line
    return [case.program.line_evidence(line)] if line is not None else []


@error
def gradient_count(case: Case) -> Finding:
    program = case.program
    cls = _class(program, case.group("node"))
    backward, forward = _method(cls, "backward"), _method(cls, "forward")
    inputs = [a.arg for a in forward.args.args[1:]] if forward is not None else []
    values = {
        "name": case.group("node"),
        "wanted": case.group("wanted"),
        "given": case.group("given"),
        "inputs": ", ".join(inputs) or "its inputs",
        "line": backward.lineno if backward is not None else case.line,
    }
    offered: list[Fix] = []
    returned = [n for n in ast.walk(backward) if isinstance(n, ast.Return)] if backward else []
    missing = int(case.group("wanted")) - int(case.group("given"))
    if len(returned) == 1 and returned[0].value is not None:
        value = returned[0].value
        parts = value.elts if isinstance(value, ast.Tuple) else [value]
        texts = [program.source.text(p) for p in parts]
        kept = texts[: int(case.group("wanted"))] + ["None"] * max(missing, 0)
        edit = edits.replace(program.source, value, ", ".join(kept))
        offered = [edits.fix(f"Return {case.group('wanted')} gradients", edit)]
    return Finding("function-gradient-count", values, _evidence(case, backward), offered)


@error
def gradient_shape(case: Case) -> Finding:
    cls = _class(case.program, case.group("node"))
    backward, forward = _method(cls, "backward"), _method(cls, "forward")
    inputs = [a.arg for a in forward.args.args[1:]] if forward is not None else []
    index = int(case.group("index"))
    values = {
        "name": case.group("node"),
        "input": inputs[index] if index < len(inputs) else f"input {index}",
        "given": case.group("given"),
        "wanted": case.group("wanted"),
        "line": backward.lineno if backward is not None else case.line,
    }
    return Finding("function-gradient-shape", values, _evidence(case, backward))


@error
def no_backward(case: Case) -> Finding:
    program = case.program
    for node in program.source.nodes():
        if (
            isinstance(node, ast.ClassDef)
            and _method(node, "forward") is not None
            and _method(node, "backward") is None
            and any(program.source.text(b).endswith("Function") for b in node.bases)
        ):
            values = {"name": node.name, "line": node.lineno}
            return Finding("function-no-backward", values, _evidence(case, node))
    return Finding("function-no-backward", {"name": "the Function", "line": case.line})


@error
def no_forward(case: Case) -> Finding:
    program = case.program
    cls = _class(program, case.group("name"))
    offered: list[Fix] = []
    values = {"name": case.group("name"), "line": cls.lineno if cls is not None else case.line}
    methods = {n.name: n for n in cls.body if isinstance(n, ast.FunctionDef)} if cls else {}
    close = get_close_matches("forward", list(methods), 1, 0.6)
    values["found"] = f" There is a method `{close[0]}`." if close else ""
    if close:
        node = methods[close[0]]
        line = program.source.line(node.lineno)
        col = line.index(close[0])
        edit = {
            "line": node.lineno,
            "col": col,
            "end_line": node.lineno,
            "end_col": col + len(close[0]),
            "text": "forward",
        }
        offered = [edits.fix(f"Call `{close[0]}` `forward`", edit)]  # type: ignore[arg-type]
    return Finding("module-no-forward", values, _evidence(case, cls), offered)


@error
def no_super(case: Case) -> Finding:
    program = case.program
    found: ast.FunctionDef | None = None
    for node in program.source.nodes():
        if isinstance(node, ast.FunctionDef) and node.name == "__init__" and case.line is not None:
            inside = node.lineno <= case.line <= (node.end_lineno or node.lineno)
            found = node if inside else found
    offered = []
    if found is not None:
        edit = edits.insert_line(program.source, found.body[0].lineno, "super().__init__()")
        offered = [edits.fix("Call `super().__init__()` first", edit)]
    values = {"line": case.line, "what": case.group("what")}
    return Finding("module-no-super", values, _evidence(case, found), offered)


@error
def not_a_module(case: Case) -> Finding:
    source = case.program.source
    name = case.group("name").rsplit(".", 1)[-1]
    modules = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid", "gelu": "GELU", "silu": "SiLU"}
    offered: list[Fix] = []
    module = modules.get(name)
    for call in source.calls(case.line, "Sequential", "ModuleList"):
        for argument in call.args:
            if module is not None and source.text(argument).rsplit(".", 1)[-1] == name:
                edit = edits.replace(source, argument, f"torch.nn.{module}()")
                offered = [edits.fix(f"Use the module `nn.{module}()`", edit)]
    values = {"line": case.line, "name": name, "module": module or "a module of its own"}
    return Finding("not-a-module", values, _evidence(case, None), offered)


@error
def assigned_to_parameter(case: Case) -> Finding:
    program = case.program
    statement = program.source.statement(case.line)
    offered = []
    if isinstance(statement, ast.Assign):
        text = f"torch.nn.Parameter({program.source.text(statement.value)})"
        edit = edits.replace(program.source, statement.value, text)
        offered = [edits.fix("Wrap it in `nn.Parameter`", edit)]
    values = {"line": case.line, "name": case.group("name"), "type": case.group("type")}
    return Finding("assigned-to-parameter", values, _evidence(case, statement), offered)


@error
def instantiated(case: Case) -> Finding:
    source = case.program.source
    offered: list[Fix] = []
    name = "the Function"
    for call in source.calls(case.line):
        if isinstance(call.func, ast.Call):
            name = source.text(call.func.func)
            edit = edits.replace(source, call.func, f"{name}.apply")
            offered = [edits.fix(f"Use `{name}.apply(…)`", edit)]
    values = {"line": case.line, "name": name}
    return Finding("function-not-applied", values, _evidence(case, None), offered)
