"""Leaves whose values the request gives, expressions, and backward on request."""

from __future__ import annotations

import pytest
import torch

from tests.recorder.oracle import recorded, same_numbers

CODE = (
    "x = torch.randn(3, requires_grad=True)\nw = torch.randn(3)\ny = (x * w).sum()\ny.backward()\n"
)


def test_a_named_leaf_takes_the_requests_numbers() -> None:
    before = recorded(CODE)
    after = recorded(CODE, inputs={"x": {"value": [1, 2, 3]}})
    assert [i["source"] for i in before["inputs"]] == ["program", "program"]
    assert next((i["name"], i["source"]) for i in after["inputs"]) == ("x", "request")
    assert after["inputs"][0]["data"] == [1.0, 2.0, 3.0]
    w = next(t for t in after["tensors"] if t["names"] == ["w"])
    assert w["value"] == next(t for t in before["tensors"] if t["names"] == ["w"])["value"]
    assert after["variables"][0]["grad"] == before["variables"][0]["grad"]
    assert [op["name"] for op in after["ops"]] == [op["name"] for op in before["ops"]]
    x = after["tensors"][0]
    assert x["value"] is not None and x["value"]["data"] == [1.0, 2.0, 3.0]


def test_another_shape_makes_another_leaf() -> None:
    trace = recorded(
        "x = torch.ones(3, requires_grad=True)\ny = x.sum()\n", inputs={"x": {"value": [1, 2]}}
    )
    assert trace["variables"][0]["shape"] == [2] and trace["variables"][0]["requires_grad"]


def test_only_leaves_made_of_nothing_can_be_given() -> None:
    trace = recorded("x = torch.ones(2)\ny = x * 2\nz = x.detach()\nk = torch.arange(2)\n")
    assert [i["name"] for i in trace["inputs"]] == ["x"]


def test_an_expression_has_its_free_names_as_leaves() -> None:
    trace = recorded("sin(x)*y + x**2", auto_backward=True)
    assert [(i["name"], i["data"], i["source"]) for i in trace["inputs"]] == [
        ("x", 0.5, "default"),
        ("y", 1.5, "default"),
    ]
    x = torch.tensor(0.5, requires_grad=True)
    y = torch.tensor(1.5, requires_grad=True)
    (torch.sin(x) * y + x**2).backward()
    assert [v["name"] for v in trace["variables"]] == ["x", "y"]
    same_numbers(trace["variables"][0]["grad"], x.grad)
    same_numbers(trace["variables"][1]["grad"], y.grad)


def test_an_expression_takes_values_shapes_and_a_gradient() -> None:
    trace = recorded(
        "relu(x) * w + pi",
        auto_backward=True,
        inputs={"x": {"value": [-1, 2]}, "w": {"shape": [2], "requires_grad": False}},
        gradient=[1, 10],
    )
    assert trace["error"] is None
    w = next(i for i in trace["inputs"] if i["name"] == "w")
    x = next(v for v in trace["variables"] if v["name"] == "x")
    assert x["grad"] is not None
    assert x["grad"]["data"] == [0.0, pytest.approx(10 * w["data"][1])]


def test_a_wrong_input_is_told() -> None:
    trace = recorded("x * 2", inputs={"x": {"value": [[1, 2], [3]]}})
    assert trace["error"] is not None and trace["error"]["kind"] == "exception"
    trace = recorded("x * 2", inputs={"x": {"value": 1, "dtype": "float3"}})
    assert trace["error"] is not None and "float3" in trace["error"]["message"]


def test_auto_backward_runs_the_last_expression_or_scalar() -> None:
    trace = recorded(
        "x = torch.ones(2, requires_grad=True)\nloss = (x * 2).sum()\nz = x * 3\n",
        auto_backward=True,
    )
    (graph,) = trace["graphs"]
    assert graph["kind"] == "backward" and graph["site"] is None
    assert trace["variables"][0]["grad"] is not None
    assert trace["variables"][0]["grad"]["data"] == [2.0, 2.0]
    again = recorded("x = torch.ones(2, requires_grad=True)\n(x * 5).sum()\n", auto_backward=True)
    assert again["graphs"][0]["kind"] == "backward"
    none = recorded(
        "x = torch.ones(2, requires_grad=True)\n(x * 2).sum().backward()\n", auto_backward=True
    )
    assert len(none["graphs"]) == 1


def test_a_gradient_for_the_programs_own_backward() -> None:
    code = "x = torch.ones(3, requires_grad=True)\na = x * 2\na.backward()\n"
    assert recorded(code)["error"] is not None
    trace = recorded(code, gradient=[1, 2, 3])
    assert trace["error"] is None
    assert trace["variables"][0]["grad"] is not None
    assert trace["variables"][0]["grad"]["data"] == [2.0, 4.0, 6.0]


def test_what_a_module_merely_holds_is_a_variable_too() -> None:
    trace = recorded(
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.w = torch.ones(2, requires_grad=True)\n"
        "        self.heads = [nn.Linear(2, 1)]\n"
        "    def forward(self, x):\n"
        "        return self.heads[0](x * self.w)\n"
        "net = nn.Sequential(Net())\n"
        "net(torch.ones(2)).sum().backward()\n"
    )
    names = [v["name"] for v in trace["variables"] if v["grad"] is not None]
    assert names == ["net.0.w", "net.0.heads[0].weight", "net.0.heads[0].bias"]


def test_tensors_in_objects_closures_and_nested_containers_are_variables() -> None:
    trace = recorded(
        "class Net:\n"
        "    def __init__(self):\n"
        "        self.w = torch.ones(2, requires_grad=True)\n"
        "        self.layers = [{'b': torch.zeros(2, requires_grad=True)}]\n"
        "    def __getattr__(self, name):\n"
        "        raise RuntimeError('not to be called by looking')\n"
        "    def __call__(self, x):\n"
        "        return x * self.w + self.layers[0]['b']\n"
        "class Slots:\n"
        "    __slots__ = ('w',)\n"
        "    def __getattr__(self, name):\n"
        "        raise RuntimeError('nor here')\n"
        "def make():\n"
        "    k = torch.tensor(2.0, requires_grad=True)\n"
        "    return lambda x: x * k\n"
        "net, f, empty = Net(), make(), Slots()\n"
        "f(net(torch.ones(2))).sum().backward()\n"
    )
    assert trace["error"] is None
    grads = {v["name"]: v["grad"]["data"] for v in trace["variables"] if v["grad"] is not None}
    assert grads == {"net.w": [2.0, 2.0], "net.layers[0]['b']": [2.0, 2.0], "f.<locals>.k": 2.0}


def test_a_tensor_whose_shape_cannot_be_told_is_a_variable_of_no_shape() -> None:
    trace = recorded(
        "class Odd(torch.Tensor):\n"
        "    @property\n"
        "    def shape(self):\n"
        "        raise ValueError('no shape')\n"
        "odd = torch.ones(2).as_subclass(Odd)\n"
        "n = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], requires_grad=True)\n"
        "j = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)\n"
        "m = n * 2\n"
    )
    assert trace["error"] is None
    assert [(v["name"], v["shape"]) for v in trace["variables"]] == [
        ("odd", []), ("n", []), ("j", []), ("m", []),
    ]  # fmt: skip
    assert [used["name"] for used in trace["inputs"]] == ["odd"]


def test_a_leaf_that_is_updated_after_its_use_can_be_given_and_one_filled_before_cannot() -> None:
    loop = (
        "w = torch.tensor(0.5, requires_grad=True)\nfor i in range(3):\n"
        "    ((w - 1) ** 2).backward()\n"
        "    with torch.no_grad():\n        w -= 0.1 * w.grad\n    w.grad = None\nprint(w.item())\n"
    )
    (used,) = recorded(loop)["inputs"]
    assert (used["name"], used["data"]) == ("w", 0.5)
    given = recorded(loop, inputs={"w": {"value": 2.0}})
    assert given["stdout"] == recorded(loop.replace("0.5", "2.0"))["stdout"]
    filled = (
        "w = torch.zeros(3, requires_grad=True)\nwith torch.no_grad():\n    w.uniform_()\n"
        "w.sum().backward()\n"
    )
    assert recorded(filled)["inputs"] == []
