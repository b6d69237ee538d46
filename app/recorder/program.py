"""From source text to code that runs with exact spans and tells what it binds.

The snippet's tree gets a few calls of hidden built-ins: where a loop or a
function begins its body (to tell iterations apart), after a module-level
statement that binds names, and around the last expression.  They change no
name, no value and no line number of the program.

Of functions that lead to a backward call, and of those that a program merely
calls (`main()`), names are told like those of the module, which may have none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Literal

from app.recorder.places import SNIPPET, Scope
from app.recorder.telling import Function, Told, parameters_of, told

LOOP = "__gradwalk_loop__"
TICK = "__gradwalk_tick__"
BOUND = "__gradwalk_bound__"
LOCAL = "__gradwalk_local__"
LEFT = "__gradwalk_left__"
RESULT = "__gradwalk_result__"

#: Whose names a block binds: the module's, those of a function, or others: nothing is told.
_Binds = Literal["module", "others"] | Told


def split_lines(source: str) -> list[str]:
    """Lines as Python's tokenizer counts them."""
    return re.split(r"\r\n|\r|\n", source)


@dataclass
class Program:
    """A snippet, parsed; `compile` it after the changes wanted have been made to `tree`."""

    source: str
    tree: ast.Module
    lines: list[str]
    scopes: list[Scope] = field(default_factory=list)
    counters: int = 0
    #: The functions of which names are told.
    told: dict[Function, Told] = field(default_factory=dict)

    @property
    def is_expression(self) -> bool:
        """Only an expression: its free names become inputs."""
        return len(self.tree.body) == 1 and isinstance(self.tree.body[0], ast.Expr)

    def compile(self) -> CodeType:
        """Instrument and compile; raises SyntaxError as plain Python would."""
        self.told = told(self.tree)
        if self.tree.body and isinstance(self.tree.body[-1], ast.Expr):
            last = self.tree.body[-1]
            last.value = call_at(last.value, RESULT, [last.value])
        self.tree.body = self._body(self.tree.body, "module")
        return compile(self.tree, SNIPPET, "exec", dont_inherit=True)

    def to_bytes(self, line: int, column: int) -> int:
        """A column in characters as the compiler counts it."""
        if not 0 < line <= len(self.lines):
            return column
        return len(self.lines[line - 1][:column].encode("utf-8", "surrogatepass"))

    def to_characters(self, line: int, column: int) -> int:
        head = self.lines[line - 1].encode("utf-8", "surrogatepass")[:column]
        return len(head.decode("utf-8", "ignore"))

    def text(self, node: ast.expr) -> str:
        """The source text of an expression."""
        return ast.get_source_segment("\n".join(self.lines), node) or ast.unparse(node)

    def _body(self, body: list[ast.stmt], binds: _Binds) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in body:
            result += self._statement(statement, binds)
        return result

    def _statement(self, node: ast.stmt, binds: _Binds) -> list[ast.stmt]:
        before: list[ast.stmt] = []
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            before = [self._loop(node, binds)]
        elif isinstance(node, Function):
            self._function(node)
            return [node]
        elif isinstance(node, ast.ClassDef):
            node.body = self._body(node.body, "others")
            return [node]
        elif isinstance(node, ast.With | ast.AsyncWith):
            names = [n for i in node.items if i.optional_vars for n in _stored(i.optional_vars)]
            node.body = self._bound(names, node, binds) + self._body(node.body, binds)
        else:
            self._blocks(node, binds)
        names = _names_bound_by(node) if binds == "module" else _names_surely_bound_by(node)
        after = self._bound(names, node, binds)
        if isinstance(node, ast.Delete) and isinstance(binds, Told):
            gone = [one.id for one in node.targets if isinstance(one, ast.Name)]
            rank = binds.rank
            after = [statement_at(node, LOCAL, [ast.Constant(rank), ast.Constant(n)]) for n in gone]
        return [*before, node, *after]

    def _blocks(self, node: ast.stmt, binds: _Binds) -> None:
        """The blocks inside if, try and match."""
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                setattr(node, name, self._body(block, binds))
        for inner in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            inner.body = self._body(inner.body, binds)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, binds: _Binds) -> ast.stmt:
        counter = self._counter(node.body, is_function=False)
        names = _stored(node.target) if not isinstance(node, ast.While) else []
        node.body = [
            statement_at(node, TICK, [ast.Constant(counter)]),
            *self._bound(names, node, binds),
            *self._body(node.body, binds),
        ]
        node.orelse = self._body(node.orelse, binds)
        return statement_at(node, LOOP, [ast.Constant(counter)])

    def _function(self, node: Function) -> None:
        counter = self._counter(node.body, is_function=True)
        docstring = 1 if ast.get_docstring(node, clean=False) is not None else 0
        tick = statement_at(node.body[0], TICK, [ast.Constant(counter)])
        told = self.told.get(node)
        first, last = node.body[0], node.body[-1]
        rest = self._body(node.body[docstring:], told or "others")
        if told is not None and rest:
            given = [*parameters_of(node), *(one.arg for one in _rest_of(node.args))]
            left = statement_at(last, LEFT, [ast.Constant(told.rank)])
            around = ast.copy_location(ast.Try(rest, [], [], [left]), first)
            rest = [*self._bound(given, first, told), around]
        node.body = [*node.body[:docstring], tick, *rest]

    def _bound(self, names: list[str], where: ast.stmt, binds: _Binds) -> list[ast.stmt]:
        if isinstance(binds, Told):
            rank = ast.Constant(binds.rank)
            return [
                statement_at(where, LOCAL, [rank, ast.Constant(name), ast.Name(name, ast.Load())])
                for name in names
                if name not in binds.borrowed
            ]
        if binds == "others" or not names:
            return []
        return [statement_at(where, BOUND, [ast.Constant(name) for name in names])]

    def _counter(self, body: list[ast.stmt], is_function: bool) -> int:
        counter = self.counters
        self.counters += 1
        first, last = body[0], body[-1]
        end = (last.end_lineno or last.lineno, (last.end_col_offset or 0) + 1)
        self.scopes.append(Scope(counter, is_function, (first.lineno, first.col_offset), end))
        return counter


def parse(source: str) -> Program:
    """Raises SyntaxError (also for NUL bytes and lone surrogates) or MemoryError (too deep)."""
    if source.startswith("\ufeff"):
        source = source[1:]
    try:
        tree = ast.parse(source, SNIPPET)
    except (ValueError, UnicodeEncodeError) as problem:
        raise SyntaxError(str(problem)) from problem
    return Program(source, tree, split_lines(source))


def call_at(where: ast.expr | ast.stmt, name: str, arguments: list[ast.expr]) -> ast.Call:
    """A call of a hidden built-in, at the span of `where`."""
    call = ast.Call(ast.Name(name, ast.Load()), arguments, [])
    for node in (call, call.func, *arguments):
        if not hasattr(node, "lineno"):
            ast.copy_location(node, where)
    return call


def statement_at(where: ast.stmt, name: str, arguments: list[ast.expr]) -> ast.stmt:
    """A statement on the first line of `where`, which no traceback will ever show."""
    call = ast.Call(ast.Name(name, ast.Load()), arguments, [])
    statement = ast.Expr(call)
    nodes: list[ast.stmt | ast.expr] = [statement, call, call.func, *arguments]
    for node in nodes:
        node.lineno = node.end_lineno = where.lineno
        node.col_offset = node.end_col_offset = where.col_offset
    return statement


def _rest_of(arguments: ast.arguments) -> list[ast.arg]:
    """`*args` and `**kwargs`."""
    return [one for one in (arguments.vararg, arguments.kwarg) if one is not None]


def _stored(target: ast.expr) -> list[str]:
    """The names in an assignment's target, in order."""
    return [
        node.id
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def _names_bound_by(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    else:
        targets = []
    names = [name for target in targets for name in _stored(target)]
    return names + [walrus.target.id for walrus in _walruses(node)]


def _names_surely_bound_by(node: ast.stmt) -> list[str]:
    """Those that can be read afterwards: not of a bare annotation, nor of a named expression,
    which may have been passed by."""
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return []
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [name for target in targets for name in _stored(target)]
    return []


def _walruses(node: ast.stmt) -> Iterator[ast.NamedExpr]:
    """Named expressions in a simple statement (blocks are visited on their own)."""
    if isinstance(node, ast.Expr | ast.Assign | ast.Return | ast.AugAssign | ast.AnnAssign):
        for inner in ast.walk(node):
            if isinstance(inner, ast.NamedExpr):
                yield inner
