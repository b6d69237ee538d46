"""Says in a sentence what the jail is about to refuse.

An audit hook: Python tells it of an attempt before the system call is made, and
it raises a `PermissionError` that a learner understands.  It holds nothing by
itself (native code can go round it); the operating system's layers do that.
"""

from __future__ import annotations

import errno
import sys
from typing import Any

_FILES = "Files can't be opened here: a program can only use what it makes itself."
_NAMES = "Files and folders can't be seen or changed here."
_NETWORK = "There is no network here: nothing can be contacted or downloaded."
_PROCESSES = "Other programs can't be started here."
_THREADS = (
    "Threads can't be started here: the program runs in one thread "
    "(so use no DataLoader workers, no asyncio executors, no timers)."
)
_SIGNALS = "Signals can't be sent here."
_LIBRARIES = "Shared libraries can't be loaded here."
_TERMINAL = "There is no keyboard here: give the value in the program itself."

_SENTENCES = {
    "open": _FILES,
    **dict.fromkeys(
        (
            "os.chdir os.chmod os.chown os.link os.listdir os.mkdir os.remove os.rename os.rmdir "
            "os.scandir os.symlink os.truncate os.utime os.getxattr os.setxattr os.listxattr "
            "shutil.copyfile shutil.copytree shutil.move shutil.rmtree shutil.make_archive "
            "shutil.unpack_archive tempfile.mkstemp tempfile.mkdtemp glob.glob "
            "sqlite3.connect pathlib.Path.glob"
        ).split(),
        _NAMES,
    ),
    **dict.fromkeys(
        (
            "socket.__new__ socket.connect socket.bind socket.sendto socket.getaddrinfo "
            "socket.gethostbyname socket.gethostbyaddr socket.gethostname urllib.Request "
            "http.client.connect ftplib.connect smtplib.connect"
        ).split(),
        _NETWORK,
    ),
    **dict.fromkeys(
        (
            "os.exec os.fork os.forkpty os.posix_spawn os.spawn os.system "
            "subprocess.Popen pty.spawn"
        ).split(),
        _PROCESSES,
    ),
    **dict.fromkeys(("_thread.start_new_thread",), _THREADS),
    **dict.fromkeys("os.kill os.killpg signal.pthread_kill".split(), _SIGNALS),
    "builtins.input": _TERMINAL,
}


class NotPossibleHere(PermissionError):
    """An attempt that the sandbox refuses, in words."""

    def __str__(self) -> str:
        subject = f" ({self.filename})" if self.filename else ""
        return f"{self.strerror}{subject}"


NotPossibleHere.__name__ = NotPossibleHere.__qualname__ = "PermissionError"
NotPossibleHere.__module__ = "builtins"


def explain_denials() -> None:
    """From now on, in this process, for good."""
    sentences = _SENTENCES

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in sentences:
            _refuse(event, arguments)

    sys.addaudithook(hook)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    subject = arguments[0] if arguments and isinstance(arguments[0], str) else None
    if event == "open" and isinstance(arguments[0], int):
        return  # an open descriptor, not a file
    if event == "signal.pthread_kill" or event == "builtins.input":
        subject = None
    raise NotPossibleHere(errno.EPERM, _SENTENCES[event], subject)
