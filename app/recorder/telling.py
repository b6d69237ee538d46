"""Which functions of a program have their names told: those that lead to a backward call, and
those that the module calls for what they do."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef

_BACKWARD = frozenset(("backward", "grad"))


@dataclass(eq=False)
class Told:
    """A function whose names are told as they are when it is left."""

    node: Function
    #: `train`, `Trainer.fit`, `main.step`.
    scope: str
    #: How far it is from the module's own code, whose rank is 0; of two functions that have the
    #: same name for different tensors, the first one's is told as it is written.
    rank: int
    #: It is called once, and last of all: what its names stand for can live on, and be missed by
    #: nothing of the program's.
    kept: bool
    #: Names that are those of others, by its own word.
    borrowed: frozenset[str]


def functions(body: list[ast.stmt], around: tuple[str, ...] = ()) -> Iterator[tuple[Function, str]]:
    """All functions in these statements, with the scopes of their names."""
    for statement in body:
        if isinstance(statement, Function | ast.ClassDef):
            inside = (*around, statement.name)
            if not isinstance(statement, ast.ClassDef):
                yield statement, ".".join(inside)
            yield from functions(statement.body, inside)
            continue
        for inner in ast.iter_child_nodes(statement):
            if isinstance(inner, ast.stmt):
                yield from functions([inner], around)
            elif isinstance(inner, ast.ExceptHandler | ast.match_case):
                yield from functions(inner.body, around)


def told(tree: ast.Module) -> dict[Function, Told]:
    """By their definitions.

    Not told are generators, of which nobody knows when they are left, and what the engine calls:
    the `backward` of a Function of the program's.
    """
    scopes = {
        node: scope
        for node, scope in functions(tree.body)
        if node.name not in _BACKWARD and not _is_generator(node)
    }
    mentions = {node: Counter(_mentions(node)) for node in scopes}
    names = {node.name for node in scopes}
    chosen = {node for node in scopes if any(map(_calls_backward, ast.walk(node)))}
    grown = True
    while grown:
        leading = {node.name for node in chosen}
        more = {n for n in scopes if n not in chosen and leading & (mentions[n].keys() - {n.name})}
        grown = bool(more)
        chosen |= more
    own = [one for one in tree.body if not isinstance(one, Function | ast.ClassDef)]
    asynchronous = {node.name for node in scopes if isinstance(node, ast.AsyncFunctionDef)}
    called = {name for one in own for name in _called_by(one, asynchronous)} & names
    chosen |= {node for node in scopes if node.name in called}
    ending = set(_last_calls(tree.body, asynchronous))
    mentioned = Counter(_mentions(tree))
    return {
        node: Told(
            node,
            scopes[node],
            rank,
            node.name in ending and mentioned[node.name] == 1,
            frozenset(
                name
                for part in ast.walk(node)
                if isinstance(part, ast.Global | ast.Nonlocal)
                for name in part.names
            ),
        )
        for rank, node in enumerate(_in_order(chosen, mentions, own), 1)
    }


def _in_order(
    chosen: set[Function], mentions: dict[Function, Counter[str]], own: list[ast.stmt]
) -> list[Function]:
    """Those that the module's own code mentions, those that these mention, and so on."""
    rest = sorted(chosen, key=lambda node: node.lineno)
    ordered: list[Function] = []
    reached = {name for statement in own for name in _mentions(statement)}
    while rest:
        # (Of what nothing mentions, the last comes first: it stands on what is above it.)
        found = [node for node in rest if node.name in reached] or rest[-1:]
        ordered += found
        rest = [node for node in rest if node not in found]
        reached = {name for node in found for name in mentions[node]}
    return ordered


def _mentions(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr


def _calls_backward(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _called(node) in _BACKWARD


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _called_by(statement: ast.stmt, asynchronous: set[str]) -> Iterator[str]:
    """What a statement of the module calls once and to no other end: `main()`."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        yield from _for_itself(statement.value, asynchronous)
    elif isinstance(statement, ast.If | ast.With | ast.Try):
        for inner in ast.iter_child_nodes(statement):
            if isinstance(inner, ast.stmt):
                yield from _called_by(inner, asynchronous)


def _for_itself(call: ast.Call, asynchronous: set[str]) -> Iterator[str]:
    """`main` of `main()`, also of `asyncio.run(main())`."""
    yield _called(call)
    for argument in call.args:
        if isinstance(argument, ast.Call) and _called(argument) in asynchronous:
            yield _called(argument)


def _last_calls(block: list[ast.stmt], asynchronous: set[str]) -> Iterator[str]:
    """The names of what a block may call last."""
    last = block[-1] if block else None
    if isinstance(last, ast.If):
        yield from _last_calls(last.body, asynchronous)
        yield from _last_calls(last.orelse, asynchronous)
    elif isinstance(last, ast.Expr | ast.Assign) and isinstance(last.value, ast.Call):
        yield from _for_itself(last.value, asynchronous)


def _is_generator(function: Function) -> bool:
    """Does a `yield` of its own stand in it?"""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)
    return False


def parameters_of(function: Function) -> list[str]:
    """The names of a function's parameters; those of `*` and `**` hold no tensors themselves."""
    arguments = function.args
    return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
