"""Where programs write and what they execute, laid out so that a fork is cheap to use.

After a fork a child shares its parent's pages. A small program writes to some two thousand
of them (reference counts, mostly) and executes as many of the libraries'; each first touch
traps into the kernel, which copies or maps one page of 4 kB: together more than the
program itself costs. So the zygote

- fills the holes in the C heap, that what a child allocates lies together;
- puts what programs read of the libraries into huge pages of its own memory: a fork
  passes them on, 2 MB by an entry, and no child traps on them;
- lets a scout run a typical program and learns where it writes. Every later child copies
  the 2 MB blocks with many such pages whole before anything else, which costs as much as
  some hundred single copies.

Only a matter of speed: where the kernel has no huge pages on request, nothing is done.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable

from app.sandbox import memory
from app.sandbox.memory import HUGE, PAGE, PageMap

#: Pages of a block that a scout wrote to, from which on the block is copied whole.
_DENSE = 100
#: Blocks that a child copies at most: its share of memory.
_MOST_BLOCKS = 24
#: Larger holes in the heap are not looked for singly.
_LARGEST_FREE = 64 * 1024


class HotBlocks:
    """Stretches of the heap (address, bytes) of which every child takes a copy."""

    def __init__(self, stretches: list[tuple[int, int]]) -> None:
        self.stretches = stretches

    def take(self) -> None:
        """In a child, while nothing else runs in it."""
        for start, size in self.stretches:
            memory.take_own(start, size)


def settle(typical: Callable[[], object], others: Callable[[], object]) -> HotBlocks:
    """Lay this process out for children that run the like; what each of them is to take.

    Each takes what most write to, `typical`; all libraries that `others` use are passed on.
    """
    _fill_holes()
    if not memory.huge_pages_on_request():
        return HotBlocks([])
    _, read = _scouted(others)
    for protection, pieces in read:
        memory.replace([(start, size) for start, size in pieces], protection)
    _collapse_heap()
    written, _ = _scouted(typical)
    _collapse_heap()  # what this process wrote to while a scout shared it was split
    return HotBlocks([(start, size) for start, size in written])


def _fill_holes() -> None:
    """Take what is free inside the heap, and keep it: the next allocations come from its end."""
    libc = ctypes.CDLL(None)
    try:
        libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
        libc.malloc.argtypes = [ctypes.c_size_t]
        libc.free.argtypes = [ctypes.c_void_p]
        libc.sbrk.argtypes = [ctypes.c_ssize_t]
        libc.mallinfo2.restype = _MallocInfo
    except AttributeError:  # another C library
        return
    end = libc.sbrk(0) - libc.mallinfo2().keepcost
    sizes = [_LARGEST_FREE >> halved for halved in range(6)]
    sizes += range(1024 + 8, 8, -16)
    for size in sizes:
        while (got := libc.malloc(size)) is not None and got < end:
            pass
        libc.free(got)


class _MallocInfo(ctypes.Structure):
    """As mallinfo2(3) gives it."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
        ).split()
    )  # fmt: skip


def _collapse_heap() -> None:
    """Huge pages for all that is written or may be, where it covers whole ones."""
    with PageMap() as pages:
        for region in list(memory.regions()):
            if region.of_file or not region.writable:
                continue
            for start, end in memory.blocks(region.start, region.end):
                if end - start == HUGE and any(pages.present(start, end)):
                    memory.collapse(start, HUGE)


_Pieces = list[tuple[int, int]]


def _scouted(run: Callable[[], object]) -> tuple[_Pieces, list[tuple[int, _Pieces]]]:
    """Where `run` writes and what it reads in a fork of this process; nothing where it fails."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            regions = list(memory.regions())
            run()
            with PageMap() as pages, os.fdopen(writer, "w") as pipe:
                json.dump((_written(regions, pages), _read(regions, pages)), pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    written, read = json.loads(said) if said else ([], [])
    return written, read


def _written(regions: list[memory.Region], pages: PageMap) -> _Pieces:
    """The densest whole blocks of the heap, neighbours joined."""
    counts = [
        (sum(pages.own(start, end)), start)
        for region in regions
        if region.writable and not region.of_file
        for start, end in memory.blocks(region.start, region.end)
        if end - start == HUGE
    ]
    dense = sorted(found for found in counts if found[0] >= _DENSE)[-_MOST_BLOCKS:]
    return _joined([(start, HUGE) for _, start in sorted(dense, key=lambda found: found[1])])


def _read(regions: list[memory.Region], pages: PageMap) -> list[tuple[int, _Pieces]]:
    """What is read or executed of files, by protection: whole blocks, or what is used of one."""
    found: dict[int, _Pieces] = {}
    for region in regions:
        if region.writable or not region.of_file:
            continue
        for start, end in memory.blocks(region.start, region.end):
            used = [index for index, here in enumerate(pages.present(start, end)) if here]
            if not used:
                continue
            if end - start < HUGE:
                start, end = start + used[0] * PAGE, start + (used[-1] + 1) * PAGE
            found.setdefault(region.protection, []).append((start, end - start))
    return [(protection, _joined(pieces)) for protection, pieces in found.items()]


def _joined(pieces: _Pieces) -> _Pieces:
    joined: _Pieces = []
    for start, size in pieces:
        if joined and sum(joined[-1]) == start:
            joined[-1] = (joined[-1][0], joined[-1][1] + size)
        else:
            joined.append((start, size))
    return joined
