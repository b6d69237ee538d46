"""Surprises in the numbers: NaN and infinity, vanishing and exploding, dead ReLUs."""

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
from app.trace.graph import Graph, Node, Op
from app.trace.table import column
from app.trace.values import Summary

#: Beyond these the norm of a gradient is worth a word.
EXPLODED = 1e6
VANISHED = 1e-8
#: Shorter ways have nothing to vanish along.
LONG = 8


def norm(summary: Summary | None) -> float | None:
    """A summary's norm as a float (infinities and NaN included)."""
    if summary is None or summary["norm"] is None:
        return None
    return float(summary["norm"])


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
        line = program.line(value)
        values = {"name": name, "line": line, "op": program.expression(value)}
        values |= {"kind": _kind_of(program.tensors[value["outputs"][0]]["value"])}
        values |= {"inputs": _inputs(program, value)}
        yield Finding(
            "hint-nonfinite-value",
            values,
            [program.op_evidence(value, f"{program.expression(value)}: first one")],
            _guard(program, value),
            line=line,
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
            "hint-nonfinite-gradient",
            values,
            [{"kind": "node", "ref": node_id, "text": f"{node['name']}: the first one"}],
            _guard(program, op) if op is not None else [],
            line=line,
            variable=name,
        )
        return


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
    if name not in ("log", "sqrt", "rsqrt", "reciprocal", "log2", "log10"):
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


def _leaves(graph: Graph) -> Iterator[tuple[int, float]]:
    """The positions of the leaves' nodes that ran, and the norms of what arrived."""
    nodes = graph["nodes"]
    at = [number for number, tensor in enumerate(column(nodes, "tensor")) if tensor is not None]
    for position, norms in zip(at, column(nodes, "upstream.norm", at), strict=True):
        if norms and norms[0] is not None:
            yield position, float(norms[0])


def extremes(program: Program) -> Iterator[Finding]:
    """Gradients that grow or fade by many orders of magnitude on a long way."""
    for graph in program.trace["graphs"]:
        seeds = [s for r in graph["roots"] if (s := norm(r["gradient"])) is not None]
        if not seeds or len(graph["nodes"]) < LONG or not 0 < max(seeds) < math.inf:
            continue
        steep = [(n, size / max(seeds)) for n, size in _leaves(graph) if math.isfinite(size)]
        high = [p for p in steep if p[1] > EXPLODED]
        low = [p for p in steep if 0 < p[1] < VANISHED]
        for code, found in (("hint-exploding", high), ("hint-vanishing", low)):
            for position, ratio in found[:1]:
                node = graph["nodes"][position]
                name = program.name(node["tensor"] or "")
                values = {"name": name, "ratio": f"{ratio:.1e}", "nodes": len(graph["nodes"])}
                line = graph["site"]["line"] if graph["site"] is not None else None
                values["line"] = str(line)
                evidence = [{"kind": "node", "ref": node["id"], "text": f"{name}: {ratio:.1e}"}]
                yield Finding(code, values, evidence, line=line, variable=name)  # type: ignore[arg-type]


def dead_relu(program: Program) -> Iterator[Finding]:
    """A ReLU through which nothing came back, because all of its inputs were below zero."""
    for graph in program.trace["graphs"]:
        for node in _closed(program, graph):
            op = program.ops.get(node["op"] or "")
            if op is None:
                continue
            value = program.tensors[op["inputs"][0]]["value"] if op["inputs"] else None
            if value is None or value["max"] is None or float(value["max"]) > 0:
                continue
            line = program.line(op)
            values = {
                "line": line,
                "op": op["module"] or program.expression(op),
                "input": program.name(op["inputs"][0]),
                "max": f"{float(value['max']):.4g}",
            }
            evidence = [program.op_evidence(op, f"{program.expression(op)}: all closed")]
            yield Finding("hint-dead-relu", values, evidence, line=line)


def _closed(program: Program, graph: Graph) -> Iterator[Node]:
    """The ReLU nodes to which something came, and which sent nothing but zeros."""
    index = program.index(graph)
    at = index.called(lambda name: name.startswith("ReluBackward"))
    sizes = column(graph["edges"], "gradient.norm") if at else []
    for position, arrived in zip(at, column(graph["nodes"], "upstream.norm", at), strict=True):
        sent = [sizes[edge] for edge in index.leaving(index.nodes.ids[position])]
        if any(arrived) and sent and all(size == 0 for size in sent):
            yield graph["nodes"][position]


RULES = (nonfinite, extremes, dead_relu)
