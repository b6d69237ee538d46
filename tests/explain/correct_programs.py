"""Programs without faults, of many kinds: none of them may get a hint or a diagnosis."""

HEAD = "import torch, torch.nn as nn, torch.nn.functional as F\n"

TRAIN = """torch.manual_seed(0)
model = {model}
opt = torch.optim.{optimizer}
x, y = {data}
for epoch in range(3):
    opt.zero_grad()
    loss = {loss}
    loss.backward()
    opt.step()
print(loss.item())
"""


def train(model: str, data: str, loss: str, optimizer: str = "SGD(model.parameters(), lr=0.1)") -> str:
    return TRAIN.format(model=model, data=data, loss=loss, optimizer=optimizer)


REGRESSION = "torch.randn(8, 3), torch.randn(8, 1)"
CLASSES = "torch.randn(8, 3), torch.randint(0, 4, (8,))"

PROGRAMS = [
    "x = torch.randn(3, requires_grad=True)\ny = x + 2\na = y * y * 3\nb = a.mean()\nb.backward()\nprint(x.grad)",
    "x = torch.randn(3, requires_grad=True)\na = x * 2\nfor _ in range(10):\n    a = a * 2\n"
    "v = torch.tensor([0.1, 1.0, 0.0001])\na.backward(v)\nprint(x.grad)",
    "a = torch.randn(2, 2)\nb = ((a * 3) / (a - 1))\nprint(b.grad_fn)\na.requires_grad_(True)",
    "x = torch.randn(3, requires_grad=True)\nx.requires_grad_(False)\nprint(x)",
    "x = torch.randn(3, requires_grad=True)\ny = x.detach()\nprint(y)",
    "x = torch.randn(3, requires_grad=True)\nwith torch.no_grad():\n    y = x + 2\nz = x + 2",
    train("nn.Linear(3, 1)", REGRESSION, "F.mse_loss(model(x), y)"),
    train(
        "nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 4))",
        CLASSES,
        "F.cross_entropy(model(x), y)",
        "Adam(model.parameters())",
    ),
    train(
        "nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 1))",
        REGRESSION,
        "F.l1_loss(model(x), y)",
        "AdamW(model.parameters(), lr=0.01)",
    ),
    train(
        "nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())",
        "torch.randn(8, 3), torch.ones(8, 1)",
        "F.binary_cross_entropy(model(x), y)",
    ),
    train(
        "nn.Sequential(nn.Linear(3, 4), nn.LogSoftmax(dim=1))", CLASSES, "F.nll_loss(model(x), y)"
    ),
    train(
        "nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 16, 4))",
        "torch.randn(4, 1, 6, 6), torch.randint(0, 4, (4,))",
        "F.cross_entropy(model(x), y)",
    ),
    train(
        "nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))",
        "torch.randint(0, 10, (5, 3)), torch.randint(0, 2, (5,))",
        "F.cross_entropy(model(x), y)",
    ),
    # Evaluation after training.
    train("nn.Linear(3, 1)", REGRESSION, "F.mse_loss(model(x), y)")
    + "model.eval()\nwith torch.no_grad():\n    print(F.mse_loss(model(x), y))",
    # Gradients accumulated over small batches on purpose.
    "model = nn.Linear(2, 1)\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\nopt.zero_grad()\n"
    "for i in range(4):\n    loss = model(torch.randn(3, 2)).pow(2).mean() / 4\n    loss.backward()\nopt.step()",
    # A frozen backbone.
    "backbone = nn.Linear(3, 4)\nfor p in backbone.parameters():\n    p.requires_grad_(False)\n"
    "head = nn.Linear(4, 1)\nopt = torch.optim.SGD(head.parameters(), lr=0.1)\n"
    "loss = head(backbone(torch.randn(2, 3))).sum()\nloss.backward()\nopt.step()",
    "backbone = nn.Linear(3, 4)\nhead = nn.Linear(4, 1)\nopt = torch.optim.SGD(head.parameters(), lr=0.1)\n"
    "with torch.no_grad():\n    h = backbone(torch.randn(2, 3))\nloss = head(h).sum()\nloss.backward()\nopt.step()",
    # Two players: the discriminator sees a detached fake.
    "g = nn.Linear(2, 2)\nd = nn.Linear(2, 1)\nog = torch.optim.Adam(g.parameters())\n"
    "od = torch.optim.Adam(d.parameters())\nz = torch.randn(4, 2)\nfake = g(z)\n"
    "ld = F.softplus(d(fake.detach())).mean()\nod.zero_grad()\nld.backward()\nod.step()\n"
    "lg = F.softplus(-d(fake)).mean()\nog.zero_grad()\nlg.backward()\nog.step()",
    # Newton's method with second derivatives.
    "x = torch.tensor(3.0, requires_grad=True)\nfor i in range(4):\n    y = x ** 4 - 2 * x ** 2\n"
    "    g, = torch.autograd.grad(y, x, create_graph=True)\n    h, = torch.autograd.grad(g, x)\n"
    "    with torch.no_grad():\n        x -= g / h\nprint(x)",
    # A hand-written descent.
    "w = torch.zeros(2, requires_grad=True)\nfor i in range(5):\n    loss = ((w - 1) ** 2).sum()\n"
    "    loss.backward()\n    with torch.no_grad():\n        w -= 0.1 * w.grad\n        w.grad.zero_()",
    "w = torch.zeros(2, requires_grad=True)\nfor i in range(5):\n    loss = ((w - 1) ** 2).sum()\n"
    "    g, = torch.autograd.grad(loss, w)\n    with torch.no_grad():\n        w -= 0.1 * g",
    # A recurrent net, truncated.
    "cell = nn.RNNCell(2, 3)\nh = torch.zeros(1, 3)\nopt = torch.optim.SGD(cell.parameters(), lr=0.1)\n"
    "for t in range(4):\n    h = cell(torch.randn(1, 2), h.detach())\n    loss = h.pow(2).sum()\n"
    "    opt.zero_grad()\n    loss.backward()\n    opt.step()",
    # Attention with a causal mask.
    "q = torch.randn(3, 4, requires_grad=True)\nk = torch.randn(3, 4, requires_grad=True)\n"
    "v = torch.randn(3, 4, requires_grad=True)\ns = q @ k.T / 2\n"
    "s = s.masked_fill(torch.triu(torch.ones(3, 3), 1).bool(), float('-inf'))\n"
    "out = s.softmax(-1) @ v\nout.sum().backward()",
    # Straight-through estimators and gumbel-like tricks.
    "x = torch.randn(4, requires_grad=True)\nhard = (x > 0).float()\ny = hard + x.sigmoid() - x.sigmoid().detach()\n"
    "y.sum().backward()",
    # Pairwise distances on purpose.
    "a = torch.randn(4, 2, requires_grad=True)\nd = (a[:, None] - a[None]).pow(2).sum(-1)\nd.sum().backward()",
    # A custom Function.
    "class Exp(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        y = x.exp()\n"
    "        ctx.save_for_backward(y)\n        return y\n    @staticmethod\n    def backward(ctx, g):\n"
    "        y, = ctx.saved_tensors\n        return g * y\n"
    "x = torch.randn(3, requires_grad=True)\nExp.apply(x).sum().backward()",
    # Logging numbers.
    "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1)\nhistory = []\ntotal = 0.0\n"
    "for i in range(3):\n    opt.zero_grad()\n    loss = (w * w).sum()\n    loss.backward()\n    opt.step()\n"
    "    history.append(loss.item())\n    total += loss.item()",
    # Losses summed over a loop, one backward.
    "w = torch.ones(2, requires_grad=True)\ntotal = 0.0\nfor i in range(3):\n    total = total + (w * i).sum()\n"
    "total.backward()",
    # Gradient penalties and hooks.
    "x = torch.randn(3, requires_grad=True)\ny = (x ** 3).sum()\ng, = torch.autograd.grad(y, x, create_graph=True)\n"
    "(g.pow(2).sum()).backward()",
    "x = torch.randn(3, requires_grad=True)\nh = x * 2\nh.register_hook(lambda g: g * 2)\nh.sum().backward()",
    # The gradient of an input, with weights that are not asked for.
    "m = nn.Linear(3, 1)\nx = torch.randn(2, 3, requires_grad=True)\n"
    "g, = torch.autograd.grad(m(x).sum(), x)\nprint(g)",
    # A leaf made in several steps.
    "w = (torch.randn(3) * 0.1).requires_grad_()\n(w * 2).sum().backward()\nprint(w.grad)",
    # Sharing, reshaping, indexing.
    "x = torch.randn(2, 3, requires_grad=True)\ny = x.T.reshape(-1)[::2].view(3)\ny.prod().backward()",
    "x = torch.randn(5, requires_grad=True)\nv, i = x.topk(2)\nv.sum().backward()",
    "x = torch.randn(5, requires_grad=True)\nx[x.argmax()].backward()",
    # Inference only.
    "m = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).eval()\nwith torch.inference_mode():\n    print(m(torch.ones(1, 2)))",
    # Clipping and schedules.
    "m = nn.Linear(2, 1)\nopt = torch.optim.SGD(m.parameters(), lr=0.1)\n"
    "sch = torch.optim.lr_scheduler.StepLR(opt, 1)\nfor i in range(2):\n    opt.zero_grad()\n"
    "    m(torch.ones(1, 2)).sum().backward()\n    nn.utils.clip_grad_norm_(m.parameters(), 1.0)\n"
    "    opt.step()\n    sch.step()",
]
