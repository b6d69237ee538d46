"""One graph as it is recorded: nodes and edges as rows, gradients as handles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from app.recorder.kinds import Kind
from app.recorder.places import Place
from app.recorder.summaries import NOTHING
from app.trace.document import (
    CreatedBy,
    Edge,
    Graph,
    GraphKind,
    Jacobian,
    Node,
    Root,
    Saved,
    Site,
    Summary,
)

#: What a node keeps: a name, the number of a kind, and the tensor (-1: none the run knows).
SavedRow = tuple[str, int, int]
#: Number, name, op (-1: none), sequence number, outputs, saved tensors, leaf (-1: none).
NodeTuple = tuple[
    int, str, int, int, tuple[int | None, ...], tuple[SavedRow, ...], int
]  # fmt: skip
#: Source, input, target, output: nodes by their index in the graph.
EdgeTuple = tuple[int, int, int, int]


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
        self._site: Site | None = place.site(place.direct()) if place is not None else None
        self.roots: list[RootRow] = []
        self.nodes: list[NodeTuple] = []
        self.edges: list[EdgeTuple] = []
        #: Number of the first edge among all of the trace.
        self.first_edge = 0
        #: The handle of the gradient that went along each edge.
        self.sent: list[int] = []
        #: By node: handles of what arrived, by output slot; None: it did not run.
        self.upstream: list[tuple[int, ...] | None] = []
        #: The same before hooks of tensors changed it, where they did.
        self.before_hooks: dict[int, tuple[int, ...]] = {}
        self.jacobians: dict[int, list[Jacobian]] = {}
        #: Indices of nodes, as the engine ran them.
        self.order: list[int] = []
        self.created_by: dict[int, CreatedBy] = {}
        #: The call raised, at this node if that is known.
        self.failed = False
        self.failed_node: int | None = None

    def reached(self) -> Iterator[int]:
        """Leaves to which a gradient came along an edge."""
        nodes = self.nodes
        for (_, _, target, _), handle in zip(self.edges, self.sent, strict=True):
            if handle != NOTHING and nodes[target][6] >= 0:
                yield nodes[target][6]

    def document(self, summaries: list[Summary | None], kinds: list[Kind]) -> Graph:
        ids = [f"n{row[0]}" for row in self.nodes]
        graph: Graph = {
            "id": f"g{self.number}",
            "kind": self.kind,
            "site": self._site,
            "retain_graph": self.retain_graph,
            "create_graph": self.create_graph,
            "roots": [self._root(row, ids, summaries) for row in self.roots],
            "nodes": [
                self._node(index, row, summaries, kinds) for index, row in enumerate(self.nodes)
            ],
            "edges": self._edges(ids, summaries),
            "order": [ids[index] for index in self.order],
        }
        if self.failed:
            graph["failed"] = True
        if self.failed_node is not None:
            graph["failed_node"] = ids[self.failed_node]
        return graph

    def _root(self, row: RootRow, ids: list[str], summaries: list[Summary | None]) -> Root:
        return {
            "node": ids[row.node] if row.node is not None else None,
            "output": row.output,
            "gradient": summaries[row.gradient],
            "tensor": f"t{row.tensor}" if row.tensor is not None else None,
        }

    def _node(
        self, index: int, row: NodeTuple, summaries: list[Summary | None], kinds: list[Kind]
    ) -> Node:
        number, name, op, sequence, outputs, saved, leaf = row
        upstream = self.upstream[index]
        node: Node = {
            "id": f"n{number}", "name": name, "op": f"o{op}" if op >= 0 else None,
            "sequence_nr": sequence, "executed": upstream is not None,
            "outputs": [f"t{tensor}" if tensor is not None else None for tensor in outputs],
            "saved": [_saved(one, kinds) for one in saved],
            "upstream": [summaries[handle] for handle in upstream or ()],
            "jacobians": self.jacobians.get(index), "created_by": self.created_by.get(index),
        }  # fmt: skip
        if leaf >= 0:
            node["tensor"] = f"t{leaf}"
        if index in self.before_hooks:
            before = self.before_hooks[index]
            node["upstream_before_hooks"] = [summaries[handle] for handle in before]
        return node

    def _edges(self, ids: list[str], summaries: list[Summary | None]) -> list[Edge]:
        sent = self.sent
        first = self.first_edge
        return [
            {
                "id": f"e{first + i}", "source": ids[source], "input": number,
                "target": ids[target], "output": output, "gradient": summaries[sent[i]],
            }
            for i, (source, number, target, output) in enumerate(self.edges)
        ]  # fmt: skip


def _saved(row: SavedRow, kinds: list[Kind]) -> Saved:
    name, index, tensor = row
    kind = kinds[index]
    saved: Saved = {
        "name": name, "shape": kind.shape, "dtype": kind.dtype, "bytes": kind.bytes,
    }  # fmt: skip
    if tensor >= 0:
        saved["tensor"] = f"t{tensor}"
    return saved
