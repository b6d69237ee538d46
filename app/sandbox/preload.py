"""Loads in the zygote what programs load later: in a child nothing can be opened."""

from __future__ import annotations

import importlib
import os
import sys
from typing import cast

from app.sandbox.child import Evaluate
from app.sandbox.words import load_entrances
from app.trace import Limits, TraceRequest

#: Modules that honest programs import, or that torch imports when first asked.
_MODULES = """
abc argparse array asyncio base64 bisect calendar cmath codecs collections.abc colorsys
concurrent.futures contextlib contextvars copy csv ctypes dataclasses datetime decimal difflib
encodings.idna encodings.ascii encodings.latin_1 encodings.unicode_escape enum fractions functools
gc getpass glob gzip hashlib heapq hmac html http.client inspect io itertools json linecache locale
logging.config math mmap multiprocessing numbers operator os pathlib pdb pickle platform pprint
profile queue random re resource secrets select shutil signal socket sqlite3 statistics string
struct subprocess sys tempfile textwrap threading time timeit tokenize traceback types typing
typing_extensions unicodedata unittest.mock urllib.request urllib.parse uuid warnings weakref zlib
numpy numpy.random numpy.testing numpy.fft numpy.linalg numpy.polynomial
torch torch.nn torch.optim torch.optim.lr_scheduler torch.optim.swa_utils torch.func torch.fft
torch.linalg torch.special torch.autograd.forward_ad torch.autograd.functional
torch.autograd.gradcheck torch.autograd.profiler torch.distributions torch.nn.utils.rnn
torch.nn.utils.parametrize torch.nn.utils.parametrizations torch.nn.utils.prune
torch.nn.utils.stateless torch.utils.checkpoint torch.utils.data torch.utils.serialization
torch.utils.flop_counter torch.utils.hooks torch.sparse torch.masked torch.nested torch.testing
torch.masked.maskedtensor._ops_refs torch.nested._internal.nested_tensor
torch._decomp.decompositions_for_jvp
torch.export._trace torch._dynamo torch.fx.experimental.proxy_tensor torch.nn.attention
torch.profiler torch.library torch.amp torch.fx torch.ao.quantization torch.package
""".split()

#: Run once in the zygote, so that what they load and build is there in every child.
_PROGRAMS = (
    """
import torch, io
model = torch.nn.Sequential(
    torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.Flatten(),
    torch.nn.Linear(72, 4), torch.nn.LayerNorm(4), torch.nn.Dropout(0.1))
for make in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop):
    optimizer = make(model.parameters(), lr=0.01)
    loss = torch.nn.functional.cross_entropy(model(torch.randn(2, 1, 8, 8)), torch.tensor([0, 1]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(model, loss, loss.grad_fn)
buffer = io.BytesIO()
torch.save(model.state_dict(), buffer)
buffer.seek(0)
torch.load(buffer)
""",
    """
import torch
from torch.utils.checkpoint import checkpoint
x = torch.randn(3, requires_grad=True)
checkpoint(lambda t: t.sin() * 2, x, use_reentrant=False).sum().backward()
checkpoint(lambda t: t.sin() * 2, x, use_reentrant=True).sum().backward()
torch.func.grad(lambda t: (t ** 2).sum())(x.detach())
torch.func.vmap(lambda t: t * 2)(torch.randn(3, 2))
torch.func.jacrev(lambda t: t ** 3)(torch.randn(2))
torch.autograd.functional.hessian(lambda t: (t ** 3).sum(), torch.randn(2))
output, _ = torch.nn.LSTM(2, 3)(torch.randn(4, 1, 2))
output.sum().backward()
attention = torch.nn.MultiheadAttention(4, 2)
attention(*[torch.randn(3, 1, 4)] * 3)[0].sum().backward()
torch.linalg.inv(torch.eye(3) + x.detach().diag()).sum()
torch.fft.fft(torch.randn(8)).abs().sum()
with torch.autograd.forward_ad.dual_level():
    dual = torch.autograd.forward_ad.make_dual(torch.ones(2), torch.ones(2))
    torch.autograd.forward_ad.unpack_dual(dual * dual)
""",
    "x = torch.tensor(2.0, requires_grad=True)\n1 / 0",
    "import torch\nprint('unfinished'",
)


#: What most programs look like: run until all that they need is in its place.
TYPICAL = (
    """
import torch
x = torch.randn(3, requires_grad=True)
print(x)
y = x + 2
a = y * y * 3
print(y, a)
for _ in range(2):
    b = (a.mean() - x.sum()) / 2
b.backward()
print(b, x.grad)
""",
    """
import torch
from torch import nn
for make in (torch.optim.SGD, torch.optim.Adam):
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = make(model.parameters(), lr=0.1)
    x, target = torch.randn(5, 2), torch.rand(5, 1)
    for epoch in range(3):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(x), target)
        loss = loss + nn.functional.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        print(f"{epoch}: {loss.item():.4f}")
""",
)

#: So often that Python has specialized the code that each run executes (it begins with the
#: eighth) and does not change it in every child anew.
_TIMES = 20


def run_all(evaluate: Evaluate, limits: Limits) -> None:
    """Programs of many kinds, one after the other."""
    for program in _PROGRAMS:
        _run(evaluate, TraceRequest(code=program), limits)
    for _ in range(_TIMES):
        for program in TYPICAL:
            _run(evaluate, TraceRequest(code=program), limits)


def _run(evaluate: Evaluate, request: TraceRequest, limits: Limits) -> None:
    """To the last byte of its trace."""
    for _ in evaluate(request, limits, progress=None, amend=None):
        pass


class Rehearsal:
    """The first typical program, which a child runs while none is there: after it, a child has its
    own copy of what programs write to.

    Numbers of engine nodes stand in a trace, and must not tell whether there was time for it.
    """

    def __init__(self, evaluate: Evaluate, limits: Limits) -> None:
        from torch import ones
        from torch._C._autograd import _get_sequence_nr

        self._evaluate = evaluate
        self._limits = limits
        self._leaf = ones(1, requires_grad=True)
        self.run()
        before = _get_sequence_nr()
        self.run()
        self._nodes = _get_sequence_nr() - before

    def run(self) -> None:
        _run(self._evaluate, TraceRequest(code=TYPICAL[0]), self._limits)

    def skip(self) -> None:
        """Only count on, as if it had been run."""
        for _ in range(self._nodes):
            self._leaf.view(1)


def preload(evaluator: str, limits: Limits) -> Evaluate:
    """Import, warm up, and give `evaluator` ("module:function") back as a function."""
    module_name, _, function = evaluator.partition(":")
    evaluate = cast(Evaluate, getattr(importlib.import_module(module_name), function))
    import torch

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    for name in _MODULES:
        try:
            importlib.import_module(name)
        except ImportError as error:  # another version of torch or Python: told, not fatal
            print(f"sandbox: {name} is not there: {error}", file=sys.stderr)
    load_entrances()
    run_all(evaluate, limits)
    # Threads can't be had in a child: asking for more is not an error.
    vars(torch).update(set_num_threads=_one_thread, set_num_interop_threads=_one_thread)
    # torch.manual_seed notes for each kind of device, with a stack trace, to seed it later.
    for devices in (torch.cuda, torch.xpu, torch.mtia):
        vars(devices).update(manual_seed_all=_no_device)
    os.environ.clear()
    # A program that reads its arguments finds none.
    sys.argv[:] = sys.orig_argv[:] = ["main.py"]
    return evaluate


def _one_thread(number: int) -> None:
    """In place of torch.set_num_threads: a program here has one thread."""
    if not isinstance(number, int) or number < 1:
        raise RuntimeError("expected a positive number of threads")


def _no_device(seed: int) -> None:
    """In place of seeding other devices' random numbers: here is none but the processor."""
