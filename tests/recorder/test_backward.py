"""Graphs, the engine's order, gradients on edges, and what happens to .grad."""

from __future__ import annotations

from typing import Any

import torch

from tests.recorder.oracle import both, floats, plain, recorded, same_numbers
from tests.recorder.programs import PROGRAMS


def names(graph: Any) -> list[str]:
    """Names of the nodes that ran, in the engine's order."""
    by_id = {node["id"]: node["name"] for node in graph["nodes"]}
    return [by_id[identity] for identity in graph["order"]]


def node(graph: Any, name: str, index: int = 0) -> Any:
    return [n for n in graph["nodes"] if n["name"] == name][index]


def events(trace: Any, *kinds: str) -> list[Any]:
    return [event for event in trace["timeline"] if event["kind"] in kinds]


def test_the_seed_lesson() -> None:
    theirs, trace = both(PROGRAMS["seed"])
    (graph,) = trace["graphs"]
    assert names(graph) == [
        "MeanBackward0", "MulBackward0", "MulBackward0", "AddBackward0", "AccumulateGrad"
    ]  # fmt: skip
    assert len(graph["edges"]) == 5
    square, add = node(graph, "MulBackward0", 1), node(graph, "AddBackward0")
    between = [e for e in graph["edges"] if (e["source"], e["target"]) == (square["id"], add["id"])]
    y = theirs.names["y"].detach()
    assert len(between) == 2
    for edge in between:
        same_numbers(edge["gradient"], y)
    same_numbers(add["upstream"][0], 2 * y)
    leaf = node(graph, "AccumulateGrad")
    same_numbers(leaf["upstream"][0], theirs.names["x"].grad)
    assert [e["kind"] for e in trace["timeline"]].count("op") == 5


def test_a_root_that_needs_no_grad_leaves_no_graph() -> None:
    trace = recorded(PROGRAMS["no requires_grad"])
    assert trace["graphs"] == []
    assert trace["error"] is not None and trace["error"]["line"] == 5
    assert {op["why_not_recorded"] for op in trace["ops"]} == {None, "no_input_requires_grad"}


def test_seeds_of_a_vector_and_iterations() -> None:
    trace = recorded(PROGRAMS["vector"])
    (graph,) = trace["graphs"]
    assert names(graph) == ["MulBackward0"] * 11 + ["AccumulateGrad"]
    assert floats(graph["roots"][0]["gradient"]["data"]) == torch.tensor([0.1, 1, 0.0001]).tolist()
    inside = [op for op in trace["ops"] if op["site"] and op["site"]["line"] == 5]
    assert [op["iteration"] for op in inside] == [[i] for i in range(10)]
    assert [op["site"]["occurrence"] for op in inside if op["site"]] == list(range(10))


def test_accumulation_shows_before_and_after() -> None:
    trace = recorded(PROGRAMS["accumulate"])
    updates = [e["updates"][0] for e in events(trace, "accumulate")]
    assert [u["after"]["data"] for u in updates] == [[3.0 * k] * 4 for k in range(1, 9)]
    assert updates[0]["before"] is None
    assert [u["before"]["data"] for u in updates[1:]] == [[3.0 * k] * 4 for k in range(1, 8)]
    leaves = {n["id"] for g in trace["graphs"] for n in g["nodes"] if n["name"] == "AccumulateGrad"}
    assert len(leaves) == 1


def test_zeroing_is_an_event() -> None:
    trace = recorded(PROGRAMS["zero"])
    zeroed = events(trace, "zero_grad")
    assert [e["updates"][0]["before"]["data"] for e in zeroed] == [[3.0] * 4] * 2
    assert [e["updates"][0]["after"]["data"] for e in zeroed] == [[0.0] * 4] * 2
    assert trace["variables"][0]["grad_status"] == "zeroed"


def test_optimizer_steps_show_values_before_and_after() -> None:
    theirs, trace = both(PROGRAMS["optimizer"])
    steps = events(trace, "optimizer_step")
    assert len(steps) == 3
    same_numbers(steps[-1]["updates"][0]["after"], theirs.names["weights"])
    assert steps[1]["updates"][0]["before"] == steps[0]["updates"][0]["after"]
    zeroed = events(trace, "zero_grad")
    assert [e["updates"][0]["after"] is None for e in zeroed] == [True, False, False]
    assert all(op["name"] not in ("addcdiv_", "_foreach_add_") for op in trace["ops"])


def test_step_and_zero_grad_without_gradients_are_events_too() -> None:
    trace = recorded(
        "w = torch.ones(4, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.01)\n"
        "opt.step()\nopt.zero_grad()\n"
    )
    assert [(e["kind"], e["line"]) for e in events(trace, "optimizer_step", "zero_grad")] == [
        ("optimizer_step", 3),
        ("zero_grad", 4),
    ]


def test_a_second_backward_says_where_it_failed() -> None:
    trace = recorded(PROGRAMS["retain_graph"])
    first, second, third = trace["graphs"]
    assert first["retain_graph"] and not second["retain_graph"]
    assert [n["id"] for n in first["nodes"]] == [n["id"] for n in third["nodes"]]
    assert third.get("failed") and third.get("failed_node") == node(third, "MulBackward0")["id"]
    assert names(third) == ["SumBackward0"]


def test_several_roots() -> None:
    (graph,) = recorded(PROGRAMS["several roots"])["graphs"]
    assert len(graph["roots"]) == 2
    assert {root["node"] for root in graph["roots"]} == {
        node(graph, "ExpBackward0")["id"],
        node(graph, "SumBackward0")["id"],
    }


def test_only_the_inputs_asked_for_are_run() -> None:
    trace = recorded(PROGRAMS["inputs"])
    (graph,) = trace["graphs"]
    leaves = {n["tensor"]: n["executed"] for n in graph["nodes"] if n["name"] == "AccumulateGrad"}
    by_name = {v["name"]: v for v in trace["variables"]}
    assert leaves == {by_name["x"]["tensor"]: True, by_name["w"]["tensor"]: False}
    assert by_name["w"]["grad_status"] == "not_reached"


def test_autograd_grad() -> None:
    trace = recorded(PROGRAMS["grad"])
    assert [graph["kind"] for graph in trace["graphs"]] == ["grad", "grad"]
    assert not events(trace, "accumulate")
    assert trace["graphs"][1].get("failed")
    assert {v["name"]: v["grad_status"] for v in trace["variables"]} == {
        "x": "not_accumulated",
        "w": "not_reached",
    }


def test_nodes_made_by_a_backward_are_tied_to_it() -> None:
    trace = recorded(PROGRAMS["double backward"])
    first, second, third = trace["graphs"]
    assert first["create_graph"] and second["create_graph"] and not third["create_graph"]
    power = node(first, "PowBackward0")["id"]
    made = [n["created_by"] for n in second["nodes"] if n["created_by"]]
    assert made and {(m["graph"], m["node"]) for m in made} == {(first["id"], power)}
    assert {n["created_by"]["graph"] for n in third["nodes"] if n["created_by"]} == {second["id"]}


def test_gradients_before_and_after_hooks() -> None:
    theirs, trace = both(PROGRAMS["hooks"])
    (graph,) = trace["graphs"]
    hooked = node(graph, "MulBackward0")
    assert hooked["upstream_before_hooks"][0]["data"] == [2.0] * 3
    same_numbers(hooked["upstream"][0], theirs.names["y"].grad)
    by_name = {v["name"]: v["grad_status"] for v in trace["variables"]}
    assert by_name["y"] == "retained" and by_name["x"] == "accumulated"


def test_a_backward_inside_a_hook() -> None:
    trace = recorded(PROGRAMS["backward in hook"])
    assert [names(graph) for graph in trace["graphs"]] == [
        ["SumBackward0", "MulBackward0", "AccumulateGrad"],
        ["SumBackward0", "MulBackward0", "AccumulateGrad"],
    ]
    kinds = [(e["kind"], e.get("graph")) for e in events(trace, "backward", "accumulate")]
    assert kinds == [
        ("backward", "g0"),
        ("backward", "g1"),
        ("accumulate", "g1"),
        ("accumulate", "g0"),
    ]


def test_undefined_gradients_are_null() -> None:
    trace = recorded(PROGRAMS["function of several"])
    (graph,) = trace["graphs"]
    two = node(graph, "TwoBackward")
    assert [summary is None for summary in two["upstream"]] == [False, True, True]


def test_an_expression_is_shown_before_any_backward() -> None:
    trace = recorded("sin(x)*y + x**2")
    (graph,) = trace["graphs"]
    names = {node["id"]: node["name"] for node in graph["nodes"]}
    assert (graph["kind"], graph["order"]) == ("not_run", [])
    assert [names[root["node"] or ""] for root in graph["roots"]] == ["AddBackward0"]
    assert sorted(names.values()).count("AccumulateGrad") == 2


def test_a_program_without_backward_shows_its_graph() -> None:
    trace = recorded("x = torch.ones(2, requires_grad=True)\ny = x * 2\nz = y + 1\nw = y * 3\n")
    (graph,) = trace["graphs"]
    assert graph["kind"] == "not_run" and graph["order"] == []
    assert {
        n["name"] for n in graph["nodes"] if n["id"] in {r["node"] for r in graph["roots"]}
    } == {
        "AddBackward0",
        "MulBackward0",
    }
    assert trace["variables"][0]["grad_status"] == "backward_not_run"


def test_grad_set_by_hand_and_cleared() -> None:
    trace = recorded("x = torch.ones(2, requires_grad=True)\nx.grad = torch.ones(2)\n")
    assert trace["variables"][0]["grad_status"] == "assigned"
    trace = recorded(
        "x = torch.ones(2, requires_grad=True)\n(x * 2).sum().backward()\nx.grad = None\n"
    )
    assert trace["variables"][0]["grad_status"] == "cleared"
    assert events(trace, "zero_grad")[0]["updates"][0]["after"] is None


def test_saved_tensors_with_their_bytes() -> None:
    trace = recorded(
        "x = torch.ones(3, requires_grad=True)\ny = x * x\nz = y.exp().sum()\nz.backward()\n"
    )
    (graph,) = trace["graphs"]
    x, y = trace["variables"][0]["tensor"], trace["variables"][1]["tensor"]
    square = node(graph, "MulBackward0")["saved"]
    assert [(s["name"], s["bytes"], s["tensor"]) for s in square] == [
        ("other", 12, x),
        ("self", 12, x),
    ]
    (result,) = node(graph, "ExpBackward0")["saved"]
    assert result["name"] == "result" and result["tensor"] != y


def test_local_jacobians_equal_functional_ones() -> None:
    code = "x = torch.randn(3, requires_grad=True)\ny = x.softmax(0)\ny.sum().backward()\n"
    x = plain(code).names["x"].detach()
    (graph,) = recorded(code)["graphs"]
    (block,) = node(graph, "SoftmaxBackward0")["jacobians"]
    expected = torch.autograd.functional.jacobian(lambda v: v.softmax(0), x)
    torch.testing.assert_close(torch.tensor(block["data"]), expected)
    assert recorded(code, jacobians="none")["graphs"][0]["nodes"][0]["jacobians"] is None


def test_jacobians_of_a_users_function_are_not_asked_for() -> None:
    theirs, trace = both(
        "calls = []\nclass Twice(torch.autograd.Function):\n    @staticmethod\n"
        "    def forward(ctx, x):\n        return x * 2\n    @staticmethod\n"
        "    def backward(ctx, g):\n        calls.append(1)\n        return g * 2\n"
        "x = torch.ones(2, requires_grad=True)\nTwice.apply(x).sum().backward()\nprint(calls)\n"
    )
    assert theirs.names["calls"] == [1]
    assert node(trace["graphs"][0], "TwiceBackward")["jacobians"] is None


def test_finite_differences_agree_and_disagree() -> None:
    good = recorded(PROGRAMS["seed"], check=True)["checks"]
    assert good is not None and good[0]["passed"] and good[0]["elements"] == 3
    wrong = PROGRAMS["function"].replace("g * 2 * x", "g * 3 * x")
    bad = recorded(wrong, check=True)["checks"]
    assert bad is not None and bad[0]["passed"] is False
    network = recorded(
        PROGRAMS["module"].replace("clip_grad_norm_", "clip_grad_value_"), check=True
    )
    assert network["checks"] is not None
    assert all(c["passed"] is not False for c in network["checks"])


def test_the_first_non_finite_numbers() -> None:
    trace = recorded(PROGRAMS["nan trap"])
    found = trace["first_nonfinite"]
    assert found is not None and found["value"] is None
    gone = {n["id"]: n["name"] for n in trace["graphs"][0]["nodes"]}
    assert gone[str(found["gradient"])] == "SqrtBackward0"
    trace = recorded("x = torch.tensor([0.0, 1.0])\ny = x + 1\nz = x.log()\nw = z * 2\n")
    found = trace["first_nonfinite"]
    assert found is not None and found["value"] == trace["ops"][2]["id"]


def test_a_leafs_own_hooks_come_after_what_they_were_called_for() -> None:
    code = """
x = torch.ones(2, requires_grad=True)
w = torch.ones(2, requires_grad=True)
opt = torch.optim.SGD([w], 0.5)
def halve(p):
    p.grad.mul_(0.5)
def step(p):
    opt.step()
    opt.zero_grad()
x.register_hook(lambda g: g * 3)
x.register_post_accumulate_grad_hook(halve)
w.register_post_accumulate_grad_hook(step)
(x * w).sum().backward()
(x * w).sum().backward()
"""
    _, trace = both(code)
    called = {t["id"]: t["names"][-1] for t in trace["tensors"] if t["names"]}
    told = [
        (
            event["kind"],
            called[u["tensor"]],
            *(s and s["data"][0] for s in (u["before"], u["after"])),
        )
        for event in trace["timeline"]
        for u in event.get("updates", [])
    ]
    first = [
        ("accumulate", "x", None, 3), ("op", "x", 3, 1.5), ("accumulate", "w", None, 1),
        ("optimizer_step", "w", 1, 0.5), ("zero_grad", "w", 1, None),
    ]  # fmt: skip
    second = [
        ("accumulate", "x", 1.5, 3), ("op", "x", 3, 1.5), ("accumulate", "w", None, 1),
        ("optimizer_step", "w", 0.5, 0), ("zero_grad", "w", 1, None),
    ]  # fmt: skip
    assert told == first + second
    ends = [graph["until"] for graph in trace["graphs"]]
    assert ends[1] == len(trace["timeline"])
    assert trace["timeline"][ends[0] - 1]["kind"] == "zero_grad"
    assert trace["timeline"][ends[0]]["kind"] == "op"


def test_a_leaf_with_hooks_gets_its_gradient_without_a_copy() -> None:
    both("""
x = torch.ones(2, requires_grad=True)
x.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(2))
for root in (x + 0, x):
    seed = torch.ones(2)
    x.grad = None
    root.backward(seed)
    print(seed, x.grad)
""")
