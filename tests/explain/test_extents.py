"""Ways and nodes behind each node of a graph, against counting them one by one."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from app.explain.extents import MAX_LENGTH, MAX_NODES, MAX_PATHS, MAX_STEPS, Extents
from app.explain.indices import GraphIndex
from app.trace.graph import Graph


def graph(links: dict[int, list[int]], roots: list[int]) -> Graph:
    """Nodes in the order of their numbers, each with the nodes that send to it."""
    nodes = [{"id": f"n{at}", "name": "N", "outputs": [None], "executed": True} for at in links]
    ends = [(source, target) for target, sources in links.items() for source in sources]
    edges = [
        {
            "id": f"e{at}", "source": f"n{source}", "input": 0, "target": f"n{target}",
            "output": 0, "gradient": {"nonfinite": 0, "norm": 1.0},
        }
        for at, (source, target) in enumerate(ends)
    ]  # fmt: skip
    found: dict[str, Any] = {
        "id": "g0", "kind": "backward", "site": None, "nodes": nodes, "edges": edges,
        "roots": [{"node": f"n{root}", "output": 0, "gradient": None} for root in roots],
        "order": [node["id"] for node in nodes],
    }  # fmt: skip
    return cast("Graph", found)


def counted(links: dict[int, list[int]], roots: list[int], end: int) -> tuple[int | None, int]:
    """The ways to a node (None: too many to be listed) and the nodes behind it."""
    ways = steps = longest = 0
    stack = [(end, 0)]
    while stack and steps <= MAX_STEPS:
        at, length = stack.pop()
        steps += 1
        ways += at in roots
        longest = max(longest, length)
        stack += [(source, length + 1) for source in links[at]]
    seen, pending = {end}, [end]
    while pending:
        fresh = set(links[pending.pop()]) - seen
        seen |= fresh
        pending += fresh
    listed = ways <= MAX_PATHS and longest <= MAX_LENGTH and steps <= MAX_STEPS
    return ways if listed else None, min(len(seen) - 1, MAX_NODES)


def chain(length: int) -> dict[int, list[int]]:
    return {at: [at - 1] if at else [] for at in range(length)}


def dag(seed: int, size: int, back: int, most: int) -> dict[int, list[int]]:
    chosen = random.Random(seed)
    return {
        at: [chosen.randrange(max(0, at - back), at) for _ in range(chosen.randint(1, most))]
        if at
        else []
        for at in range(size)
    }


GRAPHS = {
    "a chain": chain(700),
    "a short chain": chain(30),
    "diamonds": {at: [at - 1, at - 1] if at % 9 == 5 else chain(60)[at] for at in range(60)},
    "a wide one": {0: [], **{at: [0] for at in range(1, 400)}, 400: list(range(1, 400))},
    **{f"near {seed}": dag(seed, 300, 3, 2) for seed in range(4)},
    **{f"far {seed}": dag(seed, 120, 120, 2) for seed in range(4)},
    **{f"mostly one way {seed}": dag(seed, 600, 1, 1) | dag(seed, 5, 5, 3) for seed in range(2)},
}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", GRAPHS)
def test_extents_are_what_counting_one_by_one_gives(name: str, backwards: bool) -> None:
    links = GRAPHS[name]
    index = GraphIndex(graph(links, [0]))
    extents = Extents(index)
    for at in sorted(links, reverse=backwards):
        edges = index.came.get(f"n{at}", [])
        ways, behind = counted(links, [0], at)
        assert extents.ways(f"n{at}", edges) == ways
        assert extents.behind(f"n{at}", edges) == behind


def test_several_roots_count_each() -> None:
    links = {0: [], 1: [0], 2: [1, 0]}
    index = GraphIndex(graph(links, [0, 1]))
    assert Extents(index).ways("n2", index.came["n2"]) == 3
