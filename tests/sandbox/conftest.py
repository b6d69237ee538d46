"""One pool for most tests of the sandbox, in a process that has a secret."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.sandbox.canaries import SECRET
from tests.sandbox.running import Running, running_pool


@pytest.fixture(scope="package")
def pool() -> Iterator[Running]:
    os.environ["GRADWALK_SECRET"] = SECRET
    try:
        with running_pool() as running:
            yield running
    finally:
        del os.environ["GRADWALK_SECRET"]
