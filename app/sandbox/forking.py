"""`fork` as the C library has it.

Python's own has modules renew their locks, threads and random numbers afterwards, which
writes to some 500 pages in a child.  With one thread, which holds nothing at that moment,
there is nothing to renew; each run seeds its random numbers.
"""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.PyDLL(None, use_errno=True)


def fork() -> int:
    """0 in the child, its process id in the parent; raises OSError."""
    pid: int = _libc.fork()
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return pid
