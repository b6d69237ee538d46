"""axe-core finds nothing in any state, in both themes; narrow and zoomed pages fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.studio import Studio
from tests.conftest import Server


def detached(studio: Studio) -> None:
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    expect(studio.page.locator(".chip--whatif")).to_be_visible()
    studio.settled()


def kept(studio: Studio) -> None:
    studio.select("x * 4")
    studio.inspector.get_by_role("button", name="retain_grad").click()
    expect(studio.page.locator("#coach")).to_contain_text("That is it.")


def edge(studio: Studio) -> None:
    studio.graph.locator(".gw-link .gw-hit").nth(1).dispatch_event("click")
    expect(studio.inspector.get_by_role("button", name="Detach this use")).to_be_visible()


def opened_large(studio: Studio) -> None:
    code = "x = torch.randn(40, 50, requires_grad=True)\n(x * x).mean().backward()\n"
    studio.run(code).select("x")
    studio.inspector.get_by_role("button", name="Open value of x large").click()
    expect(studio.page.get_by_role("dialog").locator(".histogram")).to_be_visible()


def call_selected(studio: Studio) -> None:
    """The colours of code on the mark of a selected expression."""
    studio.run("x = torch.randn(4, requires_grad=True)\n(x * x).mean().backward()\n").select("x")
    expect(studio.page.locator(".cm-node-span").first).to_be_visible()


def parameter_changed(studio: Studio) -> None:
    studio.run("net = torch.nn.Linear(2, 1)\nnet(torch.ones(3, 2)).sum().backward()\n")
    expect(studio.page.locator("tr.is-changed .is-leaf")).to_be_visible()


def press(*keys: str) -> Callable[[Studio], None]:
    def act(studio: Studio) -> None:
        studio.blur()
        for key in keys:
            studio.page.keyboard.press(key)

    return act


def click(name: str) -> Callable[[Studio], None]:
    return lambda studio: studio.page.get_by_role("button", name=name).first.click()


def nothing(_: Studio) -> None:
    """The state as it is."""


STATES: dict[str, tuple[str, Callable[[Studio], None]]] = {
    "opening": ("#lesson=backward", nothing),
    "mid-walk": ("#lesson=backward", press("Home", *["ArrowRight"] * 12)),
    "selected": ("#lesson=backward", lambda studio: studio.select("y*y")),
    "error": ("#lesson=no-requires-grad", nothing),
    "what-if": ("#lesson=backward", detached),
    "question answered": ("#lesson=non-leaf", kept),
    "hint of a lesson": ("#lesson=chain-rule", click("Hint")),
    "edge": ("#lesson=backward", edge),
    "large tensor": ("#lesson=backward", opened_large),
    "lesson menu": ("#lesson=backward", press("l")),
    "palette": ("#lesson=backward", press("ControlOrMeta+k")),
    "help": ("#lesson=backward", press("?")),
    "share": ("#lesson=backward", click("Share")),
    "variable menu": ("#lesson=backward", click("What can be done with x")),
    "matrix": ("#lesson=requires-grad-in-place", nothing),
    "call selected": ("#lesson=backward", call_selected),
    "parameter changed": ("#lesson=backward", parameter_changed),
    "network": ("#lesson=xor", nothing),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(browser: Browser, server: Server, state: str, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme)
    studio = Studio(context.new_page(), server.url)
    hash, act = STATES[state]
    studio.open(hash)
    act(studio)
    studio.page.wait_for_timeout(300)
    studio.shot(f"{state}-{theme}".replace(" ", "-"))
    results = Axe().run(studio.page)
    assert results.violations_count == 0, results.generate_report()
    context.close()


@pytest.mark.parametrize("size", [(1024, 768), (390, 844), (844, 390), (720, 450)])
def test_narrow_pages_fit_and_every_pane_is_reached(
    browser: Browser, server: Server, size: tuple[int, int]
) -> None:
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height})
    studio = Studio(context.new_page(), server.url).open("#lesson=backward")
    for tab, pane in (("Code", "#pane-code"), ("Inspector", "#pane-inspector")):
        studio.page.locator("#tabs").get_by_role("button", name=tab).click()
        expect(studio.page.locator(pane)).to_be_visible()
        over = studio.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, f"{tab} is {over} px too wide"
        studio.shot(f"{width}x{height}-{tab.lower()}")
    results = Axe().run(studio.page)
    assert results.violations_count == 0, results.generate_report()
    # What the what-ifs add to the top may not push the page wider.
    studio.page.locator("#tabs").get_by_role("button", name="Inspector").click()
    detached(studio)
    box = studio.page.locator(".button--run").bounding_box()
    assert box is not None and box["x"] + box["width"] <= width
    context.close()


def test_reduced_motion_steps_without_waiting(browser: Browser, server: Server) -> None:
    context = browser.new_context(reduced_motion="reduce")
    studio = Studio(context.new_page(), server.url).open("#lesson=backward")
    studio.blur()
    studio.page.keyboard.press("ArrowLeft")
    running = studio.page.evaluate(
        "document.getAnimations().filter(a => a.playState === 'running').length"
    )
    assert running == 0
    context.close()


def test_what_a_screen_reader_is_told(studio: Studio) -> None:
    page = studio.open("#lesson=backward").page

    def focused(what: str) -> bool:
        return bool(page.evaluate(f"document.activeElement?.{what}"))

    expect(
        studio.card("a.mean(), MeanBackward0, named b, value 15.48, gradient 1.000")
    ).to_be_visible()
    studio.select("y*y")
    jacobian = studio.inspector.get_by_role("img", name="Local Jacobian of y * y")
    expect(jacobian).to_have_accessible_name(
        re.compile("3 columns: 3.541 0 0; 0 1.707 0; 0 0 -0.179$")
    )

    # A slider says where it stands while it is held, before its run has come back.
    first = page.get_by_role("slider", name="x[0]", exact=True)
    page.route("**/api/v1/traces*", lambda _: None)
    first.fill("2")
    expect(first).to_have_attribute("aria-valuetext", "2.000")
    page.unroute("**/api/v1/traces*")

    # A dialog holds the focus and gives it back.
    share = page.get_by_role("button", name="Share")
    share.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Share")).to_be_visible()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert focused("closest('dialog')") or focused("matches('body')")
    page.keyboard.press("Escape")
    expect(share).to_be_focused()

    # A menu is one stop of the Tab key, and its parts have names.
    export = page.get_by_role("button", name="Export")
    export.focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("menu", name="Export")
    expect(menu.get_by_role("group", name="Save").get_by_role("menuitem")).to_have_count(7)
    expect(menu.get_by_role("group", name="Open").get_by_role("menuitem")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(menu).to_have_count(0)
    assert focused("matches('#actions button:not([aria-expanded=true])')")


def test_the_whole_walk_by_keyboard(studio: Studio) -> None:
    studio.open("#lesson=backward")
    studio.page.keyboard.press("Tab")
    expect(studio.page.locator(".skip")).to_be_focused()
    studio.page.keyboard.press("Enter")
    studio.page.keyboard.press("Tab")
    focused = []
    for _ in range(40):
        focused.append(studio.page.evaluate("document.activeElement?.closest('[id]')?.id ?? ''"))
        studio.page.keyboard.press("Tab")
    assert {"graph-bar", "graph", "pane-inspector", "timeline"} <= set(focused)
    expect(studio.editor).to_contain_text("b.backward()")
