"""Errors about the tensor that a backward call starts from: no graph, no scalar, no real number."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from app.explain import fixes
from app.explain import source as edits
from app.explain.cuts import Cut, find_cuts
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.given import Given, given
from app.explain.operands import tensor_of
from app.explain.program import Program, listed, shape_text
from app.explain.source import receiver
from app.trace.explanations import Fix
from app.trace.graph import Op, Tensor

#: Of the tensors and ops behind a root; more would bury what matters.
_MOST_EVIDENCE = 12

_CUT_CODES = {
    "detach": "backward-root-detached",
    "data": "backward-root-detached",
    "no_grad": "backward-root-no-grad",
    "in_backward": "backward-root-in-backward",
    "inference_mode": "backward-root-no-grad",
    "not_differentiable": "backward-root-not-differentiable",
    "rebuilt": "backward-root-rebuilt",
}


@error
def root_does_not_require_grad(case: Case) -> Finding:
    program = case.program
    root, written = backward_root(case)
    values: dict[str, Any] = {"root": written, "line": case.line}
    if root is None:
        return Finding("backward-no-leaf", {**values, "leaves": "the tensors it is made of"})
    found = find_cuts(program, root["id"])
    cut = next((c for c in found if c.kind in _CUT_CODES), None)
    if cut is not None and cut.op is not None:
        return _root_was_cut(program, root, cut, cut.op, values)
    handed = _from_a_gradient(program, [root["id"], *(c.tensor for c in found)])
    if handed is not None:
        return _root_is_a_gradient(program, handed, values)
    leaves = [c.tensor for c in found if program.tensors[c.tensor]["shape"] is not None]
    offered = [
        f
        for t in _by_likelihood(program, leaves)
        if (f := fixes.require_grad(program, t)) is not None
    ]
    values["leaves"] = listed([program.name(t) for t in leaves]) or f"`{written}`"
    evidence = [program.tensor_evidence(t) for t in dict.fromkeys([root["id"], *leaves])]
    for ghost in islice(_ghosts(program), max(0, _MOST_EVIDENCE - len(evidence))):
        text = f"{program.expression(ghost)}: not recorded"
        evidence.append(program.op_evidence(ghost, text))
    return Finding("backward-no-leaf", values, evidence[:_MOST_EVIDENCE], offered[:3])


def _ghosts(program: Program) -> Iterator[Op]:
    """The ops that put something out and were not recorded."""
    for at, made in enumerate(program.ops.outputs):
        if made and at in program.ops.unrecorded:
            yield program.ops.rows[at]


def _from_a_gradient(program: Program, tensors: list[str]) -> tuple[str, Given] | None:
    """The first tensor that a backward pass without `create_graph` handed out."""
    for tensor in tensors:
        if program.ops.maker(tensor):
            continue
        for name in program.tensors[tensor]["names"]:
            handed = given(program, name)
            if handed is not None and handed.kind == "gradient":
                return tensor, handed
    return None


def _root_is_a_gradient(
    program: Program, handed: tuple[str, Given], values: dict[str, Any]
) -> Finding:
    tensor, call = handed
    values |= {"name": program.name(tensor), "made": call.line}
    offered: list[Fix] = []
    if isinstance(call.value, ast.Call):
        edit = edits.set_keyword(program.source, call.value, "create_graph", "True")
        offered = [edits.fix(f"Record the backward pass of line {call.line}", edit)]
    evidence = [program.tensor_evidence(tensor), program.line_evidence(call.line)]
    return Finding("backward-root-is-gradient", values, evidence, offered)


def _by_likelihood(program: Program, leaves: list[str]) -> list[str]:
    """Float tensors first; among them the one that was made first."""

    def rank(tensor: str) -> tuple[bool, int]:
        known = program.tensors[tensor]
        return (not known["dtype"].removeprefix("torch.").startswith("float"), int(tensor[1:]))

    named = [t for t in leaves if program.tensors[t]["names"]] or leaves
    return sorted(named, key=rank)


def _root_was_cut(
    program: Program, root: Tensor, cut: Cut, op: Op, values: dict[str, Any]
) -> Finding:
    line = program.line(op)
    values |= {
        "cut": program.expression(op),
        "cut_line": line,
        "cut_tensor": program.name(cut.tensor),
        "behind": listed([program.name(t) for t in cut.behind]),
        "op": op["name"],
    }
    offered: list[Fix | None] = []
    match cut.kind:
        case "detach":
            offered = [fixes.remove_call(program, line, "detach")]
        case "data":
            offered = [fixes.remove_attribute(program, line, "data")]
        case "no_grad" | "inference_mode":
            values["context"], again = fixes.record_again(program, line)
            update = fixes.in_place(program, line)
            if update is not None and update[1] in program.tensors[cut.tensor]["names"]:
                statement, name, text = update
                written = program.source.text(statement)
                values |= {"name": name, "update": text, "written": written}
                edit = edits.replace(program.source, statement, text)
                evidence = [program.op_evidence(op, f"{written}: a new tensor")]
                change = edits.fix(f"Change `{name}` in place", edit)
                return Finding("backward-root-rebound", values, evidence, [change])
            if not any(name in program.source.code for name in fixes.OFF):
                return _off_inside(program, op, values)
            offered = [again]
        case "rebuilt":
            offered = [rebuilt_fix(program, op)]
        case _:
            pass
    evidence = [
        program.op_evidence(op, f"{program.expression(op)}: {cut.kind.replace('_', ' ')}"),
        program.tensor_evidence(root["id"]),
    ]
    code = _CUT_CODES[cut.kind]
    return Finding(code, values, evidence, [f for f in offered if f is not None])


def _off_inside(program: Program, op: Op, values: dict[str, Any]) -> Finding:
    """The snippet turns recording off nowhere: a function that it calls does."""
    line = program.line(op)
    evidence = [program.op_evidence(op, f"{program.expression(op)}: not recorded")]
    if program.source.calls(line, "sample"):
        return Finding("backward-root-sampled", values, evidence)
    for call in program.source.calls(line, "checkpoint", "checkpoint_sequential"):
        edit = edits.set_keyword(program.source, call, "use_reentrant", "False")
        change = edits.fix("Write `use_reentrant=False`", edit)
        return Finding("backward-root-checkpoint", values, evidence, [change])
    return Finding("backward-root-no-grad-inside", values, evidence)


def rebuilt_fix(program: Program, op: Op) -> Fix | None:
    """`torch.tensor(h.item())` becomes `h`; `torch.tensor([a, b])` becomes a stack."""
    for call in program.source.calls(program.line(op), "tensor", "as_tensor", "asarray"):
        if not call.args:
            continue
        first = call.args[0]
        if isinstance(first, ast.List | ast.Tuple) and first.elts:
            parts = ", ".join(_without_item(program, e) for e in first.elts)
            text = f"torch.stack([{parts}])"
        else:
            text = _without_item(program, first)
        title = f"Use `{text}` itself"
        return edits.fix(title, edits.replace(program.source, call, text))
    return None


def _without_item(program: Program, node: ast.expr) -> str:
    if isinstance(node, ast.Name) and node.id not in program.variables:
        assigned = program.source.assignments(node.id, node.lineno)
        if assigned and isinstance(assigned[-1].value, ast.Call):
            return _without_item(program, assigned[-1].value)
    if isinstance(node, ast.Call):
        inner = receiver(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("item", "tolist", "numpy"):
            return _without_item(program, inner) if inner is not None else ""
        if isinstance(node.func, ast.Name) and node.func.id == "float" and node.args:
            return _without_item(program, node.args[0])
    return program.source.text(node)


def backward_root(case: Case) -> tuple[Tensor | None, str]:
    """The tensor that the failing call started from, and how the source writes it."""
    program = case.program
    calls = program.source.calls(case.line, "backward", "grad")
    expression: ast.expr | None = None
    if calls:
        call = calls[-1]
        owner = receiver(call)
        is_module = owner is not None and program.source.text(owner).endswith("autograd")
        expression = call.args[0] if (is_module or owner is None) and call.args else owner
    written = program.source.text(expression) if expression is not None else "the result"
    if isinstance(expression, ast.List | ast.Tuple) and expression.elts:
        expression = expression.elts[0]
    known = tensor_of(program, expression)
    if known is not None or isinstance(expression, ast.Name):
        return known, written
    graphs = [g for g in program.trace["graphs"] if g.get("failed")]
    for graph in reversed(graphs):
        for root in graph["roots"]:
            tensor = root.get("tensor")
            if tensor is not None:
                return program.tensors.get(tensor), written
    return None, written


@error
def root_is_not_scalar(case: Case) -> Finding:
    program = case.program
    root, written = backward_root(case)
    call = next(iter(program.source.calls(case.line, "backward", "grad")), None)
    shape = root["shape"] if root is not None else []
    values = {
        "root": written,
        "line": case.line,
        "shape": shape_text(shape) if root is not None else "not []",
        "count": math.prod(shape) if root is not None else "several",
    }
    offered: list[Fix] = []
    if call is not None:
        is_grad = edits.called_name(call) == "grad"
        owner = receiver(call)
        method = not is_grad and owner is not None and written == program.source.text(owner)
        ones = f"torch.ones_like({written})"
        if method and owner is not None:
            offered = [
                edits.fix(
                    f"Sum `{written}` first",
                    edits.append_to(program.source, owner, ".sum()"),
                ),
                edits.fix("Give a gradient of ones", _seed_edit(program, call, ones)),
                edits.fix(
                    f"Take the mean of `{written}`",
                    edits.append_to(program.source, owner, ".mean()"),
                ),
            ]
        elif call.args:
            offered = [
                edits.fix(
                    f"Sum `{written}` first",
                    edits.append_to(program.source, call.args[0], ".sum()"),
                )
            ]
    evidence = [program.tensor_evidence(root["id"])] if root is not None else []
    gradient = ones_of(shape) if root is not None and math.prod(shape) <= 64 else None
    return Finding("backward-not-scalar", values, evidence, offered, gradient)


def _seed_edit(program: Program, call: ast.Call, ones: str) -> Any:
    if not call.args and not call.keywords:
        return edits.add_argument(program.source, call, ones)
    return edits.set_keyword(program.source, call, "gradient", ones)


def ones_of(shape: list[int]) -> Any:
    """Nested lists of ones: the gradient that `.sum()` would send back."""
    if not shape:
        return 1.0
    return [ones_of(shape[1:]) for _ in range(shape[0])]


@error
def root_is_complex(case: Case) -> Finding:
    root, written = backward_root(case)
    call = next(iter(case.program.source.calls(case.line, "backward")), None)
    owner = receiver(call) if call is not None else None
    offered = []
    if owner is not None:
        edit = edits.append_to(case.program.source, owner, ".abs()")
        offered = [edits.fix(f"Take the absolute value of `{written}`", edit)]
    evidence = [case.program.tensor_evidence(root["id"])] if root is not None else []
    return Finding("backward-complex-root", {"root": written, "line": case.line}, evidence, offered)
