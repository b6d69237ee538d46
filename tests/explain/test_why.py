"""Why a gradient is there or not: the chain of evidence and the share of each path."""

from __future__ import annotations

from typing import Any

import pytest

from app.explain import explain
from app.trace.document import Trace
from app.trace.explanations import Why
from tests.explain.running import explained

X = "import torch\nx = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\n"
W = "w = torch.ones(3, requires_grad=True)\n"


def ask(code: str, name: str) -> tuple[Trace, dict[str, Any], Why]:
    trace = explained(code)
    variable = next(v for v in trace["variables"] if v["name"] == name)
    assert variable["explanation"] == variable["why"]["sentence"]
    return trace, dict(variable), variable["why"]


@pytest.mark.parametrize(
    ("code", "name", "status", "words"),
    [
        (X + "(x * 2).sum().backward()", "x", "accumulated", ["line 3", "one path", "2 nodes"]),
        (
            X + "for i in range(4):\n    (x * 2).sum().backward()",
            "x",
            "accumulated",
            ["4 gradients", "line 4"],
        ),
        (
            X + "y = x * 2\ny.retain_grad()\ny.sum().backward()",
            "y",
            "retained",
            ["retain_grad()", "line 5"],
        ),
        (
            X + "y = (x**3).sum()\ng, = torch.autograd.grad(y, x)",
            "g",
            "no_requires_grad",
            ["line 4", "create_graph"],
        ),
        (
            X + "(x**3).sum().backward()\ng = x.grad",
            "g",
            "no_requires_grad",
            ["`x.grad` on line 4", "create_graph"],
        ),
        (
            "import torch\nx = torch.ones(2)\nH = torch.func.hessian(lambda t: (t**3).sum())(x)",
            "H",
            "no_requires_grad",
            ["`torch.func.hessian", "line 3"],
        ),
        (
            X + "c = torch.ones(1, requires_grad=True)\ny = x.sum()\ntorch.autograd.grad(y, c)",
            "c",
            "not_reached",
            ["no operation used it"],
        ),
        (
            "import torch\nlstm = torch.nn.LSTM(3, 4)\n"
            "out, (h, c) = lstm(torch.randn(5, 1, 3))\nh.sum().backward()",
            "out",
            "not_a_leaf",
            ["no backward pass came through it"],
        ),
        (
            X + "x.requires_grad_(False)\ny = x * 2",
            "x",
            "no_requires_grad",
            ["line 3", "`x.requires_grad_(False)`"],
        ),
        (X + "x.requires_grad = False", "x", "no_requires_grad", ["`x.requires_grad = False`"]),
        (
            X + "x.sum().backward()\ny = x.grad * 2",
            "y",
            "no_requires_grad",
            ["from `x.grad`"],
        ),
        (
            "import torch\nnet = torch.nn.Linear(2, 1)\n"
            "for p in net.parameters():\n    p.requires_grad = False",
            "p",
            "no_requires_grad",
            ["`p` is a parameter that was frozen"],
        ),
        (
            X + "y = x * 2\nloss = torch.tensor(y.sum().item(), requires_grad=True)\n"
            "loss.backward()",
            "x",
            "not_reached",
            ["line 4", "plain Python or numpy numbers"],
        ),
        (X + "y = x * 2\ny.sum().backward()", "y", "not_a_leaf", ["MulBackward0", "retain_grad()"]),
        (X + "y = x.sum()\ny.backward()", "y", "not_a_leaf", ["started", "SumBackward0"]),
        (X + "y = x * 2", "y", "not_a_leaf", ["no backward pass"]),
        (X + "y = x * 2", "x", "backward_not_run", ["nothing called backward"]),
        (X + "y = x * 2\n1 / 0", "x", "backward_not_run", ["line 4"]),
        (X + "x.sum().backward()\nx.grad = None", "x", "cleared", ["line 3", "None"]),
        (X + "x.sum().backward()\nx.grad.zero_()", "x", "zeroed", ["zeros"]),
        (X + "x.grad = torch.ones(3)", "x", "assigned", ["itself set"]),
        (X + W + "x.sum().backward()", "w", "not_reached", ["no operation used it"]),
        (
            X + W + "w.sum().backward()\nw.grad = None\n(x + x).sum().backward()\n"
            "v = torch.ones(3, requires_grad=True)\nu = v * 2",
            "v",
            "not_reached",
            ["nothing in `w.sum()` and `(x + x).sum()` depends on it"],
        ),
        (
            X + W + "u = w * 2\nx.sum().backward()",
            "w",
            "not_reached",
            ["nothing in `x.sum()` depends on it"],
        ),
        (
            X + "a = torch.zeros(3)\nwith torch.no_grad():\n    a[:] = x * 2\n"
            "(a * torch.ones(3, requires_grad=True)).sum().backward()",
            "x",
            "not_reached",
            ["`x * 2` on line 5", "was not recorded"],
        ),
        (
            X + "y = (x**3).sum()\ng, = torch.autograd.grad(y, x, create_graph=True)\n"
            "g.sum().backward()",
            "g",
            "not_a_leaf",
            ["its gradient passed through"],
        ),
        (
            X + "f = torch.jit.script(torch.nn.Softplus())\ny = f(x)\ny.backward(x.detach())",
            "y",
            "not_a_leaf",
            ["is where the backward call on line 5 started"],
        ),
        (
            X + "z = torch.zeros_like(x)\n(x * z).sum().backward()",
            "z",
            "no_requires_grad",
            ["`z` was made on line 3 without `requires_grad=True`"],
        ),
        (
            X + W + "(w * torch.rand_like(x)).sum().backward()",
            "x",
            "not_reached",
            ["nothing in `(w * torch.rand_like(x)).sum()` depends on it"],
        ),
        (X + "g, = torch.autograd.grad((x * 2).sum(), x)", "x", "not_accumulated", ["returned it"]),
        (
            "import torch\nx = torch.ones(2)",
            "x",
            "no_requires_grad",
            ["line 2", "requires_grad=True"],
        ),
        ("import torch\nx = torch.ones(2)\ny = x * 2", "y", "no_requires_grad", ["line 3", "`x`"]),
        ("import torch\nn = torch.arange(3)", "n", "no_requires_grad", ["int64"]),
        (X + "h = x.detach()", "h", "no_requires_grad", ["`x.detach()` on line 3", "history"]),
        (X + "h = x.data", "h", "no_requires_grad", ["`x.data` on line 3"]),
        (
            X + "with torch.no_grad():\n    h = x * 2",
            "h",
            "no_requires_grad",
            ["line 4", "no_grad()"],
        ),
        (
            "import torch\nm = torch.nn.Linear(2, 1)\nm.weight.requires_grad_(False)\n"
            "m(torch.ones(1, 2)).sum().backward()",
            "m.weight",
            "no_requires_grad",
            ["frozen"],
        ),
        (X + "h = x.argmax()", "h", "no_requires_grad", ["no derivative"]),
        (X + "h = torch.tensor(x)", "h", "no_requires_grad", ["plain Python or numpy numbers"]),
        (
            "import torch\na = torch.ones(2)\nb = a * 3\na.requires_grad_()",
            "b",
            "no_requires_grad",
            ["while none of that required grad yet"],
        ),
        (X + "y = x.exp()\ny += 1\ny.sum().backward()", "x", "not_reached", ["stopped", "line 5"]),
    ],
)
def test_each_status_has_a_sentence_about_this_program(
    code: str, name: str, status: str, words: list[str]
) -> None:
    _, variable, why = ask(code, name)
    assert variable["grad_status"] == status
    assert f"`{name}`" in why["sentence"] or f"`{name}.grad`" in why["sentence"]
    assert 30 <= len(why["sentence"]) <= 330
    for part in words:
        assert part in why["sentence"], why["sentence"]


@pytest.mark.parametrize(
    ("cut", "kind"),
    [
        ("h = (x * 2).detach()", "detach"),
        ("h = (x * 2).data", "data"),
        ("with torch.no_grad():\n    h = x * 2", "no_grad"),
        ("h = (x > 0).float()", "not_differentiable"),
        ("h = torch.tensor(x)", "rebuilt"),
    ],
)
def test_the_chain_ends_at_the_cut(cut: str, kind: str) -> None:
    del kind
    trace, variable, why = ask(X + W + cut + "\n(h * w).sum().backward()", "x")
    assert variable["grad_status"] == "not_reached"
    assert why["cut"] is not None
    op = next(o for o in trace["ops"] if o["id"] == why["cut"]["ref"])
    assert not op["recorded"]
    assert op["site"] is not None and f"line {op['site']['line']}" in why["sentence"]
    assert why["steps"][0]["ref"] == variable["tensor"]
    assert why["steps"][-1] == why["cut"]
    assert why["nodes"] == [] and why["paths"] == []


def test_the_nodes_between_root_and_leaf_are_named_for_the_page() -> None:
    trace, _, why = ask(X + W + "y = x * 2\nz = w * 3\n(y * y).sum().backward()", "x")
    graph = next(g for g in trace["graphs"] if g["id"] == why["graph"])
    names = {n["id"]: n["name"] for n in graph["nodes"]}
    lit = [names[n] for n in why["nodes"]]
    assert lit[0] == "SumBackward0" and lit[-1] == "AccumulateGrad"
    assert sorted(lit) == ["AccumulateGrad", "MulBackward0", "MulBackward0", "SumBackward0"]
    assert len(why["edges"]) == 4
    assert set(why["edges"]) <= {e["id"] for e in graph["edges"]}


def test_shares_of_the_paths_are_the_products_of_local_jacobians() -> None:
    """d/dx of x^3 + 5x: the two paths bring 3x^2 and 5, checked by hand at x = 1."""
    code = (
        "import torch\nx = torch.tensor(1.0, requires_grad=True)\ny = x ** 3 + 5 * x\ny.backward()"
    )
    _, _, why = ask(code, "x")
    shares = sorted(p["share"] or 0 for p in why["paths"])
    assert shares == pytest.approx([3 / 8, 5 / 8])


def test_shares_have_signs_and_add_up_to_one() -> None:
    code = X + "u = x * 3\nv = u.exp()\n(v - u * u + 2 * v * u).sum().backward()"
    _, _, why = ask(code, "x")
    shares = [p["share"] for p in why["paths"]]
    assert len(shares) == 5
    assert sum(s for s in shares if s is not None) == pytest.approx(1.0, rel=1e-5)
    assert any(s is not None and s < 0 for s in shares)
    for path in why["paths"]:
        assert len(path["nodes"]) == len(path["edges"]) + 1


def test_many_paths_are_not_listed_one_by_one() -> None:
    code = X + "h = x\nfor i in range(30):\n    h = h + h\nh.sum().backward()"
    _, _, why = ask(code, "x")
    assert 1 <= len(why["paths"]) <= 16


def test_two_calls_with_different_roots_are_both_named() -> None:
    _, _, why = ask(X + "a = (x * 2).sum()\nb = (x * 3).sum()\na.backward()\nb.backward()", "x")
    assert "2 gradients" in why["sentence"]
    assert "5" in why["sentence"] and "6" in why["sentence"]


def test_explain_answers_for_one_variable_and_knows_its_names() -> None:
    code = X + "x.sum().backward()"
    trace = explained(code)
    assert explain(trace, "x", code)["sentence"] == trace["variables"][0]["explanation"]
    with pytest.raises(KeyError):
        explain(trace, "nobody", code)


FUNCTION = """
class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        return a + b
    @staticmethod
    def backward(ctx, grad):
        return grad, None
"""


def test_a_function_that_returns_none() -> None:
    code = X + W + FUNCTION + "y = w * 2\nHalf.apply(x, y).sum().backward()"
    trace, variable, answer = ask(code, "w")
    assert variable["grad_status"] == "not_reached"
    assert "`Half.apply(x, y)`" in answer["sentence"] and "returned None" in answer["sentence"]
    assert answer["cut"] is None and len(answer["steps"]) == 2
    assert not [h for h in trace["hints"] if h["diagnosis"]["code"] == "hint-cut"]
    chosen = "y = w * 2\nHalf.apply(x, y).sum().backward(inputs=[x])"
    assert "None on that way" not in ask(X + W + FUNCTION + chosen, "w")[2]["sentence"]


def test_a_call_that_failed_behind_a_leaf() -> None:
    _, variable, answer = ask(X + "((x // 2) * x).sum().backward()", "x")
    assert variable["grad_status"] == "not_reached"
    assert "stopped with the error on line 3" in answer["sentence"]


def test_a_hook_that_steps_and_clears() -> None:
    code = (
        W
        + "w.register_post_accumulate_grad_hook(lambda p: setattr(p, 'grad', None))\n"
        + "(w * 2).sum().backward()"
    )
    _, variable, _ = ask("import torch\n" + code, "w")
    assert variable["grad_status"] == "cleared"


def test_a_copy_into_a_leaf_is_no_cut_behind_it() -> None:
    code = (
        "import torch\n" + W + "with torch.no_grad():\n    w.copy_(torch.zeros(3))\n"
        "    y = w * 2\nv = torch.ones(3, requires_grad=True)\n(v * y).sum().backward()"
    )
    _, _, answer = ask(code, "w")
    assert "`w * 2` on line 5" in answer["sentence"]


def test_a_view_that_has_no_history_any_more() -> None:
    code = X + "y = x * 2\na, b, c = y.unbind(0)\ny.add_(1)\ny.sum().backward()"
    _, variable, answer = ask(code, "a")
    assert variable["grad_status"] == "not_a_leaf"
    assert "no history any more" in answer["sentence"]


def test_a_result_that_was_changed_after_its_gradient_was_kept() -> None:
    code = X + "y = x * 2\ny.retain_grad()\ny.sum().backward()\ny.zero_()"
    trace, variable, answer = ask(code, "y")
    assert variable["grad_status"] == "retained"
    assert "earlier backward pass" in answer["sentence"]
    assert all(other["explanation"] for other in trace["variables"])
