"""torch imports much at first use, with warnings of its own: before any comparison."""

import pytest

from app.recorder import warm_up


@pytest.fixture(scope="session", autouse=True)
def warm() -> None:
    warm_up()
