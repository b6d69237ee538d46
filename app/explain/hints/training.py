"""Surprises of training loops: accumulation, steps without effect, modes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from app.explain import source as edits
from app.explain.cuts import op_name
from app.explain.errors.optimizers import OPTIMIZERS
from app.explain.finding import Finding
from app.explain.program import Change, Program, listed
from app.explain.source import called_name, receiver
from app.trace.explanations import Fix

#: Gradients that are cleared by hand in one line; for more there is `zero_grad()`.
_MOST_CLEARED = 4


def accumulates(program: Program) -> Iterator[Finding]:
    """The same backward call adds to `.grad` turn after turn, and someone uses the sum."""
    added: dict[int, list[str]] = {}
    holds: dict[str, int | None] = {}
    for change in program.changes:
        for tensor in change.tensors:
            if change.kind == "zero_grad":
                holds.pop(tensor, None)
            elif change.kind == "accumulate":
                line = change.line
                if line is not None and holds.get(tensor) == line:
                    added.setdefault(line, []).append(tensor)
                holds[tensor] = line
    for line, tensors in added.items():
        loop = program.source.loop_around(line)
        if loop is None or not _uses_grad(program, loop, line):
            continue
        names = [program.name(t) for t in dict.fromkeys(tensors)]
        times = 1 + max(tensors.count(t) for t in set(tensors))
        values = {"line": line, "names": listed(names), "times": times, "name": names[0]}
        evidence = [program.line_evidence(line), program.tensor_evidence(tensors[0])]
        clear = _clear_fix(program, loop, line, names)
        yield Finding(
            "hint-accumulates",
            values,
            evidence,
            [clear] if clear is not None else [],
            line=line,
            variable=names[0],
        )


def _uses_grad(program: Program, loop: ast.For | ast.While, backward: int) -> bool:
    """Does the loop step an optimizer or read .grad in every turn, after backward?"""
    for node in _every_turn(loop):
        for part in ast.walk(node):
            if not isinstance(part, ast.expr) or part.lineno < backward:
                continue
            if isinstance(part, ast.Call) and called_name(part) == "step":
                owner = receiver(part)
                if owner is not None and program.source.text(owner) in optimizer_names(program):
                    return True
            if isinstance(part, ast.Attribute) and part.attr == "grad":
                return True
    return False


def _every_turn(loop: ast.For | ast.While) -> list[ast.stmt]:
    """The statements that each turn runs: those under an `if` may be left out."""
    found: list[ast.stmt] = []
    stack: list[ast.stmt] = list(loop.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.If | ast.Try):
            continue
        if isinstance(node, ast.With | ast.For | ast.While):
            stack += node.body
        else:
            found.append(node)
    return found


def optimizer_names(program: Program) -> list[str]:
    """Names that the source gives to optimizers, 'self.opt' included."""
    return [
        program.source.text(node.targets[0])
        for node in program.source.nodes()
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and called_name(node.value) in OPTIMIZERS
    ]


def _clear_fix(
    program: Program, loop: ast.For | ast.While, line: int, names: list[str]
) -> Fix | None:
    statement = program.source.statement(line)
    if statement is None or statement.lineno != line:
        return None
    optimizers = optimizer_names(program)
    if optimizers:
        text = f"{optimizers[0]}.zero_grad()"
        return edits.fix(f"Call `{text}` first", edits.insert_line(program.source, line, text))
    if len(names) <= _MOST_CLEARED and all(name.isidentifier() for name in names):
        text = " = ".join(f"{name}.grad" for name in names) + " = None"
        last = loop.body[-1]
        indent = program.source.indent(loop.body[0].lineno)
        edit = edits.add_line(program.source, last.end_lineno or last.lineno, text, indent)
        cleared = listed([f"{name}.grad" for name in names], _MOST_CLEARED)
        return edits.fix(f"Clear {cleared} at the end of each turn", edit)
    return None


def step_without_effect(program: Program) -> Iterator[Finding]:
    """optimizer.step() with no gradient to step along."""
    came: Change | None = None
    cleared: Change | None = None
    for change in program.changes:
        if change.kind == "accumulate":
            came, cleared = change, None
        elif change.kind == "zero_grad" and came is not None:
            cleared = cleared or change
        elif change.kind == "optimizer_step":
            if not change.tensors and (came is None or cleared is not None):
                yield _no_effect(program, change, came, cleared)
                return
            came, cleared = None, None


def step_of_others(program: Program) -> Iterator[Finding]:
    """Gradients came, and the optimizer that stepped holds other tensors."""
    came: dict[str, None] = {}
    present: set[str] = set()
    moved: set[str] = set()
    idle: dict[int, None] = {}
    busy: set[int | None] = set()
    for change in program.changes:
        if change.kind == "accumulate":
            came.update(dict.fromkeys(change.tensors))
            present.update(change.tensors)
        elif change.kind == "zero_grad":
            present.difference_update(change.tensors)
        elif change.kind == "optimizer_step":
            moved.update(change.tensors)
            if change.tensors:
                busy.add(change.line)
            elif change.line is not None and present:
                idle[change.line] = None
    if moved or not came:
        return
    for line in idle.keys() - busy:
        names = listed([program.name(t) for t in came])
        evidence = [program.line_evidence(line), program.tensor_evidence(next(iter(came)))]
        yield Finding("hint-step-others", {"line": line, "names": names}, evidence, line=line)


def _no_effect(
    program: Program, step: Change, came: Change | None, cleared: Change | None
) -> Finding:
    line = step.line
    evidence = [program.line_evidence(line)] if line is not None else []
    if came is None or cleared is None or cleared.line is None:
        return Finding("hint-step-no-grads", {"line": line}, evidence, line=line)
    values = {"line": line, "cleared": cleared.line, "backward": came.line}
    evidence.append(program.line_evidence(cleared.line))
    return Finding(
        "hint-step-cleared", values, evidence, _move_clear(program, came, cleared), line=line
    )


def _move_clear(program: Program, came: Change, cleared: Change) -> list[Fix]:
    """zero_grad() before the backward call in place of after it."""
    at, before = cleared.line, came.line
    statement = program.source.statement(at)
    if statement is None or at is None or before is None or statement.lineno != at or at < before:
        return []
    text = program.source.line(at).strip()
    return [
        edits.fix(
            "Clear the gradients before backward",
            edits.insert_line(program.source, before, text),
            edits.delete_lines(program.source, at, at),
        )
    ]


def trained_in_eval(program: Program) -> Iterator[Finding]:
    """model.eval() before a training loop, and never train() after it."""
    steps = program.stepped()
    modal = next(program.ops.called("dropout", "batch_norm"), None) if steps else None
    if modal is None:
        return
    calls = [n for n in program.source.nodes() if isinstance(n, ast.Call)]
    if any(called_name(c) == "train" for c in calls):
        return
    for call in calls:
        owner = receiver(call)
        if (
            called_name(call) != "eval"
            or owner is None
            or call.lineno >= min(n or 0 for n in steps)
        ):
            continue
        name = program.source.text(owner)
        called = [c for c in calls if program.source.text(c.func) == name]
        if not called:
            continue
        text = f"{name}.train()"
        values = {"name": name, "line": call.lineno, "op": op_name(modal), "step": steps[0]}
        edit = edits.replace(program.source, call, text)
        yield Finding(
            "hint-eval",
            values,
            [program.line_evidence(call.lineno), program.op_evidence(modal, "in eval mode")],
            [edits.fix(f"Call `{text}`", edit)],
            line=call.lineno,
        )


_WARNINGS = {
    "optimizer contains a parameter group with duplicate parameters": "hint-duplicate-parameters",
    "Detected call of `lr_scheduler.step()` before": "hint-scheduler-first",
}


def warned(program: Program) -> Iterator[Finding]:
    """torch's own warnings that say that something has another effect than meant."""
    for warning in program.trace["warnings"]:
        for start, code in _WARNINGS.items():
            if start in warning["message"]:
                line = warning["line"]
                evidence = [program.line_evidence(line)] if line is not None else []
                yield Finding(code, {"line": line}, evidence, line=line)


RULES = (
    accumulates,
    step_without_effect,
    step_of_others,
    trained_in_eval,
    warned,
)
