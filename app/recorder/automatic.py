"""Backward without the program's asking, and a gradient that the request gives."""

from __future__ import annotations

from typing import Any

import torch

from app.recorder.history import grad_fn
from app.recorder.state import State
from app.recorder.unheard import unheard
from app.trace.request import TraceRequest


def auto_backward(
    state: State, namespace: dict[str, Any], result: Any, request: TraceRequest
) -> None:
    """Call backward on the program's last result, if it called none itself.

    The root is the last expression, or else the last scalar (or tensor) bound
    to a name that requires grad.  Raises as `Tensor.backward` does, e.g. for a
    root that is no scalar when the request gives no gradient.
    """
    if state.graphs_run():
        return
    root = result if _has_history(result) else _last_bound(state, namespace)
    if root is not None:
        root.backward(_gradient(request.gradient, root))


def given_gradient(gradient: Any, func: Any, args: Any, kwargs: Any) -> Any:
    """`Tensor.backward` of the program: a root that is no scalar gets the request's gradient."""
    root = args[0]
    asked = args[1] if len(args) > 1 else kwargs.get("gradient")
    if gradient is not None and asked is None and root.numel() != 1:
        kwargs = {**kwargs, "gradient": _gradient(gradient, root)}
        args = (root, *args[2:]) if len(args) < 2 else (root, kwargs.pop("gradient"), *args[2:])
    return func(*args, **kwargs)


def _gradient(values: Any, root: torch.Tensor) -> torch.Tensor | None:
    if values is None or (root.numel() == 1 and not root.dim() and isinstance(values, list)):
        return None
    with unheard():
        gradient = torch.tensor(values, dtype=root.dtype)
        return gradient.reshape(root.shape) if gradient.numel() == root.numel() else gradient


def _has_history(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _last_bound(state: State, namespace: dict[str, Any]) -> torch.Tensor | None:
    tensors = [namespace[name] for name in state.bound_names() if _has_history(namespace.get(name))]
    results = [tensor for tensor in tensors if grad_fn(tensor) is not None]
    scalars = [tensor for tensor in results if tensor.numel() == 1]
    return next(iter(scalars or results), None)
