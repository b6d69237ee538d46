"""Walking the engine's graph from its roots, with an explicit stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from app.recorder.budget import CHARS_A_NODE
from app.recorder.graphlog import GraphLog, SavedRow
from app.recorder.saved import Attributes, attributes_of, saved_tensors
from app.recorder.state import State
from app.recorder.summaries import NOTHING
from app.recorder.teardown import DEEP, made_at

_kinds: dict[type, tuple[str, Attributes]] = {}


class Walk:
    """The engine's own objects of a graph, held while it runs."""

    def __init__(self, log: GraphLog) -> None:
        self.log = log
        self.nodes: list[Any] = []
        self.index: dict[Any, int] = {}
        #: By node: the index of its first edge, or -1 if it has no inputs.
        self.edges: list[int] = []
        #: Of the nodes that have such, the inputs that lead nowhere (or past the limit): as bits.
        self.gaps: dict[int, int] = {}
        #: The leaves of AccumulateGrad nodes, by index.
        self.leaves: dict[int, torch.Tensor] = {}
        #: Nodes past the limit.
        self.beyond: list[Any] = []

    def release(self, held: dict[Any, int]) -> None:
        """Let go of the engine's nodes; those of a large graph go to `held`."""
        self.index.clear()
        self.leaves.clear()
        self.gaps.clear()
        if len(self.nodes) + len(self.beyond) > DEEP:
            held.update(zip(self.nodes, self.log.sequences, strict=True))
            held.update((node, made_at(node)) for node in self.beyond)
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
    log, index, nodes, edges = found.log, found.index, found.nodes, found.edges
    sources, inputs, targets, slots = log.sources, log.inputs, log.targets, log.slots
    gaps = found.gaps
    room = min(state.limits.nodes - state.node_count, state.budget.nodes())
    enter = _entering(state, found)
    pending: list[int] = []
    for root in roots:
        if root is not None and root not in index:
            pending.append(enter(root))
    while pending:
        source = pending.pop()
        following = nodes[source].next_functions
        if following:
            edges[source] = len(sources)
        for number, (node, slot) in enumerate(following):
            target = index.get(node)
            if target is None:
                if node is None or len(nodes) >= room:
                    gaps[source] = gaps.get(source, 0) | 1 << number
                    if node is not None:
                        found.beyond.append(node)
                    continue
                target = enter(node)
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


def _entering(state: State, found: Walk) -> Callable[[Any], int]:
    """A function that adds a node and tells its index."""
    log, index, nodes, edges = found.log, found.index, found.nodes, found.edges
    op_of_sequence, rows, made = state.ops.of_sequence, state.ops.rows, state.ops.made
    node_numbers, op_of_node, created_by = state.node_numbers, state.op_of_node, state.created_by
    numbers, names, ops, sequences = log.numbers, log.names, log.ops, log.sequences
    saved_rows, all_outputs = log.saved, log.outputs

    def enter(node: Any) -> int:
        entered = index[node] = len(nodes)
        nodes.append(node)
        edges.append(-1)
        name, attributes = _kinds.get(type(node)) or _kind(node)
        op = -1
        key: Any
        saved: tuple[SavedRow, ...] = ()
        outputs: int | tuple[int | None, ...]
        if name == "AccumulateGrad":
            variable = found.leaves[entered] = node.variable
            outputs = log.leaves[entered] = state.tensors.id(variable)
            key = ("leaf", id(variable), outputs)
            sequence = -1
        else:
            sequence = key = node._sequence_nr()
            op = op_of_sequence.get(sequence, -1)
            outputs = rows[op][7] if op >= 0 and sequence not in made else ()
            if type(outputs) is not int:
                outputs = state.ops.outputs(sequence, op)
                if outputs == ():
                    outputs = (None,) * len(node._input_metadata)
            if attributes:
                saved = saved_tensors(state, node, attributes, op, outputs)
        number = node_numbers.get(key)
        if number is None:
            number = len(op_of_node)
            op_of_node.append(op)
            node_numbers[key] = number
        elif op >= 0:
            op_of_node[number] = op
        if created_by and sequence in created_by:
            log.created_by[entered] = created_by[sequence]
        numbers.append(number)
        names.append(name)
        ops.append(op)
        sequences.append(sequence)
        all_outputs.append(outputs)
        saved_rows.append(saved)
        return entered

    return enter


def _kind(node: Any) -> tuple[str, Attributes]:
    """The engine's name of a node, and where it keeps saved tensors."""
    kind = (node.name().removeprefix("torch::autograd::"), attributes_of(type(node)))
    # Python's own Functions of one name may be different types.
    if not isinstance(node, torch._C._FunctionBase):
        _kinds[type(node)] = kind
    return kind
