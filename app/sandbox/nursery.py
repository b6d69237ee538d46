"""The pool's side of the zygote: starts it, orders children, hears of their ends."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.sandbox.handle import Child

log = logging.getLogger("gradwalk.sandbox")

#: Seconds that loading torch may take, and that a fork may.
_START_SECONDS = 120.0
_FORK_SECONDS = 10.0


class ZygoteRefused(Exception):
    """The zygote said why it can't work here."""


class Nursery:
    """One zygote at a time; `on_death` is called when it ends unasked."""

    def __init__(self, settings: dict[str, Any], on_death: Callable[[], None]) -> None:
        self._settings = settings
        self._on_death = on_death
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._children: dict[str, Child] = {}
        self._count = 0
        self.layers: dict[str, Any] = {}

    @property
    def alive(self) -> bool:
        return self._control is not None

    @property
    def zygote_pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def children(self) -> int:
        """Children that were born and are not known to have ended."""
        return len(self._children)

    async def start(self) -> None:
        """Raises ZygoteRefused, TimeoutError."""
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-s", "-P", "-m", "app.sandbox.zygote",
                    str(theirs.fileno()), json.dumps(self._settings),
                ],
                env=_clean_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )  # fmt: skip
        ours.setblocking(False)
        self._control = ours
        self._ready = loop.create_future()
        loop.add_reader(ours.fileno(), self._hear)
        try:
            async with asyncio.timeout(_START_SECONDS):
                self.layers = await self._ready
        except BaseException:
            self.stop()
            raise

    async def order(self) -> Child:
        """A new child, jailed and waiting; raises OSError or EOFError where there is none."""
        if self._control is None:
            raise EOFError
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            child = Child(ours, loop)
            self._count += 1
            name = str(self._count)
            self._children[name] = child
            try:
                socket.send_fds(self._control, [f"fork {name}".encode()], [theirs.fileno()])
            except OSError:
                del self._children[name]
                child.dispose()
                raise
        try:
            async with asyncio.timeout(_FORK_SECONDS):
                await child.born
                await child.receive(1024)  # JAILED
        except TimeoutError:
            log.error("the zygote hangs: replacing it")
            child.dispose()
            self.kill_zygote()
            raise EOFError from None
        except BaseException:
            child.dispose()
            raise
        return child

    def stop(self) -> None:
        """End the zygote and with it every child."""
        control, self._control = self._control, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control.fileno())
            control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for child in self._children.values():
            for future in (child.born, child.gone):
                if not future.done():
                    future.cancel()
            child.kill()
        self._children.clear()

    def kill_zygote(self) -> None:
        """What follows is heard as its death."""
        if self._process is not None:
            self._process.kill()

    def _hear(self) -> None:
        control = self._control
        while control is not None and control is self._control:
            try:
                message, fds, _, _ = socket.recv_fds(control, 4096, 1)
            except BlockingIOError:
                return
            except OSError:
                message, fds = b"", []
            if not message:
                self._died()
                return
            verb, _, rest = message.decode().partition(" ")
            self._heard(verb, rest, fds)

    def _heard(self, verb: str, rest: str, fds: list[int]) -> None:
        if verb in ("ready", "refused"):
            if self._ready is not None and not self._ready.done():
                if verb == "ready":
                    self._ready.set_result(json.loads(rest))
                else:
                    self._ready.set_exception(ZygoteRefused(rest))
            return
        name, _, number = rest.partition(" ")
        child = self._children.get(name)
        if verb == "born":
            if child is None or child.born.done():
                os.close(fds[0])
                return
            child.pid, child.pidfd = int(number), fds[0]
            child.born.set_result(None)
        elif verb == "gone" and child is not None:
            del self._children[name]
            if not child.gone.done():
                child.gone.set_result(int(number))
        elif verb == "failed" and child is not None:
            del self._children[name]
            if not child.born.done():
                child.born.set_exception(OSError(int(number), os.strerror(int(number))))

    def _died(self) -> None:
        ready = self._ready
        self.stop()
        if ready is not None and not ready.done():
            ready.set_exception(ZygoteRefused("the zygote ended before it was ready"))
        elif ready is None or ready.exception() is None:  # `start` tells of one that refused
            log.error("the zygote ended: starting another")
            self._on_death()


def _clean_environment() -> dict[str, str]:
    """Nothing of the server's own: only what makes the zygote plain and quick to fork."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TORCHDYNAMO_DISABLE": "1",
    }
