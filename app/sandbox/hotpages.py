"""Where programs write and what they execute, laid out so that a fork is cheap to use.

After a fork a child shares its parent's pages. A small program writes to some two thousand
of them (reference counts, mostly) and executes as many of the libraries'; each first touch
traps into the kernel, which copies or maps one page of 4 kB: together more than the
program itself costs. So the zygote

- fills the holes in the C heap, that what a child allocates lies together;
- puts what programs read of the libraries into huge pages of its own memory: a fork
  passes them on, 2 MB by an entry, and no child traps on them;
- has a scout live a child's life, and learns where it writes. Those pages are pinned, so
  that a fork copies them at once.

Only a matter of speed: where the kernel refuses one of them, the others are done.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable

from app.sandbox import memory
from app.sandbox.forking import fork
from app.sandbox.memory import HUGE, PAGE, PageMap
from app.sandbox.pins import Pins

#: Larger holes in the heap are not looked for singly.
_LARGEST_FREE = 64 * 1024
#: To copy in the fork takes the zygote 2 to 3 ms more for each child, and a child 5 to 7 ms
#: less. Where more cores than this run children, all of them would wait for the one zygote.
_MOST_CORES = 4


def settle(life: Callable[[], list[int]], others: Callable[[], object]) -> Pins | None:
    """Lay this process out for children; what is given back must be kept.

    `life` has a child live, and tells to which pages it wrote; all libraries that `others`
    use are passed on.
    """
    _fill_holes()
    if memory.huge_pages_on_request():
        for protection, pieces in _read_by(others):
            memory.replace([(start, size) for start, size in pieces], protection)
        _collapse_heap()
    if len(os.sched_getaffinity(0)) > _MOST_CORES:
        return None
    try:
        pins = Pins()
        pages = life()
        _take_small(pages)
        pins.hold(pages)
    except OSError:  # no io_uring here, or not for us: children trap
        return None
    return pins


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


def _read_by(run: Callable[[], object]) -> list[tuple[int, _Pieces]]:
    """What `run` reads or executes of files, by protection: whole blocks, or what is used
    of one; nothing where it fails."""
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            regions = list(memory.regions())
            run()
            with PageMap() as pages, os.fdopen(writer, "w") as pipe:
                json.dump(_read(regions, pages), pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return [(protection, pieces) for protection, pieces in json.loads(said or "[]")]


def _take_small(pages: list[int]) -> None:
    """Have each in a small page of its own: one in a huge page is pinned with all of that.

    What is shared with another process is copied as it is written to, a small page at a time.
    """
    reader, writer = os.pipe()
    other = fork()
    if other == 0:
        os.close(writer)
        os.read(reader, 1)  # until the writer is closed, or its process has ended
        os._exit(0)
    for page in pages:
        memory.populate(page, PAGE)
    os.close(writer)
    os.waitpid(other, 0)
    os.close(reader)


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
