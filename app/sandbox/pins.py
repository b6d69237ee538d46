"""Pages that a fork copies at once.

Memory that is lent to a device must stay with the process that lent it, so the kernel
copies such pages for the child in the fork itself, and leaves them to the parent as they
are.  A page costs a third that way of what it costs as a trap of the child: there is no
trap, no look-up of what it is about, no other processor to be told.  Here no device is
meant: pages are registered as buffers of an io_uring that nobody uses.
"""

from __future__ import annotations

import ctypes
import errno
import os

from app.sandbox.memory import PAGE

#: Alike on all architectures.
_IO_URING_SETUP = 425
_IO_URING_REGISTER = 427
_REGISTER_BUFFERS = 0
_SIZE_OF_PARAMETERS = 120
#: Stretches that one ring takes.
_MOST = 16384

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


class _Stretch(ctypes.Structure):
    """As iovec(3type)."""

    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))


class Pins:
    """Holds on to pages of this process for as long as it lives, not to those of its children."""

    def __init__(self) -> None:
        """Raises OSError where there is no io_uring, or not for us."""
        parameters = (ctypes.c_char * _SIZE_OF_PARAMETERS)()
        self._ring = _call(_IO_URING_SETUP, ctypes.c_uint(1), parameters)

    def hold(self, pages: list[int]) -> int:
        """Pin these pages, by their addresses in ascending order; may be called once.

        Returns how many are pinned: not all where that is more memory than may be locked.
        Raises OSError where the kernel refuses for another reason.
        """
        while pages:
            try:
                self._register(_joined(pages)[:_MOST])
                break
            except OSError as error:
                if error.errno != errno.ENOMEM:
                    raise
                pages = pages[: len(pages) * 15 // 16]
        return len(pages)

    def _register(self, stretches: list[tuple[int, int]]) -> None:
        table = (_Stretch * len(stretches))(*(_Stretch(*one) for one in stretches))
        _call(
            _IO_URING_REGISTER, ctypes.c_uint(self._ring), ctypes.c_uint(_REGISTER_BUFFERS),
            table, ctypes.c_uint(len(stretches)),
        )  # fmt: skip


def _joined(pages: list[int]) -> list[tuple[int, int]]:
    """Neighbours together: address and bytes."""
    joined: list[tuple[int, int]] = []
    for page in pages:
        if joined and sum(joined[-1]) == page:
            joined[-1] = (joined[-1][0], joined[-1][1] + PAGE)
        else:
            joined.append((page, PAGE))
    return joined


def _call(number: int, *arguments: object) -> int:
    result = int(_syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
