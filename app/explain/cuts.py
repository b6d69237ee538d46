"""Where the way from a result back to the leaves is broken, and by what.

Everything here reads the ops that ran, also those that autograd did not record.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.explain.indices import bare, is_new
from app.explain.operands import tensor_of
from app.explain.program import Program
from app.explain.source import called_name
from app.explain.walk import Circular, farthest_first
from app.trace.graph import Op

CutKind = Literal[
    "detach", "data", "no_grad", "in_backward", "inference_mode", "not_differentiable", "rebuilt",
    "leaf",
]  # fmt: skip

#: Python-level calls that hand out plain numbers: nothing behind them is a tensor any more.
TO_PYTHON = frozenset({"item", "tolist", "numpy", "__float__", "__int__", "__array__", "__bool__"})
#: Calls that make a new leaf out of numbers.
FROM_PYTHON = frozenset({"tensor", "as_tensor", "from_numpy", "asarray", "FloatTensor", "Tensor"})
_DATA = frozenset({"data", "data.__get__", "__get__"})


@dataclass(frozen=True)
class Cut:
    """The tensor from which no gradient comes back, and the op that made it so."""

    kind: CutKind
    tensor: str
    op: Op | None
    #: Tensors on the far side, which would have received a gradient.
    behind: tuple[str, ...] = ()


def op_name(op: Op) -> str:
    """The op's bare name: 'torch.Tensor.detach' and 'detach' are both 'detach'."""
    return bare(op["name"])


def is_data(op: Op) -> bool:
    """Was this the `.data` attribute?"""
    return op_name(op) == "data" or op["name"] in _DATA


def find_cuts(program: Program, tensor: str) -> list[Cut]:
    """Every place where the way back from `tensor` ends without a leaf that requires grad.

    Nearest to `tensor` first.  A tensor that nothing produced is a cut of kind
    'leaf' when it does not require grad.
    """
    cuts: list[Cut] = []
    seen = {tensor}
    queue = deque([tensor])
    while queue:
        given, cut = _behind(program, queue.popleft())
        if cut is not None:
            cuts.append(cut)
            continue
        for before in given:
            if before not in seen:
                seen.add(before)
                queue.append(before)
    return cuts


def nearest_cut(program: Program, tensor: str) -> Cut | None:
    """The first of `find_cuts` that is no leaf; those of all tensors are found together."""

    def look(current: str) -> tuple[list[str], Cut | None]:
        given, cut = _behind(program, current)
        return given, cut if cut is not None and cut.kind != "leaf" else None

    return nearest(tensor, look, program.cuts_behind)


def nearest(
    tensor: str,
    look: Callable[[str], tuple[list[str], Cut | None]],
    known: dict[str, tuple[int, Cut] | None],
) -> Cut | None:
    """The cut to which the fewest steps lead, as a search in breadth finds it.

    `look` gives the cut at a tensor, or the tensors that come next.  `known`
    keeps how far it is from each tensor to its cut: what one tensor's search has
    found, those of others need not look for again.
    """
    found: dict[str, Cut] = {}

    def following(current: str) -> list[str]:
        after, cut = look(current)
        if cut is None:
            return after
        found[current] = cut
        return []

    try:
        for current, after in farthest_first(tensor, known, following):
            if current in found:
                known[current] = (0, found[current])
                continue
            beyond = [one for t in after if (one := known[t]) is not None]
            closest = min(beyond, key=lambda one: one[0], default=None)
            known[current] = (closest[0] + 1, closest[1]) if closest is not None else None
    except Circular:
        return _searched(tensor, look)
    end = known[tensor]
    return end[1] if end is not None else None


def _searched(tensor: str, look: Callable[[str], tuple[list[str], Cut | None]]) -> Cut | None:
    """As `nearest`, for one tensor alone."""
    seen = {tensor}
    queue = deque([tensor])
    while queue:
        following, cut = look(queue.popleft())
        if cut is not None:
            return cut
        for after in following:
            if after not in seen:
                seen.add(after)
                queue.append(after)
    return None


def _behind(program: Program, tensor: str) -> tuple[list[str], Cut | None]:
    """What a tensor was made from, and the cut between, if there is one."""
    at = program.ops.making(tensor)
    given = program.ops.sources[at] if at is not None else []
    # Most ops are passed without a look at more of them than columns tell.
    if given and (at not in program.ops.unrecorded or not any(map(program.requires_grad, given))):
        return given, None
    return given, _cut_at(program, tensor, program.ops.maker(tensor))


def _cut_at(program: Program, tensor: str, op: Op | None) -> Cut | None:
    if op is None:
        through = _through_numpy(program, tensor)
        if through is not None:
            return through
    if op is None or not op["inputs"] or is_new(op["name"]):
        rebuilt = rebuilt_from(program, op) if op is not None else ()
        if rebuilt:
            return Cut("rebuilt", tensor, op, rebuilt)
        if tensor not in program.tensors or program.requires_grad(tensor):
            return None
        return Cut("leaf", tensor, op)
    behind = tuple(i for i in op["inputs"] if program.requires_grad(i))
    if not behind or op["recorded"]:
        return None
    behind = _given_to(program, op, behind)
    if op_name(op) in FROM_PYTHON:
        return Cut("rebuilt", tensor, op, behind)
    if is_data(op):
        return Cut("data", tensor, op, behind)
    match op["why_not_recorded"]:
        case "detached":
            return Cut("detach", tensor, op, behind)
        case "no_grad":
            kind: CutKind = "in_backward" if op["id"] in program.in_backward else "no_grad"
            return Cut(kind, tensor, op, behind)
        case "inference_mode":
            return Cut("inference_mode", tensor, op, behind)
        case "not_differentiable":
            return Cut("not_differentiable", tensor, op, behind)
        case _:
            return None


def _given_to(program: Program, op: Op, tensors: tuple[str, ...]) -> tuple[str, ...]:
    """What the snippet gave to the call that runs `op`: a library's steps have no names."""
    found: dict[str, None] = {}
    pending, seen = list(tensors), set(tensors)
    while pending:
        tensor = pending.pop(0)
        maker = program.ops.maker(tensor)
        if maker is None or maker["site"] != op["site"] or program.tensors[tensor]["names"]:
            found[tensor] = None
            continue
        before = [i for i in maker["inputs"] if program.requires_grad(i) and i not in seen]
        seen.update(before)
        pending += before
    return tuple(found) or tensors


def rebuilt_from(program: Program, op: Op) -> tuple[str, ...]:
    """Tensors that require grad whose numbers a `torch.tensor(...)` call copied.

    Either they stand among its inputs, or its argument makes plain numbers of
    them (`.item()`, `.numpy()`, ...), there or where a name in it was assigned.
    """
    if op_name(op) not in FROM_PYTHON:
        return ()
    direct = [i for i in op["inputs"] if program.requires_grad(i)]
    if direct:
        return tuple(direct)
    found: list[str] = []
    for call in program.source.calls(program.line(op), *FROM_PYTHON):
        for argument in call.args:
            found += _made_plain(program, argument)
            for name in _names(argument):
                assigned = program.source.assignments(name, program.line(op))
                if assigned and name not in program.variables:
                    found += _made_plain(program, assigned[-1].value)
    return tuple(dict.fromkeys(found))


def _through_numpy(program: Program, tensor: str) -> Cut | None:
    """A tensor that `torch.from_numpy(x.detach().numpy())` made, which torch does not report."""
    for name in program.tensors[tensor]["names"]:
        for assigned in program.source.assignments(name):
            calls = [n for n in ast.walk(assigned.value) if isinstance(n, ast.Call)]
            if not any(called_name(c) in FROM_PYTHON for c in calls):
                continue
            for op in program.ops.on(assigned.lineno):
                behind = tuple(i for i in op["inputs"] if program.requires_grad(i))
                if op["why_not_recorded"] == "detached" and behind:
                    return Cut("rebuilt", tensor, op, behind)
    return None


def _made_plain(program: Program, node: ast.expr) -> list[str]:
    """Tensors that require grad inside conversions to plain numbers in an expression."""
    found: list[str] = []
    for call in ast.walk(node):
        if not isinstance(call, ast.Call):
            continue
        if called_name(call) in TO_PYTHON or called_name(call) == "float":
            for inner in ast.walk(call):
                tensor = tensor_of(program, inner) if isinstance(inner, ast.Name) else None
                if tensor is not None and tensor["requires_grad"]:
                    found.append(tensor["id"])
    return found


def _names(node: ast.expr) -> list[str]:
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
