"""Walking from tensor to tensor so that what was found for one serves all others."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator


class Circular(Exception):
    """A tensor comes after itself: something was written into one that had been read before."""


def farthest_first(
    start: str, known: Container[str], following: Callable[[str], list[str]]
) -> Iterator[tuple[str, list[str]]]:
    """Each tensor from `start` on that is not known, after those that follow it, with these.

    Whoever asks for the next has made the last one known.  Raises `Circular`;
    all that it gave until then is right.
    """
    opened: dict[str, list[str]] = {}
    stack = [start]
    while stack:
        current = stack[-1]
        if current in known:
            stack.pop()
            continue
        if current not in opened:
            opened[current] = [tensor for tensor in following(current) if tensor != current]
            waiting = [tensor for tensor in opened[current] if tensor not in known]
            if any(tensor in opened for tensor in waiting):
                raise Circular
            if waiting:
                stack += waiting
                continue
        yield current, opened[current]
