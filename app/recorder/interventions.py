"""What-ifs: detach, no_grad, requires_grad and retain_grad, applied while the program runs.

Each is written into the program's tree as a call around an expression (or a
`with` around statements), which is also how it is told as a change of source.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from app.recorder.edits import Edits
from app.recorder.program import Program, call_at, statement_at
from app.recorder.telling import Function, functions, parameters_of
from app.recorder.tree import blocks_of, find_expression, guarded, targets_of
from app.recorder.unheard import unheard
from app.trace.document import InterventionResult
from app.trace.request import Intervention, LinesTarget, NameTarget, SpanTarget

WRAP = "__gradwalk_wrap__"
ENTER = "__gradwalk_enter__"
EXIT = "__gradwalk_exit__"
LEAVE = "__gradwalk_leave__"
NO_GRAD = "__gradwalk_no_grad__"


class _Cut:
    """One intervention while the program runs."""

    def __init__(self, asked: Intervention, edits: Edits) -> None:
        self.asked = asked
        self.edits = edits
        self.occurrence = asked.target.occurrence if isinstance(asked.target, SpanTarget) else None
        self.places = 0
        self.seen = 0
        self.applied = 0
        self.reason: str | None = None
        self.entered: list[bool | None] = []

    def due(self) -> bool:
        """Is this execution one of those that were asked for?"""
        count = self.seen
        self.seen += 1
        return self.occurrence is None or count == self.occurrence


class Interventions:
    def __init__(self, asked: list[Intervention], program: Program) -> None:
        self._program = program
        self._cuts = [_Cut(one, Edits(program, one.kind)) for one in asked]
        #: Told the id of the intervention that acts from now on, or None.
        self.acting: Callable[[str | None], None] = lambda _id: None

    def write(self) -> None:
        """Change the program's tree."""
        for number, cut in enumerate(self._cuts):
            target = cut.asked.target
            if isinstance(target, SpanTarget):
                self._span(number, cut, target)
            elif isinstance(target, LinesTarget):
                first, last = target.lines
                self._program.tree.body = self._lines(
                    number, cut, self._program.tree.body, first, last
                )
            else:
                scope, _, name = target.name.rpartition(".")
                within = [one for one, own in functions(self._program.tree.body) if own == scope]
                if within:
                    self._name(number, cut, list(within), name)
                else:
                    self._program.tree.body = self._name(
                        number, cut, self._program.tree.body, target.name
                    )

    def builtins(self) -> dict[str, Any]:
        return {
            WRAP: self._wrap, ENTER: self._enter, EXIT: self._exit,
            LEAVE: self._leave, NO_GRAD: self._no_grad,
        }  # fmt: skip

    def report(self) -> list[InterventionResult]:
        return [_result(cut) for cut in self._cuts]

    # Writing into the tree

    def _span(self, number: int, cut: _Cut, target: SpanTarget) -> None:
        found = find_expression(self._program, target)
        if found is None:
            cut.reason = "No expression of the program has exactly this span."
            return
        parent, field, index, node, statement = found
        cut.edits.expression(node, statement)
        changed = self._around(number, cut, node)
        if index is None:
            setattr(parent, field, changed)
        else:
            getattr(parent, field)[index] = changed
        if cut.asked.kind == "no_grad":
            leave = statement_at(statement, LEAVE, [ast.Constant(number)])
            self._program.tree.body = guarded(self._program.tree.body, statement, leave)

    def _around(self, number: int, cut: _Cut, node: ast.expr) -> ast.expr:
        cut.places += 1
        constant = ast.Constant(number)
        if cut.asked.kind == "no_grad":
            enter = call_at(node, ENTER, [constant])
            return call_at(node, EXIT, [ast.Constant(number), enter, node])
        return call_at(node, WRAP, [constant, node])

    def _lines(
        self, number: int, cut: _Cut, body: list[ast.stmt], first: int, last: int
    ) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        run: list[ast.stmt] = []

        def close() -> None:
            if run:
                cut.places += 1
                cut.edits.block(run)
                item = ast.withitem(call_at(run[0], NO_GRAD, [ast.Constant(number)]))
                block = ast.copy_location(ast.With([item], list(run)), run[0])
                result.append(block)
                run.clear()

        for statement in body:
            inside = first <= statement.lineno and (statement.end_lineno or 0) <= last
            overlaps = statement.lineno <= last and (statement.end_lineno or 0) >= first
            if inside and cut.asked.kind == "no_grad":
                run.append(statement)
                continue
            close()
            if overlaps:
                if inside:
                    self._value(number, cut, statement)
                for name, block in blocks_of(statement):
                    setattr(
                        block, name, self._lines(number, cut, getattr(block, name), first, last)
                    )
            result.append(statement)
        close()
        return result

    def _value(self, number: int, cut: _Cut, statement: ast.stmt) -> None:
        """Wrap what a statement assigns or returns."""
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return) and statement.value:
            cut.edits.expression(statement.value, statement)
            statement.value = self._around(number, cut, statement.value)

    def _name(self, number: int, cut: _Cut, body: list[ast.stmt], name: str) -> list[ast.stmt]:
        """Wherever `name` is bound in these statements."""
        result: list[ast.stmt] = []
        for statement in body:
            for field, block in blocks_of(statement):
                setattr(block, field, self._name(number, cut, getattr(block, field), name))
            result.append(statement)
            targets = targets_of(statement)
            simple = [t for t in targets if isinstance(t, ast.Name) and t.id == name]
            if isinstance(statement, ast.Assign | ast.AnnAssign) and len(simple) == len(targets):
                if simple:
                    self._value(number, cut, statement)
            elif any(
                isinstance(n, ast.Name) and n.id == name for t in targets for n in ast.walk(t)
            ):
                cut.edits.after(statement, name)
                again = self._rebind(number, cut, statement, name)
                if isinstance(statement, ast.For | ast.With | ast.AsyncFor | ast.AsyncWith):
                    statement.body.insert(0, again)
                else:
                    result.append(again)
            elif isinstance(statement, Function) and name in parameters_of(statement):
                cut.edits.after(statement, name)
                statement.body.insert(0, self._rebind(number, cut, statement.body[0], name))
        return result

    def _rebind(self, number: int, cut: _Cut, where: ast.stmt, name: str) -> ast.stmt:
        read = ast.copy_location(ast.Name(name, ast.Load()), where)
        written = ast.copy_location(ast.Name(name, ast.Store()), where)
        assign = ast.Assign([written], self._around(number, cut, read))
        return ast.copy_location(assign, where)

    # Acting while the program runs

    def _wrap(self, number: int, value: Any) -> Any:
        cut = self._cuts[number]
        if not cut.due():
            return value
        self.acting(cut.asked.id)
        try:
            return _change(cut, value)
        finally:
            self.acting(None)

    def _enter(self, number: int) -> None:
        cut = self._cuts[number]
        if not cut.due():
            cut.entered.append(None)
            return
        with unheard():
            cut.entered.append(torch.is_grad_enabled())
            torch._C._set_grad_enabled(False)
        cut.applied += 1
        self.acting(cut.asked.id)

    def _exit(self, number: int, _entered: None, value: Any) -> Any:
        self._restore(self._cuts[number])
        return value

    def _leave(self, number: int) -> None:
        """The statement is over, perhaps by an exception between enter and exit."""
        cut = self._cuts[number]
        while cut.entered:
            self._restore(cut)

    def _restore(self, cut: _Cut) -> None:
        before = cut.entered.pop()
        if before is not None:
            with unheard():
                torch._C._set_grad_enabled(before)
            self.acting(None)

    @contextmanager
    def _no_grad(self, number: int) -> Iterator[None]:
        self._enter(number)
        try:
            yield
        finally:
            self._restore(self._cuts[number])


def _change(cut: _Cut, value: Any) -> Any:
    """Apply detach, requires_grad or retain_grad to a value: a tensor or several of them."""
    if isinstance(value, tuple | list) and type(value) in (tuple, list):
        return type(value)(_change(cut, item) for item in value)
    if not isinstance(value, torch.Tensor):
        if cut.applied == 0:
            cut.reason = "What runs there is not a tensor."
        return value
    if cut.asked.kind == "detach":
        value = value.detach()
    elif cut.asked.kind == "requires_grad":
        if not (value.is_floating_point() or value.is_complex()):
            cut.reason = "Only tensors of floating point or complex dtype can require gradients."
            return value
        value.requires_grad_()
    elif not value.requires_grad:
        cut.reason = "It does not require grad, so there is no gradient to retain."
        return value
    else:
        value.retain_grad()
    cut.applied += 1
    return value


def _result(cut: _Cut) -> InterventionResult:
    reason = cut.reason if cut.applied == 0 else None
    if cut.applied == 0 and reason is None:
        if cut.places == 0:
            reason = _unmatched(cut)
        elif cut.seen == 0:
            reason = "The program never ran this."
        else:
            times = "once" if cut.seen == 1 else f"{cut.seen} times"
            reason = f"It ran {times}: there is no occurrence {cut.occurrence}, counted from 0."
    partial = cut.occurrence is not None and cut.seen > 1
    return {
        "id": cut.asked.id,
        "kind": cut.asked.kind,
        "applied": cut.applied,
        "reason": reason,
        "edits": None if partial or cut.places == 0 else cut.edits.result(),
    }


def _unmatched(cut: _Cut) -> str:
    target = cut.asked.target
    if isinstance(target, NameTarget):
        return f"The program assigns nothing to the name {target.name!r}."
    return "No statement on these lines can be changed so."
