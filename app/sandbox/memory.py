"""This process's memory as the kernel tells it, and the calls that rearrange it.

Linux only.  Every call gives False where the kernel refuses: what is done with
them is a matter of speed.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = mmap.PAGESIZE
#: What one entry of a page table's second level maps; the size of a huge page.
HUGE = 2 * 1024 * 1024
PAGES_IN_HUGE = HUGE // PAGE

#: Bits of an entry of /proc/self/pagemap.
PRESENT = 1 << 63
_FILE = 1 << 61
_EXCLUSIVE = 1 << 56
_MADV_HUGEPAGE = 14
_MADV_POPULATE_WRITE = 23
_MADV_COLLAPSE = 25
_MREMAP_TO = 3  # MREMAP_MAYMOVE | MREMAP_FIXED
_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = _libc.mremap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
]  # fmt: skip
_libc.mremap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p
]  # fmt: skip
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


@dataclass(frozen=True)
class Region:
    """A mapping: a private one that can be read."""

    start: int
    end: int
    writable: bool
    executable: bool
    of_file: bool

    @property
    def protection(self) -> int:
        return (
            mmap.PROT_READ
            | (mmap.PROT_WRITE if self.writable else 0)
            | (mmap.PROT_EXEC if self.executable else 0)
        )


def regions() -> Iterator[Region]:
    """All of this process but its stack and what is the kernel's own."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        bounds, rights, _offset, _device, inode, *name = line.split(maxsplit=5)
        special = bool(name) and name[0].startswith("[") and name[0] != "[heap]"
        if rights[0] == "r" and rights[3] == "p" and not special:
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            yield Region(start, end, rights[1] == "w", rights[2] == "x", inode != "0")


class PageMap:
    """What is known of each page of this process."""

    def __init__(self, fd: int | None = None) -> None:
        """Open it, under this number where one is given, whatever had that."""
        self._fd = os.open("/proc/self/pagemap", os.O_RDONLY)
        if fd is not None:
            os.dup2(self._fd, fd)
            os.close(self._fd)
            self._fd = fd

    def __enter__(self) -> PageMap:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def present(self, start: int, end: int) -> list[bool]:
        return [entry & PRESENT != 0 for entry in _numbers(self.entries(start, end))]

    def entries(self, start: int, end: int) -> bytes:
        """Eight for each page, as the kernel gives them."""
        os.lseek(self._fd, start // PAGE * 8, os.SEEK_SET)
        return os.read(self._fd, (end - start) // PAGE * 8)


def own(entries: bytes) -> list[bool]:
    """Whether a process alone has the page: since a fork, it has written to it."""
    return [
        entry & PRESENT != 0 and entry & _EXCLUSIVE != 0 and entry & _FILE == 0
        for entry in _numbers(entries)
    ]


def _numbers(entries: bytes) -> tuple[int, ...]:
    return struct.unpack(f"{len(entries) // 8}Q", entries)


def blocks(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretch cut at the bounds of huge pages."""
    while start < end:
        stop = min(end, start // HUGE * HUGE + HUGE)
        yield start, stop
        start = stop


def huge_pages_on_request() -> bool:
    try:
        setting = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
    except OSError:
        return False
    return "[never]" not in setting


def collapse(start: int, size: int) -> bool:
    """Make huge pages of small ones, in place (since Linux 6.1)."""
    _libc.madvise(start, size, _MADV_HUGEPAGE)
    return bool(_libc.madvise(start, size, _MADV_COLLAPSE) == 0)


def populate(start: int, size: int) -> bool:
    """Have these pages as if they had been written to."""
    return bool(_libc.madvise(start, size, _MADV_POPULATE_WRITE) == 0)


def replace(pieces: list[tuple[int, int]], protection: int) -> bool:
    """Put copies of these pieces of memory in their places, in huge pages where they cover such.

    Each copy appears where the original was in one step, so that even the code that runs
    may be among them; but not what is written to meanwhile.
    """
    # As far from a huge page's bound as the original, each.
    spans = [start % HUGE + size + -(start + size) % HUGE for start, size in pieces]
    total = sum(spans) + HUGE
    room = _libc.mmap(None, total, mmap.PROT_READ | mmap.PROT_WRITE, _ANONYMOUS, -1, 0)
    if room == _FAILED:
        return False
    at = room + -room % HUGE
    _libc.madvise(at, total - HUGE, _MADV_HUGEPAGE)
    done = True
    for (start, size), span in zip(pieces, spans, strict=True):
        copy = at + start % HUGE
        ctypes.memmove(copy, start, size)
        if protection != _READ_WRITE:
            done = done and _libc.mprotect(copy, size, protection) == 0
        done = done and _libc.mremap(copy, size, size, _MREMAP_TO, start) == start
        at += span
    _libc.munmap(room, total)
    return done


_ANONYMOUS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
