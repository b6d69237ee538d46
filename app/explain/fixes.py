"""Changes of the source that several diagnoses offer."""

from __future__ import annotations

import ast

from app.explain import source as edits
from app.explain.cuts import op_name
from app.explain.program import Program
from app.explain.source import called_name
from app.trace.explanations import Edit, Fix

#: torch functions that make a new tensor and take `requires_grad=`.
FACTORIES = frozenset(
    [
        "tensor",
        "randn",
        "rand",
        "ones",
        "zeros",
        "full",
        "empty",
        "arange",
        "linspace",
        "logspace",
        "eye",
        "normal",
        "randint",
        "randn_like",
        "rand_like",
        "ones_like",
        "zeros_like",
        "full_like",
        "empty_like",
        "randperm",
    ]
)


def layer_made(program: Program, kind: str, takes: str, gives: str) -> ast.Call | None:
    """The one call that made a layer of this kind with these sizes.

    None where none did, or several: then nothing tells which of them is meant.
    """
    calls = [
        call
        for call in program.source.nodes()
        if isinstance(call, ast.Call)
        and called_name(call).startswith(kind)
        and call.args
        and program.source.text(call.args[0]) == takes
    ]
    exact = [c for c in calls if len(c.args) > 1 and program.source.text(c.args[1]) == gives]
    found = exact or calls
    return found[0] if len(found) == 1 else None


def call_that_made(program: Program, tensor: str) -> ast.Call | None:
    """The factory call in the source whose result this tensor is."""
    op = program.ops.maker(tensor)
    if op is not None and op["site"] is not None:
        site = op["site"]
        for call in program.source.calls(site["line"], op_name(op)):
            span = program.source.span(call)
            if all(span[k] == site[k] for k in ("line", "col", "end_line", "end_col")):
                return call
    known = program.tensors.get(tensor)
    for name in known["names"] if known is not None else ():
        for assigned in program.source.assignments(name):
            if isinstance(assigned.value, ast.Call):
                return assigned.value
    return None


def require_grad(program: Program, tensor: str) -> Fix | None:
    """Make a tensor that the program itself created require grad."""
    call = call_that_made(program, tensor)
    known = program.tensors.get(tensor)
    if call is None or known is None:
        return None
    name = program.name(tensor)
    source = program.source
    title = f"Let `{name}` require grad"
    integer = not known["dtype"].removeprefix("torch.").startswith(("float", "bfloat", "complex"))
    if called_name(call) not in FACTORIES or called_name(call) in ("randint", "randperm"):
        text = ".float().requires_grad_()" if integer else ".requires_grad_()"
        return edits.fix(title, edits.append_to(source, call, text))
    changes = [edits.set_keyword(source, call, "requires_grad", "True")]
    if integer:
        title = f"Make `{name}` float32 and let it require grad"
        if edits.keyword(call, "dtype") is not None:
            changes.append(edits.set_keyword(source, call, "dtype", "torch.float32"))
        else:
            changes = [edits.add_argument(source, call, "dtype=torch.float32, requires_grad=True")]
            given = edits.keyword(call, "requires_grad")
            if given is not None:
                changes = [
                    edits.replace(source, given.value, "True"),
                    edits.add_argument(source, call, "dtype=torch.float32"),
                ]
    return edits.fix(title, *changes)


def remove_call(program: Program, line: int | None, name: str) -> Fix | None:
    """Take one `.name()` out of the line: `h.detach()` becomes `h`."""
    for call in program.source.calls(line, name):
        inner = edits.receiver(call)
        if inner is not None:
            text = program.source.text(inner)
            return edits.fix(f"Take `.{name}()` away", edits.replace(program.source, call, text))
    return None


def remove_attribute(program: Program, line: int | None, name: str) -> Fix | None:
    """Take one `.name` out of the line: `h.data` becomes `h`."""
    for node in program.source.nodes():
        if isinstance(node, ast.Attribute) and node.attr == name and node.lineno == line:
            text = program.source.text(node.value)
            return edits.fix(f"Take `.{name}` away", edits.replace(program.source, node, text))
    return None


def dissolve_with(program: Program, line: int | None, *names: str) -> Fix | None:
    """Take `with torch.no_grad():` around a line away, and outdent what it held."""
    source = program.source
    found: ast.With | None = None
    for node in source.nodes():
        if (
            isinstance(node, ast.With)
            and line is not None
            and node.lineno <= line <= (node.end_lineno or 0)
            and len(node.items) == 1
            and isinstance(node.items[0].context_expr, ast.Call)
            and called_name(node.items[0].context_expr) in names
            and node.body[0].lineno > node.lineno
        ):
            found = node
    if found is None:
        return None
    first, last = found.body[0].lineno, found.end_lineno or found.lineno
    outer, inner = source.indent(found.lineno), source.indent(first)
    body = [
        outer + text[len(inner) :] if text.startswith(inner) else text
        for text in source.lines[first - 1 : last]
    ]
    called = found.items[0].context_expr
    edit: Edit = {
        "line": found.lineno,
        "col": 0,
        "end_line": last,
        "end_col": len(source.line(last)),
        "text": "\n".join(body),
    }
    title = f"Take `with {source.text(called)}` away"
    return {"title": title, "edits": [edit]}


def record_again(program: Program, line: int | None) -> tuple[str, Fix | None]:
    """What turned recording off for a line, and the change that turns it on again.

    A `with` block, a decorator of the function around it, or a call of
    `set_grad_enabled(False)` before it.
    """
    source = program.source
    found = dissolve_with(program, line, *OFF)
    if found is not None:
        return found["title"].removeprefix("Take `with ").removesuffix("` away"), found
    for node in source.nodes():
        inside = isinstance(node, ast.FunctionDef) and line is not None
        if inside and node.lineno <= line <= (node.end_lineno or 0):  # type: ignore[attr-defined,operator]
            for decorator in node.decorator_list:  # type: ignore[attr-defined]
                text = source.text(decorator)
                if any(name in text for name in OFF):
                    edit = edits.delete_lines(source, decorator.lineno, decorator.lineno)
                    return text, edits.fix(f"Take `@{text}` away", edit)
    before = [
        node
        for node in source.nodes()
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and called_name(node.value) == "set_grad_enabled"
        and line is not None
        and node.lineno < line
        and node.value.args
        and source.text(node.value.args[0]) == "False"
    ]
    if before:
        last = max(before, key=lambda node: node.lineno)
        edit = edits.delete_lines(source, last.lineno, last.end_lineno or last.lineno)
        return source.text(last), edits.fix(f"Take `{source.text(last)}` away", edit)
    return "torch.no_grad()", None


#: What turns recording off.
OFF = ("no_grad", "inference_mode", "set_grad_enabled")


def in_place(program: Program, line: int | None) -> tuple[ast.Assign, str, str] | None:
    """The statement `x = x - step` of a line, its name, and `x -= step`; None for others."""
    statement = program.source.statement(line)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target, value = statement.targets[0], statement.value
    if not isinstance(target, ast.Name) or not isinstance(value, ast.BinOp):
        return None
    sign = _SIGNS.get(type(value.op))
    if sign is None or not isinstance(value.left, ast.Name) or value.left.id != target.id:
        return None
    return statement, target.id, f"{target.id} {sign}= {program.source.text(value.right)}"


_SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"
}  # fmt: skip
