"""Errors of losses: prediction and target that do not fit each other."""

from __future__ import annotations

import ast
import re

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.errors.shapes import count, described
from app.explain.finding import Finding
from app.explain.operands import failing
from app.explain.source import called_name
from app.trace.explanations import Fix


@error
def loss_target(case: Case) -> Finding:
    program = case.program
    values, _, evidence = described(case)
    call = _loss_call(case)
    values["loss"] = called_name(call) if call is not None else "the loss"
    offered: list[Fix] = []
    sizes = [_size(case.group(n)) for n in ("target", "input")]
    values["tensors"] = f"a target {sizes[0]} and a prediction {sizes[1]}"
    if call is not None and len(call.args) >= 2:
        target = program.source.text(call.args[1])
        values["tensors"] = (
            f"the target `{target}` {sizes[0]} and the prediction "
            f"`{program.source.text(call.args[0])}` {sizes[1]}"
        )
        if count(sizes[0]) == count(sizes[1]):
            text = f".view_as({program.source.text(call.args[0])})"
            edit = edits.append_to(program.source, call.args[1], text)
            offered = [edits.fix(f"Give `{target}` the shape of the prediction", edit)]
    return Finding("loss-shapes", values, evidence, offered)


def _size(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def _loss_call(case: Case) -> ast.Call | None:
    """The outermost call on the line that is given two things."""
    node = failing(case.program)
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        return node
    return next((c for c in case.program.source.calls(case.line) if len(c.args) >= 2), None)


@error
def batch_sizes(case: Case) -> Finding:
    values, _, evidence = described(case)
    values |= {"input": case.group("input"), "target": case.group("target")}
    return Finding("loss-batch", values, evidence)


@error
def class_out_of_bounds(case: Case) -> Finding:
    values, found, evidence = described(case)
    classes = found[0][1]["shape"][1:2] if found else []
    values |= {
        "target": case.group("target"),
        "classes": classes[0] if classes else "fewer",
        "most": classes[0] - 1 if classes else "the number of classes minus one",
    }
    return Finding("loss-class", values, evidence)


@error
def target_dimensions(case: Case) -> Finding:
    program = case.program
    values, _, evidence = described(case)
    call = _loss_call(case)
    offered = []
    if call is not None and len(call.args) >= 2:
        target = program.source.text(call.args[1])
        values["target"] = target
        edit = edits.append_to(program.source, call.args[1], ".squeeze(-1)")
        offered = [edits.fix(f"Take the last dimension of `{target}` away", edit)]
    values.setdefault("target", "the target")
    return Finding("loss-target-dimensions", values, evidence, offered)


@error
def not_probabilities(case: Case) -> Finding:
    source = case.program.source
    values, found, evidence = described(case)
    call = _loss_call(case)
    place = 0 if case.group("what") == "input" else 1
    values["name"] = found[place][0] if len(found) > place else f"the {case.group('what')}"
    known = found[place][1]["value"] if len(found) > place else None
    values["range"] = (
        f"from {known['min']:.4g} to {known['max']:.4g}" if known is not None else "others"
    )
    offered: list[Fix] = []
    if call is not None and len(call.args) > place:
        values["name"] = source.text(call.args[place])
        edit = edits.append_to(source, call.args[place], ".sigmoid()")
        offered = [edits.fix(f"Make probabilities of `{values['name']}`", edit)]
    return Finding("loss-probabilities", values, evidence, offered)
