"""Surprises of losses: shapes that broadcast, probabilities where logits belong."""

from __future__ import annotations

from collections.abc import Iterator

from app.explain import source as edits
from app.explain.cuts import op_name
from app.explain.errors.shapes import LOSSES
from app.explain.finding import Finding
from app.explain.program import Program, shape_text
from app.explain.source import called_name
from app.trace.explanations import Fix
from app.trace.graph import Op


def broadcast_loss(program: Program) -> Iterator[Finding]:
    """mse_loss of [4, 1] and [4] compares every prediction with every target."""
    for op in program.ops.called(*LOSSES):
        if len(op["inputs"]) < 2 or op["parent"] is not None:
            continue
        prediction, target = (program.tensors[i] for i in op["inputs"][:2])
        if prediction["shape"] == target["shape"] or not op["outputs"]:
            continue
        line = program.line(op)
        values = {
            "line": line,
            "loss": op_name(op),
            "prediction": program.name(prediction["id"]),
            "prediction_shape": shape_text(prediction["shape"]),
            "target": program.name(target["id"]),
            "target_shape": shape_text(target["shape"]),
        }
        yield Finding(
            "hint-loss-broadcast",
            values,
            [program.op_evidence(op, f"{program.expression(op)}: broadcasts")],
            _view_as(program, op),
            line=line,
        )


def _view_as(program: Program, op: Op) -> list[Fix]:
    a, b = (program.tensors[i]["shape"] for i in op["inputs"][:2])
    if _count(a) != _count(b):
        return []
    for call in program.source.calls(program.line(op)):
        if len(call.args) >= 2 and not called_name(call)[:1].isupper():
            first = program.source.text(call.args[0])
            target = program.source.text(call.args[1])
            edit = edits.append_to(program.source, call.args[1], f".view_as({first})")
            return [edits.fix(f"Give `{target}` the shape of the prediction", edit)]
    return []


def _count(shape: list[int]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


def column_minus_row(program: Program) -> Iterator[Finding]:
    """[n, 1] - [n] makes [n, n] on the way to a loss."""
    for op in program.ops.called("sub", "__sub__", "rsub"):
        if len(op["inputs"]) != 2:
            continue
        if not op["outputs"] or op["outputs"][0] not in program.behind_roots:
            continue
        shapes = sorted((program.tensors[i]["shape"] for i in op["inputs"]), key=len)
        if [len(s) for s in shapes] != [1, 2] or shapes[1] != [shapes[0][0], 1]:
            continue
        if shapes[0][0] < 2 or _on_purpose(program.expression(op)):
            continue
        line = program.line(op)
        first, second = op["inputs"]
        values = {
            "line": line,
            "written": program.expression(op),
            "first": program.name(first),
            "second": program.name(second),
            "n": shapes[0][0],
        }
        yield Finding(
            "hint-column-minus-row",
            values,
            [program.op_evidence(op, f"{program.expression(op)}: became a matrix")],
            line=line,
        )


def _on_purpose(text: str) -> bool:
    """Someone who writes a new dimension there wants the matrix."""
    return any(word in text for word in ("None", "unsqueeze", "reshape", "view", "newaxis", "[:,"))


#: Loss -> what must not have been applied to its input, and why.
_DOUBLE = {
    "cross_entropy": ("softmax", "applies log-softmax itself"),
    "binary_cross_entropy_with_logits": ("sigmoid", "applies the sigmoid itself"),
    "nll_loss": ("softmax", "wants log-probabilities"),
}


def double_softmax(program: Program) -> Iterator[Finding]:
    """Probabilities were given to a loss that wants logits (or log-probabilities)."""
    for op in program.ops.called(*_DOUBLE):
        wrong = _DOUBLE[op_name(op)]
        if op["parent"] is not None or not op["inputs"]:
            continue
        before = program.ops.maker(op["inputs"][0])
        if before is None or op_name(before) != wrong[0]:
            continue
        line = program.line(op)
        values = {
            "line": line,
            "loss": op_name(op),
            "function": wrong[0],
            "why": wrong[1],
            "input": program.name(op["inputs"][0]),
            "made": program.line(before),
        }
        evidence = [
            program.op_evidence(before, f"{program.expression(before)}: makes probabilities"),
            program.op_evidence(op, f"{program.expression(op)}: {wrong[1]}"),
        ]
        yield Finding(
            "hint-double-softmax", values, evidence, _without(program, op, before), line=line
        )


def _without(program: Program, op: Op, before: Op) -> list[Fix]:
    """Take the softmax away, or turn it into log_softmax for nll_loss."""
    name = op_name(before)
    for call in program.source.calls(program.line(before), name):
        if op_name(op) == "nll_loss":
            text = program.source.text(call.func)
            edit = edits.replace(program.source, call.func, text.replace(name, "log_softmax"))
            return [edits.fix("Use log_softmax", edit)]
        inner = edits.receiver(call)
        is_module = inner is not None and program.source.text(inner) in (
            "torch",
            "F",
            "nn.functional",
        )
        if is_module or inner is None:
            inner = call.args[0] if call.args else None
        if inner is not None:
            edit = edits.replace(program.source, call, program.source.text(inner))
            return [edits.fix(f"Take `{name}` away", edit)]
    return []


RULES = (broadcast_loss, column_minus_row, double_softmax)
