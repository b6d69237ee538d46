"""Where the way from a result back to the leaves is broken, and by what.

Everything here reads the ops that ran, also those that autograd did not record.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from app.explain.program import Program
from app.explain.source import called_name
from app.trace.document import Op

CutKind = Literal[
    "detach", "data", "no_grad", "inference_mode", "not_differentiable", "rebuilt", "leaf"
]

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
    name = op["name"].removesuffix(".__get__").removesuffix(".__call__")
    return name.rsplit(".", 1)[-1]


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
    queue = [tensor]
    while queue:
        current = queue.pop(0)
        op = program.producers.get(current)
        cut = _cut_at(program, current, op)
        if cut is not None:
            cuts.append(cut)
            continue
        for before in op["inputs"] if op is not None else ():
            if before not in seen:
                seen.add(before)
                queue.append(before)
    return cuts


def _cut_at(program: Program, tensor: str, op: Op | None) -> Cut | None:
    known = program.tensors.get(tensor)
    if op is None or not op["inputs"]:
        rebuilt = rebuilt_from(program, op) if op is not None else ()
        if rebuilt:
            return Cut("rebuilt", tensor, op, rebuilt)
        if known is None or known["requires_grad"]:
            return None
        return Cut("leaf", tensor, op)
    behind = tuple(i for i in op["inputs"] if requires_grad(program, i))
    if not behind or op["recorded"]:
        return None
    if op_name(op) in FROM_PYTHON:
        return Cut("rebuilt", tensor, op, behind)
    if is_data(op):
        return Cut("data", tensor, op, behind)
    match op["why_not_recorded"]:
        case "detached":
            return Cut("detach", tensor, op, behind)
        case "no_grad":
            return Cut("no_grad", tensor, op, behind)
        case "inference_mode":
            return Cut("inference_mode", tensor, op, behind)
        case "not_differentiable":
            return Cut("not_differentiable", tensor, op, behind)
        case _:
            return None


def requires_grad(program: Program, tensor: str) -> bool:
    known = program.tensors.get(tensor)
    return known is not None and known["requires_grad"]


def rebuilt_from(program: Program, op: Op) -> tuple[str, ...]:
    """Tensors that require grad whose numbers a `torch.tensor(...)` call copied.

    Either they stand among its inputs, or they are named in its argument, or
    the argument's own `.item()` call was seen on the same line.
    """
    if op_name(op) not in FROM_PYTHON:
        return ()
    direct = [i for i in op["inputs"] if requires_grad(program, i)]
    if direct:
        return tuple(direct)
    line = program.line(op)
    found: list[str] = []
    for other in program.ops_on(line):
        if op_name(other) in TO_PYTHON and _within(op, other):
            found += [i for i in other["inputs"] if requires_grad(program, i)]
    for name in _names_in_argument(program, op):
        found += _behind_number(program, name, line)
    return tuple(dict.fromkeys(found))


def _within(outer: Op, inner: Op) -> bool:
    a, b = outer["site"], inner["site"]
    if a is None or b is None:
        return False
    starts = (a["line"], a["col"]) <= (b["line"], b["col"])
    return starts and (b["end_line"], b["end_col"]) <= (a["end_line"], a["end_col"])


def _names_in_argument(program: Program, op: Op) -> list[str]:
    calls = program.source.calls(program.line(op), *FROM_PYTHON)
    names: list[str] = []
    for call in calls:
        for argument in call.args:
            names += [n.id for n in ast.walk(argument) if isinstance(n, ast.Name)]
    return names


def _behind_number(program: Program, name: str, line: int | None) -> list[str]:
    """The tensors whose `.item()` or the like a Python variable holds."""
    assigned = program.source.assignments(name, line)
    if not assigned or name in program.variables:
        return []
    value = assigned[-1].value
    convert = {c for c in ast.walk(value) if isinstance(c, ast.Call)}
    if not any(called_name(c) in TO_PYTHON or called_name(c) == "float" for c in convert):
        return []
    return [
        tensor
        for other in program.ops_on(assigned[-1].lineno)
        if op_name(other) in TO_PYTHON
        for tensor in other["inputs"]
        if requires_grad(program, tensor)
    ]
