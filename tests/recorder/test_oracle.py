"""Recording changes nothing that a program can see."""

from __future__ import annotations

import sys

import pytest
import torch

from tests.recorder.oracle import both, recorded
from tests.recorder.programs import PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_recorded_run_equals_a_plain_one(name: str) -> None:
    both(PROGRAMS[name])


def test_everything_patched_is_put_back() -> None:
    patched = (
        torch.autograd.graph, torch.autograd, torch.nn.Module, torch.optim.Optimizer,
        torch.autograd.Function, torch.nn.functional, torch.functional,
        torch.autograd.function._HookMixin,
    )  # fmt: skip
    before = [dict(vars(owner)) for owner in patched]
    streams = (sys.stdout, sys.stderr, sys.stdin, sys.modules["__main__"])
    recorded(PROGRAMS["module"])
    recorded(PROGRAMS["hook raises"])
    assert [dict(vars(owner)) for owner in patched] == before
    assert (sys.stdout, sys.stderr, sys.stdin, sys.modules["__main__"]) == streams
    assert torch._C._len_torch_function_stack() == 0
    assert torch.is_grad_enabled()
