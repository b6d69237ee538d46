"""One trace beside its source, with the look-ups that every explanation needs."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from app.explain.extents import Extents
from app.explain.indices import GraphIndex, Keyed, Ops
from app.explain.origins import Origins
from app.explain.source import Source
from app.trace.document import EventKind, Trace, Variable
from app.trace.explanations import Evidence
from app.trace.graph import Graph, Node, Op, Tensor
from app.trace.table import column

if TYPE_CHECKING:
    from app.explain.cuts import Cut


class Change(NamedTuple):
    """An event that gave tensors a gradient, took it away, or stepped along it."""

    kind: EventKind
    line: int | None
    graph: str | None
    tensors: list[str]


_CHANGES = frozenset({"accumulate", "zero_grad", "optimizer_step"})


class Program:
    """What ran: the trace, its source, and indices from ids to things."""

    def __init__(self, trace: Trace, code: str) -> None:
        self.trace = trace
        self.source = Source(code)
        self.tensors: Keyed[Tensor] = Keyed(trace["tensors"])
        self.ops = Ops(trace["ops"])
        self.origins = Origins(self.ops)
        self.graphs: dict[str, Graph] = {g["id"]: g for g in trace["graphs"]}
        self.variables: dict[str, Variable] = {v["name"]: v for v in trace["variables"]}
        self._indices: dict[str, GraphIndex] = {}
        self._extents: dict[str, Extents] = {}
        self._told: dict[str, str] = {}
        omitted = trace["omitted"]
        self._left_out = bool(omitted.get("values"))
        #: Of what backward calls did only a part is in the trace.
        self.cut = bool(omitted.get("graphs") or omitted.get("nodes"))
        #: How far it is from tensors to the nearest cut behind and after them, and that cut.
        self.cuts_behind: dict[str, tuple[int, Cut] | None] = {}
        self.cuts_after: dict[str, tuple[int, Cut] | None] = {}

    @cached_property
    def _requiring(self) -> set[str]:
        flags = column(self.trace["tensors"], "requires_grad")
        return {tensor for tensor, flag in zip(self.tensors, flags, strict=True) if flag}

    def requires_grad(self, tensor: str) -> bool:
        return tensor in self._requiring

    @cached_property
    def parameters(self) -> list[Tensor]:
        """Leaves that require grad, in order of appearance."""
        leaves = column(self.trace["tensors"], "is_leaf")
        return [
            self.tensors[tensor]
            for tensor, leaf in zip(self.tensors, leaves, strict=True)
            if leaf and tensor in self._requiring
        ]

    def index(self, graph: Graph) -> GraphIndex:
        """The look-ups into one graph."""
        known = self._indices.get(graph["id"])
        if known is None:
            known = self._indices[graph["id"]] = GraphIndex(graph, left_out=self._left_out)
        return known

    def extents(self, graph: Graph) -> Extents:
        """How much lies between the roots of a graph and its nodes."""
        known = self._extents.get(graph["id"])
        if known is None:
            known = self._extents[graph["id"]] = Extents(self.index(graph))
        return known

    def node(self, name: str) -> Node | None:
        """An engine node; one that ran in several graphs as it was in its last run."""
        for graph in reversed(self.trace["graphs"]):
            nodes = self.index(graph).nodes
            if name in nodes:
                return nodes[name]
        return None

    @cached_property
    def changes(self) -> list[Change]:
        """What became of gradients, in order."""
        timeline = self.trace["timeline"]
        kinds = column(timeline, "kind")
        at = [number for number, kind in enumerate(kinds) if kind in _CHANGES]
        lines, graphs, tensors = (
            column(timeline, path, at) for path in ("line", "graph", "updates.tensor")
        )
        return [
            Change(kinds[number], line, graph, changed or [])
            for number, line, graph, changed in zip(at, lines, graphs, tensors, strict=True)
        ]

    @cached_property
    def in_backward(self) -> set[str]:
        """Ops that ran while the engine did: in hooks, and in the backward of a Function."""
        timeline = self.trace["timeline"]
        kinds, graphs, ops = (column(timeline, path) for path in ("kind", "graph", "op"))
        ends = {graph["id"]: graph.get("until", 0) for graph in self.trace["graphs"]}
        found: set[str] = set()
        until = -1
        for at, kind in enumerate(kinds):
            if kind == "backward":
                until = max(until, ends[graphs[at]])
            elif kind == "op" and at < until:
                found.add(ops[at])
        return found

    def stepped(self) -> list[int | None]:
        """The lines of the steps of optimizers."""
        return [change.line for change in self.changes if change.kind == "optimizer_step"]

    @cached_property
    def added(self) -> dict[str, tuple[int, str | None]]:
        """Tensor -> how many gradients its .grad holds, and the graph of the last one.

        A count starts anew where the .grad was cleared.
        """
        found: dict[str, tuple[int, str | None]] = {}
        for change in self.changes:
            for tensor in change.tensors:
                count, graph = found.get(tensor, (0, None))
                if change.kind == "zero_grad":
                    found[tensor] = (0, graph)
                elif change.kind == "accumulate":
                    found[tensor] = (count + 1, change.graph)
        return found

    def line(self, op: Op | None) -> int | None:
        return op["site"]["line"] if op is not None and op["site"] is not None else None

    def produced_on(self, tensor: str) -> int | None:
        return self.line(self.ops.maker(tensor))

    def expression(self, op: Op) -> str:
        """The op as the source writes it, on one line, or its name.

        The detach of a what-if stands in no source: it is written as it could.
        """
        text = op.get("expression") or op["name"]
        text = " ".join(text.split())
        if op["intervention"] is not None and op["name"] == "detach":
            text = f"{text if text.isidentifier() else f'({text})'}.detach()"
        return text if len(text) <= 60 else text[:57] + "..."

    def name(self, tensor: str) -> str:
        """How the reader knows a tensor: its latest name, its expression, or its shape."""
        known = self.tensors.get(tensor)
        if known is not None and known["names"]:
            return known["names"][-1]
        op = self.ops.maker(tensor)
        if op is not None and op.get("expression"):
            return self.expression(op)
        gradient = self._gradient_read(tensor)
        if gradient is not None:
            return gradient
        if known is not None:
            return f"a tensor of shape {shape_text(known['shape'])}"
        return "a tensor"

    def _gradient_read(self, tensor: str) -> str | None:
        """`x.grad`, where an expression that reads the tensor names one `.grad` only."""
        for op in self.ops.readers(tensor) if not self.ops.made(tensor) else ():
            found = {
                ast.unparse(node)
                for node in ast.walk(_parsed(op.get("expression") or ""))
                if isinstance(node, ast.Attribute) and node.attr == "grad"
            }
            if len(found) == 1:
                return found.pop()
        return None

    def called(self, tensor: str) -> list[Variable]:
        """The variables that stand for a tensor."""
        return [one for one in self.trace["variables"] if one["tensor"] == tensor]

    def tensor_named(self, name: str) -> Tensor | None:
        """The tensor that a name stood for at the error or the end, or the last one of the name."""
        error = self.trace["error"]
        tensor = error.get("locals", {}).get(name) if error is not None else None
        if tensor is not None:
            return self.tensors.get(tensor)
        variable = self.variables.get(name)
        if variable is not None:
            return self.tensors.get(variable["tensor"])
        tensor = self._last_named.get(name)
        return self.tensors[tensor] if tensor is not None else None

    @cached_property
    def _last_named(self) -> dict[str, str]:
        names = column(self.trace["tensors"], "names")
        return {name: t for t, given in zip(self.tensors, names, strict=True) for name in given}

    @cached_property
    def root_tensors(self) -> list[str]:
        """The tensors from which backward passes started."""
        found: list[str] = []
        for graph in self.trace["graphs"]:
            for root in graph["roots"] if graph["kind"] != "not_run" else ():
                tensor = root.get("tensor")
                if tensor is None:
                    node = self.node(root["node"] or "")
                    outputs = node["outputs"] if node is not None else []
                    tensor = outputs[root["output"]] if root["output"] < len(outputs) else None
                if tensor is not None:
                    found.append(tensor)
        return list(dict.fromkeys(found))

    @cached_property
    def behind_roots(self) -> set[str]:
        """Everything that a backward pass could have come to, cut or not."""
        return self.ops.ancestors(self.root_tensors)

    @cached_property
    def behind_writes(self) -> set[str]:
        """The same with what was written, unrecorded, into any of that."""
        return self.ops.ancestors(self.root_tensors, through_writes=True)

    # --- evidence -------------------------------------------------------------------

    def op_evidence(self, op: Op, text: str) -> Evidence:
        return {"kind": "op", "ref": op["id"], "text": text}

    def node_evidence(self, name: str) -> Evidence:
        """'MulBackward0: `x * y`, line 3'."""
        text = self._told.get(name)
        if text is None:
            node = self.node(name)
            assert node is not None
            op = self.ops.get(node["op"] or "")
            place = f": `{self.expression(op)}`" if op is not None else ""
            line = self.line(op)
            where = f", line {line}" if line is not None else ""
            text = self._told[name] = f"{node['name']}{place}{where}"
        return {"kind": "node", "ref": name, "text": text}

    def tensor_evidence(self, tensor: str) -> Evidence:
        """'x: float32 [3], requires_grad=False'."""
        known = self.tensors[tensor]
        flag = "requires grad" if known["requires_grad"] else "does not require grad"
        text = f"{self.name(tensor)}: {known['dtype']} {shape_text(known['shape'])}, {flag}"
        return {"kind": "tensor", "ref": tensor, "text": text}

    def line_evidence(self, line: int) -> Evidence:
        text = self.source.line(line).strip() or f"line {line}"
        return {"kind": "line", "ref": str(line), "text": text}


def _parsed(expression: str) -> ast.AST:
    try:
        return ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def written(variable: Variable) -> str:
    """A variable's name as the source writes it, without its function's."""
    return variable["name"].removeprefix(f"{variable.get('scope')}.")


def counted(number: int, noun: str) -> str:
    """'1 node', '3 nodes'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shape_text(shape: list[int]) -> str:
    """[2, 3] as code writes it; 'scalar' for []."""
    return str(shape) if shape else "[] (a scalar)"


def listed(names: list[str], most: int = 3) -> str:
    """'`a`, `b` and `c`', cut after `most` names, with no name twice."""
    unique = list(dict.fromkeys(names))
    marked = [f"`{n}`" for n in unique[:most]]
    if len(unique) > most:
        return ", ".join(marked) + f" and {len(unique) - most} more"
    if len(marked) < 2:
        return "".join(marked)
    return ", ".join(marked[:-1]) + " and " + marked[-1]
