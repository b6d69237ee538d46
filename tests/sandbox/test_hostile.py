"""No hostile program gets anything, and each of them gets an answer that names its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.attacks import ATTACKS, Attack
from tests.sandbox.canaries import Canaries, won
from tests.sandbox.running import Running, running_pool


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    made = Canaries(tmp_path_factory.mktemp("canaries"))
    yield made
    made.listener.close()


@pytest.fixture(scope="module")
def wordless(pool: Running) -> Iterator[Running]:
    """Without the friendly sentences, so that the operating system must do the holding."""
    assert pool.pool.status()["ready"]
    with running_pool(layers=("seccomp", "landlock", "rlimits", "user")) as running:
        yield running


def test_there_are_enough() -> None:
    assert len(ATTACKS) >= 80
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_nothing_is_got(attack: Attack, pool: Running, canaries: Canaries) -> None:
    assert won(attack, pool, canaries) is None


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.ends], ids=lambda attack: attack.name
)
def test_its_end_is_told(attack: Attack, wordless: Running, canaries: Canaries) -> None:
    trace = wordless.trace(canaries.code(attack))
    end = trace["error"]["kind"] if trace["error"] else "ok"
    assert end in attack.ends, trace["error"]
    assert "PWNED" not in trace["stdout"]
    assert canaries.touched() is None


def test_the_pool_is_whole_afterwards(pool: Running, canaries: Canaries, tmp_path: Path) -> None:
    assert pool.trace("import torch\nprint(torch.ones(1))")["error"] is None
    assert pool.pool.status()["restarts"] == 0
    assert list(tmp_path.iterdir()) == []
    assert canaries.touched() is None
    assert os.environ["GRADWALK_SECRET"]
