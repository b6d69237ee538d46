"""Gradients on their way: what came along edges to each output slot of a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch

from app.recorder.history import version
from app.recorder.summaries import NOTHING
from app.recorder.unheard import PLAIN

#: A gradient that went along an edge, with its handle: the gradient itself, or
#: what tells it apart where holding it would keep the engine from making it .grad.
Came = tuple[Any, int]
#: Stands for the gradients that came to a slot one after the other.
_SEVERAL = object()


class Arrivals:
    """`first` and `handles` are read and written on the fast path of `running`."""

    def __init__(self, nodes: int) -> None:
        #: The only gradient that came to the first output slot of each node, and its handle.
        self.first: list[Any] = [None] * nodes
        self.handles = [NOTHING] * nodes
        #: What came to other slots, and where several came.
        self._others: dict[tuple[int, int], list[Came]] = {}

    def keep(self, index: int, slot: int, held: Any, handle: int) -> None:
        """One came to an output slot of a node."""
        first = self.first[index]
        if slot == 0 and first is None:
            self.first[index], self.handles[index] = held, handle
            return
        others = self._others.setdefault((index, slot), [])
        if slot == 0 and first is not _SEVERAL:
            others.append((first, self.handles[index]))
            self.first[index] = _SEVERAL
        others.append((held, handle))

    def parts(self, index: int, slot: int) -> Sequence[Came]:
        """All that came to an output slot of a node, which has run: they are let go of here."""
        first = self.first[index]
        if slot == 0 and first is not _SEVERAL:
            self.first[index] = None
            return () if first is None else ((first, self.handles[index]),)
        return self._others.pop((index, slot), ())

    def clear(self) -> None:
        self.first.clear()
        self._others.clear()


def identity(gradient: torch.Tensor) -> tuple[int, int | None] | None:
    """Address of the numbers and version: what tells a gradient apart that is not held."""
    try:
        # One that is no plain tensor may have no numbers, and warn of being asked where they are.
        address = gradient.data_ptr() if type(gradient) in PLAIN else id(gradient)
        return (address, version(gradient))
    except (RuntimeError, NotImplementedError):
        return None


def same(one: Any, other: torch.Tensor) -> bool:
    if not isinstance(one, torch.Tensor):
        return False
    try:
        return torch.equal(one.detach(), other.detach()) or bool(
            torch.allclose(one.detach(), other.detach(), rtol=0, atol=0, equal_nan=True)
        )
    except (RuntimeError, NotImplementedError, TypeError):
        return True  # sparse, batched: not comparable, so not claimed to differ


def added(parts: Any) -> torch.Tensor | None:
    """Added in the order of arrival, as the engine adds."""
    try:
        with torch.no_grad():
            total = parts[0][0]
            for gradient, _ in parts[1:]:
                total = total + gradient
        return cast(torch.Tensor, total)
    except (RuntimeError, TypeError):
        return None
