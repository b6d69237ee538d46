"""A small HTTP client on asyncio: what it costs must not show in what it measures."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATH = "/api/v1/traces"


@dataclass
class Answer:
    #: 0 where the connection broke.
    status: int
    body: bytes
    seconds: float


class Connection:
    """One kept-alive connection; opens again when it was closed."""

    def __init__(self, url: str, address: str | None = None) -> None:
        """`address` is the client's own, such as another of loopback's."""
        self._local = (address, 0) if address else None
        parts = urlsplit(url)
        assert parts.hostname and parts.port
        self._host, self._port = parts.hostname, parts.port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def trace(self, code: str, **request: Any) -> Answer:
        body = json.dumps({"code": code, **request}).encode()
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return await self._ask(head.encode() + body)

    async def get(self, path: str) -> Answer:
        return await self._ask(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())

    async def _ask(self, data: bytes) -> Answer:
        started = time.perf_counter()
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(
                    self._host, self._port, limit=1 << 20, local_addr=self._local
                )
            reader, writer = self._streams
            writer.write(data)
            await writer.drain()
            status, body = await _read(reader)
        except (OSError, EOFError):
            await self.close()
            return Answer(0, b"", time.perf_counter() - started)
        return Answer(status, body, time.perf_counter() - started)

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    )
    return status, await reader.readexactly(length)


def quantile(values: list[float], q: float) -> float:
    """Nearest rank, in milliseconds."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(q * len(ranked)))] * 1000
