"""One trace beside its source, with the look-ups that every explanation needs."""

from __future__ import annotations

import ast
from functools import cached_property

from app.explain.source import Source
from app.trace.document import Trace, Variable
from app.trace.explanations import Evidence
from app.trace.graph import Edge, Graph, Node, Op, Tensor


class Program:
    """What ran: the trace, its source, and indices from ids to things."""

    def __init__(self, trace: Trace, code: str) -> None:
        self.trace = trace
        self.source = Source(code)
        self.tensors: dict[str, Tensor] = {t["id"]: t for t in trace["tensors"]}
        self.ops: dict[str, Op] = {o["id"]: o for o in trace["ops"]}
        self.graphs: dict[str, Graph] = {g["id"]: g for g in trace["graphs"]}
        self._arrivals: dict[str, dict[str, Node]] = {}
        self._into: dict[str, dict[str, list[Edge]]] = {}
        self._sent: dict[str, dict[str, list[Edge]]] = {}
        self._nodes_of: dict[str, dict[str, Node]] = {}
        self.variables: dict[str, Variable] = {v["name"]: v for v in trace["variables"]}

    @cached_property
    def producers(self) -> dict[str, Op]:
        """The op that first put out each tensor; composites give way to what they call."""
        found: dict[str, Op] = {}
        for op in self.trace["ops"]:
            for tensor in op["outputs"]:
                if tensor in op["inputs"]:
                    continue
                known = found.get(tensor)
                if known is None or op["parent"] == known["id"]:
                    found[tensor] = op
        return found

    @cached_property
    def consumers(self) -> dict[str, list[Op]]:
        found: dict[str, list[Op]] = {}
        for op in self.trace["ops"]:
            for tensor in dict.fromkeys(op["inputs"]):
                found.setdefault(tensor, []).append(op)
        return found

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """Engine nodes by id; a node that ran in several graphs stands with its last run."""
        return {n["id"]: n for g in self.trace["graphs"] for n in g["nodes"]}

    @cached_property
    def parameters(self) -> list[Tensor]:
        """Leaves that require grad, in order of appearance."""
        return [t for t in self.trace["tensors"] if t["is_leaf"] and t["requires_grad"]]

    def nodes_of(self, graph: Graph) -> dict[str, Node]:
        """A graph's nodes by id."""
        known = self._nodes_of.get(graph["id"])
        if known is None:
            known = self._nodes_of[graph["id"]] = {n["id"]: n for n in graph["nodes"]}
        return known

    def arrivals(self, graph: Graph) -> dict[str, Node]:
        """Tensor -> the node to which its gradients come: its AccumulateGrad or grad_fn."""
        known = self._arrivals.get(graph["id"])
        if known is None:
            known = self._arrivals[graph["id"]] = {}
            for node in graph["nodes"]:
                for tensor in (node.get("tensor"), *node["outputs"]):
                    if tensor is not None:
                        known.setdefault(tensor, node)
        return known

    def gradients_into(self, graph: Graph) -> dict[str, list[Edge]]:
        """Node id -> the edges along which something came to it."""
        known = self._into.get(graph["id"])
        if known is None:
            known = self._into[graph["id"]] = {}
            for edge in graph["edges"]:
                if edge["gradient"] is not None:
                    known.setdefault(edge["target"], []).append(edge)
        return known

    def sent_by(self, graph: Graph) -> dict[str, list[Edge]]:
        """Node id -> its edges, also those along which nothing went."""
        known = self._sent.get(graph["id"])
        if known is None:
            known = self._sent[graph["id"]] = {}
            for edge in graph["edges"]:
                known.setdefault(edge["source"], []).append(edge)
        return known

    @cached_property
    def added(self) -> dict[str, tuple[int, str | None]]:
        """Tensor -> how many gradients its .grad holds, and the graph of the last one.

        A count starts anew where the .grad was cleared.
        """
        found: dict[str, tuple[int, str | None]] = {}
        for event in self.trace["timeline"]:
            for update in event.get("updates", []):
                tensor = update["tensor"]
                count, graph = found.get(tensor, (0, None))
                if event["kind"] == "zero_grad":
                    found[tensor] = (0, graph)
                elif event["kind"] == "accumulate":
                    found[tensor] = (count + 1, event.get("graph"))
        return found

    def line(self, op: Op | None) -> int | None:
        return op["site"]["line"] if op is not None and op["site"] is not None else None

    def produced_on(self, tensor: str) -> int | None:
        return self.line(self.producers.get(tensor))

    def ops_on(self, line: int | None) -> list[Op]:
        """The ops of one line, in the order in which they ran."""
        return self._ops_by_line.get(line, []) if line is not None else []

    @cached_property
    def _ops_by_line(self) -> dict[int, list[Op]]:
        found: dict[int, list[Op]] = {}
        for op in self.trace["ops"]:
            line = self.line(op)
            if line is not None:
                found.setdefault(line, []).append(op)
        return found

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
        op = self.producers.get(tensor)
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
        for op in self.consumers.get(tensor, []) if tensor not in self.producers else ():
            found = {
                ast.unparse(node)
                for node in ast.walk(_parsed(op.get("expression") or ""))
                if isinstance(node, ast.Attribute) and node.attr == "grad"
            }
            if len(found) == 1:
                return found.pop()
        return None

    def tensor_named(self, name: str) -> Tensor | None:
        """The tensor that a variable held at the end, or the last one known by the name."""
        variable = self.variables.get(name)
        if variable is not None:
            return self.tensors.get(variable["tensor"])
        return self._last_named.get(name)

    @cached_property
    def _last_named(self) -> dict[str, Tensor]:
        return {name: t for t in self.trace["tensors"] for name in t["names"]}

    @cached_property
    def root_tensors(self) -> list[str]:
        """The tensors from which backward passes started."""
        found: list[str] = []
        for graph in self.trace["graphs"]:
            for root in graph["roots"] if graph["kind"] != "not_run" else ():
                node = self.nodes.get(root["node"] or "")
                outputs = node["outputs"] if node is not None else []
                tensor = root.get("tensor")
                if tensor is None and root["output"] < len(outputs):
                    tensor = outputs[root["output"]]
                if tensor is not None:
                    found.append(tensor)
        return list(dict.fromkeys(found))

    @cached_property
    def behind_roots(self) -> set[str]:
        """Everything that a backward pass could have come to, cut or not."""
        return self.ancestors(self.root_tensors)

    def ancestors(self, tensors: list[str]) -> set[str]:
        """The tensors and everything they were computed from, recorded or not."""
        seen = set(tensors)
        stack = list(tensors)
        while stack:
            op = self.producers.get(stack.pop())
            for before in op["inputs"] if op is not None else ():
                if before not in seen:
                    seen.add(before)
                    stack.append(before)
        return seen

    # --- evidence -------------------------------------------------------------------

    def op_evidence(self, op: Op, text: str) -> Evidence:
        return {"kind": "op", "ref": op["id"], "text": text}

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
