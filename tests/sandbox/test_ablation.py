"""Each layer holds something: without it, named attacks get what they want.

Without these tests, the table of attacks could pass because it attacks nothing.
The layers overlap on purpose, so most of them show only where others are off too.
`test_hostile` shows that all layers together hold every one of these.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.sandbox import SandboxUnavailable
from app.sandbox.jail import LAYERS
from tests.sandbox.attacks import ATTACKS, BY_NAME
from tests.sandbox.canaries import SECRET, assault
from tests.sandbox.running import running_pool

#: Layers left out -> attacks that win for that reason.
HELD: dict[tuple[str, ...], set[str]] = {
    ("words", "seccomp"): {"stat a file", "host name", "where am I"},
    ("words", "rlimits"): {"address space by libc"},
    ("words", "seccomp", "rlimits"): {
        "memory file", "pipes", "duplicate descriptors", "udp", "unix socket", "threads",
    },
    ("words", "seccomp", "rlimits", "landlock"): {
        "read /etc/passwd", "read by libc", "list /", "write the canary", "write by libc",
        "connect", "name service",
    },
}  # fmt: skip
if os.getuid() == 0:
    HELD["words", "seccomp", "user"] = {"fork", "priority up", "real time"}


@pytest.mark.parametrize("left_out", HELD, ids=" ".join)
def test_left_out(left_out: tuple[str, ...], tmp_path: Path) -> None:
    attacks = [BY_NAME[name] for name in sorted(HELD[left_out])]
    layers = tuple(layer for layer in LAYERS if layer not in left_out)
    with running_pool(layers=layers, self_test=False) as running:
        outcomes = running.do(assault(running.pool, attacks, tmp_path))
    assert {name for name, one in outcomes.items() if one.got} == HELD[left_out]


def test_without_any_layer_many_attacks_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that do no harm to the machine on which they succeed."""
    monkeypatch.setenv("GRADWALK_SECRET", SECRET)
    harmful = ("kill", "bomb", "while", "daemon", "limits", "clock", "mount", "chroot")
    attacks = [
        attack
        for attack in ATTACKS
        if not any(word in attack.name + attack.code for word in harmful)
        and any(word in attack.code for word in ("open(", "os.", "socket", "libc.", "listdir"))
    ]
    with running_pool(layers=(), self_test=False) as running:
        outcomes = running.do(assault(running.pool, attacks, tmp_path))
    assert sum(one.got is not None for one in outcomes.values()) >= 24


@pytest.mark.parametrize("layers", [("words",), ("landlock", "rlimits", "user")], ids=str)
def test_a_sandbox_that_does_not_hold_does_not_start(layers: tuple[str, ...]) -> None:
    with pytest.raises(SandboxUnavailable, match="does not hold"), running_pool(layers=layers):
        raise AssertionError("it started")
