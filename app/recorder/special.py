"""Calls that make no tensor and yet matter: a .grad or a flag is set, memory is handed out."""

from __future__ import annotations

from typing import Any

import torch

from app.recorder.functions import FunctionInfo
from app.recorder.history import grad
from app.recorder.state import State
from app.recorder.summaries import NOTHING


def special(state: State, info: FunctionInfo, func: Any, args: Any, kwargs: Any) -> Any:
    """Make the call, and note what it does.  Must run with torch-function modes disabled."""
    tensor = args[0] if args else None
    if info.special == "shares_memory":
        state.summaries.share()
        state.tensors.shared = True
        return func(*args, **kwargs)
    if info.special == "hook":
        state.has_hooks = True
        return func(*args, **kwargs)
    if info.special == "grad__set__" and isinstance(tensor, torch.Tensor):
        old = grad(tensor)
        before = state.summaries.of(old) if old is not None else NOTHING
        result = func(*args, **kwargs)
        if args[1] is None:
            state.grads.cleared(tensor, before)
        return result
    result = func(*args, **kwargs)
    if info.special == "grad__get__" and isinstance(result, torch.Tensor):
        state.grads.own(args[0], result)
    elif info.special == "set_requires_grad" and isinstance(tensor, torch.Tensor):
        state.tensors.follow(tensor)
    return result
