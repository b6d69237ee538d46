"""A check on demand: finite differences in float64 against each leaf's gradient.

While the program runs, its torch calls are kept on a tape.  Afterwards the
tape is replayed in float64 with one element of a leaf moved a little either
way; (f(x + h) - f(x - h)) / 2h stands against what autograd accumulated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from app.recorder.summary import number
from app.recorder.tensors import Tensors
from app.recorder.unheard import unheard
from app.trace.document import Check

#: Elements of a leaf that are compared, and calls that all replays may make together.
_ELEMENTS = 64
_CALLS = 200_000
_STEP = 1e-6
_TOLERANCE = {torch.float64: 1e-5, torch.float32: 2e-3, torch.float16: 5e-2, torch.bfloat16: 2e-1}
_NARROW = frozenset((torch.float32, torch.float16, torch.bfloat16))


#: Arguments, keyword arguments and the state of the random numbers before a call.
Kept = tuple[Any, Any, torch.Tensor]


@dataclass(frozen=True, slots=True)
class _Ref:
    """Stands for a tensor in the arguments on the tape."""

    entry: int


@dataclass(frozen=True, slots=True)
class _Call:
    func: Any
    args: Any
    kwargs: Any
    outputs: tuple[int, ...]
    rng: torch.Tensor


@dataclass(slots=True)
class _Backward:
    graph: int
    length: int
    roots: list[tuple[int, torch.Tensor]]
    value: float
    gradients: dict[int, torch.Tensor] = field(default_factory=dict)


class Tape:
    """What a check needs of a run.  All methods need torch-function modes disabled."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._calls: list[_Call] = []
        self._constants: dict[int, torch.Tensor] = {}
        self._made: set[int] = set()
        self._backwards: list[_Backward] = []

    def before(self, args: Any, kwargs: Any) -> Kept:
        """The arguments of a call, to be kept if it succeeds."""
        return self._keep(args), self._keep(kwargs or {}), torch.get_rng_state()

    def after(
        self, func: Any, kept: tuple[Any, Any, torch.Tensor], outputs: list[torch.Tensor]
    ) -> None:
        args, kwargs, rng = kept
        ids = tuple(self._tensors.id(tensor) for tensor in outputs)
        if not _refers(args) and not _refers(kwargs):
            for entry, tensor in zip(ids, outputs, strict=True):
                self._constants[entry] = _wide(tensor)
            return
        self._made.update(ids)
        self._calls.append(_Call(func, args, kwargs, ids, rng))

    def backward(self, graph: int, outputs: Any, gradients: Any) -> None:
        """A backward call begins."""
        roots = []
        value = 0.0
        for output, gradient in zip(outputs, gradients, strict=False):
            if isinstance(output, torch.Tensor) and gradient is not None:
                seed = _wide(gradient)
                roots.append((self._tensors.id(output), seed))
                value += float((_wide(output) * seed).sum())
        self._backwards.append(_Backward(graph, len(self._calls), roots, value))

    def accumulated(self, graph: int, leaf: torch.Tensor, gradient: torch.Tensor) -> None:
        """A gradient arrived at a leaf."""
        for backward in self._backwards:
            if backward.graph == graph:
                backward.gradients[self._tensors.id(leaf)] = gradient.detach().clone()

    def check(self, leaves: list[tuple[str, torch.Tensor]]) -> list[Check]:
        """Compare each named leaf's first gradient with finite differences."""
        rng = torch.get_rng_state()
        try:
            with unheard(), torch.no_grad():
                return [self._check(name, leaf) for name, leaf in leaves]
        finally:
            torch.set_rng_state(rng)

    def _check(self, name: str, leaf: torch.Tensor) -> Check:
        entry = self._tensors.id(leaf)
        result: Check = {
            "variable": name, "tensor": f"t{entry}", "error": None, "relative_error": None,
            "elements": 0, "passed": None, "note": None,
        }  # fmt: skip
        backward = next((b for b in self._backwards if entry in b.gradients), None)
        if backward is None:
            result["note"] = "No backward call of the program sent it a gradient."
        elif leaf.is_complex() or entry not in self._constants:
            result["note"] = "Only real leaves that the program does not compute can be moved."
        else:
            try:
                self._compare(result, backward, entry, leaf)
            except Exception as problem:
                result["note"] = f"The program could not be replayed in float64: {problem}"
        return result

    def _compare(self, result: Check, backward: _Backward, entry: int, leaf: torch.Tensor) -> None:
        replayed = self._replay(backward, entry, None, 0.0)
        if abs(replayed - backward.value) > 1e-2 * max(1.0, abs(backward.value)):
            result["note"] = (
                "Replayed in float64 the program gives another value (random numbers, or values"
                " that changed unseen), so its differences would say nothing."
            )
            return
        gradient = backward.gradients[entry].to_dense().to(torch.float64).reshape(-1)
        room = max(1, _CALLS // (2 * max(1, backward.length)))
        count = min(gradient.numel(), _ELEMENTS, room)
        base = self._constants[entry].reshape(-1)
        worst = relative = 0.0
        for k in range(count):
            element = k * gradient.numel() // count
            step = _STEP * max(1.0, abs(float(base[element])))
            high = self._replay(backward, entry, element, step)
            low = self._replay(backward, entry, element, -step)
            numeric = (high - low) / (2 * step)
            error = abs(numeric - float(gradient[element]))
            worst = _worse(worst, error)
            relative = _worse(relative, error / max(1.0, abs(numeric)))
        result["elements"] = count
        result["error"] = number(worst)
        result["relative_error"] = number(relative)
        result["passed"] = relative <= _TOLERANCE.get(leaf.dtype, 1e-3)

    def _replay(self, backward: _Backward, entry: int, element: int | None, step: float) -> float:
        """The root's value, weighted by the seeds, with one element of a leaf moved."""
        values = {key: tensor.clone() for key, tensor in self._constants.items()}
        if element is not None:
            values[entry].view(-1)[element] += step
        for call in self._calls[: backward.length]:
            torch.set_rng_state(call.rng)
            result = call.func(*_restore(call.args, values), **_restore(call.kwargs, values))
            for key, tensor in zip(call.outputs, _tensors(result), strict=False):
                values[key] = tensor
        return float(sum((values[root] * seed).sum() for root, seed in backward.roots))

    def _keep(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            entry = self._tensors.id(value)
            if entry not in self._made and entry not in self._constants:
                self._constants[entry] = _wide(value)
            return _Ref(entry)
        if isinstance(value, torch.dtype):
            return torch.float64 if value in _NARROW else value
        if type(value) in (list, tuple):
            return type(value)(self._keep(item) for item in value)
        if type(value) is dict:
            return {key: self._keep(item) for key, item in value.items()}
        return value


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """A copy, in float64 if it is real."""
    copy = tensor.detach().clone()
    return copy.to(torch.float64) if copy.is_floating_point() else copy


def _refers(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_refers, value.values()))
    return isinstance(value, _Ref) or (isinstance(value, list | tuple) and any(map(_refers, value)))


def _restore(value: Any, values: dict[int, torch.Tensor]) -> Any:
    if isinstance(value, _Ref):
        return values[value.entry]
    if type(value) in (list, tuple):
        return type(value)(_restore(item, values) for item in value)
    if type(value) is dict:
        return {key: _restore(item, values) for key, item in value.items()}
    return value


def _tensors(result: Any) -> list[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        return [result.double()] if result.dtype in _NARROW else [result]
    if isinstance(result, list | tuple):
        return [tensor for item in result for tensor in _tensors(item)]
    return []


def _worse(one: float, other: float) -> float:
    """The larger one; NaN is the worst."""
    return other if other != other or other > one else one
