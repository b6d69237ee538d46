"""Landlock by its three system calls: every right is handled, none is given.

The numbers are those of linux/landlock.h; each ABI of the kernel knows more
rights than the one before.  Where the kernel has none, `Ruleset.make` gives None.
"""

from __future__ import annotations

import ctypes

_CREATE_RULESET = 444
_RESTRICT_SELF = 446
_VERSION_FLAG = 1

#: Access to files: bits known at each ABI.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
#: Since ABI 4: bind and connect over TCP.
_NET_RIGHTS = 0b11
#: Since ABI 6: abstract Unix sockets and signals to processes outside.
_SCOPES = 0b11


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("net", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class Ruleset:
    """An open ruleset that allows nothing; `abi` is the kernel's version."""

    def __init__(self, abi: int, fd: int) -> None:
        self.abi = abi
        self._fd = fd

    @classmethod
    def make(cls) -> Ruleset | None:
        abi = _call(_CREATE_RULESET, None, 0, _VERSION_FLAG)
        if abi < 1:
            return None
        attributes = _Attributes(files=(1 << _FILE_RIGHTS[min(abi, 5)]) - 1)
        size = 8
        if abi >= 4:
            attributes.net, size = _NET_RIGHTS, 16
        if abi >= 6:
            attributes.scopes, size = _SCOPES, 24
        fd = _call(_CREATE_RULESET, ctypes.byref(attributes), size, 0)
        return cls(abi, fd) if fd >= 0 else None

    def engage(self) -> None:
        """Needs no_new_privs; each caller gets a domain of its own."""
        if _call(_RESTRICT_SELF, self._fd, 0, 0):
            raise OSError(ctypes.get_errno(), "landlock_restrict_self")


_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


def _call(number: int, first: object, second: int, third: int) -> int:
    if isinstance(first, int):
        first = ctypes.c_long(first)
    return int(
        _syscall(ctypes.c_long(number), first, ctypes.c_ulong(second), ctypes.c_ulong(third))
    )
