"""Torch's one entry to the engine: every backward call begins and ends here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch

from app.recorder.graph import walk
from app.recorder.graphlog import GraphLog, RootRow
from app.recorder.history import grad_fn
from app.recorder.places import snippet_frame
from app.recorder.running import Running
from app.recorder.state import State
from app.recorder.summaries import NOTHING
from app.recorder.tensors import tensors_in
from app.recorder.timeline import Step
from app.recorder.unheard import unheard


class BackwardRecorder:
    """Stands around torch's one entry to the engine."""

    def __init__(self, state: State, engine: Callable[..., Any]) -> None:
        self._state = state
        self._engine = engine
        self.mode: Any = None

    def run(self, outputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Called in place of `torch.autograd.graph._engine_run_backward`."""
        state = self._state
        with unheard():
            running = self._begin(tuple(outputs), args, kwargs)
        if running is None:
            return self._engine(outputs, *args, **kwargs)
        on_stack = _is_active(self.mode)
        if not on_stack:
            torch._C._push_on_torch_function_stack(self.mode)
        try:
            result = self._engine(outputs, *args, **kwargs)
        except BaseException as raised:
            with unheard():
                running.fail(raised)
            raise
        finally:
            if not on_stack:
                torch._C._pop_torch_function_stack()
            with unheard():
                running.end()
            state.budget.ends()
        with unheard():
            self._hand_out(tensors_in(result))
        return result

    def _know(self, roots: Any) -> None:
        """Roots of which no call was seen (of a thread's, of what was compiled by torch.jit)."""
        state = self._state
        for root in roots:
            node = grad_fn(root) if isinstance(root, torch.Tensor) else None
            if node is not None and node._sequence_nr() not in state.ops.of_sequence:
                state.made(root, state.tensors.id(root))

    def _hand_out(self, gradients: list[torch.Tensor]) -> None:
        """The program gets these gradients; those with a history are results of their nodes."""
        state = self._state
        state.grads.hand_out(gradients)
        for gradient in gradients:
            if gradient.requires_grad:
                state.made(gradient, state.tensors.id(gradient))

    def _begin(self, outputs: Any, args: Any, kwargs: Any) -> Running | None:
        state = self._state
        if len(state.graphs) >= state.limits.graphs or state.node_count >= state.limits.nodes:
            state.omit("graphs")
            return None
        state.budget.begins(len(state.graphs))
        gradients = args[0] if args else ()
        frame = snippet_frame(sys._getframe(2))
        line = frame.f_lineno if frame is not None else None
        log = GraphLog(
            len(state.graphs),
            "backward" if kwargs.get("accumulate_grad") else "grad",
            state.places.of(frame) if frame is not None else None,
            retain_graph=bool(args[1]),
            create_graph=bool(args[2]),
        )
        state.timeline.add(Step("backward", line, graph=log.number))
        state.graphs.append(log)
        edges = [_edge(output) for output in outputs]
        self._know(outputs)
        running = Running(state, walk(state, log, [edge[0] for edge in edges]), line)
        for output, (node, slot), gradient in zip(outputs, edges, gradients, strict=False):
            seed = state.summaries.of(gradient) if gradient is not None else NOTHING
            tensor = state.tensors.id(output) if isinstance(output, torch.Tensor) else None
            index = running.walk.index.get(node)
            log.roots.append(RootRow(index, slot, seed, tensor))
            if index is not None and gradient is not None:
                running.came(index, slot, gradient, seed)
        if state.tape is not None:
            state.tape.backward(log.number, outputs, gradients)
        running.begin()
        return running


def _edge(output: Any) -> tuple[Any, int]:
    """The node (None without one) and output slot that a root stands for."""
    if not isinstance(output, torch.Tensor):
        return (output.node, output.output_nr)
    if not output.requires_grad:
        return (None, 0)
    with torch.inference_mode(False):  # inside of which torch does not find a leaf's node
        edge = torch.autograd.graph.get_gradient_edge(output)
    return (edge.node, edge.output_nr)


def _is_active(mode: Any) -> bool:
    count = torch._C._len_torch_function_stack()
    return any(torch._C._get_function_stack_at(i) is mode for i in range(count))
