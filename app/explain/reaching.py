"""Which tensors stand before and after others, by all ops that ran, recorded or not."""

from __future__ import annotations

from collections import deque

from app.explain.cuts import (
    FROM_PYTHON,
    TO_PYTHON,
    Cut,
    CutKind,
    is_data,
    op_name,
    rebuilt_from,
)
from app.explain.program import Program
from app.trace.graph import Op


def forward_cut(program: Program, tensor: str) -> Cut | None:
    """The first op after `tensor`, on a way to a root, that autograd did not record."""
    toward = program.behind_roots
    seen = {tensor}
    queue = deque([tensor])
    while queue:
        current = queue.popleft()
        for at in program.ops.reading(current):
            outputs = program.ops.outputs[at]
            op = program.trace["ops"][at] if at in program.ops.unrecorded else None
            kind = _stops(op) if op is not None else None
            made = [t for t in outputs if t in toward]
            if op is None or kind is None:
                fresh = [t for t in outputs if t not in seen]
                seen.update(fresh)
                queue.extend(fresh)
            elif made or toward & set(_rebuilt_after(program, op)):
                return Cut(kind, made[0] if made else current, op, (current,))
    return _rebuilt_from_any(program, seen, toward)


def _rebuilt_from_any(program: Program, seen: set[str], toward: set[str]) -> Cut | None:
    """`torch.tensor(y.sum().item())`: no op tells of the number, but the source does."""
    for op in program.ops.called(*FROM_PYTHON):
        made = [t for t in op["outputs"] if t in toward]
        behind = tuple(t for t in rebuilt_from(program, op) if t in seen) if made else ()
        if behind:
            return Cut("rebuilt", made[0], op, behind)
    return None


def _stops(op: Op) -> CutKind | None:
    """What kind of cut an op that autograd did not record is, if it is one."""
    if is_data(op):
        return "data"
    if op_name(op) in TO_PYTHON:
        return "rebuilt"
    reasons: dict[str, CutKind] = {
        "detached": "detach",
        "no_grad": "no_grad",
        "inference_mode": "inference_mode",
        "not_differentiable": "not_differentiable",
    }
    return reasons.get(op["why_not_recorded"] or "")


def _rebuilt_after(program: Program, op: Op) -> list[str]:
    """Tensors that were built from the numbers that this op handed to Python."""
    if op_name(op) not in TO_PYTHON:
        return []
    return [
        made
        for other in program.ops.called(*FROM_PYTHON)
        if set(op["inputs"]) & set(rebuilt_from(program, other))
        for made in other["outputs"]
    ]
