"""Errors of in-place changes: to saved tensors, to leaves, to views."""

from __future__ import annotations

import ast
from typing import Any

from app.explain import source as edits
from app.explain.cuts import op_name
from app.explain.errors.backward import waiting_nodes
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.operands import tensor_of
from app.explain.program import Program
from app.explain.source import called_name, receiver
from app.trace.explanations import Evidence, Fix
from app.trace.graph import Node, Op
from app.trace.table import column

_OPERATORS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.MatMult: "@",
}


@error
def saved_was_modified(case: Case) -> Finding:
    program = case.program
    saver = _saver(program)
    saver_op = program.ops.get(saver["op"] or "") if saver is not None else None
    changer = _changer(program, saver_op)
    values: dict[str, Any] = {
        "line": case.line,
        "node": saver["name"] if saver is not None else "a node",
        "saver": program.expression(saver_op) if saver_op is not None else "an operation",
        "saver_line": _on_line(program.line(saver_op)),
    }
    evidence: list[Evidence] = []
    if saver is not None:
        text = f"{saver['name']} saved the tensor for its gradient"
        evidence.append({"kind": "node", "ref": saver["id"], "text": text})
    if changer is None:
        stepped = _step_line(program)
        if stepped is None:
            return Finding("inplace-saved-unknown", values, evidence)
        values["step"] = stepped
        evidence.append(program.line_evidence(stepped))
        return Finding("inplace-saved-by-step", values, evidence)
    changed = changer.get("mutated", changer["inputs"])[0]
    values |= {
        "changer": program.expression(changer),
        "changer_line": _on_line(program.line(changer)),
        "name": program.name(changed),
    }
    evidence.append(program.op_evidence(changer, f"{program.expression(changer)}: changed it"))
    offered = out_of_place(program, program.line(changer))
    return Finding("inplace-saved", values, evidence, [offered] if offered is not None else [])


def _on_line(line: int | None) -> str:
    return f" on line {line}" if line is not None else ""


def _saver(program: Program) -> Node | None:
    failed = next((g for g in reversed(program.trace["graphs"]) if g.get("failed")), None)
    waiting = waiting_nodes(program, failed) if failed is not None else []
    return waiting[0] if waiting else None


def _changer(program: Program, saver: Op | None) -> Op | None:
    """The last in-place op, after the saver ran, on a tensor that the saver read or made."""
    ops = program.trace["ops"]
    start = program.ops.ids.index(saver["id"]) + 1 if saver is not None else 0
    changed = column(ops, "mutated")
    mutating = [ops[at] for at in range(start, len(ops)) if changed[at]]
    if saver is None:
        return mutating[-1] if mutating else None
    touched = {*saver["inputs"], *saver["outputs"]}
    related = [o for o in mutating if _family(program, o["mutated"][0]) & touched]
    return related[0] if related else None


def _family(program: Program, tensor: str) -> set[str]:
    """A tensor, what it is a view of, and its earlier in-place versions."""
    found: set[str] = set()
    stack = [tensor]
    while stack and len(found) < 50:
        current = stack.pop()
        found.add(current)
        op = program.ops.maker(current)
        if op is not None and (op.get("mutated") or op_name(op) in VIEWS):
            stack += [i for i in op["inputs"] if i not in found]
        for after in program.ops.readers(current):
            if op_name(after) in VIEWS:
                stack += [t for t in after["outputs"] if t not in found]
    return found


#: Ops whose result shares memory with their input.
VIEWS = frozenset(
    {
        *("view", "reshape", "view_as", "t", "T", "mT", "transpose", "permute", "squeeze"),
        *(
            "unsqueeze",
            "expand",
            "expand_as",
            "select",
            "narrow",
            "slice",
            "__getitem__",
            "diagonal",
        ),
        *("detach", "data", "flatten", "unflatten", "unbind", "split", "chunk", "swapaxes"),
    }
)


def _step_line(program: Program) -> int | None:
    """The last optimizer.step() before the error."""
    steps = program.stepped()
    return steps[-1] if steps else None


def out_of_place(program: Program, line: int | None) -> Fix | None:
    """The line's in-place change written so that it makes a new tensor."""
    source = program.source
    statement = source.statement(line)
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        sign = _OPERATORS.get(type(statement.op))
        if sign is not None:
            name = statement.target.id
            text = f"{name} = {name} {sign} ({source.text(statement.value)})"
            if isinstance(statement.value, ast.Constant | ast.Name | ast.Call):
                text = f"{name} = {name} {sign} {source.text(statement.value)}"
            return edits.fix(
                "Make a new tensor in place of changing the old",
                edits.replace(source, statement, text),
            )
    for call in source.calls(line):
        inplace = edits.keyword(call, "inplace")
        if inplace is not None:
            return edits.fix("Turn `inplace` off", edits.replace(source, inplace.value, "False"))
        owner, name = receiver(call), called_name(call)
        if owner is not None and name.endswith("_") and not name.endswith("__"):
            return _method_out_of_place(program, statement, call, owner)
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
        base = statement.targets[0].value
        if isinstance(base, ast.Name):
            text = f"{base.id} = {base.id}.clone()"
            edit = edits.insert_line(source, statement.lineno, text)
            return edits.fix(f"Change a copy of `{base.id}`", edit)
    return _module_inplace(program)


def _method_out_of_place(
    program: Program, statement: ast.stmt | None, call: ast.Call, owner: ast.expr
) -> Fix:
    source = program.source
    attribute = called_name(call).removesuffix("_")
    arguments = source.text(call)[len(source.text(call.func)) :]
    text = f"{source.text(owner)}.{attribute}{arguments}"
    changed, title = owner, f"`.{attribute}()`"
    if call.args and tensor_of(program, owner) is None and tensor_of(program, call.args[0]):
        changed, title = call.args[0], f"`{source.text(owner)}.{attribute}()`"  # F.relu_(y)
    alone = isinstance(statement, ast.Expr) and statement.value is call
    if alone and isinstance(changed, ast.Name):
        text = f"{changed.id} = {text}"
    title = f"Use {title}, which makes a new tensor"
    return edits.fix(title, edits.replace(source, call, text))


def _module_inplace(program: Program) -> Fix | None:
    """`nn.ReLU(inplace=True)` anywhere in the source."""
    changes = []
    for node in program.source.nodes():
        if isinstance(node, ast.Call) and called_name(node)[:1].isupper():
            inplace = edits.keyword(node, "inplace")
            if inplace is not None and program.source.text(inplace.value) == "True":
                changes.append(edits.replace(program.source, inplace.value, "False"))
    return edits.fix("Turn `inplace` off", *changes) if changes else None


@error
def into_expanded(case: Case) -> Finding:
    program = case.program
    statement = program.source.statement(case.line)
    target = _target(statement)
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    name = target.id if isinstance(target, ast.Name) else "the tensor"
    known = program.tensor_named(name)
    evidence = [program.tensor_evidence(known["id"])] if known is not None else []
    offered = []
    if statement is not None and isinstance(target, ast.Name):
        edit = edits.insert_line(program.source, statement.lineno, f"{name} = {name}.clone()")
        offered = [edits.fix(f"Change a copy of `{name}`", edit)]
    return Finding("inplace-expanded", {"name": name, "line": case.line}, evidence, offered)


@error
def leaf_in_place(case: Case) -> Finding:
    program = case.program
    statement = program.source.statement(case.line)
    target = _target(statement)
    name = program.source.text(target) if target is not None else "a leaf"
    root = target
    while isinstance(root, ast.Subscript | ast.Attribute):
        root = root.value
    leaf = root.id if isinstance(root, ast.Name) else name
    written = program.source.text(statement) if statement is not None else "the change"
    values = {
        "name": name,
        "leaf": leaf,
        "line": case.line,
        "written": " ".join(written.split())[:60],
    }
    known = program.tensor_named(leaf)
    evidence = [program.tensor_evidence(known["id"])] if known is not None else []
    offered = []
    if statement is not None:
        offered = [f for f in (_under_no_grad(program, statement),) if f is not None]
        new = out_of_place(program, case.line) if not case.group("view") else None
        if new is not None:
            offered.append(new)
        elif isinstance(statement, ast.Assign) and isinstance(root, ast.Name):
            edit = edits.insert_line(program.source, statement.lineno, f"{leaf} = {leaf}.clone()")
            offered.append(edits.fix(f"Change a copy of `{leaf}`", edit))
    code = "inplace-leaf-view" if case.group("view") else "inplace-leaf"
    return Finding(code, values, evidence, offered)


def _target(statement: ast.stmt | None) -> ast.expr | None:
    match statement:
        case ast.AugAssign():
            return statement.target
        case ast.Assign():
            return statement.targets[0]
        case ast.Expr(value=ast.Call() as call):
            return receiver(call)
        case _:
            return None


def _under_no_grad(program: Program, statement: ast.stmt) -> Fix | None:
    """The statement inside `with torch.no_grad():`."""
    if statement.lineno != statement.end_lineno:
        return None
    source = program.source
    indent = source.indent(statement.lineno)
    line = source.line(statement.lineno)
    if line.strip() != source.text(statement):
        return None
    text = f"with torch.no_grad():\n{indent}    {source.text(statement)}"
    return edits.fix("Do it under `torch.no_grad()`", edits.replace(source, statement, text))


@error
def view_of_many(case: Case) -> Finding:
    program = case.program
    statement = program.source.statement(case.line)
    target = _target(statement)
    name = program.source.text(target) if target is not None else "the view"
    values = {
        "name": name,
        "maker": case.group("maker").removesuffix("Backward0").lower(),
        "line": case.line,
    }
    offered = out_of_place(program, case.line)
    evidence = [program.line_evidence(case.line)] if case.line is not None else []
    return Finding("inplace-multi-view", values, evidence, [offered] if offered is not None else [])
