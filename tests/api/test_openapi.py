"""The OpenAPI document: complete, true, and readable at /docs with nothing from elsewhere."""

from __future__ import annotations

from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from playwright.sync_api import Page
from pydantic import TypeAdapter
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.api.problems import KINDS, ProblemDocument
from app.trace import Trace, TraceRequest
from tests.api.test_traces import URL


def test_every_error_of_a_trace_is_documented(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    answers = document["paths"][URL]["post"]["responses"]
    assert set(answers) == {"200", "400", "403", "406", "413", "415", "422", "429", "500", "503"}
    for status, answer in answers.items():
        if status == "200":
            continue
        for kind, example in answer["content"]["application/problem+json"]["examples"].items():
            ProblemDocument.model_validate(example["value"])
            assert KINDS[kind][0] == example["value"]["status"] == int(status)
    for status in ("429", "503"):
        assert "Retry-After" in answers[status]["headers"]


def test_examples_are_valid(client: httpx.Client) -> None:
    operation = client.get("/openapi.json").json()["paths"][URL]["post"]
    asked = operation["requestBody"]["content"]["application/json"]["examples"]
    for example in asked.values():
        TraceRequest.model_validate(example["value"])
    answered = operation["responses"]["200"]["content"]["application/json"]["example"]
    TypeAdapter(Trace).validate_python(answered)


def test_every_reference_leads_somewhere(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [one for part in value.values() for one in references(part)]
        if isinstance(value, list):
            return [one for part in value for one in references(part)]
        return []

    found = references(document)
    assert len(found) > 50
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_schemathesis_finds_no_breach(server: Any) -> None:
    """Invented requests, valid and not: no 5xx, and every answer as documented."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    config = settings(
        max_examples=12,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    tried = 0
    for operation in schema.get_all_operations():

        def check(case: Any) -> None:
            nonlocal tried
            tried += 1
            answer = case.call()
            # What the schema can't say: a program may have no graph to draw, and an
            # invented trace contradicts itself.
            drawn = answer.status_code == 422 and "format" in answer.request.url
            drawn = drawn or "/export/" in case.path
            excluded = [positive_data_acceptance] if drawn else []
            case.validate_response(answer, excluded_checks=excluded)

        config(given(case=operation.ok().as_strategy())(check))()
    assert tried > 50


def test_the_docs_page(page: Page, server: Any) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/docs")
    page.get_by_text("/api/v1/traces", exact=True).first.wait_for()
    page.get_by_text("Run a program and get its trace").first.click()
    page.get_by_role("button", name="Execute").click()
    page.get_by_text("MeanBackward0").first.wait_for()
    own = (server.url, "data:", "blob:")
    assert all(url.startswith(own) for url in asked), asked
    assert any(url.endswith("/openapi.json") for url in asked)
    page.get_by_role("link", name="Gradwalk", exact=True).click()
    page.wait_for_url(f"{server.url}/**")
    page.locator("#editor").wait_for()
