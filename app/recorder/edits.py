"""An intervention as a change of the program's source text."""

from __future__ import annotations

import ast

from app.recorder.program import Program
from app.trace.explanations import Edit

_METHODS = {"detach": "detach", "requires_grad": "requires_grad_", "retain_grad": "retain_grad"}
_TIGHT = (ast.Name, ast.Call, ast.Attribute, ast.Subscript)


class Edits:
    """Collects edits; `result` is None as soon as one of them can't be said in source."""

    def __init__(self, program: Program, kind: str) -> None:
        self._program = program
        self._kind = kind
        self._edits: list[Edit] = []
        self._sayable = True

    def result(self) -> list[Edit] | None:
        """From last to first, so that applying one does not move the others."""
        if not self._sayable:
            return None
        return sorted(self._edits, key=lambda e: (e["line"], e["col"]), reverse=True)

    def expression(self, node: ast.expr, statement: ast.stmt) -> None:
        """The same as wrapping this expression."""
        span = self._span(node)
        if self._kind == "no_grad":
            if getattr(statement, "value", None) is node and not isinstance(statement, ast.Return):
                self.block([statement])
            else:
                text = self._program.text(node)
                self._edits.append({**span, "text": f"torch.no_grad()(lambda: {text})()"})
            return
        if self._kind == "retain_grad":
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(target, ast.Name) and getattr(statement, "value", None) is node:
                self.after(statement, target.id)
            else:
                self._sayable = False
            return
        text = self._program.text(node)
        # Not `node` itself: another what-if may have put its call around it.
        tight = isinstance(ast.parse(f"({text})", mode="eval").body, _TIGHT)
        inner = text if tight else f"({text})"
        self._edits.append({**span, "text": f"{inner}.{_METHODS[self._kind]}()"})

    def block(self, statements: list[ast.stmt]) -> None:
        """The same as putting these statements under torch.no_grad()."""
        first = statements[0].lineno
        last = statements[-1].end_lineno or first
        lines = self._program.lines[first - 1 : last]
        if _shares_lines(lines, statements):
            self._sayable = False
            return
        indent = self._indent(first)
        text = "\n".join(
            [f"{indent}with torch.no_grad():"]
            + [f"    {line}" if line.strip() else line for line in lines]
        )
        self._edits.append(
            {"line": first, "col": 0, "end_line": last, "end_col": len(lines[-1]), "text": text}
        )

    def after(self, statement: ast.stmt, name: str) -> None:
        """The same as a line after a simple statement that changes what `name` is bound to."""
        line = statement.end_lineno or statement.lineno
        if not isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign):
            self._sayable = False
            return
        if self._kind == "no_grad":
            self.block([statement])
            return
        col = len(self._program.lines[line - 1])
        call = f"{name}.{_METHODS[self._kind]}()"
        text = call if self._kind == "retain_grad" else f"{name} = {call}"
        text = f"\n{self._indent(statement.lineno)}{text}"
        self._edits.append(
            {"line": line, "col": col, "end_line": line, "end_col": col, "text": text}
        )

    def _indent(self, line: int) -> str:
        text = self._program.lines[line - 1]
        return text[: len(text) - len(text.lstrip())]

    def _span(self, node: ast.expr) -> Edit:
        program = self._program
        end_line = node.end_lineno or node.lineno
        return {
            "line": node.lineno,
            "col": program.to_characters(node.lineno, node.col_offset),
            "end_line": end_line,
            "end_col": program.to_characters(end_line, node.end_col_offset or 0),
            "text": "",
        }


def _shares_lines(lines: list[str], statements: list[ast.stmt]) -> bool:
    """Is anything else on these lines, or a string that indenting would change?"""
    if any(not line.startswith((" " * statements[0].col_offset, "\t")) for line in lines[:1]):
        return True
    if lines[0][: statements[0].col_offset].strip():
        return True
    if ";" in lines[-1]:
        return True
    return any(
        isinstance(node, ast.Constant | ast.JoinedStr) and (node.end_lineno or 0) > node.lineno
        for statement in statements
        for node in ast.walk(statement)
    )
