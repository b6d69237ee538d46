"""Look-ups into the long sections of a trace.

A section may be a table, of which each entry is made when it is read: what
asks about all entries reads columns, and keeps positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Generic

from app.trace.graph import Graph, Node, Op
from app.trace.table import Row, column


class Keyed(Mapping[str, Row], Generic[Row]):
    """The entries of a section by their ids."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.ids: list[str] = column(rows, "id")
        self._positions = {name: at for at, name in enumerate(self.ids)}

    def __getitem__(self, name: str) -> Row:
        return self.rows[self._positions[name]]

    def position(self, name: str) -> int:
        return self._positions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, name: object) -> bool:
        return name in self._positions


@lru_cache(maxsize=4096)
def bare(name: str) -> str:
    """'torch.Tensor.detach' and 'detach' are both 'detach'."""
    # Rules ask for every op of a trace, whose names are few.
    return name.removesuffix(".__get__").removesuffix(".__call__").rsplit(".", 1)[-1]


def is_new(name: str) -> bool:
    """Does an op take a tensor's shape only, and none of its numbers (`zeros_like`)?"""
    return bare(name).endswith("_like") or bare(name).startswith("new_")


class Ops(Keyed[Op]):
    """The ops of a trace, by id, by what they made and read, by name and by line."""

    @cached_property
    def inputs(self) -> list[list[str]]:
        """The tensors that each op was given, by its position."""
        return column(self.rows, "inputs")

    @cached_property
    def sources(self) -> list[list[str]]:
        """The tensors of which each op took the numbers."""
        names: list[str] = column(self.rows, "name")
        new = {name for name in set(names) if is_new(name)}
        if not new:
            return self.inputs
        pairs = zip(names, self.inputs, strict=True)
        return [[] if name in new else given for name, given in pairs]

    @cached_property
    def outputs(self) -> list[list[str]]:
        return column(self.rows, "outputs")

    @cached_property
    def unrecorded(self) -> set[int]:
        """The positions of the ops that autograd did not record."""
        return {at for at, flag in enumerate(column(self.rows, "recorded")) if not flag}

    @cached_property
    def _makers(self) -> dict[str, int]:
        parents = column(self.rows, "parent")
        found: dict[str, int] = {}
        for at, (given, made) in enumerate(zip(self.inputs, self.outputs, strict=True)):
            for tensor in made:
                if tensor in given:
                    continue
                known = found.get(tensor)
                if known is None or parents[at] == self.ids[known]:
                    found[tensor] = at
        return found

    def made(self, tensor: str) -> bool:
        """Did an op put it out?"""
        return tensor in self._makers

    def making(self, tensor: str) -> int | None:
        """The position of the op that first put it out; a composite gives way to what it calls."""
        return self._makers.get(tensor)

    def maker(self, tensor: str) -> Op | None:
        """That op."""
        at = self._makers.get(tensor)
        return self.rows[at] if at is not None else None

    @cached_property
    def _readers(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for at, given in enumerate(self.inputs):
            for tensor in given if len(given) < 2 else dict.fromkeys(given):
                known = found.get(tensor)
                if known is None:
                    found[tensor] = [at]
                else:
                    known.append(at)
        return found

    def was_read(self, tensor: str) -> bool:
        return tensor in self._readers

    def reading(self, tensor: str) -> Sequence[int]:
        """The positions of the ops that were given it."""
        return self._readers.get(tensor, ())

    def readers(self, tensor: str) -> list[Op]:
        """The ops that were given it, in the order in which they ran."""
        return [self.rows[at] for at in self.reading(tensor)]

    @cached_property
    def mutated(self) -> list[list[str]]:
        return column(self.rows, "mutated")

    @cached_property
    def _writers(self) -> dict[str, list[int]]:
        """Tensor -> the ops that wrote into it and left it what it was: none was recorded."""
        found: dict[str, list[int]] = {}
        for at in sorted(self.unrecorded):
            for tensor in self.mutated[at] or ():
                found.setdefault(tensor, []).append(at)
        return found

    def ancestors(self, tensors: list[str], *, through_writes: bool = False) -> set[str]:
        """The tensors and everything they were computed from, recorded or not.

        With what was written into them, and not recorded, if `through_writes`.
        """
        #: With the position of the op that read it, before which it must have been written.
        seen = dict.fromkeys(tensors, len(self.rows))
        stack = list(tensors)
        while stack:
            tensor = stack.pop()
            maker = self._makers.get(tensor)
            made = [] if maker is None else [maker]
            if through_writes:
                made += [at for at in self._writers.get(tensor, ()) if at < seen[tensor]]
            for at in made:
                for before in self.sources[at]:
                    known = seen.get(before, -1)
                    if known < 0 or (through_writes and known < at and before in self._writers):
                        seen[before] = max(at, known)
                        stack.append(before)
        return set(seen)

    @cached_property
    def _calls(self) -> dict[str, list[int]]:
        by_name: dict[str, list[int]] = {}
        for at, name in enumerate(column(self.rows, "name")):
            by_name.setdefault(name, []).append(at)
        found: dict[str, list[int]] = {}
        for name, some in by_name.items():
            found.setdefault(bare(name), []).extend(some)
        return found

    def calls(self, *names: str) -> list[int]:
        """The positions of the ops with one of these bare names."""
        return sorted(at for name in names for at in self._calls.get(name, ()))

    def called(self, *names: str) -> Iterator[Op]:
        """The ops with one of these bare names, in the order in which they ran."""
        for at in self.calls(*names):
            yield self.rows[at]

    @cached_property
    def _lines(self) -> dict[int | None, list[int]]:
        found: dict[int | None, list[int]] = {}
        for at, line in enumerate(column(self.rows, "site.line")):
            found.setdefault(line, []).append(at)
        return found

    def on(self, line: int | None) -> list[Op]:
        """The ops of one line, in the order in which they ran."""
        found = self._lines.get(line, ()) if line is not None else ()
        return [self.rows[at] for at in found]


class GraphIndex:
    """The nodes of one graph by id and tensor, its edges by their ends."""

    def __init__(self, graph: Graph, *, left_out: bool = False) -> None:
        """`left_out`: a gradient that is None may be one that the trace's limits cut."""
        self.graph = graph
        self._left_out = left_out
        self.nodes: Keyed[Node] = Keyed(graph["nodes"])

    def field(self, node: str, path: str) -> Any:
        """One field of one node."""
        return column(self.graph["nodes"], path, (self.nodes.position(node),))[0]

    @cached_property
    def names(self) -> list[str]:
        """What the engine calls each node, by its position."""
        return column(self.graph["nodes"], "name")

    def called(self, wanted: Callable[[str], bool]) -> list[int]:
        """The positions of the nodes whose name is wanted."""
        found = {name for name in set(self.names) if wanted(name)}
        return [at for at, name in enumerate(self.names) if name in found] if found else []

    @cached_property
    def arrivals(self) -> dict[str, str]:
        """Tensor -> the node to which its gradients come: its AccumulateGrad or grad_fn."""
        leaves = column(self.graph["nodes"], "tensor")
        made = column(self.graph["nodes"], "outputs")
        found: dict[str, str] = {}
        for node, leaf, outputs in zip(self.nodes, leaves, made, strict=True):
            if leaf is not None:
                found.setdefault(leaf, node)
            for tensor in outputs:
                if tensor is not None:
                    found.setdefault(tensor, node)
        return found

    @cached_property
    def edges(self) -> list[str]:
        """The ids of the edges, by their positions."""
        return column(self.graph["edges"], "id")

    @cached_property
    def sources(self) -> list[str]:
        """The node that each edge comes from."""
        return column(self.graph["edges"], "source")

    @cached_property
    def slots(self) -> list[int]:
        """The output slot of the node that each edge leads to."""
        return column(self.graph["edges"], "output")

    @cached_property
    def came(self) -> dict[str, list[int]]:
        """Node -> positions of the edges along which something came to it."""
        targets = column(self.graph["edges"], "target")
        sizes = column(self.graph["edges"], "gradient.nonfinite")
        executed = set(self.graph["order"]) if self._left_out else set()
        found: dict[str, list[int]] = {}
        for at, (target, size) in enumerate(zip(targets, sizes, strict=True)):
            if size is None and not (target in executed and self.sources[at] in executed):
                continue
            known = found.get(target)
            if known is None:
                found[target] = [at]
            else:
                known.append(at)
        return found

    @cached_property
    def entering(self) -> dict[str, list[str]]:
        """Node -> the nodes from which an edge leads to it, also if nothing came along."""
        targets = column(self.graph["edges"], "target")
        found: dict[str, list[str]] = {}
        for source, target in zip(self.sources, targets, strict=True):
            found.setdefault(target, []).append(source)
        return found

    @cached_property
    def _leaving(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for at, source in enumerate(self.sources):
            found.setdefault(source, []).append(at)
        return found

    def leaving(self, node: str) -> Sequence[int]:
        """The positions of a node's edges, also of those along which nothing went."""
        return self._leaving.get(node, ())
