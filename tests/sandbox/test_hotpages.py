"""The layout of the zygote's memory: nothing in it changes, and children trap less."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
from collections.abc import Callable, Iterator

from app.sandbox import frames, hotpages, memory
from app.sandbox.child import Evaluate
from app.sandbox.forking import fork
from app.sandbox.jail import CHANNEL
from app.sandbox.memory import HUGE, PAGE
from app.sandbox.pins import Pins
from app.sandbox.scout import written_by
from app.trace import DEFAULT_LIMITS, TraceRequest

BLOCKS = 2
#: Page faults that the reading of one's own counters may cost besides.
FEW = 100


class Huge:
    """Memory of whole blocks, filled with a number for each page."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, (BLOCKS + 1) * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._map.madvise(mmap.MADV_HUGEPAGE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        self.start = address + -address % HUGE
        self.size = BLOCKS * HUGE
        self.write(lambda page: page)

    def write(self, value: Callable[[int], int], step: int = 1) -> None:
        for page in range(0, self.size // PAGE, step):
            ctypes.c_uint32.from_address(self.start + page * PAGE).value = value(page)

    def values(self) -> list[int]:
        return [
            ctypes.c_uint32.from_address(self.start + page * PAGE).value
            for page in range(self.size // PAGE)
        ]


def _in_a_child(run: Callable[[], bytes]) -> bytes:
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            os.write(writer, run())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def _faults_of_writing(memory_: Huge) -> int:
    """Page faults that a child takes to write to every second page."""

    def run() -> bytes:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        memory_.write(lambda page: page + 1, step=2)
        taken = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        kept = memory_.values() == [page + (page % 2 == 0) for page in range(memory_.size // PAGE)]
        return f"{taken} {kept}".encode()

    taken, kept = _in_a_child(run).split()
    assert kept == b"True"
    return int(taken)


def _pinned(pages: list[int]) -> int:
    """Faults that are allowed afterwards: where there is no io_uring for us, one a page."""
    hotpages._take_small(pages)
    try:
        pins = Pins()
    except OSError:
        return FEW + len(pages)
    pins.hold(pages)
    return FEW


def test_pages_that_are_pinned_cost_a_child_no_fault_and_are_the_same() -> None:
    huge = Huge()
    every_second = list(range(huge.start, huge.start + huge.size, 2 * PAGE))
    assert _faults_of_writing(huge) >= len(every_second)
    allowed = _pinned(every_second)
    assert _faults_of_writing(huge) < allowed
    assert huge.values() == list(range(huge.size // PAGE))  # the parent's own is untouched


def test_a_page_that_is_pinned_is_not_copied_for_the_parent() -> None:
    huge = Huge()
    pages = list(range(huge.start, huge.start + huge.size, PAGE))
    allowed = _pinned(pages)
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        os.read(reader, 1)
        os._exit(0 if huge.values() == list(range(len(pages))) else 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    huge.write(lambda page: page + 5)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < allowed
    os.write(writer, b"x")
    assert os.waitpid(pid, 0)[1] == 0  # and the child has what was there at the fork


def _written(huge: Huge, run: Callable[[], object]) -> list[int]:
    """What a scout tells of its writing to `huge`; nothing else is done in its life."""

    def born(channel: int, _parent: int, evaluate: Evaluate) -> None:
        try:
            os.dup2(channel, CHANNEL)
            frames.write_frame(CHANNEL, frames.JAILED, b"")
            frames.read_frame(CHANNEL)
            frames.write_frame(CHANNEL, frames.STARTED, b"")
            request = TraceRequest(code="")
            parts = evaluate(request, DEFAULT_LIMITS, progress=None, amend=None)
            frames.write_frame(CHANNEL, frames.ANSWER, b"".join(parts))
        finally:
            os._exit(0)

    def runs(*_: object, **__: object) -> Iterator[bytes]:
        run()
        yield b""

    return [page for page in written_by(born, runs, [""])
            if huge.start <= page < huge.start + huge.size]  # fmt: skip


def test_a_scout_tells_where_is_written() -> None:
    huge = Huge()
    hotpages._take_small(list(range(huge.start, huge.start + huge.size, PAGE)))
    pages = _written(huge, lambda: huge.write(lambda page: page, step=3))
    assert pages == list(range(huge.start, huge.start + huge.size, 3 * PAGE))
    assert huge.values() == list(range(huge.size // PAGE))


def test_a_scout_that_fails_tells_nothing() -> None:
    assert _written(Huge(), lambda: os._exit(1)) == []


def test_a_reader_that_fails_has_read_nothing() -> None:
    assert hotpages._read_by(lambda: os._exit(1)) == []


def test_a_replaced_piece_has_the_same_bytes_and_rights() -> None:
    """Code too: the C library's own, while it runs."""

    def run() -> bytes:
        code = [one for one in memory.regions() if one.of_file and one.executable]
        before = {one.start: ctypes.string_at(one.start, one.end - one.start) for one in code}
        for one in code:
            if not memory.replace([(one.start, one.end - one.start)], one.protection):
                return b"refused"
        after = [one for one in memory.regions() if one.executable and not one.writable]
        for start, data in before.items():
            if ctypes.string_at(start, len(data)) != data:
                return b"other bytes"
            if not any(one.start <= start and start + len(data) <= one.end for one in after):
                return b"other rights"
        return b"same" if not any(one.of_file and one.executable for one in after) else b"not moved"

    assert _in_a_child(run) == b"same"
