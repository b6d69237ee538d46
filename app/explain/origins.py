"""The tensors that others were computed from and that nothing produced."""

from __future__ import annotations

from dataclasses import dataclass

from app.explain.indices import Ops

#: Sets of so many are kept for each tensor; most tensors share theirs with what they came from.
_FEW = 64
#: Of more than so many junctions of larger sets the origins are not told.
_MOST = 20_000

_Few = frozenset[str]


@dataclass(frozen=True, eq=False)
class _Many:
    """The origins of several tensors together."""

    parts: tuple[_Few | _Many, ...]


class Origins:
    """Of all tensors of a trace, found together: each one's are those of what it was made from."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self._known: dict[str, _Few | _Many] = {}

    def of(self, tensor: str) -> set[str] | None:
        """Itself, where nothing produced it; None: far too many."""
        found: set[str] = set()
        seen: set[int] = set()
        pending = [self._resolve(tensor)]
        while pending:
            one = pending.pop()
            if isinstance(one, frozenset):
                found |= one
            elif id(one) not in seen:
                seen.add(id(one))
                pending += one.parts
                if len(seen) > _MOST:
                    return None
        return found

    def _resolve(self, tensor: str) -> _Few | _Many:
        known = self._known
        opened: set[str] = set()
        stack = [tensor]
        while stack:
            current = stack[-1]
            at = self._ops.making(current) if current not in known else None
            given = self._ops.inputs[at] if at is not None else []
            if not given:
                known.setdefault(current, frozenset((current,)))
                stack.pop()
            elif current not in opened:  # what it was made from comes first
                opened.add(current)
                stack += [t for t in given if t not in known and t not in opened]
            else:
                # A tensor that was written to may have been made from itself.
                known[current] = _together([known[t] for t in given if t in known])
                stack.pop()
        return known[tensor]


def _together(parts: list[_Few | _Many]) -> _Few | _Many:
    first = parts[0] if parts else frozenset()
    if all(part is first for part in parts):
        return first
    few = [part for part in parts if isinstance(part, frozenset)]
    union = frozenset().union(*few)
    if len(few) == len(parts) and len(union) <= _FEW:
        return next((part for part in few if part == union), union)
    return _Many(tuple(dict.fromkeys(parts)))
