"""Errors of views, joins and indices."""

from __future__ import annotations

import ast

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.errors.shapes import count, described
from app.explain.finding import Finding
from app.explain.operands import failing, tensors_in
from app.explain.source import called_name
from app.trace.explanations import Fix


@error
def view_shape(case: Case) -> Finding:
    program = case.program
    values, found, evidence = described(case)
    values |= {"wanted": case.group("shape"), "size": case.group("size")}
    node = failing(program)
    offered: list[Fix] = []
    if isinstance(node, ast.Call) and node.args and found:
        first = node.args[0]
        shape = first.elts if isinstance(first, ast.Tuple | ast.List) else node.args
        sizes = [program.source.text(s) for s in shape]
        known = [int(s) for s in sizes[1:] if s.isdigit()]
        rest = count(known)
        whole = rest > 0 and int(values["size"]) % rest == 0
        if len(known) == len(sizes) - 1 and "-1" not in sizes and whole:
            edit = edits.replace(program.source, shape[0], "-1")
            offered = [edits.fix("Let torch work out the first size (-1)", edit)]
    return Finding("view-shape", values, evidence, offered)


@error
def view_stride(case: Case) -> Finding:
    program = case.program
    values, _, evidence = described(case)
    offered = []
    for call in program.source.calls(case.line, "view"):
        if isinstance(call.func, ast.Attribute):
            owner = program.source.text(call.func.value)
            arguments = program.source.text(call)[len(program.source.text(call.func)) :]
            edit = edits.replace(program.source, call, f"{owner}.reshape{arguments}")
            offered = [edits.fix("Use `.reshape()`, which copies if it must", edit)]
    return Finding("view-stride", values, evidence, offered)


@error
def join_shapes(case: Case) -> Finding:
    values, _, evidence = described(case)
    node = failing(case.program)
    values |= {"a": case.group("a"), "b": case.group("b"), "join": "torch.cat"}
    offered: list[Fix] = []
    if isinstance(node, ast.Call):
        values["join"] = case.program.source.text(node.func)
        offered = _other_dimension(case, node)
    return Finding("join-shapes", values, evidence, offered)


def _other_dimension(case: Case, node: ast.Call) -> list[Fix]:
    """Two matrices that agree in the other dimension are joined along it."""
    shapes = [t["shape"] for _, _, t in tensors_in(case.program, node)]
    if called_name(node) != "cat" or len(shapes) < 2 or any(len(s) != 2 for s in shapes):
        return []
    for dim in (0, 1):
        if len({s[1 - dim] for s in shapes}) == 1:
            given = edits.keyword(node, "dim")
            if given is None and len(node.args) > 1:
                edit = edits.replace(case.program.source, node.args[1], str(dim))
            else:
                edit = edits.set_keyword(case.program.source, node, "dim", str(dim))
            return [edits.fix(f"Join along dimension {dim}", edit)]
    return []


@error
def dimension_range(case: Case) -> Finding:
    program = case.program
    values, _, evidence = described(case)
    values |= {n: case.group(n) for n in ("low", "high", "dim")}
    node = failing(program)
    offered: list[Fix] = []
    for part in ast.walk(node) if node is not None else ():
        if (
            isinstance(part, ast.Constant | ast.UnaryOp)
            and program.source.text(part) == values["dim"]
        ):
            edit = edits.replace(program.source, part, "-1")
            offered = [edits.fix("Use the last dimension (-1)", edit)]
            break
    return Finding("dimension-range", values, evidence, offered)


@error
def index_range(case: Case) -> Finding:
    values, _, evidence = described(case)
    values |= {n: case.group(n) for n in ("index", "dim", "size")}
    values["most"] = int(case.group("size")) - 1
    if not evidence and case.line is not None:
        evidence = [case.program.line_evidence(case.line)]
    return Finding("index-range", values, evidence)


@error
def too_many_indices(case: Case) -> Finding:
    values, _, evidence = described(case)
    values["dim"] = case.group("dim")
    if not evidence and case.line is not None:
        evidence = [case.program.line_evidence(case.line)]
    return Finding("too-many-indices", values, evidence)
