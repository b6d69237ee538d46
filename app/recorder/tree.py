"""Places in a program's syntax tree at which a what-if can be aimed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from app.recorder.program import Program
from app.trace.request import SpanTarget

Found = tuple[ast.AST, str, int | None, ast.expr, ast.stmt]


def find_expression(program: Program, target: SpanTarget) -> Found | None:
    """The expression with exactly this span: its parent, field, index, itself, its statement."""
    wanted = (
        target.line,
        program.to_bytes(target.line, target.col),
        target.end_line,
        program.to_bytes(target.end_line, target.end_col),
    )
    pending: list[tuple[ast.AST, ast.stmt | None]] = [(program.tree, None)]
    while pending:
        parent, statement = pending.pop()
        for field, value in ast.iter_fields(parent):
            for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(node, ast.AST):
                    continue
                inner = node if isinstance(node, ast.stmt) else statement
                if (
                    isinstance(node, ast.expr)
                    and inner is not None
                    and (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
                    == wanted
                    and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
                    and not isinstance(node, ast.Starred)
                ):
                    return parent, field, index, node, inner
                pending.append((node, inner))
    return None


def blocks_of(statement: ast.stmt) -> Iterator[tuple[str, Any]]:
    """The lists of statements inside a compound statement, as (attribute, owner)."""
    for owner in [statement, *getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
        for name in ("body", "orelse", "finalbody"):
            block = getattr(owner, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield name, owner


def guarded(body: list[ast.stmt], statement: ast.stmt, leave: ast.stmt) -> list[ast.stmt]:
    """Put `statement` into a try that ends with `leave` whatever happens."""
    result: list[ast.stmt] = []
    for one in body:
        if one is statement:
            result.append(ast.copy_location(ast.Try([one], [], [], [leave]), one))
            continue
        for name, owner in blocks_of(one):
            setattr(owner, name, guarded(getattr(owner, name), statement, leave))
        result.append(one)
    return result


def targets_of(statement: ast.stmt) -> list[ast.expr]:
    """What a statement binds."""
    if isinstance(statement, ast.Assign):
        return statement.targets
    if isinstance(statement, ast.AugAssign | ast.AnnAssign | ast.For | ast.AsyncFor):
        return [statement.target]
    if isinstance(statement, ast.With | ast.AsyncWith):
        return [item.optional_vars for item in statement.items if item.optional_vars]
    return []
