"""Touches in one go the memory that every program touches page by page.

After a fork a child shares its parent's pages. A small program writes to thousands of
them (reference counts, mostly) and executes some 5,000 of the libraries'; each first
touch traps into the kernel and copies a page, which together takes longer than the
program itself. So the zygote lets one scout run a typical program, learns from
/proc/self/pagemap which pages that was, and every later child asks for just those with
some `madvise` calls, before it waits for a program: the same work, but nobody waits for
it.

Only a matter of speed: where the kernel can't (before Linux 5.14), nothing is done.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_POPULATE_READ = 22
_POPULATE_WRITE = 23
#: Bits of an entry of /proc/self/pagemap.
_PRESENT = 1 << 63
_FILE = 1 << 61
_EXCLUSIVE = 1 << 56
#: Pages between two hot ones that are cheaper to take along than to leave out.
_READ_GAP = 15
_WRITE_GAP = 0
_PAGE = mmap.PAGESIZE


@dataclass(frozen=True)
class _Region:
    start: int
    pages: int
    writable: bool


class HotPages:
    """Ranges (address, bytes) to be written to, and to be read."""

    def __init__(self, written: list[tuple[int, int]], read: list[tuple[int, int]]) -> None:
        self._calls = [(start, size, _POPULATE_WRITE) for start, size in written]
        self._calls += [(start, size, _POPULATE_READ) for start, size in read]
        self._madvise = ctypes.CDLL(None, use_errno=True).madvise
        self._madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

    def touch(self) -> None:
        """In a child; a range that is no longer there is left alone."""
        madvise = self._madvise
        for start, size, advice in self._calls:
            madvise(start, size, advice)


def find(run: Callable[[], object]) -> HotPages:
    """What `run` touches in a fork of this process."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            found = _scout(run)
            with os.fdopen(writer, "w") as pipe:
                json.dump(found, pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    written, read = json.loads(said) if said else ([], [])
    return HotPages(written, read)


def _scout(run: Callable[[], object]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    regions = list(_regions())
    run()
    written: list[tuple[int, int]] = []
    read: list[tuple[int, int]] = []
    with Path("/proc/self/pagemap").open("rb", buffering=0) as pagemap:
        for region in regions:
            entries = _entries(pagemap.fileno(), region)
            if region.writable:
                hot = [i for i, e in enumerate(entries) if e & _EXCLUSIVE and not e & _FILE]
                written += _ranges(region, hot, _WRITE_GAP)
            else:
                hot = [i for i, e in enumerate(entries) if e & _PRESENT]
                read += _ranges(region, hot, _READ_GAP)
    return written, read


def _regions() -> Iterator[_Region]:
    """Private memory that was there at the fork; the stack and the kernel's own left out."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        bounds, rights, _offset, _device, inode, *name = line.split(maxsplit=5)
        if (
            rights[3] != "p"
            or rights[0] != "r"
            or (name and name[0].startswith("[") and name[0] != "[heap]")
        ):
            continue
        start, end = (int(bound, 16) for bound in bounds.split("-"))
        if rights[1] == "w" or inode != "0":
            yield _Region(start, (end - start) // _PAGE, rights[1] == "w")


def _entries(pagemap: int, region: _Region) -> tuple[int, ...]:
    data = os.pread(pagemap, region.pages * 8, region.start // _PAGE * 8)
    return struct.unpack(f"{len(data) // 8}Q", data)


def _ranges(region: _Region, hot: list[int], gap: int) -> list[tuple[int, int]]:
    """Hot pages as stretches, those close to each other joined."""
    joined: list[list[int]] = []
    for page in hot:
        if joined and page - joined[-1][1] <= gap:
            joined[-1][1] = page + 1
        else:
            joined.append([page, page + 1])
    return [(region.start + first * _PAGE, (end - first) * _PAGE) for first, end in joined]
