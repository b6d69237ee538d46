"""The process that children are forked from: torch is loaded, and no program was seen.

Started by the pool with a clean environment as `python -m app.sandbox.zygote CONTROL
SETTINGS`: descriptor number of a socket that keeps message bounds, and JSON.

It says `ready {json}`; is told `fork ID` with the child's end of a socket pair;
says `born ID PID` with a descriptor of the process, and `gone ID STATUS` when it
has ended.  Where the other end is closed it ends, and its children with it.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.sandbox.forking import fork

if TYPE_CHECKING:
    from app.sandbox.child import Evaluate

#: Long chains of graph nodes are freed recursively; 8 MB would overflow.
_STACK_BYTES = 512 * 1024 * 1024


def main() -> None:
    _take_larger_stack()
    control = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(sys.argv[2])
    ctypes.CDLL(None).prctl(1, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        zygote = Zygote(control, settings)
    except Exception as error:
        control.send(f"refused {type(error).__name__}: {error}".encode())
        raise SystemExit(1) from None
    zygote.serve()


def _take_larger_stack() -> None:
    """The limit counts from exec on, so this replaces itself once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = _STACK_BYTES if hard == resource.RLIM_INFINITY else min(_STACK_BYTES, hard)
    if soft != wanted:
        resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


class Zygote:
    def __init__(self, control: socket.socket, settings: dict[str, Any]) -> None:
        from app.sandbox import hotpages
        from app.sandbox.child import silence
        from app.sandbox.jail import CHANNEL, Jail, JailSettings
        from app.sandbox.preload import TYPICAL, Rehearsal, preload, run_all
        from app.sandbox.scout import written_by
        from app.trace import Limits

        self._control = control
        self._layers = tuple(settings["layers"])
        self._limits = Limits(**settings["limits"])
        self._evaluate = preload(settings["evaluator"], self._limits)
        #: Process and name by the descriptor that tells of its end.
        self._children: dict[int, tuple[int, str]] = {}
        self._poll = select.poll()
        silence()
        _reserve(CHANNEL)
        _prefer_as_victim()
        gc.collect()
        gc.freeze()
        self._rehearsal = Rehearsal(self._evaluate, self._limits)
        self._jail = Jail(JailSettings(settings["memory"], settings["cpu_seconds"], self._layers))
        self._pins = hotpages.settle(
            lambda: written_by(self._become_child, self._evaluate, TYPICAL),
            lambda: run_all(self._evaluate, self._limits),
        )
        threads = len(list(Path("/proc/self/task").iterdir()))
        if threads != 1:
            raise RuntimeError(f"{threads} threads after loading: a fork would lose them")
        control.send(b"ready " + json.dumps(self._jail.layers).encode())

    def serve(self) -> None:
        control = self._control.fileno()
        self._poll.register(control, select.POLLIN)
        while True:
            for fd, _ in self._poll.poll():
                if fd != control:
                    self._reap(fd)
                    continue
                message, fds, _flags, _address = socket.recv_fds(self._control, 256, 1)
                if not message:
                    os._exit(0)
                self._fork(message.split()[1].decode(), fds[0])

    def _fork(self, name: str, channel: int) -> None:
        parent = os.getpid()
        try:
            pid = fork()
        except OSError as error:
            os.close(channel)
            self._control.send(f"failed {name} {error.errno}".encode())
            return
        if pid == 0:
            self._become_child(channel, parent, self._evaluate)
        os.close(channel)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = pid, name
        self._poll.register(pidfd, select.POLLIN)
        socket.send_fds(self._control, [f"born {name} {pid}".encode()], [pidfd])

    def _become_child(self, channel: int, parent: int, evaluate: Evaluate) -> None:
        from app.sandbox.child import live
        from app.sandbox.jail import CHANNEL

        try:
            # The rest of what the zygote had open is closed on entering the jail.
            os.dup2(channel, CHANNEL)
            live(self._jail, parent, evaluate, self._limits, self._layers, self._rehearsal)
        finally:
            os._exit(1)

    def _reap(self, pidfd: int) -> None:
        self._poll.unregister(pidfd)
        os.close(pidfd)
        pid, name = self._children.pop(pidfd)
        _, status = os.waitpid(pid, 0)
        self._control.send(f"gone {name} {status}".encode())


def _reserve(fd: int) -> None:
    """A child puts its channel there: nothing that it needs must have this number."""
    null = os.open(os.devnull, os.O_RDWR)
    if null < fd:
        os.dup2(null, fd)
        os.close(null)
    elif null > fd:  # taken, by what lives as long as this process
        os.close(null)


def _prefer_as_victim() -> None:
    """Where the machine runs out of memory, the kernel takes a child before the server."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError as error:
        print(f"oom_score_adj: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
