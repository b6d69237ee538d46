"""The .grad of leaves: what it is now, whose it is, what last happened to it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence

import torch

from app.recorder import history
from app.recorder.summaries import CUT, NOTHING, Summaries
from app.recorder.tensors import Tensors
from app.recorder.timeline import Change, Step, Timeline
from app.trace.document import GradStatus


class LeafGrads:
    """All methods must run with torch-function modes disabled."""

    def __init__(
        self,
        tensors: Tensors,
        summaries: Summaries,
        timeline: Timeline,
        line: Callable[[], int | None],
    ) -> None:
        self._tensors = tensors
        self._summaries = summaries
        self._timeline = timeline
        self._line = line
        #: Gradients that the program was given, by address.
        self._handed: dict[int, weakref.ref[torch.Tensor]] = {}
        #: What last happened, by leaf.
        self.events: dict[int, GradStatus] = {}
        #: zero_grad() of an optimizer or module is running, and tells of itself.
        self.zeroing = False
        #: As last seen, with its version and handle, by leaf.
        self._seen: dict[int, tuple[weakref.ref[torch.Tensor], int | None, int]] = {}
        #: The leaf and its number, by the address of its .grad.
        self._owners: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}

    def of(self, leaf: torch.Tensor, number: int) -> int:
        """The handle of a leaf's present .grad, read once for each of its versions."""
        grad = history.grad(leaf)
        if grad is None:
            return NOTHING
        now = history.version(grad)
        seen = self._seen.get(number)
        # (What is written to its memory unseen has no version; what was left out may be told now.)
        as_seen = seen is not None and seen[0]() is grad and seen[1] == now and seen[2] != CUT
        if seen is not None and as_seen and not self._tensors.shared:
            return seen[2]
        handle = self._summaries.of(grad)
        self._saw(leaf, number, grad, handle)
        return handle

    def first(self, leaf: torch.Tensor, number: int, arrived: int) -> int:
        """A leaf's first .grad is the gradient that arrived."""
        grad = leaf.grad
        if grad is None:
            return NOTHING
        self._saw(leaf, number, grad, arrived)
        return arrived

    def own(self, leaf: torch.Tensor, grad: torch.Tensor) -> None:
        """Remember whose .grad this tensor is."""
        self._owners[id(grad)] = (weakref.ref(leaf), self._tensors.id(leaf))
        self.hand_out([grad])

    def hand_out(self, gradients: Iterable[torch.Tensor]) -> None:
        """The program gets these: no op made them, but they are no leaves of its own making."""
        for gradient in gradients:
            self._handed[id(gradient)] = weakref.ref(gradient)

    def handed_out(self, tensor: torch.Tensor) -> bool:
        known = self._handed.get(id(tensor))
        return known is not None and known() is tensor

    def owner(self, grad: torch.Tensor) -> tuple[torch.Tensor, int] | None:
        """The leaf of which this is the .grad now, and its number."""
        known = self._owners.get(id(grad))
        leaf = known[0]() if known is not None else None
        if known is None or leaf is None or history.grad(leaf) is not grad:
            return None
        return leaf, known[1]

    def under_names(self, leaf: torch.Tensor) -> list[Change]:
        """A call wrote into a leaf's .grad, which the program may have given names of its own."""
        grad = history.grad(leaf)
        if grad is None:
            return []
        return self._named([grad, *self._tensors.aliases.of(grad)])

    def _named(self, written: list[torch.Tensor]) -> list[Change]:
        tensors = self._tensors
        numbers = [tensors.known(tensor) for tensor in written]
        return [
            tensors.changed(tensor, number)
            for tensor, number in zip(written, numbers, strict=True)
            if number is not None and tensors.is_bound(number)
        ]

    def cleared(self, leaf: torch.Tensor, before: int) -> None:
        """The program set a leaf's .grad to None."""
        number = self._tensors.id(leaf)
        self._zero_event((number, before, NOTHING))
        if before != NOTHING:
            self.events[number] = "cleared"

    def assigned(self, leaf: torch.Tensor, before: int) -> Change:
        """The program set a leaf's .grad to another tensor."""
        number = self._tensors.id(leaf)
        grad = history.grad(leaf)
        if grad is not None:
            self.own(leaf, grad)
        self.events[number] = "assigned"
        return (number, before, self.of(leaf, number))

    def changed(self, leaf: torch.Tensor, number: int, grad: torch.Tensor, after: int) -> Change:
        """An op of the program wrote into a leaf's .grad, which holds `after` now."""
        seen = self._seen.get(number)
        before = seen[2] if seen is not None else NOTHING
        self.events[number] = "assigned"
        self._saw(leaf, number, grad, after)
        return (number, before, after)

    def filled_with_zeros(self, leaf: torch.Tensor, number: int, grad: torch.Tensor) -> None:
        """An op of the program did it."""
        seen = self._seen.get(number)
        after = self._summaries.of(grad)
        change = (number, seen[2] if seen else NOTHING, after)
        self._zero_event(change, self._named([grad]))
        self.events[number] = "zeroed"
        self._saw(leaf, number, grad, after)

    def zeroed(self, leaf: torch.Tensor, before: int) -> Change:
        """What zero_grad() did to a leaf's .grad."""
        number = self._tensors.id(leaf)
        self.events[number] = "cleared" if leaf.grad is None else "zeroed"
        return (number, before, self.of(leaf, number))

    def _saw(self, leaf: torch.Tensor, number: int, grad: torch.Tensor, handle: int) -> None:
        self._seen[number] = (weakref.ref(grad), history.version(grad), handle)
        self._owners[id(grad)] = (weakref.ref(leaf), number)

    def _zero_event(self, change: Change, values: Sequence[Change] = ()) -> None:
        if not self.zeroing:
            step = Step("zero_grad", self._line(), changes=[change], values=values)
            self._timeline.add(step)
