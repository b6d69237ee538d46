"""One backward call under way: a hook on each node tells what the engine does.

The hook only keeps what it is given; `catch_up` reads it, many nodes at a
time, before anything could change it: an op of the program, another event of
the timeline, or too much to hold.
"""

from __future__ import annotations

from itertools import repeat
from types import MethodType
from typing import Any

import torch
from torch._C._autograd import _get_sequence_nr

from app.recorder.arrivals import Arrivals, added, identity, same
from app.recorder.graph import Walk
from app.recorder.leafhooks import LeafHooks
from app.recorder.nodehooks import Hooks
from app.recorder.saved import complains
from app.recorder.state import State
from app.recorder.summaries import NOTHING
from app.recorder.timeline import Change, Step, event_of_node
from app.recorder.unheard import unheard

#: Nodes that may wait, and elements of an output above which a node doesn't.
_MANY = 256
_LARGE = 4_096


class Running:
    def __init__(self, state: State, walk: Walk, line: int | None) -> None:
        self._state = state
        self.walk = walk
        self._log = walk.log
        self._line = line
        self._arrivals = Arrivals(len(walk.nodes))
        self._waiting: list[tuple[int, Any, Any]] = []
        #: Before this call, by leaf.
        self._grads: dict[int, int] = {}
        self._outer: Any = None
        self._jacobians = state.jacobians if state.jacobians.fits(len(walk.nodes)) else None
        self._sequence = 0
        self._hooks = Hooks([], [])
        self._leaf_hooks: LeafHooks | None = None
        #: What arrived at leaves whose own hooks are to run (kept for a check only), by index.
        self._coming: dict[int, torch.Tensor | None] = {}

    def begin(self) -> None:
        """The engine is about to run."""
        state, walk = self._state, self.walk
        walk.index.clear()  # the roots have been found; it is as large as all columns of nodes
        for leaf in walk.leaves.values():
            if leaf.grad is not None:
                number = state.tensors.id(leaf)
                self._grads[number] = state.grads.of(leaf, number)
        if self._grads:
            state.summaries.flush()  # the engine will add to them in place
        self._outer, state.timeline.catch_up = state.timeline.catch_up, self.catch_up
        listeners = self._listeners()
        if state.has_hooks:
            self._leaf_hooks = LeafHooks(walk.nodes, walk.leaves, self._comes, self._came)
            for index in self._leaf_hooks.of_leaves:
                listeners[index] = _told_already
        self._hooks = Hooks(walk.nodes, listeners)
        self._sequence = _get_sequence_nr()

    def came(self, index: int, slot: int, gradient: torch.Tensor, handle: int) -> None:
        """A gradient goes to an output slot of a node."""
        self._arrivals.keep(
            index, slot, self._held(gradient) if index in self._log.leaves else gradient, handle
        )

    def _listeners(self) -> list[Any]:
        """A hook for each node; those that are large or send to a leaf are read at once."""
        log = self._log
        leaves, length = log.leaves, len(log.numbers)
        if self._jacobians is not None or log.create_graph or self._state.tape is not None:
            return [MethodType(self._ran_at_once, index) for index in range(length)]
        ran: list[Any] = list(map(MethodType, repeat(self._ran), range(length)))
        urgent = {
            source
            for source, target in zip(log.sources, log.targets, strict=True)
            if target in leaves
        }
        urgent.update(self._state.tensors.larger(log.outputs, _LARGE))
        for index in urgent:
            ran[index] = MethodType(self._ran_at_once, index)
        return ran

    def _held(self, gradient: torch.Tensor) -> Any:
        """A gradient on its way to a leaf: hooks may change it, else its identity is enough."""
        if self._state.has_hooks:
            return gradient
        return identity(gradient) or gradient

    def _ran(self, index: int, grad_inputs: Any, grad_outputs: Any) -> None:
        """Called by the engine after a node ran, with what left it and what had arrived."""
        waiting = self._waiting
        waiting.append((index, grad_inputs, grad_outputs))
        if len(waiting) > _MANY:
            self.catch_up()

    def _ran_at_once(self, index: int, grad_inputs: Any, grad_outputs: Any) -> None:
        self._waiting.append((index, grad_inputs, grad_outputs))
        self.catch_up()

    def _comes(self, index: int, grad_outputs: Any) -> None:
        """A leaf that has hooks of its own is about to get its gradient."""
        self._coming[index] = grad_outputs[0] if self._state.tape is not None else None
        self._ran_at_once(index, (), grad_outputs)

    def _came(self, index: int, _leaf: torch.Tensor) -> None:
        """It has, and its hooks are to run."""
        self.catch_up()
        with unheard():
            self._accumulated(index, self._log.numbers[index], self._coming.pop(index))

    def catch_up(self) -> None:
        """Read what waits, in the engine's order."""
        if not self._waiting:
            return
        with unheard():
            waiting, self._waiting = self._waiting, []
            self._read(waiting)
        state = self._state
        state.nodes_run += len(waiting)
        if state.watch is not None:
            state.watch.moved(len(state.ops.rows), state.nodes_run)

    def _read(self, waiting: list[tuple[int, Any, Any]]) -> None:
        """Nodes that ran: what arrived at each, and what went along each of its edges."""
        log, walk, events = self._log, self.walk, self._state.timeline.events
        order, numbers, upstream = log.order, log.numbers, log.upstream
        first, handles, sent = self._arrivals.first, self._arrivals.handles, log.sent
        edges, gaps, leaves = walk.edges, walk.gaps, log.leaves
        targets, slots = log.targets, log.slots
        summary, alias = self._state.summaries.of, log.create_graph
        first_event = event_of_node(log.number, 0)
        special = alias or self._jacobians is not None
        remove_hook = self._hooks.remove
        for index, grad_inputs, grad_outputs in waiting:
            remove_hook(index)
            order.append(index)
            events.append(first_event - numbers[index])
            # A node with one output to which one gradient came, which is what most are.
            came = first[index]
            if came is not None and len(grad_outputs) == 1 and came is grad_outputs[0]:
                upstream[index] = handles[index]
                first[index] = None
            else:
                self._arrived(index, grad_outputs)
            edge = edges[index]
            if edge >= 0:
                missing = gaps.get(index, 0) if gaps else 0
                for number, gradient in enumerate(grad_inputs):
                    if missing and missing >> number & 1:
                        continue
                    if gradient is not None:
                        target, slot = targets[edge], slots[edge]
                        if target in leaves:
                            handle = sent[edge] = summary(gradient)
                            self._arrivals.keep(target, slot, self._held(gradient), handle)
                        else:
                            handle = sent[edge] = summary(gradient, alias=alias)
                            if slot or first[target] is not None:
                                self._arrivals.keep(target, slot, gradient, handle)
                            else:
                                first[target], handles[target] = gradient, handle
                    edge += 1
            if special:
                self._look(index)
            if index in leaves and index not in self._coming:
                self._accumulated(index, numbers[index], grad_outputs[0])

    def _look(self, index: int) -> None:
        """What is to be asked of a node while it runs."""
        log = self._log
        if self._jacobians is not None:
            found = self._jacobians.of(self.walk.nodes[index], self._state.has_functions)
            if found is not None:
                log.jacobians[index] = found
        if log.create_graph:
            self._created(log.numbers[index])

    def _arrived(self, index: int, gradients: Any) -> None:
        """The upstream gradient of each slot; what came before tensor hooks if they changed it."""
        state = self._state
        summary = state.summaries.of
        upstream: list[int] = []
        before: list[int] = []
        changed = False
        for slot, gradient in enumerate(gradients):
            parts = self._arrivals.parts(index, slot)
            if gradient is None:
                upstream.append(NOTHING)
                before.append(NOTHING)
            elif len(parts) == 1:
                whole, known = parts[0]
                if whole is gradient or (type(whole) is tuple and whole == identity(gradient)):
                    upstream.append(known)
                else:
                    upstream.append(summary(gradient))
                    changed = changed or not same(whole, gradient)
                before.append(known)
            else:
                value = summary(gradient)
                upstream.append(value)
                total = added(parts) if state.has_hooks and parts else None
                if total is not None and not same(total, gradient):
                    changed = True
                    value = summary(total)
                before.append(value)
        self._log.upstream[index] = tuple(upstream) if len(upstream) != 1 else upstream[0]
        if changed:
            self._log.before_hooks[index] = tuple(before)

    def _created(self, node: int) -> None:
        """Nodes made since the last hook were made by this node's backward."""
        now = _get_sequence_nr()
        by = self._state.created_by
        for sequence in range(self._sequence, now):
            by.setdefault(sequence, {"graph": f"g{self._log.number}", "node": f"n{node}"})
        self._sequence = now

    def _accumulated(self, index: int, node: int, gradient: torch.Tensor | None) -> None:
        state = self._state
        leaf, number = self.walk.leaves[index], self._log.leaves[index]
        arrived = self._log.upstream[index]
        before = self._grads.get(number, NOTHING)
        if (
            before == NOTHING
            and not state.has_hooks
            and isinstance(arrived, int)
            and arrived != NOTHING
        ):
            after = state.grads.first(leaf, number, arrived)
        else:
            after = state.grads.of(leaf, number)
        values: list[Change] = []
        if before != NOTHING and leaf.grad is not None:
            state.tensors.written(leaf.grad)
            values = state.grads.under_names(leaf)
        if leaf.grad is not None:
            state.grads.events[number] = "accumulated"
        state.timeline.events.append(
            Step(
                "accumulate",
                self._line,
                graph=self._log.number,
                node=node,
                changes=[(number, before, after)],
                values=values,
            )
        )
        self._grads[number] = after
        if state.tape is not None and gradient is not None:
            state.tape.accumulated(self._log.number, leaf, gradient)

    def fail(self, raised: BaseException) -> None:
        """The call raised: say where, or forget a call that never began."""
        state, log = self._state, self._log
        self.catch_up()
        if not log.numbers:
            state.graphs.remove(log)
            state.timeline.forget(log.number)
            return
        log.failed = True
        message = str(raised)
        for index, node in enumerate(self.walk.nodes):
            if log.upstream[index] is None and complains(node, message):
                log.failed_node = index
                return

    def end(self) -> None:
        self.catch_up()
        self._state.timeline.catch_up = self._outer
        self._hooks.remove_all()
        if self._leaf_hooks is not None:
            self._leaf_hooks.remove()
        self._log.until = len(self._state.timeline)
        self._arrivals.clear()
        self.walk.release(self._state.held)


def _told_already(_sent: Any, _arrived: Any) -> None:
    """The hook of a node whose leaf's hooks told of it."""
