"""`explain(trace, variable)`: why a gradient is there, or what stops it."""

from __future__ import annotations

import ast
from collections import deque

from app.explain.cuts import Cut, find_cuts
from app.explain.given import given
from app.explain.paths import MAX_NODES, Reach, reach
from app.explain.program import Program, listed, shape_text
from app.explain.reaching import forward_cut, origins
from app.explain.source import called_name, receiver
from app.explain.texts import load
from app.trace.document import Trace, Variable
from app.trace.explanations import Evidence, Why
from app.trace.graph import Graph

#: Sentences by key; the keys that begin with a grad_status speak for it.
TEXTS: dict[str, str] = load("variables")["sentences"]
#: Lists of evidence stay readable.
MAX_STEPS = 30

_CUT_WORDS: dict[str, str] = load("variables")["cuts"]


def explain(trace: Trace, variable: str, code: str = "") -> Why:
    """The chain of evidence for one variable of the trace.

    Raises `KeyError` if the trace has no such variable.
    """
    return why(Program(trace, code), {v["name"]: v for v in trace["variables"]}[variable])


def why(program: Program, variable: Variable) -> Why:
    """As `explain`, for a program that is indexed already."""
    status = variable["grad_status"]
    if status in ("accumulated", "retained", "zeroed", "cleared", "not_a_leaf"):
        _, last = program.added.get(variable["tensor"], (0, None))
        reached = reach(program, variable["tensor"], program.graphs.get(last or ""))
        if reached is not None:
            return _reached(program, variable, reached)
    if status == "no_requires_grad":
        return _not_followed(program, variable)
    if status in ("not_reached", "backward_not_run", "not_a_leaf"):
        return _not_reached(program, variable)
    return _plain(program, variable, status)


def _plain(program: Program, variable: Variable, key: str, **values: object) -> Why:
    return {
        "sentence": _say(program, variable, key, **values),
        "graph": None,
        "nodes": [],
        "edges": [],
        "steps": [],
        "cut": None,
        "paths": [],
    }


def _say(program: Program, variable: Variable, key: str, **values: object) -> str:
    line = program.produced_on(variable["tensor"])
    base = {
        "name": variable["name"],
        "shape": shape_text(variable["shape"]),
        "dtype": variable["dtype"].removeprefix("torch."),
        "grad_fn": variable["grad_fn"] or "",
        "made": f" on line {line}" if line is not None else "",
        "backward": backward_lines(program.trace["graphs"]),
    }
    return TEXTS[key].format_map({**base, **values})


def backward_lines(graphs: list[Graph]) -> str:
    """'the backward call on line 7', or those on several lines."""
    lines = list(
        dict.fromkeys(g["site"]["line"] for g in graphs if g["kind"] != "not_run" and g["site"])
    )
    if not lines:
        return "the backward call"
    if len(lines) == 1:
        return f"the backward call on line {lines[0]}"
    return "the backward calls on lines " + ", ".join(str(n) for n in lines[:4])


def counted(number: int, noun: str) -> str:
    """'1 node', '3 nodes'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# --- a gradient came ------------------------------------------------------------------


def _reached(program: Program, variable: Variable, reached: Reach) -> Why:
    ways = len(reached.paths)
    calls, _ = program.added.get(variable["tensor"], (0, None))
    key: str = variable["grad_status"]
    if key == "accumulated" and calls > 1:
        key = "accumulated_several"
    elif key == "not_a_leaf" and not reached.edges:
        key = "root"
    site = reached.graph["site"]
    several = "" if len(reached.nodes) < MAX_NODES else "more than "
    sentence = _say(
        program,
        variable,
        key,
        calls=calls,
        backward=backward_lines([reached.graph] if calls < 2 and site else program.trace["graphs"]),
        ways="one path" if ways == 1 else f"{ways} paths",
        nodes=f"{several}{counted(max(len(reached.nodes) - 1, 1), 'node')}",
    )
    steps: list[Evidence] = []
    for node_id in reversed(reached.nodes[:MAX_STEPS]):
        node = program.nodes[node_id]
        op = program.ops.get(node["op"] or "")
        place = f": `{program.expression(op)}`" if op is not None else ""
        line = program.line(op)
        where = f", line {line}" if line is not None else ""
        steps.append({"kind": "node", "ref": node_id, "text": f"{node['name']}{place}{where}"})
    return {
        "sentence": sentence,
        "graph": reached.graph["id"],
        "nodes": reached.nodes,
        "edges": [e["id"] for e in reached.edges],
        "steps": steps,
        "cut": None,
        "paths": reached.paths,
    }


# --- autograd does not follow this tensor ----------------------------------------------


def _not_followed(program: Program, variable: Variable) -> Why:
    tensor = variable["tensor"]
    found = find_cuts(program, tensor)
    real = [c for c in found if c.kind != "leaf"]
    if real:
        return _with_cut(program, variable, real[0], "no_requires_grad_cut")
    dtype = variable["dtype"].removeprefix("torch.")
    if not dtype.startswith(("float", "bfloat", "complex")):
        return _plain(program, variable, "no_requires_grad_integer")
    if _is_frozen_parameter(program, variable):
        return _plain(program, variable, "no_requires_grad_frozen")
    handed = given(program, variable["name"])
    if handed is not None and (handed.kind == "transform" or tensor not in program.producers):
        value = handed.value
        owner = value.value if isinstance(value, ast.Attribute) else value
        return _plain(
            program,
            variable,
            f"no_requires_grad_{handed.kind}",
            call=program.source.text(owner),
            line=handed.line,
        )
    sources = [t for t in origins(program, tensor) if t != tensor]
    if sources:
        late = any(program.tensors[s]["requires_grad"] for s in sources)
        answer = _plain(
            program,
            variable,
            "no_requires_grad_early" if late else "no_requires_grad_result",
            sources=listed([program.name(s) for s in sources]),
        )
        answer["steps"] = [program.tensor_evidence(s) for s in sources[:MAX_STEPS]]
        return answer
    off = _switched_off(program, variable["name"])
    if off is not None:
        text = program.source.text(off)
        return _plain(program, variable, "no_requires_grad_off", call=text, line=off.lineno)
    return _plain(program, variable, "no_requires_grad")


def _switched_off(program: Program, name: str) -> ast.expr | ast.stmt | None:
    """`x.requires_grad_(False)` or `x.requires_grad = False`."""
    for node in program.source.nodes():
        if isinstance(node, ast.Call) and called_name(node) == "requires_grad_":
            owner, values = receiver(node), [*node.args, *(k.value for k in node.keywords)]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            if node.targets[0].attr != "requires_grad":
                continue
            owner, values = node.targets[0].value, [node.value]
        else:
            continue
        off = any(isinstance(v, ast.Constant) and v.value is False for v in values)
        if off and owner is not None and program.source.text(owner) == name:
            return node
    return None


def _is_frozen_parameter(program: Program, variable: Variable) -> bool:
    """A parameter of a module under its own name, or a loop's `p` that was it last."""
    names = [variable["name"], *program.tensors[variable["tensor"]]["names"]]
    made_inside = not program.producers.get(variable["tensor"])
    return variable["is_leaf"] and made_inside and any("." in name for name in names)


def cut_words(program: Program, cut: Cut) -> str:
    """'`h.detach()` on line 7, which is cut off from `h`'."""
    assert cut.op is not None
    line = program.line(cut.op)
    return _CUT_WORDS[cut.kind].format_map(
        {
            "op": program.expression(cut.op),
            "where": f" on line {line}" if line is not None else "",
            "behind": listed([program.name(t) for t in cut.behind]),
        }
    )


def _with_cut(program: Program, variable: Variable, cut: Cut, key: str) -> Why:
    assert cut.op is not None
    words = cut_words(program, cut)
    answer = _plain(program, variable, key, cut=words)
    stop = program.op_evidence(cut.op, words)
    answer["cut"] = stop
    answer["steps"] = [
        program.tensor_evidence(variable["tensor"]),
        stop,
        *(program.tensor_evidence(t) for t in cut.behind),
    ]
    return answer


# --- it requires grad, and nothing came ------------------------------------------------


def _not_reached(program: Program, variable: Variable) -> Why:
    status = variable["grad_status"]
    if status == "backward_not_run":
        raised = program.trace["error"]
        if raised is not None and raised["line"] is not None:
            return _plain(program, variable, "backward_not_run_error", line=raised["line"])
        return _plain(program, variable, status)
    if status == "not_a_leaf":
        return _plain(program, variable, "not_a_leaf_unreached")
    raised = program.trace["error"]
    stopped = raised is not None and any(g.get("failed") for g in program.trace["graphs"])
    if stopped and variable["tensor"] in program.behind_roots:
        assert raised is not None
        return _plain(program, variable, "not_reached_error", line=raised["line"])
    roots = program.root_tensors
    cut = forward_cut(program, variable["tensor"])
    if cut is not None:
        answer = _with_cut(program, variable, cut, "not_reached_cut")
        way = _forward_way(program, variable["tensor"], cut)
        answer["steps"] = [*way, answer["cut"]] if answer["cut"] is not None else way
        return answer
    if variable["tensor"] not in program.consumers:
        return _plain(program, variable, "not_reached_unused")
    names = listed([program.name(r) for r in roots]) or "the root"
    return _plain(program, variable, "not_reached", roots=names)


def _forward_way(program: Program, tensor: str, cut: Cut) -> list[Evidence]:
    """The tensors between the variable and the cut, nearest to the variable first."""
    come_from: dict[str, str] = {}
    queue = deque([tensor])
    goal = cut.behind[0]
    while queue and goal not in come_from and goal != tensor:
        current = queue.popleft()
        for op in program.consumers.get(current, []):
            for made in op["outputs"]:
                if made not in come_from and made != tensor:
                    come_from[made] = current
                    queue.append(made)
    way = [goal]
    while way[-1] in come_from and way[-1] != tensor:
        way.append(come_from[way[-1]])
    return [program.tensor_evidence(t) for t in reversed(way)][:MAX_STEPS]
