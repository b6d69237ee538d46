"""Explanations on the page: diagnosis, fix, hint, chain and shares, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import Server


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Page:
    opened = context.new_page()
    opened.goto(server.url)
    expect(opened.locator(".variables__name").first).to_be_visible(timeout=30_000)
    return opened


def run(page: Page, code: str) -> None:
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)
    page.keyboard.press("Control+Enter")


def test_the_shares_of_two_paths_are_shown(page: Page) -> None:
    run(page, "x = torch.tensor(1.0, requires_grad=True)\ny = x ** 3 + 5 * x\ny.backward()")
    expect(page.locator(".variables__name", has_text="y")).to_be_visible(timeout=30_000)
    page.locator(".variables__name", has_text="x").click()
    section = page.get_by_role("region", name="Why, for x")
    expect(section).to_contain_text("62.5 %")
    expect(section).to_contain_text("37.5 %")
    expect(section).to_contain_text("2 paths")


def test_the_chain_to_the_cut_selects_what_it_names(page: Page) -> None:
    run(
        page,
        "x = torch.ones(3, requires_grad=True)\nw = torch.ones(3, requires_grad=True)\n"
        "h = (x * 2).detach()\n(h * w).sum().backward()",
    )
    expect(page.locator(".variables__name", has_text="h")).to_be_visible(timeout=30_000)
    page.locator(".variables__name", has_text="x").click()
    section = page.get_by_role("region", name="Why, for x")
    expect(section).to_contain_text("From there no gradient comes back")
    section.get_by_role("button").last.click()
    expect(page.locator(".inspect__title")).to_contain_text("detach")


def test_a_fix_is_applied_with_one_click(page: Page) -> None:
    run(page, "x = torch.randn(3)\ny = (x * 2).sum()\ny.backward()")
    problem = page.locator(".problem")
    expect(problem).to_contain_text("Nothing here requires grad", timeout=30_000)
    expect(
        problem.get_by_role("link", name="PyTorch on torch.Tensor.requires_grad")
    ).to_be_visible()
    problem.get_by_role("button", name="Let x require grad").click()
    expect(page.locator(".cm-content")).to_contain_text("torch.randn(3, requires_grad=True)")
    expect(page.locator(".problem")).to_have_count(0, timeout=30_000)
