"""Walking the engine's graph from its roots, with an explicit stack."""

from __future__ import annotations

from typing import Any

import torch

from app.recorder.budget import CHARS_A_NODE
from app.recorder.graphlog import GraphLog
from app.recorder.saved import saved_tensors
from app.recorder.state import State
from app.recorder.summaries import NOTHING
from app.recorder.teardown import DEEP

_names: dict[type, str] = {}

#: Where an edge leads: index of a node and output slot; None: nowhere, or past the limit.
Target = tuple[int, int] | None


class Walk:
    """The engine's own objects of a graph, held while it runs."""

    def __init__(self, log: GraphLog) -> None:
        self.log = log
        self.nodes: list[Any] = []
        self.index: dict[Any, int] = {}
        #: For each node its first edge's index, and where its inputs lead.
        self.links: list[tuple[int, tuple[Target, ...]]] = []
        #: The leaves of AccumulateGrad nodes, by index.
        self.leaves: dict[int, torch.Tensor] = {}
        #: Nodes past the limit.
        self.beyond: list[Any] = []

    def release(self, held: list[Any]) -> None:
        """Let go of the engine's nodes; those of a large graph go to `held`."""
        if len(self.nodes) + len(self.beyond) > DEEP:
            held.extend(self.nodes)
            held.extend(self.beyond)
        self.index.clear()
        self.leaves.clear()
        self.nodes, self.links, self.beyond = [], [], []


def walk(state: State, log: GraphLog, roots: list[Any]) -> Walk:
    """All nodes reachable from `roots`; past the limit they are counted only."""
    found = Walk(log)
    index, nodes, links = found.index, found.nodes, found.links
    edges = log.edges
    log.first_edge = state.edge_count
    room = min(state.limits.nodes - state.node_count, int(state.budget.left / CHARS_A_NODE))
    pending: list[int] = []
    beyond: list[Any] = []
    nowhere: tuple[int, tuple[Target, ...]] = (0, ())

    def enter(node: Any) -> int:
        number = index[node] = len(nodes)
        nodes.append(node)
        links.append(nowhere)
        pending.append(number)
        _describe(state, found, node, number)
        return number

    for root in roots:
        if root is not None and root not in index:
            enter(root)
    while pending:
        source = pending.pop()
        following = nodes[source].next_functions
        if not following:
            continue
        first = len(edges)
        targets: list[Target] = []
        for number, (node, output) in enumerate(following):
            if node is None:
                targets.append(None)
                continue
            target = index.get(node)
            if target is None:
                if len(nodes) >= room:
                    beyond.append(node)
                    targets.append(None)
                    continue
                target = enter(node)
            edges.append((source, number, target, output))
            targets.append((target, output))
        links[source] = (first, tuple(targets))
    if beyond:
        found.beyond = _rest(beyond, set(index))
        state.omit("nodes", len(found.beyond))
    state.edge_count += len(edges)
    state.node_count += len(nodes)
    state.budget.left -= CHARS_A_NODE * len(nodes)
    log.sent = [NOTHING] * len(edges)
    log.upstream = [None] * len(nodes)
    return found


def _rest(pending: list[Any], seen: set[Any]) -> list[Any]:
    """The nodes that there are past the limit."""
    rest = []
    while pending:
        node = pending.pop()
        if node is not None and node not in seen:
            seen.add(node)
            rest.append(node)
            pending.extend(following for following, _ in node.next_functions)
    return rest


def _describe(state: State, found: Walk, node: Any, index: int) -> None:
    """Add a node's row."""
    name = _names.get(type(node)) or _name(node)
    leaf = op = -1
    key: Any
    outputs: tuple[int | None, ...]
    if name == "AccumulateGrad":
        variable = found.leaves[index] = node.variable
        leaf = state.tensors.id(variable)
        key = ("leaf", id(variable), leaf)
        sequence = -1
        outputs = (leaf,)
        saved: Any = ()
    else:
        sequence = key = node._sequence_nr()
        op = state.ops.of_sequence.get(sequence, -1)
        made = state.ops.outputs(sequence)
        outputs = tuple(made) if made is not None else (None,) * len(node._input_metadata)
        saved = saved_tensors(state, node, op, outputs)
    number = state.node_numbers.get(key)
    if number is None:
        number = state.node_numbers[key] = len(state.op_of_node)
        state.op_of_node.append(op)
    elif op >= 0:
        state.op_of_node[number] = op
    if sequence in state.created_by:
        found.log.created_by[index] = state.created_by[sequence]
    found.log.nodes.append((number, name, op, sequence, outputs, saved, leaf))


def _name(node: Any) -> str:
    """The engine's name; Python's own Functions of one name may be different types."""
    name: str = node.name().removeprefix("torch::autograd::")
    if not isinstance(node, torch._C._FunctionBase):
        _names[type(node)] = name
    return name
