"""`explain(trace, variable)`: why a gradient is there, or what stops it."""

from __future__ import annotations

import ast
from collections import deque

from app.explain.cuts import Cut, nearest_cut
from app.explain.extents import MAX_NODES, MAX_PATHS
from app.explain.given import given
from app.explain.paths import Arrival, arrival, reach
from app.explain.program import Program, counted, listed, shape_text, written
from app.explain.reaching import forward_cut, returned_none
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


def why(program: Program, variable: Variable, *, chain: bool = True) -> Why:
    """As `explain`, for a program that is indexed already.

    Without `chain` the sentence is what counts.
    """
    status = variable["grad_status"]
    if status == "not_a_leaf" and variable["grad_fn"] is None:
        return _plain(program, variable, "no_history")
    if status in ("accumulated", "retained", "zeroed", "cleared", "not_a_leaf"):
        _, last = program.added.get(variable["tensor"], (0, None))
        came = arrival(program, variable["tensor"], program.graphs.get(last or ""))
        if came is not None:
            return _reached(program, variable, came, chain=chain)
    if status == "accumulated" and program.cut:
        return _plain(program, variable, "accumulated_cut")
    if status == "not_a_leaf" and program.cut:
        return _plain(program, variable, "not_a_leaf_cut")
    if status in ("accumulated", "retained"):  # changed in place since, or past the limits
        return _plain(program, variable, f"{status}_before")
    if status == "no_requires_grad":
        return _not_followed(program, variable)
    if status in ("not_reached", "backward_not_run", "not_a_leaf"):
        return _not_reached(program, variable, chain=chain)
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


# --- a gradient came ------------------------------------------------------------------


def _reached(program: Program, variable: Variable, came: Arrival, *, chain: bool) -> Why:
    extents = program.extents(came.graph)
    ways = extents.ways(came.node, came.edges)
    if ways is None:  # as many as are listed: the last edges of all ways
        ways = min(len(came.edges), MAX_PATHS)
    behind = extents.behind(came.node, came.edges)
    calls, _ = program.added.get(variable["tensor"], (0, None))
    key: str = variable["grad_status"]
    if key == "accumulated" and program.cut:
        key = "accumulated_cut"
    elif key == "accumulated" and calls > 1:
        key = "accumulated_several"
    elif key == "not_a_leaf" and not came.edges:
        key = "root"
    site = came.graph["site"]
    several = "more than " if behind == MAX_NODES else ""
    answer = _plain(
        program,
        variable,
        key,
        calls=calls,
        backward=backward_lines([came.graph] if calls < 2 and site else program.trace["graphs"]),
        ways="one path" if ways == 1 else f"{ways} paths",
        nodes=several + counted(max(min(behind, MAX_NODES - 1), 1), "node"),
    )
    if chain:
        reached = reach(extents, came)
        answer["graph"] = came.graph["id"]
        answer["nodes"] = reached.nodes
        answer["edges"] = reached.edges
        answer["steps"] = [program.node_evidence(n) for n in reached.nodes[: -MAX_STEPS - 1 : -1]]
        answer["paths"] = reached.paths
    return answer


# --- autograd does not follow this tensor ----------------------------------------------


def _not_followed(program: Program, variable: Variable) -> Why:
    tensor = variable["tensor"]
    cut = nearest_cut(program, tensor)
    if cut is not None:
        return _with_cut(program, variable, cut, "no_requires_grad_cut")
    dtype = variable["dtype"].removeprefix("torch.")
    if not dtype.startswith(("float", "bfloat", "complex")):
        return _plain(program, variable, "no_requires_grad_integer")
    if _is_frozen_parameter(program, variable):
        return _plain(program, variable, "no_requires_grad_frozen")
    handed = given(program, written(variable), variable.get("scope"))
    if handed is not None and (handed.kind == "transform" or not program.ops.made(tensor)):
        value = handed.value
        owner = value.value if isinstance(value, ast.Attribute) else value
        return _plain(
            program,
            variable,
            f"no_requires_grad_{handed.kind}",
            call=program.source.text(owner),
            line=handed.line,
        )
    sources = (program.origins.of(tensor) or set()) - {tensor}
    if sources:
        ordered = sorted(sources, key=program.tensors.position)
        late = any(map(program.requires_grad, ordered))
        answer = _plain(
            program,
            variable,
            "no_requires_grad_early" if late else "no_requires_grad_result",
            sources=listed([program.name(s) for s in ordered]),
        )
        answer["steps"] = [program.tensor_evidence(s) for s in ordered[:MAX_STEPS]]
        return answer
    off = _switched_off(program, written(variable))
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
    names = [written(one) for one in program.called(variable["tensor"])]
    made_inside = not program.ops.maker(variable["tensor"])
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


def _not_reached(program: Program, variable: Variable, *, chain: bool) -> Why:
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
    none = returned_none(program, variable["tensor"])
    if none is not None:
        line = program.line(none)
        where = f" (line {line})" if line is not None else ""
        answer = _plain(
            program, variable, "not_reached_none", op=program.expression(none), where=where
        )
        answer["steps"] = [
            program.tensor_evidence(variable["tensor"]),
            program.op_evidence(none, f"{program.expression(none)}: returned None"),
        ]
        return answer
    cut = forward_cut(program, variable["tensor"])
    if cut is not None:
        answer = _with_cut(program, variable, cut, "not_reached_cut")
        way = _forward_way(program, variable["tensor"], cut) if chain else []
        answer["steps"] = [*way, answer["cut"]] if answer["cut"] is not None else way
        return answer
    if not program.ops.was_read(variable["tensor"]):
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
        for at in program.ops.reading(current):
            for made in program.ops.outputs[at]:
                if made not in come_from and made != tensor:
                    come_from[made] = current
                    queue.append(made)
    way = [goal]
    while way[-1] in come_from and way[-1] != tensor:
        way.append(come_from[way[-1]])
    return [program.tensor_evidence(t) for t in reversed(way)][:MAX_STEPS]
