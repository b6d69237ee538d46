"""Walking the engine's graph from its roots, with an explicit stack."""

from __future__ import annotations

from typing import Any

import torch

from app.recorder.budget import CHARS_A_NODE
from app.recorder.graphlog import GraphLog, SavedRow
from app.recorder.saved import attributes_of, saved_tensors
from app.recorder.state import State
from app.recorder.summaries import NOTHING
from app.recorder.teardown import DEEP

_names: dict[type, str] = {}


class Walk:
    """The engine's own objects of a graph, held while it runs."""

    def __init__(self, log: GraphLog) -> None:
        self.log = log
        self.nodes: list[Any] = []
        self.index: dict[Any, int] = {}
        #: By node: the index of its first edge, and how many inputs it has.
        self.edges: list[int] = []
        self.arity: list[int] = []
        #: Inputs that lead nowhere (or past the limit), of the nodes that have such.
        self.gaps: dict[int, set[int]] = {}
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
        self.nodes, self.beyond = [], []


def walk(state: State, log: GraphLog, roots: list[Any]) -> Walk:
    """All nodes reachable from `roots`; past the limit they are counted only."""
    found = Walk(log)
    log.first_edge = state.edge_count
    try:
        _explore(state, found, roots)
    except BaseException:  # the program's time was over in the middle of it
        log.clear()
        raise
    if found.beyond:
        found.beyond = _rest(found.beyond, set(found.index))
        state.omit("nodes", len(found.beyond))
    state.edge_count += len(log.sources)
    state.node_count += len(found.nodes)
    state.budget.left -= CHARS_A_NODE * len(found.nodes)
    log.sent = [NOTHING] * len(log.sources)
    log.upstream = [None] * len(found.nodes)
    return found


def _explore(state: State, found: Walk, roots: list[Any]) -> None:
    """Fill in the columns of nodes and edges."""
    log, index, nodes = found.log, found.index, found.nodes
    room = min(state.limits.nodes - state.node_count, int(state.budget.left / CHARS_A_NODE))
    pending: list[int] = []
    for root in roots:
        if root is not None and root not in index:
            pending.append(_enter(state, found, root))
    sources, inputs, targets, slots = log.sources, log.inputs, log.targets, log.slots
    while pending:
        source = pending.pop()
        following = nodes[source].next_functions
        found.edges[source] = len(sources)
        found.arity[source] = len(following)
        for number, (node, slot) in enumerate(following):
            if node is None:
                found.gaps.setdefault(source, set()).add(number)
                continue
            target = index.get(node)
            if target is None:
                if len(nodes) >= room:
                    found.beyond.append(node)
                    found.gaps.setdefault(source, set()).add(number)
                    continue
                target = _enter(state, found, node)
                pending.append(target)
            sources.append(source)
            inputs.append(number)
            targets.append(target)
            slots.append(slot)


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


def _enter(state: State, found: Walk, node: Any) -> int:
    """Add a node; its index."""
    log = found.log
    index = found.index[node] = len(found.nodes)
    found.nodes.append(node)
    found.edges.append(0)
    found.arity.append(0)
    name = _names.get(type(node)) or _name(node)
    op = -1
    key: Any
    saved: tuple[SavedRow, ...] = ()
    outputs: int | tuple[int | None, ...]
    if name == "AccumulateGrad":
        variable = found.leaves[index] = node.variable
        outputs = log.leaves[index] = state.tensors.id(variable)
        key = ("leaf", id(variable), outputs)
        sequence = -1
    else:
        sequence = key = node._sequence_nr()
        op = state.ops.of_sequence.get(sequence, -1)
        outputs = state.ops.outputs(sequence, op)
        if outputs == ():
            outputs = (None,) * len(node._input_metadata)
        if attributes_of(type(node)):
            saved = saved_tensors(state, node, op, outputs)
    number = state.node_numbers.get(key)
    if number is None:
        number = len(state.op_of_node)
        state.op_of_node.append(op)
        state.node_numbers[key] = number
    elif op >= 0:
        state.op_of_node[number] = op
    if sequence in state.created_by:
        log.created_by[index] = state.created_by[sequence]
    log.numbers.append(number)
    log.names.append(name)
    log.ops.append(op)
    log.sequences.append(sequence)
    log.outputs.append(outputs)
    log.saved.append(saved)
    return index


def _name(node: Any) -> str:
    """The engine's name; Python's own Functions of one name may be different types."""
    name: str = node.name().removeprefix("torch::autograd::")
    if not isinstance(node, torch._C._FunctionBase):
        _names[type(node)] = name
    return name
