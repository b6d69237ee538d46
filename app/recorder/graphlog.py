"""One graph as it is recorded: nodes and edges as rows, gradients as handles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, cast

from app.recorder.ids import Ids
from app.recorder.kinds import Kind
from app.recorder.places import Place
from app.recorder.readings import Readings
from app.recorder.summaries import NOTHING
from app.trace.graph import CreatedBy, Edge, Graph, GraphKind, Jacobian, Node, Root, Saved
from app.trace.table import Table, Value, picked
from app.trace.values import Site

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
        #: How many events there were when the call was over.
        self.until = 0
        #: The call raised, at this node if that is known.
        self.failed = False
        self.failed_node: int | None = None

    def clear(self) -> None:
        """Forget what is there of nodes and edges: it is not whole."""
        self.numbers, self.names, self.ops, self.sequences = [], [], [], []
        self.outputs, self.saved, self.upstream, self.leaves = [], [], [], {}
        self.sources, self.inputs, self.targets, self.slots, self.sent = [], [], [], [], []
        self.created_by = {}

    def first_nonfinite(self, readings: Readings) -> int | None:
        """The index of the first node to which, or from which, such a gradient went."""
        several = [(i, some) for i, some in enumerate(self.upstream) if isinstance(some, tuple)]
        single = [some if isinstance(some, int) else NOTHING for some in self.upstream]
        bad = {self.sources[edge] for edge in readings.bad(self.sent)}
        bad.update(readings.bad(single), (i for i, some in several if readings.bad(some)))
        return next((index for index in self.order if index in bad), None) if bad else None

    def reached(self) -> Iterator[int]:
        """Leaves to which a gradient came along an edge, and the call was not stopped."""
        leaves = {} if self.failed else self.leaves
        for target, handle in zip(self.targets, self.sent, strict=True):
            if handle != NOTHING and target in leaves:
                yield leaves[target]

    def document(self, readings: Readings, kinds: list[Kind], ids: Ids) -> Graph:
        """The graph as the trace tells it, once the run is over."""
        own = [ids.nodes[number] for number in self.numbers]
        graph: Graph = {
            "id": f"g{self.number}",
            "kind": self.kind,
            "site": self._site,
            "retain_graph": self.retain_graph,
            "create_graph": self.create_graph,
            "roots": [self._root(row, own, readings) for row in self.roots],
            "nodes": cast("list[Node]", NodeTable(self, own, readings, kinds, ids)),
            "edges": cast("list[Edge]", EdgeTable(self, own, readings)),
            "order": [own[index] for index in self.order],
            "until": self.until,
        }
        if self.failed:
            graph["failed"] = True
        if self.failed_node is not None:
            graph["failed_node"] = own[self.failed_node]
        return graph

    def _root(self, row: RootRow, ids: list[str], readings: Readings) -> Root:
        return {
            "node": ids[row.node] if row.node is not None else None,
            "output": row.output,
            "gradient": readings[row.gradient],
            "tensor": f"t{row.tensor}" if row.tensor is not None else None,
        }


class NodeTable(Table[Node]):
    """`own` are the nodes' ids."""

    def __init__(
        self, log: GraphLog, own: list[str], readings: Readings, kinds: list[Kind], ids: Ids
    ) -> None:
        self._log = log
        self._own = own
        self._readings = readings
        self._kinds = kinds
        self._ids = ids

    def __len__(self) -> int:
        return len(self._own)

    def written(self, at: Sequence[int]) -> list[Node]:
        log, tensors, ops = self._log, self._ids.tensors, self._ids.ops
        upstream = picked(log.upstream, at)
        columns = zip(
            at, picked(self._own, at), picked(log.names, at), picked(log.ops, at),
            picked(log.sequences, at), picked(log.outputs, at), picked(log.saved, at),
            upstream, _arrived(upstream, self._readings.told), strict=True,
        )  # fmt: skip
        found: list[Node] = []
        same: dict[SavedRow, list[Saved]] = {}
        for index, identity, name, op, sequence, outputs, saved, handles, arrived in columns:
            node: Node = {
                "id": identity, "name": name, "op": ops[op] if op >= 0 else None,
                "sequence_nr": sequence, "executed": handles is not None,
                "outputs": [tensors[outputs]] if type(outputs) is int else self._made(outputs),
                "saved": _all_saved(saved, self._kinds, tensors, same) if saved else [],
                "upstream": arrived, "jacobians": log.jacobians.get(index),
                "created_by": log.created_by.get(index),
            }  # fmt: skip
            if name == "AccumulateGrad":
                node["tensor"] = tensors[log.leaves[index]]
            if index in log.before_hooks:
                node["upstream_before_hooks"] = self._readings.told(log.before_hooks[index])
            found.append(node)
        return found

    def _made(self, outputs: int | tuple[int | None, ...]) -> list[str | None]:
        tensors = self._ids.tensors
        if isinstance(outputs, int):
            return [tensors[outputs]]
        return [None if slot is None else tensors[slot] for slot in outputs]

    def column(self, path: str, at: Sequence[int] | None = None) -> list[Any]:
        log = self._log
        indices = range(len(self)) if at is None else at
        match path:
            case "id":
                return picked(self._own, indices)
            case "name":
                return picked(log.names, indices)
            case "executed":
                return [one is not None for one in picked(log.upstream, indices)]
            case "outputs":
                tensors = self._ids.tensors
                return [
                    [tensors[one]] if type(one) is int else self._made(one)
                    for one in picked(log.outputs, indices)
                ]
            case "tensor":
                tensors = self._ids.tensors
                leaves = [log.leaves.get(index) for index in indices]
                return [tensors[leaf] if leaf is not None else None for leaf in leaves]
            case "upstream.nonfinite":
                return _arrived(picked(log.upstream, indices), self._readings.nonfinite)
            case "upstream.norm":
                return _arrived(picked(log.upstream, indices), self._readings.norms)
        return super().column(path, at)


class EdgeTable(Table[Edge]):
    """`own` are the nodes' ids."""

    def __init__(self, log: GraphLog, own: list[str], readings: Readings) -> None:
        self._log = log
        self._own = own
        self._readings = readings

    def __len__(self) -> int:
        return len(self._log.sources)

    def written(self, at: Sequence[int]) -> list[Edge]:
        log, own = self._log, self._own
        columns = zip(
            at, picked(log.sources, at), picked(log.inputs, at), picked(log.targets, at),
            picked(log.slots, at), self._readings.told(picked(log.sent, at)), strict=True,
        )  # fmt: skip
        first = log.first_edge
        return [
            {
                "id": f"e{first + number}", "source": own[source], "input": place,
                "target": own[target], "output": slot, "gradient": gradient,
            }
            for number, source, place, target, slot, gradient in columns
        ]  # fmt: skip

    def column(self, path: str, at: Sequence[int] | None = None) -> list[Any]:
        log, own = self._log, self._own
        numbers = range(len(self)) if at is None else at
        match path:
            case "id":
                return [f"e{log.first_edge + number}" for number in numbers]
            case "source":
                return [own[index] for index in picked(log.sources, numbers)]
            case "target":
                return [own[index] for index in picked(log.targets, numbers)]
            case "output":
                return picked(log.slots, numbers)
            case "gradient.nonfinite":
                return self._readings.nonfinite(picked(log.sent, numbers))
            case "gradient.norm":
                return self._readings.norms(picked(log.sent, numbers))
        return super().column(path, at)


def _arrived(
    upstream: list[int | tuple[int, ...] | None], read: Callable[[list[int]], list[Value]]
) -> list[list[Value]]:
    """What is read of all that arrived, by node and output slot."""
    handles: list[int] = []
    for some in upstream:
        if isinstance(some, int):
            handles.append(some)
        elif some:
            handles += some
    values = iter(read(handles))
    return [
        [next(values)] if isinstance(some, int) else list(islice(values, len(some or ())))
        for some in upstream
    ]


def _site(place: Place) -> Site:
    site = place.site.copy()
    site["occurrence"] = place.backward()
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
