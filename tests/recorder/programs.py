"""Programs of every kind that the recorder must not change.  Each runs both ways."""

# ruff: noqa: E501

PROGRAMS = {
    "functions that train": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 1)
    def forward(self, x):
        h = self.fc(x)
        return h
def train(net, steps, scale=lambda t: t):
    'Says what it does.'
    opt = torch.optim.SGD(net.parameters(), 0.1)
    for i in range(steps):
        x = torch.randn(4, 2)
        opt.zero_grad()
        loss = scale(net(x)).pow(2).mean()
        loss.backward()
        opt.step()
    return loss.item()
def main():
    net = Net()
    x = torch.ones(1, 2)
    loss = train(net, 3)
    print(net(x), loss)
main()
print("done")
""",
    "functions that await": """
import asyncio
async def step(w):
    loss = (w * w).sum()
    await asyncio.sleep(0)
    loss.backward()
    return loss
async def main():
    w = torch.ones(2, requires_grad=True)
    g = (await step(w), w.grad)[1]
def run(started):  # as asyncio.run does, which wants no other loop to be running
    try:
        while True:
            started.send(None)
    except StopIteration:
        pass
run(main())
""",
    "a trainer": """
class Trainer:
    def __init__(self):
        self.net = nn.Linear(2, 1)
        self.opt = torch.optim.SGD(self.net.parameters(), 0.1)
    def step(self, batch):
        loss = self.net(batch).sum()
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.item()
    def fit(self, n):
        for _ in range(n):
            out = self.step(torch.ones(1, 2))
t = Trainer()
t.fit(2)
print("end")
""",
    "a closure that is optimized": """
def main():
    w = torch.ones(2, requires_grad=True)
    opt = torch.optim.LBFGS([w], max_iter=2)
    def closure():
        opt.zero_grad()
        loss = ((w - 3) ** 2).sum()
        loss.backward()
        return loss
    opt.step(closure)
    w = w * 2
if __name__ == "__main__":
    main()
""",
    "a function like its argument": """
x = torch.ones(2, requires_grad=True)
def f(x):
    x = x * 2
    x.sum().backward()
for _ in range(2):
    f(x)
print(x.grad)
""",
    "a function that fails and is caught": """
def train(w):
    loss = (w * 2).sum()
    loss.backward()
    raise ValueError("x")
def main():
    w = torch.ones(2, requires_grad=True)
    try:
        train(w)
    except ValueError as e:
        print(e, e.__traceback__.tb_next.tb_lineno, e.__traceback__.tb_next.tb_next)
main()
""",
    "what a function leaves is gone": """
import gc, weakref
def step(w):
    y = w * 2
    held = [y, nn.Linear(2, 2)]
    y.sum().backward()
    return weakref.ref(y), weakref.ref(held[1])
w = torch.ones(2, requires_grad=True)
for _ in range(2):
    one, other = step(w)
    print(one() is None, other() is None)
""",
    "functions that yield": """
def losses(w):
    for i in range(3):
        loss = (w * i).sum()
        loss.backward()
        yield loss.item()
w = torch.ones(2, requires_grad=True)
print(list(losses(w)))
left = losses(w)
next(left)
""",
    "seed": """
import torch
x = torch.randn(3, requires_grad=True)
print(x)
y=x+2
print(y)
a = y*y*3
print(a)
b = a.mean()
print(b)
b.backward()
print(x.grad)
""",
    "no requires_grad": "x = torch.randn(3)\ny = x + 2\na = y*y*3\nb = a.mean()\nb.backward()\n",
    "non-scalar": "x = torch.randn(3, requires_grad=True)\na = x * 2\na.backward()\n",
    "vector": """
x = torch.randn(3, requires_grad=True)
a = x * 2
for _ in range(10):
    a = a * 2
print(a, a.shape)
v = torch.tensor([0.1, 1.0, 0.0001], dtype=torch.float32)
a.backward(v)
print(x.grad)
""",
    "flag": """
a = torch.randn(2, 2)
print(a.requires_grad, a.grad_fn)
b = ((a * 3) / (a - 1))
print(a.requires_grad, b.grad_fn)
a.requires_grad_(True)
print(a.requires_grad, a.grad_fn)
""",
    "flag off": "x = torch.randn(3, requires_grad=True)\nx.requires_grad_(False)\nprint(x)\n",
    "detach": "x = torch.randn(3, requires_grad=True)\ny = x.detach()\nprint(y)\n",
    "no_grad": """
x = torch.randn(3, requires_grad=True)
with torch.no_grad():
    y = x+2
    print(y)
z = x+2
print(z)
""",
    "accumulate": """
weights = torch.ones(4, requires_grad=True)
for epoch in range(8):
    model_output = (weights*3).sum()
    model_output.backward()
    print(weights.grad)
""",
    "zero": """
weights = torch.ones(4, requires_grad=True)
for epoch in range(2):
    model_output = (weights*3).sum()
    model_output.backward()
    print(weights.grad)
    weights.grad.zero_()
""",
    "optimizer of a tensor": """
weights = torch.ones(4, requires_grad=True)
optimizer = torch.optim.SGD(weights, lr=0.01)
optimizer.step()
""",
    "optimizer": """
weights = torch.ones(4, requires_grad=True)
optimizer = torch.optim.Adam([weights], lr=0.01)
for i in range(3):
    (weights * weights).sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=i == 0)
    print(weights, weights.grad)
""",
    "retain_graph": """
x = torch.randn(3, requires_grad=True)
y = (x * x).sum()
y.backward(retain_graph=True)
y.backward()
y.backward()
""",
    "several roots": """
x = torch.randn(3, requires_grad=True)
y, z = x.exp(), x.sum()
torch.autograd.backward([y, z], [torch.ones(3), None])
print(x.grad)
""",
    "inputs": """
x = torch.randn(3, requires_grad=True)
w = torch.randn(3, requires_grad=True)
y = x * w
y.sum().backward(inputs=[x])
print(x.grad, w.grad)
""",
    "inputs not leaf": """
x = torch.randn(3, requires_grad=True)
y = x * 2
z = (y * y).sum()
y.retain_grad()
z.backward(inputs=[y])
print(y.grad, x.grad)
""",
    "grad": """
x = torch.randn(3, requires_grad=True)
w = torch.randn(3, requires_grad=True)
print(torch.autograd.grad(x * 2, [x, w], grad_outputs=torch.ones(3), allow_unused=True))
torch.autograd.grad(x.sum(), w)
""",
    "batched": """
x = torch.randn(3, requires_grad=True)
y = x * x
print(torch.autograd.grad(y, x, torch.eye(3), is_grads_batched=True))
""",
    "double backward": """
x = torch.randn(3, requires_grad=True)
y = (x ** 3).sum()
g, = torch.autograd.grad(y, x, create_graph=True)
h, = torch.autograd.grad(g.sum(), x, create_graph=True)
h.sum().backward()
print(g, h, x.grad)
""",
    "hessian": """
f = lambda x: (x ** 3).sum()
print(torch.autograd.functional.hessian(f, torch.ones(2)))
print(torch.autograd.functional.jacobian(torch.exp, torch.ones(2), vectorize=True))
""",
    "hooks": """
x = torch.randn(3, requires_grad=True)
y = x * 2
y.register_hook(lambda g: g * 10)
y.register_hook(print)
y.grad_fn.register_hook(lambda gi, go: print('node', gi, go))
x.register_post_accumulate_grad_hook(lambda t: print('after', t.grad))
y.retain_grad()
z = (y + y).sum()
z.backward()
print(x.grad, y.grad)
""",
    "hook removed": """
x = torch.randn(3, requires_grad=True)
y = x * 2
handle = y.register_hook(lambda g: g * 10)
handle.remove()
node = y.grad_fn.register_hook(lambda gi, go: print('gone'))
node.remove()
y.sum().backward(retain_graph=True)
late = y.grad_fn.register_hook(lambda gi, go: print('late', len(gi)))
y.sum().backward(retain_graph=True)
late.remove()
y.sum().backward()
print(x.grad)
""",
    "hook raises": """
x = torch.randn(3, requires_grad=True)
y = x * 2
def bad(g):
    raise ValueError('in hook')
y.register_hook(bad)
try:
    y.sum().backward()
except ValueError as e:
    print('caught', e)
y.sum().backward()
""",
    "backward in hook": """
x = torch.randn(3, requires_grad=True)
w = torch.randn(3, requires_grad=True)
y = x * 2
def inner(g):
    with torch.enable_grad():
        (w * w).sum().backward()
y.register_hook(inner)
y.sum().backward()
print(x.grad, w.grad)
""",
    "grad by hand": """
x = torch.randn(3, requires_grad=True)
x.grad = torch.ones(3)
(x * 2).sum().backward()
x.grad += 1
print(x.grad)
x.grad = None
(x * 2).sum().backward()
with torch.no_grad():
    x -= 0.1 * x.grad
print(x)
""",
    "names": """
x = torch.randn(2, requires_grad=True)
same = x
pair = [x, x * 2]
table = {'a': x + 1}
def closure():
    return x * 3
out = closure().sum() + pair[1].sum() + table['a'].sum()
out.backward()
x = x * 2
print(same.grad)
""",
    "detach_": """
x = torch.randn(3, requires_grad=True)
y = x * 2
y.detach_()
print(y.requires_grad, y.is_leaf)
z = x.data * 2
print(z.requires_grad)
""",
    "modes": """
x = torch.randn(3, requires_grad=True)
with torch.no_grad():
    with torch.enable_grad():
        a = x * 2
    b = x * 2
with torch.inference_mode():
    c = x * 2
torch.set_grad_enabled(False)
d = x * 2
torch.set_grad_enabled(True)
e = x.argmax()
@torch.no_grad()
def f():
    return x * 2
g = f()
print(a.requires_grad, b.requires_grad, c.requires_grad, d.requires_grad, g.requires_grad)
c.requires_grad_()
""",
    "inference used": """
x = torch.randn(3, requires_grad=True)
with torch.inference_mode():
    c = torch.ones(3)
(x * c).sum().backward()
""",
    "in place": """
x = torch.randn(3, requires_grad=True)
y = x * 2
y += 1
y.mul_(3)
y[0] = 0
y.sum().backward()
print(x.grad, y._version)
""",
    "in place views": """
x = torch.randn(2, 2, requires_grad=True)
y = x * 1
v = y[0]
v.mul_(2)
w = y.view(4)
w[1:3].add_(1)
(y * y).sum().backward()
print(x.grad)
print([t.grad_fn.name() for t in (v, w, y)])
""",
    "in place error": """
x = torch.randn(3, requires_grad=True)
y = x.exp()
y.add_(1)
y.sum().backward()
""",
    "in place leaf": "x = torch.randn(3, requires_grad=True)\nx += 1\n",
    "in place leaf view": "x = torch.randn(3, requires_grad=True)\nx[0] = 1\n",
    "function": """
class Sq(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k):
        ctx.save_for_backward(x)
        ctx.k = k
        return x * x * k
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * 2 * x * ctx.k, None
x = torch.randn(3, requires_grad=True)
y = Sq.apply(x, 3)
print(y)
y.sum().backward()
print(x.grad)
""",
    "function of several": """
class Two(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        a, b = x * 2, x > 0
        ctx.mark_non_differentiable(b)
        ctx.set_materialize_grads(False)
        return a, b, x * 3
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, ga, gb, gc):
        print(ga is None, gb is None, gc is None)
        return ga * 2 if ga is not None else None
x = torch.randn(3, requires_grad=True)
a, b, c = Two.apply(x)
a.sum().backward()
print(x.grad, b)
""",
    "function with setup_context": """
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x ** 3
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * 3 * x ** 2
x = torch.randn(3, requires_grad=True)
g, = torch.autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
g.sum().backward()
print(x.grad)
""",
    "function dirty": """
class Add(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.add_(1)
    @staticmethod
    def backward(ctx, g):
        return g
x = torch.randn(3, requires_grad=True)
y = x * 2
Add.apply(y)
y.sum().backward()
print(y, x.grad)
""",
    "function raises": """
class Bad(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()
    @staticmethod
    def backward(ctx, g):
        raise RuntimeError('no gradient today')
x = torch.randn(3, requires_grad=True)
Bad.apply(x).sum().backward()
""",
    "many outputs": """
x = torch.randn(3, 4, requires_grad=True)
a, b, c = x.unbind(0)
v, i = x.topk(2)
u, s, vh = torch.linalg.svd(x, full_matrices=False)
p = x.split(2, dim=1)
(a.sum() + v.sum() + s.sum() + p[1].sum()).backward()
print(x.grad)
""",
    "lstm": """
lstm = nn.LSTM(3, 4, 2)
out, (h, c) = lstm(torch.randn(5, 1, 3))
h.sum().backward()
print(out.shape, lstm.weight_ih_l0.grad.norm())
""",
    "zero size": """
x = torch.randn(0, 3, requires_grad=True)
y = (x * 2).sum()
y.backward()
print(x.grad)
""",
    "complex": """
z = torch.randn(3, dtype=torch.complex64, requires_grad=True)
w = (z * z.conj()).real.sum()
w.backward()
print(z.grad)
""",
    "sparse": """
e = nn.Embedding(5, 2, sparse=True)
e(torch.tensor([1, 1, 3])).sum().backward()
print(e.weight.grad)
""",
    "sparse leaf": """
s = torch.eye(3).to_sparse().requires_grad_()
d = torch.randn(3, 2, requires_grad=True)
torch.sparse.mm(s, d).sum().backward()
print(d.grad, s.grad)
""",
    "narrow": """
for dtype in (torch.float16, torch.bfloat16, torch.float64):
    x = torch.ones(3, dtype=dtype, requires_grad=True)
    (x * 1.5).sum().backward()
    print(x.grad)
k = torch.arange(3)
m = k > 1
print(k + 1, m)
torch.arange(3).requires_grad_()
""",
    "nan trap": """
x = torch.tensor([0.0, 1.0], requires_grad=True)
y = torch.where(x > 0, x.sqrt(), torch.zeros(2))
y.sum().backward()
print(x.grad)
""",
    "module": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5))
        self.out = nn.Linear(4, 1)
    def forward(self, x):
        return self.out(self.layers(x))
net = Net()
net.out.bias.requires_grad_(False)
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
sched = torch.optim.lr_scheduler.StepLR(opt, 1)
for step in range(3):
    opt.zero_grad()
    loss = F.mse_loss(net(torch.randn(8, 3)), torch.zeros(8, 1))
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    sched.step()
    print(loss.item())
print(net.layers[1].running_mean, net.layers[1].num_batches_tracked)
net.eval()
print(net(torch.ones(2, 3)))
net.zero_grad()
""",
    "tied": """
a = nn.Linear(3, 3, bias=False)
b = nn.Linear(3, 3, bias=False)
b.weight = a.weight
b(a(torch.ones(1, 3))).sum().backward()
print(a.weight.grad)
""",
    "module hooks": """
lin = nn.Linear(2, 2)
lin.register_forward_hook(lambda m, i, o: print('forward', o.shape))
lin.register_full_backward_hook(lambda m, gi, go: print('backward', go))
lin(torch.ones(1, 2, requires_grad=True)).sum().backward()
""",
    "attention": """
mha = nn.MultiheadAttention(8, 2, batch_first=True)
q = torch.randn(1, 3, 8)
out, w = mha(q, q, q)
out.sum().backward()
print(out.sum(), w.shape, mha.in_proj_weight.grad.norm())
""",
    "transformer": """
enc = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
y = enc(torch.randn(2, 3, 8))
y.pow(2).mean().backward()
print(enc.linear1.weight.grad.norm())
""",
    "lbfgs": """
x = torch.randn(3, requires_grad=True)
opt = torch.optim.LBFGS([x], max_iter=3)
def closure():
    opt.zero_grad()
    loss = (x * x).sum()
    loss.backward()
    return loss
opt.step(closure)
print(x)
""",
    "own optimizer": """
class Mine(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {})
    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group['params']:
                p -= 0.1 * p.grad
x = torch.randn(3, requires_grad=True)
opt = Mine([x])
(x * x).sum().backward()
opt.step()
print(x)
""",
    "checkpoint": """
from torch.utils.checkpoint import checkpoint
lin = nn.Linear(2, 2)
x = torch.randn(2, requires_grad=True)
checkpoint(lin, x, use_reentrant=False).sum().backward()
checkpoint(lin, x, use_reentrant=True).sum().backward()
print(x.grad, lin.weight.grad)
""",
    "saved tensors hooks": """
calls = []
def pack(t):
    calls.append('pack')
    return t.numpy().copy() if not t.requires_grad else t.detach().numpy().copy()
def unpack(p):
    calls.append('unpack')
    return torch.from_numpy(p)
x = torch.randn(3, requires_grad=True)
with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
    y = x.exp() * x
y.sum().backward()
print(calls, x.grad)
""",
    "func": """
f = lambda x: (x ** 3).sum()
x = torch.ones(2)
print(torch.func.grad(f)(x), torch.func.vjp(torch.sin, x)[1](x))
print(torch.func.jvp(f, (x,), (x,)), torch.func.vmap(torch.func.grad(f))(torch.ones(2, 2)))
print(torch.func.jacrev(torch.exp)(x), torch.func.jacfwd(torch.exp)(x), torch.func.hessian(f)(x))
net = nn.Linear(2, 1)
print(torch.func.functional_call(net, dict(net.named_parameters()), x))
""",
    "forward AD": """
import torch.autograd.forward_ad as fwAD
with fwAD.dual_level():
    d = fwAD.make_dual(torch.ones(2, requires_grad=True), torch.ones(2))
    t = fwAD.unpack_dual(d.sin() * 2).tangent
    print(t)
    t.sum().backward()
""",
    "anomaly": """
with torch.autograd.detect_anomaly(check_nan=True):
    x = torch.zeros(1, requires_grad=True)
    y = x.sqrt() * 0
    y.backward()
""",
    "classes": """
from dataclasses import dataclass
import pickle
@dataclass
class P:
    w: torch.Tensor
    def __call__(self, x):
        return (self.w * x).sum()
p = P(torch.ones(2, requires_grad=True))
if __name__ == "__main__":
    p(torch.ones(2)).backward()
    print(p.w.grad, type(pickle.loads(pickle.dumps(P(1)))).__name__)
""",
    "generators": """
def gen(x):
    for i in range(3):
        yield x * i
x = torch.ones(2, requires_grad=True)
total = sum(t.sum() for t in gen(x)) + sum([(x * k).sum() for k in (1, 2)])
total.backward()
print(x.grad, [v for v in (x * 2).tolist()])
while (n := x.sum().item()) > 2:
    x = x.detach() - 1
print(n)
""",
    "caught": """
x = torch.randn(3, requires_grad=True)
try:
    x.backward()
except RuntimeError as e:
    print(e)
try:
    torch.ones(2) @ torch.ones(3)
except RuntimeError as e:
    print('shape', e)
finally:
    print('finally')
""",
    "name error": "x = torch.ones(2)\nprint(sigmoid(x))\n",
    "name suggestion": "weights = torch.ones(2)\nprint(wieghts)\n",
    "recursion": "def f(x):\n    return f(x * 1.0)\ntry:\n    f(torch.ones(1))\nexcept RecursionError as e:\n    print('deep')\n",
    "exit": "print('before')\nimport sys\nsys.exit(0)\nprint('never')\n",
    "windows": "x = torch.ones(2, requires_grad=True)\r\ny = x * 2\r\ny.sum().backward()\r\nprint(x.grad)\r\n",
    "unicode": "α = torch.ones(2, requires_grad=True)\nβ = α * 2; γ = (β ** 2).sum()\nγ.backward()\nprint('größe ∂', α.grad)\n",
    "empty": "",
    "comment": "# nothing\n",
    "docstring": '"""What it does."""\nfrom __future__ import annotations\nprint(__doc__)\ndef f() -> None:\n    "doc"\nprint(f.__doc__)\n',
    "match": "x = torch.ones(2, requires_grad=True)\nmatch x.dim():\n    case 1:\n        y = x * 2\n    case _:\n        y = x\ny.sum().backward()\nprint(x.grad)\n",
    "warnings": """
import warnings
x = torch.randn(3, requires_grad=True)
y = x * 2
for _ in range(2):
    print(y.grad)
F.softmax(x)
warnings.warn('mine')
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter('always')
    y.grad
    print(len(w), w[0].category.__name__)
with warnings.catch_warnings():
    warnings.simplefilter('error')
    y.grad
""",
    "deprecated": """
x = torch.tensor(torch.ones(2))
y = torch.ones(2, 3).T
""",
    "random": """
import random
import numpy as np
print(random.random(), np.random.rand(), torch.rand(1), torch.randperm(4), torch.bernoulli(torch.full((4,), .5)))
x = torch.randn(100, requires_grad=True)
F.dropout(x).sum().backward()
print(x.grad.sum())
""",
    "numpy": """
import numpy as np
a = torch.zeros(3)
b = a * 1
n = b.numpy()
n[0] = 7
print(b, np.sin(b), torch.from_numpy(np.ones(2)))
x = torch.ones(2, requires_grad=True)
x.numpy()
""",
    "copies": """
import copy
x = torch.ones(2, requires_grad=True)
y = copy.deepcopy(x)
net = copy.deepcopy(nn.Linear(2, 2))
(y * 2).sum().backward()
print(x.grad, y.grad, x.__dict__, sorted(vars(y)))
copy.deepcopy(x * 2)
""",
    "subclass": """
class Mine(torch.Tensor):
    pass
x = torch.ones(2).as_subclass(Mine).requires_grad_()
y = x * 2
print(type(y).__name__)
y.sum().backward()
print(type(x.grad).__name__)
""",
    "parametrize": """
import torch.nn.utils.parametrizations as P
lin = P.spectral_norm(nn.Linear(3, 3))
lin(torch.ones(1, 3)).sum().backward()
print(lin.parametrizations.weight.original.grad.shape)
""",
    "einsum": """
a = torch.randn(2, 3, requires_grad=True)
b = torch.randn(3, 2, requires_grad=True)
c = torch.einsum('ij,jk->ik', a, b)
torch.norm(c).backward()
print(a.grad, b.grad, torch.stft(torch.ones(8), 4, return_complex=True, window=torch.ones(4)).shape)
""",
    "weakrefs": """
import weakref, gc
x = torch.ones(2, requires_grad=True)
y = x * 2
r = weakref.ref(y)
z = y.sum()
del y
gc.collect()
print(r() is None)
z.backward()
print(x.grad)
""",
    "stdout": """
import sys
sys.stdout.write('no newline')
print('a', 'b', sep='-', end='|')
print(file=sys.stderr)
sys.stdout.flush()
print('\\ud800'.encode('utf-8', 'replace'), sys.stdout.isatty())
""",
    "inspect": """
import inspect
def f(x):
    return x * 2
print(inspect.getsource(f))
""",
    "conv": """
net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(3))
loss = F.cross_entropy(net(torch.randn(2, 1, 8, 8)), torch.tensor([0, 2]))
loss.backward()
print(loss, net[0].weight.grad.norm())
""",
    "subclass that listens": """
class Log(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        print('call', getattr(func, '__name__', func))
        return super().__torch_function__(func, types, args, kwargs or {})
def main():
    x = torch.ones(2).as_subclass(Log).requires_grad_()
    y = x * 2
    y[0] = 5
    y.sum().backward()
    print(type(x.grad))
    o = torch.optim.SGD([x], lr=0.1)
    o.step()
    o.zero_grad()
main()
""",
    "subclass with kernels": """
from torch.utils._pytree import tree_map
class Wrapped(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, dtype=inner.dtype, requires_grad=inner.requires_grad)
    def __init__(self, inner):
        self.inner = inner
    def __repr__(self):
        return f'Wrapped({self.inner})'
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        print(func)
        args, kwargs = tree_map(lambda t: t.inner if isinstance(t, cls) else t, (args, kwargs or {}))
        return tree_map(lambda t: cls(t) if isinstance(t, torch.Tensor) else t, func(*args, **kwargs))
def main():
    w = Wrapped(torch.ones(2)).requires_grad_()
    (w * 2).exp().sum().backward()
    print(w.grad)
main()
""",
    "modes of one's own": """
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
class Functions(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        print('function', func.__name__)
        return func(*args, **(kwargs or {}))
class Kernels(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        print('kernel', func)
        return func(*args, **(kwargs or {}))
x = torch.ones(2, requires_grad=True)
with Functions():
    y = (x * 2).sum()
    y.backward()
with Kernels():
    z = (x * 3).sum()
    z.backward()
    y = x.detach()
    y += 1
print(x.grad)
""",
    "tensors without a shape": """
import warnings
warnings.simplefilter('ignore')  # torch says once in a process that they are a prototype
n = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], requires_grad=True)
torch.nested.to_padded_tensor(n * 2, 0.0).sum().backward()
print(n.grad)
def main():
    j = torch.nested.nested_tensor(
        [torch.ones(2, 3), torch.ones(3, 3)], layout=torch.jagged, requires_grad=True)
    (j * 2).values().sum().backward()
    print(j.grad.values())
main()
del n
""",
    "shape of one's own": """
class Odd(torch.Tensor):
    @property
    def shape(self):
        raise ValueError('no shape')
def main():
    t = torch.ones(2).as_subclass(Odd).requires_grad_()
    (t * 2).sum().backward()
main()
""",
    "flops": """
from torch.utils.flop_counter import FlopCounterMode
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
with FlopCounterMode(display=False) as counter:
    net(torch.ones(3, 4)).sum().backward()
print(counter.get_total_flops())
""",
    "step raises": """
w=torch.ones(2,requires_grad=True)
opt=torch.optim.SGD([w],lr=.1)
(w*2).sum().backward()
w.grad=torch.ones(2)
opt.param_groups[0]['lr']='x'
try:
    opt.step()
except Exception as e: print(type(e).__name__, str(e)[:30])
y=(w*3).sum(); y.backward(); print(w.grad)
""",
    "step hooks": """
w=torch.ones(2,requires_grad=True)
opt=torch.optim.Adam([w],lr=.1)
opt.register_step_pre_hook(lambda o,a,k: print('pre', (w*1).sum().item()))
opt.register_step_post_hook(lambda o,a,k: print('post', round((w*1).sum().item(),4)))
for _ in range(3):
    opt.zero_grad(); (w**2).sum().backward(); opt.step()
print(w)
""",
    "step of a subclass": """
class My(torch.optim.SGD):
    def step(self, closure=None):
        print('mine')
        r = super().step(closure)
        for g in self.param_groups:
            for p in g['params']: p.data.mul_(0.5)
        return r
w=torch.ones(2,requires_grad=True)
opt=My([w],lr=.1)
(w**2).sum().backward(); opt.step(); print(w)
""",
    "step under a mode": """
from torch.overrides import TorchFunctionMode
class M(TorchFunctionMode):
    n=0
    def __torch_function__(self,f,t,a=(),k=None):
        M.n+=1
        return f(*a,**(k or {}))
w=torch.ones(2,requires_grad=True)
opt=torch.optim.Adam([w],lr=.1)
with M():
    (w**2).sum().backward(); opt.step()
    y=w*2
print(M.n, w, y)
""",
    "main": """
def main(steps, *rest, lr=0.1, **more):
    'What it does.'
    w: torch.Tensor
    w = torch.ones(3, requires_grad=True)
    v: torch.Tensor = torch.full((3,), 2.0, requires_grad=True)
    a, (b, *c) = torch.ones(1), [torch.zeros(1), torch.ones(1)]
    found = [h := None for _ in []]
    if steps < 0 and (late := w * 2) is not None:
        pass
    for i, x in enumerate(torch.eye(3)):
        loss = (w * x).sum() * (v * x).sum()
        loss.backward()
        del loss
        with torch.no_grad() as nothing:
            w -= lr * w.grad
    try:
        print(late, loss)
    except UnboundLocalError as missing:
        print(missing)
    print(sorted(locals()), rest, more)
    return w

if __name__ == '__main__':
    w = main(3, 4, extra=5)
""",
    "main that fails": """
def main():
    global scale
    scale = torch.tensor(2.0, requires_grad=True)
    def inner(x):
        nonlocal total
        total = total + (x * scale).sum()
        return total.item()
    total = torch.zeros(())
    for x in torch.ones(3, 2):
        inner(x)
    total.backward()
    again = total * 1
    total.backward()

main()
""",
    "a method last": """
class Trainer:
    def __init__(self):
        self.net = nn.Linear(2, 1)
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1)
    def fit(self, epochs):
        for epoch in range(epochs):
            self.opt.zero_grad()
            loss = self.net(torch.ones(1, 2)).sum()
            loss.backward()
            self.opt.step()
        return loss.item()

Trainer().fit(2)
""",
    "main that calls itself": """
def main(n):
    x = torch.ones(n, requires_grad=True)
    x.sum().backward()
    return main(n - 1) if n > 1 else x.grad
print(main(2))
main(3)
""",
}
