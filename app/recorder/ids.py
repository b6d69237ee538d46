"""The ids of a trace, each made once: many places name the same thing."""

from __future__ import annotations


class Ids:
    def __init__(self, tensors: int, ops: int, nodes: int) -> None:
        self.tensors = [f"t{number}" for number in range(tensors)]
        self.ops = [f"o{number}" for number in range(ops)]
        self.nodes = [f"n{number}" for number in range(nodes)]
