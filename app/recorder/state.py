"""All that one recording knows while the program runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Literal

import torch

from app.recorder.budget import CHARS_AN_OP, Budget
from app.recorder.check import Tape
from app.recorder.graphlog import GraphLog
from app.recorder.history import grad_fn
from app.recorder.jacobian import Jacobians
from app.recorder.leafgrads import LeafGrads
from app.recorder.oplog import OpLog
from app.recorder.places import Places, snippet_frame
from app.recorder.summaries import Summaries
from app.recorder.tensors import Tensors
from app.recorder.timeline import Timeline
from app.recorder.unheard import unheard
from app.recorder.watch import Watch
from app.trace.graph import CreatedBy
from app.trace.limits import Limits


class State:
    def __init__(
        self,
        limits: Limits,
        places: Places,
        jacobians: Literal["auto", "all", "none"] = "none",
        values_of: int | None = None,
    ) -> None:
        self.limits = limits
        self.budget = Budget(limits.trace_bytes, values_of)
        self.summaries = Summaries(limits.value_elements, self.budget)
        self.tensors = Tensors(self.summaries)
        self.places = places
        self.ops = OpLog(places)
        self.graphs: list[GraphLog] = []
        self.timeline = Timeline()
        self.grads = LeafGrads(self.tensors, self.summaries, self.timeline, self.line)
        self.omitted: dict[str, int] = {}
        #: The tensors to which the names of a scope (None: the module) are bound now.
        self._bound: dict[str | None, dict[str, int]] = {}
        self.node_count = 0
        self.edge_count = 0
        self.nodes_run = 0
        #: Numbers of engine nodes: by sequence number, or by the leaf of an AccumulateGrad.
        self.node_numbers: dict[Any, int] = {}
        #: The op that made each numbered node, or -1.
        self.op_of_node: list[int] = []
        self.watch: Watch | None = None
        #: Kept when the request wants a check.
        self.tape: Tape | None = None
        #: Engine nodes of large graphs, to be released when the program is over, and when each
        #: was made.
        self.held: dict[Any, int] = {}
        self.jacobians = Jacobians(jacobians, limits)
        #: The program has called Function.apply, or put a hook on a tensor.
        self.has_functions = False
        self.has_hooks = False
        #: The backward node that made the node of a sequence number.
        self.created_by: dict[int, CreatedBy] = {}
        #: What a tensor was before an in-place op.
        self._replaced: dict[int, int] = {}

    def located(self, places: Places) -> None:
        """The program has been parsed: its places are known."""
        self.places = self.ops.places = places

    def room_for_op(self) -> bool:
        """May one more op be recorded?  If not, it is counted."""
        budget = self.budget
        if len(self.ops.rows) >= self.limits.ops or budget.left < budget.ops_until:
            self.omit("ops")
            return False
        budget.left -= CHARS_AN_OP
        if self.watch is not None:
            self.watch.moved(len(self.ops.rows), self.nodes_run)
        return True

    def omit(self, kind: str, count: int = 1) -> None:
        self.omitted[kind] = self.omitted.get(kind, 0) + count

    def line(self) -> int | None:
        """The snippet's line that is being run."""
        frame = snippet_frame(sys._getframe(1))
        return frame.f_lineno if frame is not None else None

    def made(self, tensor: torch.Tensor, number: int) -> None:
        """Remember which output slot of which node a tensor is."""
        node = grad_fn(tensor)
        if node is None:
            return
        slots = self.ops.made.setdefault(node._sequence_nr(), [])
        slot = tensor.output_nr
        while len(slots) <= slot:
            slots.append(None)
        slots[slot] = number

    def bind(
        self, names: Iterable[str], namespace: dict[str, Any], scope: str | None = None
    ) -> None:
        """The program bound names of the module, or of a function of that scope."""
        bound = self._bound.setdefault(scope, {})
        for name in names:
            if name not in namespace:
                continue
            value = namespace[name]
            known = self.tensors.by_address.get(id(value))
            if known is not None and known[0]() is value:
                number = known[1]
                if number in self.tensors.untold and isinstance(value, torch.Tensor):
                    # From now on it is told: as another, which has its numbers from the first.
                    with unheard():
                        number = self.tensors.add(value)
            elif isinstance(value, torch.Tensor) and self.budget.left >= self.budget.ops_until:
                with unheard():
                    number = self.tensors.add(value)
                    self.tensors.aliases.add(value, [])
            else:  # not a tensor, or made by an op that was not recorded
                bound.pop(name, None)
                continue
            if bound.get(name) != number:
                bound[name] = number
                self.tensors.bindings.append((scope, name, number, len(self.timeline.events) - 1))

    def bound_names(self) -> list[str]:
        """The module's names in the order in which they were bound, newest first."""
        return [name for scope, name, _, _ in reversed(self.tensors.bindings) if scope is None]

    def replaced(self, old: int, tensor: torch.Tensor) -> None:
        """An in-place op gave `tensor` a new history: a new number under the same names."""
        number = self.tensors.renewed(tensor)
        for scope, bound in self._bound.items():
            for name, known in bound.items():
                if known == old:
                    bound[name] = number
                    self.tensors.bindings.append((scope, name, number, len(self.timeline)))
        self._replaced[number] = old

    def before_replacement(self, tensor: int, op: int) -> int:
        """The tensor that `op` (-1: none) knew, where in-place ops made it another later."""
        if op < 0 or not self._replaced:
            return tensor
        seen = self.ops.row(op).touched
        earlier: int | None = tensor
        while earlier is not None and earlier not in seen:
            earlier = self._replaced.get(earlier)
        return tensor if earlier is None else earlier

    def graphs_run(self) -> bool:
        return any(graph.kind != "not_run" for graph in self.graphs)

    def reached(self) -> set[int]:
        """Leaves to which a gradient came in some graph, also if it was not accumulated."""
        return {leaf for graph in self.graphs for leaf in graph.reached()}
