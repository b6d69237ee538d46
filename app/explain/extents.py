"""How much lies between the roots of a graph and each of its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.explain.indices import GraphIndex

#: More ways than this between root and tensor are not listed one by one.
MAX_PATHS = 16
#: Nor longer ones: the list would not help a reader.
MAX_LENGTH = 200
#: Nor where the ways, and what leads to none, have more nodes than this in all.
MAX_STEPS = 600
#: Nodes that one variable may light up.
MAX_NODES = 250


class _Ways(NamedTuple):
    """All ways from roots to a node: how many, the longest one's edges, and how many nodes
    one meets who follows each of them back on its own."""

    number: int
    length: int
    steps: int


class Extents:
    """Counts for all nodes of a graph, made together: each node's come from its sources'."""

    def __init__(self, index: GraphIndex) -> None:
        self._index = index
        self.roots = {root["node"] for root in index.graph["roots"]}
        self._ways: dict[str, _Ways] = {}
        for node in index.graph["order"]:  # sources come before what they send to
            edges = index.came.get(node, ())
            if edges and index.sources[edges[0]] not in self._ways:
                continue
            found = self._through(node, edges)
            if found is not None:
                self._ways[node] = found
        self._behind: dict[str, int] = {}

    def ways(self, node: str, edges: Sequence[int]) -> int | None:
        """How many ways lead to a node along these edges; None: too many to be listed."""
        found = self._through(node, edges)
        return found.number if found is not None else None

    def _through(self, node: str, edges: Sequence[int]) -> _Ways | None:
        count, length, steps = int(node in self.roots), 0, 1
        for edge in edges:
            before = self._ways.get(self._index.sources[edge])
            if before is None:
                return None
            count += before.number
            length = max(length, before.length + 1)
            steps += before.steps
        if count > MAX_PATHS or length > MAX_LENGTH or steps > MAX_STEPS:
            return None
        return _Ways(count, length, steps)

    def behind(self, node: str, edges: Sequence[int]) -> int:
        """How many nodes lie behind a node along these edges; `MAX_NODES`: so many or more."""
        sources = {self._index.sources[edge] for edge in edges}
        if len(sources) == 1:
            return min(self._behind_all(sources.pop()) + 1, MAX_NODES)
        return self._search(node, sources)

    def _behind_all(self, node: str) -> int:
        """As `behind`, along all edges."""
        walked: list[str] = []
        known = self._behind.get(node)
        while known is None and len(walked) < 2 * MAX_NODES:
            sources = {self._index.sources[edge] for edge in self._index.came.get(node, ())}
            walked.append(node)
            if len(sources) == 1:
                node = sources.pop()
                known = self._behind.get(node)
            else:
                known = self._search(node, sources) - 1
        if known is None:  # the first half of them has the other half behind it
            walked, known = walked[:MAX_NODES], MAX_NODES
        for one in reversed(walked):
            known = self._behind[one] = min(known + 1, MAX_NODES)
        return known

    def _search(self, node: str, sources: set[str]) -> int:
        seen = {node, *sources}
        pending = list(sources)
        while pending and len(seen) <= MAX_NODES:
            for edge in self._index.came.get(pending.pop(), ()):
                source = self._index.sources[edge]
                if source not in seen:
                    seen.add(source)
                    pending.append(source)
        return min(len(seen) - 1, MAX_NODES)
