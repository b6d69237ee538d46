"""What a scout wrote to, a later child has of its own before it writes."""

from __future__ import annotations

import mmap
import os
import resource

from app.sandbox import hotpages
from app.sandbox.hotpages import HotPages

PAGES = 300


def _memory() -> mmap.mmap:
    """Private pages, filled, none of them huge."""
    memory = mmap.mmap(-1, PAGES * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    _write(memory)
    return memory


def _write(memory: mmap.mmap) -> None:
    for page in range(PAGES):
        memory[page * mmap.PAGESIZE] = 1


def _faults_of_writing(memory: mmap.mmap, hot: HotPages | None) -> int:
    """Page faults that a child takes to write to all of it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        if hot is not None:
            hot.touch()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        _write(memory)
        taken = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        os.write(writer, str(taken).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        taken = int(pipe.read())
    os.waitpid(pid, 0)
    return taken


def test_pages_that_were_touched_ahead_cost_no_fault() -> None:
    memory = _memory()
    hot = hotpages.find(lambda: _write(memory))
    assert _faults_of_writing(memory, None) >= PAGES
    assert _faults_of_writing(memory, hot) < PAGES / 3


def test_a_scout_that_fails_finds_nothing_and_harms_nothing() -> None:
    memory = _memory()
    hot = hotpages.find(lambda: os._exit(1))
    assert _faults_of_writing(memory, hot) >= PAGES
