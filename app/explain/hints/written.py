"""Lines that do nothing, or something else than they say: read off the text alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import SequenceMatcher

from app.explain import source as edits
from app.explain.finding import Finding
from app.explain.program import Program, listed

#: Methods that are called for what they do, so naming one on a line of its own does nothing.
_ACTIONS = frozenset(
    "backward step zero_grad zero_ requires_grad_ retain_grad detach_ eval train".split()
)
_FLAG = "requires_grad"
#: How alike a misspelt word is to the right one.
_ALIKE = 0.85


def not_called(program: Program) -> Iterator[Finding]:
    """`loss.backward` on a line of its own."""
    source = program.source
    for node in source.nodes():
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Attribute):
            continue
        named = node.value
        if named.attr not in _ACTIONS:
            continue
        text = source.text(named)
        values = {"line": node.lineno, "written": text, "method": named.attr}
        fix = edits.fix(f"Write `{text}()`", edits.append_to(source, named, "()"))
        yield Finding(
            "hint-not-called",
            values,
            [program.line_evidence(node.lineno)],
            [fix],
            line=node.lineno,
        )


def flags(program: Program) -> Iterator[Finding]:
    """`x.require_grad = True`, and `model.requires_grad = False` on a module."""
    for node in program.source.nodes():
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target = node.targets[0]
        if not isinstance(target, ast.Attribute):
            continue
        owner = program.source.text(target.value)
        if target.attr != _FLAG:
            alike = SequenceMatcher(None, target.attr, _FLAG).ratio() > _ALIKE
            if alike and program.tensor_named(owner) is not None:
                yield _misspelt(program, node, target, owner)
        elif any(v.startswith(_path(owner)) for v in program.variables):
            yield _on_a_module(program, node, owner)


def _path(owner: str) -> str:
    """How the names of a module's parameters begin: `net[0]` holds `net.0.weight`."""
    return owner.replace("[", ".").replace("]", "") + "."


def python_max(program: Program) -> Iterator[Finding]:
    """`c = max(a, b)`: Python compares the tensors, and `c` is one of them."""
    for node in program.source.nodes():
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        call, target = node.value, node.targets[0]
        if not isinstance(call.func, ast.Name) or call.func.id not in ("max", "min"):
            continue
        given = [(program.source.text(a), program.tensor_named(program.source.text(a)))
                 for a in call.args]  # fmt: skip
        made = program.tensor_named(program.source.text(target))
        if made is None or len(given) < 2 or any(t is None for _, t in given):
            continue
        others = [n for n, t in given if t is not None and t["id"] != made["id"]]
        same = [n for n, t in given if t is not None and t["id"] == made["id"]]
        if not same or not others:
            continue
        values = {
            "line": node.lineno, "written": program.source.text(call), "same": same[0],
            "others": listed(others), "right": f"torch.{call.func.id}imum",
        }  # fmt: skip
        fixes = []
        if len(given) == 2:
            text = f"torch.{call.func.id}imum({given[0][0]}, {given[1][0]})"
            fixes = [edits.fix(f"Write `{text}`", edits.replace(program.source, call, text))]
        evidence = [program.tensor_evidence(made["id"])]
        yield Finding("hint-python-max", values, evidence, fixes, line=node.lineno)


def _misspelt(program: Program, node: ast.Assign, target: ast.Attribute, owner: str) -> Finding:
    values = {"line": node.lineno, "owner": owner, "written": target.attr}
    edit = edits.replace(program.source, target, f"{owner}.{_FLAG}")
    return Finding(
        "hint-flag-misspelt",
        values,
        [program.line_evidence(node.lineno)],
        [edits.fix(f"Write `{_FLAG}`", edit)],
        line=node.lineno,
        variable=owner,
    )


def _on_a_module(program: Program, node: ast.Assign, owner: str) -> Finding:
    value = program.source.text(node.value)
    right = f"{owner}.requires_grad_({value})"
    edit = edits.replace(program.source, node, right)
    return Finding(
        "hint-flag-on-a-module",
        {"line": node.lineno, "owner": owner, "right": right},
        [program.line_evidence(node.lineno)],
        [edits.fix(f"Write `{right}`", edit)],
        line=node.lineno,
    )


RULES = (not_called, flags, python_max)
