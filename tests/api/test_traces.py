"""POST /api/v1/traces against the real server: what is answered, and with which status."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest
import torch

from app.api.examples import REQUEST_EXAMPLES, SEED_CODE
from app.trace import validate

URL = "/api/v1/traces"


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of a refused request, checked for its form."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["type"] == f"urn:gradwalk:problem:{kind}"
    assert document["request_id"] == response.headers["x-request-id"]
    assert document["title"] and document["detail"]
    return document


def test_the_gradient_is_plain_torchs(client: httpx.Client) -> None:
    response = client.post(URL, json={"code": SEED_CODE, "seed": 7})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    trace = validate(response.content)
    torch.manual_seed(7)
    x = torch.randn(3, requires_grad=True)
    ((x + 2) * (x + 2) * 3).mean().backward()
    assert x.grad is not None
    shown = next(one for one in trace["variables"] if one["name"] == "x")["grad"]
    assert shown is not None and shown["data"] == pytest.approx(x.grad.tolist())
    assert trace["stdout"] == f"{x.grad}\n"


@pytest.mark.parametrize(
    ("code", "kind", "type"),
    [
        ("import torch\ntorch.ones(3).backward()", "exception", "RuntimeError"),
        ("x = (", "syntax", "SyntaxError"),
        ("1/0", "exception", "ZeroDivisionError"),
    ],
)
def test_a_failing_program_is_an_answer(
    client: httpx.Client, code: str, kind: str, type: str
) -> None:
    response = client.post(URL, json={"code": code})
    assert response.status_code == 200
    error = validate(response.content)["error"]
    assert error is not None and (error["kind"], error["type"]) == (kind, type)


@pytest.mark.parametrize("name", REQUEST_EXAMPLES)
def test_the_documents_examples_work(client: httpx.Client, name: str) -> None:
    response = client.post(URL, json=REQUEST_EXAMPLES[name]["value"])
    assert response.status_code == 200
    trace = validate(response.content)
    assert trace["error"] is None
    assert trace["graphs"] and trace["graphs"][0]["edges"]
    assert [one["applied"] for one in trace.get("interventions", [])] == (
        [1] if name == "detach" else []
    )


def test_what_is_not_json(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (b"", b"{", b"\xff\xfe", b'{"code": "\\ud800"}'):
        problem(client.post(URL, content=body, headers=headers), 400, "not-json")


def test_what_is_not_valid(client: httpx.Client) -> None:
    document = problem(
        client.post(URL, json={"code": "1", "seed": -1, "extra/field": 0}), 422, "invalid-request"
    )
    assert {one["pointer"] for one in document["errors"]} == {"/seed", "/extra~1field"}
    for body in ([], "x", {}, {"code": 3}, {"code": "1", "interventions": [{}]}):
        problem(client.post(URL, json=body), 422, "invalid-request")


@pytest.mark.parametrize(
    ("target", "pointers"),
    [
        ({"line": 0, "col": 0}, {"/line", "/end_line", "/end_col"}),
        ({"lines": [0, 2]}, {"/lines/0"}),
        ({"name": 3}, {"/name"}),
        ({"name": "x", "lines": [1, 1]}, {"/name"}),
        ({}, {""}),
    ],
)
def test_a_target_is_told_what_it_lacks(
    client: httpx.Client, target: dict[str, Any], pointers: set[str]
) -> None:
    """Of one form, not of all that it is not, and with pointers that lead into the body."""
    cut = {"id": "a", "kind": "detach", "target": target}
    document = problem(
        client.post(URL, json={"code": "1", "interventions": [cut]}), 422, "invalid-request"
    )
    found = {one["pointer"] for one in document["errors"]}
    assert found == {f"/interventions/0/target{one}" for one in pointers}


def test_a_compressed_body_is_refused_by_its_name(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = client.post(URL, content=gzip.compress(b'{"code": "1"}'), headers=headers)
    document = problem(response, 415, "unsupported-media-type")
    assert "compressed" in document["detail"]


def test_other_media_types(client: httpx.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; x=y", ""):
        response = client.post(URL, content=b'{"code": "1"}', headers={"Content-Type": kind})
        problem(response, 415, "unsupported-media-type")
    response = client.post(
        URL,
        content=b'{"code": "1"}',
        headers={"Content-Type": "Application/JSON; charset=utf-8"},
    )
    assert response.status_code == 200


def test_too_large(client: httpx.Client) -> None:
    problem(client.post(URL, json={"code": "#" * 200_001}), 413, "too-large")
    problem(client.post(URL, json={"code": "#" * 2_000_000}), 413, "too-large")

    def parts() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    headers = {"Content-Type": "application/json"}
    problem(client.post(URL, content=parts(), headers=headers), 413, "too-large")


def test_unknown_paths_and_methods(client: httpx.Client) -> None:
    problem(client.get("/nowhere"), 404, "not-found")
    problem(client.get("/api/v1/lessons/nowhere"), 404, "not-found")
    problem(client.get("/static/nowhere.js"), 404, "not-found")
    response = client.get(URL)
    assert "but POST" in problem(response, 405, "method-not-allowed")["detail"]
    assert response.headers["allow"] == "POST"
    for path in ("/static/icon.svg", "/api/v1/lessons"):
        response = client.post(path, json={})
        problem(response, 405, "method-not-allowed")
        assert response.headers["allow"] == "GET, HEAD"
        assert client.head(path).status_code == 200


def test_a_browser_that_went_astray_gets_a_page(client: httpx.Client) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    astray = client.get("/lessons/<b>3", headers=browser)
    assert astray.status_code == 404
    assert astray.headers["content-type"].startswith("text/html")
    assert "nonce-" in astray.headers["content-security-policy"]
    assert "&lt;b&gt;3" in astray.text and "<b>3" not in astray.text
    # What is asked of the API is answered as by the API.
    problem(client.get("/api/v2", headers=browser), 404, "not-found")
    problem(client.get("/static/nowhere.css", headers=browser), 404, "not-found")
    problem(client.post("/nowhere", headers=browser), 404, "not-found")


def test_lessons(client: httpx.Client) -> None:
    lessons = client.get("/api/v1/lessons").json()["lessons"]
    assert sum(lesson["opening"] for lesson in lessons) == 1
    first = lessons[0]
    assert client.get(f"/api/v1/lessons/{first['id']}").json() == first


def test_health(client: httpx.Client) -> None:
    alive = client.get("/healthz").json()
    ready = client.get("/readyz").json()
    assert alive["status"] == ready["status"] == "ok"
    assert alive["layers"]["seccomp"] is True
    assert alive["layers"] == ready["sandbox"]["layers"]


def test_operators(client: httpx.Client) -> None:
    found = client.get("/api/v1/operators", params={"query": "mulbackward"}).json()["operators"]
    assert "MulBackward0" in {one["name"] for one in found}
    one = client.get("/api/v1/operators/MulBackward0")
    assert one.json()["latex"] and one.json()["formulas"]["self"]
    assert "max-age" in one.headers["cache-control"]
    problem(client.get("/api/v1/operators/NoBackward0"), 404, "not-found")
