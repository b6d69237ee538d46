"""Children that are sent ahead, to learn where a child's life writes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from app.sandbox import frames, memory
from app.sandbox.child import Evaluate
from app.sandbox.forking import fork
from app.sandbox.memory import PAGE, PageMap
from app.trace import Limits, Trace, TraceRequest
from app.trace.progress import Progress

#: Nothing can be opened in a jail: the page map stands there in the place of standard error.
_STDERR = 2
_SECONDS = 10.0


#: Makes a child of a new process and does not return; it is given its channel, its parent,
#: and what runs a request.
Born = Callable[[int, int, Evaluate], None]


def written_by(born: Born, evaluate: Evaluate, programs: Iterable[str]) -> list[int]:
    """Addresses of the pages to which a child of any of the programs wrote, ascending.

    Pages that the parent could not have are left out.
    """
    return sorted({page for code in programs for page in _written_by(born, evaluate, code)})


def _written_by(born: Born, evaluate: Evaluate, code: str) -> list[int]:
    """From the fork to the answer; none where there is no answer."""
    regions = [region for region in memory.regions() if region.writable]
    parent = os.getpid()
    ours, theirs = socket.socketpair()
    pid = fork()
    if pid == 0:
        pages = PageMap(_STDERR)

        def tell(
            request: TraceRequest,
            limits: Limits,
            *,
            progress: Callable[[Progress], None] | None,
            amend: Callable[[Trace], None] | None,
        ) -> Iterator[bytes]:
            for _ in evaluate(request, limits, progress=progress, amend=amend):
                pass
            yield b"".join([pages.entries(one.start, one.end) for one in regions])

        born(theirs.fileno(), parent, tell)
    theirs.close()
    entries = b""
    with ours, suppress(EOFError, OSError):
        request = TraceRequest(code=code).model_dump_json()
        program = frames.SECONDS.pack(_SECONDS, False) + request.encode()
        frames.write_frame(ours.fileno(), frames.RUN, program)
        for _ in (frames.JAILED, frames.STARTED):
            frames.read_frame(ours.fileno())
        kind, body = frames.read_frame(ours.fileno())
        if kind == frames.ANSWER:
            entries = body
    os.waitpid(pid, 0)
    places = (place for one in regions for place in range(one.start, one.end, PAGE))
    return [place for place, own in zip(places, memory.own(entries), strict=False) if own]
