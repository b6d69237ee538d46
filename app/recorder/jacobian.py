"""The local Jacobian of a small node, asked of the node itself.

Inside a node's own hook its saved tensors are alive, and calling it gives its
vector-Jacobian product without hooks: one call for each element of its output.
"""

from __future__ import annotations

from typing import Any, Literal

import torch

from app.recorder.saved import raw_saved
from app.recorder.summary import numbers
from app.recorder.unheard import overrides_kernels
from app.trace.graph import Jacobian
from app.trace.limits import Limits

#: Rows (calls of nodes) and numbers that a trace may have without being asked.
_AUTO_ROWS = 400
_AUTO_NUMBERS = 8_000


#: Shape and dtype of what a node's output slot holds.
Slot = tuple[tuple[int, ...], torch.dtype]


class Jacobians:
    """Decides which nodes get Jacobians, and makes them."""

    def __init__(self, wanted: Literal["auto", "all", "none"], limits: Limits) -> None:
        self._wanted = wanted
        self._limits = limits
        self._rows = _AUTO_ROWS
        self._numbers = _AUTO_NUMBERS

    def fits(self, nodes: int) -> bool:
        """Is a graph of so many nodes to have them?"""
        if self._wanted == "auto":
            return nodes <= self._limits.jacobian_nodes
        return self._wanted == "all"

    def of(self, node: Any, inner_may_be_users: bool) -> list[Jacobian] | None:
        """All blocks d output / d input of `node`, or None where it can't or shouldn't be asked.

        A user's own Function is never called (it may have side effects), nor
        is a node that wraps one.  Must run with torch-function modes disabled.
        """
        if isinstance(node, torch._C._FunctionBase) or "AccumulateGrad" in node.name():
            return None
        if any(raw is not None and _is_overridden(raw) for _, raw in raw_saved(node)):
            return None  # asking would call the program's own code, or read what is not there
        if inner_may_be_users and "CopySlices" in node.name():
            return None
        try:
            slots = [_slot(meta) for meta in node._input_metadata]
        except (RuntimeError, TypeError, AttributeError):
            return None  # nested tensors have no shape, or one that is no number
        rows = sum(_count(slot[0]) for slot in slots if slot is not None)
        if not rows or rows > self._limits.jacobian_side or None in slots:
            return None
        if any(slot is not None and slot[1].is_complex for slot in slots):
            return None
        if self._wanted == "auto":
            if rows > self._rows:
                return None
            self._rows -= rows
        try:
            with torch.no_grad():
                return self._blocks(node, [slot for slot in slots if slot is not None])
        except Exception:
            return None

    def _blocks(self, node: Any, slots: list[Slot]) -> list[Jacobian]:
        blocks: list[Jacobian] = []
        led = [_led_to(following, slot) for following, slot in node.next_functions]
        for output, (shape, dtype) in enumerate(slots):
            by_input: dict[int, list[list[Any]]] = {}
            width: dict[int, int] = {}
            count = _count(shape)
            for element in range(count):
                seeds = [torch.zeros(s, dtype=d) for s, d in slots]
                seed = torch.zeros(count, dtype=dtype)
                seed[element] = 1
                seeds[output] = seed.view(shape)
                results = node(*seeds)
                for i, result in enumerate(results if isinstance(results, tuple) else (results,)):
                    sent = _as_sent(result, led[i])
                    if sent is None or sent.numel() > self._limits.jacobian_side:
                        continue
                    if sent.layout is not torch.strided or sent.is_complex():
                        continue
                    width[i] = sent.numel()
                    row = sent.reshape(-1).tolist()
                    by_input.setdefault(i, [[0.0] * width[i]] * element).append(row)
            for i, data in by_input.items():
                if len(data) != count or not self._room(count * width[i]):
                    continue
                plain = all(value - value == 0 for row in data for value in row)
                blocks.append(
                    {
                        "input": i,
                        "output": output,
                        "shape": [count, width[i]],
                        "data": data if plain else numbers(data),
                    }
                )
        return blocks

    def _room(self, size: int) -> bool:
        if self._wanted == "auto":
            if size > self._numbers:
                return False
            self._numbers -= size
        return True


def _slot(meta: Any) -> Slot | None:
    return None if meta is None else (tuple([int(side) for side in meta.shape]), meta.dtype)


def _led_to(node: Any, slot: int) -> Slot | None:
    """What an edge leads to; None where there is no edge."""
    return None if node is None else _slot(node._input_metadata[slot])


def _as_sent(result: Any, slot: Slot | None) -> torch.Tensor | None:
    """As the engine sends on what a node gives: of the shape and type of what it goes to.

    (Of a broadcast input most nodes give a gradient for each copy; the engine adds these up.)
    """
    if result is None or slot is None or result.layout is not torch.strided:
        return None
    shape, dtype = slot
    sent: torch.Tensor = result if result.shape == shape else result.sum_to_size(shape)
    if sent.is_complex() and not dtype.is_complex:
        sent = torch.real(sent)
    return sent.to(dtype)


def _is_overridden(raw: Any) -> bool:
    """Is a saved tensor not simply there: packed by a hook, or of a class with its own kernels?"""
    return raw.unpack_hook is not None or (
        isinstance(raw.data, torch.Tensor) and overrides_kernels(raw.data)
    )


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count
