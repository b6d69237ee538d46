"""The other forms of a trace: chosen by query or Accept, streamed, drawn, saved as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
import torch
from playwright.sync_api import Browser

from app.api.examples import SEED_CODE
from app.api.formats import FORMATS, negotiate
from app.api.problems import Problem
from tests.api.test_traces import URL, problem

SLOW = """\
import time
x = torch.ones(1, requires_grad=True)
for turn in range(6):
    print('turn', turn)
    end = time.monotonic() + 0.25
    while time.monotonic() < end:
        y = x * 2
"""


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("image/*, application/json;q=0.5", "svg"),
        ("application/x-ndjson", "ndjson"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "html"),
        ("application/json;q=0, */*;q=0.1", "ndjson"),
        ("text/vnd.mermaid; charset=utf-8", "mermaid"),
    ],
)
def test_the_accept_header_chooses(accept: str, name: str) -> None:
    assert negotiate(None, accept) == name
    assert negotiate("dot", accept) == "dot"


def test_what_cannot_be_given(client: httpx.Client) -> None:
    for accept in ("application/xml", "text/html;q=0", "text/html;q=much"):
        with pytest.raises(Problem):
            negotiate(None, accept)
    refused = client.post(URL, json={"code": "1"}, headers={"Accept": "application/xml"})
    problem(refused, 406, "not-acceptable")
    problem(client.post(f"{URL}?format=xml", json={"code": "1"}), 422, "invalid-request")


def test_drawn_forms(client: httpx.Client) -> None:
    def drawn(name: str) -> str:
        answer = client.post(URL, params={"format": name}, json={"code": SEED_CODE})
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == FORMATS[name]  # type: ignore[index]
        return answer.text

    for name in ("dot", "mermaid", "svg"):
        text = drawn(name)
        assert text.count("MulBackward0") == 2 and "MeanBackward0" in text
    assert drawn("dot").startswith("digraph")
    assert ElementTree.fromstring(drawn("svg")).tag == "{http://www.w3.org/2000/svg}svg"


def test_there_may_be_nothing_to_draw(client: httpx.Client) -> None:
    answer = client.post(f"{URL}?format=svg", json={"code": "torch.ones(2) * 3"})
    problem(answer, 422, "nothing-to-draw")
    answer = client.post(f"{URL}?format=svg&graph=g9", json={"code": SEED_CODE})
    assert "it has g0" in problem(answer, 422, "nothing-to-draw")["detail"]
    failed = client.post(f"{URL}?format=svg", json={"code": "x = 1\n1/0"})
    detail = problem(failed, 422, "nothing-to-draw")["detail"]
    assert "line 2 (ZeroDivisionError)" in detail


def test_a_saved_trace_is_drawn(client: httpx.Client) -> None:
    trace = client.post(URL, json={"code": SEED_CODE}).json()
    body = {"code": SEED_CODE, "trace": trace}
    answer = client.post("/api/v1/export/dot", json=body)
    assert answer.status_code == 200 and answer.text.startswith("digraph")
    problem(client.post("/api/v1/export/pdf", json=body), 422, "invalid-request")
    forged = {**body, "trace": {**trace, "schema_version": 2**70}}
    problem(client.post("/api/v1/export/html", json=forged), 422, "invalid-request")
    broken = {**body, "trace": {**trace, "ops": 3}}
    document = problem(client.post("/api/v1/export/dot", json=broken), 422, "invalid-request")
    assert document["errors"][0]["pointer"] == "/trace/ops"


def test_progress_comes_while_it_runs(client: httpx.Client) -> None:
    headers = {"Accept": "application/x-ndjson"}
    with client.stream("POST", URL, json={"code": SLOW}, headers=headers) as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.iter_lines()]
    *reports, last = lines
    assert len(reports) >= 2
    assert {line["kind"] for line in reports} == {"progress"}
    elapsed = [line["elapsed_ms"] for line in reports]
    ops = [line["ops"] for line in reports]
    assert elapsed == sorted(elapsed) and ops == sorted(ops) and ops[-1] > 0
    trace = last["trace"]
    assert trace["error"] is None
    assert trace["stdout"].startswith("".join(line["stdout"] for line in reports))
    assert reports[-1]["stdout"] or "turn 0" in reports[0]["stdout"]


def test_the_same_trace_at_the_end_of_the_lines(client: httpx.Client) -> None:
    lines = client.post(f"{URL}?format=ndjson", json={"code": SEED_CODE}).text.splitlines()
    streamed = json.loads(lines[-1])["trace"]
    plain = client.post(URL, json={"code": SEED_CODE}).json()
    del streamed["runtime"], plain["runtime"]
    assert streamed == plain


def test_refusals_keep_their_status_when_streamed(client: httpx.Client) -> None:
    problem(client.post(f"{URL}?format=ndjson", json={}), 422, "invalid-request")


def test_a_saved_page_opens_from_disk(
    client: httpx.Client, browser: Browser, tmp_path: Path
) -> None:
    """The file has the whole graph and timeline, and asks for nothing."""
    code = SEED_CODE + "print('</script><script>document.title = \"broken out\"</script>')\n"
    answer = client.post(f"{URL}?format=html", json={"code": code, "seed": 3})
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["content-disposition"].startswith("attachment")
    file = tmp_path / "saved.html"
    file.write_bytes(answer.content)

    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    context.set_offline(True)
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=true]")
    page.locator("#graph").get_by_text("MeanBackward0").first.wait_for()
    torch.manual_seed(3)
    x = torch.randn(3, requires_grad=True)
    ((x + 2) * (x + 2) * 3).mean().backward()
    assert x.grad is not None
    assert f"{x.grad[0]:.4f}" in page.locator("#output").inner_text()
    assert "</script>" in page.locator("#output").inner_text()
    assert "broken" not in page.title()
    assert not faults, faults
    assert all(url.startswith(("file:", "blob:", "data:")) for url in asked), asked
    context.close()


def test_every_form_is_in_the_document(client: httpx.Client) -> None:
    document: dict[str, Any] = client.get("/openapi.json").json()
    answers = document["paths"][URL]["post"]["responses"]["200"]["content"]
    assert set(answers) == set(FORMATS.values())
