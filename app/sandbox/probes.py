"""What the start-up self-test tries in a real child, and the jail must refuse.

Each probe returns None when it was refused (or is killed at the attempt) and a
few words of what it managed when it was not.  They call the C library directly
where Python would be polite.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_SECRETS = ("/etc/passwd", "/proc/self/environ", "/proc/self/maps", sys.executable)


def _open_file() -> bytes | None:
    for path in _SECRETS:
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError:
            continue
        return b"opened " + path.encode()
    return None


def _write_file() -> bytes | None:
    for folder in ("/tmp", "/dev/shm", "/var/tmp", "."):
        path = f"{folder}/gradwalk-probe-{os.getpid()}"
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        except OSError:
            continue
        return b"made " + path.encode()
    return None


def _list_folder() -> bytes | None:
    return _tried(lambda: list(Path("/").iterdir()), b"listed /")


def _stat_file() -> bytes | None:
    return _tried(Path("/etc/passwd").stat, b"saw /etc/passwd")


def _socket() -> bytes | None:
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
        try:
            socket.socket(family, socket.SOCK_STREAM).close()
        except OSError:
            continue
        return b"made a socket"
    return None


def _fork() -> bytes | None:
    try:
        child = os.fork()
    except OSError:
        return None
    if child == 0:
        os._exit(0)
    return b"forked"


def _execute() -> bytes | None:
    def run() -> None:
        # In place of this process: only a success leaves no answer.
        os.execve(sys.executable, [sys.executable, "-c", _SAY_RAN], {})

    return _tried(run, b"executed")


#: Answers over the child's own channel, in the words of `frames`.
_SAY_RAN = "import os; os.write(3, b'A\\0\\0\\0\\x08executed')"


def _kill() -> bytes | None:
    return _tried(lambda: os.kill(os.getppid(), 0), b"may signal its parent")


def _memory() -> bytes | None:
    size = 1 << 40
    try:
        mmap.mmap(-1, size).close()
    except (OSError, MemoryError):
        return None
    return b"mapped a terabyte"


def _trace_process() -> bytes | None:
    seize = 0x4206  # unlike attaching, it does not stop the other
    if ctypes.CDLL(None).ptrace(seize, os.getppid(), 0, 0) == 0:
        return b"traced its parent"
    return None


def _namespace() -> bytes | None:
    new_user = 0x10000000
    if ctypes.CDLL(None).unshare(new_user) == 0:
        return b"made a user namespace"
    return None


def _thread() -> bytes | None:
    import _thread

    try:
        _thread.start_new_thread(signal.pthread_sigmask, (signal.SIG_BLOCK, ()))
    except RuntimeError:
        return None
    return b"started a thread"


def _raise_limits() -> bytes | None:
    import resource

    endless = resource.RLIM_INFINITY
    return _tried(
        lambda: resource.setrlimit(resource.RLIMIT_AS, (endless, endless)), b"lifted its limits"
    )


def _privileges() -> bytes | None:
    return _tried(lambda: os.setuid(0 if os.getuid() else 1), b"changed its user")


def _tried(attempt: Callable[[], object], success: bytes) -> bytes | None:
    try:
        attempt()
    except (OSError, ValueError):
        return None
    return success


PROBES: dict[str, Callable[[], bytes | None]] = {
    "open a file": _open_file,
    "write a file": _write_file,
    "list a folder": _list_folder,
    "see a file": _stat_file,
    "open a socket": _socket,
    "fork": _fork,
    "start a program": _execute,
    "signal a process": _kill,
    "map too much memory": _memory,
    "trace a process": _trace_process,
    "make a namespace": _namespace,
    "start a thread": _thread,
    "lift its limits": _raise_limits,
    "change its user": _privileges,
}
