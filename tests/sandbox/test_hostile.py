"""No hostile program gets anything, and each of them gets an answer that names its end.

They run without the friendly sentences, so that it is the operating system that holds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.attacks import ATTACKS, Attack
from tests.sandbox.canaries import SECRET, Outcome, assault
from tests.sandbox.running import running_pool

ONLY_THE_SYSTEM = ("seccomp", "landlock", "rlimits", "user")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("canaries")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADWALK_SECRET", SECRET)  # before the zygote starts
        return _all(folder)


def _all(folder: Path) -> dict[str, Outcome]:
    with running_pool(layers=ONLY_THE_SYSTEM, time_limit=5.0) as running:
        found = running.do(assault(running.pool, ATTACKS, folder))
        assert running.trace("import torch\nprint(torch.ones(1))")["error"] is None
        assert running.pool.status()["restarts"] == 0
        return found


def test_there_are_enough() -> None:
    assert len(ATTACKS) >= 80
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_nothing_is_got(attack: Attack, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[attack.name]
    assert outcome.got is None
    if attack.ends:
        assert outcome.end in attack.ends, outcome.error


def test_nothing_is_got_as_an_ordinary_user() -> None:
    """The server as nobody, with no right of root's but to read (the interpreter, here)."""
    script = (
        "import json, os, tempfile, pathlib\n"
        "from tests.sandbox.attacks import ATTACKS\n"
        "from tests.sandbox.canaries import assault\n"
        "from tests.sandbox.running import running_pool\n"
        "layers = ('seccomp', 'landlock', 'rlimits', 'user')\n"
        "with tempfile.TemporaryDirectory() as folder, "
        "running_pool(layers=layers, time_limit=5.0) as r:\n"
        "    found = r.do(assault(r.pool, ATTACKS, pathlib.Path(folder)))\n"
        "    print(json.dumps([os.getuid(), r.pool.status()['layers']['user'],\n"
        "        {name: one.got for name, one in found.items()}]))\n"
    )
    only_read = "-all,+dac_read_search"
    become = [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--inh-caps={only_read}",
        f"--ambient-caps={only_read}", f"--bounding-set={only_read}",
    ]  # fmt: skip
    user = os.getuid() or 65534
    done = subprocess.run(
        [*(become if os.getuid() == 0 else []), sys.executable, "-c", script],
        env={**os.environ, "GRADWALK_SECRET": SECRET, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    uid, said, got = json.loads(done.stdout)
    assert (uid, said) == (user, f"uid {user}")
    assert len(got) == len(ATTACKS)
    assert {name: what for name, what in got.items() if what is not None} == {}
