"""All that one recording knows while the program runs."""

from __future__ import annotations

import sys
import weakref
from typing import Any, Literal

import torch
from torch._C import DisableTorchFunction

from app.recorder.budget import CHARS_AN_OP, Budget
from app.recorder.check import Tape
from app.recorder.jacobian import Jacobians
from app.recorder.places import Places, snippet_frame
from app.recorder.summary import Summaries
from app.recorder.tensors import Tensors
from app.recorder.watch import Watch
from app.trace.document import Binding, CreatedBy, Event, GradStatus, Graph, Op, Summary, Update
from app.trace.limits import Limits


class State:
    def __init__(
        self, limits: Limits, places: Places, jacobians: Literal["auto", "all", "none"] = "none"
    ) -> None:
        self.limits = limits
        self.places = places
        self.budget = Budget(limits.trace_bytes)
        self.summaries = Summaries(limits.value_elements, self.budget)
        self.tensors = Tensors(self.summaries)
        self.ops: list[Op] = []
        self.graphs: list[Graph] = []
        self.timeline: list[Event] = []
        self.bindings: list[Binding] = []
        self.omitted: dict[str, int] = {}
        #: The op that made the engine node of a sequence number.
        self.op_of_sequence: dict[int, Op] = {}
        #: Op by the tensor entry that it made.
        self.maker: dict[str, Op] = {}
        self.bound: dict[str, str] = {}
        self.node_count = 0
        self.nodes_run = 0
        self.watch: Watch | None = None
        #: Kept when the request wants a check.
        self.tape: Tape | None = None
        self.edge_count = 0
        #: Ids of engine nodes: by sequence number, or by the leaf of an AccumulateGrad.
        self.node_ids: dict[Any, str] = {}
        #: Entries that a node made, by its sequence number and output slot.
        self.made_by_node: dict[int, list[str | None]] = {}
        #: Engine nodes of large graphs, to be released when the program is over.
        self.held: list[Any] = []
        #: zero_grad() of an optimizer or module is running, and tells of itself.
        self.zeroing = False
        #: What last happened to the .grad of a leaf, by tensor id.
        self.grad_events: dict[str, GradStatus] = {}
        #: The .grad of a leaf as last seen, with its version, by tensor id.
        self._grad_seen: dict[str, tuple[weakref.ref[torch.Tensor], int, Summary | None]] = {}
        self.jacobians = Jacobians(jacobians, limits)
        #: The program has called Function.apply, or put a hook on a tensor.
        self.has_functions = False
        self.has_hooks = False
        #: The backward node that made the node of a sequence number.
        self.created_by: dict[int, CreatedBy] = {}
        #: What an entry was before an in-place op.
        self._replaced: dict[str, str] = {}
        self._grad_owner: dict[int, tuple[weakref.ref[torch.Tensor], str]] = {}

    def room_for_op(self) -> bool:
        """May one more op be recorded?  If not, it is counted."""
        budget = self.budget
        if len(self.ops) >= self.limits.ops or budget.left < budget.ops_until:
            self.omit("ops")
            return False
        budget.left -= CHARS_AN_OP
        if self.watch is not None:
            self.watch.moved(len(self.ops), self.nodes_run)
        return True

    def omit(self, kind: str, count: int = 1) -> None:
        self.omitted[kind] = self.omitted.get(kind, 0) + count

    def line(self, depth: int = 2) -> int | None:
        """The snippet's line that is being run."""
        frame = snippet_frame(sys._getframe(depth))
        return frame.f_lineno if frame is not None else None

    def own_grad(self, leaf: torch.Tensor, grad: torch.Tensor) -> None:
        """Remember whose .grad this tensor is."""
        self._grad_owner[id(grad)] = (weakref.ref(grad), self.tensors.id(leaf))

    def owner_of_grad(self, grad: torch.Tensor) -> str | None:
        known = self._grad_owner.get(id(grad))
        return known[1] if known is not None and known[0]() is grad else None

    def made(self, tensor: torch.Tensor, entry_id: str) -> None:
        """Remember which output slot of which node a tensor is."""
        node = tensor.grad_fn
        if node is None:
            return
        slots = self.made_by_node.setdefault(node._sequence_nr(), [])
        slot = tensor.output_nr
        while len(slots) <= slot:
            slots.append(None)
        slots[slot] = entry_id

    def zeroed(self, leaf: torch.Tensor, before: Summary | None) -> Update:
        """What zero_grad() did to a leaf's .grad."""
        identity = self.tensors.id(leaf)
        self.grad_events[identity] = "cleared" if leaf.grad is None else "zeroed"
        return {"tensor": identity, "before": before, "after": self.grad_of(leaf, identity)}

    def grad_zeroed(self, leaf: str, grad: torch.Tensor) -> None:
        """A leaf's .grad was filled with zeros."""
        before = self._grad_seen.get(leaf)
        after = self.summaries.of(grad)
        self._zero_event({"tensor": leaf, "before": before[2] if before else None, "after": after})
        self.grad_events[leaf] = "zeroed"
        self._grad_seen[leaf] = (weakref.ref(grad), grad._version, after)

    def grad_is(self, leaf: torch.Tensor, entry_id: str, arrived: Summary) -> Summary | None:
        """A leaf's first .grad is the gradient that arrived."""
        grad = leaf.grad
        if grad is None:
            return None
        self._grad_seen[entry_id] = (weakref.ref(grad), grad._version, arrived)
        self._grad_owner[id(grad)] = (weakref.ref(grad), entry_id)
        return arrived

    def grad_of(self, leaf: torch.Tensor, entry_id: str) -> Summary | None:
        """The summary of a leaf's present .grad, made once for each of its versions."""
        grad = leaf.grad
        if grad is None:
            return None
        version = 0 if grad.is_inference() else grad._version
        seen = self._grad_seen.get(entry_id)
        if seen is not None and seen[0]() is grad and seen[1] == version:
            return seen[2]
        summary = self.summaries.of(grad)
        self._grad_seen[entry_id] = (weakref.ref(grad), version, summary)
        self._grad_owner[id(grad)] = (weakref.ref(grad), entry_id)
        return summary

    def grad_set(self, leaf: torch.Tensor, value: Any, before: Summary | None) -> None:
        """The program assigned to a leaf's .grad."""
        identity = self.tensors.id(leaf)
        if value is None:
            self._zero_event({"tensor": identity, "before": before, "after": None})
            if before is not None:
                self.grad_events[identity] = "cleared"
        else:
            self.own_grad(leaf, value)
            self.grad_of(leaf, identity)
            self.grad_events[identity] = "assigned"

    def _zero_event(self, update: Update) -> None:
        if not self.zeroing:
            self.timeline.append({"kind": "zero_grad", "line": self.line(3), "updates": [update]})

    def bind(self, name: str, value: Any) -> None:
        """The program bound a module-level name."""
        if not isinstance(value, torch.Tensor):
            if name in self.bound:
                del self.bound[name]
            return
        entry = self.tensors.known(value)
        if entry is None:
            if self.budget.left < self.budget.ops_until:
                self.bound.pop(name, None)
                return  # made by an op that was not recorded
            with DisableTorchFunction():
                entry = self.tensors.add(value)
        if self.bound.get(name) == entry["id"]:
            return
        self.bound[name] = entry["id"]
        if name not in entry["names"]:
            entry["names"].append(name)
        step = len(self.timeline) - 1
        self.bindings.append({"name": name, "tensor": entry["id"], "step": step})

    def replaced(self, old: str, tensor: torch.Tensor) -> str:
        """An in-place op gave `tensor` a new history: a new entry under the same names."""
        entry = self.tensors.add(tensor)
        for name, bound in self.bound.items():
            if bound == old:
                self.bound[name] = entry["id"]
                entry["names"].append(name)
                self.bindings.append(
                    {"name": name, "tensor": entry["id"], "step": len(self.timeline)}
                )
        self._replaced[entry["id"]] = old
        return entry["id"]

    def before_replacement(self, identity: str, op: Op | None) -> str:
        """The entry that `op` knew, of a tensor that in-place ops changed later."""
        if op is None:
            return identity
        seen = {*op["inputs"], *op["outputs"]}
        earlier: str | None = identity
        while earlier is not None and earlier not in seen:
            earlier = self._replaced.get(earlier)
        return earlier or identity

    def graphs_run(self) -> bool:
        return any(graph["kind"] != "not_run" for graph in self.graphs)

    def reached(self) -> set[str | None]:
        """Leaves to which a gradient came in some graph, also if it was not accumulated."""
        reached: set[str | None] = set()
        for graph in self.graphs:
            got = {edge["target"] for edge in graph["edges"] if edge["gradient"] is not None}
            reached |= {node.get("tensor") for node in graph["nodes"] if node["id"] in got}
        return reached
