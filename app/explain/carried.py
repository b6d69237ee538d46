"""What a loop carries from one turn to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from app.explain import source as edits
from app.explain.program import Program, written
from app.trace.explanations import Fix

Loop = ast.For | ast.While


def carried_name(program: Program, loop: Loop) -> str | None:
    """A name that holds a result of the turn before when a turn begins, with its history."""
    for name in _read_first(loop):
        if _items(program, name) or _went_in(program, name):
            return name
    return None


def detach_first(program: Program, loop: Loop, name: str) -> Fix:
    """The edit that cuts off the history of `name` where a turn begins."""
    value = f"{name}.detach()"
    if _items(program, name):
        value = f"tuple(one.detach() for one in {name})"
    text = f"{name} = {value}"
    before = program.source.assignments(name, loop.lineno)
    if before and isinstance(before[-1].value, ast.Constant) and before[-1].value.value is None:
        text = f"{name} = None if {name} is None else {value}"
    first = loop.body[0].lineno
    return edits.fix(
        f"Detach `{name}` at the start of each turn", edits.insert_line(program.source, first, text)
    )


def _read_first(loop: Loop) -> Iterator[str]:
    """Names that the body assigns, and reads before it has."""
    assigned = {name for statement in loop.body for name in _stored(statement)}
    done: set[str] = set(_stored(loop.target)) if isinstance(loop, ast.For) else set()
    for statement in _simple(loop.body):
        for node in ast.walk(statement):
            reads = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                node, reads = node.target, True
            if reads and isinstance(node, ast.Name) and node.id in assigned - done:
                yield node.id
        done.update(_stored(statement))


def _simple(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The statements of a body and of the blocks in it, in order; of a block its head."""
    for statement in body:
        blocks = [
            block
            for field in ("body", "orelse", "finalbody")
            if isinstance(block := getattr(statement, field, None), list)
        ]
        if not blocks:
            yield statement
        for expression in ast.iter_child_nodes(statement) if blocks else ():
            if isinstance(expression, ast.expr):
                yield expression
        for block in blocks:
            yield from _simple(block)


def _stored(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _items(program: Program, name: str) -> bool:
    """Is it a tuple of results?"""
    return any(
        written(one).startswith(f"{name}[") and one["grad_fn"] is not None
        for one in program.trace["variables"]
    )


def _went_in(program: Program, name: str) -> bool:
    """Did an earlier turn's result of this name go into what backward started from?"""
    root = program.root_tensors[-1:]
    turn = _turn(program, root[0]) if root else None
    now = program.tensor_named(name)
    for one in program.ops.ancestors(root):
        if name in program.tensors[one]["names"] and program.requires_grad(one):
            made = _turn(program, one)
            if made != turn if made and turn else now is not None and one != now["id"]:
                return True
    return False


def _turn(program: Program, tensor: str) -> list[int] | None:
    """In which turns of the loops around it a tensor was made."""
    op = program.ops.maker(tensor)
    return op.get("iteration") if op is not None else None
