"""States that are easily forgotten: odd numbers and names, nothing to show, paper, phones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.studio import SEED_CODE, Studio
from tests.conftest import Server

COMPLEX = """\
x = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
y = x * (2 - 1j)
y.abs().pow(2).sum().backward()
"""
LONG = "a_name_that_nobody_would_write_by_hand_" * 4
LONG_NAMES = f"""\
{LONG} = torch.ones(3, requires_grad=True)
({LONG} * 2).sum().backward()
"""
#: Has one line in common with the first lesson.
OWN = """\
x = torch.tensor([1.0, 100.0], requires_grad=True)
(x ** 3).sum().backward()
print(x.grad)
"""
PHONE = {"width": 390, "height": 844}

#: Cards, or parts of them, as they stand in the window.
BOXES = """(all) => all.map((one) => {
  const {left, top, right, bottom} = one.getBoundingClientRect();
  return {left, top, right, bottom};
})"""


def boxes(studio: Studio, selector: str) -> list[dict[str, float]]:
    found: list[dict[str, float]] = studio.page.locator(selector).evaluate_all(BOXES)
    assert found, selector
    return found


def inside(one: dict[str, float], other: dict[str, float], slack: float = 1) -> bool:
    return (
        one["left"] >= other["left"] - slack
        and one["right"] <= other["right"] + slack
        and one["top"] >= other["top"] - slack
        and one["bottom"] <= other["bottom"] + slack
    )


def cut_off(studio: Studio, selector: str) -> int:
    """How many px of text do not fit into an element."""
    found: int = studio.page.locator(selector).evaluate("(e) => e.scrollWidth - e.clientWidth")
    return found


def test_complex_numbers_fit_their_cells(studio: Studio) -> None:
    studio.open().run(COMPLEX)
    texts, cells = boxes(studio, ".gw-cell text"), boxes(studio, ".gw-cell rect")
    assert all(inside(text, cell) for text, cell in zip(texts, cells, strict=True))
    assert cut_off(studio, "#panels") <= 0


@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, PHONE])
def test_long_names_push_nothing_out_of_the_page(studio: Studio, size: Any) -> None:
    studio.open().run(LONG_NAMES)
    studio.page.set_viewport_size(size)
    for tab, pane in (("code", "#panels"), ("graph", "#graph"), ("inspector", "#pane-inspector")):
        if size is PHONE:
            studio.page.locator(f".tabs [data-for={tab}]").click()
        assert cut_off(studio, pane) <= 0, pane
        assert cut_off(studio, "#timeline") <= 0
    assert cut_off(studio, "body") <= 0


def test_beside_a_lesson_there_is_room_for_program_and_panels(studio: Studio) -> None:
    studio.page.set_viewport_size({"width": 1024, "height": 768})
    studio.open()
    (coach,), (editor,), (panels,) = (
        boxes(studio, f"#{id}") for id in ("coach", "editor", "panels")
    )
    assert coach["bottom"] <= editor["top"] < panels["top"]
    assert editor["bottom"] - editor["top"] >= 170
    assert panels["bottom"] - panels["top"] >= 130
    # One thing at a time: the question comes when the walk is over.
    question = studio.page.locator(".coach__question")
    expect(question).to_be_hidden()
    while (walk := studio.page.locator(".button--walk")).count():
        walk.click()
    expect(question).to_be_visible()


def test_a_phone_begins_with_the_words_of_the_lesson(studio: Studio) -> None:
    studio.page.set_viewport_size(PHONE)
    studio.open()
    coach = studio.page.locator("#coach")
    walk = coach.get_by_role("button", name="Walk through it")
    (around,), (button,) = boxes(studio, "#coach"), boxes(studio, ".button--walk")
    assert inside(button, around)
    (pane,) = boxes(studio, ".gw-graph")
    assert all(inside(one, pane) for one in boxes(studio, ".gw-card .gw-box"))
    walk.click()
    expect(coach).to_contain_text("1 of 7")


def test_an_empty_program_says_what_to_do_and_offers_nothing_else(studio: Studio) -> None:
    studio.open().run("")
    expect(studio.page.locator("#graph-note")).to_contain_text("Write some torch")
    expect(studio.page.locator("#variables")).to_contain_text("No name holds a tensor")
    expect(studio.slider).to_be_disabled()
    for one in studio.page.locator(".timeline__buttons button").all():
        expect(one).to_be_disabled()


def test_a_program_that_python_cant_read_sends_to_its_error(studio: Studio) -> None:
    studio.open().run("x = torch.ones(3")
    expect(studio.page.locator("#graph-note")).to_contain_text("what went wrong")
    expect(studio.problems).to_contain_text("never closed")


def test_a_program_of_ones_own_is_no_lesson(studio: Studio) -> None:
    studio.open().run(OWN)
    expect(studio.page.locator("#lesson-menu")).to_contain_text("Your program")
    expect(studio.page.locator("#coach")).to_be_hidden()


def test_sliders_of_one_leaf_reach_alike_and_as_far_as_its_numbers(studio: Studio) -> None:
    studio.open().run(OWN)
    sliders = studio.page.locator("#inputs input[type=range]")
    expect(sliders).to_have_count(2)
    first, second = sliders.all()
    assert first.get_attribute("max") == second.get_attribute("max")
    assert float(second.input_value()) == pytest.approx(100, abs=1)


def test_a_leaf_can_be_detached_and_attached_again(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.select("x")
    button = studio.inspector.get_by_role("button", name="Detach here")
    button.click()
    studio.settled()
    expect(studio.page.locator(".chip--whatif")).to_contain_text("detach x")
    expect(studio.card("x").first).to_contain_text("gradient lost")
    expect(studio.page.locator(".gw-scissors")).to_have_count(1)
    expect(studio.variable("x")).to_contain_text("requires_grad is False")
    button.click()
    studio.settled()
    expect(studio.page.locator(".chip--whatif")).to_have_count(0)
    expect(studio.card("x").first).not_to_contain_text("gradient lost")


def test_no_grad_is_cut_before_the_expression_not_behind_it(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y * y")
    studio.inspector.get_by_role("button", name="no_grad").click()
    studio.settled()
    # Both uses of y; what comes of the product is not cut once more.
    expect(studio.page.locator(".gw-scissors")).to_have_count(2)
    assert studio.page.locator(".gw-link--severed").count() == 4


def test_lines_meet_the_cards_before_and_after(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y * y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    studio.settled()
    studio.blur()
    studio.page.keyboard.press("b")
    expect(studio.page.get_by_role("button", name="Before", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(studio.card("x").first).not_to_contain_text("gradient lost")
    # An arrow's tip is at the lower border of the card that it goes to.
    edges = {round(box["bottom"]) for box in boxes(studio, ".gw-card .gw-box")}
    for head in boxes(studio, ".gw-gradient-head"):
        assert min(abs(head["top"] - edge) for edge in edges) <= 3


def test_the_inspector_says_when_a_gradient_comes_and_what_came_before_an_error(
    studio: Studio,
) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y * y")
    upstream = studio.inspector.get_by_role("region", name="Upstream gradient v")
    expect(upstream).not_to_contain_text("at step")
    studio.blur()
    studio.page.keyboard.press("Home")
    expect(upstream).to_contain_text("at step")
    studio.lesson("in-place")
    expect(upstream.locator(".cell")).to_have_text(["1.000", "1.000"])


def test_playing_says_pause_in_full(studio: Studio) -> None:
    studio.open()
    studio.blur()
    studio.page.keyboard.press("Space")
    label = studio.page.locator(".button--play .button__label")
    expect(label).to_have_text("Pause")
    assert cut_off(studio, ".button--play .button__label") <= 0


def test_the_last_tick_has_its_name(studio: Studio) -> None:
    studio.lesson("requires-grad-off")
    expect(studio.page.locator(".strip__label")).to_have_text(["randn", "print", "print"])
    (strip,) = boxes(studio, ".strip")
    assert boxes(studio, ".strip__label")[-1]["right"] <= strip["right"] + 1


@pytest.mark.parametrize("lesson", ["backward", "xor"])
def test_the_printed_picture_is_whole(studio: Studio, lesson: str) -> None:
    studio.lesson(lesson)
    studio.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    studio.page.emulate_media(media="print")
    studio.page.set_viewport_size({"width": 720, "height": 1000})
    (paper,) = boxes(studio, ".gw-graph")
    assert paper["right"] <= 720
    assert all(inside(card, paper) for card in boxes(studio, ".gw-card .gw-box"))
    cell = studio.page.locator("#variables .cell").first
    assert cell.evaluate("(e) => getComputedStyle(e).printColorAdjust") == "exact"
    expect(studio.slider).to_be_hidden()
    # And the window has its camera again.
    studio.page.emulate_media(media="screen")
    studio.page.set_viewport_size({"width": 1440, "height": 900})
    studio.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert studio.page.locator(".gw-graph").get_attribute("viewBox") is None


def test_a_phone_has_the_chain_that_backward_walks_in_sight(studio: Studio) -> None:
    studio.page.set_viewport_size(PHONE)
    studio.lesson("vanishing")
    (pane,) = boxes(studio, ".gw-graph")
    chain = boxes(studio, ".gw-card--op .gw-box")
    assert all(pane["left"] <= one["left"] and one["right"] <= pane["right"] for one in chain)


def test_until_the_first_run_is_back_nothing_is_said_of_its_result(studio: Studio) -> None:
    studio.page.route("**/api/v1/traces*", lambda _: None)
    studio.page.goto(studio.url)
    expect(studio.page.locator("#graph-note")).to_have_text("Running the program…")
    expect(studio.page.locator("#output")).to_contain_text("Nothing has run yet")
    expect(studio.page.locator("#variables")).to_contain_text("Nothing has run yet")
    studio.run_button.click()  # Cancel
    expect(studio.page.locator("#graph-note")).to_contain_text("could not be run")
    studio.page.unroute("**/api/v1/traces*")
    studio.run_button.click()
    expect(studio.graph).to_contain_text("AddBackward0")
    expect(studio.page.locator("#graph-note")).to_be_hidden()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (844, 390), (390, 844)])
def test_what_ifs_have_room_in_the_top_bar(studio: Studio, size: tuple[int, int]) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y * y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    studio.settled()
    studio.page.set_viewport_size({"width": size[0], "height": size[1]})
    (bar,) = boxes(studio, ".topbar__whatif")
    parts = boxes(studio, ".topbar__chips, .topbar__whatif > :is(.segmented, .button)")
    assert len(parts) == 3
    assert all(inside(part, bar) for part in parts)
    assert inside(boxes(studio, ".chip--whatif")[0], parts[0])


def test_several_what_ifs_are_told_apart(studio: Studio) -> None:
    studio.open().run(SEED_CODE.replace("b.backward()", "(b + x.sum()).backward()"))
    for expression, kind in (
        ("x + 2", "retain_grad"),
        ("y * y", "Detach here"),
        ("x.sum", "no_grad"),
    ):
        studio.select(expression)
        studio.inspector.get_by_role("button", name=kind).click()
        studio.settled()
    chips = studio.page.locator(".chip--whatif .chip__text")
    expect(chips).to_have_text(["retain_grad y", "detach y*y", "no_grad x.sum()"])
    for i in range(3):
        assert chips.nth(i).evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0
    # Switching by the keyboard keeps the focus where it was.
    before = studio.page.get_by_role("button", name="Before", exact=True)
    before.focus()
    studio.page.keyboard.press("Enter")
    expect(before).to_have_attribute("aria-pressed", "true")
    expect(before).to_be_focused()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)])
def test_an_error_makes_the_page_no_higher(studio: Studio, size: tuple[int, int]) -> None:
    studio.page.set_viewport_size({"width": size[0], "height": size[1]})
    studio.lesson("no-requires-grad")
    assert studio.page.evaluate("document.documentElement.scrollHeight") == size[1]


def test_the_fix_of_an_error_is_in_sight(studio: Studio) -> None:
    studio.lesson("no-requires-grad")
    (pane,) = boxes(studio, "#panels")
    assert inside(boxes(studio, ".button--fix")[0], pane)


def test_the_line_of_a_step_is_in_sight(studio: Studio) -> None:
    studio.page.set_viewport_size({"width": 1024, "height": 768})
    studio.lesson("backward")
    first = studio.page.locator(".cm-line").first
    expect(first).to_be_in_viewport()
    studio.blur()
    studio.page.keyboard.press("ArrowLeft")
    line = studio.page.locator(".cm-step-backward")
    expect(line).to_have_text("b.backward()")
    expect(line).to_be_in_viewport()
    studio.page.keyboard.press("Home")
    studio.page.keyboard.press("ArrowRight")
    expect(first).to_be_in_viewport()


def test_what_was_printed_scrolls_one_way_only(studio: Studio) -> None:
    studio.open()
    assert cut_off(studio, ".output__lines") <= 0


def test_the_turned_picture_can_be_read(studio: Studio) -> None:
    studio.open()
    studio.blur()
    studio.page.keyboard.press("d")
    world = studio.page.locator(".gw-world")
    # Wider than the pane at any scale that can be read: it is panned along.
    expect(world).to_have_attribute("transform", re.compile(r"scale\((0\.[6-9]|1)"))
    (pane,) = boxes(studio, ".gw-graph")
    assert any(inside(card, pane) for card in boxes(studio, ".gw-card--leaf .gw-box"))


def test_an_empty_tensor_is_called_so_and_has_no_sliders(studio: Studio) -> None:
    studio.open().run("x = torch.ones(0, 3, requires_grad=True)\n(x * 2).sum().backward()\n")
    studio.select("x")
    value = studio.inspector.get_by_role("region", name="Value", exact=True)
    expect(value).to_contain_text("empty (0×3)")
    expect(studio.page.locator("#inputs")).to_be_hidden()


def test_letters_that_are_not_seen_are_marked(studio: Studio) -> None:
    """As they come with what is pasted from a page: Python does not read them."""
    studio.open().run("x = torch.ones(2)\u200b\n")
    expect(studio.page.locator(".cm-specialChar")).to_have_count(1)


def test_names_of_modules_leave_room_for_their_numbers(studio: Studio) -> None:
    code = "net = torch.nn.ModuleDict({k: torch.nn.Linear(3, 3) for k in ('used', 'other')})\n"
    studio.open().run(code + "net['used'](torch.randn(4, 3)).sum().backward()\n")
    assert cut_off(studio, "#panels") <= 0
    # A parameter that nothing used was there before the last step too.
    expect(studio.variable("net.other.weight")).to_be_visible()
    expect(studio.variable("net.other.weight")).not_to_have_class(re.compile("is-changed"))


def test_lessons_come_when_the_service_is_there_again(studio: Studio) -> None:
    studio.page.route("**/api/v1/**", lambda route: route.abort())
    studio.page.goto(studio.url)
    expect(studio.problems).to_contain_text("The service does not answer")
    studio.page.unroute("**/api/v1/**")
    studio.problems.get_by_role("button", name="Try again").click()
    expect(studio.graph).to_contain_text("AddBackward0")
    studio.page.locator("#lesson-menu button").click()
    expect(studio.page.get_by_role("menuitem", name="What backward() does")).to_be_visible()


EMPTY: dict[str, Any] = {
    "schema_version": 1, "runtime": {}, "stdout": "", "stdout_truncated": False, "error": None,
    "tensors": [], "ops": [], "graphs": [], "timeline": [], "variables": [], "warnings": [],
    "omitted": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ([1, 2], "This file is not a trace"),
        (None, "This file is not a trace"),
        ({"timeline": [], "graphs": []}, "This file is not a trace"),
        (EMPTY | {"schema_version": 0}, "This trace has format 0"),
        (EMPTY | {"graphs": [{}]}, "This trace is damaged"),
        (EMPTY | {"tensors": [None], "ops": [None]}, "This trace is damaged"),
    ],
)
def test_a_file_that_is_no_trace_changes_nothing(studio: Studio, file: Any, said: str) -> None:
    studio.open()
    code = studio.editor.inner_text()
    studio.open_trace(file)
    expect(studio.page.locator(".toast")).to_contain_text(said)
    expect(studio.graph).to_contain_text("AddBackward0")
    assert studio.editor.inner_text() == code


def test_a_trace_file_takes_no_program_away(studio: Studio, server: Server) -> None:
    studio.open().run(OWN)
    studio.open_trace({"code": SEED_CODE, "trace": server.trace(SEED_CODE)})
    expect(studio.editor).to_contain_text("a = y*y*3")
    studio.blur()
    studio.page.keyboard.press("ControlOrMeta+z")
    expect(studio.editor).to_contain_text("(x ** 3)")


def test_a_message_stands_above_the_dialog_it_comes_from(studio: Studio) -> None:
    studio.open()
    studio.page.get_by_role("button", name="Share").click()
    studio.page.get_by_role("button", name="Copy link").click()
    toast = studio.page.get_by_role("dialog").locator(".toast")
    expect(toast).to_be_visible()
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)
    studio.page.keyboard.press("Escape")
    expect(studio.page.locator("body > #toasts")).to_have_count(1)


def test_a_new_program_is_a_clean_sheet(studio: Studio) -> None:
    studio.open()
    studio.page.locator("#lesson-menu button").click()
    studio.page.get_by_role("menuitem", name="New program").click()
    expect(studio.page.locator("#graph-note")).to_contain_text("Write some torch")
    expect(studio.page.locator(".gw-card")).to_have_count(0)
    expect(studio.editor).to_be_focused()


def test_steps_inside_of_a_module_are_told_apart_in_the_search(studio: Studio) -> None:
    studio.lesson("xor")
    studio.blur()
    studio.page.keyboard.press("/")
    names = studio.page.locator(".palette__item span").all_inner_texts()
    assert {"tanh", "linear", "linear: T"} <= set(names)
    assert "model(x)" not in names


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_api_page_has_the_theme_of_the_system(studio: Studio, scheme: Any) -> None:
    studio.page.emulate_media(color_scheme=scheme)
    studio.page.goto(f"{studio.url}/docs")
    ground = studio.page.locator("html").evaluate("(e) => getComputedStyle(e).backgroundColor")
    dark = studio.page.locator("html.dark-mode")
    expect(dark).to_have_count(1 if scheme == "dark" else 0)
    assert (ground in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")) == (scheme == "light"), ground


def test_without_a_picture_none_is_saved(studio: Studio) -> None:
    studio.open().run("print('no tensor')")
    studio.page.get_by_role("button", name="Export").click()
    studio.page.get_by_role("menuitem", name="Graph as Mermaid").click()
    expect(studio.page.locator(".toast")).to_contain_text("There is no picture to save")


def test_the_focus_is_not_lost_with_what_had_it(studio: Studio) -> None:
    focused = studio.page.locator(":focus")
    studio.lesson("no-requires-grad")
    studio.problems.get_by_role("button", name="Let x require grad").focus()
    studio.page.keyboard.press("Enter")
    expect(studio.problems).to_be_hidden()
    expect(focused).to_have_attribute("id", "panels")
    studio.select("y * y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    remove = studio.page.get_by_role("button", name="Remove what if detach y*y")
    remove.focus()
    studio.page.keyboard.press("Enter")
    expect(remove).to_have_count(0)
    expect(focused).to_have_attribute("id", "topbar")


def test_the_newest_of_many_what_ifs_is_in_sight(studio: Studio) -> None:
    studio.page.set_viewport_size(PHONE)
    studio.open()
    studio.page.locator(".tabs [data-for=code]").click()
    studio.run(SEED_CODE)
    studio.page.locator(".tabs [data-for=inspector]").click()
    for expression, kind in (
        ("x + 2", "retain_grad"),
        ("y*y*3", "retain_grad"),
        ("y*y", "no_grad"),
    ):
        studio.select(expression)
        studio.inspector.get_by_role("button", name=kind).click()
        studio.settled()
    expect(studio.page.locator(".chip--whatif")).to_have_count(3)
    (bar,) = boxes(studio, ".topbar__chips")
    assert boxes(studio, ".chip--whatif")[2]["right"] <= bar["right"] + 1
    assert boxes(studio, ".chip--whatif")[0]["left"] < bar["left"]


def test_the_buttons_of_a_card_follow_into_sight(studio: Studio) -> None:
    studio.open()
    studio.select("y*y")
    (pane,) = boxes(studio, ".gw-graph")
    assert all(inside(one, pane) for one in boxes(studio, ".gw-action"))
    # The card comes to the right border: its buttons stood there.
    x, y = (pane["left"] + pane["right"]) / 2, pane["bottom"] - 20
    (card,) = boxes(studio, ".gw-card.is-selected .gw-box")
    studio.page.mouse.move(x, y)
    studio.page.mouse.down()
    studio.page.mouse.move(x + pane["right"] - card["right"] - 30, y, steps=4)
    studio.page.mouse.up()
    studio.page.wait_for_timeout(600)
    assert all(inside(one, pane) for one in boxes(studio, ".gw-action"))


@pytest.mark.parametrize("size", [(720, 450), (844, 390)])
def test_a_low_page_has_its_bars_beside_each_other(studio: Studio, size: tuple[int, int]) -> None:
    studio.page.set_viewport_size({"width": size[0], "height": size[1]})
    studio.lesson("non-leaf")
    studio.page.locator(".tabs [data-for=inspector]").click()
    studio.select("x * 4")
    studio.inspector.get_by_role("button", name="retain_grad").click()
    studio.settled()
    text = studio.page.locator(".chip--whatif .chip__text")
    assert text.evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0
    studio.page.locator(".tabs [data-for=code]").click()
    code = "x = torch.ones(2, requires_grad=True)\ny = x\nfor i in range(300):\n    y = y * 1.01\n"
    studio.run(code + "y.sum().backward()\n")
    studio.page.locator(".tabs [data-for=graph]").click()
    (counts,), (groups,) = boxes(studio, ".counts"), boxes(studio, ".gw-groupbar")
    assert counts["bottom"] <= groups["top"] + 1
