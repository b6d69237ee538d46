"""Letting go of a program's tensors without overflowing the stack.

A node of which Python has seen the wrapper is destroyed recursively: dropping
the root of a chain of some ten thousand such nodes would end the process.  So
the wrappers of large graphs are held until the program is over, and dropped
from the roots on, when no node is the last to hold another.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.recorder.state import State

#: Graphs of more nodes are held; this many frames fit any stack.
DEEP = 4_000

#: Gives memory back to the system (glibc's).
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

_NO_SEQUENCE = 2**64 - 1


def release(nodes: dict[Any, int]) -> None:
    """Drop engine nodes, those first that were made last (they hold the others).

    `nodes` tells when each was made.  They and their tensors lie in between what stays: the
    C library would keep their memory, and Python's objects, which come next, not get it.
    """
    if not nodes:
        return
    ordered = sorted(nodes, key=nodes.__getitem__)
    nodes.clear()
    ordered.clear()  # from its end on
    if _trim is not None:
        _trim(0)


def forget(state: State) -> None:
    """Drop what is asked for only while a program runs: which tensor, which node is which."""
    state.tensors.by_address.clear()
    state.node_numbers.clear()
    state.created_by.clear()
    state.ops.of_sequence.clear()
    state.ops.made.clear()


def made_at(node: Any) -> int:
    """The sequence number of a node; -1 of one that has none."""
    sequence: int = node._sequence_nr()
    return -1 if sequence == _NO_SEQUENCE else sequence
