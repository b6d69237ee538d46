"""Errors of backward calls: no graph, no scalar, a graph already used, wrong gradients."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from app.explain import fixes
from app.explain import source as edits
from app.explain.carried import carried_name, detach_first
from app.explain.errors.registry import Case, error
from app.explain.errors.roots import backward_root, ones_of
from app.explain.finding import Finding
from app.explain.operands import tensor_of
from app.explain.program import Program, listed
from app.trace.explanations import Evidence, Fix
from app.trace.graph import Graph, Node
from app.trace.table import column


@error
def no_derivative(case: Case) -> Finding:
    """torch makes a node all the same, and it raises when it is to run."""
    program = case.program
    values: dict[str, Any] = {"line": case.line, "op": case.group("op"), "call": "a call"}
    evidence: list[Evidence] = []
    for graph in program.trace["graphs"]:
        for at in program.index(graph).called("NotImplemented".__eq__):
            op = program.ops.get(graph["nodes"][at]["op"] or "")
            if op is not None:
                values["call"] = f"`{program.expression(op)}` (line {program.line(op)})"
                evidence = [program.op_evidence(op, f"{program.expression(op)}: no derivative")]
    return Finding("backward-no-derivative", values, evidence)


@error
def second_backward(case: Case) -> Finding:
    program = case.program
    node, saved = freed_node(program)
    earlier = earlier_backward(program, node)
    values: dict[str, Any] = {
        "line": case.line,
        "node": node["name"] if node is not None else "a node",
        "expression": "",
        "saved": saved,
        "first": f" on line {earlier}" if earlier is not None else "",
    }
    evidence = []
    if node is not None:
        op = program.ops.get(node["op"] or "")
        if op is not None:
            values["expression"] = f" of `{program.expression(op)}` (line {program.line(op)})"
        evidence.append(
            {"kind": "node", "ref": node["id"], "text": f"{node['name']}: its tensors were freed"}
        )
    # (What a step has changed since can't be walked back through, kept or not.)
    offered = [] if program.stepped() else [_retain_fix(program, earlier, case.line)]
    code = "backward-twice"
    loop = program.source.loop_around(case.line)
    carried = carried_name(program, loop) if earlier == case.line and loop is not None else None
    if carried is not None and loop is not None:
        code = "backward-twice-loop"
        values["name"] = carried
        offered.insert(0, detach_first(program, loop, carried))
    elif earlier == case.line and loop is not None and node is not None:
        made = program.line(program.ops.get(node["op"] or ""))
        if made is not None and not _runs_in(program, loop, made):
            code = "backward-twice-old"
    return Finding(code, values, evidence, [f for f in offered if f is not None])  # type: ignore[arg-type]


def _runs_in(program: Program, loop: ast.For | ast.While, line: int) -> bool:
    """Can a line run in the loop's turns: in its body, or in a function that is no constructor?"""
    if loop.lineno <= line <= (loop.end_lineno or loop.lineno):
        return True
    functions = [
        node
        for node in program.source.nodes()
        if isinstance(node, ast.FunctionDef | ast.Lambda)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        and not node.lineno <= loop.lineno <= (node.end_lineno or node.lineno)
    ]
    return any(getattr(f, "name", "") != "__init__" for f in functions)


def freed_node(program: Program) -> tuple[Any, str]:
    """The node that found its saved tensors gone, and their names."""
    failed = next((g for g in reversed(program.trace["graphs"]) if g.get("failed")), None)
    waiting = waiting_nodes(program, failed) if failed is not None else []
    graphs = [(g, program.index(g).nodes) for g in program.trace["graphs"]]
    earlier = [nodes for graph, nodes in graphs if graph is not failed]
    again = (n for n in waiting if any(n["id"] in nodes for nodes in earlier))
    node = next(again, waiting[0] if waiting else None)
    saved = []
    for _, nodes in graphs:
        known = nodes.get(node["id"]) if node is not None else None
        if known is not None and known["saved"]:
            saved = [s["name"] for s in known["saved"]]
    return node, listed(saved) or "its saved tensors"


def waiting_nodes(program: Program, graph: Graph) -> list[Node]:
    """Nodes that had been sent something when the engine stopped, next to run first."""
    index = program.index(graph)
    flags = column(graph["nodes"], "executed")
    executed = {node for node, flag in zip(index.nodes, flags, strict=True) if flag}
    ends = zip(index.sources, column(graph["edges"], "target"), strict=True)
    reached = {target for source, target in ends if source in executed}
    reached |= {r["node"] for r in graph["roots"]}
    left = reached - executed
    waiting = [index.nodes[name] for name in index.nodes if name in left]
    waiting = [n for n in waiting if n["name"] != "AccumulateGrad"]
    return sorted(waiting, key=lambda n: int(n["sequence_nr"]), reverse=True)


def earlier_backward(program: Program, node: Any) -> int | None:
    """The line of the last call before the failing one that ran this node."""
    for graph in reversed(program.trace["graphs"]):
        if graph.get("failed") or graph["site"] is None:
            continue
        if node is None or node["id"] in program.index(graph).nodes:
            return int(graph["site"]["line"])
    return None


def _retain_fix(program: Program, earlier: int | None, line: int | None) -> Fix | None:
    calls = program.source.calls(earlier or line, "backward", "grad")
    if not calls:
        return None
    edit = edits.set_keyword(program.source, calls[0], "retain_graph", "True")
    return edits.fix(f"Keep the graph on line {calls[0].lineno}", edit)


@error
def gradient_shape(case: Case) -> Finding:
    program = case.program
    given, wanted = (
        re.sub(r"torch\.Size\((.*)\)", r"\1", case.group(n)) for n in ("given", "wanted")
    )
    root, written = backward_root(case)
    call = next(iter(program.source.calls(case.line, "backward", "grad")), None)
    argument: ast.expr | None = None
    if call is not None:
        named = edits.keyword(call, "gradient") or edits.keyword(call, "grad_outputs")
        positional = call.args[1:] if edits.called_name(call) == "grad" else call.args
        argument = named.value if named is not None else next(iter(positional[:1]), None)
    seed = program.source.text(argument) if argument is not None else "the gradient"
    offered = []
    shape: list[int] = list(ast.literal_eval(wanted))
    if argument is not None and call is not None and edits.called_name(call) == "backward":
        edit = edits.replace(program.source, argument, f"torch.ones_like({written})")
        offered = [edits.fix("Give a gradient of ones in the right shape", edit)]
    values = {"root": written, "line": case.line, "seed": seed, "given": given, "wanted": wanted}
    evidence = [program.tensor_evidence(root["id"])] if root is not None else []
    gradient = ones_of(shape) if math.prod(shape) <= 64 else None
    return Finding("gradient-shape", values, evidence, offered, gradient)


@error
def gradient_is_a_number(case: Case) -> Finding | None:
    program = case.program
    call = next(iter(program.source.calls(case.line, "backward")), None)
    if call is None or not call.args:
        return None
    _, written = backward_root(case)
    number = program.source.text(call.args[0])
    edit = edits.replace(program.source, call.args[0], f"torch.full_like({written}, {number})")
    return Finding(
        "gradient-not-a-tensor",
        {"root": written, "line": case.line, "number": number},
        [program.line_evidence(case.line)] if case.line is not None else [],
        [edits.fix("Make it a tensor in the shape of the root", edit)],
    )


def _grad_inputs(case: Case) -> tuple[ast.Call | None, list[ast.expr]]:
    call = next(iter(case.program.source.calls(case.line, "grad")), None)
    if call is None:
        return None, []
    named = edits.keyword(call, "inputs")
    given = named.value if named is not None else (call.args[1] if len(call.args) > 1 else None)
    if isinstance(given, ast.List | ast.Tuple):
        return call, list(given.elts)
    return call, [given] if given is not None else []


@error
def unused_in_grad(case: Case) -> Finding:
    program = case.program
    call, given = _grad_inputs(case)
    index = int(case.group("index"))
    node = given[index] if index < len(given) else None
    name = program.source.text(node) if node is not None else f"input number {index}"
    _, written = backward_root(case)
    values = {"name": name, "line": case.line, "root": written}
    known = program.tensor_named(name)
    evidence = [program.tensor_evidence(known["id"])] if known is not None else []
    offered = []
    if call is not None:
        edit = edits.set_keyword(program.source, call, "allow_unused", "True")
        offered = [edits.fix(f"Accept None for `{name}`", edit)]
    return Finding("grad-unused-input", values, evidence, offered)


@error
def grad_of_no_grad(case: Case) -> Finding:
    program = case.program
    _, given = _grad_inputs(case)
    named = [(program.source.text(n), tensor_of(program, n)) for n in given]
    missing = [(text, t) for text, t in named if t is not None and not t["requires_grad"]]
    names = [text for text, _ in missing] or [text for text, _ in named]
    offered = [f for _, t in missing if (f := fixes.require_grad(program, t["id"])) is not None]
    evidence = [program.tensor_evidence(t["id"]) for _, t in missing]
    values = {"names": listed(names) or "one of the inputs", "line": case.line}
    return Finding("grad-input-no-grad", values, evidence, offered)


@error
def grad_without_inputs(case: Case) -> Finding:
    return Finding(
        "grad-no-inputs",
        {"line": case.line, "call": case.group("call"), "leaves": _leaf_names(case.program)},
        [case.program.tensor_evidence(t["id"]) for t in case.program.parameters[:6]],
    )


def _leaf_names(program: Program) -> str:
    return listed([program.name(t["id"]) for t in program.parameters]) or "none in this program"


@error
def anomaly(case: Case) -> Finding:
    """Anomaly detection stopped at a node that made NaN."""
    program = case.program
    nodes = [
        g["nodes"][at]
        for g in program.trace["graphs"]
        if g.get("failed")
        for at, name in enumerate(program.index(g).names)
        if name == case.group("node")
    ]
    op = next((o for n in nodes if (o := program.ops.get(n["op"] or "")) is not None), None)
    values = {
        "line": case.line,
        "node": case.group("node"),
        "op": f"`{program.expression(op)}` (line {program.line(op)})"
        if op is not None
        else "an operation",
    }
    evidence: list[Evidence] = [
        {"kind": "node", "ref": n["id"], "text": f"{n['name']}: made NaN"} for n in nodes[:1]
    ]
    return Finding("anomaly-nan", values, evidence)
