"""A studio on the real server for each test."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.studio import Studio
from tests.conftest import Server

# The machine may be busy with other tests.
expect.set_options(timeout=10_000)


@pytest.fixture
def studio(page: Page, server: Server) -> Studio:
    return Studio(page, server.url)
