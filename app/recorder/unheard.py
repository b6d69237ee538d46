"""Looking at tensors so that the program's own overrides of torch do not hear of it.

A program may have a tensor class with `__torch_function__` or
`__torch_dispatch__`, and modes of its own; each would be called for what the
recorder reads, and print, count or change it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch._C import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _DisableTorchDispatch,
    _dispatch_tls_local_exclude_set,
    _dispatch_tls_local_include_set,
    _EnableTorchFunction,
    _ForceDispatchKeyGuard,
    _len_torch_dispatch_stack,
)

#: Tensors of these classes have no overrides.
PLAIN = (torch.Tensor, torch.nn.Parameter)

_torch_dispatch: Any = torch.Tensor.__torch_dispatch__


def unheard() -> AbstractContextManager[Any]:
    """Inside, torch is what it is without overrides: no class or mode of Python's is called."""
    return _by_all() if _len_torch_dispatch_stack() else DisableTorchFunction()


@contextmanager
def _by_all() -> Iterator[None]:
    with DisableTorchFunction(), _DisableTorchDispatch():
        yield


@contextmanager
def unheard_but_for(func: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """As `unheard`, for a call of the program's: `func` is given so that it is heard as ever.

    Function modes stay on: a mode's handler runs below them.
    """
    include, exclude = _dispatch_tls_local_include_set(), _dispatch_tls_local_exclude_set()

    def heard(*args: Any, **kwargs: Any) -> Any:
        with _EnableTorchFunction(), _ForceDispatchKeyGuard(include, exclude):
            return func(*args, **kwargs)

    with DisableTorchFunctionSubclass(), _DisableTorchDispatch():
        yield heard


def overrides_kernels(tensor: torch.Tensor) -> bool:
    """Do torch's kernels not know this tensor's numbers, but only its class?"""
    return type(tensor).__torch_dispatch__ is not _torch_dispatch


def keeps_its_numbers(tensor: torch.Tensor) -> bool:
    """Could only the program's own code tell this tensor's numbers?"""
    return overrides_kernels(tensor) and not type(tensor).__module__.startswith("torch.")
