"""Runs a command as a container engine would confine it, where there is no engine.

    python -m tests.container.confine [--root FOLDER] [--user ID] -- command ...

Always: no new privileges, no capability, and the system calls that Docker's
default profile refuses are refused (its list, as its documentation gives it; the
profile itself allows by name, so calls that only newer kernels know may differ).
With --root, as root in namespaces of its own (`unshare --mount --net`): that
folder as a read-only file system with /proc, a bare /dev and a small /tmp, no
network but loopback, and --user instead of root.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import errno
import os
import subprocess
import sys
from pathlib import Path

REFUSED = """
acct add_key bpf clock_adjtime clock_settime delete_module fanotify_init finit_module fsconfig
fsmount fsopen fspick get_mempolicy init_module io_uring_enter io_uring_register io_uring_setup
ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount mount_setattr
move_mount move_pages open_by_handle_at open_tree perf_event_open pivot_root quotactl reboot
request_key set_mempolicy setdomainname sethostname setns settimeofday swapoff swapon sysfs syslog
umount2 unshare userfaultfd uselib ustat vhangup chroot personality
""".split()
_NAMESPACES = 0x7E020000

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_MASKED_EQUAL = 7
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_CAPABILITY_VERSION_3 = 0x20080522


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def refuse_calls(library: ctypes.CDLL) -> None:
    """Load the filter; needs no_new_privs."""
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))

    def rule(action: int, name: str, *comparisons: _Comparison) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # this machine's kind has no such call
        array = (_Comparison * max(1, len(comparisons)))(*comparisons)
        status = library.seccomp_rule_add_array(
            context, ctypes.c_uint32(action), number, len(comparisons), array
        )
        if status != 0:
            raise OSError(-status, f"seccomp rule for {name}")

    for name in REFUSED:
        rule(_ERRNO | errno.EPERM, name)
    for bit in range(32):
        if _NAMESPACES >> bit & 1:
            flag = 1 << bit
            rule(_ERRNO | errno.EPERM, "clone", _Comparison(0, _MASKED_EQUAL, flag, flag))
    rule(_ERRNO | errno.ENOSYS, "clone3")
    status = library.seccomp_load(context)
    if status != 0:
        raise OSError(-status, "seccomp_load")


def drop_capabilities(libc: ctypes.CDLL) -> None:
    """Out of every set, so that not even root has one."""
    for number in range(64):
        libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def enter(root: Path) -> None:
    """Into `root` as a container's file system; in a mount and a network namespace of our own."""

    def mount(*arguments: str) -> None:
        subprocess.run(["mount", *arguments], check=True)

    mount("--make-rprivate", "/")
    mount("--bind", str(root), str(root))
    for name in ("proc", "dev", "tmp"):
        (root / name).mkdir(exist_ok=True)
    mount("-t", "proc", "proc", str(root / "proc"))
    mount("-t", "tmpfs", "-o", "mode=755,size=64k", "dev", str(root / "dev"))
    for device in ("null", "zero", "full", "random", "urandom"):
        (root / "dev" / device).touch()
        mount("--bind", f"/dev/{device}", str(root / "dev" / device))
    mount("-t", "tmpfs", "-o", "noexec,nosuid,nodev,size=16m", "tmp", str(root / "tmp"))
    mount("-o", "remount,bind,ro", str(root))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.chroot(root)
    os.chdir("/")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path)
    parser.add_argument("--user", type=int)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    name = ctypes.util.find_library("seccomp")
    if name is None:
        sys.exit("libseccomp is missing")
    library, libc = ctypes.CDLL(name), ctypes.CDLL(None, use_errno=True)
    if options.root is not None:
        enter(options.root)
    if options.user is not None:
        os.setgroups([])
        os.setresgid(options.user, options.user, options.user)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if options.user is not None:
        for number in range(64):
            libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
        os.setresuid(options.user, options.user, options.user)
    else:
        drop_capabilities(libc)
    refuse_calls(library)
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    main()
