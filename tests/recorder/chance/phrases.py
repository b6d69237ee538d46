"""What programs made by chance consist of: expressions and statements with holes.

{a}, {b}: float tensors, {y}: one with a history, {x}: a leaf that requires grad,
{h}: the same, and no view (torch crashes where a
view that was written to gets a hook), {n}, {m}: new names, {c}: a complex tensor, {i}: a small number.
"""

# ruff: noqa: E501

PRELUDE = """
from torch.utils.checkpoint import checkpoint
from torch.autograd.graph import saved_tensors_hooks

class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a * a
    @staticmethod
    def backward(ctx, g):
        a, = ctx.saved_tensors
        return g * a * 2

class Pair(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b, k):
        ctx.k = k
        low = (a > 0)
        ctx.mark_non_differentiable(low)
        return a * k, low, b + 1
    @staticmethod
    def backward(ctx, g, _, h):
        return g * ctx.k, h if ctx.needs_input_grad[1] else None, None

class Net(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.one = nn.Linear(size, size)
        self.two = nn.Linear(size, size)
        self.two.weight = self.one.weight
        self.scale = nn.Parameter(torch.ones(size))
        self.drop = nn.Dropout(0.5)
    def forward(self, a):
        return self.two(F.relu(self.one(a))) * self.scale + self.drop(a)

def smooth(t):
    u = torch.tanh(t)
    for k in range(2):
        u = u * t + k
    return u

def pick(t):
    if t.numel() and t.sum() > 0:
        return t * 3
    return -t

def halve(g):
    return g / 2

class Scope:
    def __init__(self, t):
        self.t = t
        self.parts = [t, t * 2]
    def total(self):
        return sum(p.sum() for p in self.parts) + self.t.sum()
"""

SIZES = (
    "()",
    "(1,)",
    "(3,)",
    "(2, 3)",
    "(3, 3)",
    "(2, 1, 3)",
    "(0,)",
    "(0, 3)",
    "(70,)",
    "(65, 65)",
    "(130, 130)",
)
#: How often each of these is taken.
SIZE_WEIGHTS = (3, 2, 6, 6, 6, 2, 1, 1, 2, 1, 0.3)

ONE_TO_ONE = (
    "{a}.sin()", "torch.exp({a} * 0.1)", "{a} ** 2", "-{a}", "{a}.tanh()", "F.relu({a})", "{a}.abs()",
    "{a}.abs().sqrt()", "{a}.clone()", "{a} * {i}", "{i} / ({a} + 2)", "{a} - {i}", "F.softmax({a}, -1)",
    "{a}.cumsum(-1)", "{a}.sigmoid()", "torch.where({a} > 0, {a}, {a} * 0.1)", "{a}.clamp(-0.5, 0.5)",
    "{a}.masked_fill({a} > 0.5, {i})", "Twice.apply({a})", "smooth({a})", "pick({a})", "F.leaky_relu({a}, 0.2)",
    "{a}.square()", "{a}.pow(3)", "torch.mul({a}, {a})", "F.dropout({a}, 0.5)", "{a}.round()", "{a}.sign()",
    "checkpoint(smooth, {a}, use_reentrant=False)", "torch.func.grad(lambda t: (t * t * t).sum())({a})",
    "torch.func.vmap(torch.sin)({a})", "F.gelu({a})", "{a}.contiguous()", "{a}.to({a}.dtype)", "{a}.detach()",
    "{a}.data", "{a}.logsumexp(-1, keepdim=True)", "{a} / {a}.norm()", "torch.nan_to_num(1 / {a})",
    "Pair.apply({a}, {a}, {i})[0]", "Pair.apply({a}, {b}, {i})[2]", "{a} @ torch.eye({a}.shape[-1])",
    "F.normalize({a}, dim=-1)", "F.softplus({a})", "{a}.detach() * {a}", "{a}.double().float()", "{a}.bfloat16()",
    "F.layer_norm({a}, {a}.shape[-1:])", "{a}.flip(-1)", "{a}.roll(1)", "checkpoint(pick, {a}, use_reentrant=True)",
    "(lambda t: t * 2 + t)({a})", "torch.func.jvp(torch.sin, ({a},), (torch.ones_like({a}),))[1]",
)  # fmt: skip

VIEWS = (
    "{a}[0]", "{a}[..., 1:]", "{a}[::2]", "{a}[..., -1]", "{a}.t()", "{a}.transpose(0, -1)", "{a}.flatten()",
    "{a}.view(-1)", "{a}.unsqueeze(0)", "{a}.expand(2, *{a}.shape)", "{a}.diagonal()", "{a}.unbind(0)[0]",
    "{a}.unbind(-1)[-1]", "{a}.split(1)[-1]", "{a}.chunk(2, -1)[0]", "{a}.squeeze()", "{a}.narrow(0, 0, 1)", "{a}.mT",
    "{a}.reshape(-1)", "{a}.select(-1, 0)", "{a}.detach()", "{a}.data", "{a}.as_strided((1,), (1,))", "{a}.view_as({a})",
    "{a}[None]", "{a}.movedim(0, -1)", "{a}.T", "{a}.permute(*range({a}.dim())[::-1])", "{a}.swapaxes(0, -1)",
    "{a}.unfold(0, 1, 1)", "{a}.hsplit(1)[0]", "{a}.view_as({a}).view(-1)[1:]",
)  # fmt: skip

OTHERS = (
    "{a}.sum()", "{a}.mean()", "{a}.sum(0)", "{a}.norm()", "{a}.prod()", "{a}.var()", "{a}.max()", "{a}.min(0)[0]",
    "torch.stack([{a}, {a} * 2])", "torch.cat([{a}, {a}])", "{a}.argmax()", "{a} > 0", "{a}.sort()[0]", "{a}.topk(1)[0]",
    "{a} @ {a}.mT", "torch.einsum('...i,...i->...', {a}, {a})", "{a}.index_select(0, torch.tensor([0, 0]))",
    "{a}[torch.tensor([0, 0])]", "{a}[{a} > 0]", "torch.outer({a}, {a})", "{a}.gather(-1, {a}.argsort(-1))",
    "F.pad({a}, (1, 0))", "{a}.repeat(2, 1)", "{a}.median()", "{a}.std()", "torch.complex({a}, {a})", "{a} * 1j",
    "torch.view_as_real(torch.complex({a}, {a}))", "{a}.double()", "torch.fft.fft({a}).abs()", "{a}.isnan()",
    "F.mse_loss({a}, torch.zeros_like({a}))", "F.linear({a}, {a})", "torch.func.jacrev(torch.sin)({a})", "{a}.long()",
    "torch.func.hessian(lambda t: (t ** 3).sum())({a})", "{a}.new_ones(2)", "torch.ones_like({a})", "{a}.nonzero()",
    "torch.autograd.functional.jacobian(torch.exp, {a})", "torch.meshgrid({a}, {a}, indexing='ij')[0]", "{a}.tril()",
    "F.one_hot({a}.argmax(-1).clamp(0, 2), 3)", "{a}.bincount()", "{a}.unique()", "torch.trapezoid({a})", "{a}.mode()[0]",
    "{a}.kthvalue(1)[0]", "{a}.cummax(-1)[0]", "torch.linalg.svd({a})[1]", "torch.linalg.qr({a})[1]", "{a}.half()",
    "torch.cdist({a}, {a})", "torch.broadcast_tensors({a}, torch.ones(2, 1, 1))[0]", "Scope({a}).total()", "{a}.dot({a})",
    "sum([{a}, {a} * 2])", "torch.block_diag({a}, {a})", "torch.kron({a}, {a})", "{a}.float()", "F.cross_entropy({a}, {a}.softmax(-1))",
)  # fmt: skip

TWO = (
    "{a} + {b}", "{a} * {b}", "{a} - {b}", "{a} / ({b}.abs() + 1)", "torch.maximum({a}, {b})", "{a} @ {b}", "{a}.lerp({b}, 0.3)",
    "torch.addcmul({a}, {b}, {b})", "torch.where({a} > {b}, {a}, {b})", "torch.cat([{a}, {b}])", "torch.stack([{a}, {b}])",
    "torch.atan2({a}, {b})", "F.mse_loss({a}, {b})", "{a} ** 2 + {b} * {a}", "torch.hypot({a}, {b})", "torch.matmul({a}, {b}.mT)",
    "torch.dist({a}, {b})", "F.cosine_similarity({a}, {b}, dim=-1)", "torch.add({a}, {b}, alpha=2)", "F.linear({a}, {b})",
)  # fmt: skip

COMPLEX = (
    "{c}.abs()", "{c}.real", "{c}.imag", "{c}.conj()", "torch.view_as_real({c})", "{c} * {c}", "{c}.angle()", "{c}.exp()",
    "{c}.conj() * {c}", "({c} * {c}.conj()).real", "{c}.sum()", "{c} + 1", "{c}.resolve_conj()", "{c}.H", "{c} * 2j", "{c}.imag * 2",
)  # fmt: skip

IN_PLACE = (
    "{y}.mul_({i})", "{y} += {a}", "{y} *= {i}", "{y} -= {y} * 0.1", "{y}[0] = {i}", "{y}[..., 0] *= 2", "{y}[0] += {a}",
    "{y}.t().add_(1)", "{y}.relu_()", "{y}.copy_({a})", "{y}.zero_()", "{y}.clamp_(-1, 1)", "{y}.detach_()", "{y}.data.add_(1)",
    "{y}.data = {y}.data * 2", "F.relu({y}, inplace=True)", "torch._foreach_add_([{y}, {a}], 1)", "{y}.unsqueeze_(0)",
    "{y}.squeeze_()", "{y}.t_()", "{y}.add_({a}, alpha=2)", "{y}.addcmul_({a}, {b})", "{y}.fill_({i})", "{y}.masked_fill_({y} > 0, 0.5)",
    "{y}.unbind(0)[0].add_(1)", "{y}.view(-1)[0] = 2", "{y}.diagonal().fill_(0)", "{y}.detach().mul_(2)", "{y}[..., 1:] = {a}",
    "{y}.select(0, 0).copy_({a})", "{y}.index_fill_(0, torch.tensor([0]), 1.0)", "{y}.index_add_(0, torch.tensor([0]), {a})",
    "torch.mul({a}, 2, out={y})", "torch.sin({y}, out={y})", "nn.init.ones_({y})", "{y}.exp_().tanh_()", "{y}.sub_({y}.mean())",
    "{y}.chunk(2)[0].mul_(3)", "{y}.requires_grad_()", "{y}.requires_grad_(False)",
    "{y}.normal_()", "{y}.uniform_(0, 1)", "{y}.transpose_(0, -1)", "{y}.index_put_((torch.tensor([0]),), {a})", "{y} /= 2", "{y} **= 2",
    "{y}.swapaxes_(0, -1)", "{y}.sin_().cos_()", "{y}[{y} > 0] = 0.1", "{y}[{y} > 0] *= 2", "{y}.scatter_(-1, {y}.argsort(-1), {a})",
    "nn.init.normal_({y})", "{y}.real.mul_(2)", "{y}.split(1)[0].zero_()", "{y}.narrow(0, 0, 1).add_({y}[0])", "{y} @= {y}",
    "{n} = {y}.mul_(2)", "{n} = {y}[0].add_(1)", "{n} = F.relu_({y})", "{n} = F.dropout({y}, 0.5, inplace=True)",
)  # fmt: skip

#: Statements that give several new names.
SEVERAL = (
    "{n}, {m} = {a}.unbind(0)", "{n}, {m} = {a}.chunk(2)", "{n}, {m} = {a}.topk(1)", "{n}, {m} = {a}.sort()",
    "{n}, {m}, _ = Pair.apply({a}, {b}, 2)", "{n}, _, {m} = Pair.apply({a}, {b}, {i})", "{n}, {m} = {a}.max(0)", "{n}, {m} = {a}.split([1, 2], -1)",
    "{n}, {m} = {a}, {a} * 2", "{n}, *{m} = {a}.unbind(0)", "{n}, {m} = torch.broadcast_tensors({a}, {b})", "{n} = {m} = {a} * 3",
    "{n}, {m} = torch.aminmax({a})", "{n}, {m} = torch.std_mean({a})", "{n}, {m} = torch.linalg.slogdet({a})", "{n}, {m} = torch.var_mean({a}, -1)",
    "{n}, {m} = torch.frexp({a})", "{n}, {m} = torch.linalg.eigh({a} + {a}.mT)", "({n}, {m}), _ = ({a}, {b} * 1), 0",
)  # fmt: skip

GRADS = (
    "{x}.grad = None", "{x}.grad.zero_()", "{x}.grad = {x}.grad * 2", "{x}.grad += 1", "{x}.grad.mul_(0.5)", "print({x}.grad)",
    "{n} = {x}.grad", "{n} = {x}.grad.clone()", "{x}.grad.data.zero_()", "{x}.grad.detach_()", "{x}.grad = torch.ones_like({x})",
    "del {x}.grad", "nn.utils.clip_grad_norm_([{x}], 0.5)", "nn.utils.clip_grad_value_([{x}], 0.1)", "{x}.grad[0] = 0", "{x}.grad.fill_(0)",
    "{x}.grad.copy_(torch.zeros_like({x}))", "{x}.data -= 0.1 * {x}.grad", "{x}.data.add_({x}.grad, alpha=-0.1)", "{x}.grad.requires_grad_(False)",
    "with torch.no_grad():\n    {x} -= 0.1 * {x}.grad\n    {x}.grad = None", "with torch.no_grad():\n    {x}.sub_({x}.grad)\n    {x}.grad.zero_()",
    "{n} = {x}.grad\n{n}.mul_(3)", "{x}.grad.data = {x}.grad.data * 2", "{x}.grad.add_({x})",
)  # fmt: skip

MARKS = (
    "{y}.retain_grad()", "{h}.register_hook(lambda g: g * 2)", "{h}.register_hook(lambda g: None)", "{n} = {h}.register_hook(halve)\n{n}.remove()",
    "{h}.register_hook(halve)", "{h}.register_hook(lambda g: print('hook', g.sum().item()))", "{h}.grad_fn.register_hook(lambda gi, go: None)",
    "{h}.grad_fn.register_hook(lambda gi, go: tuple(None if g is None else g * 2 for g in gi))", "{x}.register_hook(lambda g: g + 1)",
    "{h}.grad_fn.register_prehook(lambda go: tuple(None if g is None else g * 3 for g in go))", "{x}.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(0.5))",
    "{x}.register_post_accumulate_grad_hook(lambda p: print('after', p.grad.sum().item()))", "{x}.requires_grad_(False)", "{x}.requires_grad = True",
    "{y}.requires_grad_(True)", "{a}.requires_grad_()", "del {y}", "{n} = {y}", "{n} = [{y}, {a}]", "{n} = dict(one={y}, two={x})", "{n} = Scope({y})",
    "torch.autograd.graph.register_multi_grad_hook([{x}, {y}], lambda gs: print('multi', [g is None for g in gs]))", "{x}.register_hook(lambda g: g.detach())",
    "{h}.register_hook(lambda g: g.mul(0))", "{h}.retain_grad()\n{h}.register_hook(halve)", "{h}.register_hook(halve)\n{h}.retain_grad()",
    "print({y}.requires_grad, {y}.is_leaf, {y}.grad_fn is None)", "print({y})", "print({y}.sum().item())", "print({y}.sum().tolist())", "print({y}.shape, {y}.dtype)",
    "{x}.register_hook(lambda g: torch.zeros_like(g))", "{y}._backward_hooks", "{n} = {y}.grad", "{n} = {y}.numpy(force=True)", "{x}.requires_grad = False",
    "{n} = nn.Parameter({a}.clone())", "{n} = nn.Parameter({a}.detach(), requires_grad=False)", "{n} = torch.tensor({i}.0, requires_grad=True)", "{n} = {a}.detach().requires_grad_()",
    "{n} = {a}.detach().clone().requires_grad_()", "{n} = torch.tensor({a}.tolist())", "{n} = __import__('copy').deepcopy({x})", "{n} = torch.empty(2, 3)\n{n}.fill_(2)",
)  # fmt: skip

BACKWARD = (
    "{y}.sum().backward()", "{y}.sum().backward(retain_graph=True)", "{y}.mean().backward(create_graph=True)", "{y}.backward(torch.ones_like({y}))",
    "{y}.backward({y}.detach(), retain_graph=True)", "({y} * {a}).sum().backward()", "{y}.sum().backward(inputs=[{x}])", "{y}.sum().backward(inputs=[{x}, {y}], retain_graph=True)",
    "torch.autograd.backward([{y}.sum(), {y}.mean()])", "torch.autograd.backward([{y}, {y}], [torch.ones_like({y}), {y}.detach()], retain_graph=True)",
    "{n} = torch.autograd.grad({y}.sum(), [{x}], allow_unused=True)", "{n}, = torch.autograd.grad({y}.sum(), {x}, retain_graph=True)", "{y}.sum().backward(inputs=[{x}], create_graph=True)",
    "{n}, = torch.autograd.grad({y}.sum(), {x}, create_graph=True)", "{n}, {m} = torch.autograd.grad({y}, [{x}, {y}], torch.ones_like({y}), allow_unused=True)",
    "{n}, = torch.autograd.grad({y}.sum(), {x}, create_graph=True)\n{n}.pow(2).sum().backward()", "{n}, = torch.autograd.grad({y}.sum(), {x}, allow_unused=True, materialize_grads=True)",
    "{n}, = torch.autograd.grad(({x} * {x}).sum(), {x}, torch.ones(2), is_grads_batched=True)", "for t in [{x}, {y}, {a}]:\n    if t.requires_grad:\n        t.sum().backward(retain_graph=True)",
    "try:\n    {y}.sum().backward()\n    {y}.sum().backward()\nexcept RuntimeError as error:\n    print(str(error)[:40])", "{y}.pow(2).sum().backward()\nprint({x}.grad)", "{y}.sum().backward(torch.tensor(2.0))",
    "{n} = torch.autograd.grad([{y}.sum(), {x}.sum()], [{x}, {y}], allow_unused=True, retain_graph=True)", "torch.autograd.backward(({y}, {x}), (torch.ones_like({y}), torch.ones_like({x})))",
    "{n} = torch.autograd.graph.get_gradient_edge({y})\ntorch.autograd.backward({n}, torch.ones_like({y}))", "{n}, = torch.autograd.grad({y}.sum(), torch.autograd.graph.get_gradient_edge({x}), allow_unused=True)",
    "(({y} ** 2).sum() + {x}.sum()).backward()", "{y}[..., 0].sum().backward()", "{y}.norm().backward()", "(smooth({y}) * {x}).sum().backward()", "{y}.max().backward()", "{y}.abs().sum().backward()",
    "with torch.no_grad():\n    {y}.sum().backward()", "{n} = {y}.sum()\n{n}.retain_grad()\n{n}.backward()",
)  # fmt: skip

TRAINING = (
    "{n} = nn.Linear({a}.shape[-1], 2)\n{m} = {n}({a})", "{n} = Net({a}.shape[-1])\n{m} = {n}({a})\n{m}.sum().backward()", "{n} = nn.Sequential(nn.Linear({a}.shape[-1], 3), nn.Tanh(), nn.Linear(3, 1))\n{n}[0].requires_grad_(False)\n{m} = {n}({a})",
    "{n} = nn.BatchNorm1d({a}.shape[-1])\n{m} = {n}({a})", "{n} = nn.LSTM({a}.shape[-1], 2)\n{m}, _ = {n}({a})", "{n} = nn.GRUCell({a}.shape[-1], 2)\n{m} = {n}({a})\n{m} = {n}({a}, {m})", "{n} = nn.Embedding(5, 3)\n{m} = {n}(torch.tensor([1, 1, 4]))",
    "{n} = torch.optim.SGD([{x}], lr=0.1, momentum=0.9)\nfor step in range(3):\n    {n}.zero_grad(set_to_none=step == 1)\n    ({x} * {x}).sum().backward()\n    {n}.step()",
    "{n} = torch.optim.Adam([{x}], lr=0.1)\nfor step in range(2):\n    ({x} ** 2 + {x}).sum().backward()\n    {n}.step()\n    {n}.zero_grad()", "{n} = torch.optim.SGD([{x}], lr=0.1)\n{n}.step()\n{n}.zero_grad()",
    "{n} = torch.optim.LBFGS([{x}], max_iter=2)\ndef closure():\n    {n}.zero_grad()\n    loss = ({x} ** 2).sum()\n    loss.backward()\n    return loss\n{n}.step(closure)", "{n} = torch.optim.AdamW([{x}], lr=0.1, foreach=False)\n({x} ** 2).sum().backward()\n{n}.step()",
    "{n} = Net({a}.shape[-1])\n{m} = torch.optim.SGD({n}.parameters(), lr=0.01)\nfor _ in range(2):\n    {m}.zero_grad()\n    {n}({a}.detach()).pow(2).mean().backward()\n    {m}.step()", "{n} = nn.Linear({a}.shape[-1], 1)\n{n}.weight.requires_grad = False\n{m} = {n}({a}).sum()\n{m}.backward()",
    "{n} = nn.utils.parametrizations.weight_norm(nn.Linear({a}.shape[-1], 2))\n{m} = {n}({a})", "{n} = nn.MultiheadAttention({a}.shape[-1], 1)\n{m}, _ = {n}({a}, {a}, {a})", "{n} = nn.Linear({a}.shape[-1], 1)\n{n}.register_full_backward_hook(lambda mod, gi, go: (gi[0] * 2,) if gi[0] is not None else None)\n{m} = {n}({a})\n{m}.sum().backward()",
    "{n} = nn.Linear({a}.shape[-1], 1)\n{m} = torch.func.functional_call({n}, dict(weight=torch.ones(1, {a}.shape[-1]), bias=torch.zeros(1)), ({a},))", "{n} = nn.ModuleList([nn.Linear({a}.shape[-1], {a}.shape[-1]) for _ in range(3)])\n{m} = {a}\nfor layer in {n}:\n    {m} = {m} + F.relu(layer({m}))",
    "{n} = nn.Linear({a}.shape[-1], 1)\n{n}({a}).sum().backward()\nfor p in {n}.parameters():\n    p.data.sub_(0.1 * p.grad)\n    p.grad.zero_()\n{n}.zero_grad()",
)  # fmt: skip

LOOPS = (
    "{n} = {a}\nfor k in range(3):\n    {n} = {n} * 0.5 + {b} * k", "{n} = {a} * 1\nfor k in range(40):\n    {n} = ({n} * 0.99).tanh()", "{n} = [{a} * k for k in range(3)]\n{m} = sum({n})", "{n} = {a} * 1\nwhile {n}.sum() < 3 and 0 < {n}.numel() < 70:\n    {n} = torch.cat([{n}, {n} + 1])",
    "{n} = {a} * 1\nfor k in range(3):\n    {n} += {b}", "{n} = {a}.clone()\nfor k in range({n}.shape[0]):\n    {n}[k] = {n}[k] * 2", "{n} = {a}\nfor k in range(2):\n    for l in range(2):\n        {n} = smooth({n}) if k else {n}.sin()", "def {n}(t, depth=2):\n    return t * 2 if depth == 0 else {n}(t.sin(), depth - 1) + t\n{m} = {n}({a})",
    "{n} = torch.zeros(3)\nfor row in {a}:\n    {n} = {n} + row", "{n} = (t * 2 for t in [{a}, {b}])\n{m} = next({n}) + 1", "{n} = {a} * 1\nfor k in range(12):\n    if k % 3 == 1:\n        {n} = {n}.detach()\n    elif k % 3:\n        with torch.no_grad():\n            {n} = {n} * 2\n    else:\n        {n} = {n} + {b}",
    "try:\n    {n} = {a} @ torch.ones(7, 7)\nexcept RuntimeError as error:\n    {n} = {a} * 2", "{n} = {a} * 1\nfor k in range(30):\n    {n} = {n} + {b} * 0.1 if k % 2 else {n} * {b}", "{n} = [{a}]\nfor k in range(10):\n    {n}.append({n}[-1] * 0.9 + {n}[k // 2])\n{m} = {n}[-1]", "@torch.no_grad()\ndef {n}(t):\n    return t * 2 + 1\n{m} = {n}({a})",
    "def {n}():\n    t = {a} * 2\n    def inner():\n        nonlocal t\n        t = t + {b}\n        return t\n    inner()\n    return inner()\n{m} = {n}()", "{n} = {a} * 1\nfor k in range(700):\n    {n} = {n} * 0.999 + {b} * 0.001",
)  # fmt: skip

BLOCKS = (
    "with torch.no_grad():", "with torch.enable_grad():", "with torch.inference_mode():", "with torch.set_grad_enabled({i} > 2):", "if {a}.numel():", "try:", "for k in range(2):", "with saved_tensors_hooks(torch.clone, torch.clone):", "with torch.autograd.graph.save_on_cpu():",
    "with torch.autograd.set_multithreading_enabled(False):", "with torch.autograd.detect_anomaly(check_nan=False):", "with torch.autocast('cpu', dtype=torch.bfloat16):",
)  # fmt: skip
