"""Walking the engine's graph from its roots, with an explicit stack."""

from __future__ import annotations

from typing import Any

import torch

from app.recorder.budget import CHARS_A_NODE
from app.recorder.saved import saved_tensors
from app.recorder.state import State
from app.recorder.teardown import DEEP
from app.trace.document import Edge, Graph, Node

_names: dict[type, str] = {}


class Record:
    """A node of a walk: the engine's object, what the trace says of it, where its edges lead."""

    __slots__ = ("arrived", "data", "edges", "leaf", "node")

    def __init__(self, node: Any, data: Node, leaf: torch.Tensor | None) -> None:
        self.node = node
        self.data = data
        self.leaf = leaf
        self.edges: list[tuple[Edge, Record] | None] = []
        #: The gradients that came along edges, with their summaries, by output slot.
        self.arrived: dict[int, list[tuple[torch.Tensor, Any]]] = {}


class Walk:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self.by_node: dict[Any, Record] = {}
        #: Nodes past the limit.
        self.beyond: list[Any] = []

    def id_of(self, node: Any) -> str | None:
        record = self.by_node.get(node)
        return record.data["id"] if record is not None else None

    def release(self, held: list[Any]) -> None:
        """Let go of the engine's nodes; those of a large graph go to `held`."""
        if len(self.by_node) + len(self.beyond) > DEEP:
            held.extend(self.by_node)
            held.extend(self.beyond)
        self.by_node.clear()
        self.beyond = []
        for record in self.records:
            record.node = None
            record.leaf = None
            record.edges.clear()
            record.arrived = {}


def walk(state: State, graph: Graph, roots: list[Any]) -> Walk:
    """All nodes reachable from `roots`; past the limit they are counted only."""
    found = Walk()
    by_node = found.by_node
    records = found.records
    edges = graph["edges"]
    nodes = graph["nodes"]
    budget = state.budget
    room = min(state.limits.nodes - state.node_count, int(budget.left / CHARS_A_NODE))
    pending: list[Record] = []
    beyond: list[Any] = []
    for root in roots:
        if root is not None and root not in by_node:
            record = by_node[root] = _record(state, root)
            records.append(record)
            pending.append(record)
    while pending:
        record = pending.pop()
        source = record.data["id"]
        for index, (node, output) in enumerate(record.node.next_functions):
            if node is None:
                record.edges.append(None)
                continue
            target = by_node.get(node)
            if target is None:
                if len(records) >= room:
                    beyond.append(node)
                    record.edges.append(None)
                    continue
                target = by_node[node] = _record(state, node)
                records.append(target)
                pending.append(target)
            edge: Edge = {
                "id": f"e{state.edge_count}",
                "source": source,
                "input": index,
                "target": target.data["id"],
                "output": output,
                "gradient": None,
            }
            state.edge_count += 1
            edges.append(edge)
            record.edges.append((edge, target))
    if beyond:
        found.beyond = _rest(beyond, set(by_node))
        state.omit("nodes", len(found.beyond))
    state.node_count += len(records)
    budget.left -= CHARS_A_NODE * len(records)
    nodes.extend([record.data for record in records])
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


def _record(state: State, node: Any) -> Record:
    name = _names.get(type(node)) or _name(node)
    sequence = node._sequence_nr()
    leaf = None
    tensor = None
    if name == "AccumulateGrad":
        leaf = node.variable
        tensor = state.tensors.id(leaf)
        key: Any = ("leaf", id(leaf), tensor)
        sequence = -1
    else:
        key = sequence
    op = state.op_of_sequence.get(sequence)
    identity = state.node_ids.get(key)
    if identity is None:
        identity = state.node_ids[key] = f"n{len(state.node_ids)}"
    data: Node = {
        "id": identity,
        "name": name,
        "op": op["id"] if op is not None else None,
        "sequence_nr": sequence,
        "executed": False,
        "outputs": [tensor] if leaf is not None else _outputs(state, node, sequence),
        "saved": saved_tensors(state, node, op),
        "upstream": [],
        "jacobians": None,
        "created_by": state.created_by.get(sequence),
    }
    if leaf is not None:
        data["tensor"] = tensor
    return Record(node, data, leaf)


def _name(node: Any) -> str:
    """The engine's name; Python's own Functions of one name may be different types."""
    name: str = node.name().removeprefix("torch::autograd::")
    if not isinstance(node, torch._C._FunctionBase):
        _names[type(node)] = name
    return name


def _outputs(state: State, node: Any, sequence: int) -> list[str | None]:
    """The tensors that the node's op made, by output slot."""
    known = state.made_by_node.get(sequence)
    return known if known is not None else [None] * len(node._input_metadata)
