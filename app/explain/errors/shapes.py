"""Errors of shapes: products, linear layers, broadcasting, losses, views, joins, indices."""

from __future__ import annotations

import ast
from typing import Any

from app.explain import fixes
from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.operands import failing, tensors_in
from app.explain.program import Program, counted, shape_text
from app.trace.explanations import Evidence, Fix
from app.trace.graph import Op, Tensor


def failed_op(case: Case) -> Op | None:
    """The torch call that raised: the last one that put nothing out."""
    ops = case.program.ops
    for at in reversed(range(len(ops))):
        if not ops.outputs[at] and case.program.line(ops.rows[at]) == case.line:
            return ops.rows[at]
    return None


def involved(case: Case) -> tuple[list[tuple[str, Tensor]], list[Evidence]]:
    """(name, tensor) for each tensor that the failing call was given, and the evidence."""
    program = case.program
    op = failed_op(case)
    if op is not None and op["inputs"]:
        ids = list(dict.fromkeys(op["inputs"]))
        found = [(program.name(i), program.tensors[i]) for i in ids if i in program.tensors]
    else:
        found = [(text, t) for _, text, t in tensors_in(program, failing(program))]
    evidence = [program.tensor_evidence(t["id"]) for _, t in found]
    if op is not None:
        evidence.insert(0, program.op_evidence(op, f"{program.expression(op)}: raised"))
    return found, evidence


def with_shapes(found: list[tuple[str, Tensor]]) -> str:
    """'`a` [2, 3] and `b` [4, 5]'."""
    words = [f"`{name}` {shape_text(t['shape'])}" for name, t in found[:3]]
    if len(words) < 2:
        return "".join(words) or "its inputs"
    return ", ".join(words[:-1]) + " and " + words[-1]


def described(case: Case) -> tuple[dict[str, Any], list[tuple[str, Tensor]], list[Evidence]]:
    found, evidence = involved(case)
    node = failing(case.program)
    op = failed_op(case)
    written = case.program.source.text(node) if node is not None else ""
    if not written and op is not None:
        written = case.program.expression(op)
    values = {
        "line": case.line,
        "written": " ".join(written.split())[:60] or case.program.source.line(case.line).strip(),
        "tensors": with_shapes(found),
    }
    return values, found, evidence


@error
def matrix_product(case: Case) -> Finding:
    program = case.program
    values, _, evidence = described(case)
    values |= {n: case.group(n) for n in "abcd"}
    op = failed_op(case)
    if op is not None and op["name"].rsplit(".", 1)[-1] == "linear":
        return _linear(case, values, op, evidence)
    return Finding("matmul-shapes", values, evidence, _transposes(program, failing(program)))


def _linear(case: Case, values: dict[str, Any], op: Op, evidence: list[Evidence]) -> Finding:
    program = case.program
    weight = next((n for n in map(program.name, op["inputs"][1:2])), "")
    values |= {
        "input": program.name(op["inputs"][0]),
        "given": values["b"],
        "wanted": values["c"],
        "layer": f"`{weight.removesuffix('.weight')}`"
        if weight.endswith(".weight")
        else "the layer",
    }
    made = fixes.layer_made(program, "Linear", values["wanted"], values["d"])
    offered: list[Fix] = []
    if made is not None:
        edit = edits.replace(program.source, made.args[0], values["given"])
        features = counted(int(values["given"]), "feature")
        offered = [edits.fix(f"Let the layer on line {made.lineno} take {features}", edit)]
    return Finding("linear-shapes", values, evidence, offered)


def _transposes(program: Program, node: ast.expr | ast.stmt | None) -> list[Fix]:
    """`a @ b` -> `a @ b.T` or `a.T @ b`, whichever fits."""
    pairs = tensors_in(program, node)
    if len(pairs) != 2:
        return []
    (left, left_text, a), (right, right_text, b) = pairs
    if len(a["shape"]) != 2 or len(b["shape"]) != 2:
        return []
    offered = []
    if a["shape"][1] == b["shape"][1]:
        edit = edits.append_to(program.source, right, ".T")
        offered.append(edits.fix(f"Transpose `{right_text}`", edit))
    if a["shape"][0] == b["shape"][0]:
        edit = edits.append_to(program.source, left, ".T")
        offered.append(edits.fix(f"Transpose `{left_text}`", edit))
    return offered


@error
def vector_product(case: Case) -> Finding:
    values, _, evidence = described(case)
    pairs = tensors_in(case.program, failing(case.program))
    offered: list[Fix] = []
    if len(pairs) == 2 and all(len(t["shape"]) == 3 for _, _, t in pairs):
        (_, _, a), (right, text, b) = pairs
        if a["shape"][2] == b["shape"][2] and a["shape"][0] == b["shape"][0]:
            edit = edits.append_to(case.program.source, right, ".transpose(1, 2)")
            offered = [edits.fix(f"Transpose the matrices of `{text}`", edit)]
    return Finding("product-shapes", values, evidence, offered)


LOSSES = frozenset(
    "mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy soft_margin_loss "
    "binary_cross_entropy_with_logits kl_div poisson_nll_loss gaussian_nll_loss".split()
)


@error
def broadcasting(case: Case) -> Finding:
    values, found, evidence = described(case)
    values |= {"a": case.group("a"), "b": case.group("b"), "dim": case.group("dim")}
    op = failed_op(case)
    loss = next(
        (o for o in case.program.ops.on(case.line) if o["name"].rsplit(".", 1)[-1] in LOSSES), op
    )
    if loss is not None and loss["name"].rsplit(".", 1)[-1] in LOSSES:
        values["loss"] = loss["name"].rsplit(".", 1)[-1]
        return Finding("loss-shapes", values, evidence)
    return Finding("broadcast-shapes", values, evidence, _unsqueezes(case, found))


def _unsqueezes(case: Case, found: list[tuple[str, Tensor]]) -> list[Fix]:
    """A row against a column: `b` -> `b.unsqueeze(-1)` where the first sizes agree."""
    pairs = tensors_in(case.program, failing(case.program))
    if len(pairs) != 2 or len(found) != 2:
        return []
    offered = []
    for (node, text, small), (_, _, large) in (pairs, pairs[::-1]):
        fits = len(small["shape"]) == 1 and len(large["shape"]) == 2
        if fits and small["shape"][0] == large["shape"][0]:
            edit = edits.append_to(case.program.source, node, ".unsqueeze(-1)")
            offered.append(edits.fix(f"Make `{text}` a column", edit))
    return offered


def count(shape: list[int]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total
