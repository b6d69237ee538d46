"""Errors of dtypes and devices."""

from __future__ import annotations

import ast

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.errors.shapes import failed_op, involved
from app.explain.finding import Finding
from app.explain.operands import failing, operands, tensor_of, tensors_in
from app.explain.source import called_name
from app.trace.explanations import Fix

_ASKED = {"CUDA": "a CUDA device", "MPS": "an MPS device", "XPU": "an XPU device"}
_ASKED |= {"NVIDIA": _ASKED["CUDA"], "accelerator": "an accelerator"}
_FLOATS = {"Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16"}


@error
def mixed(case: Case) -> Finding:
    program = case.program
    found, evidence = involved(case)
    kinds = [f"`{name}` {t['dtype'].removeprefix('torch.')}" for name, t in found[:2]]
    values = {
        "line": case.line,
        "tensors": " and ".join(kinds) or f"{case.group('a')} and {case.group('b')}",
        "a": _FLOATS.get(case.group("a").title(), case.group("a")),
        "b": _FLOATS.get(case.group("b").title(), case.group("b")),
    }
    offered: list[Fix] = []
    node = failing(program)
    pairs = tensors_in(program, node)
    odd = [p for p in pairs if p[2]["dtype"].removeprefix("torch.") != "float32"]
    if not odd and isinstance(node, ast.Call) and node.args:
        # A module was called: its parameters are float32, its argument is not.
        op = failed_op(case)
        first = program.tensors.get(op["inputs"][0]) if op is not None and op["inputs"] else None
        if first is not None and first["dtype"].removeprefix("torch.") != "float32":
            odd = [(node.args[0], program.source.text(node.args[0]), first)]
    for operand, text, _ in odd[:1]:
        edit = edits.append_to(program.source, operand, ".float()")
        offered = [edits.fix(f"Make `{text}` float32", edit)]
    return Finding("mixed-dtypes", values, evidence, offered)


@error
def target_dtype(case: Case) -> Finding:
    program = case.program
    _, evidence = involved(case)
    to_long = "Long" in case.group("wanted")
    call = next((c for c in program.source.calls(case.line) if len(c.args) >= 2), None)
    target = call.args[1] if call is not None else None
    name = program.source.text(target) if target is not None else "the target"
    values = {
        "line": case.line,
        "target": name,
        "given": case.group("given").lower(),
        "wanted": "whole numbers (int64): class indices" if to_long else "floating point numbers",
        "method": "long" if to_long else "float",
    }
    offered: list[Fix] = []
    if target is not None:
        method = ".long()" if to_long else ".float()"
        edit = edits.append_to(program.source, target, method)
        offered = [edits.fix(f"Convert `{name}` with `{method}`", edit)]
    return Finding("target-dtype", values, evidence, offered)


@error
def index_dtype(case: Case) -> Finding:
    program = case.program
    found, evidence = involved(case)
    node = failing(program)
    offered: list[Fix] = []
    name = "the index"
    candidates = operands(node)
    if isinstance(node, ast.Subscript):
        candidates = [node.slice]
    for operand in reversed(candidates):
        tensor = tensor_of(program, operand)
        if tensor is not None and "float" in tensor["dtype"]:
            name = program.source.text(operand)
            edit = edits.append_to(program.source, operand, ".long()")
            offered = [edits.fix(f"Make `{name}` whole numbers", edit)]
            break
    if not offered and found:
        name = found[-1][0]
    values = {"line": case.line, "name": name}
    if not evidence and case.line is not None:
        evidence = [program.line_evidence(case.line)]
    return Finding("index-dtype", values, evidence, offered)


@error
def mask_dtype(case: Case) -> Finding:
    program = case.program
    _, evidence = involved(case)
    node = failing(program)
    offered: list[Fix] = []
    name = "the mask"
    given = operands(node)
    if isinstance(node, ast.Call) and given:
        where = called_name(node) == "where"
        tensors = [o for o in given if tensor_of(program, o) is not None]
        place = 0 if where or len(tensors) < 2 else 1
        if place < len(tensors):
            name = program.source.text(tensors[place])
            edit = edits.append_to(program.source, tensors[place], ".bool()")
            offered = [edits.fix(f"Make `{name}` true and false", edit)]
    values = {"line": case.line, "name": name, "given": case.group("given").lower()}
    return Finding("mask-dtype", values, evidence, offered)


@error
def needs_floats(case: Case) -> Finding:
    program = case.program
    found, evidence = involved(case)
    node = failing(program)
    offered: list[Fix] = []
    name = found[0][0] if found else "the input"
    for operand, text, tensor in tensors_in(program, node):
        if not tensor["dtype"].removeprefix("torch.").startswith(("float", "complex", "bfloat")):
            name = text
            edit = edits.append_to(program.source, operand, ".float()")
            offered = [edits.fix(f"Make `{text}` float32", edit)]
            break
    values = {"line": case.line, "name": name, "op": case.group("op")}
    return Finding("needs-floats", values, evidence, offered)


@error
def no_such_device(case: Case) -> Finding:
    program, source = case.program, case.program.source
    offered: list[Fix] = []
    for call in source.calls(case.line):
        name = called_name(call)
        if name in ("cuda", "mps", "xpu", "pin_memory") and isinstance(call.func, ast.Attribute):
            edit = edits.replace(source, call, source.text(call.func.value))
            offered = [edits.fix(f"Take `.{name}()` away", edit)]
    if not offered:
        changes = [
            edits.replace(source, node, '"cpu"')
            for node in source.nodes()
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.split(":")[0] in ("cuda", "mps", "xpu")
        ]
        offered = [edits.fix("Use the CPU", *changes)] if changes else []
    evidence = [program.line_evidence(case.line)] if case.line is not None else []
    values = {
        "line": case.line,
        "device": _ASKED.get(case.group("device"), f"a device ({case.group('device')})"),
    }
    return Finding("no-such-device", values, evidence, offered)


@error
def mixed_devices(case: Case) -> Finding:
    _, evidence = involved(case)
    if not evidence and case.line is not None:
        evidence = [case.program.line_evidence(case.line)]
    values = {"line": case.line, "a": case.group("a"), "b": case.group("b").rstrip("!")}
    return Finding("mixed-devices", values, evidence)
