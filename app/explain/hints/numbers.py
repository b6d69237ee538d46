"""Surprises in the size of gradients: vanishing, exploding, cancelling, dead ReLUs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from app.explain.finding import Finding
from app.explain.program import Program
from app.trace.graph import Graph, Node
from app.trace.table import column
from app.trace.values import Summary

#: Beyond these the norm of a gradient is worth a word.
EXPLODED = 1e6
VANISHED = 1e-8
#: Shorter ways have nothing to vanish along.
LONG = 8
#: What is smaller than this part of what should have been sent is rounding.
_ROUNDING = 1e-3
_SOFTMAX = "SoftmaxBackward0"
_FIXED_SUMS = (
    _SOFTMAX, "NativeBatchNormBackward0", "NativeLayerNormBackward0", "NativeGroupNormBackward0",
)  # fmt: skip
#: Nodes that send the sum of what arrives to this input: None where to any.
_ADDS = {"AddmmBackward0": 0, "ConvolutionBackward0": 2, "AddBackward0": None, "SubBackward0": None}


def norm(summary: Summary | None) -> float | None:
    """A summary's norm as a float (infinities and NaN included)."""
    if summary is None or summary["norm"] is None:
        return None
    return float(summary["norm"])


def _leaves(graph: Graph) -> Iterator[tuple[int, float]]:
    """The positions of the leaves' nodes that ran, and the norms of what arrived."""
    nodes = graph["nodes"]
    at = [number for number, tensor in enumerate(column(nodes, "tensor")) if tensor is not None]
    for position, norms in zip(at, column(nodes, "upstream.norm", at), strict=True):
        if norms and norms[0] is not None:
            yield position, float(norms[0])


def cancelling(program: Program) -> Iterator[Finding]:
    """What a softmax or a normalization gives has a fixed sum: a loss of that sum is constant."""
    for graph in program.trace["graphs"]:
        for node in _cancelled(program, graph):
            op = program.ops.get(node["op"] or "")
            if op is None:
                continue
            softmax = node["name"] == _SOFTMAX
            values = {
                "line": program.line(op),
                "op": program.expression(op),
                "input": program.name(op["inputs"][0]) if op["inputs"] else "its input",
                "fixed": "add up to 1" if softmax else "have a fixed mean and a fixed spread",
            }
            evidence = [program.op_evidence(op, f"{program.expression(op)}: it cancels here")]
            yield Finding("hint-cancels", values, evidence, line=program.line(op))


def _cancelled(program: Program, graph: Graph) -> Iterator[Node]:
    """Nodes that got a gradient and sent nothing but rounding to their input.

    A normalization's input gets about v / sigma, and sigma is at most half of the
    range of its elements; a softmax's gets p (v - sum(p v)), which is zero for equal v.
    """
    index = program.index(graph)
    for position in index.called(_FIXED_SUMS.__contains__):
        node = graph["nodes"][position]
        if not node["executed"] or not node["upstream"]:
            continue
        op = program.ops.get(node["op"] or "")
        arrived = node["upstream"][0]
        edges = [graph["edges"][at] for at in index.leaving(node["id"])]
        sent = next((edge["gradient"] for edge in edges if edge["input"] == 0), None)
        value = program.tensors[op["inputs"][0]]["value"] if op and op["inputs"] else None
        size, left = norm(arrived), norm(sent)
        if arrived is None or value is None or not size or left is None:
            continue
        if arrived["min"] is None or value["min"] is None or not math.isfinite(size):
            continue
        low, high = float(arrived["min"]), float(arrived["max"])  # type: ignore[arg-type]
        if node["name"] == _SOFTMAX:
            if high - low <= 1e-6 * max(abs(low), abs(high)) and left <= _ROUNDING * size:
                yield node
        else:
            reach = float(value["max"]) - float(value["min"])  # type: ignore[arg-type]
            if left * max(reach, 1.0) <= _ROUNDING * size:
                yield node


def extremes(program: Program) -> Iterator[Finding]:
    """Gradients that grow or fade by many orders of magnitude on a long way."""
    for graph in program.trace["graphs"]:
        seeds = [s for r in graph["roots"] if (s := norm(r["gradient"])) is not None]
        if not seeds or len(graph["nodes"]) < LONG or not 0 < max(seeds) < math.inf:
            continue
        steep = [(n, size / max(seeds)) for n, size in _leaves(graph) if math.isfinite(size)]
        high = [p for p in steep if p[1] > EXPLODED]
        low = [
            (n, ratio)
            for n, ratio in steep
            if 0 < ratio < VANISHED
            and not _cancels_at_the_end(program, graph, n, VANISHED * max(seeds))
        ]
        if low and any(True for _ in _cancelled(program, graph)):
            low = []  # it did not fade on its way, but went in one step
        for code, found in (("hint-exploding", high), ("hint-vanishing", low)):
            for position, ratio in found[:1]:
                node = graph["nodes"][position]
                name = program.name(node["tensor"] or "")
                values = {"name": name, "ratio": f"{ratio:.1e}", "nodes": len(graph["nodes"])}
                line = graph["site"]["line"] if graph["site"] is not None else None
                values["line"] = str(line)
                evidence = [{"kind": "node", "ref": node["id"], "text": f"{name}: {ratio:.1e}"}]
                yield Finding(code, values, evidence, line=line, variable=name)  # type: ignore[arg-type]


def _cancels_at_the_end(program: Program, graph: Graph, leaf: int, least: float) -> bool:
    """Did a gradient that had not faded below `least` add up to nothing at the leaf?

    So does that of a bias whose results are normalized, or go into a softmax.
    """
    index = program.index(graph)
    for at in index.came.get(graph["nodes"][leaf]["id"], ()):
        edge = graph["edges"][at]
        source = index.nodes[edge["source"]]
        adds = source["name"] in _ADDS and _ADDS[source["name"]] in (None, edge["input"])
        if adds and any((norm(arrived) or 0.0) >= least for arrived in source["upstream"]):
            return True
    return False


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


RULES = (cancelling, extremes, dead_relu)
