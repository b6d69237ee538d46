"""Surprises where the graph is cut or flat: a gradient is missing or zero without an error."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from app.explain import fixes
from app.explain import source as edits
from app.explain.cuts import Cut
from app.explain.errors.roots import rebuilt_fix
from app.explain.finding import Finding
from app.explain.program import Program, listed
from app.explain.reaching import forward_cut
from app.trace.explanations import Fix

#: Nodes that send zeros back whatever arrives, with the function that makes them.
FLAT = {
    "SignBackward0": "sign",
    "SgnBackward0": "sgn",
    "FloorBackward0": "floor",
    "CeilBackward0": "ceil",
    "RoundBackward0": "round",
    "RoundBackward1": "round",
    "TruncBackward0": "trunc",
    "HeavisideBackward0": "heaviside",
}


def cut_leaf(program: Program) -> Iterator[Finding]:
    """A leaf that the program made with requires_grad gets nothing, because of a cut."""
    told: set[str] = set()
    for variable in program.trace["variables"]:
        if variable["grad_status"] != "not_reached" or not variable["is_leaf"]:
            continue
        if variable["tensor"] in told:  # under another name
            continue
        if not variable["name"].isidentifier() or program.trace["error"] is not None:
            continue
        cut = forward_cut(program, variable["tensor"])
        if cut is None or cut.op is None:
            continue
        told.add(variable["tensor"])
        line = program.line(cut.op)
        values = {
            "name": variable["name"],
            "line": line,
            "cut": program.expression(cut.op),
            "reason": REASONS[cut.kind],
        }
        yield Finding(
            "hint-cut",
            values,
            [program.op_evidence(cut.op, f"{program.expression(cut.op)}: cuts the graph")],
            cut_fixes(program, cut),
            line=line,
            variable=variable["name"],
        )


REASONS = {
    "detach": "shares its numbers but not its history",
    "data": "shares its numbers but not its history",
    "no_grad": "ran while autograd was not recording",
    "in_backward": "ran inside of a backward pass, where autograd does not record",
    "inference_mode": "ran in inference mode",
    "not_differentiable": "has no derivative",
    "rebuilt": "copies plain numbers",
    "leaf": "starts anew",
}


def cut_fixes(program: Program, cut: Cut) -> list[Fix]:
    """The change that lets the gradient pass, where there is one."""
    assert cut.op is not None
    line = program.line(cut.op)
    match cut.kind:
        case "detach":
            found = fixes.remove_call(program, line, "detach")
        case "data":
            found = fixes.remove_attribute(program, line, "data")
        case "no_grad" | "inference_mode":
            _, found = fixes.record_again(program, line)
        case "rebuilt":
            found = rebuilt_fix(program, cut.op)
        case _:
            found = None
    return [found] if found is not None else []


def flat(program: Program) -> Iterator[Finding]:
    """A recorded staircase: everything behind it gets zeros."""
    for graph in program.trace["graphs"]:
        for at in program.index(graph).called(FLAT.__contains__):
            node = graph["nodes"][at]
            if not node["executed"]:
                continue
            op = program.ops.get(node["op"] or "")
            line = program.line(op)
            if op is None or line is None:
                continue
            names = listed([program.name(t) for t in op["inputs"]])
            values = {"line": line, "op": program.expression(op), "names": names}
            evidence = [
                program.op_evidence(op, f"{program.expression(op)}: flat between its jumps")
            ]
            yield Finding("hint-flat", values, evidence, line=line)


def non_leaf_grad(program: Program) -> Iterator[Finding]:
    """The program read `.grad` of a result, which is always None."""
    for warning in program.trace["warnings"]:
        line = warning["line"]
        if (
            ".grad attribute of a Tensor that is not a leaf" not in warning["message"]
            or line is None
        ):
            continue
        owner = _grad_owner(program, line)
        name = owner or "the tensor"
        made = program.source.assignments(owner, line)[-1:] if owner is not None else []
        hidden = _hidden_leaf(program, owner, made[0]) if owner is not None and made else None
        if hidden is not None:
            hidden.values["line"] = hidden.line = line
            yield hidden
            continue
        values = {"name": name, "line": line, "made": made[0].lineno if made else line}
        offered: list[Fix] = []
        if made and made[0].lineno < line:
            end = made[0].end_lineno or made[0].lineno
            indent = program.source.indent(made[0].lineno)
            edit = edits.add_line(program.source, end, f"{name}.retain_grad()", indent)
            offered = [edits.fix(f"Keep it with `{name}.retain_grad()`", edit)]
        yield Finding(
            "hint-non-leaf-grad",
            values,
            [program.line_evidence(line)],
            offered,
            line=line,
            variable=owner,
        )


def _hidden_leaf(program: Program, owner: str, made: ast.Assign) -> Finding | None:
    """`w = torch.randn(3, requires_grad=True) * 0.1`: the leaf is a tensor without a name."""
    tensor = program.tensor_named(owner)
    op = program.ops.maker(tensor["id"]) if tensor is not None else None
    if op is None or not op["recorded"] or program.line(op) != made.lineno:
        return None
    behind = [program.tensors[i] for i in op["inputs"] if program.tensors[i]["requires_grad"]]
    if len(behind) != 1 or not behind[0]["is_leaf"] or behind[0]["names"]:
        return None
    text = program.source.text(made.value)
    last = f"({text}).detach().requires_grad_()"
    return Finding(
        "hint-hidden-leaf",
        {"name": owner, "made": program.expression(op), "at": made.lineno},
        [program.op_evidence(op, f"{program.expression(op)}: a result of the leaf")],
        [edits.fix(f"Make `{owner}` the leaf", edits.replace(program.source, made.value, last))],
        variable=owner,
    )


def _grad_owner(program: Program, line: int) -> str | None:
    """`h` in `h.grad` on the line."""
    for node in program.source.nodes():
        if isinstance(node, ast.Attribute) and node.attr == "grad" and node.lineno == line:
            return node.value.id if isinstance(node.value, ast.Name) else None
    return None


def unused_parameters(program: Program) -> Iterator[Finding]:
    """Some parameters of a module learnt, and others never took part."""
    if not program.stepped():
        return
    groups: dict[str, dict[str, list[str]]] = {}
    for variable in program.trace["variables"]:
        top, dot, _ = variable["name"].partition(".")
        if dot and variable["is_leaf"] and variable["requires_grad"]:
            used = _is_used(program, variable["tensor"])
            key = "used" if used else variable["grad_status"]
            groups.setdefault(top, {}).setdefault(key, []).append(variable["name"])
    for top, by_status in groups.items():
        idle = by_status.get("not_reached", [])
        if not idle or not by_status.get("used"):
            continue
        layers = list(dict.fromkeys(n.rpartition(".")[0] for n in idle))
        values = {"module": top, "names": listed(idle, 4), "layers": listed(layers)}
        evidence = [program.tensor_evidence(program.variables[n]["tensor"]) for n in idle[:4]]
        line = next((n.lineno for n in program.source.assignments(top)), None)
        yield Finding("hint-unused-parameters", values, evidence, line=line, variable=idle[0])


def _is_used(program: Program, tensor: str) -> bool:
    """Did some op read it without only filling it?"""
    ops = program.ops
    return any(
        ops.outputs[at] and tensor not in ops.rows[at].get("mutated", [])
        for at in ops.reading(tensor)
    )


RULES = (
    cut_leaf,
    flat,
    non_leaf_grad,
    unused_parameters,
)
