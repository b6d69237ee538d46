"""One graph as it is recorded: nodes and edges as rows, gradients as handles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from app.recorder.ids import Ids
from app.recorder.kinds import Kind
from app.recorder.places import Place
from app.recorder.summaries import NOTHING
from app.trace.graph import CreatedBy, Edge, Graph, GraphKind, Jacobian, Node, Root, Saved
from app.trace.values import Site, Summary

#: What a node keeps: a name, the number of a kind, and the tensor (-1: none the run knows).
SavedRow = tuple[str, int, int]


class RootRow(NamedTuple):
    #: Index in the graph, or None: nothing to run.
    node: int | None
    output: int
    gradient: int
    tensor: int | None


class GraphLog:
    def __init__(
        self,
        number: int,
        kind: GraphKind,
        place: Place | None = None,
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> None:
        self.number = number
        self.kind = kind
        self.retain_graph = retain_graph
        self.create_graph = create_graph
        self._site: Site | None = _site(place) if place is not None else None
        self.roots: list[RootRow] = []
        # Columns, a list for each field: rows would be objects for Python's collector to visit.
        # Of nodes: number in the trace, name, op (-1: none), sequence number.
        self.numbers: list[int] = []
        self.names: list[str] = []
        self.ops: list[int] = []
        self.sequences: list[int] = []
        #: The tensor that a node made; a tuple by output slot where it is not one.
        self.outputs: list[int | tuple[int | None, ...]] = []
        self.saved: list[tuple[SavedRow, ...]] = []
        #: Handles of what arrived: of one gradient, a tuple by output slot, or None: did not run.
        self.upstream: list[int | tuple[int, ...] | None] = []
        #: The leaves of AccumulateGrad nodes, by index.
        self.leaves: dict[int, int] = {}
        # Of edges: source, its input, target, the target's output slot.  Nodes by their index.
        self.sources: list[int] = []
        self.inputs: list[int] = []
        self.targets: list[int] = []
        self.slots: list[int] = []
        #: The handle of the gradient that went along.
        self.sent: list[int] = []
        #: Number of the first edge among all of the trace.
        self.first_edge = 0
        #: What arrived before hooks of tensors changed it, where they did.
        self.before_hooks: dict[int, tuple[int, ...]] = {}
        self.jacobians: dict[int, list[Jacobian]] = {}
        #: Indices of nodes, as the engine ran them.
        self.order: list[int] = []
        self.created_by: dict[int, CreatedBy] = {}
        #: The call raised, at this node if that is known.
        self.failed = False
        self.failed_node: int | None = None

    def clear(self) -> None:
        """Forget what is there of nodes and edges: it is not whole."""
        self.numbers, self.names, self.ops, self.sequences = [], [], [], []
        self.outputs, self.saved, self.upstream, self.leaves = [], [], [], {}
        self.sources, self.inputs, self.targets, self.slots, self.sent = [], [], [], [], []
        self.created_by = {}

    def reached(self) -> Iterator[int]:
        """Leaves to which a gradient came along an edge."""
        leaves = self.leaves
        for target, handle in zip(self.targets, self.sent, strict=True):
            if handle != NOTHING and target in leaves:
                yield leaves[target]

    def document(self, summaries: list[Summary | None], kinds: list[Kind], ids: Ids) -> Graph:
        own = [ids.nodes[number] for number in self.numbers]
        graph: Graph = {
            "id": f"g{self.number}",
            "kind": self.kind,
            "site": self._site,
            "retain_graph": self.retain_graph,
            "create_graph": self.create_graph,
            "roots": [self._root(row, own, summaries) for row in self.roots],
            "nodes": self._nodes(own, summaries, kinds, ids),
            "edges": self._edges(own, summaries),
            "order": [own[index] for index in self.order],
        }
        if self.failed:
            graph["failed"] = True
        if self.failed_node is not None:
            graph["failed_node"] = own[self.failed_node]
        self.clear()
        self.order = []
        return graph

    def _root(self, row: RootRow, ids: list[str], summaries: list[Summary | None]) -> Root:
        return {
            "node": ids[row.node] if row.node is not None else None,
            "output": row.output,
            "gradient": summaries[row.gradient],
            "tensor": f"t{row.tensor}" if row.tensor is not None else None,
        }

    def _nodes(
        self, own: list[str], summaries: list[Summary | None], kinds: list[Kind], ids: Ids
    ) -> list[Node]:
        found: list[Node] = []
        tensors = ids.tensors
        same: dict[SavedRow, list[Saved]] = {}
        columns = zip(
            own, self.names, self.ops, self.sequences, self.outputs, self.saved, self.upstream,
            strict=True,
        )  # fmt: skip
        for identity, name, op, sequence, outputs, saved, upstream in columns:
            node: Node = {
                "id": identity, "name": name, "op": ids.ops[op] if op >= 0 else None,
                "sequence_nr": sequence, "executed": upstream is not None,
                "outputs": (
                    [tensors[outputs]] if type(outputs) is int else
                    [None if slot is None else tensors[slot] for slot in outputs]
                ),
                "saved": _all_saved(saved, kinds, tensors, same) if saved else [],
                "upstream": (
                    [summaries[upstream]] if type(upstream) is int else
                    [summaries[handle] for handle in upstream or ()]
                ),
                "jacobians": None, "created_by": None,
            }  # fmt: skip
            found.append(node)
        for index, leaf in self.leaves.items():
            found[index]["tensor"] = tensors[leaf]
        for index, jacobians in self.jacobians.items():
            found[index]["jacobians"] = jacobians
        for index, created in self.created_by.items():
            found[index]["created_by"] = created
        for index, before in self.before_hooks.items():
            found[index]["upstream_before_hooks"] = [summaries[handle] for handle in before]
        return found

    def _edges(self, own: list[str], summaries: list[Summary | None]) -> list[Edge]:
        columns = zip(self.sources, self.inputs, self.targets, self.slots, self.sent, strict=True)
        return [
            {
                "id": f"e{number}", "source": own[source], "input": place,
                "target": own[target], "output": slot, "gradient": summaries[handle],
            }
            for number, (source, place, target, slot, handle) in enumerate(
                columns, self.first_edge
            )
        ]  # fmt: skip


def _site(place: Place) -> Site:
    site = place.site.copy()
    site["occurrence"] = place.direct()
    return site


def _all_saved(
    rows: tuple[SavedRow, ...],
    kinds: list[Kind],
    tensors: list[str],
    same: dict[SavedRow, list[Saved]],
) -> list[Saved]:
    """Nodes that keep the like of one tensor that the run does not know share one list."""
    if len(rows) > 1 or rows[0][2] >= 0:
        return [_saved(row, kinds, tensors) for row in rows]
    shared = same.get(rows[0])
    if shared is None:
        shared = same[rows[0]] = [_saved(rows[0], kinds, tensors)]
    return shared


def _saved(row: SavedRow, kinds: list[Kind], tensors: list[str]) -> Saved:
    name, index, tensor = row
    kind = kinds[index]
    saved: Saved = {
        "name": name, "shape": kind.shape, "dtype": kind.dtype, "bytes": kind.bytes,
    }  # fmt: skip
    if tensor >= 0:
        saved["tensor"] = tensors[tensor]
    return saved
