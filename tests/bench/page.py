"""`python -m tests.bench.page`: how quick the page is, in a real browser on the real server.

What is sent at first, when it can be used, how often a dragged input is drawn
anew, how long a big trace takes from its last byte to the picture, and how even
the frames are while a lesson plays and a big picture is panned.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.client import quantile
from tests.conftest import CHROMIUM_FLAGS, find_chromium, running_server

#: Loaded by the worker when a picture is laid out, not before.
LAYOUT_ENGINE = ("viz",)
LESSONS = ("backward", "fan-out", "chain-rule", "xor")
CHAIN = """\
x = torch.ones(3, requires_grad=True)
h = x
for _ in range({steps}):
    h = torch.tanh(h)
h.sum().backward()
"""
RANDOM = """\
import random
random.seed(1)
made = [torch.ones(2, requires_grad=True) for _ in range(8)]
for i in range({steps}):
    a, b = made[-1 - random.randrange(min(12, len(made)))], made[-1]
    made.append(a * b if i % 3 == 0 else a + b if i % 3 == 1 else torch.sin(b))
made[-1].sum().backward()
"""

#: Long tasks, frames and runs, noted from the first script on.
WATCH = """
window.bench = {tasks: []};
new PerformanceObserver((list) => {
  for (const {startTime, duration} of list.getEntries()) bench.tasks.push([startTime, duration]);
}).observe({type: 'longtask', buffered: true});
bench.record = (ms) => new Promise((done) => {
  const times = [];
  const end = performance.now() + ms;
  const tick = (now) => {
    times.push(now);
    if (now < end) requestAnimationFrame(tick);
    else done(times.slice(1).map((time, i) => time - times[i]));
  };
  requestAnimationFrame(tick);
});
bench.rested = () => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(done));
});
"""


def row(name: str, text: str) -> None:
    print(f"{name:<44} {text}", flush=True)


def spread(times: list[float]) -> str:
    """Of milliseconds."""
    seconds = [one / 1000 for one in times]
    return (
        f"median {quantile(seconds, 0.5):6.1f} ms   p95 {quantile(seconds, 0.95):6.1f} ms"
        f"   worst {max(times):6.1f} ms"
    )


def fresh(browser: Browser) -> Page:
    """A page in a profile of its own: nothing is cached.  Playwright's own waiting needs eval."""
    size = {"width": 1440, "height": 900}
    return browser.new_context(viewport=size, bypass_csp=True).new_page()  # type: ignore[arg-type]


def opened(browser: Browser, url: str, hash: str = "") -> Page:
    """The page in a profile of its own: nothing is cached."""
    page = fresh(browser)
    page.add_init_script(WATCH)
    page.goto(f"{url}/{hash}")
    page.wait_for_selector("body[data-ready=true]")
    settled(page)
    return page


def settled(page: Page) -> None:
    page.wait_for_selector("body[data-status=done]")
    page.wait_for_selector(".gw-graph[aria-busy=false]")


def renderer_seconds(browser: Browser) -> float:
    """CPU time of all that draws: it stays the same when the machine is busy."""
    wire = browser.new_browser_cdp_session()
    processes = wire.send("SystemInfo.getProcessInfo")["processInfo"]
    wire.detach()
    return sum(float(one["cpuTime"]) for one in processes if one["type"] == "renderer")


def weight(browser: Browser, url: str) -> None:
    page = fresh(browser)
    sizes: dict[str, float] = {}
    names: dict[str, str] = {}
    wire = page.context.new_cdp_session(page)
    wire.on(
        "Network.requestWillBeSent", lambda e: names.update({e["requestId"]: e["request"]["url"]})
    )
    wire.on(
        "Network.loadingFinished",
        lambda e: sizes.update({names.get(e["requestId"], "?"): e["encodedDataLength"]}),
    )
    wire.send("Network.enable")
    page.goto(url)
    page.wait_for_selector("body[data-ready=true]")
    settled(page)
    page.wait_for_timeout(300)
    engine = {name for name in sizes if any(part in name for part in LAYOUT_ENGINE)}
    first = {name: size for name, size in sizes.items() if name not in engine}
    row("first load", f"{sum(first.values()) / 1000:.0f} kB compressed in {len(first)} requests")
    for name, size in sorted(first.items(), key=lambda one: -one[1])[:5]:
        row("", f"{size / 1000:6.1f} kB  {name.removeprefix(url)}")
    page.context.close()


def cold(browser: Browser, url: str) -> None:
    paints, ready, drawn = [], [], []
    for _ in range(7):
        page = fresh(browser)
        page.add_init_script(
            WATCH
            + """
            const look = () => {
              if (document.body?.dataset.ready === 'true') bench.ready ??= performance.now();
              if (document.querySelector('.gw-card')) bench.seen ??= performance.now();
              requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
            """
        )
        page.goto(url)
        page.wait_for_function("bench.ready && bench.seen")
        found = page.evaluate(
            """[performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
                bench.ready, bench.seen]"""
        )
        for times, value in zip((paints, ready, drawn), found, strict=True):
            times.append(value)
        page.context.close()
    row("cold: first paint", spread(paints))
    row("cold: usable", spread(ready))
    row("cold: first picture drawn", spread(drawn))


DRAG = """async (ms) => {
  const range = document.querySelector('#inputs input[type=range]');
  const graph = document.querySelector('.gw-world');
  let dirty = false;
  const watch = new MutationObserver(() => { dirty = true; });
  watch.observe(graph, {subtree: true, characterData: true, childList: true});
  let updates = 0;
  const start = performance.now();
  const from = bench.tasks.length;
  const gaps = [];
  let last = start;
  while (performance.now() - start < ms) {
    const t = (performance.now() - start) / 1000;
    range.value = String(Math.sin(t * 2) * 2 + 0.1);
    range.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise(requestAnimationFrame);
    if (dirty) { updates++; gaps.push(performance.now() - last); last = performance.now(); }
    dirty = false;
  }
  watch.disconnect();
  return {rate: updates / ((performance.now() - start) / 1000), gaps,
          tasks: bench.tasks.slice(from).map((task) => task[1])};
}"""


#: What the service answered before comes again at once: what is left is the page.
REPLAY = """() => {
  const fetched = window.fetch;
  const kept = [];
  let turn = 0;
  window.fetch = async (url, init) => {
    if (!String(url).includes('/traces')) return fetched(url, init);
    if (kept.length >= 8) return new Response(kept[turn++ % 8]);
    const answer = await fetched(url, init);
    kept.push(await answer.clone().text());
    return answer;
  };
}"""


def drag(browser: Browser, url: str, lesson: str) -> None:
    page = opened(browser, url, f"#lesson={lesson}")
    cards = page.locator(".gw-card").count()
    for name in ("", ", answers from memory"):
        if name:
            page.evaluate(REPLAY)
            page.evaluate(DRAG, 2500)
        before = renderer_seconds(browser)
        found = page.evaluate(DRAG, 4000)
        cost = (renderer_seconds(browser) - before) / max(1, len(found["gaps"]))
        row(
            f"drag: {lesson}, {cards} cards{name}",
            f"{found['rate']:.1f} pictures a second, {cost * 1000:.0f} ms of CPU for each;"
            f" between two: {spread(found['gaps'])}",
        )
    page.context.close()


#: Every step five times, the quickest of them: what other processes do is not the page's.
STEP = """async () => {
  const slider = document.querySelector('.strip input[type=range]');
  const count = Number(slider.max) + 1;
  const best = Array(count).fill(Infinity);
  for (let turn = 0; turn < 5; turn++) {
    for (let step = 0; step < count; step++) {
      await bench.rested();
      const start = performance.now();
      slider.value = String(step);
      slider.dispatchEvent(new Event('input', {bubbles: true}));
      document.body.getBoundingClientRect();  // style and layout are part of it
      best[step] = Math.min(best[step], performance.now() - start);
    }
  }
  return best;
}"""


def steps(browser: Browser, url: str, lesson: str) -> None:
    page = opened(browser, url, f"#lesson={lesson}")
    row(f"step: {lesson}, script, style and layout", spread(page.evaluate(STEP)))
    page.context.close()


def play(browser: Browser, url: str, lesson: str) -> None:
    page = opened(browser, url, f"#lesson={lesson}")
    page.evaluate("document.activeElement?.blur()")
    page.keyboard.press("Space")
    frames = page.evaluate("bench.record(6000)")
    row(f"frames: playing {lesson}", spread(frames))
    page.context.close()


def big(browser: Browser, url: str, name: str, code: str) -> Page:
    """From the last byte to the picture, and the longest that the page stood still."""
    page = opened(browser, url)
    page.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(code)
    page.evaluate(
        """() => {
          bench.start = performance.now();
          performance.clearResourceTimings();
          const svg = document.querySelector('.gw-graph');
          let busy = false;
          new MutationObserver(() => {
            const now = svg.getAttribute('aria-busy') === 'true';
            if (busy && !now) requestAnimationFrame(() => { bench.drawnAt = performance.now(); });
            busy = now;
          }).observe(svg, {attributes: true, attributeFilter: ['aria-busy']});
        }"""
    )
    page.keyboard.press("ControlOrMeta+Enter")
    page.wait_for_function("bench.drawnAt", timeout=60_000)
    page.wait_for_timeout(500)
    found: dict[str, Any] = page.evaluate(
        """() => {
          const answer = performance.getEntriesByType('resource')
            .filter((one) => one.name.includes('/traces')).at(-1);
          const after = bench.tasks.filter(([at, ms]) => at + ms > answer.responseEnd - 5);
          return {
            size: answer.decodedBodySize, end: answer.responseEnd, drawn: bench.drawnAt,
            tasks: after.map((task) => task[1]),
          };
        }"""
    )
    longest = max(found["tasks"], default=0)
    row(
        f"open: {name}",
        f"{found['drawn'] - found['end']:.0f} ms"
        f" from the last byte of {found['size'] / 1e6:.1f} MB;"
        f" longest task {longest:.0f} ms of {[round(t) for t in found['tasks']]}",
    )
    return page


PAN = """async (ms) => {
  const svg = document.querySelector('.gw-graph');
  const box = svg.getBoundingClientRect();
  const at = {x: box.left + box.width / 2, y: box.top + box.height / 2};
  const send = (type, x, y, buttons) => {
    const options = {bubbles: true, cancelable: true, view: window, button: 0};
    const event = new MouseEvent(type, {...options, clientX: x, clientY: y, buttons});
    (type === 'mousedown' ? svg : window).dispatchEvent(event);
  };
  send('mousedown', at.x, at.y, 1);
  const frames = bench.record(ms);
  const start = performance.now();
  while (performance.now() - start < ms) {
    const t = (performance.now() - start) / 1000;
    send('mousemove', at.x + Math.sin(t * 2.5) * 280, at.y + Math.sin(t * 1.7) * 350, 1);
    await new Promise(requestAnimationFrame);
  }
  send('mouseup', at.x, at.y, 0);
  return frames;
}"""


def pan(page: Page, name: str) -> None:
    row(f"frames: panning {name}", spread(page.evaluate(PAN, 4000)))


def panning(page: Page, name: str) -> None:
    page.get_by_role("button", name="Open all").click()
    page.wait_for_function("document.querySelector('.gw-overview')?.style.display === 'block'")
    settled(page)
    page.wait_for_timeout(800)
    pan(page, f"{name}, all, from afar")
    page.keyboard.press("/")
    page.locator(".palette__input").fill("torch.")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    pan(page, f"{name}, all, from near ({page.locator('.gw-card').count()} cards)")
    page.context.close()


def each(
    measure: Callable[[Browser, str, str], None], browser: Browser, url: str, lessons: Sequence[str]
) -> None:
    for lesson in lessons:
        measure(browser, url, lesson)


def main(names: list[str]) -> int:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with running_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        url = server.url
        chain, wild = CHAIN.format(steps=10_000), RANDOM.format(steps=10_000)
        parts: dict[str, Callable[[], None]] = {
            "weight": lambda: weight(browser, url),
            "cold": lambda: cold(browser, url),
            "drag": lambda: each(drag, browser, url, LESSONS),
            "step": lambda: each(steps, browser, url, LESSONS),
            "play": lambda: each(play, browser, url, LESSONS[::3]),
            "1k": lambda: big(browser, url, "chain of 1k", CHAIN.format(steps=1000)).close(),
            "chain": lambda: panning(big(browser, url, "chain of 10k", chain), "chain of 10k"),
            "random": lambda: panning(big(browser, url, "random 10k", wild), "random 10k"),
        }
        for name, part in parts.items():
            if not names or name in names:
                part()
        browser.close()
    print(f"load {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
