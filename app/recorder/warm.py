"""Everything that torch imports late, imported early.

A jailed process can open no file, so what a program may need has to be in
memory before.  Programs of all kinds are recorded once for the same reason.
"""

from __future__ import annotations

import encodings.idna
import gc
import importlib
import inspect
import linecache
import tempfile
import traceback

import torch

from app.recorder.run import record
from app.trace.limits import DEFAULT_LIMITS
from app.trace.request import Intervention, TraceRequest

_LATE = (
    "torch._dynamo torch._functorch.eager_transforms torch._functorch.vmap torch.func torch.export"
    " torch.autograd.forward_ad torch.autograd.functional torch.autograd.gradcheck"
    " torch.autograd.graph torch.utils.checkpoint torch.utils.data torch.utils._pytree"
    " torch.utils.serialization torch.nn.utils.parametrizations torch.nn.utils.parametrize"
    " torch.nn.utils.stateless torch.nn.utils.rnn torch.distributions torch.sparse torch.special"
    " torch.fft torch.linalg torch.masked torch.nested torch.profiler torch.optim.lr_scheduler"
    " torch.optim.swa_utils torch.amp torch.testing torch.export._trace torch.fx torch.jit"
    " torch.overrides torch.utils._python_dispatch torch.nn.attention numpy.random collections"
    " copy dataclasses enum functools itertools json math operator pickle random statistics string"
    " time typing pprint textwrap contextlib weakref io abc types uuid datetime decimal fractions"
    " logging argparse bisect heapq hashlib re struct tempfile unittest doctest timeit"
).split()

_PROGRAMS = (
    "x = torch.randn(3, requires_grad=True)\ny = x + 2\na = y * y * 3\nb = a.mean()\nprint(b)\n"
    "b.backward()\nprint(x.grad)",
    "b = 1 +",
    "sin(x) * y + x ** 2",
    "1 / 0",
    "x = torch.randn(3)\nx.sum().backward()",
    "net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(),"
    " nn.Linear(4, 1))\n"
    "for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop,"
    " torch.optim.Adagrad):\n"
    "    opt = kind(net.parameters(), lr=0.1)\n"
    "    sched = torch.optim.lr_scheduler.StepLR(opt, 1)\n"
    "    opt.zero_grad()\n"
    "    F.mse_loss(net(torch.randn(8, 3)), torch.zeros(8, 1)).backward()\n"
    "    opt.step()\n    sched.step()\n",
    "from torch.utils.checkpoint import checkpoint\nx = torch.randn(3, requires_grad=True)\n"
    "checkpoint(torch.sin, x, use_reentrant=False).sum().backward()",
    "import torch.autograd.forward_ad as fwAD\nwith fwAD.dual_level():\n"
    "    print(fwAD.unpack_dual(fwAD.make_dual(torch.ones(2), torch.ones(2)).sin()))",
    "f = lambda x: (x ** 3).sum()\nprint(torch.func.hessian(f)(torch.ones(2)),"
    " torch.func.vmap(torch.func.grad(f))(torch.ones(2, 2)), torch.func.jvp(f, (torch.ones(2),),"
    " (torch.ones(2),)))",
    "class Double(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
    "        return x * 2\n    @staticmethod\n    def backward(ctx, g):\n        return g * 2\n"
    "x = torch.ones(2, requires_grad=True)\nDouble.apply(x).sum().backward()",
    "with torch.autograd.detect_anomaly():\n    x = torch.zeros(1, requires_grad=True)\n"
    "    (x.sqrt() * 0).sum().backward()",
    "x = torch.randn(2, 2, requires_grad=True)\nprint(torch.autograd.gradcheck(lambda x: x @ x,"
    " (torch.eye(2, dtype=torch.float64, requires_grad=True),)))",
    "enc = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)\n"
    "enc(torch.randn(1, 3, 8)).sum().backward()\nlstm = nn.LSTM(3, 4)\n"
    "lstm(torch.randn(2, 1, 3))[0].sum().backward()",
)


def warm_up() -> None:
    """Import and exercise what programs use; takes seconds, once a process.

    What exists afterwards is left out of garbage collections (`gc.freeze`).
    """
    torch.set_num_threads(1)
    for name in _LATE:
        importlib.import_module(name)
    for module in (encodings.idna, inspect, tempfile, traceback):
        linecache.checkcache(module.__file__)
    span = {"line": 3, "col": 4, "end_line": 3, "end_col": 9}
    cut = Intervention.model_validate({"id": "warm", "kind": "detach", "target": span})
    for code in _PROGRAMS:
        for request in (
            TraceRequest(code=code),
            TraceRequest(code=code, auto_backward=True, check=True, interventions=[cut]),
        ):
            record(request, DEFAULT_LIMITS)
    gc.collect()
    gc.freeze()
