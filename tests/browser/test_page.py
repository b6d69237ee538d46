"""The main job on the real page: run, walk, read gradients, cut, compare, share."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.lessons import get_lesson
from tests.browser.studio import SEED_CODE, Studio, shown
from tests.conftest import Server
from tests.plain import run_plain

OPENING = "What backward() does"


def oracle(code: str, name: str) -> list[float]:
    """A leaf's gradient by plain torch."""
    return [float(n) for n in run_plain(code).names[name].grad.flatten()]


def test_opens_on_the_lesson_already_run(studio: Studio) -> None:
    studio.open()
    expect(studio.page.locator("#lesson-menu")).to_contain_text(OPENING)
    expect(studio.graph).to_contain_text("AddBackward0")
    expect(studio.page.locator(".counts")).to_contain_text("5 nodes · 5 edges")
    expect(studio.count).to_have_text(f"step {studio.steps()} of {studio.steps()}")


def test_gradient_on_x_is_what_plain_torch_gives(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    expected = [shown(n) for n in oracle(SEED_CODE, "x")]
    assert studio.grad_of("x") == expected
    for number in expected:
        expect(studio.card("x").first).to_contain_text(number)
    expect(studio.output).to_contain_text(run_plain(SEED_CODE).stdout.strip())


def test_walking_follows_the_engines_order(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    sentences = studio.labels()
    ran = [m[0] for s in sentences if (m := re.match(r"\w+Backward0", s))]
    assert ran == ["MeanBackward0", "MulBackward0", "MulBackward0", "AddBackward0"]
    assert any(".grad" in s for s in sentences)
    expect(studio.count).to_have_text(f"step {len(sentences)} of {len(sentences)}")


def test_gradient_arrives_only_at_its_step_and_leaves_when_going_back(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    at_end = studio.grad_of("x")
    studio.blur()
    studio.page.keyboard.press("Home")
    expect(studio.page.locator("#variables")).to_contain_text("None yet")
    studio.page.keyboard.press("End")
    assert studio.grad_of("x") == at_end
    steps = studio.steps()
    for _ in range(steps):
        studio.page.keyboard.press("ArrowLeft")
        if not studio.grad_of("x"):
            break
    expect(studio.variable("x")).to_contain_text("arrives at step")


def test_play_walks_to_the_end(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.page.get_by_label("Speed").select_option("16")
    studio.page.get_by_role("button", name="Play", exact=True).click()
    expect(studio.page.get_by_role("button", name="Pause")).to_be_visible()
    expect(studio.count).to_have_text(f"step {studio.steps()} of {studio.steps()}", timeout=15_000)
    expect(studio.page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_space_plays_and_pauses(studio: Studio) -> None:
    studio.open()
    studio.blur()
    studio.page.keyboard.press(" ")
    expect(studio.page.get_by_role("button", name="Pause")).to_be_visible()
    studio.page.keyboard.press(" ")
    expect(studio.page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_scrubbing_with_the_mouse(studio: Studio) -> None:
    studio.open()
    box = studio.page.locator(".strip").bounding_box()
    assert box is not None
    studio.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    studio.page.mouse.down()
    middle = studio.count.inner_text()
    studio.page.mouse.move(box["x"] + 2, box["y"] + 30)
    expect(studio.count).to_have_text(f"start of {studio.steps()}")
    studio.page.mouse.up()
    assert middle != f"step {studio.steps()} of {studio.steps()}"


def test_inspector_shows_v_jacobian_and_what_is_sent(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y*y")
    x = run_plain(SEED_CODE).names["x"]
    y = [shown(float(n)) for n in (x + 2).detach().flatten()]
    v = studio.inspector.get_by_role("region", name="Upstream gradient v")
    assert studio.cells(v) == ["1.000"] * 3
    jacobian = studio.inspector.get_by_role("region", name="Local Jacobian for input 0")
    assert [c for c in studio.cells(jacobian) if c != "0"] == y
    sent = studio.inspector.get_by_role("region", name="Sent along each edge")
    total = [shown(2 * float(n)) for n in (x + 2).detach().flatten()]
    assert studio.cells(sent) == y + y + total
    expect(studio.inspector).to_contain_text("every path from the root passes through here")
    rule = studio.inspector.get_by_role("region", name="Rule", exact=True)
    expect(rule.locator("math")).to_be_visible()
    expect(rule).to_contain_text("grad")


def test_caret_selects_the_innermost_expression(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.editor.click()
    studio.page.keyboard.press("ControlOrMeta+Home")
    for key in ["ArrowDown", "ArrowDown", *["ArrowRight"] * 5]:
        studio.page.keyboard.press(key)
    expect(studio.inspector.get_by_role("heading", level=2)).to_have_text("y * y")
    expect(studio.page.locator(".cm-node-span")).to_have_text("y*y")


def test_detach_severs_and_toggling_back_restores(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    before = studio.grad_of("x")
    studio.select("y*y")
    toggle = studio.inspector.get_by_role("button", name="Detach here")
    toggle.click()
    expect(studio.page.locator(".chip--whatif")).to_contain_text("detach y*y")
    plain = run_plain(SEED_CODE.replace("y*y*3", "(y*y).detach()*3"))
    assert plain.error is not None
    expect(studio.problems).to_contain_text(str(plain.error))
    assert studio.grad_of("x") == []
    compared = studio.page.locator("#compare tbody tr", has_text="x")
    expect(studio.page.locator("#compare")).to_contain_text("No gradient any more: x.")
    assert studio.cells(compared) == before
    expect(studio.graph.locator(".gw-link--severed").first).to_be_attached()
    studio.page.get_by_role("button", name="Remove what if detach y*y").click()
    expect(studio.page.locator(".chip--whatif")).to_have_count(0)
    expect(studio.problems).to_be_hidden()
    assert studio.grad_of("x") == before


def test_before_and_after(studio: Studio) -> None:
    code = SEED_CODE.replace("y*y*3", "y*y*3 + x*x")
    studio.open().run(code)
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    after = [shown(n) for n in oracle(code.replace("y*y*3", "(y*y).detach()*3"), "x")]
    expect(studio.page.locator(".chip--whatif")).to_be_visible()
    studio.settled()
    assert studio.grad_of("x") == after
    studio.page.get_by_role("button", name="Before", exact=True).click()
    assert studio.grad_of("x") == [shown(n) for n in oracle(code, "x")]
    studio.blur()
    studio.page.keyboard.press("b")
    assert studio.grad_of("x") == after


def test_write_into_the_code_and_undo(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="no_grad").click()
    expect(studio.page.locator(".chip--whatif")).to_be_visible()
    studio.settled()
    message = studio.problems.locator(".problem__message")
    error = message.inner_text()
    studio.page.get_by_role("button", name="Write into code").click()
    expect(studio.editor).to_contain_text("no_grad")
    expect(studio.page.locator(".chip--whatif")).to_have_count(0)
    studio.settled()
    expect(message).to_have_text(error)
    studio.page.get_by_role("button", name="Undo").click()
    expect(studio.editor).not_to_contain_text("no_grad")
    expect(studio.page.locator(".chip--whatif")).to_contain_text("no_grad y*y")


def test_no_grad_for_selected_lines(studio: Studio) -> None:
    code = SEED_CODE.replace("b = a.mean()", "c = x * 5\nb = a.mean() + c.sum()")
    studio.open().run(code)
    studio.editor.click()
    studio.page.keyboard.press("ControlOrMeta+Home")
    for _ in range(3):
        studio.page.keyboard.press("ArrowDown")
    studio.page.keyboard.press("Shift+End")
    studio.page.get_by_role("button", name="no_grad for line 4").click()
    expect(studio.page.locator(".chip--whatif")).to_contain_text("no_grad line 4")
    studio.settled()
    without = code.replace("c = x * 5", "with torch.no_grad():\n    c = x * 5")
    assert studio.grad_of("x") == [shown(n) for n in oracle(without, "x")]


def test_retain_grad_from_a_variable(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    expect(studio.variable("y")).to_contain_text("not a leaf")
    studio.page.get_by_role("button", name="What can be done with y").click()
    studio.page.get_by_role("menuitem", name="retain_grad").click()
    expect(studio.page.locator(".chip--whatif")).to_contain_text("retain_grad y")
    studio.settled()
    plain = run_plain(SEED_CODE.replace("a = y*y*3", "y.retain_grad()\na = y*y*3"))
    assert studio.grad_of("y") == [shown(float(n)) for n in plain.names["y"].grad]


def test_requires_grad_from_a_variable_brings_the_gradients(studio: Studio) -> None:
    studio.lesson("no-requires-grad")
    studio.page.get_by_role("button", name="What can be done with x").click()
    studio.page.get_by_role("menuitem", name="requires_grad").click()
    expect(studio.page.locator(".chip--whatif")).to_contain_text("requires_grad x")
    studio.settled()
    assert studio.grad_of("x") == [shown(n) for n in oracle(get_lesson("backward").code, "x")]
    expect(studio.page.locator("#compare")).to_contain_text("A gradient now: x.")
    # Drawn too, also after the cards have glided to their places.
    expect(studio.graph.locator(".gw-link--done")).to_have_count(5)
    studio.page.wait_for_timeout(600)
    expect(studio.graph.locator(".gw-link--done")).to_have_count(5)
    expect(studio.page.locator("#coach")).to_contain_text("That is it.")


def test_sliders_run_the_program_live(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    field = studio.page.get_by_label("x[0], exactly")
    field.fill("5")
    field.press("Enter")
    # x.grad = 2 (x + 2) for the mean of 3 (x + 2)²
    expect(studio.variable("x").locator("td").nth(2)).to_contain_text("14.00")
    slider = studio.page.get_by_role("slider", name="x[0]", exact=True)
    slider.focus()
    for _ in range(5):
        studio.page.keyboard.press("ArrowLeft")
    value = float(slider.input_value())
    expect(studio.variable("x").locator("td").nth(2)).to_contain_text(shown(2 * (value + 2)))
    studio.page.get_by_role("button", name="Reset").click()
    expect(studio.variable("x").locator("td").nth(2)).to_contain_text(
        shown(oracle(SEED_CODE, "x")[0])
    )


def test_an_expression_is_a_program(studio: Studio) -> None:
    studio.open().run("sin(x)*y + x**2")
    expect(studio.graph).to_contain_text("SinBackward0")
    plain = run_plain(
        "x = torch.tensor(0.5, requires_grad=True)\ny = torch.tensor(2.0, requires_grad=True)\n"
        "(torch.sin(x)*y + x**2).backward()"
    )
    for name, value in (("x", "0.5"), ("y", "2")):
        field = studio.page.get_by_label(f"{name}, exactly")
        field.fill(value)
        field.press("Enter")
    for name in ("x", "y"):
        expected = shown(float(plain.names[name].grad))
        expect(studio.variable(name).locator("td").nth(2)).to_contain_text(expected)


def test_an_error_is_explained_and_one_click_mends_it(studio: Studio) -> None:
    code = SEED_CODE.replace(", requires_grad=True", "")
    studio.open().run(code)
    error = run_plain(code).error
    expect(studio.problems).to_contain_text(str(error))
    expect(studio.page.locator(".cm-error-line")).to_contain_text("b.backward()")
    expect(studio.page.locator(".counts")).to_contain_text("not recorded")
    studio.problems.locator(".button--fix").first.click()
    expect(studio.problems).to_be_hidden()
    expect(studio.editor).to_contain_text("requires_grad")
    assert studio.grad_of("x") == [shown(n) for n in oracle(SEED_CODE, "x")]


def test_a_syntax_error_is_marked(studio: Studio) -> None:
    studio.open().run("x = torch.ones(3\ny = 1\n")
    expect(studio.problems).to_contain_text("SyntaxError")
    expect(studio.page.locator(".cm-error-line")).to_have_count(1)


def test_hostile_text_shows_as_text(studio: Studio) -> None:
    bomb = "<img src=x onerror=alert(1)>"
    code = (
        f"x = torch.ones(1, requires_grad=True)\nprint({bomb!r})\n"
        f"(x * 2).sum().backward()\nraise ValueError({bomb!r})\n"
    )
    studio.page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    studio.open().run(code)
    expect(studio.output).to_contain_text(bomb)
    expect(studio.problems).to_contain_text(bomb)
    assert studio.page.locator("img").count() == 0


def test_share_link_round_trip(studio: Studio, browser: Browser) -> None:
    code = SEED_CODE.replace("3", "4")
    studio.open().run(code)
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    expect(studio.page.locator(".chip--whatif")).to_be_visible()
    studio.settled()
    studio.blur()
    studio.page.keyboard.press("Home")
    studio.page.keyboard.press("ArrowRight")
    studio.page.get_by_role("button", name="Share").click()
    link = studio.page.get_by_label("Link").input_value()
    other = browser.new_context().new_page()
    other.goto(link)
    again = Studio(other, studio.url)
    expect(other.locator("body")).to_have_attribute("data-ready", "true")
    expect(again.editor).to_contain_text("a = y*y*4")
    expect(other.locator(".chip--whatif")).to_contain_text("detach y*y")
    expect(again.count).to_have_text(f"step 1 of {again.steps()}")
    expect(again.inspector.get_by_role("heading", level=2)).to_have_text("y * y")
    other.context.close()


def test_a_damaged_link_is_said_and_harmless(studio: Studio) -> None:
    studio.open("#z=AAAA")
    expect(studio.page.locator("#toasts")).to_contain_text("The link is damaged")
    expect(studio.page.locator("#lesson-menu")).to_contain_text(OPENING)


def test_back_returns_to_the_lesson_before(studio: Studio) -> None:
    studio.open()
    studio.page.locator("#lesson-menu button").click()
    studio.page.get_by_role("menuitem", name="Used twice, added up").click()
    expect(studio.editor).to_contain_text("torch.sin(h)")
    studio.settled()
    expect(studio.page).to_have_url(re.compile("lesson=fan-out"))
    studio.page.go_back()
    expect(studio.editor).to_contain_text("a.mean()")
    expect(studio.page.locator("#lesson-menu")).to_contain_text(OPENING)


def test_typed_code_survives_a_reload(studio: Studio) -> None:
    studio.open()
    studio.type_code("z = torch.ones(2) * 7\n")
    studio.page.evaluate("history.replaceState(null, '', '/')")
    studio.page.reload()
    expect(studio.editor).to_contain_text("torch.ones(2) * 7")


def test_theme_is_kept(studio: Studio) -> None:
    studio.open()
    studio.page.get_by_role("button", name="Theme").click()
    studio.page.get_by_role("menuitem", name="Dark").click()
    dark = studio.page.evaluate("getComputedStyle(document.body).backgroundColor")
    studio.page.reload()
    expect(studio.page.locator("html")).to_have_attribute("data-theme", "dark")
    assert studio.page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    studio.page.get_by_role("button", name="Theme").click()
    studio.page.get_by_role("menuitem", name="Light").click()
    assert studio.page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_palette_finds_commands_lessons_and_nodes(studio: Studio) -> None:
    studio.open()
    studio.blur()
    studio.page.keyboard.press("ControlOrMeta+k")
    box = studio.page.locator(".palette__input")
    box.fill("xor")
    expect(studio.page.get_by_role("option", name="A small network learns XOR")).to_be_visible()
    box.fill("mean")
    studio.page.get_by_role("option", name="a.mean()").click()
    expect(studio.inspector.get_by_role("heading", level=2)).to_contain_text("mean")


def test_help_lists_the_keys(studio: Studio) -> None:
    studio.open()
    studio.blur()
    studio.page.keyboard.press("?")
    expect(studio.page.get_by_role("dialog", name="Keys")).to_contain_text("Play or pause")
    studio.page.keyboard.press("Escape")
    expect(studio.page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize(
    ("item", "name", "holds"),
    [
        ("Picture as SVG", "gradwalk.svg", "<svg"),
        ("Trace as JSON", "gradwalk-trace.json", '"timeline"'),
        ("Graph as DOT", "gradwalk.dot", "digraph"),
        ("Graph as Mermaid", "gradwalk.mmd", "flowchart"),
        ("Page of its own", "gradwalk.html", "<html"),
    ],
)
def test_exports(studio: Studio, item: str, name: str, holds: str) -> None:
    studio.open()
    studio.page.get_by_role("button", name="Export").click()
    with studio.page.expect_download() as caught:
        studio.page.get_by_role("menuitem", name=item).click()
    assert caught.value.suggested_filename == name
    assert holds in caught.value.path().read_text("utf-8")


def test_export_png(studio: Studio) -> None:
    studio.open()
    studio.page.get_by_role("button", name="Export").click()
    with studio.page.expect_download() as caught:
        studio.page.get_by_role("menuitem", name="Picture as PNG").click()
    assert caught.value.path().read_bytes().startswith(b"\x89PNG")


def test_open_a_trace_file(studio: Studio, server: Server) -> None:
    code = "w = torch.tensor(3.0, requires_grad=True)\n(w * w * w).backward()\n"
    studio.open()
    studio.open_trace({"code": code, "trace": server.trace(code)})
    expect(studio.editor).to_contain_text("w * w * w")
    assert studio.grad_of("w") == ["27.00"]


def test_a_recorded_run_is_opened_with_its_program(studio: Studio, tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text("w = torch.tensor(3.0, requires_grad=True)\n(w * w).backward()\n")
    record = [sys.executable, "-m", "app.cli", "record", str(program)]
    recorded = json.loads(subprocess.run(record, capture_output=True, check=True).stdout)

    studio.open()
    studio.open_trace(recorded)
    expect(studio.editor).to_contain_text("w * w")
    expect(studio.card("w * w").first).to_be_visible()
    # As the API gives it, a trace is without its program.
    del recorded["code"]
    studio.open_trace(recorded)
    expect(studio.page.locator("#toasts")).to_contain_text("has no program in it")


def test_lost_connection_is_said_and_the_code_stays(studio: Studio) -> None:
    studio.open()
    studio.page.route("**/api/v1/traces*", lambda route: route.abort())
    studio.type_code("q = torch.ones(1)\n")
    studio.page.keyboard.press("ControlOrMeta+Enter")
    expect(studio.problems).to_contain_text("The service does not answer")
    expect(studio.editor).to_contain_text("q = torch.ones(1)")
    studio.page.unroute("**/api/v1/traces*")
    studio.problems.get_by_role("button", name="Try again").click()
    expect(studio.problems).to_be_hidden()
    expect(studio.variable("q")).to_be_visible()


def test_overload_is_said_with_words(studio: Studio) -> None:
    def refuse(route: Route) -> None:
        problem = {"title": "Overloaded", "status": 503, "detail": "Try again soon."}
        route.fulfill(
            status=503,
            content_type="application/problem+json",
            headers={"Retry-After": "60"},
            body=json.dumps(problem),
        )

    studio.open()
    studio.page.route("**/api/v1/traces*", refuse)
    studio.page.keyboard.press("ControlOrMeta+Enter")
    expect(studio.problems).to_contain_text("Too many programs are running right now")


def test_a_busy_service_is_asked_again_and_the_wait_is_said(studio: Studio) -> None:
    asked = 0

    def refuse_once(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            route.fulfill(status=503, headers={"Retry-After": "2"}, body="{}")
        else:
            route.continue_()

    studio.open()
    studio.page.route("**/api/v1/traces*", refuse_once)
    studio.page.keyboard.press("ControlOrMeta+Enter")
    expect(studio.run_button).to_contain_text(re.compile(r"busy, again in [12] s"))
    expect(studio.page.locator("#editor-bar")).to_contain_text("the service is busy")
    studio.settled()
    assert asked == 2
    expect(studio.problems).to_be_hidden()


def test_a_long_run_shows_progress_and_can_be_cancelled(studio: Studio) -> None:
    studio.open()
    before = studio.count.inner_text()
    studio.type_code("import time\nfor i in range(100):\n    time.sleep(0.1)\n")
    studio.page.keyboard.press("ControlOrMeta+Enter")
    expect(studio.run_button).to_contain_text("Cancel", timeout=10_000)
    studio.run_button.click()
    expect(studio.run_button).to_contain_text("Run")
    expect(studio.count).to_have_text(before)
    expect(studio.problems).to_be_hidden()


def test_an_endless_loop_is_stopped_and_said(studio: Studio) -> None:
    studio.open()
    studio.type_code("x = torch.ones(1)\nwhile True:\n    pass\n")
    studio.page.keyboard.press("ControlOrMeta+Enter")
    expect(studio.problems).to_be_visible(timeout=40_000)
    expect(studio.page.locator(".cm-error-line")).to_have_count(1)


def test_finite_differences_agree(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="Compare every leaf").click()
    check = studio.inspector.get_by_role("region", name="Check")
    expect(check).to_contain_text("✓ agrees")


def test_a_tensor_opens_large_and_can_be_copied(studio: Studio) -> None:
    studio.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    studio.open().run(SEED_CODE)
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="Open value of y * y large").click()
    dialog = studio.page.get_by_role("dialog")
    expect(dialog.locator(".numbers td .cell")).to_have_count(3)
    dialog.get_by_role("button", name="Copy as torch.tensor").click()
    text = studio.page.evaluate("navigator.clipboard.readText()")
    y = run_plain(SEED_CODE).names["y"]
    values = run_plain(f"t = {text}").names["t"]
    assert values.tolist() == pytest.approx((y * y).tolist())


def test_the_embedded_page(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/embed#lesson=fan-out")
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    expect(page.locator("#graph")).to_contain_text("SinBackward0")
    expect(page.get_by_role("link", name="Open in Gradwalk")).to_be_visible()


def test_question_is_answered_by_acting(studio: Studio) -> None:
    studio.lesson("fan-out")
    studio.select("torch.sin(h)")
    studio.inspector.get_by_role("button", name="Detach here").click()
    expect(studio.page.locator("#coach")).to_contain_text("That is it.")


def test_the_first_five_minutes(studio: Studio) -> None:
    """From the landing page, by what it offers, to both answers."""
    studio.open()
    coach = studio.page.locator("#coach")
    coach.get_by_role("button", name="Walk through it").click()
    expect(coach).to_contain_text("1 of 7")
    for _ in range(6):
        coach.get_by_role("button", name="Walk on").click()
    expect(coach).to_contain_text("Walked. Now you:")
    expect(studio.sentence).to_contain_text("x.grad")
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    coach.get_by_role("button", name="Next: Why y.grad is None").click()
    studio.settled()
    studio.page.get_by_role("button", name="None: not a leaf").first.click()
    why = studio.inspector.get_by_role("region", name="Why, for y")
    expect(why).to_contain_text("not a leaf")
    studio.inspector.get_by_role("button", name="retain_grad").click()
    expect(coach).to_contain_text("That is it.")
    assert studio.grad_of("y") == ["1.000", "1.000"]
    coach.get_by_role("button", name="Next: Why the second epoch's gradient doubled").click()
    studio.settled()
    for _ in range(3):
        coach.get_by_role("button", name=re.compile("^Walk")).click()
    expect(studio.sentence).to_contain_text("[3, 3, 3, 3] becomes [6, 6, 6, 6]")
    expect(coach).to_contain_text("3 + 3 = 6")


@pytest.mark.parametrize("id", ["non-leaf", "non-scalar"])
def test_a_lesson_begins_with_its_introduction(studio: Studio, id: str) -> None:
    """Though a note belongs to the step at which its run ends."""
    lesson = get_lesson(id)
    studio.lesson(id)
    coach = studio.page.locator("#coach")
    text = coach.locator(".coach__text").first
    expect(text).to_have_text(lesson.intro.replace("`", ""))
    for number in range(len(lesson.notes)):
        coach.get_by_role("button", name="Walk on" if number else "Walk through it").click()
    expect(coach).to_contain_text("Walked. Now you:")
    expect(coach.locator(".coach__note")).to_have_text(lesson.notes[-1].text.replace("`", ""))
    for _ in lesson.notes[1:]:
        coach.get_by_role("button", name="Go back to step").click()
    coach.get_by_role("button", name="Back to the introduction").click()
    expect(text).to_have_text(lesson.intro.replace("`", ""))


def test_a_wrong_answer_is_told_what_is_missing(studio: Studio) -> None:
    studio.lesson("chain-rule")
    studio.run(get_lesson("chain-rule").code.replace("x ** 2", "x ** 4"))
    coach = studio.page.locator("#coach")
    expect(coach).to_contain_text("Not yet. x.grad is [4.000, 320.0, ")
    coach.get_by_role("button", name="Start again").click()
    expect(studio.editor).to_contain_text("x ** 2")
    expect(coach).not_to_contain_text("Not yet")


def test_a_what_if_moves_with_its_expression(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    studio.settled()
    studio.editor.click()
    studio.page.keyboard.press("ControlOrMeta+Home")
    studio.page.keyboard.insert_text("# one\n# two\n")
    studio.run()
    expect(studio.page.locator(".chip--whatif")).to_contain_text("detach y*y")
    expect(studio.page.locator(".chip--whatif")).not_to_contain_text("no effect")
    expect(studio.page.locator(".cm-whatif-span")).to_have_text("y*y")
    # With the whole program its what-ifs go.
    studio.run("x = torch.ones(2, requires_grad=True)\n(x * 2).sum().backward()\n")
    expect(studio.page.locator(".chip--whatif")).to_have_count(0)
    assert studio.grad_of("x") == ["2.000", "2.000"]


def test_an_error_of_a_what_if_is_called_so_and_taken_back(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    expect(studio.problems).to_contain_text("This comes of the what-if.")
    studio.problems.get_by_role("button", name="Take it back").click()
    expect(studio.problems).to_be_hidden()
    assert studio.grad_of("x") == [shown(n) for n in oracle(SEED_CODE, "x")]


def test_one_use_of_a_value_is_cut_from_its_edge(studio: Studio) -> None:
    code = (
        "x = torch.tensor([2., 3.], requires_grad=True)\ny = x + 2\na = y*y\na.sum().backward()\n"
    )
    studio.open().run(code)
    studio.graph.locator(".gw-link").nth(2).locator(".gw-hit").dispatch_event("click")
    expect(studio.inspector.get_by_role("heading", level=2)).to_have_text("y in a")
    expect(studio.inspector.get_by_role("region", name="Added up")).to_contain_text("this edge")
    studio.inspector.get_by_role("button", name="Detach this use").click()
    expect(studio.page.locator(".chip--whatif")).to_contain_text("detach y in y*y")
    studio.settled()
    cut = run_plain(code.replace("y*y", "y*y.detach()")).names["x"].grad
    assert studio.grad_of("x") == [shown(float(n)) for n in cut]
    compare = studio.page.locator("#compare")
    assert studio.cells(compare) == ["8.000", "10.00", "4.000", "5.000"]


def test_a_parameter_without_gradient_is_named(studio: Studio) -> None:
    code = (
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.scale = nn.Parameter(torch.ones(2))\n"
        "        self.head = nn.Linear(2, 1)\n    def forward(self, x):\n"
        "        return self.head(x * self.scale.data)\nnet = Net()\n"
        "net(torch.ones(1, 2)).sum().backward()\nfor p in net.parameters():\n    print(p.grad)\n"
    )
    studio.open().run(code)
    expect(studio.problems).to_contain_text("net.scale got no gradient")
    expect(studio.problems).to_contain_text("self.scale.data")
    expect(studio.problems).not_to_contain_text("2 leaves")
    # Cards carry the path, not the loop's variable.
    expect(studio.card("net.head.weight").first).to_be_visible()


def test_a_large_tensor_has_a_histogram_and_a_scale(studio: Studio) -> None:
    code = "x = torch.randn(40, 50, requires_grad=True)\n(x.tanh().mean() * 1e-3).backward()\n"
    studio.open().run(code)
    studio.select("x")
    grad = run_plain(code).names["x"].grad
    section = studio.inspector.get_by_role("region", name=".grad", exact=True)
    label = section.locator(".histogram").get_attribute("aria-label") or ""
    assert label.startswith(f"Histogram from {grad.min():.1e}"[:22])
    assert section.locator(".histogram i").count() == 16
    expect(section).to_contain_text("full colour is ±")


def test_the_saved_picture_holds_all_numbers_and_what_was_lost(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.select("y*y")
    studio.inspector.get_by_role("button", name="Detach here").click()
    studio.settled()
    studio.page.wait_for_timeout(500)
    studio.page.get_by_role("button", name="Export").click()
    with studio.page.expect_download() as caught:
        studio.page.get_by_role("menuitem", name="Picture as SVG").click()
    svg = caught.value.path().read_text("utf-8")
    assert 'id="gw-hatch"' in svg
    assert "gradient lost" in svg


def test_the_saved_picture_holds_the_numbers_beside_the_cards(studio: Studio) -> None:
    studio.open().run(SEED_CODE)
    studio.page.wait_for_timeout(500)
    studio.page.get_by_role("button", name="Export").click()
    with studio.page.expect_download() as caught:
        studio.page.get_by_role("menuitem", name="Picture as SVG").click()
    blank = studio.page.context.new_page()
    blank.set_content(caught.value.path().read_text("utf-8"))
    outside = blank.evaluate(
        """() => {
            const frame = document.querySelector('svg').getBoundingClientRect();
            return [...document.querySelectorAll('text')]
                .map((one) => one.getBoundingClientRect())
                .filter((box) => box.left < frame.left || box.right > frame.right).length;
        }"""
    )
    assert outside == 0


def test_paper_holds_no_controls(studio: Studio) -> None:
    studio.open()
    studio.page.emulate_media(media="print")
    expect(studio.editor).to_be_visible()
    expect(studio.graph).to_be_visible()
    for part in ("#actions", "#inputs", ".strip", ".timeline__buttons", ".inspect__actions"):
        expect(studio.page.locator(part).first).to_be_hidden()
