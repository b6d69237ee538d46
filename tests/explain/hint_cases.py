"""For each hint: programs that deserve it, and near misses that must not get it."""

LOOP = """w = torch.ones(3, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.1)
for epoch in range(3):
{body}
"""


def loop(*lines: str) -> str:
    return LOOP.format(body="\n".join("    " + line for line in lines))


NET = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 4)
        self.b = nn.Linear(4, 1)
        self.extra = nn.Linear(4, 1)
    def forward(self, x):
        return {result}
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(5, 3)
loss = net(x).pow(2).mean()
loss.backward()
opt.step()
"""

DROP = """model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
{mode}
loss = model(torch.randn(2, 3)).sum()
loss.backward()
opt.step()
"""

X = "x = torch.randn(3, requires_grad=True)\n"
P = "p = torch.randn(4, 1, requires_grad=True)\nt = torch.randn(4)\n"
LOGITS = "p = torch.randn(2, 3, requires_grad=True)\nt = torch.tensor([0, 2])\n"

#: code -> (programs that get it, near misses)
CASES: dict[str, tuple[list[str], list[str]]] = {
    "hint-accumulates": (
        [
            "weights = torch.ones(4, requires_grad=True)\nfor epoch in range(8):\n"
            "    model_output = (weights * 3).sum()\n    model_output.backward()\n"
            "    print(weights.grad)",
            loop("loss = (w * w).sum()", "loss.backward()", "opt.step()"),
            "w = torch.ones(2, requires_grad=True)\nfor i in range(3):\n    (w * w).sum().backward()\n"
            "    with torch.no_grad():\n        w -= 0.1 * w.grad",
        ],
        [
            loop("loss = (w * w).sum()", "opt.zero_grad()", "loss.backward()", "opt.step()"),
            # Several batches for one step, on purpose.
            loop("loss = (w * w).sum()", "loss.backward()") + "opt.step()\nopt.zero_grad()",
            loop(
                "(w * w).sum().backward()",
                "if epoch % 2 == 1:",
                "    opt.step()",
                "    opt.zero_grad()",
            ),
            "w = torch.ones(2, requires_grad=True)\nfor i in range(3):\n    (w * w).sum().backward()\n"
            "    print(w.grad)\n    w.grad.zero_()",
        ],
    ),
    "hint-step-no-grads": (
        [
            "weights = torch.ones(4, requires_grad=True)\n"
            "optimizer = torch.optim.SGD([weights], lr=0.01)\noptimizer.step()\noptimizer.zero_grad()",
            loop("loss = (w * w).sum()", "opt.step()"),
        ],
        [
            loop("opt.zero_grad()", "(w * w).sum().backward()", "opt.step()"),
            loop("opt.zero_grad()"),
        ],
    ),
    "hint-step-cleared": (
        [
            loop("loss = (w * w).sum()", "loss.backward()", "opt.zero_grad()", "opt.step()"),
            "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.Adam([w])\n"
            "(w * w).sum().backward()\nopt.zero_grad()\nopt.step()",
        ],
        [
            loop("loss = (w * w).sum()", "opt.zero_grad()", "loss.backward()", "opt.step()"),
            loop("loss = (w * w).sum()", "loss.backward()", "opt.step()", "opt.zero_grad()"),
        ],
    ),
    "hint-eval": (
        [DROP.format(mode="model.eval()"), "\n" + DROP.format(mode="model = model.eval()")],
        [
            DROP.format(mode="model.eval()\nprint(model(torch.ones(1, 3)))\nmodel.train()"),
            DROP.format(mode="") + "model.eval()\nprint(model(torch.ones(1, 3)))",
        ],
    ),
    "hint-graph-kept": (
        [
            "total = 0.0\n"
            + loop("loss = (w * w).sum()", "opt.zero_grad()", "loss.backward()", "opt.step()", "total += loss"),
            "total = torch.zeros(())\n"
            + loop("opt.zero_grad()", "loss = w.sum()", "total += loss", "loss.backward()", "opt.step()"),
        ],
        [
            "total = 0.0\n"
            + loop("loss = (w * w).sum()", "opt.zero_grad()", "loss.backward()", "opt.step()", "total += loss.item()"),
            "total = 0.0\n" + loop("loss = (w * w).sum()", "total = total + loss") + "total.backward()",
        ],
    ),
    "hint-duplicate-parameters": (
        [
            X + "opt = torch.optim.SGD([x, x], lr=0.1)",
            "m = nn.Linear(2, 1)\nopt = torch.optim.SGD([*m.parameters(), m.weight], lr=0.1)",
        ],
        [
            X + "opt = torch.optim.SGD([x], lr=0.1)",
            "m = nn.Linear(2, 1)\nopt = torch.optim.SGD([m.bias, m.weight], lr=0.1)",
        ],
    ),
    "hint-scheduler-first": (
        [
            X + "opt = torch.optim.SGD([x], lr=0.1)\nsch = torch.optim.lr_scheduler.StepLR(opt, 1)\n"
            "x.sum().backward()\nsch.step()\nopt.step()",
            X + "opt = torch.optim.Adam([x])\nsch = torch.optim.lr_scheduler.ExponentialLR(opt, 0.9)\n"
            "x.sum().backward()\nsch.step()\nopt.step()",
        ],
        [
            X + "opt = torch.optim.SGD([x], lr=0.1)\nsch = torch.optim.lr_scheduler.StepLR(opt, 1)\n"
            "x.sum().backward()\nopt.step()\nsch.step()",
            X + "opt = torch.optim.SGD([x], lr=0.1)\nx.sum().backward()\nopt.step()",
        ],
    ),
    "hint-cut": (
        [
            X + "w = torch.ones(3, requires_grad=True)\nh = (x * 2).detach()\n(h * w).sum().backward()",
            X + "w = torch.ones(3, requires_grad=True)\nh = x.data * w\nh.sum().backward()",
            X + "w = torch.ones(3, requires_grad=True)\nwith torch.no_grad():\n    h = x * 2\n"
            "(h * w).sum().backward()",
        ],
        [
            # A straight-through estimator: the cut is beside the path, not on it.
            X + "y = x + (x.round() - x).detach()\ny.sum().backward()",
            X + "w = torch.ones(3, requires_grad=True)\nprint(x.detach())\n(x * w).sum().backward()",
            X + "w = torch.ones(3, requires_grad=True)\nw.sum().backward()",
        ],
    ),
    "hint-tensor-copy": (
        [
            X + "w = torch.ones(3, requires_grad=True)\nh = torch.tensor(x)\n(h * w).sum().backward()",
            X + "h = torch.tensor([x.sum(), x.mean()])\ny = h * 2",
        ],
        [
            X + "h = x.detach().clone()\ny = h * 2",
            X + "log = []\nlog.append(torch.tensor(x.sum()))\nx.sum().backward()",
        ],
    ),
    "hint-flag-on-a-result": (
        [
            "x = torch.ones(3)\nloss = (x * 2).sum()\nloss.requires_grad = True\nloss.backward()",
            "x = torch.ones(3)\nloss = x.mean().requires_grad_()\nloss.backward()",
            X + "loss = torch.tensor(x.sum().item(), requires_grad=True)\nloss.backward()",
        ],
        [
            "w = (torch.randn(3) * 0.1).requires_grad_()\nw.sum().backward()",
            "w = torch.tensor(2.0, requires_grad=True)\nw.backward()",
        ],
    ),
    "hint-flat": (
        [X + "x.round().sum().backward()", X + "y = torch.sign(x) * 2\ny.sum().backward()"],
        [
            X + "y = x + (x.round() - x).detach()\ny.sum().backward()",
            X + "print(x.round())\nx.sum().backward()",
        ],
    ),
    "hint-non-leaf-grad": (
        [
            X + "y = x * 2\ny.sum().backward()\nprint(y.grad)",
            "w = torch.ones(2, requires_grad=True)\n(w * w).sum().backward()\n"
            "w = w - 0.1 * w.grad\nprint(w.grad)",
        ],
        [
            X + "y = x * 2\ny.retain_grad()\ny.sum().backward()\nprint(y.grad)",
            X + "y = x * 2\ny.sum().backward()\nprint(x.grad)",
        ],
    ),
    "hint-unused-parameters": (
        [NET.format(result="self.b(self.a(x))"), NET.format(result="self.extra(torch.relu(self.a(x)))")],
        [
            NET.format(result="self.b(self.a(x)) + self.extra(self.a(x))"),
            NET.format(result="self.b(self.a(x)) * self.extra(self.a(x)).sigmoid()"),
        ],
    ),
    "hint-item": (
        [
            X + "w = torch.ones((), requires_grad=True)\nk = x.sum().item()\nloss = w * k\nloss.backward()",
            X + "w = torch.ones((), requires_grad=True)\nloss = w * float(x.sum())\nloss.backward()",
        ],
        [
            X + "loss = x.sum()\nloss.backward()\nprint(loss.item())",
            X + "w = torch.ones((), requires_grad=True)\nk = x.sum().item()\nprint(k)\n(w * 2).backward()",
        ],
    ),
    "hint-loss-broadcast": (
        [P + "loss = F.mse_loss(p, t)\nloss.backward()", P + "loss = nn.L1Loss()(p, t)\nloss.backward()"],
        [
            P + "loss = F.mse_loss(p.squeeze(-1), t)\nloss.backward()",
            P + "loss = F.mse_loss(p, t.view_as(p))\nloss.backward()",
        ],
    ),
    "hint-column-minus-row": (
        [
            P + "loss = ((p - t) ** 2).mean()\nloss.backward()",
            P + "diff = t - p\nloss = diff.pow(2).mean()\nloss.backward()",
        ],
        [
            P + "loss = ((p.squeeze(-1) - t) ** 2).mean()\nloss.backward()",
            "a = torch.randn(4, requires_grad=True)\nd = a[:, None] - a\nd.pow(2).sum().backward()",
        ],
    ),
    "hint-double-softmax": (
        [
            LOGITS + "q = torch.softmax(p, 1)\nloss = F.cross_entropy(q, t)\nloss.backward()",
            LOGITS + "q = p.softmax(dim=1)\nloss = nn.CrossEntropyLoss()(q, t)\nloss.backward()",
            LOGITS + "y = torch.zeros(2, 3)\nq = torch.sigmoid(p)\n"
            "loss = F.binary_cross_entropy_with_logits(q, y)\nloss.backward()",
            LOGITS + "q = F.softmax(p, dim=1)\nloss = F.nll_loss(q, t)\nloss.backward()",
        ],
        [
            LOGITS + "loss = F.cross_entropy(p, t)\nprint(torch.softmax(p, 1))\nloss.backward()",
            LOGITS + "loss = F.nll_loss(F.log_softmax(p, dim=1), t)\nloss.backward()",
            LOGITS + "y = torch.zeros(2, 3)\nF.binary_cross_entropy(torch.sigmoid(p), y).backward()",
        ],
    ),
    "hint-nonfinite-value": (
        [
            "x = torch.zeros(2, requires_grad=True)\ny = torch.log(x)\ny.sum().backward()",
            "x = torch.tensor([-1.0, 1.0], requires_grad=True)\ny = x.sqrt().sum()\ny.backward()",
        ],
        [
            "x = torch.ones(2, requires_grad=True)\ny = torch.log(x)\ny.sum().backward()",
            # A causal mask: infinite scores are meant, and the gradients are finite.
            "s = torch.randn(3, 3, requires_grad=True)\nm = torch.triu(torch.ones(3, 3), 1).bool()\n"
            "a = s.masked_fill(m, float('-inf')).softmax(-1)\na[:, 0].sum().backward()",
        ],
    ),
    "hint-nonfinite-gradient": (
        [
            "w = torch.zeros(4, requires_grad=True)\ny = torch.sqrt(w).sum()\ny.backward()",
            "x = torch.zeros(2, requires_grad=True)\ny = x.pow(0.5).sum()\ny.backward()",
        ],
        [
            "w = torch.ones(4, requires_grad=True)\ny = torch.sqrt(w).sum()\ny.backward()",
            "w = torch.zeros(4, requires_grad=True)\ny = torch.sqrt(w + 1e-6).sum()\ny.backward()",
        ],
    ),
    "hint-exploding": (
        [
            "w = torch.full((2,), 10.0, requires_grad=True)\nh = torch.ones(2)\nfor i in range(9):\n"
            "    h = h * w\nh.sum().backward()",
            "x = torch.ones(1, requires_grad=True)\ny = x\nfor i in range(9):\n    y = y * 10\ny.sum().backward()",
        ],
        [
            "w = torch.full((2,), 1.1, requires_grad=True)\nh = torch.ones(2)\nfor i in range(9):\n"
            "    h = h * w\nh.sum().backward()",
            "x = torch.randn(3, requires_grad=True)\na = x * 2\nfor _ in range(10):\n    a = a * 2\n"
            "a.backward(torch.tensor([0.1, 1.0, 0.0001]))",
        ],
    ),
    "hint-vanishing": (
        [
            "w = torch.full((2,), 0.05, requires_grad=True)\nh = torch.ones(2)\nfor i in range(9):\n"
            "    h = h * w\nh.sum().backward()",
            "x = torch.ones(1, requires_grad=True)\ny = x * 4\nfor i in range(16):\n"
            "    y = torch.sigmoid(y)\ny.sum().backward()",
        ],
        [
            "x = torch.ones(1, requires_grad=True)\ny = x\nfor i in range(4):\n    y = torch.sigmoid(y)\n"
            "y.sum().backward()",
            "x = torch.ones(1, requires_grad=True)\ny = x\nfor i in range(9):\n    y = y * 0.9\ny.sum().backward()",
        ],
    ),
    "hint-dead-relu": (
        [
            "x = torch.tensor([-1.0, -2.0], requires_grad=True)\ny = torch.relu(x).sum()\ny.backward()",
            "m = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))\n"
            "with torch.no_grad():\n    m[0].bias.fill_(-100.0)\nm(torch.ones(4, 2)).sum().backward()",
        ],
        [
            "x = torch.tensor([-1.0, 2.0], requires_grad=True)\ny = torch.relu(x).sum()\ny.backward()",
            "x = torch.tensor([1.0, 2.0], requires_grad=True)\ny = (torch.relu(x) * 0).sum()\ny.backward()",
        ],
    ),
}

#: Hints whose fixes must take them away.
CLEARED_BY_FIX = {
    "hint-accumulates",
    "hint-step-cleared",
    "hint-eval",
    "hint-graph-kept",
    "hint-cut",
    "hint-tensor-copy",
    "hint-non-leaf-grad",
    "hint-item",
    "hint-loss-broadcast",
    "hint-double-softmax",
    "hint-nonfinite-value",
    "hint-nonfinite-gradient",
}
