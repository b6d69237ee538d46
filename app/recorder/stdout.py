"""Standard output of a snippet, captured with the line that wrote it."""

from __future__ import annotations

import io
from collections.abc import Callable


class _Sink(io.RawIOBase):
    """Receives bytes, keeps up to a limit, and tells a listener."""

    def __init__(self, limit: int, heard: Callable[[str], None] | None) -> None:
        self._limit = limit
        self._heard = heard
        self.parts: list[str] = []
        self.size = 0
        self.truncated = False

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        text = bytes(data).decode("utf-8", "surrogatepass")
        room = self._limit - self.size
        if len(text) > room:
            self.truncated = True
            text = text[:room]
        if text:
            self.parts.append(text)
            self.size += len(text)
            if self._heard is not None:
                self._heard(text)
        return len(data)


class Output(io.TextIOWrapper):
    """A text stream that behaves as a UTF-8 standard output and keeps what it was given."""

    def __init__(self, limit: int, heard: Callable[[str], None] | None = None) -> None:
        self.sink = _Sink(limit, heard)
        super().__init__(
            self.sink,  # type: ignore[arg-type]
            encoding="utf-8",
            errors="surrogatepass",
            newline="\n",
            write_through=True,
        )

    @property
    def text(self) -> str:
        return "".join(self.sink.parts)
