"""Operators: torch's own table is read right, and every node is explained."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
import torch
from playwright.sync_api import BrowserContext, expect
from torchgen.packaged.autograd.load_derivatives import load_derivatives as torchgen_table

from app.explain.derivatives import derivatives_file, helpers_in, load_derivatives, readable
from app.explain.operators import helper_text, operator, operators, symbol, worked_example
from app.explain.rules import FAMILIES, RULES
from tests.conftest import Server

#: Nodes with a rule that the engine makes without an entry in the table.
ENGINE = {"CopySlices", "AccumulateGrad", "CopyBackwards", "Function"}


@pytest.fixture(scope="module")
def oracle() -> dict[str, set[str]]:
    """Node -> inputs with a gradient, by torch's own code generator."""
    file = derivatives_file()
    native = file.parent.parent / "ATen" / "native"
    table, _ = torchgen_table(
        str(file), str(native / "native_functions.yaml"), str(native / "tags.yaml")
    )
    return {
        info.op: {name for d in info.derivatives for name in d.var_names}
        for by_key in table.values()
        for info in by_key.values()
        if info.op is not None and not info.op.endswith("_copy")
    }


def test_the_table_is_read_as_torchs_code_generator_reads_it(oracle: dict[str, set[str]]) -> None:
    ours = {
        node: {n.strip() for names in entry.formulas for n in names.split(",")}
        for node, entry in load_derivatives().items()
    }
    assert ours == oracle
    assert len(ours) > 600


def test_every_rule_belongs_to_a_node_of_this_torch() -> None:
    assert RULES.keys() - load_derivatives().keys() == ENGINE
    assert {rule.family for rule in RULES.values()} == set(FAMILIES)


@pytest.mark.parametrize(
    ("expression", "node"),
    [
        ("x + 2", "AddBackward0"),
        ("x * x", "MulBackward0"),
        ("x.mean()", "MeanBackward0"),
        ("torch.fft.rfft(x).abs()", "AbsBackward0"),
        ("torch.special.bessel_j0(x.detach()) + x.cosh()", "AddBackward0"),
        ("torch.linalg.svdvals(x)", "LinalgSvdBackward0"),
        ("torch.nn.functional.grid_sample(x[None, None], torch.zeros(1, 2, 2, 2))", None),
    ],
)
def test_what_torch_makes_has_an_operator(expression: str, node: str | None) -> None:
    x = torch.rand(3, 3, requires_grad=True)
    made = eval(expression, {"torch": torch, "x": x}).grad_fn.name()
    found = operator(made)
    assert found is not None
    if node is not None:
        assert found["name"] == node
    assert found["text"]


def test_formulas_are_readable_and_their_helpers_explained() -> None:
    found = operator("AddmmBackward0")
    assert found is not None
    assert found["formulas"]["mat1"] == (
        "mm_mat1_backward(grad, mat2, mat1.shape, mat1.stride(), mat1.layout(), alpha)"
    )
    assert set(found["helpers"]) == {"maybe_multiply", "mm_mat1_backward", "mm_mat2_backward"}
    assert "transposed" in found["helpers"]["mm_mat1_backward"]
    assert readable("at::foo_symint(self.sym_sizes(), self.sym_size(2))") == (
        "foo(self.shape, self.shape[2])"
    )


def test_every_helper_that_a_formula_names_has_words() -> None:
    for entry in load_derivatives().values():
        for formula in entry.formulas.values():
            for helper in helpers_in(formula):
                assert 15 <= len(helper_text(helper)) <= 220, helper


def test_unknown_names_are_unknown() -> None:
    assert operator("NoSuchBackward0") is None
    assert operator("torch::autograd::AccumulateGrad") == operator("AccumulateGrad")
    assert operator("PermuteBackward0_copy") == operator("PermuteBackward0")


def test_a_function_of_the_programs_own_has_the_rule_of_all_such() -> None:
    assert operator("CubeBackward") == operator("Function")


def test_search_looks_in_names_titles_and_words() -> None:
    assert "MulBackward0" in [o["name"] for o in operators("multiplication")]
    assert "ReluBackward0" in [o["name"] for o in operators("dead gate")]
    assert operators("no such words anywhere") == []
    assert [o["name"] for o in operators()][: len(RULES)] == list(RULES)


def test_signs_and_remarks_are_told_apart() -> None:
    assert symbol(r"\mu, \sigma: mean") == {
        "sign": r"\mu, \sigma",
        "maths": True,
        "meaning": "mean",
    }
    assert symbol("ctx: what is kept")["maths"] is False
    assert symbol("just a remark")["sign"] == ""


def test_worked_examples_hold_numbers_of_the_inputs_shapes() -> None:
    for rule in RULES.values():
        example = worked_example(rule)
        for name, gradient in example["gradients"].items():
            given = torch.tensor(example["inputs"][name])
            assert torch.tensor(gradient).shape == given.shape, rule.name


def test_over_http(client: httpx.Client) -> None:
    listed: list[dict[str, Any]] = client.get("/api/v1/operators").json()["operators"]
    assert len(listed) > 600
    some = client.get("/api/v1/operators", params={"query": "softmax"}).json()["operators"]
    assert 0 < len(some) < 40
    one = client.get("/api/v1/operators/MulBackward0").json()
    assert one["latex"] and one["text"] and one["formulas"] and one["example"]
    missing = client.get("/api/v1/operators/Nope")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"


def test_every_page_can_be_made(client: httpx.Client) -> None:
    for name in [*RULES, "FftR2CBackward0", "GraphRoot", "LinalgSvdBackward0"]:
        answer = client.get(f"/operators/{name}")
        assert answer.status_code == 200, name
        assert name in answer.text
    missing = client.get("/operators/<b>Nope")
    assert missing.status_code == 404 and "AddBackward0" in missing.text
    assert "&lt;b&gt;Nope" in missing.text and "<b>Nope" not in missing.text
    hostile = client.get("/operators", params={"query": "<script>alert(1)</script>"})
    assert hostile.status_code == 200
    assert "<script>alert" not in hostile.text


def test_a_filter_that_came_with_the_address_can_be_cleared(
    context: BrowserContext, server: Server
) -> None:
    page = context.new_page()
    page.goto(server.url + "/operators?query=softmax")
    softmax, mul = (
        page.locator("[data-words]", has_text="SoftmaxBackward0"),
        page.locator("[data-words]", has_text="MulBackward0"),
    )
    expect(softmax.first).to_be_visible()
    expect(mul.first).to_be_hidden()
    page.get_by_role("searchbox").fill("")
    expect(mul.first).to_be_visible()


def test_without_scripts_the_filter_of_the_address_holds(client: httpx.Client) -> None:
    text = client.get("/operators", params={"query": "softmax"}).text
    shown = re.findall(r'<li data-words="[^"]*"><a [^>]*><code>(\w+)', text)
    listed = client.get("/api/v1/operators", params={"query": "softmax"}).json()["operators"]
    assert set(shown) == {one["name"] for one in listed}


def test_maths_is_drawn_and_the_list_is_searched(context: BrowserContext, server: Server) -> None:
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.goto(server.url + "/operators")
    page.get_by_role("searchbox").fill("softmax")
    page.wait_for_function("document.getElementById('found').textContent.includes('operators')")
    page.get_by_role("link", name="SoftmaxBackward0 Softmax", exact=True).click()
    page.wait_for_selector("h1:has-text('Softmax')")
    page.wait_for_selector("math")
    failures = page.evaluate(
        """async () => {
          const { default: temml } = await import('temml');
          const { operators } = await (await fetch('/api/v1/operators')).json();
          const bad = [];
          for (const { name } of operators.filter((o) => o.family)) {
            const one = await (await fetch(`/api/v1/operators/${name}`)).json();
            const signs = one.symbols.filter((s) => s.maths).map((s) => s.sign);
            for (const latex of [one.latex, ...one.maths, ...signs]) {
              try { temml.renderToString(latex, { throwOnError: true }); }
              catch { bad.push(latex); }
            }
          }
          return bad;
        }"""
    )
    assert failures == []
    assert problems == []
