"""Python's garbage collector while a program is recorded.

A trace makes many objects and no cycles: looking through them again and again
is what would cost.  So what makes the collector look is how much memory the
program's tensors took, not only how many objects there are.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 250_000


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Collect less often; a program that switched the collector off finds it off."""
    threshold = gc.get_threshold()
    if threshold[0]:
        gc.set_threshold(max(threshold[0], _YOUNG), *threshold[1:])
    try:
        yield
    finally:
        gc.set_threshold(*threshold)


def look_through() -> None:
    """Collect what is young, if the program lets the collector run."""
    if gc.isenabled():
        gc.collect(1)


@contextmanager
def no_collector() -> Iterator[None]:
    """No collections at all: for the recorder's own work, in which no cycles are made."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
