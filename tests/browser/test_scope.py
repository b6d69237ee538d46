"""A training loop is looked at one backward call at a time."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.studio import Studio


def counts(studio: Studio) -> str:
    return studio.page.locator(".graph-tools .counts").inner_text()


def test_the_call_of_the_step_is_drawn(studio: Studio) -> None:
    studio.open("#lesson=accumulate")
    assert "backward 8 of 8" in counts(studio)
    expect(studio.card("weights * 3")).to_have_count(1)
    place = studio.card("weights * 3").bounding_box()
    studio.blur()
    studio.page.keyboard.press("Home")
    studio.page.keyboard.press("ArrowRight")
    expect(studio.page.locator(".graph-tools .counts")).to_contain_text("backward 1 of 8")
    expect(studio.card("weights * 3")).to_have_count(1)
    assert place is not None
    again = studio.card("weights * 3").bounding_box()
    assert again is not None
    assert abs(again["x"] - place["x"]) < 2 and abs(again["y"] - place["y"]) < 2


def test_all_calls_can_be_seen_side_by_side(studio: Studio) -> None:
    studio.open("#lesson=accumulate")
    studio.blur()
    studio.page.keyboard.press("a")
    expect(studio.card("weights * 3")).to_have_count(8)
    assert "8 backward calls" in counts(studio)
    studio.page.get_by_role("button", name="One call at a time").click()
    expect(studio.card("weights * 3")).to_have_count(1)


def test_double_backward_is_seen_whole(studio: Studio) -> None:
    studio.open("#lesson=double-backward")
    assert "2 backward calls" in counts(studio)
    expect(studio.page.get_by_role("button", name="Show all")).to_have_count(0)
