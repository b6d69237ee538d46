"""A tensor's place in its graph, also of one that torch gives no history any more.

That is one of several views that one call gave (`unbind`, `split`), after their base was
written to: torch raises when it is asked.
"""

from __future__ import annotations

from typing import Any

import torch


def grad_fn(tensor: torch.Tensor) -> Any:
    """The node that made it, or None."""
    try:
        return tensor.grad_fn
    except RuntimeError:
        return None


def is_leaf(tensor: torch.Tensor) -> bool:
    try:
        return tensor.is_leaf
    except RuntimeError:
        return False


def grad(tensor: torch.Tensor) -> torch.Tensor | None:
    """Its .grad; torch warns who asks for that of a result that keeps none."""
    return tensor.grad if is_leaf(tensor) or tensor.retains_grad else None


def version(tensor: torch.Tensor) -> int | None:
    """How often it was written to; of inference tensors nobody counts."""
    try:
        return tensor._version
    except RuntimeError:
        return None


def is_followed(tensor: torch.Tensor) -> bool:
    """Does it require grad, or what torch.func has wrapped in it (vmap's wrapper never does)?"""
    while not tensor.requires_grad:
        if not torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            return False
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return True
