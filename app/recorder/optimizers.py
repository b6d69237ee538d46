"""What torch's optimizers do: their steps, shown as one event each, and what `zero_grad` clears."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._C import (
    _get_function_stack_at,
    _len_torch_function_stack,
    _pop_torch_function_stack,
    _push_on_torch_function_stack,
)
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from app.recorder.ops import OpMode
from app.recorder.places import snippet_frame
from app.recorder.state import State
from app.recorder.timeline import Change, Step
from app.recorder.unheard import unheard


@contextmanager
def steps_told(state: State, mode: OpMode) -> Iterator[None]:
    """Inside, the values of an optimizer's parameters are told before and after each step."""
    steps = _Steps(state, mode)
    before = register_optimizer_step_pre_hook(steps.before)
    after = register_optimizer_step_post_hook(steps.after)
    try:
        yield
    finally:
        before.remove()
        after.remove()


def zero_grad(state: State, mode: OpMode, original: Any) -> Any:
    @functools.wraps(original)
    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        if state.grads.zeroing:
            return original(self, *args, **kwargs)
        frame = snippet_frame(_caller())
        with unheard():
            state.timeline.settle()
            before = [(p, state.grads.of(p, state.tensors.id(p))) for p in _with_grad(self)]
        state.grads.zeroing = True
        outer, mode.hidden_frame = mode.hidden_frame, frame
        try:
            return original(self, *args, **kwargs)
        finally:
            state.grads.zeroing, mode.hidden_frame = False, outer
            with unheard():
                changes = [state.grads.zeroed(p, value) for p, value in before]
                values = [one for p, _ in before for one in state.grads.under_names(p)]
            line = frame.f_lineno if frame is not None else None
            state.timeline.add(Step("zero_grad", line, changes=changes, values=values))

    return patched


def _with_grad(owner: Any) -> list[torch.Tensor]:
    """The parameters of an optimizer or module that have a .grad."""
    if isinstance(owner, torch.nn.Module):
        parameters = list(owner.parameters())
    else:
        parameters = [p for group in owner.param_groups for p in group["params"]]
    return [p for p in parameters if p.grad is not None]


def _caller() -> Any:
    return sys._getframe(2)


def own_optimizers(base: Any) -> Iterator[Any]:
    """torch's optimizers that have a step of their own."""
    for one in base.__subclasses__():
        if one.__module__.startswith("torch.optim"):
            if "step" in vars(one):
                yield one
            yield from own_optimizers(one)


def step(mode: OpMode, original: Any) -> Any:
    """None of a step's many calls is shown, so none is looked at; a closure's are."""
    if getattr(original, "hooked", False):
        original = (
            original.__wrapped__
        )  # hooks are the program's; an optimizer that is made adds them

    @functools.wraps(original)
    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _closure(args, kwargs):
            return original(self, *args, **kwargs)
        with _away(mode):
            return original(self, *args, **kwargs)

    return patched


@contextmanager
def _away(mode: OpMode) -> Iterator[None]:
    """Inside, the mode hears nothing; others of the program's do."""
    if not any(_get_function_stack_at(i) is mode for i in range(_len_torch_function_stack())):
        yield
        return
    above = []
    while (top := _pop_torch_function_stack()) is not mode:
        above.append(top)
    for other in reversed(above):
        _push_on_torch_function_stack(other)
    try:
        yield
    finally:
        for _ in above:
            _pop_torch_function_stack()
        for other in (mode, *reversed(above)):
            _push_on_torch_function_stack(other)


def _closure(args: Any, kwargs: Any) -> bool:
    return any(callable(value) for value in (*args, *kwargs.values()))


class _Steps:
    """The values of an optimizer's parameters before and after each step."""

    def __init__(self, state: State, mode: OpMode) -> None:
        self._state = state
        self._mode = mode
        self._stack: list[tuple[Any, list[tuple[torch.Tensor, Any]]]] = []

    def before(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        state = self._state
        # A closure is the snippet's own: what it does is shown, and it may bring the gradients.
        closure = _closure(args[1:], kwargs)
        with unheard():
            state.timeline.settle()
            values = [
                (p, state.summaries.of(p))
                for group in optimizer.param_groups
                for p in group["params"]
                if p.grad is not None or closure
            ]
            state.summaries.flush()
        self._stack.append((self._mode.hidden_frame, values))
        self._mode.hidden_frame = snippet_frame(_caller())

    def after(self, *_: Any) -> None:
        state = self._state
        frame = snippet_frame(_caller())
        self._mode.hidden_frame, values = self._stack.pop()
        tensors = state.tensors
        with unheard():
            changes: list[Change] = []
            for parameter, before in values:
                tensors.written(parameter)
                changes.append(tensors.changed(parameter, tensors.id(parameter), before))
                for other in tensors.aliases.of(parameter):
                    number = tensors.known(other)
                    if number is not None:
                        changes.append(tensors.changed(other, number))
        line = frame.f_lineno if frame is not None else None
        state.timeline.add(Step("optimizer_step", line, changes=changes))
