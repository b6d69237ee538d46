"""The warnings of a run, each with the snippet's line that caused it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.recorder import ops
from app.recorder.places import SNIPPET, snippet_frame
from app.trace.document import Warning


class Warned:
    def __init__(self) -> None:
        self.seen: list[Warning] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect what would be shown; the filters stay as they are."""
        with warnings.catch_warnings():
            shown = warnings.showwarning
            warnings.showwarning = self._show  # type: ignore[assignment]
            try:
                yield
            finally:
                warnings.showwarning = shown

    def _show(
        self,
        message: Any,
        category: type[Any],
        filename: str,
        lineno: int,
        *_: Any,
    ) -> None:
        if filename == ops.__file__:
            self._reissue(message, category)
            return
        if filename != SNIPPET:
            frame = snippet_frame(sys._getframe(1))
            place = frame.f_lineno if frame is not None else None
        else:
            place = lineno
        self.seen.append({"category": category.__name__, "message": str(message), "line": place})

    def _reissue(self, message: Any, category: type[Any]) -> None:
        """Warned in our handler's frame: say it again where plain torch would have said it."""
        registry: dict[Any, Any] = vars(ops).get("__warningregistry__", {})
        registry.clear()
        once: dict[Any, Any] = warnings.onceregistry  # type: ignore[attr-defined]
        once.pop((str(message), category), None)
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != ops.__file__:
            frame = frame.f_back
        while frame is not None and frame.f_code.co_filename == ops.__file__:
            frame = frame.f_back
        if frame is not None and frame.f_code.co_name == "handle_torch_function":
            frame = frame.f_back.f_back
        if frame is None:
            self.seen.append({"category": category.__name__, "message": str(message), "line": None})
            return
        warnings.warn_explicit(
            message,
            category,
            frame.f_code.co_filename,
            frame.f_lineno,
            frame.f_globals.get("__name__"),
            frame.f_globals.setdefault("__warningregistry__", {}),
        )
