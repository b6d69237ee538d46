"""One torch call while it runs, and what it did once it has."""

from __future__ import annotations

from typing import Any

import torch
from torch._C._autograd import _get_sequence_nr

from app.recorder.functions import FunctionInfo
from app.recorder.history import grad_fn, is_followed, is_leaf, version
from app.recorder.oplog import Few, few, several
from app.recorder.places import Place
from app.recorder.state import State
from app.recorder.summaries import NOTHING
from app.recorder.tensors import CONTAINERS, tensors_in
from app.recorder.timeline import Change, Step
from app.recorder.unheard import PLAIN, unheard
from app.trace.graph import WhyNotRecorded


class Call:
    """Becomes a row of the log: with no results yet when it is appended, whole when finished."""

    __slots__ = (
        "_changes",
        "_grads",
        "_info",
        "_intervention",
        "_iteration",
        "_module",
        "_mutated",
        "_renewed",
        "_state",
        "grad_before",
        "grad_of",
        "inputs",
        "numbers",
        "occurrence",
        "op",
        "outer",
        "parent",
        "place",
        "unversioned",
        "versions",
    )  # fmt: skip

    def __init__(
        self,
        state: State,
        info: FunctionInfo,
        place: Place,
        occurrence: int,
        iteration: Few,
        module: str | None,
        intervention: str | None,
    ) -> None:
        self._state = state
        self._info = info
        self.place = place
        self.occurrence = occurrence
        self._iteration = iteration
        self._module = module
        self._intervention = intervention
        self._mutated: list[int] = []
        #: Tensors that keep their history, or have none, and hold other numbers now.
        self._changes: list[Change] = []
        #: Leaves of which the .grad was changed.
        self._grads: list[Change] = []
        #: Inputs, and what they are views of, that got a new history.
        self._renewed: list[torch.Tensor] = []
        #: The composite op that makes this call, and its number or -1.
        self.outer: Call | None = None
        self.parent = -1
        self.inputs: list[torch.Tensor] = []
        #: Those of the inputs.
        self.numbers: Few = ()
        #: Versions of the inputs before, if the call may write to them.
        self.versions: list[int | None] | None = None
        #: Inputs that it writes to without a new version.
        self.unversioned: list[torch.Tensor] = []
        #: The leaf of which it sets the .grad, and what that was.
        self.grad_of: torch.Tensor | None = None
        self.grad_before = NOTHING
        #: Its number, from `append` on.
        self.op = -1

    def sets_grad_of(self, leaf: torch.Tensor) -> None:
        """It is `leaf.grad = ...`."""
        self.grad_of, self.versions = leaf, versions(self.inputs)
        self.grad_before = self._state.grads.of(leaf, self._state.tensors.id(leaf))

    def append(self) -> None:
        """Take a place in the log (when it is over, or before the calls inside it)."""
        self.op = len(self._state.ops.rows)
        self._state.ops.rows.append(self._row((), recorded=False, why=None))

    def absorb(self, outputs: list[torch.Tensor], sequence: int) -> None:
        """Stand for the only call inside, if that made all that this one gives."""
        log = self._state.ops
        child = log.row(self.op + 1)
        if child.outputs != few([self._state.tensors.id(tensor) for tensor in outputs]):
            return
        log.rows.pop()
        for number in range(sequence, _get_sequence_nr()):
            log.of_sequence[number] = self.op

    def replaces(self, result: torch.Tensor, sequence: int) -> bool:
        """Stand for the only call inside, if that took just what this one does and made `result`.

        That is `absorb` and `finish` in one, for what most composite ops are.
        """
        state = self._state
        rows, of_sequence = state.ops.rows, state.ops.of_sequence
        child, own = rows[self.op + 1], rows[self.op]
        if (
            child[6] != own[6]
            or child[7] != state.tensors.known(result)
            or self.versions is not None
            or self._info.makes_aliases
            or self.changes
        ):
            return False
        rows[self.op :] = [(*own[:7], *child[7:10], *own[10:])]
        for number in range(sequence, _get_sequence_nr()):
            of_sequence[number] = self.op
        if self.parent < 0:
            state.timeline.events.append(self.op)
        return True

    def finish(self, outputs: list[torch.Tensor], sequence: int) -> None:
        """The call is over; its nodes have the sequence numbers from `sequence` on."""
        if any(type(output) not in PLAIN for output in outputs):
            with unheard():
                self._finish(outputs, sequence)
        else:
            self._finish(outputs, sequence)

    def _finish(self, outputs: list[torch.Tensor], sequence: int) -> None:
        state = self._state
        after = _get_sequence_nr()
        only = self._is_only_node(outputs, sequence, after)
        if not only:
            state.ops.claim(self.op, sequence, after)
        # (A call may have nodes inside, and results without a history.)
        recorded = after > sequence and (not outputs or any(map(is_followed, outputs)))
        zeroed = self._mutations(recorded) if self.versions is not None else False
        if self.grad_of is not None:
            self._grads.append(state.grads.assigned(self.grad_of, self.grad_before))
        if self._info.is_empty:
            for tensor in outputs:
                state.tensors.add(tensor, with_value=False)
        made: list[int] = []
        # `y[0] = 5` returns nothing, and yet it made `y` another tensor.
        renewed = [t for t in self._renewed if not any(t is output for output in outputs)]
        for tensor in (*outputs, *renewed) if renewed else outputs:
            made.append(state.tensors.id(tensor))
            if recorded and not only:
                state.made(tensor, made[-1])
        # What it was written into is no answer that was merely handed through.
        given = [] if self.versions is not None or self._mutated else outputs
        why = None
        if not recorded and self.grad_of is None:
            why = why_not(self._info.is_detach, self.inputs, *given)
        state.ops.rows[self.op] = self._row(few(made), recorded, why)
        if self._info.makes_aliases:
            for tensor in outputs:
                state.tensors.aliases.add(tensor, self.inputs)
        if self.outer is not None:
            self.outer.changed_by(self)
        if self.parent < 0 and not (zeroed and not self._changes):
            event: int | Step = self.op
            if self._changes or self._grads:
                line = self.place.line
                event = Step("op", line, op=self.op, changes=self._changes, grads=self._grads)
            state.timeline.events.append(event)

    def changed_by(self, inner: Call) -> None:
        """A call inside it is over."""
        own = several(self.numbers)
        self._changes += inner._changes
        self._grads += inner._grads
        self._mutated += [n for n in inner._mutated if n in own and n not in self._mutated]

    @property
    def changes(self) -> bool:
        """Did a call inside it write into a tensor?"""
        return bool(self._changes or self._grads or self._mutated)

    def _is_only_node(self, outputs: list[torch.Tensor], sequence: int, after: int) -> bool:
        """Did it make one node, by no call inside, and that its one output?  Then that is known."""
        ops = self._state.ops
        return (
            after == sequence + 1
            and self.versions is None
            and len(outputs) == 1
            and outputs[0].output_nr == 0
            and sequence not in ops.made
            and ops.of_sequence.setdefault(sequence, self.op) == self.op
        )

    def _row(self, made: Few, recorded: bool, why: WhyNotRecorded | None) -> Any:
        return (
            self._info.name, self.place.index, self.occurrence, self._iteration, self.parent,
            self._module, self.numbers, made, recorded, why, self._intervention,
            tuple(self._mutated),
        )  # fmt: skip

    def _mutations(self, recorded: bool) -> bool:
        """Which inputs changed in place: those with a new history become new tensors.

        Says whether it filled a leaf's .grad with zeros.
        """
        state = self._state
        zeroed = False
        written = [
            tensor
            for tensor, before in zip(self.inputs, self.versions or (), strict=True)
            if version(tensor) != before or any(tensor is one for one in self.unversioned)
        ]
        for tensor in written:
            state.tensors.written(tensor)
            self._mutated.append(state.tensors.id(tensor))
            # What is written into a tensor is written into those that share its memory.
            for other in [] if self._info.sets_data else state.tensors.aliases.of(tensor):
                if state.tensors.known(other) is not None and not any(
                    other is one for one in written
                ):
                    history = recorded and other is tensor._base
                    zeroed = self._wrote_into(other, history) or zeroed
            zeroed = self._wrote_into(tensor, recorded) or zeroed
        return zeroed

    def _wrote_into(self, tensor: torch.Tensor, recorded: bool) -> bool:
        """It holds other numbers now, and if `recorded` it has another history.

        One that has another shape now is another tensor as well (but for leaves that require grad).

        Says whether it is a leaf's .grad that was filled with zeros.
        """
        state = self._state
        number = state.tensors.id(tensor)
        owner = state.grads.owner(tensor)
        reshaped = state.tensors.reshaped(tensor, number)
        if reshaped and tensor.requires_grad and is_leaf(tensor):
            state.tensors.reshape(tensor, number)
            reshaped = False
        if reshaped or (recorded and grad_fn(tensor) is not None):
            state.replaced(number, tensor)
            self._renewed.append(tensor)
            if owner is not None:
                present = state.tensors.value(state.tensors.id(tensor))
                self._grads.append(state.grads.changed(*owner, tensor, present))
        elif state.tensors.value(number) < 0:
            state.tensors.revalue(tensor)
        elif owner is not None and self._info.name in ("zero_", "_foreach_zero_"):
            state.grads.filled_with_zeros(*owner, tensor)
            return True
        else:
            change = state.tensors.changed(tensor, number)
            if owner is None or state.tensors.is_bound(number):
                self._changes.append(change)
            else:
                state.tensors.untold.add(number)
            if owner is not None:
                self._grads.append(state.grads.changed(*owner, tensor, change[2]))
        return False


def inputs_of(args: tuple[Any, ...], kwargs: Any) -> list[torch.Tensor]:
    """The tensors among a call's arguments."""
    found: list[torch.Tensor] = []
    for value in args:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, CONTAINERS):
            found += tensors_in(value)
    if kwargs:
        for value in kwargs.values():
            found += tensors_in(value)
    return found


def versions(tensors: list[torch.Tensor]) -> list[int | None]:
    """How often each was written to, where that is counted."""
    return [version(tensor) for tensor in tensors]


def why_not(
    is_detach: bool, inputs: list[torch.Tensor], *outputs: torch.Tensor
) -> WhyNotRecorded | None:
    """Why autograd made no node for an op; None for one that only creates, or gives its input."""
    if is_detach:
        return "detached"
    if not inputs or any(output is tensor for output in outputs for tensor in inputs):
        return None
    if torch.is_inference_mode_enabled():
        return "inference_mode"
    if not any(map(is_followed, inputs)):
        return "no_input_requires_grad"
    return "not_differentiable" if torch.is_grad_enabled() else "no_grad"
