"""Tensors that no op made: gradients that a call handed out, results of torch.func."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from app.explain.program import Program
from app.explain.source import called_name, keyword, receiver

_TRANSFORMS = frozenset(
    ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "vmap")
)


@dataclass(frozen=True)
class Given:
    """What the source says about where a name's tensor came from."""

    #: gradient: `autograd.grad(...)`; attribute: `x.grad`; transform: `torch.func.grad(f)(x)`.
    kind: Literal["gradient", "attribute", "transform"]
    value: ast.expr
    line: int


def given(program: Program, name: str, scope: str | None = None) -> Given | None:
    """Where `name` came from by its last assignment, if that was no computation of its own.

    Of a function's name (`scope`) only what that function assigns.  None as well for a gradient
    that was computed with `create_graph=True`.
    """
    value = _last_value(program, name, scope)
    if value is None:
        return None
    while isinstance(value, ast.Subscript):  # autograd.grad(y, x)[0]
        value = value.value
    if isinstance(value, ast.Attribute) and value.attr == "grad":
        return Given("attribute", value, value.lineno)
    if not isinstance(value, ast.Call):
        return None
    if isinstance(value.func, ast.Call) and called_name(value.func) in _TRANSFORMS:
        return Given("transform", value, value.lineno)
    if called_name(value) == "grad" and _is_autograd(program, value):
        recorded = keyword(value, "create_graph")
        if recorded is None or program.source.text(recorded.value) == "False":
            return Given("gradient", value, value.lineno)
    return None


def _is_autograd(program: Program, call: ast.Call) -> bool:
    owner = receiver(call)
    return owner is None or program.source.text(owner).endswith("autograd")


def _last_value(program: Program, name: str, scope: str | None) -> ast.expr | None:
    """The right side of the last `name = ...`, also in `name, other = ...`."""
    found: ast.Assign | None = None
    for node in program.source.nodes():
        if (
            isinstance(node, ast.Assign)
            and any(_binds(t, name) for t in node.targets)
            and (scope is None or _is_in(program, node, scope))
        ):
            found = node if found is None or node.lineno > found.lineno else found
    return found.value if found is not None else None


def _is_in(program: Program, node: ast.stmt, scope: str) -> bool:
    function = program.source.function_around(node.lineno)
    return function is not None and function.name == scope.rpartition(".")[2]


def _binds(target: ast.expr, name: str) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return any(_binds(part, name) for part in target.elts)
    return isinstance(target, ast.Name) and target.id == name
