"""torch's own databases of ops, modules, optimizers and Functions, run both ways."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.testing._internal.autograd_function_db import autograd_function_db
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db
from torch.testing._internal.common_optimizers import optim_db

from app.recorder import record
from app.trace import TraceRequest, encode, validate
from tests.recorder import case
from tests.recorder.oracle import plain, same_numbers, sound

#: Which of the cases `make test` runs; the others are run by `make test-all`.
EVERY = 16
SAMPLES = 4
#: LAPACK's `gelsy` rounds differently from one plain run to the next (about one in a hundred, by
#: where its working memory lies): these agree within rounding, all others bit for bit.
ROUNDED = ("linalg.lstsq", "linalg.lstsq.grad_oriented")


def spread(cases: list[Any]) -> list[Any]:
    """The cases as parameters: every sixteenth in the sample, the others marked full."""
    return [
        pytest.param(one, id=name, marks=() if i % EVERY == 0 else pytest.mark.full)
        for i, (name, one) in enumerate(cases)
    ]


def op_cases(dtype: torch.dtype) -> list[tuple[str, Any]]:
    return [
        (op.full_name, op)
        for op in op_db
        if op.supports_autograd and dtype in op.supported_backward_dtypes("cpu")
    ]


def samples(op: Any, dtype: torch.dtype) -> Iterator[Any]:
    for index, sample in enumerate(op.sample_inputs("cpu", dtype, requires_grad=True)):
        if index >= SAMPLES:
            return
        yield sample


@pytest.mark.parametrize("op", spread(op_cases(torch.float64)))
def test_op(op: Any) -> None:
    for sample in samples(op, torch.float64):
        compare(of_sample(op, sample), exactly=op.full_name not in ROUNDED)


@pytest.mark.parametrize("op", spread(op_cases(torch.complex128)))
def test_complex_op(op: Any) -> None:
    for sample in samples(op, torch.complex128):
        compare(of_sample(op, sample), exactly=op.full_name not in ROUNDED)


def of_sample(op: Any, sample: Any) -> Callable[[], Any]:
    def build() -> tuple[list[torch.Tensor], Callable[[], Any]]:
        leaves: list[torch.Tensor] = []
        given, args, kwargs = case.fresh((sample.input, sample.args, sample.kwargs), leaves)
        return leaves, lambda: op(given, *args, **kwargs)

    return build


@pytest.mark.parametrize("op", spread([(op.full_name, op) for op in autograd_function_db]))
def test_autograd_function(op: Any) -> None:
    for sample in samples(op, torch.float64):
        compare(of_sample(op, sample))


MODULES = [
    (f"{info.name}-{'train' if training else 'eval'}", (info, training))
    for info in module_db
    for training in (True, False)
]


@pytest.mark.parametrize("info_and_mode", spread(MODULES))
def test_module(info_and_mode: Any) -> None:
    info, training = info_and_mode
    given = info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=True, training=training
    )
    for module_input in given[:SAMPLES]:
        if module_input.forward_input is not None:
            compare(of_module(info, module_input, training))


def of_module(info: Any, given: Any, training: bool) -> Callable[[], Any]:
    def build() -> tuple[list[torch.Tensor], Callable[[], Any]]:
        torch.manual_seed(0)
        made = given.constructor_input
        module = info.module_cls(*made.args, **made.kwargs).to(torch.float64).train(training)
        leaves: list[torch.Tensor] = list(module.parameters())
        args, kwargs = case.fresh((given.forward_input.args, given.forward_input.kwargs), leaves)
        return leaves, lambda: module(*args, **kwargs)

    return build


OPTIMIZERS = [(info.optim_cls.__name__, info) for info in optim_db]


@pytest.mark.parametrize("info", [pytest.param(info, id=name) for name, info in OPTIMIZERS])
def test_optimizer(info: Any) -> None:
    for given in info.optim_inputs_func("cpu"):
        compare(of_optimizer(info, given))


def of_optimizer(info: Any, given: Any) -> Callable[[], Any]:
    def build() -> tuple[list[torch.Tensor], Callable[[], Any]]:
        torch.manual_seed(0)
        shape = (4, 3)
        weight = torch.randn(shape, requires_grad=True)
        kwargs = dict(given.kwargs)
        optimizer = info.optim_cls([weight], **kwargs)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = (weight * weight).sum().sqrt()
            loss.backward()
            return loss

        def run() -> Any:
            for _ in range(3):
                if info.step_requires_closure:
                    optimizer.step(closure)
                else:
                    closure()
                    optimizer.step()
            return [weight.detach().clone(), (weight**2).sum()]

        return [weight], run

    return build


def compare(build: Callable[[], Any], *, exactly: bool = True) -> None:
    """Outputs, leaf gradients, exceptions; each node's and edge's gradient, in order."""
    same = bit_for_bit if exactly else within_rounding
    case.current = theirs = case.Case(build, watched=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = plain(case.CODE)
        case.current = mine = case.Case(build)
        trace = record(TraceRequest(code=case.CODE))
    error = trace["error"]
    if run.error is None:
        assert error is None, error
    else:
        assert error is not None
        assert (error["type"], error["message"]) == (type(run.error).__name__, str(run.error))
    assert len(mine.outputs) == len(theirs.outputs)
    for one, other in zip(mine.outputs, theirs.outputs, strict=True):
        assert same(one, other)
    assert len(mine.leaves) == len(theirs.leaves)
    for one, other in zip(mine.leaves, theirs.leaves, strict=True):
        assert same(one, other)
        assert (one.grad is None) == (other.grad is None)
        assert one.grad is None or same(one.grad, other.grad)
    validate(encode(trace))
    sound(trace)
    assert not trace["omitted"]
    if theirs.ran:
        same_backward(theirs.ran, trace)


def within_rounding(one: torch.Tensor, other: Any) -> bool:
    return torch.allclose(one.detach(), other.detach(), rtol=1e-10, atol=1e-12)


def bit_for_bit(one: torch.Tensor, other: Any) -> bool:
    """And NaN where NaN is."""
    one, other = one.detach(), other.detach()
    if one.layout is not torch.strided:
        one, other = one.to_dense(), other.to_dense()
    if one.is_nested or one.shape != other.shape or one.dtype != other.dtype:
        return bool(one.is_nested)
    return bool(((one == other) | ((one != one) & (other != other))).all())


def same_backward(ran: list[case.Ran], trace: Any) -> None:
    """Each node the engine ran, in its order: what arrived and what left."""
    graph = trace["graphs"][-1]
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert [nodes[n]["name"] for n in graph["order"]] == [one.name for one in ran]
    edges: dict[str, dict[int, Any]] = {}
    for edge in graph["edges"]:
        edges.setdefault(edge["source"], {})[edge["input"]] = edge["gradient"]
    for identity, one in zip(graph["order"], ran, strict=True):
        for summary, gradient in zip(nodes[identity]["upstream"], one.arrived, strict=True):
            same_summary(summary, gradient)
        for slot, gradient in enumerate(one.sent):
            if slot in edges.get(identity, {}):
                same_summary(edges[identity][slot], gradient)


def same_summary(summary: Any, gradient: torch.Tensor | None) -> None:
    assert (summary is None) == (gradient is None)
    if gradient is not None and not gradient.is_nested:
        same_numbers(summary, gradient)
