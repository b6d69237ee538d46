"""Surprises behind autograd's back: numbers changed unseen, weights that nobody moves."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from app.explain import source as edits
from app.explain.cuts import is_data
from app.explain.finding import Finding
from app.explain.program import Program
from app.explain.source import called_name
from app.trace.explanations import Fix
from app.trace.graph import Graph, Node, Op
from app.trace.table import column


def data_write(program: Program) -> Iterator[Finding]:
    """A saved tensor was changed through `.data` before backward used it: no error tells."""
    owners = {
        made: op["inputs"][0]
        for op in program.ops.called("data", "__get__")
        if is_data(op) and op["inputs"]
        for made in op["outputs"]
    }
    mutated = column(program.ops.rows, "mutated") if owners else []
    writes = {
        op: owners[tensor]
        for op, changed in zip(program.ops, mutated, strict=False)
        for tensor in changed or ()
        if tensor in owners
    }
    if not writes:
        return
    written: list[tuple[Op, str]] = []
    for event in program.trace["timeline"]:
        if event["kind"] == "op" and event.get("op", "") in writes:
            op = program.ops[event["op"]]
            written.append((op, writes[op["id"]]))
        elif event["kind"] == "backward":
            graph = program.graphs.get(event.get("graph", ""))
            for op, tensor in written:
                node = _uses_changed(graph, tensor, op)
                if node is not None:
                    yield _changed_unseen(program, op, tensor, node)


def _uses_changed(graph: Graph | None, tensor: str, write: Op) -> Node | None:
    """A node that saved the tensor before the write, and ran in this graph."""
    at = _number(write["id"])
    for node in graph["nodes"] if graph is not None else ():
        before = node["op"] is not None and _number(node["op"]) < at
        if before and node["executed"] and any(s.get("tensor") == tensor for s in node["saved"]):
            return node
    return None


def _number(op: str) -> int:
    """Ops are numbered as they ran."""
    return int(op[1:])


def _changed_unseen(program: Program, write: Op, tensor: str, node: Node) -> Finding:
    op = program.ops[node["op"] or ""]
    line = program.line(write)
    values = {
        "line": line, "write": program.expression(write), "name": program.name(tensor),
        "node": node["name"], "op": program.expression(op), "made": program.line(op),
    }  # fmt: skip
    evidence = [
        program.op_evidence(write, f"{program.expression(write)}: changes it unseen"),
        program.tensor_evidence(tensor),
    ]
    return Finding("hint-data-write", values, evidence, line=line, variable=program.name(tensor))


def not_optimized(program: Program) -> Iterator[Finding]:
    """Layers in a plain list: they get gradients, and the optimizer never heard of them."""
    moved: set[str] = set()
    came: set[str] = set()
    for change in program.changes:
        if change.kind == "optimizer_step":
            moved.update(change.tensors)
        elif change.kind == "accumulate":
            came.update(change.tensors)
    if not any("." in name for t in moved for name in program.tensors[t]["names"]):
        return  # no module is being trained
    forgotten = [t for t in came - moved if _is_hidden_weight(program, t)]
    forgotten.sort(key=lambda t: int(t[1:]))
    users = [op for t in forgotten for op in program.ops.readers(t) if op["module"]]
    if not users:
        return
    line = program.line(users[0])
    values = {"count": len(forgotten), "call": program.expression(users[0]), "line": line}
    yield Finding(
        "hint-not-optimized",
        values,
        [program.tensor_evidence(t) for t in forgotten[:4]],
        _register_fixes(program),
        line=line,
    )


def _is_hidden_weight(program: Program, tensor: str) -> bool:
    """A leaf that a module's constructor made and that no registered name leads to."""
    known = program.tensors[tensor]
    return known["is_leaf"] and not known["names"] and not program.ops.made(tensor)


def _register_fixes(program: Program) -> list[Fix]:
    """`self.layers = [nn.Linear(...), ...]` as an `nn.ModuleList`."""
    found: list[Fix] = []
    for node in program.source.nodes():
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Attribute):
            continue
        if not isinstance(node.value, ast.List | ast.ListComp):
            continue
        if any(
            isinstance(n, ast.Call) and called_name(n)[:1].isupper() for n in ast.walk(node.value)
        ):
            text = f"nn.ModuleList({program.source.text(node.value)})"
            name = program.source.text(node.targets[0])
            edit = edits.replace(program.source, node.value, text)
            found.append(edits.fix(f"Register `{name}` with `nn.ModuleList`", edit))
    return found


def wrong_gradient(program: Program) -> Iterator[Finding]:
    """The check by finite differences contradicts the program's own Function."""
    for check in program.trace.get("checks") or ():
        if check["passed"] is not False or check["note"] is not None:
            continue
        own = [n for n in _own_functions(program) if n in column(program.ops.rows, "name")]
        culprit = (
            f" On the way stands `{own[0]}`, whose backward is written by hand." if own else ""
        )
        name = check["variable"]
        error = check["error"]
        values = {
            "name": name,
            "error": f"{error:.3g}" if isinstance(error, float) else error,
            "culprit": culprit,
        }
        line = program.produced_on(check["tensor"])
        evidence = [program.tensor_evidence(check["tensor"])]
        yield Finding("check-disagrees", values, evidence, line=line, variable=name)


def _own_functions(program: Program) -> list[str]:
    """Classes of the source that derive from autograd.Function."""
    return [
        node.name
        for node in program.source.nodes()
        if isinstance(node, ast.ClassDef)
        and any(program.source.text(base).endswith("Function") for base in node.bases)
    ]


RULES = (data_write, not_optimized, wrong_gradient)
