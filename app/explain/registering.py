"""Weights that a module has and does not know of: read off `self.name = ...` in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.explain import source as edits
from app.explain.source import Source, called_name, keyword
from app.trace.explanations import Edit, Fix


@dataclass(frozen=True)
class Hidden:
    """An attribute whose weights `parameters()` does not give."""

    kind: Literal["layers", "tensor", "result"]
    #: `self.w`
    name: str
    line: int
    fix: Fix


def hidden_weights(source: Source) -> Iterator[Hidden]:
    """Layers in a plain list, plain tensors that require grad, results of a parameter."""
    for node in source.nodes():
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Attribute):
            continue
        name, value = source.text(node.targets[0]), node.value
        if not name.startswith("self."):
            continue
        if isinstance(value, ast.List | ast.ListComp) and _makes_layers(value):
            title = f"Register `{name}` with `nn.ModuleList`"
            fix = edits.fix(title, _wrap(source, value, "nn.ModuleList"))
            yield Hidden("layers", name, node.lineno, fix)
        elif _is_parameter(value):
            continue
        elif any(_is_parameter(inner) for inner in ast.walk(value)):
            fix = edits.fix(f"Make a parameter of `{name}`", _wrap(source, value, "nn.Parameter"))
            yield Hidden("result", name, node.lineno, fix)
        elif isinstance(value, ast.Call) and _requires_grad(value):
            fix = edits.fix(f"Make a parameter of `{name}`", _wrap(source, value, "nn.Parameter"))
            yield Hidden("tensor", name, node.lineno, fix)


def _wrap(source: Source, node: ast.expr, call: str) -> Edit:
    return edits.replace(source, node, f"{call}({source.text(node)})")


def _makes_layers(node: ast.expr) -> bool:
    return any(
        isinstance(n, ast.Call) and called_name(n)[:1].isupper() and called_name(n) != "Parameter"
        for n in ast.walk(node)
    )


def _is_parameter(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and called_name(node) == "Parameter"


def _requires_grad(call: ast.Call) -> bool:
    """`torch.randn(2, requires_grad=True)` or `torch.randn(2).requires_grad_()`."""
    given = keyword(call, "requires_grad")
    if given is not None:
        return not (isinstance(given.value, ast.Constant) and given.value.value is False)
    return called_name(call) == "requires_grad_"
