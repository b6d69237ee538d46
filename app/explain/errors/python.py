"""Beginners' errors of Python itself: names, attributes, arguments, syntax."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.errors.syntax import notebook
from app.explain.finding import Finding
from app.explain.operands import tensor_of
from app.explain.program import Program, shape_text
from app.explain.texts import load
from app.trace.explanations import Evidence, Fix

_NAMES = load("names")
#: Name -> the import that brings it.
IMPORTS: dict[str, str] = _NAMES["imports"]
#: Attributes that people write, and what torch calls them: 'weights' -> 'weight'.
TORCH_NAMES: list[str] = _NAMES["torch"]["names"]
TENSOR_NAMES: list[str] = _NAMES["tensor"]["names"]
#: Module -> what to do without it.
INSTEAD: dict[str, str] = {
    module: group["instead"] for group in _NAMES["absent"] for module in group["modules"]
}
_INSTEAD_OF_OTHERS = "If it is a file of your own, paste what you need of it above this line."


#: How much a name must have of another to be a slip of it: `los` of `loss`, not `time` of `optim`.
_ALIKE = 0.7

#: Modules that the sandbox leaves out, and the explanation of what needs them.
_CLOSED = {
    "torch._inductor": "no-compile",
    "torch._dynamo": "no-compile",
    "multiprocessing": "no-threads",
    "torch.multiprocessing": "no-threads",
}


def _here(case: Case) -> list[Evidence]:
    return [case.program.line_evidence(case.line)] if case.line is not None else []


def _names(program: Program) -> list[str]:
    """Every name that the source assigns, imports or defines."""
    found = []
    for node in program.source.nodes():
        match node:
            case ast.Name(ctx=ast.Store()):
                found.append(node.id)
            case ast.FunctionDef() | ast.ClassDef():
                found.append(node.name)
            case ast.alias():
                found.append(node.asname or node.name.split(".")[0])
            case ast.arg():
                found.append(node.arg)
    return list(dict.fromkeys(found))


def _replace_name(case: Case, old: str, new: str) -> list[Fix]:
    """Write `new` over the name or attribute `old` at the failing place."""
    program = case.program
    changes = []
    for node in program.source.nodes():
        if isinstance(node, ast.Name) and node.id == old and node.lineno == case.line:
            changes.append(edits.replace(program.source, node, new))
        elif isinstance(node, ast.Attribute) and node.attr == old and node.lineno == case.line:
            text = f"{program.source.text(node.value)}.{new}"
            changes.append(edits.replace(program.source, node, text))
    return [edits.fix(f"Write `{new}`", *changes)] if changes else []


@error
def unknown_name(case: Case) -> Finding:
    program = case.program
    name = case.match["name"] or case.match["local"] or ""
    values = {"name": name, "line": case.line}
    pasted = notebook(case) if name == "In" else None  # Python reads `In [1]: x` as an annotation
    if pasted is not None:
        return pasted
    if name == "__file__":
        return Finding("name-of-file", values, _here(case))
    if name in IMPORTS:
        return _not_imported(case, name)
    later = [
        node
        for node in program.source.nodes()
        if isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Store)
        and case.line is not None
        and node.lineno > case.line
    ]
    if later:
        values["later"] = later[0].lineno
        return Finding("name-too-early", values, _here(case))
    known = [n for n in _names(program) if n != name]
    close = get_close_matches(name, [*known, *IMPORTS], 1, _ALIKE)
    if close:
        values["close"] = close[0]
        return Finding("name-misspelt", values, _here(case), _replace_name(case, name, close[0]))
    return Finding("name-unknown", values, _here(case))


def _not_imported(case: Case, name: str) -> Finding:
    statement = IMPORTS[name]
    fix = edits.fix("Add the import", edits.insert(1, 0, statement + "\n"))
    values = {"name": name, "line": case.line, "statement": statement}
    return Finding("name-not-imported", values, _here(case), [fix])


@error
def missing_module(case: Case) -> Finding:
    program = case.program
    name = case.match["name"] or case.match["part"] or ""
    for start, code in _CLOSED.items():
        if name.startswith(start):
            written = program.source.line(case.line).strip()
            return Finding(code, {"place": f"`{written}` on line {case.line}"}, _here(case))
    close = get_close_matches(
        name, ["torch", "numpy", "math", "random", "copy", "itertools"], 1, 0.79
    )
    values = {"name": name, "line": case.line}
    if close and close[0] != name:
        values["close"] = close[0]
        statement = program.source.statement(case.line)
        offered: list[Fix] = []
        if statement is not None:
            text = re.sub(
                rf"\b{re.escape(name)}\b", close[0], program.source.text(statement), count=1
            )
            offered = [
                edits.fix(f"Import `{close[0]}`", edits.replace(program.source, statement, text))
            ]
        return Finding("module-misspelt", values, _here(case), offered)
    values["instead"] = INSTEAD.get(name) or INSTEAD.get(name.split(".")[0], _INSTEAD_OF_OTHERS)
    return Finding("module-not-here", values, _here(case))


@error
def backward_of_no_tensor(case: Case) -> Finding:
    program = case.program
    kind = case.group("type")
    calls = program.source.calls(case.line, "backward")
    owner = edits.receiver(calls[0]) if calls else None
    name = program.source.text(owner) if owner is not None else "the object"
    values = {"name": name, "line": case.line, "type": kind}
    offered: list[Fix] = []
    if kind in ("float", "int") and isinstance(owner, ast.Name):
        for assigned in reversed(program.source.assignments(owner.id, case.line)):
            item = assigned.value
            if isinstance(item, ast.Call) and edits.called_name(item) == "item":
                inner = edits.receiver(item)
                if inner is not None:
                    edit = edits.replace(program.source, item, program.source.text(inner))
                    offered = [edits.fix("Take `.item()` away", edit)]
                    values["where"] = f" (`{program.source.text(item)}` on line {assigned.lineno})"
                break
        values.setdefault("where", "")
        return Finding("backward-of-a-number", values, _here(case), offered)
    if kind in ("list", "tuple") and owner is not None:
        edit = edits.replace(program.source, owner, f"sum({name})")
        offered = [edits.fix(f"Sum `{name}` first", edit)]
    return Finding("backward-of-an-object", values, _here(case), offered)


@error
def torch_attribute(case: Case) -> Finding:
    return _attribute(case, case.group("module"), case.group("name"), TORCH_NAMES)


@error
def tensor_attribute(case: Case) -> Finding:
    for node in case.program.source.nodes():
        # In a lone expression a free name becomes a leaf, also one that was meant as a module.
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            if node.attr == case.group("name") and name in IMPORTS and node.lineno == case.line:
                return _not_imported(case, name)
    return _attribute(case, "A tensor", case.group("name"), TENSOR_NAMES)


@error
def object_attribute(case: Case) -> Finding:
    own = [
        n.attr
        for n in case.program.source.nodes()
        if isinstance(n, ast.Attribute) and n.attr != case.group("name")
    ]
    known = [*own, *_NAMES["module"]["names"]]
    return _attribute(case, f"A {case.group('module')}", case.group("name"), known)


def _attribute(case: Case, owner: str, name: str, known: list[str]) -> Finding:
    close = get_close_matches(name, [k for k in known if k != name], 1, _ALIKE)
    values = {"owner": owner, "name": name, "line": case.line}
    if not close:
        return Finding("attribute-unknown", values, _here(case))
    values["close"] = close[0]
    return Finding("attribute-misspelt", values, _here(case), _replace_name(case, name, close[0]))


@error
def division_by_zero(case: Case) -> Finding:
    written = case.program.source.line(case.line).strip()
    return Finding("division-by-zero", {"line": case.line, "written": written}, _here(case))


@error
def key_error(case: Case) -> Finding:
    return Finding("key-missing", {"line": case.line, "key": case.group("key")}, _here(case))


@error
def list_index(case: Case) -> Finding:
    return Finding("list-index", {"line": case.line, "type": case.group("type")}, _here(case))


@error
def unpacking(case: Case) -> Finding:
    program = case.program
    statement = program.source.statement(case.line)
    known = tensor_of(program, statement.value) if isinstance(statement, ast.Assign) else None
    values = {
        "line": case.line,
        "wanted": case.match["wanted"] or case.match["more"],
        "what": f" (`{program.name(known['id'])}` has shape {shape_text(known['shape'])})"
        if known
        else "",
    }
    return Finding("unpacking", values, _here(case))


@error
def recursion(case: Case) -> Finding:
    frames = case.error.get("frames") or []
    name = frames[-1]["function"] if frames else "a function"
    return Finding("recursion", {"line": case.line, "name": name}, _here(case))


@error
def gradcheck(case: Case) -> Finding:
    program = case.program
    single = [t for t in program.parameters if t["dtype"].removeprefix("torch.") == "float32"]
    values = {
        "line": case.line,
        "input": case.group("input"),
        "names": program.name(single[0]["id"]) if single else "",
    }
    return Finding("gradcheck-single" if single else "gradcheck-mismatch", values, _here(case))


@error
def linear_algebra(case: Case) -> Finding:
    singular = "singular" in case.group("what")
    values = {"line": case.line, "call": case.group("call")}
    return Finding("matrix-singular" if singular else "matrix-not-definite", values, _here(case))


@error
def not_iterable(case: Case) -> Finding:
    """`for i in 5`, or a loop over a scalar tensor."""
    program = case.program
    loop = program.source.loop_around(case.line)
    node = loop.iter if isinstance(loop, ast.For) and loop.lineno == case.line else None
    written = program.source.text(node) if node is not None else "the value"
    kind = case.match["type"] or "tensor without dimensions"
    offered: list[Fix] = []
    if node is not None and kind == "int":
        edit = edits.replace(program.source, node, f"range({written})")
        offered = [edits.fix(f"Count with `range({written})`", edit)]
    values = {"line": case.line, "written": written, "type": kind}
    return Finding("not-iterable", values, _here(case), offered)
