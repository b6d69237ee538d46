"""Writes that no version of the tensor tells, or that reach others in the same memory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.recorder.oracle import both, recorded
from tests.recorder.test_ops import op


def updates(trace: Any, line: int) -> dict[str, list[Any]]:
    """What events of a line changed: numbers before and after, by name; of .grad as name.grad."""
    names = {tensor["id"]: tensor["names"] for tensor in trace["tensors"]}
    found: dict[str, list[Any]] = {}
    for event in trace["timeline"]:
        if event["line"] != line:
            continue
        for update in event.get("updates", []):
            of_grad = update.get("grad", event["kind"] in ("accumulate", "zero_grad"))
            for name in names[update["tensor"]]:
                values = [s and s["data"] for s in (update["before"], update["after"])]
                found[f"{name}.grad" if of_grad else name] = values
    return found


START = "x = torch.ones(2, requires_grad=True)\n(x * x).sum().backward()\ny = x.detach()\n"


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("x.data = x.data * 3", {"x": [[1, 1], [3, 3]]}),
        ("x.data -= x.grad", {"x": [[1, 1], [-1, -1]], "y": [[1, 1], [-1, -1]]}),
        ("y[0] = 5", {"x": [[1, 1], [5, 1]], "y": [[1, 1], [5, 1]]}),
        ("x.grad.data.zero_()", {"x.grad": [[2, 2], [0, 0]]}),
        ("x.grad.data = x.grad / 2", {"x.grad": [[2, 2], [1, 1]]}),
        ("x.grad = x.grad / 2", {"x.grad": [[2, 2], [1, 1]]}),
        ("x.grad.detach().mul_(2)", {"x.grad": [[2, 2], [4, 4]]}),
        ("x.grad.add_(x)", {"x.grad": [[2, 2], [3, 3]]}),
        ("F.dropout(y, 1.0, inplace=True)", {"x": [[1, 1], [0, 0]], "y": [[1, 1], [0, 0]]}),
        (
            "torch.optim.SGD([x], 0.5).step()",
            {"x": [[1, 1], [0, 0]], "y": [[1, 1], [0, 0]]},
        ),
    ],
)
def test_a_write_is_told_where_it_happens(line: str, changed: dict[str, Any]) -> None:
    _, trace = both(START + line + "\n")
    assert updates(trace, 4) == changed


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("t.mul_(3)", {"t": [[1, 1], [3, 3]], "p": [[1, 1], [3, 3]]}),
        ("torch.optim.SGD([p], 0.5).step()", {"t": [[1, 1], [0, 0]], "p": [[1, 1], [0, 0]]}),
        ("nn.init.zeros_(p)", {"t": [[1, 1], [0, 0]], "p": [[1, 1], [0, 0]]}),
    ],
)
def test_a_parameter_lies_in_the_memory_of_what_it_is_made_of(
    line: str, changed: dict[str, Any]
) -> None:
    _, trace = both(f"t = torch.ones(2)\np = nn.Parameter(t)\n(p * p).sum().backward()\n{line}\n")
    assert updates(trace, 4) == changed
    (binding,) = [b for b in trace["bindings"] if b["name"] == "p"]
    assert [t["is_leaf"] for t in trace["tensors"] if t["id"] == binding["tensor"]] == [True]


def test_writes_to_several_tensors_under_a_dispatch_mode() -> None:
    """None of them counts up its version there."""
    code = """
a, b = torch.ones(2), torch.ones(3)
x = torch.ones(2, requires_grad=True)
with torch.autograd.graph.allow_mutation_on_saved_tensors():
    y = x * a
    torch._foreach_mul_([a, b], 3.0)
    torch._foreach_zero_([b])
    y.sum().backward()
"""
    _, trace = both(code)
    assert updates(trace, 6) == {"a": [[1, 1], [3, 3]], "b": [[1] * 3, [3] * 3]}
    assert updates(trace, 7) == {"b": [[3] * 3, [0] * 3]}


def test_a_gradient_under_names_of_its_own() -> None:
    code = """
x = torch.ones(2, requires_grad=True)
opt = torch.optim.SGD([x], 0.1)
x.sum().backward()
g, h = x.grad, x.grad.detach()
(3 * x).sum().backward()
x.grad.mul_(2)
x.grad.zero_()
x.sum().backward()
opt.zero_grad(set_to_none=False)
"""
    _, trace = both(code)
    everywhere = ("x.grad", "g", "h")
    for line, numbers in {
        6: [[1, 1], [4, 4]], 7: [[4, 4], [8, 8]], 8: [[8, 8], [0, 0]], 9: [[0, 0], [1, 1]],
        10: [[1, 1], [0, 0]],
    }.items():  # fmt: skip
        assert updates(trace, line) == dict.fromkeys(everywhere, numbers), line


@pytest.mark.parametrize("line", ["x.grad = None", "opt.zero_grad()", "x.grad = torch.ones(2)"])
def test_what_once_was_a_gradient_is_the_leafs_no_more(line: str) -> None:
    code = "x = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([x], 0.1)\n"
    _, trace = both(f"{code}x.sum().backward()\ng = x.grad\n{line}\ng.mul_(3)\n")
    assert updates(trace, 6) == {"g": [[1, 1], [3, 3]]}
    status = "assigned" if "ones" in line else "cleared"
    assert [v["grad_status"] for v in trace["variables"] if v["name"] == "x"] == [status]


def test_a_tensor_of_another_shape_is_another() -> None:
    code = """
a = torch.ones(2, 3)
b = a[0]
a.t_()
c = a * 1
a.resize_(2, 2)
a.unsqueeze_(0)
w = torch.ones(2, requires_grad=True)
w.data = torch.ones(3)
(w * w).sum().backward()
"""
    _, trace = both(code)
    shapes = {tensor["id"]: tensor["shape"] for tensor in trace["tensors"]}
    bound = [shapes[b["tensor"]] for b in trace["bindings"] if b["name"] == "a"]
    assert bound == [[2, 3], [3, 2], [2, 2], [1, 2, 2]]
    assert [shapes[t] for t in op(trace, "mul")["inputs"]] == [[3, 2]]
    assert [shapes[v["tensor"]] for v in trace["variables"] if v["name"] == "w"] == [[3]]


def test_what_is_loaded_has_the_shape_that_was_saved() -> None:
    code = """
import io
file = io.BytesIO()
torch.save(torch.full((2, 2), 3.0), file)
file.seek(0)
x = torch.load(file)
y = x * 2
"""
    _, trace = both(code)
    tensors = {tensor["id"]: tensor for tensor in trace["tensors"]}
    (loaded,) = (tensors[t] for t in op(trace, "mul")["inputs"])
    assert (loaded["shape"], loaded["value"]["data"]) == ([2, 2], [[3, 3], [3, 3]])


def test_running_statistics_are_written_to_without_a_version() -> None:
    code = """
mean, var = torch.zeros(2), torch.ones(2)
x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
F.batch_norm(x, mean, var, training=True, momentum=0.5)
F.batch_norm(x, mean, var)
"""
    _, trace = both(code)
    assert updates(trace, 4) == {"mean": [[0, 0], [1, 1.5]], "var": [[1, 1], [1.5, 1.5]]}
    assert updates(trace, 5) == {}


def test_nobody_counts_the_versions_of_inference_tensors() -> None:
    code = "with torch.inference_mode():\n    y = torch.ones(2)\n    z = y[0]\n    y.mul_(3)\n"
    _, trace = both(code)
    assert updates(trace, 4) == {"y": [[1, 1], [3, 3]], "z": [1, 3]}
    assert op(trace, "mul_")["why_not_recorded"] == "inference_mode"
    both("x = torch.ones(2, requires_grad=True)\nwith torch.inference_mode():\n    x.backward(x)\n")


def test_a_gradient_that_is_somebody_elses_memory() -> None:
    """The engine makes a view of what it was given .grad, and then adds into it."""
    both("""
x = torch.ones(3, requires_grad=True)
y = torch.cat([x, x.detach()])
seed = torch.ones(6)
y.backward(seed, retain_graph=True)
y.sum().backward()
print(seed)
""")


def test_views_without_a_history() -> None:
    """torch raises who asks for the history of one of several views of what has changed since."""
    _, trace = both("""
x = torch.ones(2, 2, requires_grad=True)
y = x * 2
a, b = y.unbind(0)
y.add_(1)
y.sum().backward()
""")
    found = {v["name"]: v for v in trace["variables"]}
    assert found["a"]["grad_fn"] is None and not found["a"]["is_leaf"]
    assert found["a"]["value"]["data"] == [3, 3]


def test_a_large_tensor_that_is_written_to_is_read_again() -> None:
    _, trace = both("x = torch.ones(200, 100)\ny = x.data\ny.add_(1)\nz = x * 1\n")
    (update,) = [u for u in trace["timeline"][2]["updates"] if u["tensor"] == "t0"]
    assert (update["before"]["mean"], update["after"]["mean"]) == (1, 2)


@pytest.mark.parametrize("count", [1, 8])
def test_norms_near_the_ends_of_their_type(count: int) -> None:
    code = f"""
xs = [torch.full((100,), 1e25) for _ in range({count})]
ys = [torch.full((100,), 1e-30) for _ in range({count})]
zs = [torch.full((100,), 1e38) for _ in range({count})]
"""
    values = {t["names"][0]: t["value"] for t in recorded(code)["tensors"]}
    for name, size in (("xs[0]", 1e25), ("ys[0]", 1e-30), ("zs[0]", 1e38)):
        assert values[name]["norm"] == pytest.approx(10 * size, rel=1e-5)
        assert values[name]["mean"] == pytest.approx(size, rel=1e-5)
        assert values[name]["nonfinite"] == 0


def test_a_program_may_hook_a_node_that_has_run() -> None:
    both("""
x = torch.ones(2, requires_grad=True)
y = x * 2
y.sum().backward(retain_graph=True)
handle = y.grad_fn.register_hook(lambda sent, came: print('hook'))
y.sum().backward(retain_graph=True)
handle.remove()
y.sum().backward()
""")


def test_a_nodes_own_hook_changes_what_arrives() -> None:
    trace = recorded("""
x = torch.ones(2, requires_grad=True)
y = x * 2
y.grad_fn.register_prehook(lambda came: (came[0] * 3,))
torch.autograd.backward([y.sum(), y.sum()])
""")
    (node,) = [n for n in trace["graphs"][0]["nodes"] if n["name"] == "MulBackward0"]
    assert node["upstream"][0]["data"] == [6, 6]
    assert node["upstream_before_hooks"][0]["data"] == [2, 2]


def test_an_expression_that_the_compiler_has_twice_is_one() -> None:
    trace = recorded("x = torch.ones(1)\nwhile x.sum() < 3:\n    x = x + 1\n")
    sums = [o for o in trace["ops"] if o["name"] == "sum"]
    assert [o["site"]["occurrence"] for o in sums] == [0, 1, 2]


def test_jacobians_have_the_shape_of_what_an_edge_leads_to() -> None:
    trace = recorded("""
x = torch.ones(3, requires_grad=True)
y = torch.ones(2, 3, requires_grad=True)
(x * y).sum().backward()
""")
    (node,) = [n for n in trace["graphs"][0]["nodes"] if n["name"] == "MulBackward0"]
    assert [block["shape"] for block in node["jacobians"]] == [[6, 3], [6, 6]]


def test_what_vmap_runs_on_is_followed() -> None:
    trace = recorded("x = torch.ones(3, requires_grad=True)\ny = torch.func.vmap(torch.sin)(x)\n")
    assert op(trace, "sin")["recorded"]


def test_a_function_of_what_needs_no_grad_is_not_recorded() -> None:
    trace = recorded("""
class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        return a * 2
y = Twice.apply(torch.ones(2))
""")
    assert op(trace, "Twice")["why_not_recorded"] == "no_input_requires_grad"


def test_zeros_without_memory_are_zeros() -> None:
    _, trace = both("""
x = torch.ones(3, requires_grad=True)
h = torch.func.hessian(lambda t: (t ** 3).sum())(x * 3)
g, = torch.autograd.grad(h.exp().sum(), x, create_graph=True)
g.sum().backward()
""")
    upstream = [u for n in trace["graphs"][-1]["nodes"] for u in n["upstream"]]
    assert all(u["data"] is not None for u in upstream if u is not None)


def test_reading_under_autocast() -> None:
    both("""
x = torch.ones(3, requires_grad=True)
ys = [x.half() * k for k in range(8)]
with torch.autocast('cpu', dtype=torch.bfloat16):
    x.sum().backward()
    x.grad.zero_()
""")


def test_a_gradient_that_gets_a_name_after_it_was_scaled() -> None:
    _, trace = both("""
w = torch.tensor([3.0, 4.0], requires_grad=True)
(w ** 2).sum().backward()
nn.utils.clip_grad_norm_([w], 1.0)
g = w.grad
g.mul_(10)
print(g)
""")
    named = next(b for b in trace["bindings"] if b["name"] == "g")
    value = next(t["value"] for t in trace["tensors"] if t["id"] == named["tensor"])
    assert value["data"] == pytest.approx([0.6, 0.8])
    assert trace["variables"][-1]["value"]["data"] == pytest.approx([6, 8])
