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


def is_followed(tensor: torch.Tensor) -> bool:
    """Does it require grad, or what torch.func has wrapped in it (vmap's wrapper never does)?"""
    while not tensor.requires_grad:
        if not torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            return False
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return True
