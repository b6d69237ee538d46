"""The layout of the zygote's memory: nothing in it changes, and children trap less."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
from collections.abc import Callable

from app.sandbox import hotpages, memory
from app.sandbox.hotpages import HotBlocks
from app.sandbox.memory import HUGE, PAGE

BLOCKS = 2
#: Faults of a child that took its blocks; where the kernel has no huge pages, all of them.
FEW = 50 if memory.huge_pages_on_request() else BLOCKS * HUGE // PAGE


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
    pid = os.fork()
    if pid == 0:
        os.write(writer, run())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def _faults_of_writing(memory_: Huge, hot: HotBlocks) -> int:
    """Page faults that a child takes to write to every second page."""

    def run() -> bytes:
        hot.take()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        memory_.write(lambda page: page + 1, step=2)
        taken = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        kept = memory_.values() == [page + (page % 2 == 0) for page in range(memory_.size // PAGE)]
        return f"{taken} {kept}".encode()

    taken, kept = _in_a_child(run).split()
    assert kept == b"True"
    return int(taken)


def test_a_block_that_was_taken_whole_costs_no_fault_and_is_the_same() -> None:
    huge = Huge()
    assert _faults_of_writing(huge, HotBlocks([])) >= huge.size // PAGE // 2
    assert _faults_of_writing(huge, HotBlocks([(huge.start, huge.size)])) < FEW
    assert huge.values() == list(range(huge.size // PAGE))  # the parent's own is untouched


def test_a_scout_finds_where_is_written() -> None:
    huge = Huge()
    written, _ = hotpages._scouted(lambda: huge.write(lambda page: page, step=3))
    covered = [tuple(one) for one in written]
    assert any(start <= huge.start and huge.start + huge.size <= start + size
               for start, size in covered)  # fmt: skip
    assert huge.values() == list(range(huge.size // PAGE))


def test_a_scout_that_fails_finds_nothing() -> None:
    assert hotpages._scouted(lambda: os._exit(1)) == ([], [])


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
