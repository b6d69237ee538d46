"""One pool for most tests of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.running import Running, running_pool


@pytest.fixture(scope="package")
def pool() -> Iterator[Running]:
    with running_pool() as running:
        yield running
