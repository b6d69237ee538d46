"""Graphs that live on: what a loop keeps of each turn holds on to all that made it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from app.explain import source as edits
from app.explain.finding import Finding
from app.explain.program import Program
from app.explain.source import called_name


def graph_kept(program: Program) -> Iterator[Finding]:
    """A running total or a list holds on to the graph of every turn."""
    roots = {
        r.get("tensor") for g in program.trace["graphs"] if not g.get("failed") for r in g["roots"]
    }
    lines = {program.produced_on(t) for t in roots if t is not None}
    for at in program.ops.calls("add", "add_", "__iadd__"):
        if roots.isdisjoint(program.ops.inputs[at]):
            continue
        op = program.ops.rows[at]
        line = program.line(op)
        turn = (op.get("iteration") or [0])[-1]
        if turn == 0 or line in lines:
            continue
        statement = program.source.statement(line)
        if not op["recorded"] or not isinstance(statement, ast.AugAssign):
            continue
        total, name = program.source.text(statement.target), program.source.text(statement.value)
        edit = edits.append_to(program.source, statement.value, ".item()")
        values = {"line": line, "total": total, "name": name, "turns": turn + 1}
        yield Finding(
            "hint-graph-kept",
            values,
            [program.op_evidence(op, f"{program.expression(op)}: keeps the graph")],
            [edits.fix(f"Add the number: `{name}.item()`", edit)],
            line=line,
            variable=total,
        )
        return


def graphs_in_list(program: Program) -> Iterator[Finding]:
    """`losses.append(loss)` in a loop whose turns each called backward on `loss`."""
    roots = {
        t for g in program.trace["graphs"] for r in g["roots"] if (t := r.get("tensor")) is not None
    }
    for node in program.source.nodes() if "append" in program.source.code else ():
        if not isinstance(node, ast.Call) or called_name(node) != "append" or len(node.args) != 1:
            continue
        kept = node.args[0]
        if not isinstance(kept, ast.Name) or program.source.loop_around(node.lineno) is None:
            continue
        turns = [
            t
            for t in program.tensors
            if t in roots
            and kept.id in (known := program.tensors[t])["names"]
            and not known["is_leaf"]
        ]
        if len(turns) < 2:
            continue
        edit = edits.append_to(program.source, kept, ".item()")
        values = {
            "line": node.lineno,
            "name": kept.id,
            "written": program.source.text(node),
            "turns": len(turns),
        }
        yield Finding(
            "hint-graph-in-list",
            values,
            [program.line_evidence(node.lineno), program.tensor_evidence(turns[-1])],
            [edits.fix(f"Keep the number: `{kept.id}.item()`", edit)],
            line=node.lineno,
            variable=kept.id,
        )


RULES = (graph_kept, graphs_in_list)
