"""Every backward call: the graph it walks, the engine's order, each edge's gradient."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch._C import DisableTorchFunction
from torch._C._autograd import _get_sequence_nr

from app.recorder.graph import Record, Walk, walk
from app.recorder.nodehooks import register, unregister
from app.recorder.places import snippet_frame
from app.recorder.saved import complains
from app.recorder.state import State
from app.trace.document import Graph, Node, Root, Summary


class BackwardRecorder:
    """Stands around torch's one entry to the engine."""

    def __init__(self, state: State, engine: Callable[..., Any]) -> None:
        self._state = state
        self._engine = engine
        self.mode: Any = None

    def run(self, outputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Called in place of `torch.autograd.graph._engine_run_backward`."""
        with DisableTorchFunction():
            running = self._begin(tuple(outputs), args, kwargs)
        if running is None:
            return self._engine(outputs, *args, **kwargs)
        self._state.budget.backward(running=True)
        on_stack = _is_active(self.mode)
        if not on_stack:
            torch._C._push_on_torch_function_stack(self.mode)
        try:
            result = self._engine(outputs, *args, **kwargs)
        except BaseException as raised:
            with DisableTorchFunction():
                running.fail(raised)
            raise
        finally:
            if not on_stack:
                torch._C._pop_torch_function_stack()
            with DisableTorchFunction():
                running.end()
            self._state.budget.backward(running=False)
        return result

    def _begin(self, outputs: Any, args: Any, kwargs: Any) -> _Running | None:
        state = self._state
        if len(state.graphs) >= state.limits.graphs or state.node_count >= state.limits.nodes:
            state.omit("graphs")
            return None
        gradients = args[0] if args else ()
        retain, create = bool(args[1]), bool(args[2])
        kind = "backward" if kwargs.get("accumulate_grad") else "grad"
        frame = snippet_frame(sys._getframe(2))
        place = state.places.of(frame) if frame is not None else None
        graph: Graph = {
            "id": f"g{len(state.graphs)}",
            "kind": kind,  # type: ignore[typeddict-item]
            "site": place.site(place.direct()) if place is not None else None,
            "retain_graph": retain,
            "create_graph": create,
            "roots": [],
            "nodes": [],
            "edges": [],
            "order": [],
        }
        state.graphs.append(graph)
        edges = [_edge(output) for output in outputs]
        walked = walk(state, graph, [edge[0] for edge in edges])
        for output, edge, gradient in zip(outputs, edges, gradients, strict=False):
            seed = state.summaries.of(gradient) if gradient is not None else None
            root: Root = {
                "node": walked.id_of(edge[0]),
                "output": edge[1],
                "gradient": seed,
                "tensor": state.tensors.id(output) if isinstance(output, torch.Tensor) else None,
            }
            graph["roots"].append(root)
            record = walked.by_node.get(edge[0])
            if record is not None and gradient is not None:
                record.arrived.setdefault(edge[1], []).append((gradient, seed))
        if state.tape is not None:
            state.tape.backward(graph["id"], outputs, gradients)
        state.timeline.append(
            {
                "kind": "backward",
                "line": frame.f_lineno if frame is not None else None,
                "graph": graph["id"],
            }
        )
        return _Running(state, graph, walked, frame.f_lineno if frame is not None else None)


class _Running:
    """One backward call under way: a hook on each node tells what the engine does."""

    def __init__(self, state: State, graph: Graph, walked: Walk, line: int | None) -> None:
        self._line = line
        self._state = state
        self.graph = graph
        self._walk = walked
        self._order = graph["order"]
        self._graph_id = graph["id"]
        self._creates = graph["create_graph"]
        self._grads: dict[str, Summary | None] = {}
        self._jacobians = state.jacobians if state.jacobians.fits(len(walked.records)) else None
        for record in walked.records:
            if record.leaf is not None and record.leaf.grad is not None:
                identity = state.tensors.id(record.leaf)
                self._grads[identity] = state.grad_of(record.leaf, identity)
        if self._grads:
            state.summaries.flush()  # the engine will add to them in place
        self._hooks = register(
            [record.node for record in walked.records],
            [partial(self._ran, record) for record in walked.records],
        )
        self._sequence = _get_sequence_nr()

    def _ran(self, record: Record, grad_inputs: Any, grad_outputs: Any) -> None:
        """Called by the engine after a node ran, with what left it and what had arrived."""
        with DisableTorchFunction():
            state = self._state
            node = record.data
            node_id = node["id"]
            node["executed"] = True
            self._order.append(node_id)
            self._arrived(record, node, grad_outputs)
            edges = record.edges
            if edges:
                self._left(edges, grad_inputs)
            if self._jacobians is not None:
                node["jacobians"] = self._jacobians.of(record.node, state.has_functions)
            if self._creates:
                self._created(node_id)
            op = state.op_of_sequence.get(node["sequence_nr"])
            site = op["site"] if op is not None else None
            state.timeline.append(
                {
                    "kind": "node",
                    "line": site["line"] if site is not None else None,
                    "graph": self._graph_id,
                    "node": node_id,
                }
            )
            if record.leaf is not None:
                self._accumulated(record.leaf, node_id, node["upstream"][0])
                if state.tape is not None and grad_outputs[0] is not None:
                    state.tape.accumulated(self._graph_id, record.leaf, grad_outputs[0])
            state.nodes_run += 1
            if state.watch is not None:
                state.watch.moved(len(state.ops), state.nodes_run)

    def _left(self, edges: list[Any], gradients: Any) -> None:
        """The gradient that went along each edge."""
        summary = self._state.summaries.of
        for link, gradient in zip(edges, gradients, strict=False):
            if gradient is not None and link is not None:
                edge, target = link
                value = edge["gradient"] = summary(gradient)
                slot = edge["output"]
                if slot in target.arrived:
                    target.arrived[slot].append((gradient, value))
                else:
                    target.arrived[slot] = [(gradient, value)]

    def _arrived(self, record: Record, node: Node, gradients: Any) -> None:
        """The upstream gradient of each slot; what came before tensor hooks if they changed it."""
        summary = self._state.summaries.of
        upstream = node["upstream"]
        before: list[Summary | None] = []
        changed = False
        for slot, gradient in enumerate(gradients):
            parts = record.arrived.get(slot, ())
            if gradient is None:
                upstream.append(None)
                before.append(None)
            elif len(parts) == 1:
                whole, known = parts[0]
                if whole is gradient:
                    upstream.append(known)
                else:
                    upstream.append(summary(gradient))
                    changed = changed or not _same(whole, gradient)
                before.append(known)
            else:
                value = summary(gradient)
                upstream.append(value)
                total = _sum(parts) if self._state.has_hooks and parts else None
                if total is not None and not _same(total, gradient):
                    changed = True
                    value = summary(total)
                before.append(value)
        record.arrived = {}
        if changed:
            node["upstream_before_hooks"] = before

    def _created(self, node: str) -> None:
        """Nodes made since the last hook were made by this node's backward."""
        now = _get_sequence_nr()
        for number in range(self._sequence, now):
            self._state.created_by.setdefault(number, {"graph": self.graph["id"], "node": node})
        self._sequence = now

    def _accumulated(self, leaf: torch.Tensor, node: str, upstream: Summary | None) -> None:
        state = self._state
        tensor = state.tensors.id(leaf)
        before = self._grads.get(tensor)
        if before is None and not state.has_hooks and upstream is not None:
            after = state.grad_is(leaf, tensor, upstream)
        else:
            after = state.grad_of(leaf, tensor)
        state.grad_events[tensor] = "accumulated"
        state.timeline.append(
            {
                "kind": "accumulate",
                "line": self._line,
                "graph": self.graph["id"],
                "node": node,
                "updates": [{"tensor": tensor, "before": before, "after": after}],
            }
        )
        self._grads[tensor] = after

    def fail(self, raised: BaseException) -> None:
        """The call raised: say where, or forget a call that never began."""
        state, graph = self._state, self.graph
        if not graph["nodes"]:
            state.graphs.remove(graph)
            state.timeline[:] = [e for e in state.timeline if e.get("graph") != graph["id"]]
            return
        graph["failed"] = True
        message = str(raised)
        for record in self._walk.records:
            if not record.data["executed"] and complains(record.node, message):
                graph["failed_node"] = record.data["id"]
                return

    def end(self) -> None:
        unregister(self._hooks)
        self._walk.release(self._state.held)


def _edge(output: Any) -> tuple[Any, int]:
    """The node (None without one) and output slot that a root stands for."""
    if not isinstance(output, torch.Tensor):
        return (output.node, output.output_nr)
    if not output.requires_grad:
        return (None, 0)
    edge = torch.autograd.graph.get_gradient_edge(output)
    return (edge.node, edge.output_nr)


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    try:
        return torch.equal(one.detach(), other.detach()) or bool(
            torch.allclose(one.detach(), other.detach(), rtol=0, atol=0, equal_nan=True)
        )
    except (RuntimeError, NotImplementedError, TypeError):
        return True  # sparse, batched: not comparable, so not claimed to differ


def _sum(parts: Any) -> torch.Tensor | None:
    """Added in the order of arrival, as the engine adds."""
    try:
        with torch.no_grad():
            total = parts[0][0]
            for gradient, _ in parts[1:]:
                total = total + gradient
        return cast(torch.Tensor, total)
    except RuntimeError:
        return None


def _is_active(mode: Any) -> bool:
    count = torch._C._len_torch_function_stack()
    return any(torch._C._get_function_stack_at(i) is mode for i in range(count))
