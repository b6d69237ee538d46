"""Plain numbers, copies and flags where a computed tensor should stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from app.explain import source as edits
from app.explain.cuts import FROM_PYTHON, find_cuts, op_name
from app.explain.errors.roots import rebuilt_fix
from app.explain.finding import Finding
from app.explain.program import Program, listed
from app.explain.source import called_name, receiver
from app.trace.graph import Op


def copied(program: Program) -> Iterator[Finding]:
    """`torch.tensor(t)` of a tensor that requires grad, whose copy is computed with."""
    if program.trace["error"] is not None:
        return
    for op in program.ops.called(*FROM_PYTHON):
        behind = [i for i in op["inputs"] if program.requires_grad(i)]
        used = any(program.ops.was_read(t) for t in op["outputs"])
        if behind and used and not op["recorded"]:
            line = program.line(op)
            names = listed([program.name(t) for t in behind])
            values = {"line": line, "copy": program.expression(op), "names": names}
            found = rebuilt_fix(program, op)
            yield Finding(
                "hint-tensor-copy",
                values,
                [program.op_evidence(op, f"{program.expression(op)}: copies plain numbers")],
                [found] if found is not None else [],
                line=line,
            )


def flag_on_a_result(program: Program) -> Iterator[Finding]:
    """backward started at a leaf: requires_grad was set on a result to quiet an error."""
    for graph in program.trace["graphs"]:
        nodes = program.index(graph).nodes
        for root in dict.fromkeys(r["node"] for r in graph["roots"]):
            node = nodes.get(root or "")
            tensor = node.get("tensor") if node is not None else None
            if node is None or tensor is None or not node["executed"]:
                continue
            op = program.ops.maker(tensor)
            line = graph["site"]["line"] if graph["site"] is not None else None
            made = _wrapped(program, tensor) if op is None else _made_of_others(program, op, tensor)
            if made is None:
                continue
            values = {"name": program.name(tensor), "line": line, "made": made}
            yield Finding(
                "hint-flag-on-a-result",
                values,
                [program.tensor_evidence(tensor)],
                line=line,
                variable=program.name(tensor),
            )


def _made_of_others(program: Program, op: Op, tensor: str) -> str | None:
    """The expression of a root that was computed, not one that the program wrote down."""
    if not op["inputs"]:
        sources = [c.tensor for c in find_cuts(program, tensor) if c.tensor != tensor]
        copies = op_name(op) in FROM_PYTHON and _from_numbers(program, op["id"])
        if not copies and not (sources and op_name(op) in FROM_PYTHON):
            return None
    return program.expression(op)


def _wrapped(program: Program, tensor: str) -> str | None:
    """`Variable(loss.data, requires_grad=True)`, which torch does not report as a call."""
    for name in program.tensors[tensor]["names"]:
        for assigned in program.source.assignments(name):
            call = assigned.value
            if isinstance(call, ast.Call) and called_name(call) == "Variable" and call.args:
                return program.source.text(call)
    return None


def _from_numbers(program: Program, op: str) -> bool:
    """Was this `torch.tensor(...)` given a call's result rather than written numbers?"""
    known = program.ops[op]
    for call in program.source.calls(program.line(known), *FROM_PYTHON):
        for argument in call.args:
            if any(isinstance(n, ast.Call | ast.Name) for n in ast.walk(argument)):
                return True
    return False


def item_in_the_middle(program: Program) -> Iterator[Finding]:
    """A leaf gets nothing because `.item()` made a plain number of what depends on it."""
    if program.trace["error"] is not None or not program.root_tensors:
        return
    lost = [
        v
        for v in program.trace["variables"]
        if v["grad_status"] == "not_reached" and v["is_leaf"] and v["name"].isidentifier()
    ]
    for node in program.source.nodes() if lost else ():
        if not isinstance(node, ast.Call) or called_name(node) not in ("item", "float", "tolist"):
            continue
        inner = receiver(node) or (node.args[0] if node.args else None)
        names = {n.id for n in ast.walk(inner) if isinstance(n, ast.Name)} if inner else set()
        hit = [v["name"] for v in lost if v["name"] in names]
        statement = program.source.statement(node.lineno)
        if not hit or inner is None or not _feeds_root(program, statement, node):
            continue
        text = program.source.text(inner)
        values = {"line": node.lineno, "call": program.source.text(node), "name": hit[0]}
        edit = edits.replace(program.source, node, text)
        yield Finding(
            "hint-item",
            values,
            [program.line_evidence(node.lineno)],
            [edits.fix(f"Use `{text}` itself", edit)],
            line=node.lineno,
            variable=hit[0],
        )


def _feeds_root(program: Program, statement: ast.stmt | None, number: ast.Call) -> bool:
    """Is the number part of a computation that a backward root came from?"""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return False
    roots = program.root_tensors
    names = {n for r in roots for n in program.tensors[r]["names"]}
    target = statement.targets[0].id
    if statement.value is not number:
        return target in names
    return any(
        target in {n.id for n in ast.walk(a.value) if isinstance(n, ast.Name)}
        for name in names
        for a in program.source.assignments(name)
    )


RULES = (copied, flag_on_a_result, item_in_the_middle)
