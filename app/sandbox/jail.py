"""What a child puts on before it may see anyone's code.

`Jail` is prepared once in the zygote, where everything can still be read;
`enter` only makes system calls.  Layers are named so that tests can leave one
out and see what it held.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

from app.sandbox.landlock import Ruleset
from app.sandbox.seccomp import Filter

#: Each holds some attacks alone; `words` only explains denials in sentences.
LAYERS = ("seccomp", "landlock", "rlimits", "user", "words")

#: The child's end of its socket pair; 0, 1 and 2 are /dev/null.
CHANNEL = 3
_NOBODY = 65534
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
#: What root needs besides to manage a process of another user.
_CAPABILITIES = {"KILL": 5, "SETGID": 6, "SETUID": 7, "SYS_NICE": 23}
#: Between the soft and the hard limit of memory: room to encode the answer.
MEMORY_RESERVE = 128 * 1024 * 1024
#: Added to the server's own priority: programs yield to it and to the zygote.
NICE = 5

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class JailSettings:
    #: Bytes that a child may map beyond what the zygote had mapped.
    memory: int
    #: Seconds of processor time, over all: the last resort behind the deadline.
    cpu_seconds: int
    layers: tuple[str, ...] = LAYERS


class Jail:
    """Prepared after the zygote has loaded all that it will ever load."""

    def __init__(self, settings: JailSettings) -> None:
        self._settings = settings
        wanted = settings.layers
        self._filter = Filter() if "seccomp" in wanted else None
        self._ruleset = Ruleset.make() if "landlock" in wanted else None
        self._drop_user = "user" in wanted and _may_change_user()
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        self._mapped = pages * resource.getpagesize()

    @property
    def layers(self) -> dict[str, bool | int | str]:
        """What is engaged, as `status()` tells it."""
        return {
            "seccomp": self._filter is not None,
            "landlock": self._ruleset.abi if self._ruleset is not None else False,
            "rlimits": "rlimits" in self._settings.layers,
            "user": "nobody" if self._drop_user else f"uid {os.getuid()}",
        }

    def enter(self, parent: int) -> None:
        """Called in the child, with only descriptors 0 to 3 of its own; for good."""
        if self._drop_user:
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        if "user" in self._settings.layers:
            _drop_capabilities()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        _prctl(_PR_SET_DUMPABLE, 0)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        os.nice(NICE)
        if self._ruleset is not None:
            self._ruleset.engage()
        os.closerange(CHANNEL + 1, 256)
        if "rlimits" in self._settings.layers:
            self._limit()
        if self._filter is not None:
            self._filter.engage()

    def _limit(self) -> None:
        memory = self._mapped + self._settings.memory
        seconds = self._settings.cpu_seconds
        for limit, soft, hard in (
            (resource.RLIMIT_AS, memory, memory + MEMORY_RESERVE),
            (resource.RLIMIT_CPU, seconds, seconds + 1),
            (resource.RLIMIT_FSIZE, 0, 0),
            (resource.RLIMIT_NPROC, 0, 0),
            (resource.RLIMIT_NOFILE, CHANNEL + 1, CHANNEL + 1),
            (resource.RLIMIT_CORE, 0, 0),
            (resource.RLIMIT_MEMLOCK, 0, 0),
            (resource.RLIMIT_MSGQUEUE, 0, 0),
        ):
            resource.setrlimit(limit, (soft, hard))


def lift_memory_limit() -> None:
    """Open the reserve, once the program is over and its answer must be made."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _may_change_user() -> bool:
    """Root, with what it takes to signal and renice a process of another user."""
    if os.getuid() != 0:
        return False
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            return all(held >> bit & 1 for bit in _CAPABILITIES.values())
    return False


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    if _libc.capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")
