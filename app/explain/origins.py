"""The tensors that others were computed from and that nothing produced."""

from __future__ import annotations

from dataclasses import dataclass

from app.explain.indices import Ops
from app.explain.walk import Circular, farthest_first

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
        known = self._known
        try:
            for current, made_from in farthest_first(tensor, known, self._before):
                known[current] = _together([known[t] for t in made_from], current)
        except Circular:
            return {t for t in self._ops.ancestors([tensor]) if not self._before(t)}
        return _flat(known[tensor])

    def _before(self, tensor: str) -> list[str]:
        at = self._ops.making(tensor)
        return self._ops.sources[at] if at is not None else []


def _flat(origins: _Few | _Many) -> set[str] | None:
    found: set[str] = set()
    seen: set[int] = set()
    pending = [origins]
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


def _together(parts: list[_Few | _Many], alone: str) -> _Few | _Many:
    """The origins of what was made from others with these; of what was not, itself."""
    if not parts:
        return frozenset((alone,))
    first = parts[0]
    if all(part is first for part in parts):
        return first
    few = [part for part in parts if isinstance(part, frozenset)]
    union = frozenset().union(*few)
    if len(few) == len(parts) and len(union) <= _FEW:
        return next((part for part in few if part == union), union)
    return _Many(tuple(dict.fromkeys(parts)))
