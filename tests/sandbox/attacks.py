"""Hostile programs, by what they are after: `programs/*.txt`, and some too long to write out.

Each prints PWNED where it got it; a few leave their mark outside, on the
canaries that the test lays out: @CANARY@ (a folder), @PORT@ (a listener).
A program's head names the kinds of `error` it may end with ("ok": none); without
any, all will do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MACROS = {
    "@LIBC@": "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)",
    "@FRAME@": "import os, struct\n"
    "def frame(kind, body): return struct.pack('!cI', kind, len(body)) + body",
}
_HEAD = re.compile(r"^=== (.+?)(?: -> (.+))?\n", re.MULTILINE)


@dataclass(frozen=True)
class Attack:
    name: str
    code: str
    #: Allowed values of `error.kind`; "ok" stands for no error.
    ends: frozenset[str] = frozenset()


def _read(path: Path) -> list[Attack]:
    text = path.read_text()
    for macro, code in _MACROS.items():
        text = text.replace(macro, code)
    heads = list(_HEAD.finditer(text))
    stops = [head.start() for head in heads[1:]] + [len(text)]
    return [
        Attack(head[1], text[head.end() : stop].strip("\n"), frozenset((head[2] or "").split()))
        for head, stop in zip(heads, stops, strict=True)
    ]


def _parser(name: str, code: str) -> Attack:
    """Overflows or confuses the parser: whatever becomes of it, it is told."""
    return Attack(
        name, code, frozenset({"ok", "exception", "syntax", "memory", "crash", "timeout"})
    )


PARSER = [
    _parser("brackets", "(" * 100_000),
    _parser("signs", "-" * 100_000 + "1"),
    _parser("nested calls", "f(" * 5_000 + ")" * 5_000),
    _parser("nested attributes", "x" + ".a" * 60_000),
    _parser("nested blocks", "\n".join(" " * depth + "if 1:" for depth in range(400))),
    _parser("nested lambdas", "lambda: " * 20_000 + "0"),
    _parser("a long sum", "x = " + "+".join(["1"] * 90_000)),
    _parser("a long number", "x = " + "9" * 150_000),
    Attack("null byte", "print(1)\0", frozenset({"syntax"})),
]

ATTACKS = [
    attack
    for path in sorted(Path(__file__).parent.joinpath("programs").glob("*.txt"))
    for attack in _read(path)
] + PARSER
BY_NAME = {attack.name: attack for attack in ATTACKS}
