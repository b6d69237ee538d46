"""A trace against what witnesses of the plain run saw."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch

from app.trace import Trace
from tests.recorder.chance import witness
from tests.recorder.chance.witness import Seen, Span
from tests.recorder.oracle import both, floats, same_numbers

#: A node's hook that changes what the node sends: no longer J'v.
_CHANGES_SENT = "grad_fn.register_hook(lambda gi, go: tuple"


def agree(code: str) -> None:
    """Run plainly, recorded, and with witnesses; all must tell the same."""
    _, trace = both(code)
    same_engine(trace, witness.run(code, calls=False))
    if _CHANGES_SENT not in code:
        jacobians_hold(trace, close=5e-2 if "16" in code or "half" in code else 1e-4)
    seen = witness.run(code, calls=True)
    same_ops(trace, seen.seen)
    if seen.states:
        same_states(trace, seen.states)


def same_engine(trace: Trace, plainly: witness.Witness) -> None:
    """Nodes in order, what arrived at each, what went along each edge."""
    graphs = [graph for graph in trace["graphs"] if graph["kind"] != "not_run"]
    assert len(graphs) + trace["omitted"].get("graphs", 0) == len(plainly.calls)
    for graph, ran in zip(graphs, plainly.calls, strict=False):
        nodes = {node["id"]: node for node in graph["nodes"]}
        order = [nodes[identity] for identity in graph["order"]]
        if graph.get("failed") and len(order) == len(ran) + 1:
            # A hook of the leaf's raised: what it was called for had been done.
            assert order.pop()["name"] == "AccumulateGrad"
        assert [node["name"] for node in order] == [one.name for one in ran]
        sent = {(edge["source"], edge["input"]): edge["gradient"] for edge in graph["edges"]}
        for node, one in zip(order, ran, strict=True):
            same_gradients(node["upstream"], one.arrived)
            along = [sent.get((node["id"], number)) for number in range(len(one.sent))]
            # What is sent where no edge leads goes nowhere.
            led = [(node["id"], number) in sent for number in range(len(one.sent))]
            same_gradients(
                along, [g if way else None for g, way in zip(one.sent, led, strict=True)]
            )


def same_gradients(mine: list[Any], theirs: list[torch.Tensor | None]) -> None:
    assert len(mine) == len(theirs)
    for summary, gradient in zip(mine, theirs, strict=True):
        if gradient is None:
            # (A transform's gradient has no numbers that the witness could keep.)
            continue
        assert summary is not None
        same_numbers(summary, gradient)


def jacobians_hold(trace: Trace, close: float) -> None:
    """What a node sends along an edge is its Jacobian's transpose times what arrived."""
    for graph in trace["graphs"]:
        sent = {(edge["source"], edge["input"]): edge["gradient"] for edge in graph["edges"]}
        for node in graph["nodes"]:
            totals: dict[int, torch.Tensor] = {}
            for block in node["jacobians"] or []:
                upstream = node["upstream"][block["output"]]
                if upstream is None or upstream["data"] is None:
                    continue
                arrived = torch.tensor(floats(upstream["data"]), dtype=torch.float64)
                rows = [floats(row) for row in block["data"]]
                matrix = torch.tensor(rows, dtype=torch.float64).reshape(block["shape"])
                if len(arrived) != len(matrix):  # a batch of gradients
                    continue
                part = matrix.T @ arrived
                totals[block["input"]] = totals.get(block["input"], torch.zeros(())) + part
            for number, total in totals.items():
                gradient = sent.get((node["id"], number))
                if gradient is None or gradient["data"] is None or gradient["nonfinite"]:
                    continue
                if not torch.isfinite(total).all():  # 0 times infinity
                    continue
                got = torch.tensor(floats(gradient["data"]), dtype=torch.float64)
                torch.testing.assert_close(got, total, rtol=close, atol=close)


def same_ops(trace: Trace, seen: list[Seen]) -> None:
    """Each expression that called torch: how often, with what result, recorded or why not."""
    mine: dict[Span, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    sites = {op["id"]: op["site"] for op in trace["ops"]}
    for op in trace["ops"]:
        site = op["site"]
        if site is not None and site != sites.get(op["parent"] or ""):
            span = (site["line"], site["col"], site["end_line"], site["end_col"])
            mine[span][site["occurrence"]].append(op)
    theirs: dict[Span, list[Seen]] = defaultdict(list)
    for one in seen:
        theirs[one.span].append(one)
    values = {tensor["id"]: tensor for tensor in trace["tensors"]}
    changed = {
        (event.get("op"), update["tensor"])
        for event in trace["timeline"]
        for update in event.get("updates", [])
    }
    for span, ones in theirs.items():
        if not all(one.is_torch for one in ones):
            continue
        # A function of a library runs ops of other names.
        called = {op["name"].strip("_") for ops in mine[span].values() for op in ops}
        if not any(one.name in called for one in ones):
            continue
        assert len(mine[span]) == len(ones), (span, len(mine[span]), len(ones))
        for occurrence, one in enumerate(ones):
            same_op(mine[span][occurrence], one, values, changed)


def same_op(ops: list[Any], one: Seen, values: dict[str, Any], changed: Any) -> None:
    op = ops[-1]
    # A function of a library ends with ops of its own.
    if op["name"].strip("_") != one.name or len(op["outputs"]) != len(one.given):
        return
    for identity, copy in zip(op["outputs"], one.copies, strict=True):
        summary = values[identity]["value"]
        if copy is None or summary is None or (op["id"], identity) in changed or one.handed_through:
            continue
        if one.name == "empty":  # what was in memory before
            continue
        same_numbers(summary, copy)
    if len(ops) > 1 or not one.given or one.handed_through:
        return
    if any(flag and not leaf for flag, leaf in zip(one.requires_grad, one.is_leaf, strict=True)):
        assert op["recorded"], op
        return
    assert not op["recorded"], op
    why = op["why_not_recorded"]
    if one.name in ("detach", "detach_", "data"):
        assert why == "detached", op
    elif not one.any_inputs:
        assert why is None, op
    elif one.inference_mode:
        assert why == "inference_mode", op
    elif not one.inputs_require_grad:
        assert why == "no_input_requires_grad", op
    else:
        assert why == ("not_differentiable" if one.grad_mode else "no_grad"), op


def same_summaries(one: Any, other: Any) -> bool:
    """Of numbers that may have been reduced in different ways."""
    if one["data"] is not None:
        return bool(one["data"] == other["data"])
    norms = torch.tensor(floats([one["norm"], other["norm"]]))
    return bool(torch.isclose(norms[0], norms[1], rtol=1e-4, equal_nan=True))


def same_states(trace: Trace, states: dict[str, dict[str, torch.Tensor | None]]) -> None:
    """Played step by step, the trace has the numbers that each name had after each statement."""
    now = {tensor["id"]: tensor["value"] for tensor in trace["tensors"]}
    grads: dict[str, Any] = {}
    bound: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for binding in trace["bindings"]:
        bound[binding["step"]].append((binding["name"], binding["tensor"]))
    names = dict(bound[-1])
    for step, event in enumerate(trace["timeline"]):
        for update in event.get("updates", []):
            of_grad = update.get("grad", event["kind"] in ("accumulate", "zero_grad"))
            held = grads if of_grad else now
            before = held.get(update["tensor"])
            if before is not None and update["before"] is not None:
                assert same_summaries(before, update["before"]), event
            held[update["tensor"]] = update["after"]
        mark = event.get("text", "").rstrip("\n")
        if event["kind"] == "print" and mark in states:
            for name, copy in states[mark].items():
                summary = now[names[name]]
                if copy is not None and summary is not None:
                    same_numbers(summary, copy)
        names.update(bound[step])  # after the event
