"""An explanation that fails is only logged; here a logged failure fails the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_explanation_fails(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    yield
    if "caplog" not in request.node.function.__code__.co_varnames:
        failures = [r.getMessage() for r in caplog.get_records("call") if "explaining" in r.msg]
        assert not failures, caplog.text
