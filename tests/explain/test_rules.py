"""Every maths rule, evaluated in numpy, equals what torch computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from app.explain.numeric import evaluate, sample
from app.explain.rules import RULES, Rule


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, v: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return v * 3 * x**2


def write(x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    x[0] = s
    return x


def run(rule: Rule, seed: int) -> tuple[dict[str, np.ndarray], dict[str, torch.Tensor], Any]:
    generator = np.random.default_rng(seed)
    arrays = {name: sample(spec, generator) for name, spec in rule.inputs.items()}
    tensors = {}
    for name, array in arrays.items():
        tensors[name] = torch.tensor(array)
        if name in rule.gradients:
            tensors[name].requires_grad_()
        elif "loss" in rule.forward or "entropy" in rule.forward:
            is_index = array.dtype.kind == "i"
            tensors[name] = tensors[name] if is_index else tensors[name].double()
    scope = {"torch": torch, "F": F, "Cube": Cube, "write": write, **tensors}
    return arrays, tensors, eval(rule.forward, scope)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_rule_computes_what_torch_computes(name: str, seed: int) -> None:
    rule = RULES[name]
    arrays, tensors, y = run(rule, seed)
    node = torch.autograd.graph.get_gradient_edge(y).node
    expected_name = "CubeBackward" if name == "Function" else name
    assert node.name().rsplit("::", 1)[-1] == expected_name

    out = evaluate(rule.value, arrays)
    tolerance = 1e-6 if y.dtype == torch.float32 else 1e-9
    np.testing.assert_allclose(out, y.detach().numpy(), rtol=tolerance, atol=tolerance)

    v = np.random.default_rng(seed + 100).standard_normal(y.shape)
    leaves = list(rule.gradients)
    grads = torch.autograd.grad(y, [tensors[n] for n in leaves], torch.tensor(v, dtype=y.dtype))
    for leaf, grad in zip(leaves, grads, strict=True):
        ours = evaluate(rule.gradients[leaf], {**arrays, "out": out, "v": v})
        ours = np.broadcast_to(ours, grad.shape) if ours.ndim == 0 else ours
        assert ours.shape == tuple(grad.shape), leaf
        np.testing.assert_allclose(ours, grad.numpy(force=True), rtol=1e-6, atol=1e-7, err_msg=leaf)


def test_a_wrong_rule_would_be_noticed() -> None:
    rule = RULES["MulBackward0"]
    arrays, tensors, y = run(rule, 0)
    v = np.ones(y.shape)
    (grad,) = torch.autograd.grad(y, [tensors["a"]], torch.tensor(v))
    wrong = evaluate("unbroadcast(v * a, a)", {**arrays, "v": v})
    assert not np.allclose(wrong, grad.numpy())


def test_there_are_at_least_120_rules() -> None:
    assert len(RULES) >= 120


@pytest.mark.parametrize("name", RULES)
def test_texts_are_whole_and_short(name: str) -> None:
    rule = RULES[name]
    assert 3 <= len(rule.title) <= 70
    assert 20 <= len(rule.intuition) <= 240
    assert rule.intuition.endswith(".") and rule.shape.endswith(".")
    assert len(rule.maths) >= 1 + (rule.maths[0] != rule.maths[-1])
    for text in rule.maths:
        assert text.count("{") == text.count("}"), text
    assert len(rule.source) > 10
