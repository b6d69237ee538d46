"""The examples of torch's own documentation, taken from the installed torch, run both ways."""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.func
import torch.nn.functional

from tests.recorder.oracle import both

EVERY = 12
MODULES = (
    torch.autograd, torch.autograd.function, torch.autograd.functional, torch.autograd.forward_ad,
    torch.autograd.graph, torch.autograd.grad_mode, torch.autograd.gradcheck, torch.func,
    torch._functorch.apis, torch._functorch.eager_transforms, torch.nn, torch.nn.functional,
    torch.nn.utils, torch.optim, torch.optim.lr_scheduler, torch.optim.swa_utils,
)  # fmt: skip

#: Examples that no two runs agree on, or that no jailed process can run, with the reason.
NOT_RUN = {
    "cuda": "needs a GPU",
    "xdoctest: +SKIP": "marked as not runnable",
    "torch.compile": "needs a compiler",
    "DataParallel": "needs several devices",
    "distributed": "needs several processes",
    "torchvision": "needs another package",
    "multiprocessing": "needs several processes",
    "save_on_disk": "writes files",
    "profiler": "prints times",
    "0x": "prints addresses",
}


def examples() -> Iterator[tuple[str, str]]:
    """(name, source) of each docstring that has examples."""
    parser = doctest.DocTestParser()
    seen: set[str] = set()
    for module in MODULES:
        for path, value in members(module):
            text = inspect.getdoc(value) or ""
            if ">>>" not in text or any(reason in text for reason in NOT_RUN):
                continue
            try:
                parts = parser.get_examples(re.sub(r"(?m)^(\s*)>>>(\S)", r"\1>>> \2", text))
            except ValueError:
                continue
            source = "".join(part.source for part in parts)
            if source and source not in seen:
                seen.add(source)
                yield path, source


def own(value: Any) -> bool:
    """Does it belong to the parts of torch that are looked at here?"""
    parts = ("torch.autograd", "torch.func", "torch._functorch", "torch.nn", "torch.optim")
    return str(getattr(value, "__module__", "")).startswith(parts)


def members(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in sorted(vars(module).items(), key=lambda item: item[0]):
        if name.startswith("_") or inspect.ismodule(value) or not own(value):
            continue
        if callable(value):
            yield f"{module.__name__}.{name}", value
        if inspect.isclass(value):
            for inner, method in sorted(vars(value).items(), key=lambda item: item[0]):
                if callable(method) and not inner.startswith("_"):
                    yield f"{module.__name__}.{name}.{inner}", method


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, id=name, marks=() if i % EVERY == 0 else pytest.mark.full)
        for i, (name, code) in enumerate(examples())
    ],
)
def test_an_example_runs_as_without_us(code: str) -> None:
    both(code)
