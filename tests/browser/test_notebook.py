"""Every cell of the teaching notebook, as its lesson on the page, against plain torch."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from app.lessons import get_lesson
from tests.browser.studio import Studio, shown
from tests.plain import PlainRun, run_plain


def opened(studio: Studio, id: str) -> PlainRun:
    """Open a lesson and compare what every cell must share with a plain run of it."""
    plain = run_plain(get_lesson(id).code)
    studio.lesson(id)
    shown_output = studio.output.inner_text().split()
    assert shown_output == (plain.stdout.split() or ["Nothing", "printed."])
    if plain.error is None:
        assert studio.problems.locator("[role=alert]").count() == 0
    else:
        expect(studio.problems).to_contain_text(str(plain.error).splitlines()[0])
        expect(studio.page.locator(".cm-error-line")).to_have_count(1)
    return plain


def nodes_in_order(studio: Studio) -> list[str]:
    return [s.split()[0] for s in studio.labels() if s.split()[0].endswith("Backward0")]


def test_backward(studio: Studio) -> None:
    plain = opened(studio, "backward")
    order = ["MeanBackward0", "MulBackward0", "MulBackward0", "AddBackward0"]
    assert nodes_in_order(studio) == order
    assert studio.grad_of("x") == [shown(float(n)) for n in plain.names["x"].grad]
    studio.select("x+2")
    expect(studio.inspector).to_contain_text("used by")
    expect(studio.card("x + 2").first).to_contain_text("2 of 2")


def test_without_requires_grad(studio: Studio) -> None:
    plain = opened(studio, "no-requires-grad")
    assert "element 0 of tensors does not require grad" in str(plain.error)
    expect(studio.page.locator(".counts")).to_contain_text("not recorded")
    expect(studio.problems.locator(".button--fix").first).to_be_visible()


def test_non_scalar_root(studio: Studio) -> None:
    plain = opened(studio, "non-scalar")
    assert "grad can be implicitly created only for scalar outputs" in str(plain.error)
    studio.problems.locator(".button--fix").first.click()
    expect(studio.problems).to_be_hidden()
    x = run_plain(get_lesson("non-scalar").code).names["x"]
    assert studio.grad_of("x") == [shown(float(6 * (n + 2))) for n in x]


def test_vector(studio: Studio) -> None:
    plain = opened(studio, "vector")
    assert nodes_in_order(studio) == ["MulBackward0"] * 11
    assert plain.names["x"].grad.tolist() == pytest.approx([204.8, 2048.0, 0.2048])
    assert studio.grad_of("x") == [shown(float(n)) for n in plain.names["x"].grad]
    studio.select("a * 2")
    expect(studio.inspector).to_contain_text("turn")


def test_requires_grad_in_place(studio: Studio) -> None:
    plain = opened(studio, "requires-grad-in-place")
    assert plain.names["a"].requires_grad and not plain.names["b"].requires_grad
    expect(studio.page.locator(".counts")).to_contain_text("3 not recorded")
    expect(studio.variable("a").locator(".is-leaf")).to_be_visible()
    assert studio.variable("b").locator(".is-leaf").count() == 0


def test_requires_grad_off(studio: Studio) -> None:
    opened(studio, "requires-grad-off")
    assert studio.variable("x").locator(".is-leaf").count() == 0


def test_detach(studio: Studio) -> None:
    opened(studio, "detach")
    expect(studio.page.locator(".counts")).to_contain_text("1 not recorded")
    studio.select("x.detach()")
    expect(studio.inspector).to_contain_text("Not recorded")


def test_no_grad(studio: Studio) -> None:
    opened(studio, "no-grad")
    expect(studio.page.locator(".counts")).to_contain_text("1 not recorded")
    expect(studio.graph).to_contain_text("AddBackward0")
    expect(studio.graph).to_contain_text("no_grad")


def test_accumulate(studio: Studio) -> None:
    opened(studio, "accumulate")
    expect(studio.page.locator(".counts")).to_contain_text("backward 8 of 8")
    sums = [s for s in studio.labels() if s.startswith("weights.grad")]
    assert len(sums) == 8
    for epoch, sentence in enumerate(sums, start=1):
        assert f"becomes [{3 * epoch}, " in sentence
    assert studio.grad_of("weights")[:1] == ["24.00"]


def test_zero_grad(studio: Studio) -> None:
    opened(studio, "zero-grad")
    sentences = studio.labels()
    assert sum(s.startswith("Clears") for s in sentences) == 2
    expect(studio.output).to_contain_text("tensor([3., 3., 3., 3.])")


def test_optimizer(studio: Studio) -> None:
    plain = opened(studio, "optimizer-list")
    assert isinstance(plain.error, TypeError)
    studio.problems.locator(".button--fix").first.click()
    expect(studio.problems).not_to_contain_text("TypeError")
    expect(studio.editor).to_contain_text("[weights]")
    sentences = studio.labels()
    assert any(s.startswith("The optimizer") for s in sentences)
    assert any(s.startswith("zero_grad") for s in sentences)
