"""Python's garbage collector while a program is recorded.

A trace makes many objects and no cycles: looking through them again and again
is what would cost.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 20_000


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
