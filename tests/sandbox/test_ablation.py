"""Each layer holds something: without it, named attacks get what they want.

Without these tests, the table of attacks could pass because it attacks nothing.
The layers overlap on purpose, so most of them show only where others are off too.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.sandbox import SandboxUnavailable
from app.sandbox.jail import LAYERS
from tests.sandbox.attacks import ATTACKS, BY_NAME
from tests.sandbox.canaries import SECRET, Canaries, winners
from tests.sandbox.running import running_pool

#: Layers left out -> attacks that win for that reason.
HELD: dict[tuple[str, ...], set[str]] = {
    ("words", "seccomp"): {
        "udp", "unix socket", "stat a file", "host name", "where am I", "change directory",
    },
    ("words", "seccomp", "landlock"): {
        "read /etc/passwd", "read by libc", "list /", "write the canary",
    },
    ("words", "seccomp", "rlimits"): {"memory file", "pipes", "duplicate descriptors"},
    ("words", "rlimits"): {"address space by libc"},
}  # fmt: skip
if os.getuid() == 0:
    HELD["words", "seccomp", "user"] = {"fork", "threads", "new session", "user namespace"}
    HELD["words", "seccomp", "landlock", "rlimits", "user"] = {"priority up", "real time"}


def _canaries(folder: Path) -> Canaries:
    folder.chmod(0o755)
    for parent in folder.parents[:2]:
        parent.chmod(0o755)
    return Canaries(folder)


@pytest.mark.parametrize("left_out", HELD, ids=" ".join)
def test_left_out(left_out: tuple[str, ...], tmp_path: Path) -> None:
    """The same attacks: refused by all layers, successful without these."""
    canaries = _canaries(tmp_path)
    attacks = [BY_NAME[name] for name in sorted(HELD[left_out])]
    with running_pool() as pool:
        assert winners(attacks, pool, canaries) == {}
    layers = tuple(layer for layer in LAYERS if layer not in left_out)
    with running_pool(layers=layers, self_test=False) as pool:
        assert set(winners(attacks, pool, canaries)) == HELD[left_out]


def test_without_any_layer_many_attacks_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADWALK_SECRET", SECRET)
    canaries = _canaries(tmp_path)
    harmless = [
        attack
        for attack in ATTACKS
        if any(word in attack.code for word in ("open", "stat", "socket", "os.", "listdir"))
        and not any(
            word in attack.name + attack.code
            for word in ("kill", "bomb", "while", "daemon", "exec", "range(", "limits", "clock")
        )
    ]
    with running_pool(layers=(), self_test=False) as pool:
        assert len(winners(harmless, pool, canaries)) >= 20


@pytest.mark.parametrize("layers", [(), ("words",), ("landlock", "rlimits", "user")], ids=str)
def test_a_sandbox_that_does_not_hold_does_not_start(layers: tuple[str, ...]) -> None:
    with pytest.raises(SandboxUnavailable, match="does not hold"), running_pool(layers=layers):
        raise AssertionError("it started")
