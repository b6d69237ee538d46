"""The output panel, and what a listener is told of the walk."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Route, expect

from tests.browser.studio import SEED_CODE, Studio

HOSTILE = "<img src=x onerror=alert(1)>"


def add_stderr(route: Route) -> None:
    """The service's own answer, with lines on stderr."""
    answer = route.fetch()
    lines = [json.loads(line) for line in answer.text().splitlines() if line]
    for line in lines:
        trace = line.get("trace", line)
        if "timeline" in trace:
            trace.update(stderr=f"{HOSTILE}\n", stderr_truncated=True)
    route.fulfill(response=answer, body="\n".join(json.dumps(line) for line in lines) + "\n")


def test_stderr_is_told_apart_by_name_and_is_text(studio: Studio) -> None:
    studio.open()
    studio.page.route("**/api/v1/traces*", add_stderr)
    studio.run(SEED_CODE)
    errors = studio.page.locator("#output").get_by_role("region", name="Standard error")
    expect(errors.get_by_role("heading", name="stderr")).to_be_visible()
    expect(errors).to_contain_text(HOSTILE)
    expect(errors).to_contain_text("was cut")
    expect(errors.locator("img")).to_have_count(0)
    # What was printed stays what it was, and walks on with the steps.
    expect(studio.output.locator(".output__line")).to_have_count(1)
    expect(studio.output.locator(".output__line")).not_to_contain_text(HOSTILE)


def test_stderr_is_in_sight_beside_much_that_was_printed(studio: Studio) -> None:
    loop = (
        "import sys\nfor i in range(90):\n    print(i, file=sys.stderr if i % 9 == 0 else None)\n"
    )
    studio.open().run(loop + SEED_CODE)
    errors = studio.page.locator("#output").get_by_role("region", name="Standard error")
    expect(errors).to_be_in_viewport(ratio=1)
    expect(errors).to_contain_text("0\n9\n18")
    expect(studio.output).to_contain_text("89")


def test_a_step_is_announced_once_and_a_fast_walk_not_at_all(studio: Studio) -> None:
    studio.open()
    told = studio.page.locator(".timeline").get_by_role("status")
    expect(told).to_have_text(studio.sentence.inner_text())
    told.evaluate(
        "(e) => { window.told = []; new MutationObserver(() => window.told.push(e.textContent))"
        ".observe(e, { childList: true, characterData: true, subtree: true }); }"
    )
    studio.blur()
    for _ in range(4):
        studio.page.keyboard.press("ArrowLeft")
    expect(told).to_have_text(studio.sentence.inner_text())
    assert studio.page.evaluate("window.told") == [studio.sentence.inner_text()]


def test_on_the_slider_its_own_value_is_what_is_read(studio: Studio) -> None:
    studio.open()
    told = studio.page.locator(".timeline").get_by_role("status")
    expect(told).to_have_text(studio.sentence.inner_text())
    before = told.inner_text()
    studio.slider.focus()
    studio.page.keyboard.press("ArrowLeft")
    expect(studio.slider).to_have_attribute(
        "aria-valuetext", re.compile(re.escape(studio.sentence.inner_text()))
    )
    studio.page.wait_for_timeout(600)
    assert told.inner_text() == before
