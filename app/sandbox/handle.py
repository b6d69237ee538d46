"""The server's hold on one child: its channel, its end, its priority."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from contextlib import suppress

from app.sandbox import frames

log = logging.getLogger("gradwalk.sandbox")


class BadFrame(Exception):
    """A child sent what no child should send."""


class TooLarge(Exception):
    """A child announced more than may be read."""


class Child:
    """One jailed process that waits for a program, or runs it."""

    def __init__(self, channel: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self.channel = channel
        self.pid = 0
        self.pidfd = -1
        self.born: asyncio.Future[None] = loop.create_future()
        #: The wait status, once it has ended.
        self.gone: asyncio.Future[int] = loop.create_future()
        self._loop = loop
        self._buffer = b""

    async def send(self, kind: bytes, body: bytes) -> None:
        await self._loop.sock_sendall(self.channel, frames.frame(kind, body))

    async def receive(self, limit: int) -> tuple[bytes, bytes]:
        """The next frame; raises EOFError, TooLarge."""
        while len(self._buffer) < frames.HEADER.size:
            self._buffer += await self._some()
        kind, length = frames.HEADER.unpack_from(self._buffer)
        if length > limit:
            raise TooLarge
        have = self._buffer[frames.HEADER.size :]
        if len(have) >= length:
            self._buffer = have[length:]
            return kind, have[:length]
        body = bytearray(length)
        body[: len(have)] = have
        self._buffer = b""
        filled = len(have)
        view = memoryview(body)
        while filled < length:
            try:
                count = await self._loop.sock_recv_into(self.channel, view[filled:])
            except ConnectionError:
                count = 0
            if not count:
                raise EOFError
            filled += count
        view.release()
        return kind, bytes(body)

    async def _some(self) -> bytes:
        try:
            data = await self._loop.sock_recv(self.channel, 1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        return data

    def rehearse(self) -> None:
        """Use the time until there is a program; asked once, before anything else."""
        with suppress(OSError):
            self.channel.send(frames.frame(frames.REHEARSE, b""))

    @property
    def waits(self) -> bool:
        """It lives, as far as its channel tells: nothing was said, nothing was closed."""
        try:
            self.channel.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return not self.gone.done()
        except OSError:
            pass
        return False

    def yield_to_others(self) -> None:
        """Run only when nobody else wants the processor."""
        try:
            os.sched_setscheduler(self.pid, os.SCHED_IDLE, os.sched_param(0))
        except ProcessLookupError:
            pass
        except OSError as error:
            log.warning("a long run keeps its priority: %s", error)

    def kill(self) -> None:
        """Whoever listens to it hears that it has ended."""
        if self.pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        with suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)

    def dispose(self) -> None:
        """Kill it, if it lives, and let go of what we hold of it."""
        self.kill()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
        self.channel.close()
