"""Errors of backward calls: no graph, no scalar, a graph already used, wrong gradients."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from app.explain import fixes
from app.explain import source as edits
from app.explain.cuts import Cut, find_cuts
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.operands import tensor_of
from app.explain.program import Program, listed, shape_text
from app.explain.source import receiver
from app.trace.document import Fix, Op, Tensor

_CUT_CODES = {
    "detach": "backward-root-detached",
    "data": "backward-root-detached",
    "no_grad": "backward-root-no-grad",
    "inference_mode": "backward-root-no-grad",
    "not_differentiable": "backward-root-not-differentiable",
    "rebuilt": "backward-root-rebuilt",
}


@error
def root_does_not_require_grad(case: Case) -> Finding:
    program = case.program
    root, written = backward_root(case)
    values: dict[str, Any] = {"root": written, "line": case.line}
    if root is None:
        return Finding("backward-no-leaf", {**values, "leaves": "the tensors it is made of"})
    found = find_cuts(program, root["id"])
    cut = next((c for c in found if c.kind in _CUT_CODES), None)
    if cut is not None and cut.op is not None:
        return _root_was_cut(program, root, cut, cut.op, values)
    leaves = [c.tensor for c in found if program.tensors[c.tensor]["shape"] is not None]
    offered = [
        f
        for t in _by_likelihood(program, leaves)
        if (f := fixes.require_grad(program, t)) is not None
    ]
    values["leaves"] = listed([program.name(t) for t in leaves]) or f"`{written}`"
    ghosts = [o for o in program.trace["ops"] if not o["recorded"] and o["outputs"]]
    evidence = [program.tensor_evidence(t) for t in dict.fromkeys([root["id"], *leaves])]
    evidence += [program.op_evidence(o, f"{program.expression(o)}: not recorded") for o in ghosts]
    return Finding("backward-no-leaf", values, evidence[:12], offered[:3])


def _by_likelihood(program: Program, leaves: list[str]) -> list[str]:
    """Float tensors first; among them the one that was made first."""

    def rank(tensor: str) -> tuple[bool, int]:
        known = program.tensors[tensor]
        return (not known["dtype"].removeprefix("torch.").startswith("float"), int(tensor[1:]))

    named = [t for t in leaves if program.tensors[t]["names"]] or leaves
    return sorted(named, key=rank)


def _root_was_cut(
    program: Program, root: Tensor, cut: Cut, op: Op, values: dict[str, Any]
) -> Finding:
    line = program.line(op)
    values |= {
        "cut": program.expression(op),
        "cut_line": line,
        "cut_tensor": program.name(cut.tensor),
        "behind": listed([program.name(t) for t in cut.behind]),
        "op": op["name"],
    }
    offered: list[Fix | None] = []
    match cut.kind:
        case "detach":
            offered = [fixes.remove_call(program, line, "detach")]
        case "data":
            offered = [fixes.remove_attribute(program, line, "data")]
        case "no_grad" | "inference_mode":
            offered = [fixes.dissolve_with(program, line, "no_grad", "inference_mode")]
            values["context"] = f"torch.{cut.kind}()"
        case "rebuilt":
            offered = [rebuilt_fix(program, op)]
        case _:
            pass
    evidence = [
        program.op_evidence(op, f"{program.expression(op)}: {cut.kind.replace('_', ' ')}"),
        program.tensor_evidence(root["id"]),
    ]
    code = _CUT_CODES[cut.kind]
    return Finding(code, values, evidence, [f for f in offered if f is not None])


def rebuilt_fix(program: Program, op: Op) -> Fix | None:
    """`torch.tensor(h.item())` becomes `h`; `torch.tensor([a, b])` becomes a stack."""
    for call in program.source.calls(program.line(op), "tensor", "as_tensor", "asarray"):
        if not call.args:
            continue
        first = call.args[0]
        if isinstance(first, ast.List | ast.Tuple) and first.elts:
            parts = ", ".join(_without_item(program, e) for e in first.elts)
            text = f"torch.stack([{parts}])"
        else:
            text = _without_item(program, first)
        title = f"Use `{text}` itself"
        return edits.fix(title, edits.replace(program.source, call, text))
    return None


def _without_item(program: Program, node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        inner = receiver(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("item", "tolist", "numpy"):
            return _without_item(program, inner) if inner is not None else ""
        if isinstance(node.func, ast.Name) and node.func.id == "float" and node.args:
            return _without_item(program, node.args[0])
    return program.source.text(node)


def backward_root(case: Case) -> tuple[Tensor | None, str]:
    """The tensor that the failing call started from, and how the source writes it."""
    program = case.program
    calls = program.source.calls(case.line, "backward", "grad")
    expression: ast.expr | None = None
    if calls:
        call = calls[-1]
        owner = receiver(call)
        is_module = owner is not None and program.source.text(owner).endswith("autograd")
        expression = call.args[0] if (is_module or owner is None) and call.args else owner
    written = program.source.text(expression) if expression is not None else "the result"
    if isinstance(expression, ast.List | ast.Tuple) and expression.elts:
        expression = expression.elts[0]
    if isinstance(expression, ast.Name):
        return program.tensor_named(expression.id), written
    if expression is not None:
        span = program.source.span(expression)
        for op in reversed(program.ops_on(span["line"])):
            site = op["site"]
            if (
                site is not None
                and op["outputs"]
                and all(site[k] == span[k] for k in ("line", "col", "end_line", "end_col"))
            ):
                return program.tensors.get(op["outputs"][0]), written
    graphs = [g for g in program.trace["graphs"] if g.get("failed")]
    for graph in reversed(graphs):
        for root in graph["roots"]:
            tensor = root.get("tensor")
            if tensor is not None:
                return program.tensors.get(tensor), written
    return None, written


@error
def root_is_not_scalar(case: Case) -> Finding:
    program = case.program
    root, written = backward_root(case)
    call = next(iter(program.source.calls(case.line, "backward", "grad")), None)
    shape = root["shape"] if root is not None else []
    values = {
        "root": written,
        "line": case.line,
        "shape": shape_text(shape) if root is not None else "not []",
        "count": math.prod(shape) if root is not None else "several",
    }
    offered: list[Fix] = []
    if call is not None:
        is_grad = edits.called_name(call) == "grad"
        owner = receiver(call)
        method = not is_grad and owner is not None and written == program.source.text(owner)
        ones = f"torch.ones_like({written})"
        if method and owner is not None:
            offered = [
                edits.fix(
                    f"Sum `{written}` first",
                    edits.append_to(program.source, owner, ".sum()"),
                ),
                edits.fix("Give a gradient of ones", _seed_edit(program, call, ones)),
                edits.fix(
                    f"Take the mean of `{written}`",
                    edits.append_to(program.source, owner, ".mean()"),
                ),
            ]
        elif call.args:
            offered = [
                edits.fix(
                    f"Sum `{written}` first",
                    edits.append_to(program.source, call.args[0], ".sum()"),
                )
            ]
    evidence = [program.tensor_evidence(root["id"])] if root is not None else []
    gradient = ones_of(shape) if root is not None and math.prod(shape) <= 64 else None
    return Finding("backward-not-scalar", values, evidence, offered, gradient)


def _seed_edit(program: Program, call: ast.Call, ones: str) -> Any:
    if not call.args and not call.keywords:
        return edits.add_argument(program.source, call, ones)
    return edits.set_keyword(program.source, call, "gradient", ones)


def ones_of(shape: list[int]) -> Any:
    """Nested lists of ones: the gradient that `.sum()` would send back."""
    if not shape:
        return 1.0
    return [ones_of(shape[1:]) for _ in range(shape[0])]


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
    offered = [_retain_fix(program, earlier, case.line)]
    code = "backward-twice"
    loop = program.source.loop_around(case.line)
    carried = _carried_name(program, loop) if earlier == case.line and loop is not None else None
    if carried is not None and loop is not None:
        code = "backward-twice-loop"
        values["name"] = carried
        body = loop.body[0].lineno
        detach = edits.insert_line(program.source, body, f"{carried} = {carried}.detach()")
        offered.insert(0, edits.fix(f"Detach `{carried}` at the start of each turn", detach))
    return Finding(code, values, evidence, [f for f in offered if f is not None])  # type: ignore[arg-type]


def freed_node(program: Program) -> tuple[Any, str]:
    """The node that found its saved tensors gone, and their names."""
    failed = next((g for g in reversed(program.trace["graphs"]) if g.get("failed")), None)
    waiting = waiting_nodes(failed) if failed is not None else []
    earlier = {n["id"] for g in program.trace["graphs"] if g is not failed for n in g["nodes"]}
    node = next((n for n in waiting if n["id"] in earlier), waiting[0] if waiting else None)
    saved = []
    for graph in program.trace["graphs"]:
        for known in graph["nodes"]:
            if node is not None and known["id"] == node["id"] and known["saved"]:
                saved = [s["name"] for s in known["saved"]]
    return node, listed(saved) or "its saved tensors"


def waiting_nodes(graph: Any) -> list[Any]:
    """Nodes that had been sent something when the engine stopped, next to run first."""
    executed = {n["id"] for n in graph["nodes"] if n["executed"]}
    reached = {e["target"] for e in graph["edges"] if e["source"] in executed}
    reached |= {r["node"] for r in graph["roots"]}
    waiting = [n for n in graph["nodes"] if n["id"] in reached and not n["executed"]]
    waiting = [n for n in waiting if n["name"] != "AccumulateGrad"]
    return sorted(waiting, key=lambda n: int(n["sequence_nr"]), reverse=True)


def earlier_backward(program: Program, node: Any) -> int | None:
    """The line of the last call before the failing one that ran this node."""
    for graph in reversed(program.trace["graphs"]):
        if graph.get("failed") or graph["site"] is None:
            continue
        if node is None or any(n["id"] == node["id"] for n in graph["nodes"]):
            return int(graph["site"]["line"])
    return None


def _retain_fix(program: Program, earlier: int | None, line: int | None) -> Fix | None:
    calls = program.source.calls(earlier or line, "backward", "grad")
    if not calls:
        return None
    edit = edits.set_keyword(program.source, calls[0], "retain_graph", "True")
    return edits.fix(f"Keep the graph on line {calls[0].lineno}", edit)


def _carried_name(program: Program, loop: ast.For | ast.While) -> str | None:
    """A name that the loop's body reads before it assigns it, and that was made before."""
    start = loop.body[0].lineno
    for node in ast.walk(loop):
        if not isinstance(node, ast.Assign) or node.lineno < start:
            continue
        target = node.targets[0]
        reads = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        if (
            isinstance(target, ast.Name)
            and target.id in reads
            and program.source.assignments(target.id, loop.lineno)
        ):
            return target.id
    return None


@error
def root_is_complex(case: Case) -> Finding:
    root, written = backward_root(case)
    call = next(iter(case.program.source.calls(case.line, "backward")), None)
    owner = receiver(call) if call is not None else None
    offered = []
    if owner is not None:
        edit = edits.append_to(case.program.source, owner, ".abs()")
        offered = [edits.fix(f"Take the absolute value of `{written}`", edit)]
    evidence = [case.program.tensor_evidence(root["id"])] if root is not None else []
    return Finding("backward-complex-root", {"root": written, "line": case.line}, evidence, offered)


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
