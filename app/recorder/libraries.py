"""Where the run listens in torch's Python code: optimizers, modules, composite functions.

Every patch is a class attribute or module name that is put back when the run
ends; the program's own objects are never written to.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional
from torch._C import (
    _get_function_stack_at,
    _len_torch_dispatch_stack,
    _len_torch_function_stack,
    _pop_torch_function_stack,
    _push_on_torch_function_stack,
)

from app.recorder.ops import OpMode
from app.recorder.optimizers import own_optimizers, step, steps_told, zero_grad
from app.recorder.state import State
from app.recorder.unheard import PLAIN, unheard

#: No argument of these classes has an override.
_NOT_OVERRIDDEN = frozenset((*PLAIN, type(None)))
_CHECKS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
#: Modules whose functions look for modes first, so that they can be entered.
ENTERED = (torch.nn.functional, torch.functional)


@contextmanager
def listening(state: State, mode: OpMode) -> Iterator[None]:
    """Patch for the time of a run."""
    undo: list[tuple[Any, str, Any]] = []

    def patch(owner: Any, name: str, value: Any) -> None:
        undo.append((owner, name, vars(owner)[name]))
        setattr(owner, name, value)

    for module in ENTERED:
        for name in _CHECKS:
            if name in vars(module):
                patch(module, name, _checked(mode, getattr(module, name)))
    for module in (*ENTERED, torch.overrides):
        patch(module, "handle_torch_function", _handled(mode, module.handle_torch_function))
    patch(torch, "compile", _compile(torch.compile))
    for owner in (torch.optim.Optimizer, torch.nn.Module):
        patch(owner, "zero_grad", zero_grad(state, mode, owner.zero_grad))
    patch(torch.nn.Module, "_call_impl", _module_call(mode, torch.nn.Module._call_impl))
    patch(torch.autograd.Function, "apply", _apply(mode, vars(torch.autograd.Function)["apply"]))
    parameter = torch.nn.Parameter
    patch(parameter, "__new__", _parameter(state, vars(parameter)["__new__"]))
    patch(torch._utils, "_rebuild_tensor", _rebuild(state, torch._utils._rebuild_tensor))
    for optimizer in own_optimizers(torch.optim.Optimizer):
        patch(optimizer, "step", step(mode, optimizer.step))
    mixin: Any = torch.autograd.function._HookMixin
    patch(mixin, "_register_hook", _register_hook(state, mixin._register_hook))
    try:
        with steps_told(state, mode):
            yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)


def _checked(mode: OpMode, check: Callable[..., bool]) -> Callable[..., bool]:
    """The check at a function's beginning: passed once for the one that the mode enters."""

    def has_torch_function(*args: Any) -> bool:
        if mode.entering:
            mode.entering = False
            return False
        return check(*args)

    return has_torch_function


def _handled(mode: OpMode, original: Callable[..., Any]) -> Callable[..., Any]:
    """What a function asks for once the check has passed, in fewer steps than torch's where
    there is nobody but the mode to hear of the call."""

    def handle_torch_function(func: Any, relevant: Any, /, *args: Any, **kwargs: Any) -> Any:
        depth = _len_torch_function_stack()
        if (
            not depth
            or _get_function_stack_at(depth - 1) is not mode
            or _len_torch_dispatch_stack()
            or any(type(value) not in _NOT_OVERRIDDEN for value in relevant)
        ):
            return original(func, relevant, *args, **kwargs)
        caller = sys._getframe(1).f_back  # of the function that asks
        assert caller is not None
        _pop_torch_function_stack()
        try:
            return mode.hear(func, args, kwargs, caller)
        finally:
            _push_on_torch_function_stack(mode)

    return handle_torch_function


def _module_call(mode: OpMode, original: Any) -> Any:
    """Keeps the stack of modules that are being run."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        mode.modules.append(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            mode.modules.pop()

    call.__name__ = call.__qualname__ = "_wrapped_call_impl"
    return call


def _compile(original: Any) -> Any:
    """What the program compiles runs as it is written: the compiler knows no modes like ours, and
    leaves one node where the ops were."""

    @functools.wraps(original)
    def compile(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **{**kwargs, "disable": True})

    return compile


def _parameter(state: State, original: Any) -> Any:
    """A parameter lies in the memory of the tensor that it is made of, and is no op's result."""
    make = original.__func__

    @functools.wraps(make)
    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        made = make(cls, *args, **kwargs)
        given = args[0] if args else kwargs.get("data")
        with unheard():
            if isinstance(given, torch.Tensor) and state.tensors.known(given) is not None:
                state.tensors.aliases.add(made, [given])
        return made

    return staticmethod(new)


def _rebuild(state: State, original: Any) -> Any:
    """How `torch.load` makes tensors: empty ones, which then get memory by a call (`set_`) that
    no mode hears of."""

    @functools.wraps(original)
    def rebuild(*args: Any) -> Any:
        made = original(*args)
        with unheard():
            number = state.tensors.known(made)
            if number is not None:
                state.tensors.reshape(made, number)
                state.tensors.revalue(made)
        return made

    return rebuild


def _apply(mode: OpMode, original: Any) -> Any:
    """A user's own autograd.Function is an op too, with what its forward calls as children."""

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        call = original.__get__(None, cls)
        return mode.run_function(cls, call, args, kwargs)

    return classmethod(apply)


def _register_hook(state: State, original: Any) -> Any:
    """The program puts a hook on a node, which may change what arrives there."""

    def register_hook(hooks: Any, hook: Any) -> Any:
        state.has_hooks = True
        return original(hooks, hook)

    return staticmethod(register_hook)
