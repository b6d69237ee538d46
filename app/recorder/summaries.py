"""The numbers of all tensors of a run: queued, reduced together, known by their handles.

`of` gives a handle at once; `flush` reads what waits, same-shaped tensors
together, and must be called before anything writes in place.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch._C import _DisableAutocast, _set_grad_enabled

from app.recorder.block import BLOCK_BYTES, Block, in_order, memory
from app.recorder.budget import Budget
from app.recorder.collector import look_through
from app.recorder.kinds import Kind, Kinds
from app.recorder.readings import Readings
from app.recorder.summary import small
from app.recorder.unheard import PLAIN, keeps_its_numbers
from app.recorder.unusual import unknown, unusual
from app.trace.values import Summary

#: The handle where there is no tensor, and of one that was cut: no summary is told of either.
NOTHING, CUT = -2, -1

#: Of how many elements in all there are heat maps.
_HEAT_ELEMENTS = 1_000_000
#: And histograms, which cost more.
_HISTOGRAM_ELEMENTS = 250_000
_QUEUE_BYTES = 2 * 1024 * 1024
#: After so much that was read the collector looks for tensors that nobody holds.
_COLLECT_BYTES = 256 * 1024 * 1024
#: From so many small tensors of a shape on, stacking them is cheaper.
_BATCH = 6
#: So many large tensors that were just read are known when they come by again.
_RECENT = 16
_NEVER: tuple[Callable[[], Any], Block | None] = (lambda: None, None)


class Summaries:
    """Makes summaries within a budget of characters, and counts what it cut."""

    def __init__(self, elements: int, budget: Budget) -> None:
        self.kinds = Kinds(elements)
        self._elements = elements
        self._budget = budget
        self._count = 0
        self._ready: dict[int, Summary | None] = {}
        self._blocks: list[Block] = []
        #: Kinds with tensors that wait.
        self._waiting: list[Kind] = []
        self._waiting_bytes = 0
        #: Read since the collector was sent.
        self._uncollected = 0
        self._unseen_writes = False
        #: Elements of the tensors that were too large to be told one by one.
        self._drawn_elements = 0
        #: What was read last of large tensors: where, of which, and what came of it.
        self._recent: dict[Any, tuple[Callable[[], Any], Block]] = {}
        self.cut = 0
        #: Was any number seen that is NaN or infinite?
        self.nonfinite = False

    def of(self, tensor: torch.Tensor, kind: Kind | None = None, *, alias: bool = True) -> int:
        """The handle of a tensor's numbers as they are now.

        Must run with torch-function modes disabled.  Never raises.  Without
        `alias` the tensor itself is held until the next `flush`.
        """
        budget = self._budget
        if budget.left < budget.values_until:
            return self.leave_out()
        handle = self._count
        self._count = handle + 1
        try:
            if kind is None:
                kind = self.kinds.of(tensor)
            budget.left -= kind.chars * budget.copies
            # Without numbers in plain memory (sparse, functorch's wrappers) there is no address.
            if kind.reducible and type(tensor) in PLAIN and tensor.data_ptr():
                if kind.large or self._unseen_writes:
                    self._read_at_once(handle, tensor, kind)
                    return handle
                waiting = kind.waiting
                if not waiting:
                    self._waiting.append(kind)
                waiting.append((handle, tensor.detach() if alias else tensor))
                self._waiting_bytes += kind.weight
                if self._waiting_bytes > _QUEUE_BYTES:
                    self.flush()
                elif len(waiting) >= kind.together:
                    self._waiting.remove(kind)
                    self._read_waiting(kind)
                return handle
        except (RuntimeError, NotImplementedError, ValueError, TypeError):
            pass
        self._ready[handle] = self._now(tensor)
        return handle

    def leave_out(self) -> int:
        """The handle of numbers that are not read, but counted."""
        self.cut += 1
        return CUT

    def share(self) -> None:
        """From now on the program may write to memory unseen: wait for nothing."""
        self.flush()
        self._unseen_writes = True

    def flush(self) -> None:
        """Read what waits, and know nothing that was read: something is about to be written."""
        self._recent.clear()
        if not self._waiting:
            return
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for kind in waiting:
            self._read_waiting(kind)

    def readings(self) -> Readings:
        """All that was read; to be called once, at the end."""
        self.flush()
        found = Readings(self._count, self._ready, self._blocks)
        self._ready, self._blocks = {}, []
        return found

    def _read_waiting(self, kind: Kind) -> None:
        pairs, kind.waiting = kind.waiting, []
        self._read(kind, [handle for handle, _ in pairs], [tensor for _, tensor in pairs])

    def _read(self, kind: Kind, handles: list[int], tensors: list[torch.Tensor]) -> None:
        if not tensors:
            return
        self._uncollected += kind.bytes * len(tensors)
        if self._uncollected > _COLLECT_BYTES:
            self._uncollected = 0
            look_through()
        if kind.few and len(tensors) < _BATCH:
            for handle, tensor in zip(handles, tensors, strict=True):
                self._done(handle, small(kind.shape, kind.dtype, tensor.tolist()))
            return
        if not kind.few:
            self._drawn_elements += kind.count * len(tensors)
        with_heat = self._drawn_elements < _HEAT_ELEMENTS
        with_histogram = self._drawn_elements < _HISTOGRAM_ELEMENTS
        step = max(1, BLOCK_BYTES // kind.bytes)
        recording = torch.is_grad_enabled()
        _set_grad_enabled(False)  # as `no_grad`, at a tenth of what that costs
        try:
            # The program's autocast is not for what is read here: it refuses some types.
            with _DisableAutocast():
                for start in range(0, len(tensors), step):
                    own, some = handles[start : start + step], tensors[start : start + step]
                    self._read_block(kind, own, some, with_heat, with_histogram)
        finally:
            _set_grad_enabled(recording)

    def _read_block(
        self,
        kind: Kind,
        handles: list[int],
        tensors: list[torch.Tensor],
        with_heat: bool,
        with_histogram: bool,
    ) -> None:
        try:
            block = Block(kind, handles, tensors, with_heat, with_histogram)
        except RuntimeError:  # `.data` was set to an inference tensor: it gives no views
            copies = [tensor.clone() for tensor in tensors]
            block = Block(kind, handles, copies, with_heat, with_histogram)
        self._blocks.append(block)
        self.nonfinite = self.nonfinite or block.nonfinite

    def _read_at_once(self, handle: int, tensor: torch.Tensor, kind: Kind) -> None:
        """A large tensor that comes by again, or another view of it, is read once."""
        own = tensor.detach()
        if kind.few or self._unseen_writes:
            self._read(kind, [handle], [own])
            return
        recent = self._recent
        row = in_order(own)
        key = memory(row)
        reference, block = recent.pop(key, _NEVER)
        if block is None or reference() is None:
            # (Of the order of its dimensions only a heat map tells.)
            drawn = self._drawn_elements + kind.count < _HEAT_ELEMENTS
            self._read(kind, [handle], [own if drawn else row])
            block = self._blocks[-1]
        else:
            self._drawn_elements += kind.count
            with_heat = self._drawn_elements < _HEAT_ELEMENTS
            block = block.reshaped(kind, handle, own if with_heat else None)
            self._blocks.append(block)
        if key is not None:
            # While that tensor lives, its memory is no other's.
            recent[key] = (weakref.ref(tensor), block)
            if len(recent) > _RECENT:
                del recent[next(iter(recent))]

    def _now(self, tensor: torch.Tensor) -> Summary | None:
        if keeps_its_numbers(tensor):
            return unknown(tensor)
        try:
            summary = unusual(tensor, self._elements)
        except Exception:
            return unknown(tensor)
        self.nonfinite = self.nonfinite or summary["nonfinite"] > 0
        return summary

    def _done(self, handle: int, summary: Summary) -> None:
        self._ready[handle] = summary
        if summary["nonfinite"]:
            self.nonfinite = True
