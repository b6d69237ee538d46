"""Says in a sentence what the jail is about to refuse.

An audit hook: Python tells it of an attempt before the system call is made, and
it raises a `PermissionError` that a learner understands.  A few functions of
libraries are replaced to the same end.  It holds nothing by itself (native code
can go round it); the operating system's layers do that.
"""

from __future__ import annotations

import errno
import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any, NoReturn

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

_COMPILE = (
    "torch.compile can't run here: it starts a compiler and writes files. "
    "Leave it out: the gradients are the same."
)
_EXPORT = (
    "torch.export can't run here: it traces with tensors that have no numbers, "
    "so there is nothing to record. Call the module itself."
)
_PROFILER = (
    "A profiler can't run here: it needs threads and files. Leave it out; to see how long "
    "a part takes, subtract two values of time.perf_counter()."
)
_LOOP = (
    "asyncio can't run here: its event loop needs sockets. "
    "Call plain functions instead of coroutines."
)
_DOWNLOADS = (
    "Models can't be downloaded here: there is no network. Build what you need with torch.nn."
)
_DEBUGGER = (
    "There is no debugger here, because there is no keyboard: "
    "leave it out, and step through the run on the timeline."
)
_WORKERS = "A DataLoader can't start workers here: use num_workers=0, which gives the same batches."

#: Functions of libraries at which an attempt begins that would end, some calls later, in
#: an error that names something else: module, name in it, and what is said instead.
_ENTRANCES = (
    ("torch", "compile", _COMPILE),
    ("torch.export", "export", _EXPORT),
    ("torch.autograd.profiler", "profile._prepare_trace", _PROFILER),
    ("torch.hub", "get_dir", _DOWNLOADS),
    ("pdb", "set_trace", _DEBUGGER),
    ("os", "getcwd", _NAMES),
    # Not __init__: of an object that was begun, __del__ would complain.
    ("torch.utils.data.dataloader", "_MultiProcessingDataLoaderIter.__new__", _WORKERS),
    ("asyncio.selector_events", "BaseSelectorEventLoop.__new__", _LOOP),
    ("threading", "Thread.start", _THREADS),
    ("multiprocessing.process", "BaseProcess.start", _PROCESSES),
    ("multiprocessing.pool", "Pool.__init__", _PROCESSES),
    ("concurrent.futures.process", "ProcessPoolExecutor.__init__", _PROCESSES),
)


class NotPossibleHere(PermissionError):
    """An attempt that the sandbox refuses, in words."""

    def __str__(self) -> str:
        subject = f" ({self.filename})" if self.filename else ""
        return f"{self.strerror}{subject}"


NotPossibleHere.__name__ = NotPossibleHere.__qualname__ = "PermissionError"
NotPossibleHere.__module__ = "builtins"


#: Owner, name in it, and the function that refuses in the place of what has that name.
_replacements: list[tuple[Any, str, Callable[..., NoReturn]]] = []


def load_entrances() -> None:
    """Import what has them, and make what takes their places.

    Once, in the zygote: there it can still be done, and a child that makes them writes to
    130 pages more than one that only puts them in their places.
    """
    for module, path, sentence in _ENTRANCES:
        owner: Any = importlib.import_module(module)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        _replacements.append((owner, name, _refusing(sentence, getattr(owner, name))))


def explain_denials() -> None:
    """From now on, in this process, for good."""
    sys.addaudithook(_hook)
    for owner, name, refuse in _replacements:
        setattr(owner, name, refuse)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _SENTENCES:
        _refuse(event, arguments)


def _refusing(sentence: str, replaced: Any) -> Callable[..., NoReturn]:
    # What is replaced lives on in it: to free that writes to the pages of all that it refers to.
    @functools.wraps(replaced)
    def refuse(*_arguments: Any, **_options: Any) -> NoReturn:
        raise NotPossibleHere(errno.EPERM, sentence)

    return refuse


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    subject = arguments[0] if arguments and isinstance(arguments[0], str) else None
    if event == "open" and isinstance(arguments[0], int):
        return  # an open descriptor, not a file
    if event == "signal.pthread_kill" or event == "builtins.input":
        subject = None
    raise NotPossibleHere(errno.EPERM, _SENTENCES[event], subject)
