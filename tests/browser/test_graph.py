"""The picture in a real browser, its numbers beside plain torch's."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.studio import SEED_CODE, Studio, shown
from tests.conftest import Server

FAN_OUT = """\
x = torch.tensor([1.0, 2.0], requires_grad=True)
h = x * 3
left = h ** 2
right = torch.sin(h)
loss = (left + right).sum()
loss.backward()
"""


GHOST = """\
x = torch.ones(2, requires_grad=True)
with torch.no_grad():
    y = x + 2
z = x + 2
"""


class Picture:
    """The graph as drawn: cards by title, their rows, the links."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.page: Page = studio.page

    def drawn(self) -> Picture:
        expect(self.page.locator(".gw-graph")).to_have_attribute("aria-busy", "false")
        return self

    def show(self, code: str) -> Picture:
        self.studio.open().run(code)
        self.drawn()
        self.go("End")
        return self

    def go(self, *keys: str) -> None:
        self.studio.blur()
        for key in keys:
            self.page.keyboard.press(key)
        expect(self.page.locator(".gw-pulse")).to_have_count(0)

    def card(self, title: str) -> Locator:
        return self.page.locator(f'.gw-card[data-title="{title}"]')

    def row(self, title: str, kind: str) -> list[str]:
        return self.card(title).locator(f".gw-row--{kind} .gw-cell text").all_text_contents()

    def centres(self) -> dict[str, list[int]]:
        """Where every card stands, in the picture's own px, by title."""
        found: dict[str, list[int]] = self.page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll('.gw-card')].map((card) => {
              const {width, height} = card.querySelector('.gw-box').getBBox();
              const [x, y] = card.getAttribute('transform').match(/[-.\\d]+/g).map(Number);
              return [card.dataset.title, [x + width / 2, y + height / 2].map(Math.round)];
            }))"""
        )
        return found

    def boxes(self, selector: str) -> list[dict[str, float]]:
        """Rectangles of what is seen, in px of the window."""
        found: list[dict[str, float]] = self.page.evaluate(
            """(selector) => [...document.querySelectorAll(selector)]
              .filter((one) => getComputedStyle(one).display !== 'none')
              .map((one) => one.getBoundingClientRect())
              .filter((box) => box.width > 0)
              .map(({left, top, right, bottom}) => ({left, top, right, bottom}))""",
            selector,
        )
        return found

    def text(self) -> str:
        """All that the picture says, in reading order of the document."""
        found: str = self.page.evaluate(
            """() => [...document.querySelectorAll('.gw-card, .gw-edge-label')]
              .filter((one) => one.style.display !== 'none')
              .map((one) => `${one.dataset.status ?? ''} ${one.textContent}`).join('\\n')"""
        )
        return found


@pytest.fixture
def picture(studio: Studio) -> Picture:
    return Picture(studio)


def shown_all(tensor: torch.Tensor) -> list[str]:
    return [shown(n) for n in tensor.flatten().tolist()]


def overlap(a: dict[str, float], b: dict[str, float], slack: float = 1) -> bool:
    return (
        a["left"] < b["right"] - slack
        and b["left"] < a["right"] - slack
        and a["top"] < b["bottom"] - slack
        and b["top"] < a["bottom"] - slack
    )


def test_every_number_on_the_cards_is_torchs(picture: Picture) -> None:
    picture.show(SEED_CODE)
    torch.manual_seed(0)
    x = torch.randn(3, requires_grad=True)
    y = x + 2
    square = y * y
    a = square * 3
    b = a.mean()
    for tensor in (y, square, a, b):
        tensor.retain_grad()
    b.backward()
    for title, tensor in {"x": x, "x + 2": y, "y * y": square, "… * 3": a, "a.mean()": b}.items():
        assert tensor.grad is not None
        assert picture.row(title, "value") == shown_all(tensor), title
        assert picture.row(title, "grad") == shown_all(tensor.grad), title


def test_cards_say_what_they_are(picture: Picture) -> None:
    picture.show(SEED_CODE)
    expect(picture.page.locator(".gw-card--leaf")).to_have_count(1)
    assert picture.page.locator(".gw-card").count() == 5, "AccumulateGrad is part of its leaf"
    expect(picture.card("x")).to_contain_text("leaf · AccumulateGrad")
    expect(picture.card("y * y")).to_contain_text("MulBackward0")
    expect(picture.card("a.mean()")).to_contain_text("root, seeded")
    label = picture.card("x").get_attribute("aria-label") or ""
    assert ".grad" in label and "AccumulateGrad" in label


def test_two_uses_are_two_lanes_with_their_own_numbers(picture: Picture) -> None:
    picture.show(SEED_CODE)
    torch.manual_seed(0)
    sent = " ".join(shown_all(torch.randn(3) + 2))
    labels = picture.page.locator(".gw-edge-label text").all_text_contents()
    assert labels.count(sent) == 2
    lanes = picture.page.evaluate(
        """() => [...document.querySelectorAll('.gw-link')].map((one) => {
          const box = one.querySelector('.gw-gradient').getBoundingClientRect();
          return [box.left, box.top];
        })"""
    )
    assert len({tuple(round(v) for v in lane) for lane in lanes}) == len(lanes) == 5


@pytest.mark.parametrize("lesson", ["backward", "fan-out", "accumulate", "vector", "xor"])
@pytest.mark.parametrize("direction", ["down", "right"])
def test_numbers_lie_on_no_card_and_on_no_other_numbers(
    picture: Picture, lesson: str, direction: str
) -> None:
    picture.studio.lesson(lesson)
    picture.drawn()
    if direction == "right":
        picture.page.get_by_role("button", name=re.compile("Turn the flow")).click()
        picture.drawn()
    picture.go("End")
    picture.page.wait_for_timeout(600)  # cards that turned have arrived
    cards = picture.boxes(".gw-card .gw-box")
    labels = picture.boxes(".gw-edge-label text")
    assert labels
    assert not [pair for pair in combinations(cards, 2) if overlap(*pair)]
    assert not [pair for pair in combinations(labels, 2) if overlap(*pair)]
    assert not [(label, card) for label in labels for card in cards if overlap(label, card)]


def test_walking_back_shows_what_walking_forward_showed(picture: Picture) -> None:
    picture.show(SEED_CODE)
    picture.go("Home")
    forward = [picture.text()]
    for _ in range(picture.studio.steps()):
        picture.go("ArrowRight")
        forward.append(picture.text())
    assert len(set(forward)) >= 11
    backward = [picture.text()]
    for _ in range(picture.studio.steps()):
        picture.go("ArrowLeft")
        backward.append(picture.text())
    assert backward == forward[::-1]


def test_gradients_are_counted_where_they_meet(picture: Picture) -> None:
    picture.show(FAN_OUT)
    seen = []
    picture.go("Home")
    for _ in range(picture.studio.steps()):
        picture.go("ArrowRight")
        seen.append(picture.card("x * 3").locator(".gw-foot").text_content())
    assert [one for i, one in enumerate(seen) if one and one not in seen[:i]] == [
        "0 of 2 came",
        "1 of 2 came",
        "2 of 2 came",
    ]
    h = torch.tensor([3.0, 6.0])
    assert picture.row("x * 3", "grad") == shown_all(2 * h + torch.cos(h))


def test_a_step_sends_pulses_that_carry_its_numbers(picture: Picture) -> None:
    picture.show(SEED_CODE)
    last = picture.studio.steps()
    for _ in range(4):  # back to before the node of y*y
        picture.go("ArrowLeft")
    assert "MulBackward0" in picture.studio.sentence.inner_text() and last == 12
    picture.studio.blur()
    picture.page.keyboard.press("ArrowRight")
    expect(picture.page.locator(".gw-pulse--gradient")).to_have_count(2)
    expect(picture.card("x + 2").locator(".gw-row--grad .gw-cell--empty")).to_have_count(3)
    expect(picture.page.locator(".gw-pulse")).to_have_count(0)
    expect(picture.card("x + 2").locator(".gw-row--grad .gw-cell--empty")).to_have_count(0)


def test_reduced_motion_has_no_pulses(browser: Browser, server: Server) -> None:
    context = browser.new_context(reduced_motion="reduce")
    picture = Picture(Studio(context.new_page(), server.url)).show(SEED_CODE)
    picture.page.evaluate(
        """() => { window.pulses = 0; new MutationObserver((changes) => {
          for (const {addedNodes} of changes) window.pulses += addedNodes.length;
        }).observe(document.querySelector('.gw-pulses'), {childList: true}); }"""
    )
    picture.go("Home", *["ArrowRight"] * picture.studio.steps())
    assert picture.page.evaluate("window.pulses") == 0
    context.close()


def test_width_of_an_arrow_grows_with_the_norm(picture: Picture) -> None:
    picture.show(SEED_CODE)
    torch.manual_seed(0)
    y = torch.randn(3) + 2
    norms = {
        " ".join(shown_all(gradient)): gradient.norm().item()
        for gradient in (torch.full((3,), 1 / 3), torch.ones(3), y, 2 * y)
    }
    drawn: list[Any] = picture.page.evaluate(
        """() => [...document.querySelectorAll('.gw-link')].map((one, i) => [
          document.querySelectorAll('.gw-edge-label text')[i].textContent,
          parseFloat(one.querySelector('.gw-gradient').style.strokeWidth)])"""
    )
    assert {label for label, _ in drawn} == set(norms)
    widths = [width for _, width in sorted(drawn, key=lambda one: norms[one[0]])]
    assert widths == sorted(widths) and widths[0] < widths[-1]


def test_what_autograd_did_not_record_is_dashed_with_the_reason(picture: Picture) -> None:
    picture.show(GHOST)
    ghost = picture.page.locator(".gw-card--ghost")
    expect(ghost).to_have_count(1)
    expect(ghost).to_contain_text("under no_grad")
    dashes = ghost.locator(".gw-box").evaluate("(box) => getComputedStyle(box).strokeDasharray")
    assert dashes != "none"


def test_detach_keeps_every_card_in_its_place(picture: Picture) -> None:
    picture.show(SEED_CODE)
    centres, text = picture.centres(), picture.text()
    picture.card("y * y").click()
    picture.page.get_by_role("button", name="detach here: y * y").click()
    # Two uses further up lose their gradients too, but one place was cut.
    expect(picture.page.locator(".gw-scissors")).to_have_count(1)
    assert picture.page.locator(".gw-link--severed").count() > 1
    expect(picture.card("x").locator(".gw-row--lost")).to_have_count(1)
    expect(picture.card("x")).to_contain_text("gradient lost")
    assert picture.centres() == centres
    picture.page.get_by_role("button", name="detach here: y * y").click()
    expect(picture.page.locator(".gw-link--severed")).to_have_count(0)
    picture.go("Escape", "End")
    assert picture.centres() == centres
    assert picture.text() == text


def test_changed_gradients_show_before_and_after(picture: Picture) -> None:
    picture.show(FAN_OUT)
    picture.card("torch.sin(h)").click()
    picture.page.get_by_role("button", name="detach here: torch.sin(h)").click()
    h = torch.tensor([3.0, 6.0])
    before = " ".join(shown_all(2 * h + torch.cos(h)))
    expect(picture.card("x * 3").locator(".gw-foot")).to_have_text(f"before {before}")
    assert picture.row("x * 3", "grad") == shown_all(2 * h)


def test_the_flow_turns(picture: Picture) -> None:
    picture.show(SEED_CODE)
    titles = ["x", "x + 2", "y * y", "… * 3", "a.mean()"]

    def centres(axis: str) -> list[float]:
        found = []
        for title in titles:
            box = picture.card(title).locator(".gw-box").bounding_box()
            assert box is not None
            found.append(box[axis])  # type: ignore[literal-required]
        return found

    assert centres("y") == sorted(centres("y"))
    picture.page.get_by_role("button", name=re.compile("Turn the flow")).click()
    picture.drawn()
    expect(picture.page.locator(".gw-graph")).to_have_attribute("aria-busy", "false")
    picture.page.wait_for_timeout(600)
    assert centres("x") == sorted(centres("x"))
    assert max(centres("y")) - min(centres("y")) < 40


def test_cards_by_keyboard(picture: Picture) -> None:
    picture.show(SEED_CODE)
    card = picture.card("y * y")
    card.focus()
    picture.page.keyboard.press("Enter")
    expect(card).to_have_attribute("aria-pressed", "true")
    expect(picture.studio.inspector).to_contain_text("y * y")
    picture.page.keyboard.press("Escape")
    expect(card).to_have_attribute("aria-pressed", "false")


def test_hostile_names_are_text(picture: Picture) -> None:
    picture.show(
        "d = {'<img src=x onerror=alert(1)>': torch.ones(2, requires_grad=True)}\n"
        "z = d['<img src=x onerror=alert(1)>'] * 2\nz.sum().backward()\n"
    )
    expect(picture.page.locator(".gw-card--leaf")).to_have_count(1)
    assert picture.page.locator(".gw-graph img").count() == 0
    assert "onerror" in picture.text()


def test_export_holds_every_number_and_no_style_sheet(picture: Picture, tmp_path: Path) -> None:
    picture.show(SEED_CODE)
    with picture.page.expect_download() as download:
        picture.page.get_by_role("button", name="Export").click()
        picture.page.get_by_role("menuitem", name=re.compile("SVG")).click()
    file = tmp_path / "graph.svg"
    download.value.save_as(file)
    root = ET.parse(file).getroot()
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for title, kind in (("x", "value"), ("x", "grad"), ("y * y", "value"), ("a.mean()", "grad")):
        assert set(picture.row(title, kind)) <= set(texts)
    assert not list(root.iter("{http://www.w3.org/2000/svg}style"))
    assert "var(" not in file.read_text()


BIG = """\
W = torch.eye(4).requires_grad_()
h = torch.ones(4, requires_grad=True)
for _ in range({times}):
    h = torch.tanh(h @ W)
    h = h + 1
h.sum().backward()
"""


def test_a_big_graph_opens_in_groups_and_a_group_opens_in_place(picture: Picture) -> None:
    picture.show(BIG.format(times=150))
    assert picture.page.locator(".gw-card").count() < 60
    stack = picture.page.locator(".gw-card--group", has_text="×150").first
    before = stack.locator(".gw-box").last.bounding_box()
    name = stack.get_attribute("data-card")
    stack.focus()
    picture.page.keyboard.press("Enter")
    heading = picture.page.locator(f'.gw-group__close[data-group="{name}"]')
    expect(heading).to_have_count(1)
    picture.drawn()
    picture.page.wait_for_timeout(500)
    after = heading.bounding_box()
    assert before is not None and after is not None
    assert abs(after["x"] - before["x"]) < 40 and abs(after["y"] - before["y"]) < 40
    heading.focus()
    picture.page.keyboard.press("Enter")
    expect(picture.page.locator(f'.gw-card[data-card="{name}"]')).to_have_count(1)


def test_thousands_of_nodes_are_a_canvas_from_afar_and_cards_from_near(picture: Picture) -> None:
    picture.show(BIG.format(times=1200))
    picture.page.get_by_role("button", name="Open all").click()
    canvas = picture.page.locator(".gw-overview")
    expect(canvas).to_be_visible(timeout=20_000)
    picture.drawn()
    painted = canvas.evaluate(
        """(canvas) => {
          const {width, height} = canvas;
          const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
          return pixels.filter((value, i) => i % 4 === 3 && value > 0).length;
        }"""
    )
    assert painted > 5000
    assert picture.page.locator(".gw-card").count() <= 200
    box = picture.page.locator(".gw-graph").bounding_box()
    assert box is not None
    picture.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(40):
        if not canvas.is_visible():
            break
        picture.page.mouse.wheel(0, -400)
        picture.page.wait_for_timeout(50)
    expect(canvas).to_be_hidden()
    assert 0 < picture.page.locator(".gw-card").count() <= 300


def test_a_newer_program_takes_over_from_one_still_being_laid_out(picture: Picture) -> None:
    picture.studio.open()
    picture.studio.run(BIG.format(times=1200))
    picture.studio.run(SEED_CODE)
    picture.drawn()
    expect(picture.page.locator(".gw-card")).to_have_count(5)


@pytest.mark.parametrize("title", ["torch.sin(h)", "h ** 2", "x * 3", "left + right"])
def test_buttons_of_a_card_are_in_sight_and_hide_no_other_card(
    picture: Picture, title: str
) -> None:
    picture.page.set_viewport_size({"width": 1180, "height": 760})
    picture.show(FAN_OUT)
    picture.card(title).click()
    buttons = picture.boxes(".gw-action rect")
    assert len(buttons) == 2
    (pane,) = picture.boxes(".gw-graph")
    for button in buttons:
        assert pane["left"] <= button["left"] and button["right"] <= pane["right"]
        assert pane["top"] <= button["top"] and button["bottom"] <= pane["bottom"]
        assert not [card for card in picture.boxes(".gw-card .gw-box") if overlap(button, card)]


def test_a_leafs_text_stays_in_its_card(picture: Picture) -> None:
    picture.show("x = torch.tensor(2.0, requires_grad=True)\n(x * x).backward()\n")
    picture.go("Home", "ArrowRight")
    expect(picture.card("x")).to_contain_text("None · arrives at step")
    (box,) = picture.boxes('.gw-card[data-title="x"] .gw-box')
    (text,) = picture.boxes('.gw-card[data-title="x"] .gw-none')
    assert box["left"] < text["left"] and text["right"] < box["right"]


def test_a_card_says_which_turn_of_the_loop_it_shows(picture: Picture) -> None:
    picture.studio.lesson("accumulate")
    picture.drawn()
    expect(picture.card("weights * 3")).to_contain_text("MulBackward0 · #8")
    picture.go("Home", *["ArrowRight"] * 7)
    expect(picture.card("weights * 3")).to_contain_text("MulBackward0 · #1")


def test_where_the_engine_gave_up_is_marked(picture: Picture) -> None:
    picture.show(
        "x = torch.tensor([0.0, 1.0], requires_grad=True)\ny = torch.exp(x)\ny += 1\n"
        "y.sum().backward()\n"
    )
    expect(picture.page.locator(".gw-card.is-failed")).to_have_count(1)
    expect(picture.card("torch.exp(x)")).to_have_class(re.compile("is-failed"))
    expect(picture.studio.sentence).to_contain_text("the engine gives up")
    picture.go("ArrowLeft")
    expect(picture.page.locator(".gw-card.is-failed")).to_have_count(0)


def test_dragging_a_big_run_brings_its_jacobians_back_when_the_hand_rests(
    picture: Picture,
) -> None:
    picture.show(
        "x = torch.ones(3, requires_grad=True)\nh = x\nfor _ in range(40):\n"
        "    h = torch.tanh(h)\nh.sum().backward()\n"
    )
    asked: list[str] = []
    picture.page.on(
        "request", lambda one: asked.append(one.post_data or "") if "traces" in one.url else None
    )
    slider = picture.page.get_by_role("slider", name="x[0]", exact=True)
    slider.focus()
    with picture.page.expect_response(lambda one: "traces" in one.url):
        picture.page.keyboard.press("ArrowRight")
    picture.page.wait_for_timeout(1500)
    assert '"jacobians":"none"' in asked[0]
    assert "jacobians" not in asked[-1] and len(asked) >= 2


#: Answers with all numbers wait until `held` are called.
HOLD = """() => {
  const fetched = window.fetch;
  window.held = [];
  window.fetch = (url, init) => !String(url).includes('/traces') || init.body.includes('values_of')
    ? fetched(url, init)
    : new Promise((done) => held.push(() => done(fetched(url, init))));
}"""


def test_dragging_a_training_loop_asks_for_the_numbers_of_the_turn_that_is_seen(
    picture: Picture,
) -> None:
    picture.show(
        "x = torch.ones(2)\nw = torch.tensor(0.5, requires_grad=True)\nfor epoch in range(8):\n"
        "    loss = ((x * w).tanh() - 1).pow(2).sum()\n    loss.backward()\n"
        "    with torch.no_grad():\n        w -= 0.1 * w.grad\n    w.grad = None\n"
    )
    page = picture.page
    strip = page.locator(".strip input")
    middle = int(strip.get_attribute("max") or 0) // 2
    strip.evaluate(
        "(one, step) => { one.value = step; one.dispatchEvent(new Event('input')); }", str(middle)
    )
    whole = page.locator("body").inner_text()
    bars = page.locator(".strip .tick").evaluate_all(
        "(all) => all.map((one) => Number(one.getAttribute('height')))"
    )
    page.evaluate(HOLD)
    slider = page.get_by_role("slider", name="w", exact=True)
    slider.focus()
    with page.expect_response(lambda one: "traces" in one.url):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1200)
    assert page.evaluate("held.length") == 1  # the hand rests
    dragged = page.locator("body").inner_text()
    during = page.locator(".strip .tick").evaluate_all(
        "(all) => all.map((one) => Number(one.getAttribute('height')))"
    )
    assert dragged != whole and len(during) == len(bars)
    assert max(abs(a - b) for a, b in zip(during, bars, strict=True)) < 6  # none falls flat
    with page.expect_response(lambda one: "traces" in one.url):
        page.evaluate("held.forEach((answer) => answer())")
    page.wait_for_timeout(600)
    rest = page.locator("body").inner_text()
    without_times = re.compile(r"\d+ ms")
    assert without_times.sub("", rest) == without_times.sub("", dragged)


def test_a_program_in_a_function_is_told_like_any_other(picture: Picture) -> None:
    picture.show(
        "def main():\n    w = torch.tensor(2.0, requires_grad=True)\n    y = w * w\n"
        "    y.backward()\n    return y.item()\n\nif __name__ == '__main__':\n    main()\n"
    )
    expect(picture.card("w * w")).to_contain_text("y")
    expect(picture.page.locator("#variables")).to_contain_text("4.000")
    slider = picture.page.get_by_role("slider", name="w", exact=True)
    slider.focus()
    with picture.page.expect_response(lambda one: "traces" in one.url):
        picture.page.keyboard.press("End")
    expect(picture.page.locator("#variables")).to_contain_text("15.89")


#: Notes how many requests are on their way, and how many left between the
#: arrival of an answer and the first sign of it in the picture.
PIPELINE = """async () => {
  const shown = () => document.querySelector('.gw-world').textContent;
  const seen = {most: 0, early: 0};
  let [flying, arrived] = [0, null];
  const fetched = window.fetch;
  window.fetch = async (url, init) => {
    if (!String(url).includes('/traces')) return fetched(url, init);
    seen.most = Math.max(seen.most, ++flying);
    if (arrived !== null && arrived === shown()) seen.early++;
    arrived = null;
    const answer = await fetched(url, init);
    const text = await answer.text();
    flying--;
    answer.text = async () => { arrived = shown(); return text; };
    answer.json = async () => { arrived = shown(); return JSON.parse(text); };
    return answer;
  };
  const range = document.querySelector('#inputs input[type=range]');
  for (let i = 1; i <= 90; i++) {
    range.value = String(i / 50);
    range.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise(requestAnimationFrame);
  }
  return seen;
}"""


def test_a_drag_asks_anew_before_it_draws_and_ends_where_the_hand_does(picture: Picture) -> None:
    picture.show("x = torch.tensor(1.0, requires_grad=True)\n(x * x).backward()\n")
    seen = picture.page.evaluate(PIPELINE)
    assert seen["most"] == 1
    assert seen["early"] >= 3
    expect(picture.card("x")).to_contain_text("3.600")
    expect(picture.page.locator("#variables")).to_contain_text("3.600")


#: What is written into the picture as it was, while an input is dragged.
WRITTEN = """async () => {
  const seen = {changed: 0, same: []};
  const watch = new MutationObserver((list) => {
    for (const {target, attributeName, oldValue} of list) {
      if (target.getAttribute(attributeName) !== oldValue) seen.changed++;
      else seen.same.push(`${target.getAttribute('class')} ${attributeName}`);
    }
  });
  watch.observe(document.querySelector('.gw-world'), {
    subtree: true, attributeOldValue: true,
    attributeFilter: ['d', 'x', 'y', 'width', 'height', 'transform', 'aria-pressed'],
  });
  const range = document.querySelector('#inputs input[type=range]');
  for (let i = 1; i <= 40; i++) {
    range.value = String(i / 20);
    range.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise(requestAnimationFrame);
  }
  watch.disconnect();
  return seen;
}"""


def test_in_a_drag_what_stands_still_is_not_drawn_anew(picture: Picture) -> None:
    picture.studio.lesson("xor")
    picture.drawn()
    seen = picture.page.evaluate(WRITTEN)
    assert seen["changed"] > 0
    assert seen["same"] == []


def close(text: str, number: Any) -> bool:
    """A number as the picture writes it: three digits, or two with an exponent."""
    if "e" in text:
        return float(text) == pytest.approx(float(number), rel=0.06)
    return text == shown(float(number)) or float(text) == pytest.approx(float(number), abs=6e-4)


def flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    return [number for part in data for number in flat(part)]


@pytest.mark.parametrize(
    "lesson", ["chain-rule", "backward", "vector", "fan-out", "nan", "custom-function"]
)
def test_numbers_of_every_edge_and_leaf_are_the_traces(
    picture: Picture, server: Server, lesson: str
) -> None:
    """Beside plain torch's numbers (above): of each edge, in every shape of graph."""
    picture.studio.lesson(lesson)
    picture.drawn()
    picture.go("End")
    with server.client() as client:
        lessons = client.get("/api/v1/lessons").json()
    (found,) = [one for one in lessons.get("lessons", lessons) if one["id"] == lesson]
    trace = server.trace(found["code"])
    (graph,) = trace["graphs"]
    sent = [flat(edge["gradient"]["data"]) for edge in graph["edges"]]
    labels = [
        text.split() for text in picture.page.locator(".gw-edge-label text").all_text_contents()
    ]
    assert len(labels) == len(graph["edges"])
    for numbers in (one for one in sent if len(one) <= 4):
        match = [
            one for one in labels if len(one) == len(numbers) and all(map(close, one, numbers))
        ]
        assert match, f"{numbers} stand at no edge: {labels}"
        labels.remove(match[0])
    for variable in trace["variables"]:
        if variable["is_leaf"] and variable["grad"]:
            cells = picture.row(variable["name"], "grad")
            assert all(map(close, cells, flat(variable["grad"]["data"])))
            assert len(cells) == len(flat(variable["grad"]["data"]))
