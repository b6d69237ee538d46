"""The snippet's own text: finding expressions, and writing changes as edits.

Columns are counted in characters; Python's `ast` counts UTF-8 bytes, so every
span goes through `Source.span`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from app.trace.explanations import Edit, Fix
from app.trace.values import Span


class Source:
    """A snippet and its syntax tree; `tree` is None when it does not parse."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.lines = code.split("\n")

    @cached_property
    def tree(self) -> ast.Module | None:
        try:
            return ast.parse(self.code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def line(self, number: int | None) -> str:
        """The text of a line counted from 1, or ''."""
        if number is None or not 1 <= number <= len(self.lines):
            return ""
        return self.lines[number - 1]

    def indent(self, number: int) -> str:
        text = self.line(number)
        return text[: len(text) - len(text.lstrip())]

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree)) if self.tree is not None else []

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of the tree, outer ones first."""
        return iter(self._nodes)

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> Span:
        end_line = node.end_lineno or node.lineno
        return {
            "line": node.lineno,
            "col": self._characters(node.lineno, node.col_offset),
            "end_line": end_line,
            "end_col": self._characters(end_line, node.end_col_offset or 0),
        }

    def text(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """The source of a node, as written."""
        span = self.span(node)
        lines = self.lines[span["line"] - 1 : span["end_line"]]
        lines[-1] = lines[-1][: span["end_col"]]
        lines[0] = lines[0][span["col"] :]
        return "\n".join(lines)

    def statement(self, line: int | None) -> ast.stmt | None:
        """The innermost statement that covers the line."""
        return self._statements.get(line) if line is not None else None

    @cached_property
    def _statements(self) -> dict[int, ast.stmt]:
        found: dict[int, ast.stmt] = {}
        for node in self._nodes:
            if isinstance(node, ast.stmt):
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    if line not in found or _size(node) <= _size(found[line]):
                        found[line] = node
        return found

    def calls(self, line: int | None, *names: str) -> list[ast.Call]:
        """Calls on the line whose function's last name is one of `names` (any if none)."""
        found = self._calls.get(line, []) if line is not None else []
        return [node for node in found if not names or called_name(node) in names]

    @cached_property
    def _calls(self) -> dict[int, list[ast.Call]]:
        found: dict[int, list[ast.Call]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Call):
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    found.setdefault(line, []).append(node)
        return found

    def assignments(self, name: str, before: int | None = None) -> list[ast.Assign]:
        """`name = ...` statements in order of lines, up to and with line `before`."""
        found = self._assignments.get(name, [])
        return [node for node in found if before is None or node.lineno <= before]

    @cached_property
    def _assignments(self) -> dict[str, list[ast.Assign]]:
        found: dict[str, list[ast.Assign]] = {}
        for node in self._nodes:
            for target in node.targets if isinstance(node, ast.Assign) else ():
                if isinstance(target, ast.Name) and isinstance(node, ast.Assign):
                    found.setdefault(target.id, []).append(node)
        for assigned in found.values():
            assigned.sort(key=lambda node: node.lineno)
        return found

    def loop_around(self, line: int | None) -> ast.For | ast.While | None:
        """The innermost loop whose body holds the line."""
        loops = [
            node
            for node in self.nodes()
            if isinstance(node, ast.For | ast.While) and _covers(node, line)
        ]
        return min(loops, key=_size, default=None)

    def function_around(self, line: int | None) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The innermost function whose text holds the line."""
        functions = [
            node
            for node in self.nodes()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _covers(node, line)
        ]
        return min(functions, key=_size, default=None)

    def _characters(self, line: int, offset: int) -> int:
        data = self.line(line).encode("utf-8", "surrogatepass")[:offset]
        return len(data.decode("utf-8", "ignore"))


def called_name(call: ast.Call) -> str:
    """`torch.autograd.grad(...)` -> 'grad'; '' where the function is not a name."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def receiver(call: ast.Call) -> ast.expr | None:
    """`h` in `h.backward()`."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def keyword(call: ast.Call, name: str) -> ast.keyword | None:
    return next((k for k in call.keywords if k.arg == name), None)


def _covers(node: ast.expr | ast.stmt, line: int | None) -> bool:
    return line is not None and node.lineno <= line <= (node.end_lineno or node.lineno)


def _size(node: ast.expr | ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno


# --- edits ---------------------------------------------------------------------------


def replace(source: Source, node: ast.expr | ast.stmt | ast.keyword, text: str) -> Edit:
    span = source.span(node)
    return {**span, "text": text}


def insert(line: int, col: int, text: str) -> Edit:
    return {"line": line, "col": col, "end_line": line, "end_col": col, "text": text}


def add_argument(source: Source, call: ast.Call, argument: str) -> Edit:
    """Put `argument` last into the call's brackets."""
    end = source.span(call)
    line, col = end["end_line"], end["end_col"] - 1
    given = [*call.args, *(k.value for k in call.keywords)]
    if not given:
        return insert(line, col, argument)
    last = max((source.span(a) for a in given), key=lambda s: (s["end_line"], s["end_col"]))
    if len(given) == 1 and isinstance(given[0], ast.GeneratorExp):
        return insert(line, col, ", " + argument)
    return insert(last["end_line"], last["end_col"], ", " + argument)


def set_keyword(source: Source, call: ast.Call, name: str, value: str) -> Edit:
    """Write `name=value` into the call, over the value that stands there already."""
    given = keyword(call, name)
    if given is not None:
        return replace(source, given.value, value)
    return add_argument(source, call, f"{name}={value}")


def append_to(source: Source, node: ast.expr, text: str) -> Edit:
    """Write a method call behind an expression, in brackets where it needs them."""
    span = source.span(node)
    if isinstance(node, ast.Name | ast.Call | ast.Attribute | ast.Subscript):
        return insert(span["end_line"], span["end_col"], text)
    return replace(source, node, f"({source.text(node)}){text}")


def insert_line(source: Source, before: int, text: str) -> Edit:
    """A new line before line `before`, with that line's indentation."""
    return insert(before, 0, f"{source.indent(before)}{text}\n")


def add_line(source: Source, after: int, text: str, indent: str | None = None) -> Edit:
    """A new line after line `after`, with that line's indentation unless given."""
    spaces = source.indent(after) if indent is None else indent
    return insert(after, len(source.line(after)), f"\n{spaces}{text}")


def delete_lines(source: Source, first: int, last: int) -> Edit:
    """Take whole lines away."""
    if last < len(source.lines):
        return {"line": first, "col": 0, "end_line": last + 1, "end_col": 0, "text": ""}
    return {
        "line": first,
        "col": 0,
        "end_line": last,
        "end_col": len(source.line(last)),
        "text": "",
    }


def fix(title: str, *edits: Edit) -> Fix:
    """A fix with its edits from the last in the text to the first."""
    ordered = sorted(edits, key=lambda e: (e["line"], e["col"]), reverse=True)
    return {"title": title, "edits": ordered}


def apply(code: str, edits: list[Edit]) -> str:
    """The code after the edits, which stand from last to first."""
    lines = code.split("\n")
    for edit in edits:
        head = lines[edit["line"] - 1][: edit["col"]]
        tail = lines[edit["end_line"] - 1][edit["end_col"] :]
        lines[edit["line"] - 1 : edit["end_line"]] = (head + edit["text"] + tail).split("\n")
    return "\n".join(lines)
