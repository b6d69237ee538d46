"""For each diagnosis of an error: programs that raise it, and near misses that must not."""

HEAD = "import torch, torch.nn as nn, torch.nn.functional as F\n"

X = "x = torch.randn(3, requires_grad=True)\n"
NET = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)
    def forward(self, x):
        return self.fc(x)
"""
CUBE = """class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k):
        ctx.save_for_backward(x)
        return x ** 3 * k
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return {returned}
x = torch.ones(2, requires_grad=True)
Cube.apply(x, 2.0).sum().backward()
"""

#: code -> (programs that raise it, near misses)
CASES: dict[str, tuple[list[str], list[str]]] = {
    "backward-no-leaf": (
        [
            "x = torch.randn(3)\ny = x + 2\na = y * y * 3\nb = a.mean()\nb.backward()",
            "w = torch.tensor([1, 2])\nx = torch.ones(2)\nloss = (w * x).sum()\nloss.backward()",
            "p = nn.Linear(2, 1).requires_grad_(False)\nx = torch.ones(2)\np(x).sum().backward()",
        ],
        [X + "x.sum().backward()", "x = torch.randn(3)\ny = x.sum()\nprint(y.requires_grad)"],
    ),
    "backward-root-detached": (
        [
            X + "h = (x * 2).detach()\nloss = h.sum()\nloss.backward()",
            X + "h = x.data\nloss = h.mean()\nloss.backward()",
        ],
        [
            X + "w = torch.ones(3, requires_grad=True)\nh = x.detach() * w\nh.sum().backward()",
            X + "h = x.detach()\nprint(h)\nx.sum().backward()",
        ],
    ),
    "backward-root-no-grad": (
        [
            X + "with torch.no_grad():\n    loss = x.sum()\nloss.backward()",
            X + "with torch.no_grad():\n    y = x * 2\nloss = y.mean()\nloss.backward()",
        ],
        [
            X + "with torch.no_grad():\n    print(x.sum())\nloss = x.sum()\nloss.backward()",
            X + "with torch.no_grad():\n    with torch.enable_grad():\n        l = x.sum()\nl.backward()",
        ],
    ),
    "backward-root-not-differentiable": (
        [X + "loss = x.argmax()\nloss.backward()", X + "hits = (x > 0).float().sum()\nhits.backward()"],
        [X + "loss = x.max()\nloss.backward()", X + "i = x.argmax()\nx[i].backward()"],
    ),
    "backward-root-rebuilt": (
        [
            X + "loss = torch.tensor([x.sum(), x.mean()]).sum()\nloss.backward()",
            X + "y = x.sum()\nloss = torch.tensor(y)\nloss.backward()",
        ],
        [
            X + "loss = torch.stack([x.sum(), x.mean()]).sum()\nloss.backward()",
            X + "t = torch.tensor([1.0, 2.0, 3.0])\n(x * t).sum().backward()",
        ],
    ),
    "backward-not-scalar": (
        [
            X + "y = x + 2\na = y * y * 3\na.backward()",
            X + "y = x * 2\ng = torch.autograd.grad(y, x)",
            X + "(x * 2).backward(retain_graph=True)",
        ],
        [X + "y = x * 2\ny.backward(torch.ones(3))", X + "y = (x * 2)[:1]\ny.backward()"],
    ),
    "backward-twice": (
        [
            X + "y = (x * x).sum()\ny.backward()\ny.backward()",
            X + "h = x.exp()\na = h.sum()\nb = h.mean()\na.backward()\nb.backward()",
        ],
        [
            X + "y = (x * x).sum()\ny.backward(retain_graph=True)\ny.backward()",
            X + "for _ in range(2):\n    y = (x * x).sum()\n    y.backward()",
        ],
    ),
    "backward-twice-loop": (
        [
            "w = torch.ones(2, requires_grad=True)\nh = torch.ones(2)\nfor i in range(3):\n"
            "    h = (h * w).tanh()\n    h.sum().backward()",
            "w = torch.ones(2, requires_grad=True)\ntotal = torch.zeros(())\nfor i in range(2):\n"
            "    total = total + (w * w).sum()\n    total.backward()",
        ],
        [
            "w = torch.ones(2, requires_grad=True)\nh = torch.ones(2)\nfor i in range(3):\n"
            "    h = (h.detach() * w).tanh()\n    h.sum().backward()",
            "w = torch.ones(2, requires_grad=True)\nh = torch.ones(2)\nfor i in range(3):\n"
            "    h = (h * w).tanh()\nh.sum().backward()",
        ],
    ),
    "backward-complex-root": (
        [
            "z = torch.ones((), dtype=torch.complex64, requires_grad=True)\ny = z * z\ny.backward()",
            "z = torch.randn(2, dtype=torch.complex64, requires_grad=True)\nz.sum().backward()",
        ],
        [
            "z = torch.ones((), dtype=torch.complex64, requires_grad=True)\n(z * z).abs().backward()",
            "z = torch.randn(2, dtype=torch.complex64, requires_grad=True)\nz.real.sum().backward()",
        ],
    ),
    "gradient-shape": (
        [
            X + "y = x * 2\ny.backward(torch.ones(2))",
            X + "y = x.sum()\nv = torch.ones(3)\ny.backward(v)",
            X + "y = x * 2\ntorch.autograd.grad(y, x, torch.ones(4))",
        ],
        [X + "y = x * 2\ny.backward(torch.ones(3))", X + "y = x.sum()\ny.backward(torch.ones(()))"],
    ),
    "gradient-not-a-tensor": (
        [X + "y = x.sum()\ny.backward(1.0)", X + "y = x.sum() * 2\ny.backward(2)"],
        [X + "y = x.sum()\ny.backward(torch.tensor(1.0))", X + "y = x.sum() * 2.0\ny.backward()"],
    ),
    "grad-unused-input": (
        [
            X + "w = torch.ones(3, requires_grad=True)\ny = x.sum()\ntorch.autograd.grad(y, w)",
            X + "w = torch.ones(3, requires_grad=True)\ny = (x * w.detach()).sum()\n"
            "torch.autograd.grad(y, [x, w])",
        ],
        [
            X + "w = torch.ones(3, requires_grad=True)\ny = (x * w).sum()\ntorch.autograd.grad(y, w)",
            X + "w = torch.ones(3, requires_grad=True)\ny = x.sum()\n"
            "torch.autograd.grad(y, w, allow_unused=True)",
        ],
    ),
    "grad-input-no-grad": (
        [
            X + "w = torch.ones(3)\ny = (x * w).sum()\ntorch.autograd.grad(y, w)",
            X + "b = torch.zeros(3)\ny = (x + b).sum()\ntorch.autograd.grad(y, [x, b])",
        ],
        [
            X + "w = torch.ones(3)\ny = (x * w).sum()\ntorch.autograd.grad(y, x)",
            X + "w = torch.ones(3).requires_grad_()\ny = (x * w).sum()\ntorch.autograd.grad(y, w)",
        ],
    ),
    "grad-no-inputs": (
        [X + "torch.autograd.grad(x.sum(), [])", X + "y = x.sum()\ny.backward(inputs=[])"],
        [X + "torch.autograd.grad(x.sum(), [x])", X + "y = x.sum()\ny.backward(inputs=[x])"],
    ),
    "inplace-saved": (
        [
            X + "y = x.exp()\ny += 1\ny.sum().backward()",
            X + "h = x.sigmoid()\nr = F.relu(h, inplace=True)\nr.sum().backward()",
            X + "def f(z):\n    q = z.exp()\n    q.mul_(2)\n    return q\nw = f(x)\nw.sum().backward()",
            X + "y = x * 2\nz = y.pow(2)\ny[0] = 0.0\nz.sum().backward()",
        ],
        [
            X + "y = x * 2\ny += 1\ny.sum().backward()",
            X + "y = x.exp()\nz = y.clone()\nz += 1\n(y + z).sum().backward()",
        ],
    ),
    "inplace-saved-by-step": (
        [
            "a = nn.Linear(2, 2)\nb = nn.Linear(2, 1)\nopt = torch.optim.SGD([*a.parameters(), "
            "*b.parameters()], lr=0.1)\nx = torch.ones(1, 2)\nloss = b(a(x)).sum()\n"
            "loss.backward(retain_graph=True)\nopt.step()\nloss.backward()",
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1)\n"
            "loss = (w * w).sum()\nloss.backward(retain_graph=True)\nopt.step()\nloss.backward()",
        ],
        [
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1)\n"
            "for _ in range(2):\n    opt.zero_grad()\n    loss = (w * w).sum()\n"
            "    loss.backward()\n    opt.step()",
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1)\n"
            "loss = (w * w).sum()\nloss.backward(retain_graph=True)\nloss.backward()\nopt.step()",
        ],
    ),
    "inplace-leaf": (
        [
            X + "y = x * x\nx += 1",
            "w = torch.ones(2, requires_grad=True)\nw.sum().backward()\nw -= 0.1 * w.grad",
            X + "x.mul_(2)",
        ],
        [
            "w = torch.ones(2, requires_grad=True)\nw.sum().backward()\n"
            "with torch.no_grad():\n    w -= 0.1 * w.grad",
            X + "y = x * 1\ny += 1",
        ],
    ),
    "inplace-leaf-view": (
        [X + "x[0] = 1.0", X + "x[:2].mul_(2)"],
        [
            X + "with torch.no_grad():\n    x[0] = 1.0",
            X + "y = x.clone()\ny[0] = 1.0\ny.sum().backward()",
        ],
    ),
    "inplace-multi-view": (
        [
            "x = torch.ones(4, requires_grad=True) * 1\na, b = x.chunk(2)\na.add_(1)\nb.sum().backward()",
            "x = torch.ones(2, 2, requires_grad=True) * 1\na, b = x.unbind(0)\na += 1\n",
        ],
        [
            "x = torch.ones(4, requires_grad=True) * 1\na, b = x.chunk(2)\na = a + 1\nb.sum().backward()",
            "x = torch.ones(4, requires_grad=True) * 1\na = x[:2]\na += 1\nx.sum().backward()",
        ],
    ),
    "only-floating-point": (
        [
            "x = torch.tensor([1, 2], requires_grad=True)",
            "x = torch.arange(3)\nx.requires_grad_()",
            "p = nn.Parameter(torch.arange(3))",
            "x = torch.arange(3)\nx.requires_grad = True",
        ],
        ["x = torch.tensor([1.0, 2], requires_grad=True)", "x = torch.arange(3.0).requires_grad_()"],
    ),
    "flag-of-a-result": (
        [X + "y = x * 2\ny.requires_grad = False", X + "y = x.exp()\ny.requires_grad_(False)"],
        [X + "x.requires_grad = False", X + "y = x * 2\ny.requires_grad_(True)"],
    ),
    "retain-no-grad": (
        ["x = torch.ones(2)\nx.retain_grad()", "x = torch.ones(2)\ny = x * 2\ny.retain_grad()"],
        [X + "x.retain_grad()", X + "y = x * 2\ny.retain_grad()\ny.sum().backward()"],
    ),
    "numpy-of-grad": (
        [X + "a = x.numpy()", X + "import numpy as np\ny = x * 2\na = np.array(y)"],
        [X + "a = x.detach().numpy()", "x = torch.ones(2)\na = x.numpy()"],
    ),
    "not-one-element": (
        [X + "a = x.item()", X + "y = x * 2\na = float(y)"],
        [X + "a = x.sum().item()", X + "a = float(x[0])"],
    ),
    "loss-not-called": (
        [
            "p = torch.randn(3)\nt = torch.zeros(3)\nloss = nn.MSELoss(p, t)",
            "p = torch.randn(2, 3)\nt = torch.tensor([0, 1])\nloss = nn.CrossEntropyLoss(p, t)",
        ],
        [
            "p = torch.randn(3)\nt = torch.zeros(3)\nloss = nn.MSELoss()(p, t)",
            "p = torch.randn(2, 3)\nloss = nn.CrossEntropyLoss()(p, torch.tensor([0, 1]))",
        ],
    ),
    "ambiguous-truth": (
        [X + "if x > 0:\n    print(1)", "a = torch.zeros(2)\nwhile a < 1:\n    a = a + 1"],
        [X + "if (x > -9).all():\n    print(1)", "a = torch.zeros(1)\nif a < 1:\n    print(a)"],
    ),
    "grad-is-none": (
        [
            X + "x.grad.zero_()",
            "w = torch.ones(2, requires_grad=True)\nfor i in range(2):\n    w.grad.zero_()\n"
            "    (w * 2).sum().backward()",
        ],
        [
            X + "x.sum().backward()\nx.grad.zero_()",
            X + "if x.grad is not None:\n    x.grad.zero_()",
        ],
    ),
    "assigned-gradient": (
        [X + "x.grad = torch.zeros(2)", X + "x.grad = torch.zeros(3, dtype=torch.float64)"],
        [X + "x.grad = torch.zeros(3)", X + "x.grad = None"],
    ),
    "inference-tensor": (
        [
            "with torch.inference_mode():\n    w = torch.ones(3)\n" + X + "(w * x).sum().backward()",
            X + "with torch.inference_mode():\n    w = x * 2\ny = (w * x).sum()",
        ],
        [
            "with torch.no_grad():\n    w = torch.ones(3)\n" + X + "(w * x).sum().backward()",
            "with torch.inference_mode():\n    w = torch.ones(3)\nw = w.clone()\n"
            + X
            + "(w * x).sum().backward()",
        ],
    ),
    "deepcopy-of-a-result": (
        [
            "import copy\n" + X + "y = x * 2\nz = copy.deepcopy(y)",
            "from copy import deepcopy\n" + X + "h = x.exp()\nz = deepcopy(h)",
        ],
        [
            "import copy\n" + X + "z = copy.deepcopy(x)",
            "import copy\n" + X + "z = copy.deepcopy((x * 2).detach())",
        ],
    ),
    "matmul-shapes": (
        [
            "a = torch.randn(2, 3)\nb = torch.randn(4, 3)\nc = a @ b",
            "a = torch.randn(2, 3)\nb = torch.randn(2, 3)\nc = torch.mm(a, b)",
        ],
        [
            "a = torch.randn(2, 3)\nb = torch.randn(4, 3)\nc = a @ b.T",
            "a = torch.randn(2, 3)\nb = torch.randn(2, 3)\nc = a * b",
        ],
    ),
    "linear-shapes": (
        [
            NET + "net = Net()\ny = net(torch.randn(2, 5))",
            "m = nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2))\nx = torch.randn(2, 3)\ny = m(x)",
        ],
        [
            NET + "net = Net()\ny = net(torch.randn(2, 3))",
            "m = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))\nx = torch.randn(2, 3)\ny = m(x)",
        ],
    ),
    "product-shapes": (
        [
            "a = torch.randn(2, 3, 4)\nb = torch.randn(2, 3, 4)\nc = torch.bmm(a, b)",
            "a = torch.randn(3)\nb = torch.randn(4)\nc = a @ b",
            "a = torch.randn(2, 3)\nb = torch.randn(2)\nc = a @ b",
        ],
        [
            "a = torch.randn(2, 3, 4)\nb = torch.randn(2, 4, 3)\nc = torch.bmm(a, b)",
            "a = torch.randn(3)\nb = torch.randn(3)\nc = a @ b",
        ],
    ),
    "loss-shapes": (
        [
            "p = torch.randn(3)\nt = torch.zeros(4)\nloss = F.mse_loss(p, t)",
            "p = torch.randn(3, 1)\nt = torch.ones(3)\nloss = F.binary_cross_entropy_with_logits(p, t)",
            "p = torch.rand(3, 1)\nt = torch.ones(3)\nloss = F.binary_cross_entropy(p, t)",
        ],
        [
            "p = torch.randn(3)\nt = torch.zeros(3)\nloss = F.mse_loss(p, t)",
            "p = torch.randn(3, 1)\nt = torch.ones(3, 1)\nF.binary_cross_entropy_with_logits(p, t)",
        ],
    ),
    "broadcast-shapes": (
        [
            "a = torch.randn(3)\nb = torch.randn(4)\nc = a + b",
            "a = torch.randn(3, 4)\nb = torch.randn(3)\nc = a * b",
        ],
        [
            "a = torch.randn(3)\nb = torch.randn(4, 1)\nc = a + b",
            "a = torch.randn(3, 4)\nb = torch.randn(3, 1)\nc = a * b",
        ],
    ),
    "loss-batch": (
        [
            "p = torch.randn(4, 3)\nt = torch.tensor([0, 1])\nloss = F.cross_entropy(p, t)",
            "p = torch.randn(4, 3)\nt = torch.tensor([0, 1])\nloss = F.nll_loss(p, t)",
        ],
        [
            "p = torch.randn(2, 3)\nt = torch.tensor([0, 1])\nloss = F.cross_entropy(p, t)",
            "p = torch.randn(2, 3)\nt = torch.tensor([0, 1])\nloss = F.nll_loss(p, t)",
        ],
    ),
    "loss-class": (
        [
            "p = torch.randn(2, 3)\nt = torch.tensor([1, 3])\nloss = F.cross_entropy(p, t)",
            "p = torch.randn(2, 2)\nt = torch.tensor([1, 2])\nloss = F.nll_loss(p, t)",
        ],
        [
            "p = torch.randn(2, 3)\nt = torch.tensor([1, 2])\nloss = F.cross_entropy(p, t)",
            "p = torch.randn(2, 3)\nt = torch.tensor([1, -100])\nloss = F.cross_entropy(p, t)",
        ],
    ),
    "loss-target-dimensions": (
        [
            "p = torch.randn(2, 3)\nt = torch.tensor([[0], [1]])\nloss = F.cross_entropy(p, t)",
            "p = torch.randn(2, 3)\nt = torch.tensor([[0], [1]])\nloss = F.nll_loss(p, t)",
        ],
        [
            "p = torch.randn(2, 3)\nt = torch.tensor([0, 1])\nloss = F.cross_entropy(p, t)",
            "p = torch.randn(2, 3)\nt = torch.softmax(torch.randn(2, 3), 1)\nF.cross_entropy(p, t)",
        ],
    ),
    "view-shape": (
        [
            "a = torch.randn(2, 3)\nb = a.view(4)",
            "a = torch.randn(2, 6)\nb = a.reshape(5, 4)",
        ],
        ["a = torch.randn(2, 3)\nb = a.view(6)", "a = torch.randn(2, 6)\nb = a.reshape(-1, 4)"],
    ),
    "view-stride": (
        [
            "a = torch.randn(2, 3)\nb = a.t().view(6)",
            "a = torch.randn(2, 3, 4)\nb = a.transpose(1, 2)\nc = b.view(2, 12)",
        ],
        ["a = torch.randn(2, 3)\nb = a.view(6)", "a = torch.randn(2, 3)\nb = a.t().reshape(6)"],
    ),
    "join-shapes": (
        [
            "a = torch.randn(2, 3)\nb = torch.randn(2, 4)\nc = torch.cat([a, b], 0)",
            "a = torch.randn(2)\nb = torch.randn(3)\nc = torch.stack([a, b])",
        ],
        [
            "a = torch.randn(2, 3)\nb = torch.randn(2, 4)\nc = torch.cat([a, b], 1)",
            "a = torch.randn(2)\nb = torch.randn(2)\nc = torch.stack([a, b])",
        ],
    ),
    "dimension-range": (
        ["a = torch.randn(3)\nb = a.sum(1)", "a = torch.randn(3)\nb = F.softmax(a, dim=2)"],
        ["a = torch.randn(3)\nb = a.sum(0)", "a = torch.randn(3, 3, 3)\nb = F.softmax(a, dim=2)"],
    ),
    "index-range": (
        ["a = torch.randn(3)\nb = a[5]", "a = torch.randn(2, 3)\nb = a[0, 3]"],
        ["a = torch.randn(3)\nb = a[2]", "a = torch.randn(2, 3)\nb = a[0, -1]"],
    ),
    "too-many-indices": (
        ["a = torch.randn(3)\nb = a[0, 0]", "a = torch.randn(2, 3)\nb = a[0, 1, 2]"],
        ["a = torch.randn(3, 3)\nb = a[0, 0]", "a = torch.randn(2, 3)\nb = a[0][1]"],
    ),
    "embedding-range": (
        [
            "e = nn.Embedding(3, 2)\ni = torch.tensor([0, 3])\ny = e(i)",
            "w = torch.randn(4, 2)\ni = torch.tensor([7])\ny = F.embedding(i, w)",
        ],
        [
            "e = nn.Embedding(3, 2)\ni = torch.tensor([0, 2])\ny = e(i)",
            "w = torch.randn(4, 2)\ni = torch.tensor([3])\ny = F.embedding(i, w)",
        ],
    ),
    "conv-channels": (
        [
            "c = nn.Conv2d(3, 4, 3)\ny = c(torch.randn(1, 1, 8, 8))",
            "c = nn.Conv1d(2, 4, 3)\nx = torch.randn(1, 5, 8)\ny = c(x)",
        ],
        [
            "c = nn.Conv2d(1, 4, 3)\ny = c(torch.randn(1, 1, 8, 8))",
            "c = nn.Conv1d(5, 4, 3)\nx = torch.randn(1, 5, 8)\ny = c(x)",
        ],
    ),
    "layer-input": (
        [
            "c = nn.Conv2d(1, 4, 3)\ny = c(torch.randn(8, 8))",
            "c = nn.Conv2d(1, 4, 9)\ny = c(torch.randn(1, 1, 4, 4))",
            "n = nn.LayerNorm(3)\ny = n(torch.randn(4, 5))",
            "b = nn.BatchNorm1d(3)\ny = b(torch.randn(4, 5))",
            "b = nn.BatchNorm1d(3)\ny = b(torch.randn(1, 3))",
            "r = nn.LSTM(3, 4)\ny = r(torch.randn(2, 2, 5))",
        ],
        ["n = nn.LayerNorm(5)\ny = n(torch.randn(4, 5))", "b = nn.BatchNorm1d(3)\nb(torch.randn(4, 3))"],
    ),
    "expand-size": (
        [
            "a = torch.randn(3)\nb = a.expand(4)",
            "x = torch.randn(2, 3)\nw = torch.randn(4, 3)\nb = torch.randn(5)\ny = F.linear(x, w, b)",
        ],
        ["a = torch.randn(1)\nb = a.expand(4)", "a = torch.randn(3)\nb = a.expand(2, 3)"],
    ),
    "einsum": (
        [
            "a = torch.randn(2, 3)\nb = torch.randn(4, 5)\nc = torch.einsum('ij,jk->ik', a, b)",
            "a = torch.randn(2, 3)\nb = torch.randn(3, 5)\nc = torch.einsum('ij,jk->iz', a, b)",
        ],
        [
            "a = torch.randn(2, 3)\nb = torch.randn(3, 5)\nc = torch.einsum('ij,jk->ik', a, b)",
            "a = torch.randn(2, 3)\nc = torch.einsum('ij->i', a)",
        ],
    ),
    "mixed-dtypes": (
        [
            "a = torch.randn(2, 2).double()\nb = torch.randn(2, 2)\nc = a @ b",
            "m = nn.Linear(2, 2)\nx = torch.randn(3, 2, dtype=torch.float64)\ny = m(x)",
            "m = nn.Linear(2, 2)\nx = torch.ones(3, 2).long()\ny = m(x)",
        ],
        [
            "a = torch.randn(2, 2).double()\nb = torch.randn(2, 2)\nc = a * b",
            "m = nn.Linear(2, 2).double()\nx = torch.randn(3, 2, dtype=torch.float64)\ny = m(x)",
        ],
    ),
    "target-dtype": (
        [
            "p = torch.randn(2, 3)\nt = torch.tensor([0.0, 1.0])\nloss = F.cross_entropy(p, t)",
            "p = torch.rand(3)\nt = torch.ones(3).long()\nloss = F.binary_cross_entropy(p, t)",
        ],
        [
            "p = torch.randn(2, 3)\nt = torch.tensor([0, 1])\nloss = F.cross_entropy(p, t)",
            "p = torch.rand(3)\nt = torch.ones(3)\nloss = F.binary_cross_entropy(p, t)",
        ],
    ),
    "index-dtype": (
        [
            "e = nn.Embedding(3, 2)\ni = torch.tensor([0.0, 1.0])\ny = e(i)",
            "a = torch.randn(3)\ni = torch.tensor([0.0])\nb = a[i]",
        ],
        ["a = torch.randn(3)\ni = torch.tensor([0])\nb = a[i]", "a = torch.randn(3)\nb = a[a > 0]"],
    ),
    "mask-dtype": (
        [
            "c = torch.tensor([1.0, 0.0])\ny = torch.where(c, 1.0, 2.0)",
            "x = torch.randn(3)\nm = torch.tensor([1, 0, 1])\ny = x.masked_fill(m, 0.0)",
        ],
        [
            "c = torch.tensor([1.0, 0.0])\ny = torch.where(c > 0, 1.0, 2.0)",
            "x = torch.randn(3)\nm = torch.tensor([1, 0, 1]).bool()\ny = x.masked_fill(m, 0.0)",
        ],
    ),
    "needs-floats": (
        ["a = torch.arange(3)\nb = a.mean()", "a = torch.tensor([1, 2])\nb = torch.mean(a)"],
        ["a = torch.arange(3.0)\nb = a.mean()", "a = torch.arange(3)\nb = a.sum()"],
    ),
    "no-such-device": (
        ["x = torch.randn(3).cuda()", "d = 'cuda'\nx = torch.randn(3, device='cuda')", "x = torch.ones(2).to('cuda:0')"],
        [
            "x = torch.randn(3, device='cuda' if torch.cuda.is_available() else 'cpu')",
            "x = torch.randn(3).cpu()",
        ],
    ),
    "mixed-devices": (
        [
            "a = torch.randn(3, device='meta')\nb = torch.randn(3)\nc = a + b",
            "m = nn.Linear(2, 2, device='meta')\ny = m(torch.ones(1, 2))",
        ],
        ["a = torch.randn(3)\nb = torch.randn(3)\nc = a + b", "a = torch.randn(3, device='meta')\nb = a + a"],
    ),
    "optimizer-got-a-tensor": (
        [
            "weights = torch.ones(4, requires_grad=True)\noptimizer = torch.optim.SGD(weights, lr=0.01)",
            "w = torch.ones(4, requires_grad=True)\nopt = torch.optim.Adam(params=w)",
        ],
        [
            "w = torch.ones(4, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.01)",
            "opt = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.01)",
        ],
    ),
    "optimizer-got-a-module": (
        [
            "m = nn.Linear(2, 2)\nopt = torch.optim.SGD(m, lr=0.1)",
            NET + "net = Net()\nopt = torch.optim.Adam(net)",
        ],
        [
            "m = nn.Linear(2, 2)\nopt = torch.optim.SGD(m.parameters(), lr=0.1)",
            "m = nn.Sequential(nn.Linear(2, 2))\nfor p in m:\n    print(p)",
        ],
    ),
    "optimizer-empty": (
        [
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([], lr=0.1)",
            "m = nn.ReLU()\nopt = torch.optim.SGD(m.parameters(), lr=0.1)",
        ],
        [
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1)",
            "m = nn.PReLU()\nopt = torch.optim.SGD(m.parameters(), lr=0.1)",
        ],
    ),
    "optimizer-non-leaf": (
        [
            "w = torch.ones(2, requires_grad=True)\nv = w * 2\nopt = torch.optim.SGD([v], lr=0.1)",
            "w = torch.randn(2, requires_grad=True) * 0.1\nopt = torch.optim.Adam([w])",
        ],
        [
            "w = torch.ones(2, requires_grad=True)\nv = w * 2\nopt = torch.optim.SGD([w], lr=0.1)",
            "w = (torch.randn(2) * 0.1).requires_grad_()\nopt = torch.optim.Adam([w])",
        ],
    ),
    "optimizer-duplicate": (
        [
            "w = torch.ones(2, requires_grad=True)\n"
            "opt = torch.optim.SGD([{'params': [w]}, {'params': [w]}], lr=0.1)",
            "a = torch.ones(2, requires_grad=True)\nb = torch.ones(2, requires_grad=True)\n"
            "opt = torch.optim.SGD([{'params': [a, b]}, {'params': [b]}], lr=0.1)",
        ],
        [
            "a = torch.ones(2, requires_grad=True)\nb = torch.ones(2, requires_grad=True)\n"
            "opt = torch.optim.SGD([{'params': [a]}, {'params': [b]}], lr=0.1)",
            "a = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([a], lr=0.1)",
        ],
    ),
    "optimizer-not-tensors": (
        ["opt = torch.optim.SGD([1.0], lr=0.1)", "opt = torch.optim.Adam(['w', 'b'])"],
        [
            "opt = torch.optim.SGD([torch.tensor(1.0, requires_grad=True)], lr=0.1)",
            "opt = torch.optim.Adam(nn.Linear(2, 2).named_parameters())",
        ],
    ),
    "optimizer-closure": (
        [
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.LBFGS([w])\nopt.step()",
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.LBFGS([w])\n"
            "w.sum().backward()\nopt.step()",
        ],
        [
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.LBFGS([w], max_iter=2)\n"
            "def closure():\n    opt.zero_grad()\n    loss = (w * w).sum()\n    loss.backward()\n"
            "    return loss\nopt.step(closure)",
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1)\nopt.step()",
        ],
    ),
    "optimizer-setting": (
        [
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=-0.1)",
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1, momentum=-1)",
        ],
        [
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1)",
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1, maximize=True)",
        ],
    ),
    "function-gradient-count": (
        [CUBE.format(returned="g * 3 * x ** 2 * 2"), CUBE.format(returned="g * 6 * x ** 2, None, g")],
        [CUBE.format(returned="g * 6 * x ** 2, None"), CUBE.format(returned="(g * 6 * x ** 2, None)")],
    ),
    "function-gradient-shape": (
        [
            CUBE.format(returned="torch.ones(3), None"),
            CUBE.format(returned="(g * x)[:1].repeat(5), None"),
        ],
        [CUBE.format(returned="torch.ones(2), None"), CUBE.format(returned="g * x, None")],
    ),
    "function-no-backward": (
        [
            "class Double(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
            "        return x * 2\n" + X + "Double.apply(x).sum().backward()",
            "class Neg(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
            "        return -x\n" + X + "y = Neg.apply(x)\ny.sum().backward()",
        ],
        [
            CUBE.format(returned="g * 6 * x ** 2, None"),
            "class Double(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
            "        return x * 2\n" + X + "y = Double.apply(x)",
        ],
    ),
    "function-not-applied": (
        [
            "class Double(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
            "        return x * 2\n    @staticmethod\n    def backward(ctx, g):\n        return g * 2\n"
            + X
            + call
            for call in ("y = Double()(x)", "z = Double()(x).sum()")
        ],
        [
            "class Double(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
            "        return x * 2\n    @staticmethod\n    def backward(ctx, g):\n        return g * 2\n"
            + X
            + call
            for call in ("y = Double.apply(x)", "Double.apply(x).sum().backward()")
        ],
    ),
    "module-no-forward": (
        [
            NET.replace("forward", "foward") + "net = Net()\nnet(torch.ones(3))",
            "class Empty(nn.Module):\n    pass\ne = Empty()\ny = e(torch.ones(2))",
        ],
        [NET + "net = Net()\nnet(torch.ones(3))", "class Empty(nn.Module):\n    pass\ne = Empty()"],
    ),
    "module-no-super": (
        [
            NET.replace("        super().__init__()\n", "") + "net = Net()",
            "class M(nn.Module):\n    def __init__(self):\n        self.w = nn.Parameter(torch.ones(2))\nM()",
        ],
        [NET + "net = Net()", "class M(nn.Module):\n    w = torch.ones(2)\nM()"],
    ),
    "not-a-module": (
        [
            "m = nn.Sequential(nn.Linear(2, 2), F.relu)",
            "m = nn.Sequential(nn.Linear(2, 2), torch.tanh, nn.Linear(2, 1))",
        ],
        ["m = nn.Sequential(nn.Linear(2, 2), nn.ReLU())", "m = nn.Sequential(nn.Tanh())"],
    ),
    "assigned-to-parameter": (
        [
            "m = nn.Linear(2, 2)\nm.weight = torch.ones(2, 2)",
            "m = nn.Linear(2, 2)\nm.bias = torch.zeros(2)",
        ],
        [
            "m = nn.Linear(2, 2)\nm.weight = nn.Parameter(torch.ones(2, 2))",
            "m = nn.Linear(2, 2)\nwith torch.no_grad():\n    m.bias.zero_()",
        ],
    ),
    "name-not-imported": (
        ["a = np.ones(3)", "a = math.pi", "import torchx as t" if False else "x = random.random()"],
        ["import numpy as np\na = np.ones(3)", "import math\na = math.pi"],
    ),
    "name-too-early": (
        ["print(y)\ny = 1", "a = torch.ones(2) * scale\nscale = 2.0"],
        ["y = 1\nprint(y)", "scale = 2.0\na = torch.ones(2) * scale"],
    ),
    "name-misspelt": (
        ["weights = torch.ones(2)\nprint(weigths)", "loss = torch.ones(())\nprint(los)"],
        ["weights = torch.ones(2)\nprint(weights)", "loss = torch.ones(())\nprint(loss)"],
    ),
    "name-unknown": (
        ["print(qqqq)", X + "y = x * unbekannt"],
        ["qqqq = 1\nprint(qqqq)", X + "unbekannt = 1\ny = x * unbekannt"],
    ),
    "module-misspelt": (
        ["import nunpy", "import tourch"],
        ["import numpy", "import math"],
    ),
    "module-not-here": (
        ["import pandas", "from sklearn import datasets"],
        ["import itertools", "from torch import nn"],
    ),
    "backward-of-a-number": (
        [
            X + "loss = x.sum().item()\nloss.backward()",
            X + "loss = 0.0\nloss = float(x.sum())\nloss.backward()",
        ],
        [X + "loss = x.sum()\nprint(loss.item())\nloss.backward()", X + "float(x.sum())\nx.sum().backward()"],
    ),
    "backward-of-an-object": (
        [
            X + "losses = [x.sum(), x.mean()]\nlosses.backward()",
            X + "loss = F.mse_loss\nloss.backward()",
        ],
        [X + "losses = [x.sum(), x.mean()]\nsum(losses).backward()", X + "x.sum().backward()"],
    ),
    "attribute-misspelt": (
        [
            X + "x.sum().backwards()",
            "x = torch.zeroes(3)",
            "m = nn.Linaer(2, 2)",
            "m = nn.Linear(2, 2)\nprint(m.weights)",
        ],
        [X + "x.sum().backward()", "x = torch.zeros(3)"],
    ),
    "attribute-unknown": (
        [X + "x.qwertz()", "torch.qwertz(3)"],
        [X + "x.exp()", "torch.exp(torch.ones(2))"],
    ),
    "argument-missing": (
        ["m = nn.Linear(2)", "y = F.relu()", "loss = nn.MSELoss()\nloss(torch.ones(2))"],
        ["m = nn.Linear(2, 2)", "y = F.relu(torch.ones(2))"],
    ),
    "argument-extra": (
        ["m = nn.Linear(2, 2, biass=False)", "def f(a):\n    return a\nf(1, 2)"],
        ["m = nn.Linear(2, 2, bias=False)", "def f(a):\n    return a\nf(1)"],
    ),
    "not-callable": (
        ["x = torch.ones(3)\nprint(x.shape())", "x = torch.ones(3)\ny = x()"],
        ["x = torch.ones(3)\nprint(x.shape)", "x = torch.ones(3)\nprint(x.size())"],
    ),
    "operand-types": (
        [
            "a = torch.zeros(3)\nb = [1.0, 2.0, 3.0]\nc = a + b",
            "a = torch.zeros(3)\nc = a + 'a'",
            "a = [1, 2, 3]\nb = torch.sum(a)",
        ],
        ["a = torch.zeros(3)\nb = torch.tensor([1.0, 2.0, 3.0])\nc = a + b", "c = [1] + [2]"],
    ),
    "argument-types": (
        ["a = torch.mm(torch.zeros(2, 2))", "a = torch.zeros('a')"],
        ["a = torch.mm(torch.zeros(2, 2), torch.zeros(2, 2))", "a = torch.zeros(3)"],
    ),
    "division-by-zero": (
        ["a = 1 / 0", "n = 0\nmean = 3.0 / n"],
        ["a = torch.ones(1) / 0", "n = 1\nmean = 3.0 / n"],
    ),
    "key-missing": (
        ["d = {}\nd['a']", "m = nn.Linear(2, 2)\nm.state_dict()['weights']"],
        ["d = {'a': 1}\nd['a']", "m = nn.Linear(2, 2)\nm.state_dict()['weight']"],
    ),
    "list-index": (
        ["a = []\na[1]", "losses = [1.0]\nprint(losses[1])"],
        ["a = [1, 2]\na[1]", "losses = [1.0]\nprint(losses[-1])"],
    ),
    "unpacking": (
        ["x = torch.ones(3)\na, b = x", "a, b, c = (1, 2)"],
        ["x = torch.ones(2)\na, b = x", "a, b = (1, 2)"],
    ),
    "recursion": (
        ["def f(x):\n    return f(x)\nf(1)", "def g():\n    g()\ng()"],
        ["def f(x):\n    return x if x > 3 else f(x + 1)\nf(1)", "def g():\n    pass\ng()"],
    ),
    "gradcheck-single": (
        [
            X + "torch.autograd.gradcheck(lambda t: t * 2, x)",
            "w = torch.ones(2, requires_grad=True)\ntorch.autograd.gradcheck(torch.exp, w)",
        ],
        [
            "x = torch.ones(2, dtype=torch.float64, requires_grad=True)\n"
            "torch.autograd.gradcheck(torch.exp, x)",
            X + "x.sum().backward()",
        ],
    ),
    "gradcheck-mismatch": (
        [
            "x = torch.zeros(2, dtype=torch.float64, requires_grad=True)\n"
            f"torch.autograd.gradcheck(lambda t: {f}, x)"
            for f in ("t + t.detach()", "t.detach() * 3 + t")
        ],
        [
            "x = torch.zeros(2, dtype=torch.float64, requires_grad=True)\n"
            f"torch.autograd.gradcheck(lambda t: {f}, x)"
            for f in ("t + t", "t * 3 + t")
        ],
    ),
    "matrix-singular": (
        ["a = torch.linalg.inv(torch.zeros(2, 2))", "a = torch.ones(2, 2)\nb = torch.linalg.solve(a, a)"],
        ["a = torch.linalg.inv(torch.eye(2))", "a = torch.linalg.pinv(torch.zeros(2, 2))"],
    ),
    "matrix-not-definite": (
        ["a = torch.linalg.cholesky(-torch.eye(2))", "a = -torch.eye(3)\nl = torch.linalg.cholesky(a)"],
        ["a = torch.linalg.cholesky(torch.eye(2))", "a = torch.eye(3)\nl = torch.linalg.cholesky(a @ a.T)"],
    ),
    "syntax-print": (["print 'a'", "x = 1\nprint x"], ["print('a')", "x = 1\nprint(x)"]),
    "syntax-colon": (
        ["for i in range(2)\n    print(i)", "def f(x)\n    return x"],
        ["for i in range(2):\n    print(i)", "def f(x):\n    return x"],
    ),
    "syntax-bracket": (
        ["x = torch.ones(2\nprint(x)", "y = [1, 2\n"],
        ["x = torch.ones(2)\nprint(x)", "y = [1,\n     2]"],
    ),
    "syntax-unmatched": (["x = torch.ones(2))", "y = (1, 2]"], ["x = torch.ones(2)", "y = [1, 2]"]),
    "syntax-string": (["s = 'abc", 's = "x\nprint(s)'], ["s = 'abc'", 's = """x\n"""']),
    "syntax-equals": (
        ["x = 1\nif x = 1:\n    print(x)", "y = 2\nwhile y = 2:\n    y = 3"],
        ["x = 1\nif x == 1:\n    print(x)", "y = 2\nwhile y == 2:\n    y = 3"],
    ),
    "syntax-outside": (
        ["return 1", "x = 1\nbreak"],
        ["def f():\n    return 1", "for i in range(2):\n    break"],
    ),
    "syntax-block": (
        ["if True print(1)", "while x < 3 print(x)"],
        ["if True: print(1)", "x = 1 if True else 2"],
    ),
    "syntax-quotes": (["print(“a”)", "x = ‘a’"], ["print('a“')", "x = 'a'"]),
    "syntax-notebook": (["!pip install torch", ">>> x = 1"], ["x = 5 % 3", "x = 1 != 2"]),
    "syntax-other": (["x = 1 +", "x = = 1"], ["x = +1", "x = 1"]),
    "indent-missing": (
        ["def f():\nreturn 1", "for i in range(2):\nprint(i)"],
        ["def f():\n    return 1", "for i in range(2):\n    print(i)"],
    ),
    "indent-unexpected": (
        ["x = 1\n  y = 2", "x = torch.ones(1)\n    print(x)"],
        ["x = 1\ny = 2", "x = torch.ones(1)\nprint(x)"],
    ),
    "indent-uneven": (
        ["for i in range(2):\n    x = i\n  y = 1", "if True:\n        a = 1\n    b = 2"],
        ["for i in range(2):\n    x = i\ny = 1", "if True:\n    a = 1\n    b = 2"],
    ),
    "no-files": (
        ["f = open('/no/such/file')", "x = torch.load('/no/such/model.pt')"],
        ["import io\nf = io.StringIO('a')", "import io\nb = io.BytesIO()\ntorch.save(torch.ones(2), b)"],
    ),
}
