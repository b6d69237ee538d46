"""How a program can end, told apart and said in words.

`classify` runs in the child, where there is a trace; the rest runs in the pool
and makes the trace of an end that left none.
"""

from __future__ import annotations

import os
import re
import signal

from app.explain import annotate
from app.trace import Trace, TraceRequest, encode
from app.trace.document import ErrorKind
from app.trace.failure import failed

_NO_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|Unable to allocate|bad_alloc|Cannot allocate memory"
)
_DENIED = re.compile(
    r"Operation not permitted|can't start new thread|Errno 1\]|open file failed|"
    r"Unable to open file|Parent directory .* does not exist"
)
#: Longer messages of exceptions are cut.
_MESSAGE_CHARS = 20_000
_NOT_ALLOWED = (
    "The sandbox does not allow this: there are no files, no network, no other programs "
    "and no threads (so no asyncio either). "
)
_FILES = re.compile(r"open file|Unable to open|Parent directory")

#: Longer programs are not parsed in the server's process, where others wait.
EXPLAINED_CHARS = 20_000

#: Exit status of a child that could not write its answer.
CHANNEL_CLOSED = 71

_SIGNALS = {
    signal.SIGSEGV: "it touched memory that was not its own, its stack overflowed, "
    "or a backward inside a backward went more than 60 deep (which needs a thread)",
    signal.SIGABRT: "the C++ code underneath gave up",
    signal.SIGBUS: "it touched memory that does not exist",
    signal.SIGFPE: "the C++ code underneath divided by zero",
    signal.SIGILL: "it met an instruction that the processor does not know",
    signal.SIGKILL: "the system ended it, most likely because the machine ran out of memory",
}


def classify(trace: Trace) -> None:
    """Give an exception that the jail's limits caused its own kind, in place."""
    error = trace["error"]
    if error is None:
        return
    if len(error["message"]) > _MESSAGE_CHARS:
        error["message"] = error["message"][:_MESSAGE_CHARS] + " ... (cut)"
    if error["kind"] not in ("exception", "memory", "forbidden"):
        return
    type_, message = error["type"], error["message"]
    if "MemoryError" in type_ or _NO_MEMORY.search(message):
        error["kind"] = "memory"
        error["message"] = f"The program asked for more memory than it may have here. {message}"
        error["message"] = error["message"].rstrip()
    elif type_ == "PermissionError" or _DENIED.search(message):
        error["kind"] = "forbidden"
        if _FILES.search(message):
            error["message"] = "Files can't be opened here. " + message
        elif "new thread" in message:
            error["message"] = "Threads can't be started here. " + message
        elif "Operation not permitted" in message:
            error["message"] = _NOT_ALLOWED + message


def out_of_time(request: TraceRequest, seconds: float, elapsed: float, *, stopped: bool) -> bytes:
    """`stopped`: the program itself was over, and the making of its trace took too long."""
    cause = (
        "Its trace was not ready in the time that is left for it, so what it had recorded is lost."
        if stopped
        else "It was inside one long call that could not be interrupted, so what it had recorded "
        "is lost."
    )
    message = f"The program was stopped after {seconds:g} s. {cause}"
    return _end(request, elapsed, "timeout", "TimeLimit", message)


def not_checked(request: TraceRequest, elapsed: float, size: int) -> bytes:
    return _end(
        request,
        elapsed,
        "limit",
        "NotChecked",
        f"The answer of {size / 1e6:,.1f} MB could not be checked in time, so it was thrown away. "
        "Run it again, or run less.",
    )


def out_of_memory(request: TraceRequest, elapsed: float) -> bytes:
    return _end(
        request,
        elapsed,
        "memory",
        "MemoryError",
        "The program used up the memory that it may have, and none was left to record it.",
    )


def too_large(request: TraceRequest, elapsed: float, limit: int) -> bytes:
    return _end(
        request,
        elapsed,
        "limit",
        "AnswerLimit",
        f"The answer was larger than {limit / 1e6:,.0f} MB and was not read.",
    )


def not_a_trace(request: TraceRequest, elapsed: float, why: str) -> bytes:
    return _end(
        request,
        elapsed,
        "forbidden",
        "ForgedAnswer",
        f"The process did not answer with a trace, so the answer was thrown away ({why}). "
        "A program must not write to its own channel or change the recorder.",
    )


def recorder_failed(request: TraceRequest, elapsed: float, words: str) -> bytes:
    """The child said itself that it could not make a trace."""
    if words == "memory":
        return out_of_memory(request, elapsed)
    if words == "timeout":
        return _end(
            request,
            elapsed,
            "timeout",
            "TimeLimit",
            "The program was stopped at its time limit while its trace was being made.",
        )
    return _end(
        request, elapsed, "crash", "RecorderError", f"The run could not be recorded: {words}"
    )


def zygote_died(request: TraceRequest, elapsed: float) -> bytes:
    return _end(
        request,
        elapsed,
        "crash",
        "Restarted",
        "The sandbox was restarted while the program ran. Run it again.",
    )


def without_answer(request: TraceRequest, elapsed: float, status: int | None) -> bytes:
    """The child closed its channel: `status` as waitpid gives it, None if it still lived."""
    kind: ErrorKind = "crash"
    type_ = "Crash"
    code = 0 if status is None else os.waitstatus_to_exitcode(status)
    if status is None or code == CHANNEL_CLOSED:
        message = "The program closed the channel over which its trace is sent."
    elif code >= 0:
        type_ = "Exit"
        message = f"The program ended its own process (exit status {code}) before it was recorded."
    elif -code == signal.SIGSYS:
        kind, type_ = "forbidden", "SIGSYS"
        message = (
            "The program was ended at a system call that only an attack makes "
            "(such as ptrace, mount, bpf or unshare)."
        )
    elif -code == signal.SIGXCPU:
        kind, type_ = "timeout", "SIGXCPU"
        message = "The program used up its processor time."
    else:
        found = signal.Signals(-code) if -code in set(signal.Signals) else None
        type_ = found.name if found else f"signal {-code}"
        cause = _SIGNALS.get(found) if found else None
        message = f"The process crashed with {type_}" + (f": {cause}." if cause else ".")
    return _end(request, elapsed, kind, type_, message)


def _end(request: TraceRequest, elapsed: float, kind: ErrorKind, type: str, message: str) -> bytes:
    trace = failed(kind, type, message, seed=request.seed, milliseconds=elapsed * 1000)
    annotate(trace, request.code if len(request.code) <= EXPLAINED_CHARS else "")
    return encode(trace)
