"""Ops: spans, ghosts and their reasons, in-place changes, modules, names."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.recorder.oracle import both, recorded, same_numbers
from tests.recorder.oracle import plain as run_plain
from tests.recorder.programs import PROGRAMS


def op(trace: Any, name: str, index: int = 0) -> Any:
    return [o for o in trace["ops"] if o["name"] == name][index]


def test_each_part_of_an_expression_has_its_own_span() -> None:
    trace = recorded(PROGRAMS["seed"])
    assert [o["expression"] for o in trace["ops"]] == [
        "torch.randn(3, requires_grad=True)", "x+2", "y*y", "y*y*3", "a.mean()"
    ]  # fmt: skip
    square = op(trace, "mul")["site"]
    assert (square["line"], square["col"], square["end_col"]) == (7, 4, 7)


def test_spans_count_characters_not_bytes() -> None:
    trace = recorded(PROGRAMS["unicode"])
    assert op(trace, "pow")["expression"] == "β ** 2"
    assert op(trace, "pow")["site"]["col"] == 16
    assert recorded(PROGRAMS["windows"])["ops"][1]["expression"] == "x * 2"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("with torch.no_grad():\n    y = x * 2", "no_grad"),
        ("with torch.inference_mode():\n    y = x * 2", "inference_mode"),
        ("y = torch.ones(2) * 2", "no_input_requires_grad"),
        ("y = x.argmax()", "not_differentiable"),
        ("y = x > 0", "not_differentiable"),
        ("y = x.detach()", "detached"),
        ("y = x.data", "detached"),
        ("torch.set_grad_enabled(False)\ny = x * 2", "no_grad"),
        ("with torch.no_grad(), torch.enable_grad():\n    y = x * 2", None),
    ],
)
def test_why_an_op_is_a_ghost(code: str, reason: str | None) -> None:
    trace = recorded(f"x = torch.ones(2, requires_grad=True)\n{code}\n")
    last = trace["ops"][-1]
    assert last["why_not_recorded"] == reason
    assert last["recorded"] == (reason is None)


def test_who_mutated_what_somebody_saved() -> None:
    trace = recorded(PROGRAMS["in place error"])
    exp, add = op(trace, "exp"), op(trace, "add_")
    assert add["mutated"] == exp["outputs"]
    assert add["site"]["line"] == 4
    (graph,) = trace["graphs"]
    failed = next(n for n in graph["nodes"] if n["id"] == graph.get("failed_node"))
    assert failed["name"] == "ExpBackward0" and failed["op"] == exp["id"]
    assert failed["saved"][0]["tensor"] == exp["outputs"][0]


def test_values_are_those_of_their_time() -> None:
    trace = recorded("x = torch.zeros(2)\ny = x + 1\ny += 1\ny.mul_(5)\nz = y * 1\n")
    assert op(trace, "__iadd__" if any(o["name"] == "__iadd__" for o in trace["ops"]) else "add_")
    values = {t["id"]: t["value"] for t in trace["tensors"]}
    assert values[trace["ops"][1]["outputs"][0]]["data"] == [1.0, 1.0]
    assert values[trace["ops"][-1]["outputs"][0]]["data"] == [10.0, 10.0]


def test_numpy_can_write_behind_torchs_back() -> None:
    code = "x = torch.zeros(3)\ny = x + 1\nn = y.numpy()\nz = y * 2\nn[0] = 9\n"
    trace = recorded(code)
    values = {t["id"]: t["value"] for t in trace["tensors"]}
    assert values[op(trace, "add")["outputs"][0]]["data"] == [1.0] * 3
    assert values[op(trace, "mul")["outputs"][0]]["data"] == [2.0] * 3


def test_large_tensors_have_statistics_of_their_time() -> None:
    code = "x = torch.randn(100, 70)\ny = x * 2\ny.zero_()\nw = torch.randn(300, 200)\n"
    theirs = run_plain(code)
    trace = recorded(code)
    values = {t["id"]: t["value"] for t in trace["tensors"]}
    doubled = values[op(trace, "mul")["outputs"][0]]
    same_numbers(doubled, theirs.names["x"] * 2)
    assert len(doubled["heat"]) == 16 and len(doubled["heat"][0]) == 16
    w = values[op(trace, "randn", 1)["outputs"][0]]
    assert w["max"] == theirs.names["w"].max().item()
    assert abs(w["mean"] - theirs.names["w"].mean().item()) < 1e-6


@pytest.mark.parametrize("elements", [300, 70_000, 300_000])
@pytest.mark.parametrize("number", [0.1, 0.0, 1e25, 1e-25, 3e-38])
def test_norms_of_far_numbers(elements: int, number: float) -> None:
    """The squares of these overflow or vanish in float32."""
    code = f"a = torch.full(({elements},), {number})\n"
    several = "\n".join(code.replace("a", name, 1) for name in "abcdefgh")
    exact = float(torch.full((elements,), number).double().norm())
    for program in (code, several):
        value = recorded(program)["tensors"][0]["value"]
        assert value["norm"] == pytest.approx(exact, rel=1e-5)
        assert value["nonfinite"] == 0


def test_a_step_shows_none_of_its_own_calls_and_all_of_the_programs() -> None:
    """Also where it raises, has hooks, belongs to a subclass or is heard by another mode."""
    shown = {
        name: [o["name"] for o in recorded(PROGRAMS[f"step {name}"])["ops"]]
        for name in ("raises", "hooks", "of a subclass", "under a mode")
    }
    assert shown["raises"] == ["ones", "mul", "sum", "ones", "grad", "mul", "sum"]
    assert shown["hooks"] == ["ones", *["pow", "sum", "mul", "sum", "mul", "sum"] * 3]
    assert shown["of a subclass"] == ["ones", "pow", "sum", "data", "mul_"]
    assert shown["under a mode"] == ["ones", "pow", "sum", "mul"]


@pytest.mark.parametrize("elements", [300, 20_000])
def test_statistics_of_tensors_that_are_read_together(elements: int) -> None:
    """Rows of which nothing fits beside the others: far numbers, zeros, NaN, infinities."""
    numbers = "1.0 0.0 1e-41 -1e-41 1e30 -3e38 -0.5 float('nan') float('inf')".split()
    lines = [f"t{i} = torch.full(({elements},), {n})" for i, n in enumerate(numbers)]
    lines += [f"m{i} = t{i}.clone()\nm{i}[::2] = {n} * 0.5" for i, n in enumerate(numbers)]
    code = "\n".join(lines) + "\n"
    theirs = run_plain(code)
    told = {v["name"]: v for v in recorded(code)["variables"]}
    tensors = {t["id"]: t["value"] for t in recorded(code)["tensors"]}
    for name in (f"{kind}{i}" for kind in "tm" for i in range(len(numbers))):
        exact = theirs.names[name].double()
        value = told[name].get("value") or tensors[told[name]["tensor"]]
        finite = bool(exact.isfinite().all())
        assert value["nonfinite"] == (0 if finite else elements), name
        for field, of in (("norm", exact.norm()), ("mean", exact.mean()), ("max", exact.max())):
            if finite:
                assert value[field] == pytest.approx(float(of), rel=1e-5, abs=0), (name, field)
            else:
                assert value[field] in ("NaN", "Infinity"), (name, field)


@pytest.mark.parametrize("side", [80, 200])
def test_a_large_tensor_that_was_read_is_read_again_once_it_was_written(side: int) -> None:
    code = f"x = torch.ones({side}, {side})\ny = x + 1\ny.data.mul_(3)\nz = y.view(-1)\nw = y.t()\n"
    trace = recorded(code)
    values = {t["id"]: t["value"] for t in trace["tensors"]}
    means = [values[op(trace, name)["outputs"][0]]["mean"] for name in ("add", "view", "t")]
    assert means == [2.0, 6.0, 6.0]


def test_large_tensors_have_histograms() -> None:
    code = (
        "a = torch.randn(50, 40)\nb = torch.full((30, 30), 3.0)\nc = torch.randn(9000)\n"
        "d = torch.randint(0, 9, (4000,))\ne = a / 0\n"
    )
    theirs = run_plain(code).names
    values = [t["value"] for t in recorded(code)["tensors"]]
    for name, value in zip("acd", [values[0], values[2], values[3]], strict=True):
        tensor = theirs[name].flatten().to(torch.float64)
        assert value["histogram"] == torch.histc(tensor, 16).int().tolist(), name
    assert values[1]["histogram"] == [900, *[0] * 15]
    assert values[-1]["nonfinite"] > 0 and "histogram" not in values[-1]


def test_module_paths_and_composite_functions() -> None:
    trace = recorded(PROGRAMS["module"].replace("range(3)", "range(1)"))
    paths = [(o["module"], o["name"]) for o in trace["ops"] if o["module"] and o["name"] != "add_"]
    assert paths[:5] == [
        ("layers.0", "linear"), ("layers.1", "batch_norm"), ("layers.2", "relu"),
        ("layers.3", "dropout"), ("out", "linear"),
    ]  # fmt: skip
    attention = recorded(PROGRAMS["attention"])
    whole = op(attention, "multi_head_attention_forward")
    children = [o["name"] for o in attention["ops"] if o["parent"] == whole["id"]]
    assert "linear" in children and "bmm" in children + [o["name"] for o in attention["ops"]]


def test_building_a_module_is_not_on_the_timeline() -> None:
    trace = recorded(
        "net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LazyLinear(2))\n"
        "net(torch.ones(2, 3))\n"
    )
    assert {o["name"] for o in trace["ops"]} == {"ones", "linear", "add_", "batch_norm"}
    for name, shape in (("net.0.weight", [4, 3]), ("net.2.weight", [2, 4])):
        weight = next(v for v in trace["variables"] if v["name"] == name)
        value = next(t["value"] for t in trace["tensors"] if t["id"] == weight["tensor"])
        assert value is not None and value["nonfinite"] == 0 and value["shape"] == shape
    assert all(t["value"] is not None for t in trace["tensors"])


def test_a_users_function_is_an_op_with_children() -> None:
    trace = recorded(PROGRAMS["function"])
    whole = op(trace, "Sq")
    inside = [o for o in trace["ops"] if o["parent"] == whole["id"]]
    assert [o["expression"] for o in inside] == ["x * x", "x * x * k"]
    assert [o["why_not_recorded"] for o in inside] == ["no_grad", "no_input_requires_grad"]
    (graph,) = trace["graphs"]
    assert next(n for n in graph["nodes"] if n["name"] == "SqBackward")["op"] == whole["id"]


def test_names_and_what_they_were_bound_to() -> None:
    trace = recorded(PROGRAMS["names"])
    first = next(t for t in trace["tensors"] if "same" in t["names"])
    assert first["names"][:2] == ["x", "same"] and "pair[0]" in first["names"]
    bound = [b["tensor"] for b in trace["bindings"] if b["name"] == "x"]
    assert len(bound) == 2 and bound[0] == first["id"] != bound[1]
    variable = next(v for v in trace["variables"] if v["name"] == "x")
    assert variable["tensor"] == bound[1]


def test_bindings_tell_the_step() -> None:
    trace = recorded("x = torch.ones(2)\ny = x + 1\ny = y + 1\n")
    assert [(b["name"], b["step"]) for b in trace["bindings"]] == [("x", 0), ("y", 1), ("y", 2)]


def test_calls_of_one_module_in_a_loop_are_told_apart() -> None:
    trace = recorded(
        "net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())\nfor i in range(3):\n"
        "    for j in range(2):\n        y = net(torch.ones(1, 2))\n"
    )
    tanh = [o for o in trace["ops"] if o["name"] == "tanh"]
    assert [o["site"]["occurrence"] for o in tanh] == list(range(6))
    assert [o["iteration"] for o in tanh] == [[i, j] for i in range(3) for j in range(2)]


def test_looking_at_a_tensor_is_not_an_op() -> None:
    trace = recorded(
        "x = torch.ones(2, requires_grad=True)\nprint(x, x.shape, len(x), f'{x.sum():.1f}')\n"
        "x.size(), x.dim(), x.grad, x.tolist(), bool(x[0] > 0)\n"
    )
    assert [o["name"] for o in trace["ops"]] == ["ones", "sum", "__getitem__", "gt"]


def test_prints_are_on_the_timeline_with_their_line() -> None:
    trace = recorded(
        "print('a', 'b')\nimport sys\nsys.stdout.write('c')\nsys.stdout.write('d\\n')\n"
    )
    printed = [(e["line"], e["text"]) for e in trace["timeline"] if e["kind"] == "print"]
    assert printed == [(1, "a b\n"), (3, "c"), (4, "d\n")]


def test_an_op_that_gives_its_input_is_no_ghost_and_one_in_place_is() -> None:
    trace = recorded(
        "x = torch.randn(3, requires_grad=True)\n"
        "y = x.contiguous()\n"
        "z = F.dropout(x, 0.5, training=False)\n"
        "w = x.detach()\n"
        "torch.relu_(w)\n"
        "y.sum().backward()\n"
    )
    reasons = {o["name"]: (o["recorded"], o["why_not_recorded"]) for o in trace["ops"]}
    assert reasons["contiguous"] == reasons["dropout"] == (False, None)
    assert reasons["relu_"] == (False, "no_input_requires_grad")
    assert reasons["detach"] == (False, "detached")


def test_writing_an_element_gives_the_tensor_a_new_history() -> None:
    trace = recorded(
        "import torch\nx = torch.ones(2, requires_grad=True)\ny = torch.zeros(2)\n"
        "y[0] = x[0] * 3\nz = y.sum()\nz.backward()"
    )
    [written] = [o for o in trace["ops"] if o["name"] == "__setitem__"]
    before, after = written["mutated"][0], written["outputs"][0]
    tensors = {t["id"]: t for t in trace["tensors"]}
    assert before != after and tensors[before]["names"] == tensors[after]["names"] == ["y"]
    assert tensors[after]["value"]["data"] == [3.0, 0.0]
    [slices] = [n for n in trace["graphs"][0]["nodes"] if n["name"] == "CopySlices"]
    assert slices["outputs"] == [after] and slices["op"] == written["id"]


@pytest.mark.parametrize(
    "code",
    [
        "a = torch.zeros(3)\na[0] = 5\na.fill_(7)",
        "w = torch.ones(2, requires_grad=True)\n(w * w).sum().backward()\n"
        "with torch.no_grad():\n    w -= 0.1 * w.grad",
        "y = torch.ones(3, requires_grad=True) * 2\ny[0].mul_(5)",
        "y = torch.ones(3, requires_grad=True) * 2\nv = y.view(3, 1)\ny.mul_(5)",
        "a = torch.zeros(4)\nb = a[:2]\nc = a.numpy()\nc[1] = 3\nb[0] = 2",
        "w = torch.ones(2, requires_grad=True)\nw.data.mul_(3)",
        "w = nn.Parameter(torch.ones(2))\nopt = torch.optim.SGD([w], lr=0.5)\n"
        "(w * w).sum().backward()\nopt.step()",
        "a = torch.ones(2)\nb = torch.zeros(2)\ntorch.add(a, a, out=b)",
    ],
)
def test_values_at_the_end_are_those_of_the_plain_run(code: str) -> None:
    trace, theirs = recorded("import torch\nfrom torch import nn\n" + code), run_plain(code)
    first = {tensor["id"]: tensor["value"] for tensor in trace["tensors"]}
    for variable in trace["variables"]:
        value = variable.get("value", first[variable["tensor"]])
        same_numbers(value, theirs.names[variable["name"]])


def test_an_op_that_writes_tells_what_it_changed() -> None:
    trace = recorded("import torch\na = torch.zeros(2)\na.add_(1)\na.add_(1)")
    updates = [e["updates"] for e in trace["timeline"] if "updates" in e]
    changed = [(u["before"]["data"], u["after"]["data"]) for [u] in updates]
    assert changed == [([0.0, 0.0], [1.0, 1.0]), ([1.0, 1.0], [2.0, 2.0])]


def test_what_goes_to_stderr_is_told_apart() -> None:
    trace = recorded(
        "import sys, traceback\nprint('out')\nprint('err', file=sys.stderr)\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()"
    )
    assert trace["stdout"] == "out\n"
    assert trace["stderr"].startswith("err\nTraceback")
    assert trace["stderr"].endswith("ZeroDivisionError: division by zero\n")
    assert trace["stderr_truncated"] is False
    assert "stderr" not in recorded("print('out')")


@pytest.mark.parametrize(
    ("code", "said"),
    [("'no data'", "no data\n"), ("['a', 1]", "['a', 1]\n"), ("2", ""), ("None", ""), ("", "")],
)
def test_what_a_program_says_in_exiting(code: str, said: str) -> None:
    trace = recorded(f"import sys\ndef main():\n    sys.exit({code})\nmain()")
    assert trace["error"] is None
    assert trace.get("stderr", "") == said


def test_a_step_that_raises_does_not_blind_the_recorder() -> None:
    trace = recorded(
        "import torch\nfrom torch import nn\n"
        "e = nn.Embedding(4, 2, sparse=True)\nopt = torch.optim.Adam(e.parameters())\n"
        "e(torch.tensor([1])).sum().backward()\n"
        "try:\n    opt.step()\nexcept RuntimeError as error:\n    print(error)\n"
        "x = torch.ones(2, requires_grad=True)\ny = (x * 2).sum()\ny.backward()"
    )
    assert "sparse" in trace["stdout"]
    assert {"ones", "mul"} <= {o["name"] for o in trace["ops"]}
    assert trace["graphs"][1]["order"]


def test_a_gradient_that_the_program_scales_is_told_with_its_leaf() -> None:
    trace = recorded(
        "import torch\nw = torch.ones(2, requires_grad=True)\n(w * w).sum().backward()\n"
        "w.grad.mul_(0.5)\nw.grad.zero_()"
    )
    updates = [u for e in trace["timeline"] for u in e.get("updates", [])]
    told = [
        (u["before"] and u["before"]["data"], u["after"]["data"], u.get("grad")) for u in updates
    ]
    assert told == [
        (None, [2.0, 2.0], None), ([2.0, 2.0], [1.0, 1.0], True), ([1.0, 1.0], [0.0, 0.0], None)
    ]  # fmt: skip
    assert {u["tensor"] for u in updates} == {trace["variables"][0]["tensor"]}


def test_an_optimizer_with_a_closure_tells_what_it_moved() -> None:
    trace = recorded(
        "import torch\nw = torch.nn.Parameter(torch.ones(2))\n"
        "opt = torch.optim.LBFGS([w], max_iter=3)\n"
        "def closure():\n    opt.zero_grad()\n    loss = ((w - 3) ** 2).sum()\n"
        "    loss.backward()\n    return loss\nopt.step(closure)"
    )
    [step] = [e for e in trace["timeline"] if e["kind"] == "optimizer_step"]
    assert step["updates"][0]["before"]["data"] == [1.0, 1.0]
    assert step["updates"][0]["after"]["data"] == [3.0, 3.0]


def test_a_call_with_nodes_inside_and_a_result_without_history_is_not_recorded() -> None:
    trace = recorded("x = torch.ones(2, requires_grad=True)\nbad = torch.isinf(x)\n")
    [op] = [o for o in trace["ops"] if o["name"] == "isinf"]
    assert (op["recorded"], op["why_not_recorded"]) == (False, "not_differentiable")


def test_memory_that_is_used_again_does_not_make_a_value_look_changed() -> None:
    trace = recorded(
        "def work():\n    t = torch.zeros(1000)\n    t += 1\nfor _ in range(20):\n    work()\n"
        "later = [torch.ones(1000) for _ in range(20)]\n"
    )
    assert len(trace["variables"]) == 20
    assert not any("value" in variable for variable in trace["variables"])


def test_the_names_of_a_function_that_a_program_ends_with_are_told() -> None:
    trace = recorded(PROGRAMS["main"])
    assert [v["name"] for v in trace["variables"]] == ["w", "v", "a", "b", "x", "c[0]"]
    assert [b["name"] for b in trace["bindings"]] == ["v", "a", "b", *["x", "loss"] * 3, "w"]
    by_method = recorded(PROGRAMS["a method last"])
    status = {v["name"]: v["grad_status"] for v in by_method["variables"]}
    assert status == {
        "loss": "not_a_leaf", "self.net.weight": "accumulated", "self.net.bias": "accumulated",
    }  # fmt: skip
    # One of which the result is used, and one that is called time and again, are left as they are.
    for after in ("print(main())", "for _ in range(2):\n    main()", "y = main()\nz = y"):
        trace = recorded(f"def main():\n    x = torch.ones(2)\n    return 1\n{after}\n")
        assert trace["variables"] == trace["bindings"] == []


def test_leaves_in_such_a_function_can_be_given_and_changed() -> None:
    code = (
        "def main():\n    x = torch.tensor([2.0, 3.0], requires_grad=True)\n"
        "    y = x * x\n    y.sum().backward()\nmain()\n"
    )
    (used,) = recorded(code)["inputs"]
    assert (used["name"], used["source"], used["data"]) == ("x", "program", [2.0, 3.0])
    given = recorded(code, inputs={"x": {"value": [5.0, 6.0]}})
    grads = {v["name"]: v["grad"] for v in given["variables"]}
    assert grads["x"] is not None and grads["x"]["data"] == [10.0, 12.0]
    cut = {"id": "cut", "kind": "detach", "target": {"name": "y"}}
    changed = recorded(code, interventions=[cut])
    assert changed["error"] is not None and changed["interventions"][0]["applied"] == 1


def test_the_names_of_a_function_that_fails_are_told() -> None:
    trace = recorded(PROGRAMS["main that fails"])
    assert trace["error"] is not None
    names = {v["name"]: v["tensor"] for v in trace["variables"]}
    assert list(names) == ["x", "again", "total", "inner.<locals>.total", "scale"]
    assert trace["error"]["locals"] == {n: t for n, t in names.items() if n != "scale"}
    inner = recorded(
        "x = torch.ones(2)\ndef f(x):\n    y = x * 2\n    return y.backward()\nf(torch.ones(3))\n"
    )
    assert inner["error"] is not None
    shapes = {t["id"]: t["shape"] for t in inner["tensors"]}
    assert {n: shapes[t] for n, t in inner["error"]["locals"].items()} == {"x": [3], "y": [3]}
    assert [(v["name"], v["shape"]) for v in inner["variables"]] == [("x", [3]), ("y", [3])]


def _names(trace: Any) -> dict[str, tuple[str | None, str]]:
    return {v["name"]: (v.get("scope"), v["grad_status"]) for v in trace["variables"]}


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (
            "functions that train",
            {
                "x": ("main", "no_requires_grad"),
                "net.fc.weight": ("main", "accumulated"), "net.fc.bias": ("main", "accumulated"),
                "train.x": ("train", "no_requires_grad"), "loss": ("train", "not_a_leaf"),
            },
        ),
        (
            "functions that await",
            {
                "w": ("main", "accumulated"), "g": ("main", "no_requires_grad"),
                "loss": ("step", "not_a_leaf"),
            },
        ),
        (
            "a trainer",
            {
                "t.net.weight": (None, "accumulated"), "t.net.bias": (None, "accumulated"),
                "batch": ("Trainer.step", "no_requires_grad"),
                "loss": ("Trainer.step", "not_a_leaf"),
            },
        ),
        (
            "a function like its argument",
            {"x": (None, "accumulated"), "f.x": ("f", "not_a_leaf")},
        ),
        (
            "a function that fails and is caught",
            {"w": ("main", "accumulated"), "loss": ("train", "not_a_leaf")},
        ),
    ],
)  # fmt: skip
def test_the_names_of_functions_that_lead_to_backward_are_told(
    program: str, told: dict[str, tuple[str | None, str]]
) -> None:
    assert _names(recorded(PROGRAMS[program])) == told


def test_such_names_have_the_numbers_that_they_had_when_the_function_was_left() -> None:
    code = PROGRAMS["functions that train"]
    at_end = "    global seen\n    seen = dict(net=net, x=x, loss=loss)\n    return loss.item()\n"
    theirs = run_plain(code.replace("    return loss.item()\n", at_end)).names["seen"]
    trace = recorded(code)
    found = {v["name"]: v for v in trace["variables"]}
    first = {t["id"]: t["value"] for t in trace["tensors"]}
    for name, tensor in {
        "train.x": theirs["x"], "loss": theirs["loss"], "net.fc.weight": theirs["net"].fc.weight,
    }.items():  # fmt: skip
        variable = found[name]
        same_numbers(variable.get("value", first[variable["tensor"]]), tensor)
    same_numbers(found["net.fc.weight"]["grad"], theirs["net"].fc.weight.grad)
    bound = [(b["name"], b["tensor"]) for b in trace["bindings"]]
    assert [name for name, _ in bound] == ["x", *["train.x", "loss"] * 3]
    assert bound[-1] == ("loss", found["loss"]["tensor"])


def test_leaves_in_any_function_can_be_given_and_changed() -> None:
    code = (
        "def train(x):\n    w = torch.tensor([2.0], requires_grad=True)\n    h = w * x\n"
        "    h.sum().backward()\n"
        "def main():\n    w = torch.tensor([3.0])\n    train(w)\n    train(w)\nmain()\nprint()\n"
    )
    names = {one["name"]: one["data"] for one in recorded(code)["inputs"]}
    assert names == {"w": [3.0], "train.w": [2.0]}
    given = recorded(code, inputs={"train.w": {"value": [5.0]}})
    (op,) = [o for o in given["ops"] if o["name"] == "mul" and o["site"]["occurrence"] == 1]
    values = {t["id"]: t["value"]["data"] for t in given["tensors"] if t["value"]}
    assert values[op["outputs"][0]] == [15.0]
    assert {one["name"]: one["source"] for one in given["inputs"]} == {
        "train.w": "request", "w": "program"
    }  # fmt: skip
    cut = {"id": "cut", "kind": "requires_grad", "target": {"name": "main.w"}}
    changed = recorded(code, interventions=[cut])
    assert changed["interventions"][0]["applied"] == 1
    assert _names(changed)["w"] == ("main", "accumulated")


def test_what_is_compiled_runs_as_it_is_written() -> None:
    import torch._dynamo  # warns of itself the first time

    own = torch.compile
    _, trace = both("""
@torch.compile(backend="eager")
def f(x, w):
    return (x @ w).relu().sum()
net = nn.Linear(2, 1)
net.compile(backend="eager")
w = torch.randn(3, 2, requires_grad=True)
y = f(torch.randn(4, 3), w) + torch.compile(net, backend="eager")(w).sum()
y.backward()
print(y, net.weight.grad)
""")
    assert {"matmul", "relu", "sum", "linear"} <= {o["name"] for o in trace["ops"]}
    assert torch.compile is own
