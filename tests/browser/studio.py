"""The studio as a reader handles it: open, run, walk, read what is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

SHOTS = Path(__file__).parent / "shots"
SEED_CODE = """\
x = torch.randn(3, requires_grad=True)
y = x + 2
a = y*y*3
b = a.mean()
b.backward()
print(x.grad)
"""


class Studio:
    """Wraps a page; every method waits for what it says."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        page.set_default_timeout(15_000)

    def open(self, hash: str = "") -> Studio:
        self.page.goto(f"{self.url}/{hash}")
        expect(self.page.locator("body")).to_have_attribute("data-ready", "true", timeout=30_000)
        expect(self.page.locator(".gw-graph[aria-busy=true]")).to_have_count(0)
        return self

    # What is there.

    @property
    def editor(self) -> Locator:
        return self.page.get_by_role("textbox", name="Python code")

    @property
    def run_button(self) -> Locator:
        return self.page.locator(".button--run")

    @property
    def graph(self) -> Locator:
        return self.page.locator("#graph")

    @property
    def inspector(self) -> Locator:
        return self.page.locator("#pane-inspector")

    @property
    def problems(self) -> Locator:
        return self.page.locator("#problems")

    @property
    def output(self) -> Locator:
        return self.page.locator("#output .output__lines")

    @property
    def slider(self) -> Locator:
        return self.page.get_by_role("slider", name="Step of the run")

    @property
    def sentence(self) -> Locator:
        return self.page.locator(".timeline__sentence")

    @property
    def count(self) -> Locator:
        return self.page.locator(".timeline__count")

    def card(self, name: str) -> Locator:
        """A card of the graph by the start of its accessible name."""
        return self.graph.get_by_role("button", name=re.compile(re.escape(name)))

    def variable(self, name: str) -> Locator:
        cell = self.page.get_by_role("button", name=name, exact=True)
        return self.page.locator("#variables tbody tr").filter(has=cell)

    def cells(self, within: Locator) -> list[str]:
        return within.locator(".cell").all_inner_texts()

    def grad_of(self, name: str) -> list[str]:
        """The cells of a variable's .grad column as shown."""
        return self.cells(self.variable(name).locator("td").nth(2))

    def steps(self) -> int:
        return int(self.slider.get_attribute("max") or "-1") + 1

    def labels(self) -> list[str]:
        """Sentence of every step, read by walking from the start to the end."""
        self.blur()
        self.page.keyboard.press("Home")
        found = []
        for _ in range(self.steps()):
            self.page.keyboard.press("ArrowRight")
            found.append(self.sentence.inner_text())
        return found

    # What is done.

    def blur(self) -> None:
        self.page.evaluate("document.activeElement?.blur()")

    def type_code(self, code: str) -> None:
        """Replace the whole program, as pasting does."""
        self.editor.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(code)

    def run(self, code: str | None = None) -> Studio:
        if code is not None:
            self.type_code(code)
        with self.page.expect_response(lambda r: "/api/v1/traces" in r.url):
            self.page.keyboard.press("ControlOrMeta+Enter")
        self.settled()
        return self

    def settled(self) -> None:
        """The last run has come back and is drawn."""
        expect(self.page.locator("body")).to_have_attribute("data-status", "done", timeout=20_000)

    def lesson(self, id: str) -> Studio:
        return self.open(f"#lesson={id}")

    def select(self, expression: str) -> None:
        """Find a node by its expression through the search, and select it."""
        self.blur()
        self.page.keyboard.press("/")
        self.page.locator(".palette__input").fill(expression)
        self.page.keyboard.press("Enter")

    def open_trace(self, content: object) -> None:
        """Open a file with this JSON, as a trace that was saved."""
        self.page.get_by_role("button", name="Export").click()
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("menuitem", name="Open a trace file").click()
        body = json.dumps(content).encode()
        chooser.value.set_files({"name": "t.json", "mimeType": "application/json", "buffer": body})

    def shot(self, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


def shown(number: float) -> str:
    """A number as a heat cell writes it, to three decimals below ten."""
    if number == 0:
        return "0"
    size = abs(number)
    if size >= 999.5:
        return f"{number:.0f}"
    if size >= 99.95:
        return f"{number:.1f}"
    if size >= 9.995:
        return f"{number:.2f}"
    return f"{number:.3f}"
