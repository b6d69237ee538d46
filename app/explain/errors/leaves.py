"""Errors about flags: requires_grad, retain_grad, numpy, inference tensors, a missing .grad."""

from __future__ import annotations

import ast
import math

from app.explain import fixes
from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.operands import tensor_of
from app.explain.program import Program, shape_text
from app.explain.source import receiver
from app.trace.document import Variable
from app.trace.explanations import Evidence, Fix
from app.trace.graph import Tensor
from app.trace.table import column


def owner_of(case: Case, *names: str) -> tuple[ast.expr | None, str, Tensor | None]:
    """Whose method or attribute was used on the line: node, text and tensor."""
    program = case.program
    node: ast.expr | None = None
    for call in program.source.calls(case.line, *names):
        node = receiver(call)
    if node is None:
        for other in program.source.nodes():
            if (
                isinstance(other, ast.Attribute)
                and other.attr in names
                and other.lineno == case.line
            ):
                node = other.value
    if node is None:
        return None, "the tensor", None
    return node, program.source.text(node), tensor_of(program, node)


def evidence_of(program: Program, tensor: Tensor | None) -> list[Evidence]:
    return [program.tensor_evidence(tensor["id"])] if tensor is not None else []


@error
def only_floating(case: Case) -> Finding:
    program, source = case.program, case.program.source
    offered: list[Fix] = []
    name = "the tensor"
    known: Tensor | None = None
    for call in source.calls(case.line):
        flag = edits.keyword(call, "requires_grad")
        if flag is not None or edits.called_name(call) == "Parameter":
            written = edits.keyword(call, "dtype")
            name = source.text(call)
            if edits.called_name(call) == "Parameter" and call.args:
                name = source.text(call.args[0])
                edit = edits.append_to(source, call.args[0], ".float()")
            elif written is not None:
                edit = edits.replace(source, written.value, "torch.float32")
            else:
                edit = edits.add_argument(source, call, "dtype=torch.float32")
            offered = [edits.fix("Make it float32", edit)]
            break
    if not offered:
        node, name, known = owner_of(case, "requires_grad_", "requires_grad")
        if isinstance(node, ast.Name):
            made = fixes.call_that_made(program, known["id"]) if known is not None else None
            if made is not None:
                edit = edits.append_to(source, made, ".float()")
                offered = [edits.fix(f"Make `{node.id}` float32", edit)]
        elif node is not None:
            offered = [edits.fix("Make it float32", edits.append_to(source, node, ".float()"))]
    dtype = known["dtype"].removeprefix("torch.") if known is not None else "whole"
    values = {"name": name, "line": case.line, "dtype": dtype}
    return Finding("only-floating-point", values, evidence_of(program, known), offered)


@error
def flag_of_a_result(case: Case) -> Finding:
    program = case.program
    node, name, known = owner_of(case, "requires_grad_", "requires_grad")
    made = program.ops.maker(known["id"]) if known is not None else None
    values = {
        "name": name,
        "line": case.line,
        "made": f"`{program.expression(made)}`" if made is not None else "an operation",
    }
    offered: list[Fix] = []
    statement = program.source.statement(case.line)
    if statement is not None and isinstance(node, ast.Name):
        edit = edits.replace(program.source, statement, f"{node.id} = {node.id}.detach()")
        offered = [edits.fix(f"Cut `{node.id}` off with detach()", edit)]
    return Finding("flag-of-a-result", values, evidence_of(program, known), offered)


@error
def retain_without_grad(case: Case) -> Finding:
    program = case.program
    _, name, known = owner_of(case, "retain_grad")
    fix = fixes.require_grad(program, known["id"]) if known is not None else None
    return Finding(
        "retain-no-grad",
        {"name": name, "line": case.line},
        evidence_of(program, known),
        [fix] if fix is not None else [],
    )


@error
def hook_without_grad(case: Case) -> Finding:
    _, name, known = owner_of(case, "register_hook")
    fix = fixes.require_grad(case.program, known["id"]) if known is not None else None
    values = {"name": name, "line": case.line}
    offered = [fix] if fix is not None else []
    return Finding("hook-no-grad", values, evidence_of(case.program, known), offered)


@error
def numpy_of_grad(case: Case) -> Finding:
    program, source = case.program, case.program.source
    node, name, known = owner_of(case, "numpy")
    offered: list[Fix] = []
    if node is None:
        for call in source.calls(case.line):
            for argument in call.args:
                tensor = tensor_of(program, argument)
                if tensor is not None and tensor["requires_grad"] and node is None:
                    node, name, known = argument, source.text(argument), tensor
    if node is not None:
        edit = edits.append_to(source, node, ".detach()")
        offered = [edits.fix(f"Detach `{name}` first", edit)]
    values = {"name": name, "line": case.line}
    return Finding("numpy-of-grad", values, evidence_of(program, known), offered)


@error
def not_one_element(case: Case) -> Finding:
    program = case.program
    node, name, known = owner_of(case, "item")
    if node is None:
        for call in program.source.calls(case.line, "float", "int"):
            node = call.args[0] if call.args else None
            name = program.source.text(node) if node is not None else name
            known = tensor_of(program, node)
    shape = known["shape"] if known is not None else []
    values = {
        "name": name,
        "line": case.line,
        "count": math.prod(shape) if known is not None else "several",
        "shape": shape_text(shape) if known is not None else "not []",
    }
    offered = []
    if node is not None:
        edit = edits.append_to(program.source, node, ".sum()")
        offered = [edits.fix(f"Sum `{name}` first", edit)]
    return Finding("not-one-element", values, evidence_of(program, known), offered)


@error
def ambiguous_truth(case: Case) -> Finding:
    program, source = case.program, case.program.source
    for call in source.calls(case.line):
        name = edits.called_name(call)
        if name.endswith("Loss") and len(call.args) == 2:
            rest = ", ".join(source.text(a) for a in call.args)
            edit = edits.replace(source, call, f"{source.text(call.func)}()({rest})")
            title = f"Make the loss first, then call it: `{name}()(…)`"
            values = {"loss": name, "line": case.line}
            return Finding("loss-not-called", values, [], [edits.fix(title, edit)])
    statement = source.statement(case.line)
    test = statement.test if isinstance(statement, ast.If | ast.While | ast.Assert) else None
    written = source.text(test) if test is not None else "the condition"
    offered = []
    if test is not None:
        edit = edits.replace(source, test, f"({written}).all()")
        offered = [edits.fix("Ask whether it holds for all elements", edit)]
    evidence = [program.line_evidence(case.line)] if case.line is not None else []
    values = {"condition": written, "line": case.line}
    return Finding("ambiguous-truth", values, evidence, offered)


@error
def grad_is_none(case: Case) -> Finding | None:
    """`x.grad.zero_()` or `0.1 * x.grad` where `x.grad` is None."""
    program, source = case.program, case.program.source
    attribute = case.group("attribute")
    word = attribute.isidentifier()
    for node in source.nodes():
        if not isinstance(node, ast.Attribute) or node.lineno != case.line:
            continue
        grad = node.value if word and node.attr == attribute else node
        if (word and grad is node) or not isinstance(grad, ast.Attribute) or grad.attr != "grad":
            continue
        owner = source.text(grad.value)
        variable = program.variables.get(owner)
        rebound = _rebound(program, case.line, variable)
        if rebound is not None:
            return rebound
        if not word and variable is not None and variable["grad"] is not None:
            continue
        values = {
            "name": owner,
            "line": case.line,
            "attribute": f".{attribute}" if word else attribute.rstrip(":"),
            "reason": variable["explanation"] if variable is not None else "",
        }
        guard = _guarded(program, case.line, owner)
        evidence = evidence_of(program, program.tensor_named(owner))
        return Finding("grad-is-none", values, evidence, [guard] if guard is not None else [])
    return None


def _rebound(program: Program, line: int | None, variable: Variable | None) -> Finding | None:
    """`w = w - 0.1 * w.grad` in its second turn: `w` is what the first turn made of it."""
    update = fixes.in_place(program, line)
    if update is None or variable is None or variable["grad_status"] != "not_a_leaf":
        return None
    statement, name, text = update
    if name != variable["name"] or program.produced_on(variable["tensor"]) != line:
        return None
    indent = program.source.indent(statement.lineno)
    lines = ["with torch.no_grad():", f"{indent}    {text}", f"{indent}{name}.grad = None"]
    edit = edits.replace(program.source, statement, "\n".join(lines))
    values = {
        "name": name, "line": line, "update": text, "written": program.source.text(statement),
    }  # fmt: skip
    evidence = evidence_of(program, program.tensor_named(name))
    offered = [edits.fix(f"Change `{name}` in place", edit)]
    return Finding("grad-is-none-rebound", values, evidence, offered)


def _guarded(program: Program, line: int | None, owner: str) -> Fix | None:
    statement = program.source.statement(line)
    if statement is None or not isinstance(statement, ast.Expr):
        return None
    indent = program.source.indent(statement.lineno)
    text = f"if {owner}.grad is not None:\n{indent}    {program.source.text(statement)}"
    edit = edits.replace(program.source, statement, text)
    return edits.fix(f"Only when `{owner}.grad` is there", edit)


@error
def assigned_gradient(case: Case) -> Finding:
    program = case.program
    statement = program.source.statement(case.line)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    owner = target.value if isinstance(target, ast.Attribute) else None
    name = program.source.text(owner) if owner is not None else "the tensor"
    known = tensor_of(program, owner)
    wanted = f"{known['dtype']} {shape_text(known['shape'])}" if known is not None else "its own"
    values = {"name": name, "line": case.line, "given": case.group("given"), "wanted": wanted}
    offered = []
    if isinstance(statement, ast.Assign):
        edit = edits.replace(program.source, statement.value, f"torch.zeros_like({name})")
        offered = [edits.fix("Assign zeros in the right shape and dtype", edit)]
    return Finding("assigned-gradient", values, evidence_of(program, known), offered)


@error
def inference_tensor(case: Case) -> Finding:
    program = case.program
    reasons = column(program.ops.rows, "why_not_recorded")
    first = reasons.index("inference_mode") if "inference_mode" in reasons else None
    made = program.ops.rows[first] if first is not None else None
    changes = [
        edits.replace(program.source, node, "no_grad")
        for node in program.source.nodes()
        if isinstance(node, ast.Name) and node.id == "inference_mode"
    ]
    changes += [
        edits.replace(program.source, node, f"{program.source.text(node.value)}.no_grad")
        for node in program.source.nodes()
        if isinstance(node, ast.Attribute) and node.attr == "inference_mode"
    ]
    values = {
        "line": case.line,
        "made": f"`{program.expression(made)}`" if made is not None else "a tensor",
    }
    evidence = [program.op_evidence(made, "made in inference mode")] if made is not None else []
    offered = [edits.fix("Use torch.no_grad() in its place", *changes)] if changes else []
    return Finding("inference-tensor", values, evidence, offered)


@error
def deepcopy_of_a_result(case: Case) -> Finding:
    program, source = case.program, case.program.source
    call = next(iter(source.calls(case.line, "deepcopy")), None)
    node = call.args[0] if call is not None and call.args else None
    name = source.text(node) if node is not None else "the tensor"
    offered = []
    if call is not None and node is not None:
        text = f"{name}.detach().clone()"
        offered = [edits.fix("Copy its numbers", edits.replace(source, call, text))]
    known = tensor_of(program, node)
    values = {"name": name, "line": case.line}
    return Finding("deepcopy-of-a-result", values, evidence_of(program, known), offered)
