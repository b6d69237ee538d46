"""What honest programs need works in the jail, with plain torch's results."""

from __future__ import annotations

import asyncio
import json

import orjson
import pytest

from app.evaluate import evaluate
from app.trace import PART, TraceRequest, validate
from tests.sandbox.running import Running

HONEST = {
    "optimizers": """
import torch
for make in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop,
             torch.optim.Adagrad, torch.optim.Adadelta, torch.optim.NAdam, torch.optim.LBFGS):
    w = torch.ones(3, requires_grad=True)
    optimizer = make([w], lr=0.1)
    def closure():
        optimizer.zero_grad()
        loss = (w ** 2).sum()
        loss.backward()
        return loss
    optimizer.step(closure)
    print(make.__name__, bool((w < 1).all()))
""",
    "schedulers": """
import torch
w = torch.ones(1, requires_grad=True)
o = torch.optim.SGD([w], lr=1.0)
s = torch.optim.lr_scheduler.StepLR(o, 1, 0.5)
o.step(); s.step()
print(o.param_groups[0]['lr'])
""",
    "checkpoint": """
import torch
from torch.utils.checkpoint import checkpoint
x = torch.tensor([2.0], requires_grad=True)
checkpoint(lambda t: t ** 3, x, use_reentrant=False).backward()
print(x.grad.item())
""",
    "torch.func": """
import torch
from torch.func import grad, vmap, jacrev
print(grad(lambda t: t ** 3)(torch.tensor(2.0)).item())
print(vmap(lambda t: t * 2)(torch.ones(2)).tolist(), jacrev(torch.sin)(torch.zeros(1)).tolist())
""",
    "forward mode": """
import torch
import torch.autograd.forward_ad as fwAD
with fwAD.dual_level():
    d = fwAD.make_dual(torch.tensor(3.0), torch.tensor(1.0))
    print(fwAD.unpack_dual(d * d).tangent.item())
""",
    "LSTM": """
import torch
torch.manual_seed(0)
o, _ = torch.nn.LSTM(3, 4, 2)(torch.randn(5, 1, 3))
o.sum().backward()
print(o.shape)
""",
    "convolution": """
import torch
c = torch.nn.Conv2d(3, 8, 3)
c(torch.randn(2, 3, 32, 32)).mean().backward()
print(c.weight.grad.shape)
""",
    "attention": """
import torch
x = torch.randn(2, 5, 8, requires_grad=True)
torch.nn.TransformerEncoderLayer(8, 2, batch_first=True)(x).sum().backward()
torch.nn.functional.scaled_dot_product_attention(x, x, x).sum().backward()
print(x.grad.shape)
""",
    "numpy": """
import numpy as np, torch
a = np.random.default_rng(0).normal(size=(3, 3))
print(np.allclose(np.linalg.inv(a) @ a, np.eye(3)), torch.from_numpy(a).sum().item() == a.sum())
""",
    "printing": """
import torch, pprint
print(torch.arange(12.0).reshape(3, 4), torch.nn.Linear(2, 2), end='!')
pprint.pprint({'a': [1, 2]})
print(f'{torch.tensor(1.5):.2f}')
""",
    "saving to memory": """
import io, torch
b = io.BytesIO()
torch.save({'w': torch.ones(2)}, b)
b.seek(0)
print(torch.load(b)['w'].tolist())
""",
    "the standard library": """
import math, random, itertools, functools, collections, dataclasses, typing, json, time, re
import copy, statistics, datetime, enum, contextlib, decimal, fractions, string, textwrap, inspect
print(math.pi, time.time() > 0, json.dumps({'a': 1}), copy.deepcopy([1]))
print(inspect.getsource(lambda: 1).strip()[:5])
""",
    "threads asked for": "import torch\ntorch.set_num_threads(4)\nprint(torch.get_num_threads())",
    "decompositions": """
import torch
a = torch.randn(4, 4, dtype=torch.float64)
q, r = torch.linalg.qr(a)
print(torch.allclose(q @ r, a), torch.linalg.eigvals(a).shape, torch.linalg.svd(a).S.shape)
""",
    "a data loader": """
import torch
from torch.utils.data import DataLoader, TensorDataset
d = TensorDataset(torch.arange(4.0))
print([b[0].tolist() for b in DataLoader(d, batch_size=2)])
""",
    "gradcheck and hessian": """
import torch
x = torch.randn(2, dtype=torch.float64, requires_grad=True)
print(torch.autograd.gradcheck(lambda t: t ** 2, x))
print(torch.autograd.functional.hessian(lambda t: (t ** 3).sum(), torch.ones(2)).tolist())
""",
    "distributions": """
import torch
p = torch.tensor(0.5, requires_grad=True)
torch.distributions.Normal(p, 1.0).log_prob(torch.tensor(1.0)).backward()
print(p.grad.item())
""",
    "a custom function": """
import torch
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0] * g
x = torch.tensor(3.0, requires_grad=True)
Square.apply(x).backward()
print(x.grad.item())
""",
    "errors of its own": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)",
    "parametrizations": """
import torch
from torch.nn.utils.parametrizations import weight_norm, orthogonal, spectral_norm
for wrap in (weight_norm, orthogonal, spectral_norm):
    wrap(torch.nn.Linear(3, 3))(torch.randn(1, 3)).sum().backward()
print('done')
""",
}


@pytest.mark.parametrize("name", HONEST)
def test_works(name: str, pool: Running) -> None:
    trace = pool.trace(HONEST[name])
    assert trace["error"] is None, trace["error"]
    assert trace["stdout"].strip()


def test_a_chain_of_many_nodes_fits_the_stack(pool: Running) -> None:
    code = """
import torch
def chain():
    x = torch.ones(1, requires_grad=True)
    with torch._C.DisableTorchFunction():
        for _ in range(60_000):
            x = x + 1
print('freed', chain())
"""
    assert pool.trace(code)["stdout"] == "freed None\n"


def test_runs_do_not_see_each_other(pool: Running) -> None:
    pool.trace("import torch\ntorch.mark = 1\ntorch.set_default_dtype(torch.float64)")
    trace = pool.trace("import torch\nprint(hasattr(torch, 'mark'), torch.ones(1).dtype)")
    assert trace["stdout"] == "False torch.float32\n"


def test_a_long_trace_is_put_together_from_its_parts(pool: Running) -> None:
    code = """
x = torch.ones(16, requires_grad=True)
y = x
for _ in range(1500):
    y = y * 1.001
y.sum().backward()
"""
    answer = pool.answer(code)
    assert len(answer) > 4 * PART
    validate(answer)
    here = orjson.loads(b"".join(evaluate(TraceRequest(code=code))))
    there = orjson.loads(answer)
    for trace in (here, there):
        trace["runtime"] = None
        for node in trace["graphs"][0]["nodes"]:  # counted in each process for itself
            node["sequence_nr"] = None
    assert there == here


def test_the_seed_decides(pool: Running) -> None:
    code = "import random, numpy\nprint(torch.rand(1), random.random(), numpy.random.rand())"
    assert pool.trace(code)["stdout"] == pool.trace(code)["stdout"]


def test_a_rehearsal_changes_nothing(pool: Running) -> None:
    """A child that waits runs a program of ours first; one that is needed at once does not."""
    request = TraceRequest(
        code="import random, warnings\nx = torch.randn(3, requires_grad=True)\n"
        "warnings.warn('once')\n(x * random.random()).exp().sum().backward()\n"
        "print(x.grad, x.grad_fn, torch.is_grad_enabled(), torch.get_rng_state().sum())"
    )

    async def at_once() -> list[bytes]:
        return await asyncio.gather(*(pool.pool.evaluate(request) for _ in range(12)))

    async def slowly() -> list[bytes]:
        answers = []
        for _ in range(4):
            await asyncio.sleep(0.3)
            answers.append(await pool.pool.evaluate(request))
        return answers

    traces = [json.loads(one) for one in [*pool.do(slowly()), *pool.do(at_once())]]
    for trace in traces:
        assert trace["error"] is None
        del trace["runtime"]["elapsed_ms"]
        assert trace == traces[0]
