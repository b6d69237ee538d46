"""From an expression of the source to the tensors that it speaks of."""

from __future__ import annotations

import ast

from app.explain.program import Program
from app.trace.graph import Tensor
from app.trace.values import Span


def at_span(program: Program, span: Span | None) -> ast.expr | None:
    """The expression that covers exactly this span (of several the innermost)."""
    found: ast.expr | None = None
    for node in program.source.nodes():
        if isinstance(node, ast.expr) and span is not None and program.source.span(node) == span:
            found = node
    return found


def failing(program: Program) -> ast.expr | None:
    """The expression that raised."""
    raised = program.trace["error"]
    return at_span(program, raised.get("site")) if raised is not None else None


def tensor_of(program: Program, node: ast.expr | None) -> Tensor | None:
    """The tensor that an expression stood for when the run ended, if the trace has it.

    A name of a function that is over stands for what was assigned to it there last.
    """
    if node is None:
        return None
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        named = program.tensor_named(program.source.text(node))
        if named is not None:
            return named
    if isinstance(node, ast.Name):
        function = program.source.function_around(node.lineno)
        assigned = [
            one
            for one in program.source.assignments(node.id, node.lineno - 1)
            if program.source.function_around(one.lineno) is function
        ]
        return tensor_of(program, assigned[-1].value) if function and assigned else None
    span = program.source.span(node)
    for op in reversed(program.ops.on(span["line"])):
        site = op["site"]
        same = site is not None and (
            (site["line"], site["col"], site["end_line"], site["end_col"])
            == (span["line"], span["col"], span["end_line"], span["end_col"])
        )
        if same and op["outputs"]:
            return program.tensors.get(op["outputs"][-1])
    return None


def operands(node: ast.expr | ast.stmt | None) -> list[ast.expr]:
    """What an operation works on: both sides of an operator; receiver and arguments of a call."""
    match node:
        case ast.BinOp():
            return [node.left, node.right]
        case ast.AugAssign():
            return [node.target, node.value]
        case ast.Compare():
            return [node.left, *node.comparators]
        case ast.Call():
            given: list[ast.expr] = []
            if isinstance(node.func, ast.Attribute):
                given.append(node.func.value)
            for argument in [*node.args, *(k.value for k in node.keywords)]:
                if isinstance(argument, ast.List | ast.Tuple):
                    given += argument.elts
                else:
                    given.append(argument)
            return given
        case _:
            return []


def tensors_in(
    program: Program, node: ast.expr | ast.stmt | None
) -> list[tuple[ast.expr, str, Tensor]]:
    """(expression, its text, tensor) for each operand that is a known tensor."""
    found = []
    for operand in operands(node):
        tensor = tensor_of(program, operand)
        if tensor is not None:
            found.append((operand, program.source.text(operand), tensor))
    return found
