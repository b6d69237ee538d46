"""The summaries of a run that is over, by their handles: each is written when it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from app.recorder.block import Block
from app.recorder.settled import Settled
from app.trace.values import Number, Summary

Value = TypeVar("Value")

_NONE = -1
#: So many are sooner read one by one than sorted by their blocks.
_FEW = 24


class Readings:
    """What `Summaries` has read.  Handles below 0 stand for nothing."""

    def __init__(self, count: int, ready: dict[int, Summary | None], blocks: list[Block]) -> None:
        self._ready = ready
        self._blocks = [Settled(block) for block in blocks]
        # By handle; the last two are those of the handles -2 and -1.
        self._block = np.full(count + 2, _NONE, np.int32)
        self._row = np.zeros(count + 2, np.int32)
        #: How many elements are not finite; `_NONE` where there is no summary.
        self._bad = np.full(count + 2, _NONE, np.int64)
        for handle, summary in ready.items():
            if summary is not None:
                self._bad[handle] = summary["nonfinite"]
        # Of one tensor each, which may be as many as there are tensors: handle, number, bad.
        single: list[tuple[int, int, int]] = []
        for number, block in enumerate(blocks):
            if len(block.handles) == 1:
                single.append((block.handles[0], number, block.bad[0] if block.bad else 0))
                continue
            handles = np.array(block.handles)
            self._block[handles] = number
            self._row[handles] = np.arange(len(handles))
            self._bad[handles] = block.bad if block.bad is not None else 0
        if single:
            at, numbers, bad = np.array(single).T
            self._block[at], self._bad[at] = numbers, bad

    def share(self) -> None:
        """Write all of them now, each once: whoever asks for one gets the same dictionary."""
        for number, block in enumerate(self._blocks):
            handles = np.flatnonzero(self._block == number)
            told = block.told(self._row[handles].tolist())
            self._ready.update(zip(handles.tolist(), told, strict=True))
        self._block.fill(_NONE)
        self._blocks = []

    def __getitem__(self, handle: int) -> Summary | None:
        number = int(self._block[handle])
        if number == _NONE:
            return self._ready.get(handle)
        return self._blocks[number].one(int(self._row[handle]))

    def told(self, handles: Sequence[int]) -> list[Summary | None]:
        """The summaries of these handles, in their order."""
        if not self._blocks:
            return list(map(self._ready.get, handles))
        if len(handles) < _FEW:
            return [self[handle] for handle in handles]
        return self._read(handles, Settled.told, lambda summary: summary)

    def norms(self, handles: Sequence[int]) -> list[Number | None]:
        """Their norms; None where there is no summary, or none is told."""
        return self._read(handles, Settled.norms, lambda summary: summary["norm"])

    def _read(
        self,
        handles: Sequence[int],
        of_block: Callable[[Settled, list[int]], Sequence[Value]],
        of_summary: Callable[[Summary], Value],
    ) -> list[Value | None]:
        """What is read of rows of blocks, or of the summaries that were made at once."""
        if not handles:
            return []
        found: list[Value | None] = [None] * len(handles)
        for number, places, rows in self._by_block(handles):
            if number != _NONE:
                told = of_block(self._blocks[number], rows)
                for place, value in zip(places, told, strict=True):
                    found[place] = value
                continue
            for place in places:
                summary = self._ready.get(handles[place])
                if summary is not None:
                    found[place] = of_summary(summary)
        return found

    def _by_block(self, handles: Sequence[int]) -> Iterator[tuple[int, Sequence[int], list[int]]]:
        """Block by block: its number or `_NONE`, places among the handles, and the block's rows."""
        at = np.array(handles, np.intp)
        numbers, rows = self._block[at], self._row[at]
        if (numbers == numbers[0]).all():
            yield int(numbers[0]), range(len(handles)), rows.tolist()
            return
        order = np.argsort(numbers, kind="stable")
        ends = np.flatnonzero(np.diff(numbers[order])) + 1
        for some in np.split(order, ends):
            yield int(numbers[some[0]]), some.tolist(), rows[some].tolist()

    def nonfinite(self, handles: Sequence[int]) -> list[int | None]:
        """How many of their elements are NaN or infinite; None where there is no summary."""
        counts: list[int] = self._bad[np.array(handles, np.intp)].tolist()
        return [None if count == _NONE else count for count in counts]

    def bad(self, handles: Sequence[int]) -> list[int]:
        """The positions of those of which elements are NaN or infinite."""
        return np.flatnonzero(self._bad[np.array(handles, np.intp)] > 0).tolist()
