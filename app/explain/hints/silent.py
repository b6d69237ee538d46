"""Surprises behind autograd's back: numbers changed unseen, weights that nobody moves."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from app.explain.cuts import is_data
from app.explain.finding import Finding
from app.explain.program import Program
from app.explain.registering import Hidden, hidden_weights
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


def _number(identity: str) -> int:
    """Ops and tensors are numbered as they came."""
    return int(identity[1:])


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
    """Weights that no module registered: they get gradients, and no optimizer heard of them."""
    moved: set[str] = set()
    came: set[str] = set()
    for change in program.changes:
        if change.kind == "optimizer_step":
            moved.update(change.tensors)
        elif change.kind == "accumulate":
            came.update(change.tensors)
    if not any("." in name for t in moved for name in program.tensors[t]["names"]):
        return  # no module is being trained
    forgotten = [t for t in sorted(came - moved, key=_number) if program.tensors[t]["is_leaf"]]
    hidden = list(hidden_weights(program.source))
    yield from _in_lists(program, forgotten, [h.fix for h in hidden if h.kind == "layers"])
    yield from _plain_tensors(program, forgotten, [h for h in hidden if h.kind == "tensor"])


def _in_lists(program: Program, forgotten: list[str], fixes: list[Fix]) -> Iterator[Finding]:
    """A module's constructor made them, and only items of a list lead to them."""
    forgotten = [
        t
        for t in forgotten
        if not program.ops.made(t) and all("[" in name for name in program.tensors[t]["names"])
    ]
    users = [op for t in forgotten for op in program.ops.readers(t) if op["module"]]
    if not users:
        return
    line = program.line(users[0])
    values = {"count": len(forgotten), "call": program.expression(users[0]), "line": line}
    evidence = [program.tensor_evidence(t) for t in forgotten[:4]]
    yield Finding("hint-not-optimized", values, evidence, fixes, line=line)


def _plain_tensors(
    program: Program, forgotten: list[str], hidden: list[Hidden]
) -> Iterator[Finding]:
    for attribute in hidden:
        key = attribute.name.removeprefix("self.")
        for tensor in forgotten:
            names = program.tensors[tensor]["names"]
            name = next((n for n in names if n.endswith(f".{key}")), None)
            if name is not None and program.produced_on(tensor) == attribute.line:
                values = {"name": name, "line": attribute.line, "attribute": attribute.name}
                yield Finding(
                    "hint-not-registered",
                    values,
                    [program.tensor_evidence(tensor)],
                    [attribute.fix],
                    line=attribute.line,
                    variable=name,
                )
                break


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
