"""The ids of a trace, each made once: many places name the same thing."""

from __future__ import annotations

from functools import cached_property


class Ids:
    """Made when they are asked for first."""

    def __init__(self, tensors: int, ops: int, nodes: int) -> None:
        self._counts = (tensors, ops, nodes)

    @cached_property
    def tensors(self) -> list[str]:
        return [f"t{number}" for number in range(self._counts[0])]

    @cached_property
    def ops(self) -> list[str]:
        return [f"o{number}" for number in range(self._counts[1])]

    @cached_property
    def nodes(self) -> list[str]:
        return [f"n{number}" for number in range(self._counts[2])]
