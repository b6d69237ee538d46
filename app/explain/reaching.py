"""Which tensors stand before and after others, by all ops that ran, recorded or not."""

from __future__ import annotations

from functools import partial

from app.explain.cuts import (
    FROM_PYTHON,
    TO_PYTHON,
    Cut,
    CutKind,
    is_data,
    nearest,
    op_name,
    rebuilt_from,
)
from app.explain.indices import is_new
from app.explain.program import Program
from app.trace.graph import Op


def forward_cut(program: Program, tensor: str) -> Cut | None:
    """The first op after `tensor`, on a way to a root, that autograd did not record."""
    cut = nearest(tensor, partial(_after, program), program.cuts_after)
    if cut is not None:
        return cut
    return _rebuilt_from_any(program, tensor) or _written_in(program, tensor)


def _after(program: Program, tensor: str) -> tuple[list[str], Cut | None]:
    """The tensors that recorded ops made of a tensor, or the first op that stops there."""
    following: list[str] = []
    for at in program.ops.reading(tensor):
        if not program.ops.sources[at]:
            continue
        op = program.ops.rows[at] if at in program.ops.unrecorded else None
        if op is None or _stops(program, op) is None:
            following += program.ops.outputs[at]
            continue
        cut = _cut_at(program, op, tensor, program.behind_roots)
        if cut is not None:
            return [], cut
    return following, None


def _cut_at(program: Program, op: Op, tensor: str, toward: set[str]) -> Cut | None:
    """The cut that an op which was not recorded is, if its results are on a way to a root."""
    kind = _stops(program, op)
    if kind is None or is_new(op["name"]) or _is_no_way(program, op, tensor):
        return None
    made = [t for t in (*op["outputs"], *op.get("mutated", ())) if t in toward]
    if made or toward & set(_rebuilt_after(program, op)):
        return Cut(kind, made[0] if made else tensor, op, (tensor,))
    return None


def _written_in(program: Program, tensor: str) -> Cut | None:
    """Its numbers were written into what backward started from: the last cut before that."""
    toward = program.behind_writes
    makers = [program.ops.making(root) for root in program.root_tensors]
    last = max((at for at in makers if at is not None), default=-1)
    found: Cut | None = None
    for one in _reached(program, tensor):
        for at in program.ops.reading(one):
            if at < last and at in program.ops.unrecorded:
                found = _cut_at(program, program.ops.rows[at], one, toward) or found
    return found


def _is_no_way(program: Program, op: Op, tensor: str) -> bool:
    """Was the tensor itself written to, or is the op a step of a recorded Function's forward?"""
    if tensor in op.get("mutated", ()):
        return True
    parent = program.ops[op["parent"]] if op["parent"] is not None else None
    return parent is not None and parent["recorded"] and tensor in parent["inputs"]


def returned_none(program: Program, tensor: str) -> Op | None:
    """The call of a custom Function whose backward gave None toward `tensor`."""
    for graph in program.trace["graphs"]:
        call = graph["site"]
        named = program.source.calls(call["line"] if call is not None else None)
        asked = any(keyword.arg == "inputs" for one in named for keyword in one.keywords)
        if graph["kind"] != "backward" or graph.get("failed") or asked:
            continue
        index = program.index(graph)
        pending = [index.arrivals.get(tensor, "")]
        seen = set(pending)
        while pending:
            for source in index.entering.get(pending.pop(), ()):
                op = program.ops.get(index.field(source, "op") or "")
                if op is None or source in seen:
                    continue
                came = index.field(source, "upstream.nonfinite")
                if all(size is None for size in came):  # nothing came to it either
                    seen.add(source)
                    pending.append(source)
                elif index.field(source, "name") == f"{op['name']}Backward":
                    return op
    return None


def _rebuilt_from_any(program: Program, tensor: str) -> Cut | None:
    """`torch.tensor(y.sum().item())`: no op tells of the number, but the source does."""
    seen: set[str] | None = None
    for op in program.ops.called(*FROM_PYTHON):
        made = [t for t in op["outputs"] if t in program.behind_roots]
        behind = rebuilt_from(program, op) if made else ()
        if not behind:
            continue
        seen = _reached(program, tensor) if seen is None else seen
        behind = tuple(t for t in behind if t in seen)
        if behind:
            return Cut("rebuilt", made[0], op, behind)
    return None


def _reached(program: Program, tensor: str) -> set[str]:
    """A tensor and all that recorded ops made of it."""
    seen = {tensor}
    pending = [tensor]
    while pending:
        fresh = set(_after(program, pending.pop())[0]) - seen
        seen |= fresh
        pending += fresh
    return seen


def _stops(program: Program, op: Op) -> CutKind | None:
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
    reason = reasons.get(op["why_not_recorded"] or "")
    return "in_backward" if reason == "no_grad" and op["id"] in program.in_backward else reason


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
