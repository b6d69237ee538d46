"""A plain run that writes down what it sees, by means that the recorder does not have.

The program's tree is rewritten so that every call, operator, index and
attribute goes through `Witness.call`; the engine is entered through a function
that puts a hook of its own on every node.
"""

from __future__ import annotations

import ast
import contextlib
import io
import operator
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import torch

from tests.recorder.oracle import is_leaf

FILE = "<snippet>"
_SEEN = "__seen__"
#: Called by their own frame, or not worth looking at.
_LEFT_ALONE = ("super", "print", "range", "locals", "zip", "isinstance", "str", "type")
_ATTRIBUTES = ("T", "mT", "H", "real", "imag", "data", "grad")
_OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.Pow: "pow",
    ast.MatMult: "matmul", ast.USub: "neg", ast.Gt: "gt", ast.Lt: "lt",
}  # fmt: skip

#: What torch's method is called where it is not as the operator.
_NAMES = {"truediv": "div"}

Span = tuple[int, int, int, int]


@dataclass
class Seen:
    """One expression that ran: what came of it, in which mode, from what."""

    span: Span
    #: It called torch, not a function of the program's own.
    is_torch: bool
    name: str
    #: Copies of the tensors that it gave, and those themselves.
    copies: list[torch.Tensor | None]
    given: list[torch.Tensor]
    #: Did any argument require grad, and was it handed through?
    inputs_require_grad: bool
    any_inputs: bool
    handed_through: bool
    grad_mode: bool
    inference_mode: bool
    requires_grad: list[bool]
    is_leaf: list[bool]


@dataclass
class Ran:
    """A node that the engine ran: what it sent, what had arrived."""

    name: str
    sent: list[torch.Tensor | None]
    arrived: list[torch.Tensor | None]


@dataclass
class Witness:
    seen: list[Seen] = field(default_factory=list)
    #: For each call of the engine the nodes in their order.
    calls: list[list[Ran]] = field(default_factory=list)
    #: After the mark of each statement: the module's tensors.
    states: dict[str, dict[str, torch.Tensor | None]] = field(default_factory=dict)

    def call(self, span: Span, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        name = getattr(function, "__name__", "").strip("_")
        if name == "apply":
            name = function.__self__.__name__
        return self._call(span, function, _NAMES.get(name, name), args, kwargs)

    def _call(self, span: Span, function: Any, name: str, args: Any, kwargs: Any) -> Any:
        before = _tensors((args, kwargs, getattr(function, "__self__", None)))
        require_grad = any(tensor.requires_grad for tensor in before)
        modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        result = function(*args, **kwargs)
        given = _tensors(result)
        self.seen.append(
            Seen(
                span, _of_torch(function), name,
                [_copy(tensor) for tensor in given], given, require_grad, bool(before),
                any(one is other for one in given for other in before), *modes,
                [tensor.requires_grad for tensor in given], [is_leaf(tensor) for tensor in given],
            )
        )  # fmt: skip
        return result

    def attribute(self, span: Span, owner: Any, name: str) -> Any:
        if isinstance(owner, torch.Tensor):
            get = getattr(torch.Tensor, name).__get__
            return self._call(span, get, name, (owner,), {})
        return getattr(owner, name)

    def engine(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def run(roots: Any, *args: Any, **kwargs: Any) -> Any:
            ran: list[Ran] = []
            nodes = _nodes(roots)
            if nodes:
                self.calls.append(ran)
            handles = [node.register_hook(_hook(node, ran)) for node in nodes]
            try:
                return original(roots, *args, **kwargs)
            finally:
                for handle in handles:
                    handle.remove()

        return run


def _hook(node: Any, ran: list[Ran]) -> Callable[[Any, Any], None]:
    name = node.name().removeprefix("torch::autograd::")

    def hook(sent: Any, arrived: Any) -> None:
        ran.append(Ran(name, [_copy(g) for g in sent], [_copy(g) for g in arrived]))

    return hook


def _gradient_edge(root: torch.Tensor) -> Any:
    with torch.inference_mode(False):
        return torch.autograd.graph.get_gradient_edge(root)


def _nodes(roots: Any) -> list[Any]:
    pending = [
        root.node if not isinstance(root, torch.Tensor) else _gradient_edge(root).node
        for root in roots
        if not isinstance(root, torch.Tensor) or root.requires_grad
    ]
    seen: dict[Any, None] = {}
    while pending:
        node = pending.pop()
        if node is not None and node not in seen:
            seen[node] = None
            pending += [following for following, _ in node.next_functions]
    return list(seen)


def _copy(tensor: torch.Tensor | None) -> torch.Tensor | None:
    """Its numbers as they are now; None where it has none that can be had."""
    if tensor is None or torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return None
    try:
        with torch.no_grad():
            return tensor.detach().clone()
    except RuntimeError:  # a batch of gradients
        return None


def _of_torch(function: Any) -> bool:
    if isinstance(getattr(function, "__self__", None), torch.Tensor):
        return True
    module = getattr(function, "__module__", None) or ""
    return module.startswith(("torch", "_operator")) and not isinstance(function, type)


def _tensors(value: Any, depth: int = 4) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if depth and isinstance(value, list | tuple):
        return [tensor for item in value for tensor in _tensors(item, depth - 1)]
    return []


class _Rewriting(ast.NodeTransformer):
    def _through(self, node: ast.expr, function: ast.expr, arguments: list[ast.expr]) -> ast.expr:
        span = ast.Constant((node.lineno, node.col_offset, node.end_lineno, node.end_col_offset))
        call = ast.Call(ast.Name(_SEEN, ast.Load()), [span, function, *arguments], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def _operator(self, node: ast.expr, kind: Any, arguments: list[ast.expr]) -> ast.expr:
        self.generic_visit(node)
        name = _OPERATORS.get(type(kind))
        if name is None:
            return node
        function = ast.Attribute(ast.Name("__operator__", ast.Load()), name, ast.Load())
        return self._through(node, function, arguments)

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id in _LEFT_ALONE:
            self.generic_visit(node)
            return node
        # (The method of a call is not looked at as an attribute.)
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        else:
            node.func = self.visit(node.func)
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        call = self._through(node, node.func, node.args)
        assert isinstance(call, ast.Call)
        call.keywords = node.keywords
        return call

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        return self._operator(node, node.op, [node.left, node.right])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        return self._operator(node, node.op, [node.operand])

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, ast.Slice):
            return node
        index = node.slice
        if isinstance(index, ast.Tuple) and any(isinstance(e, ast.Slice) for e in index.elts):
            return node
        function = ast.Attribute(ast.Name("__operator__", ast.Load()), "getitem", ast.Load())
        return self._through(node, function, [node.value, index])

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or node.attr not in _ATTRIBUTES:
            return node
        call = self._through(node, node.value, [ast.Constant(node.attr)])
        assert isinstance(call, ast.Call)
        call.func = ast.copy_location(ast.Name("__attribute__", ast.Load()), node)
        return call


def rewritten(code: str) -> ast.Module:
    tree = _Rewriting().visit(ast.parse(code))
    return ast.fix_missing_locations(tree)


class _Marks(io.StringIO):
    """Keeps the module's tensors when a statement's mark is printed."""

    def __init__(self, witness: Witness, namespace: dict[str, Any]) -> None:
        super().__init__()
        self._witness = witness
        self._namespace = namespace

    def write(self, text: str) -> int:
        if text.startswith("#"):
            tensors = {
                name: value
                for name, value in self._namespace.items()
                if isinstance(value, torch.Tensor)
            }
            self._witness.states[text] = {name: _copy(value) for name, value in tensors.items()}
        return super().write(text)


@contextlib.contextmanager
def _entered(witness: Witness) -> Iterator[None]:
    graph: Any = torch.autograd.graph
    autograd: Any = torch.autograd
    original = graph._engine_run_backward
    graph._engine_run_backward = autograd._engine_run_backward = witness.engine(original)
    try:
        yield
    finally:
        graph._engine_run_backward = autograd._engine_run_backward = original


def run(code: str, *, calls: bool) -> Witness:
    """Run with witnesses of the calls, or (as it is written) of the engine only."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    witness = Witness()
    module = ModuleType("__main__")
    names = module.__dict__
    names.update(torch=torch, nn=torch.nn, F=torch.nn.functional)
    names.update(
        {_SEEN: witness.call, "__attribute__": witness.attribute, "__operator__": operator}
    )
    tree = rewritten(code) if calls else ast.parse(code)
    main, sys.modules["__main__"] = sys.modules["__main__"], module
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(_Marks(witness, names)),
            contextlib.redirect_stderr(io.StringIO()),
            _entered(witness),
        ):
            warnings.simplefilter("ignore")
            with contextlib.suppress(Exception):
                exec(compile(tree, FILE, "exec"), names)
    finally:
        sys.modules["__main__"] = main
    return witness
