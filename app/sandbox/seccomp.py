"""The system calls that a jailed child may make, as a BPF program.

The program is compiled once, by libseccomp, in the zygote; a child only hands it
to the kernel.  No call in the allowlist opens, names or reaches anything outside
the process: there is no way to open a file at all.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import struct

#: Memory, clocks, signals to oneself, and talk over what is already open.
ALLOWED = """
read readv write writev close lseek fstat
mmap mprotect munmap mremap madvise brk membarrier
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait
sigaltstack restart_syscall
futex set_robust_list get_robust_list rseq sched_yield sched_getaffinity getcpu
clock_gettime clock_getres clock_nanosleep gettimeofday nanosleep time times
setitimer getitimer alarm pause
poll ppoll select pselect6
getpid gettid getppid getuid geteuid getgid getegid getpgrp
getrandom getrusage getrlimit exit exit_group
""".split()

#: Only an attack makes these: the process is killed at the attempt.
KILLED = """
ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd
bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
mount umount2 pivot_root move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr
unshare setns chroot add_key request_key keyctl
init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff
open_by_handle_at name_to_handle_at iopl ioperm modify_ldt vmsplice memfd_secret
""".split()

#: The C library falls back to an older call, which is then denied (or allowed) by name.
ABSENT = ["clone3", "statx", "openat2", "faccessat2", "close_range", "epoll_pwait2"]

_KILL_PROCESS = 0x80000000
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_ATTRIBUTE_BAD_ARCHITECTURE = 2
_ATTRIBUTE_OPTIMIZE = 8
_EQUAL = 4
_SET_MODE_FILTER = 1
#: Stands in the compiled program where the child's own process id belongs.
_PID_PLACEHOLDER = 0x7A5C3E19
_INSTRUCTION = struct.Struct("HBBI")


class Unavailable(Exception):
    """The C library or the kernel can't do it; the text says which."""


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class Filter:
    """Compiled once; `engage` puts the calling process under it for good."""

    def __init__(self) -> None:
        self._library = _load()
        self._seccomp = self._number("seccomp")
        self._code = self._compile()
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.restype = ctypes.c_long

    def engage(self) -> None:
        """Needs no_new_privs; raises OSError where the kernel refuses."""
        code = self._code.replace(
            struct.pack("I", _PID_PLACEHOLDER), struct.pack("I", os.getpid()), 1
        )
        program = _Program(len(code) // _INSTRUCTION.size, code)
        if self._syscall(
            ctypes.c_long(self._seccomp),
            ctypes.c_ulong(_SET_MODE_FILTER),
            ctypes.c_ulong(0),
            ctypes.byref(program),
        ):
            raise OSError(ctypes.get_errno(), "seccomp")

    def _number(self, name: str) -> int:
        return int(self._library.seccomp_syscall_resolve_name(name.encode()))

    def _compile(self) -> bytes:
        library = self._library
        context = ctypes.c_void_p(library.seccomp_init(_ERRNO | errno.EPERM))
        if not context:
            raise Unavailable("libseccomp could not make a filter")
        try:
            _check(
                library.seccomp_attr_set(context, _ATTRIBUTE_BAD_ARCHITECTURE, _KILL_PROCESS),
                "the architecture rule",
            )
            # A tree instead of a list; libseccomp before 2.5 does not know it.
            library.seccomp_attr_set(context, _ATTRIBUTE_OPTIMIZE, 2)
            for names, action in (
                (ALLOWED, _ALLOW),
                (KILLED, _KILL_PROCESS),
                (ABSENT, _ERRNO | errno.ENOSYS),
            ):
                for name in names:
                    self._rule(context, action, name)
            # abort() and nobody else's threads; limits only one's own.
            self._rule(context, _ALLOW, "tgkill", (0, _PID_PLACEHOLDER))
            self._rule(context, _ALLOW, "prlimit64", (0, 0))
            return self._export(context)
        finally:
            library.seccomp_release(context)

    def _rule(
        self, context: ctypes.c_void_p, action: int, name: str, *tests: tuple[int, int]
    ) -> None:
        number = self._number(name)
        if number < 0:  # not on this architecture, or newer than the library
            return
        comparisons = (_Comparison * len(tests))(
            *(_Comparison(argument, _EQUAL, value, 0) for argument, value in tests)
        )
        _check(
            self._library.seccomp_rule_add_array(
                context, ctypes.c_uint32(action), number, len(tests), comparisons
            ),
            f"the rule for {name}",
        )

    def _export(self, context: ctypes.c_void_p) -> bytes:
        fd = os.memfd_create("filter", os.MFD_CLOEXEC)
        try:
            _check(self._library.seccomp_export_bpf(context, fd), "the export")
            code = os.pread(fd, 1 << 20, 0)
        finally:
            os.close(fd)
        if code.count(struct.pack("I", _PID_PLACEHOLDER)) != 1:
            raise Unavailable("libseccomp compiled the filter in a way that is not understood")
        return code


def _check(status: int, what: str) -> None:
    if status:
        raise Unavailable(f"libseccomp refused {what}: {os.strerror(-status)}")


def _load() -> ctypes.CDLL:
    name = ctypes.util.find_library("seccomp") or "libseccomp.so.2"
    try:
        library = ctypes.CDLL(name, use_errno=True)
    except OSError:
        raise Unavailable(
            "libseccomp is not installed (Debian: libseccomp2, Fedora: libseccomp)"
        ) from None
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_release.restype = None
    return library
