"""The summaries of a run that is over, by their handles: each is written when it is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.recorder.summary import Block
from app.trace.values import Summary

_NONE = -1
#: So many are sooner read one by one than sorted by their blocks.
_FEW = 24


class Readings:
    """What `Summaries` has read.  Handles below 0 stand for nothing."""

    def __init__(self, count: int, ready: dict[int, Summary | None], blocks: list[Block]) -> None:
        self._ready = ready
        self._blocks = blocks
        # By handle; the last two are those of the handles -2 and -1.
        self._block = np.full(count + 2, _NONE, np.int32)
        self._row = np.zeros(count + 2, np.int32)
        #: How many elements are not finite; `_NONE` where there is no summary.
        self._bad = np.full(count + 2, _NONE, np.int64)
        for handle, summary in ready.items():
            if summary is not None:
                self._bad[handle] = summary["nonfinite"]
        for number, block in enumerate(blocks):
            block.settle()
            handles = np.array(block.handles)
            self._block[handles] = number
            self._row[handles] = np.arange(len(handles))
            self._bad[handles] = block.bad if block.bad is not None else 0

    def __getitem__(self, handle: int) -> Summary | None:
        number = int(self._block[handle])
        if number == _NONE:
            return self._ready.get(handle)
        return self._blocks[number].told([int(self._row[handle])])[0]

    def told(self, handles: Sequence[int]) -> list[Summary | None]:
        """The summaries of these handles, in their order."""
        if len(handles) < _FEW:
            return [self[handle] for handle in handles]
        found: list[Summary | None] = [None] * len(handles)
        at = np.array(handles, np.intp)
        places, rows = self._block[at], self._row[at]
        first = int(places[0])
        if first != _NONE and (places == first).all():
            return [*self._blocks[first].told(rows.tolist())]
        order = np.argsort(places, kind="stable")
        ends = np.flatnonzero(np.diff(places[order], append=_NONE - 1)) + 1
        start = 0
        for end in ends.tolist():
            some = order[start:end]
            start = end
            number = int(places[some[0]])
            if number != _NONE:
                told: Sequence[Summary | None] = self._blocks[number].told(rows[some].tolist())
            else:
                told = [self._ready.get(handles[place]) for place in some.tolist()]
            for place, summary in zip(some.tolist(), told, strict=True):
                found[place] = summary
        return found

    def nonfinite(self, handles: Sequence[int]) -> list[int | None]:
        """How many of their elements are NaN or infinite; None where there is no summary."""
        counts: list[int] = self._bad[np.array(handles, np.intp)].tolist()
        return [None if count == _NONE else count for count in counts]
