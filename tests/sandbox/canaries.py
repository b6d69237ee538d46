"""What hostile programs are set upon, and whether it was touched."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.sandbox import LocalPool
from app.trace import TraceRequest, validate
from tests.sandbox.attacks import Attack

SECRET = "correct-horse-battery-staple"
_CONTENT = "untouched"
_AT_ONCE = 2
#: Seconds for a program that must run out of them, and for others.
_SHORT, _LONG = 0.7, 5.0


@dataclass(frozen=True)
class Outcome:
    """`got` in words, None where nothing was; `end` is the kind of error, or "ok"."""

    got: str | None
    end: str
    error: dict[str, Any] | None


async def assault(pool: LocalPool, attacks: Iterable[Attack], folder: Path) -> dict[str, Outcome]:
    """Run them, a few at once, each upon a canary of its own.  All answers must be traces."""
    for above in (folder, *folder.parents):
        if not above.stat().st_mode & 0o005 and above.stat().st_uid == os.getuid():
            above.chmod(above.stat().st_mode | 0o055)  # else nobody could reach them
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, attack: Attack) -> tuple[str, Outcome]:
        async with places:
            return attack.name, await _attack(pool, attack, folder / str(number))

    return dict(await asyncio.gather(*(one(i, attack) for i, attack in enumerate(attacks))))


async def _attack(pool: LocalPool, attack: Attack, folder: Path) -> Outcome:
    file = folder / "file"
    folder.mkdir()
    folder.chmod(0o777)
    file.write_text(_CONTENT)
    file.chmod(0o666)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = str(listener.getsockname()[1])
        code = attack.code.replace("@CANARY@", str(folder)).replace("@PORT@", port)
        seconds = _SHORT if attack.ends == {"timeout"} else _LONG
        answer = await pool.evaluate(TraceRequest(code=code), deadline=seconds)
        validate(answer)
        trace = json.loads(answer)
        got = None
        if "PWNED" in trace["stdout"]:
            got = trace["stdout"][:200]
        elif SECRET.encode() in answer:
            got = "the secret"
        elif sorted(path.name for path in folder.iterdir()) != ["file"]:
            got = "another file"
        elif file.read_text() != _CONTENT:
            got = "the file"
        elif _was_called(listener):
            got = "a connection"
    error = trace["error"]
    return Outcome(got, error["kind"] if error else "ok", error)


def _was_called(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True
