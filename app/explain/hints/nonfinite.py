"""NaN and infinity: the first value or gradient that was no longer a number, and what made it."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from app.explain import source as edits
from app.explain.cuts import op_name
from app.explain.finding import Finding
from app.explain.program import Program
from app.trace.document import Event
from app.trace.explanations import Fix
from app.trace.graph import Graph, Op
from app.trace.table import column
from app.trace.values import Summary

#: The largest number of each dtype.
LARGEST = {"float32": 3.4028235e38, "bfloat16": 3.3895314e38, "float16": 65504.0}
LARGEST["float64"] = 1.7976931348623157e308
#: Beyond their largest number raised to this power, two numbers' product (of few terms) overflows.
_NEAR = 0.45
#: Ops that are infinite or undefined at zero and below.
_DOMAINS = ("log", "sqrt", "rsqrt", "reciprocal", "log2", "log10")


def _is_bad(summary: Summary | None) -> bool:
    return summary is not None and summary["nonfinite"] > 0


def nonfinite(program: Program) -> Iterator[Finding]:
    """A leaf got NaN or infinity; where it first came up."""
    hit = _first_spoilt(program) if program.trace.get("first_nonfinite") is not None else None
    if hit is None:
        return
    event, leaf = hit
    graph = program.graphs.get(event.get("graph", ""))
    if graph is None:
        return
    roots = [t for r in graph["roots"] if (t := r.get("tensor")) is not None]
    value = _first_bad_value(program, program.ops.ancestors(roots))
    name = program.name(leaf)
    if value is not None:
        made = program.tensors[value["outputs"][0]]
        outgrew = _outgrew(program, value)
        values = {
            "name": name,
            "line": program.line(value),
            "op": program.expression(value),
            "kind": _kind_of(made["value"]),
            "inputs": _inputs(program, value),
            "dtype": made["dtype"],
            "largest": f"{LARGEST.get(made['dtype'], math.inf):.2g}",
            "turn": _turn(value),
            "remedy": _remedy(program, value),
        }
        yield Finding(
            "hint-overflow" if outgrew else "hint-nonfinite-value",
            values,
            [program.op_evidence(value, f"{program.expression(value)}: first one")],
            [] if outgrew else _guard(program, value),
            line=program.line(value),
            variable=name,
        )
        return
    yield from _bad_gradient(program, graph, event, name)


def _first_spoilt(program: Program) -> tuple[Event, str] | None:
    """The event that first brought such a number into a .grad, and the leaf's tensor."""
    timeline = program.trace["timeline"]
    kinds = column(timeline, "kind")
    for at in (number for number, kind in enumerate(kinds) if kind == "accumulate"):
        event = timeline[at]
        for update in event.get("updates", []):
            if _is_bad(update["after"]) and not _is_bad(update["before"]):
                return event, update["tensor"]
    return None


def _first_bad_value(program: Program, toward: set[str]) -> Op | None:
    counts = column(program.tensors.rows, "value.nonfinite")
    bad = {tensor for tensor, count in zip(program.tensors, counts, strict=True) if count}
    ops = program.ops
    for at, made in enumerate(ops.outputs):
        if any(t in bad and t in toward for t in made) and bad.isdisjoint(ops.inputs[at]):
            return ops.rows[at]
    return None


def _outgrew(program: Program, op: Op) -> bool:
    """Was what the op got finite, but so large that the result does not fit its dtype?"""
    most = LARGEST.get(program.tensors[op["outputs"][0]]["dtype"])
    sizes = [_size(program.tensors[t]["value"]) for t in op["inputs"]]
    if most is None or not sizes or op_name(op) in (*_DOMAINS, "div", "true_divide"):
        return False
    if op_name(op) in ("exp", "expm1", "cosh", "sinh"):
        return max(sizes) > math.log(most)
    return bool(max(sizes) > most**_NEAR)


def _size(summary: Summary | None) -> float:
    """The largest magnitude among a tensor's elements; 0 where that is not known."""
    if summary is None or summary["min"] is None or summary["max"] is None:
        return 0.0
    return max(abs(float(summary["min"])), abs(float(summary["max"])))


def _turn(op: Op) -> str:
    iteration = op.get("iteration")
    return f" in turn {iteration[-1] + 1} of its loop" if iteration else ""


def _remedy(program: Program, op: Op) -> str:
    if op_name(op) in ("exp", "expm1"):
        return "Subtract the largest element first, as `logsumexp` and `log_softmax` do."
    if program.stepped() or op.get("iteration"):
        return "Take smaller steps (a smaller learning rate), or clip the gradients."
    return "Scale the numbers down, or use a wider dtype."


def _bad_gradient(program: Program, graph: Graph, event: Event, name: str) -> Iterator[Finding]:
    index = program.index(graph)
    sent = zip(index.sources, column(graph["edges"], "gradient.nonfinite"), strict=True)
    arrived = zip(index.nodes, column(graph["nodes"], "upstream.nonfinite"), strict=True)
    makers = {node for node, count in sent if count}
    makers -= {node for node, counts in arrived if any(counts)}
    for node_id in graph["order"]:
        if node_id not in makers:
            continue
        node = index.nodes[node_id]
        gradients = (graph["edges"][at]["gradient"] for at in index.leaving(node_id))
        op = program.ops.get(node["op"] or "")
        line = program.line(op) or event["line"]
        values = {
            "name": name,
            "line": line,
            "node": node["name"],
            "op": program.expression(op) if op is not None else node["name"],
            "kind": _kind_of(next(g for g in gradients if _is_bad(g))),
            "inputs": _inputs(program, op) if op is not None else "its inputs",
        }
        yield Finding(
            _CODES.get(node["name"]) or _branch(program, graph, node_id),
            values,
            [{"kind": "node", "ref": node_id, "text": f"{node['name']}: the first one"}],
            _guard(program, op) if op is not None else [],
            line=line,
            variable=name,
        )
        return


#: Where what is infinite is not the derivative at a point of each element.
_CODES = {
    "LinalgEighBackward0": "hint-nonfinite-eigenvectors",
    "LinalgEigBackward0": "hint-nonfinite-eigenvectors",
    "LinalgSvdBackward0": "hint-nonfinite-singular-vectors",
}


def _branch(program: Program, graph: Graph, node: str) -> str:
    """Did a `where` send it zeros, for the elements that it did not take?"""
    index = program.index(graph)
    senders = (index.sources[at] for at in index.came.get(node, ()))
    where = any(index.nodes[sender]["name"] == "WhereBackward0" for sender in senders)
    return "hint-nonfinite-where" if where else "hint-nonfinite-gradient"


def _kind_of(summary: Summary | None) -> str:
    data = str(summary["data"]) if summary is not None else ""
    return "infinity" if "Infinity" in data and "NaN" not in data else "NaN"


def _inputs(program: Program, op: Op) -> str:
    """'`w`, whose smallest element is 0'."""
    if not op["inputs"]:
        return "its inputs"
    known = program.tensors[op["inputs"][0]]
    value = known["value"]
    words = f"`{program.name(known['id'])}`"
    if value is not None and value["min"] is not None:
        words += f", whose elements go from {value['min']:.4g} to {value['max']:.4g}"
    return words


def _guard(program: Program, op: Op) -> list[Fix]:
    """A small number inside log, sqrt and the like."""
    name = op_name(op)
    if name not in _DOMAINS:
        return []
    for call in program.source.calls(program.line(op), name):
        owner = edits.receiver(call)
        if owner is not None and program.source.text(owner) in ("torch",) and call.args:
            inner: ast.expr | None = call.args[0]
        else:
            inner = owner
        if inner is None:
            continue
        known = program.tensors[op["inputs"][0]]["value"] if op["inputs"] else None
        below = known is not None and known["min"] is not None and float(known["min"]) < 0
        if below:
            edit = edits.append_to(program.source, inner, ".clamp(min=1e-8)")
        else:
            text = f"{program.source.text(inner)} + 1e-8"
            text = f"({text})" if inner is owner else text
            edit = edits.replace(program.source, inner, text)
        return [edits.fix(f"Keep the input of `{name}` above zero", edit)]
    return []


RULES = (nonfinite,)
