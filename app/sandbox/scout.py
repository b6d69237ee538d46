"""A child that is sent ahead, to learn where a child's life writes."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
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


def written_by(
    born: Callable[[int, int, Evaluate], None], evaluate: Evaluate, request: str
) -> list[int]:
    """Addresses of the pages that a child wrote to from the fork to its answer, ascending;
    none where it gives no answer.

    `born` makes a child of a new process and does not return; it is given its channel,
    its parent, and what runs a request.  Pages that the parent could not have are left out.
    """
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
        ) -> bytes:
            evaluate(request, limits, progress=progress, amend=amend)
            return json.dumps(_own(regions, pages)).encode()

        born(theirs.fileno(), parent, tell)
    theirs.close()
    answer = b"[]"
    with ours, suppress(EOFError, OSError):
        program = frames.SECONDS.pack(_SECONDS, False) + request.encode()
        frames.write_frame(ours.fileno(), frames.RUN, program)
        for _ in (frames.JAILED, frames.STARTED):
            frames.read_frame(ours.fileno())
        kind, body = frames.read_frame(ours.fileno())
        if kind == frames.ANSWER:
            answer = body
    os.waitpid(pid, 0)
    found: list[int] = json.loads(answer)
    return found


def _own(regions: list[memory.Region], pages: PageMap) -> list[int]:
    return [
        region.start + index * PAGE
        for region in regions
        for index, own in enumerate(pages.own(region.start, region.end))
        if own
    ]
