"""Every backward call: the graph it walks, the engine's order, each edge's gradient."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch._C import DisableTorchFunction

from app.recorder.graph import Walk, walk
from app.recorder.places import snippet_frame
from app.recorder.state import State
from app.trace.document import Graph, Root, Summary


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
        on_stack = _is_active(self.mode)
        if not on_stack:
            torch._C._push_on_torch_function_stack(self.mode)
        try:
            result = self._engine(outputs, *args, **kwargs)
        except BaseException:
            running.graph["failed"] = True
            raise
        finally:
            if not on_stack:
                torch._C._pop_torch_function_stack()
            with DisableTorchFunction():
                running.end()
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
            root: Root = {
                "node": walked.id_of(edge[0]),
                "output": edge[1],
                "gradient": state.summaries.of(gradient) if gradient is not None else None,
                "tensor": state.tensors.id(output) if isinstance(output, torch.Tensor) else None,
            }
            graph["roots"].append(root)
        state.timeline.append(
            {
                "kind": "backward",
                "line": frame.f_lineno if frame is not None else None,
                "graph": graph["id"],
            }
        )
        return _Running(state, graph, walked)


class _Running:
    """One backward call under way: a hook on each node tells what the engine does."""

    def __init__(self, state: State, graph: Graph, walked: Walk) -> None:
        self._state = state
        self.graph = graph
        self._walk = walked
        self._handles: list[Any] = []
        self._last: dict[str, dict[int, tuple[torch.Tensor, Summary | None]]] = {}
        self._grads: dict[int, Summary | None] = {}
        self._place = 0
        for index, record in enumerate(walked.records):
            node = record.node
            if record.leaf is not None:
                grad = record.leaf.grad
                self._grads[index] = state.summaries.of(grad) if grad is not None else None
            self._handles.append(node.register_hook(partial(self._ran, index)))

    def _ran(self, index: int, grad_inputs: Any, grad_outputs: Any) -> None:
        """Called by the engine after a node ran, with what left it and what had arrived."""
        with DisableTorchFunction():
            self._record(index, grad_inputs, grad_outputs)

    def _record(self, index: int, grad_inputs: Any, grad_outputs: Any) -> None:
        state = self._state
        summary = state.summaries.of
        record = self._walk.records[index]
        node = record.data
        graph_id = self.graph["id"]
        node["executed"] = True
        self.graph["order"].append(node["id"])
        arrived = record.arrived
        upstream = node["upstream"]
        for slot, gradient in enumerate(grad_outputs):
            if gradient is None:
                upstream.append(None)
                continue
            known = arrived.get(slot)
            if known is not None and known[0] is gradient:
                upstream.append(known[1])
            else:
                upstream.append(summary(gradient))
        record.arrived = {}
        edges = record.edges
        for slot, gradient in enumerate(grad_inputs):
            if gradient is None or slot >= len(edges):
                continue
            link = edges[slot]
            if link is None:
                continue
            edge, target = link
            value = summary(gradient)
            edge["gradient"] = value
            target.arrived[edge["output"]] = (gradient, value)
        op = state.op_of_sequence.get(node["sequence_nr"])
        line = op["site"]["line"] if op is not None and op["site"] is not None else None
        state.timeline.append(
            {"kind": "node", "line": line, "graph": graph_id, "node": node["id"]}
        )
        if record.leaf is not None:
            self._accumulated(index, record.leaf, node["id"])

    def _accumulated(self, index: int, leaf: torch.Tensor, node: str) -> None:
        state = self._state
        grad = leaf.grad
        after = state.summaries.of(grad) if grad is not None else None
        tensor = state.tensors.id(leaf)
        if grad is not None:
            state.own_grad(leaf, grad)
        state.grad_events[tensor] = "accumulated"
        state.timeline.append(
            {
                "kind": "accumulate",
                "line": state.line(),
                "graph": self.graph["id"],
                "node": node,
                "updates": [{"tensor": tensor, "before": self._grads.get(index), "after": after}],
            }
        )
        self._grads[index] = state.last_grad[tensor] = after

    def end(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._walk.release()


def _edge(output: Any) -> tuple[Any, int]:
    """The node (None without one) and output slot that a root stands for."""
    if not isinstance(output, torch.Tensor):
        return (output.node, output.output_nr)
    if not output.requires_grad:
        return (None, 0)
    edge = torch.autograd.graph.get_gradient_edge(output)
    return (edge.node, edge.output_nr)


def _is_active(mode: Any) -> bool:
    count = torch._C._len_torch_function_stack()
    return any(torch._C._get_function_stack_at(i) is mode for i in range(count))
