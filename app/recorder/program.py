"""From source text to code that runs with exact spans and tells what it binds.

The snippet's tree gets a few calls of hidden built-ins: where a loop or a
function begins its body (to tell iterations apart), after a module-level
statement that binds names, and around the last expression.  They change no
name, no value and no line number of the program.

Where a program ends with a call of a function of its own (`main()`), names that
are bound in there are told like those of the module, which may have none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Literal

from app.recorder.places import SNIPPET, Scope

LOOP = "__gradwalk_loop__"
TICK = "__gradwalk_tick__"
BOUND = "__gradwalk_bound__"
LOCAL = "__gradwalk_local__"
RESULT = "__gradwalk_result__"

#: Whose names a block binds: the module's, those of a function that the program ends with, or
#: others, of which nothing is told.
_Binds = Literal["module", "ending", "others"]


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
    _ending: list[ast.FunctionDef] = field(default_factory=list)
    #: Names that are not a function's alone: the module's, and those that functions share.
    _shared: frozenset[str] = frozenset()

    @property
    def is_expression(self) -> bool:
        """Only an expression: its free names become inputs."""
        return len(self.tree.body) == 1 and isinstance(self.tree.body[0], ast.Expr)

    def compile(self) -> CodeType:
        """Instrument and compile; raises SyntaxError as plain Python would."""
        self._ending = _called_last(self.tree)
        self._shared = frozenset(_shared_names(self.tree))
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
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
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
        if isinstance(node, ast.Delete) and binds == "ending":
            gone = [one.id for one in node.targets if isinstance(one, ast.Name)]
            after = [statement_at(node, LOCAL, [ast.Constant(name)]) for name in gone]
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

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        counter = self._counter(node.body, is_function=True)
        docstring = 1 if ast.get_docstring(node, clean=False) is not None else 0
        tick = statement_at(node.body[0], TICK, [ast.Constant(counter)])
        binds: _Binds = "ending" if node in self._ending else "others"
        given = [one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)]
        first = self._bound(given, node.body[0], binds)
        rest = self._body(node.body[docstring:], binds)
        node.body = [*node.body[:docstring], tick, *first, *rest]

    def _bound(self, names: list[str], where: ast.stmt, binds: _Binds) -> list[ast.stmt]:
        if binds == "ending":
            return [
                statement_at(where, LOCAL, [ast.Constant(name), ast.Name(name, ast.Load())])
                for name in names
                if name not in self._shared
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


def _called_last(tree: ast.Module) -> list[ast.FunctionDef]:
    """The program's functions and methods of which a call is the last that the program does.

    What such a call leaves behind lives on until the end without being missed.
    """
    called = set(_last_calls(tree.body))
    blocks = [tree.body, *(one.body for one in tree.body if isinstance(one, ast.ClassDef))]
    return [
        node
        for block in blocks
        for node in block
        if isinstance(node, ast.FunctionDef) and node.name in called
    ]


def _last_calls(block: list[ast.stmt]) -> Iterator[str]:
    """The names of what a block may call last."""
    last = block[-1] if block else None
    if isinstance(last, ast.If):
        yield from _last_calls(last.body)
        yield from _last_calls(last.orelse)
    elif isinstance(last, ast.Expr | ast.Assign) and isinstance(last.value, ast.Call):
        function = last.value.func
        if isinstance(function, ast.Name | ast.Attribute):
            yield function.id if isinstance(function, ast.Name) else function.attr


def _shared_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.alias):
                yield (node.asname or node.name).partition(".")[0]


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
