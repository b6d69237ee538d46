"""An exception of the snippet as the trace tells it."""

from __future__ import annotations

import errno
from types import TracebackType
from typing import Any

from app.recorder.places import SNIPPET, Places
from app.trace.document import Error, ErrorKind, Frame
from app.trace.values import Span

_FORBIDDEN = frozenset((errno.EPERM, errno.EACCES, errno.ENOSYS))
#: Of the functions under way, the names of so many are told.
_MOST_FRAMES = 8
_NO_MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory")


class DeadlineReached(BaseException):
    """Raised in the program when its time is over; what ran until then is kept."""


def error_of(raised: BaseException, places: Places | None) -> Error:
    kind: ErrorKind = (
        "syntax" if places is None and isinstance(raised, SyntaxError) else _kind(raised)
    )
    error: Error = {
        "kind": kind,
        "type": kind if isinstance(raised, DeadlineReached) else type(raised).__name__,
        "message": _message(raised),
        "line": None,
        "diagnosis": None,
    }
    if isinstance(raised, SyntaxError) and raised.filename in (SNIPPET, None):
        error["line"] = raised.lineno
        error["message"] = raised.msg or _message(raised)
        if raised.lineno is not None and raised.offset is not None:
            error["site"] = _syntax_span(raised, raised.lineno, raised.offset)
    frames, span = _frames(raised.__traceback__, places)
    if frames:
        error["line"] = frames[-1]["line"]
        error["frames"] = frames
        error["site"] = span
    return error


def locals_of(raised: BaseException) -> list[dict[str, Any]]:
    """The names of the functions that were running, outermost first; of many, the innermost."""
    found: list[dict[str, Any]] = []
    traceback = raised.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == SNIPPET:
            inside = code.co_name != "<module>"
            found.append(traceback.tb_frame.f_locals if inside else {})
        traceback = traceback.tb_next
    return found[-_MOST_FRAMES:]


def _message(raised: BaseException) -> str:
    if isinstance(raised, DeadlineReached):
        return "The program was stopped: its time was over."
    try:
        return str(raised)
    except Exception:
        return ""


def _kind(raised: BaseException) -> ErrorKind:
    if isinstance(raised, DeadlineReached):
        return "timeout"
    if isinstance(raised, MemoryError):
        return "memory"
    if isinstance(raised, RuntimeError) and any(text in str(raised) for text in _NO_MEMORY):
        return "memory"
    if isinstance(raised, OSError) and raised.errno in _FORBIDDEN:
        return "forbidden"
    return "exception"


def _syntax_span(raised: SyntaxError, line: int, offset: int) -> Span:
    col = max(offset - 1, 0)
    end_line = raised.end_lineno or line
    end = (raised.end_offset or 0) - 1
    return {"line": line, "col": col, "end_line": end_line,
            "end_col": end if end_line > line or end > col else col + 1}  # fmt: skip


def _frames(
    traceback: TracebackType | None, places: Places | None
) -> tuple[list[Frame], Span | None]:
    """The snippet's own frames, outermost first, and the span that the innermost was at."""
    frames: list[Frame] = []
    span: Span | None = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == SNIPPET:
            name = "<module>" if code.co_name == "<module>" else code.co_qualname
            frames.append({"line": traceback.tb_lineno, "function": name})
            if places is not None:
                line, col, end_line, end_col = places.span(
                    code, traceback.tb_lasti, traceback.tb_lineno
                )
                span = {"line": line, "col": col, "end_line": end_line, "end_col": end_col}
        traceback = traceback.tb_next
    return frames, span
