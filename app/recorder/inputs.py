"""Leaves whose values the request may give: free names, and named leaves of the program."""

from __future__ import annotations

import ast
import builtins
import math
import weakref
from collections.abc import Callable
from typing import Any

import torch

from app.recorder.kinds import DTYPE_NAMES
from app.recorder.named import Named
from app.recorder.oplog import Few, several
from app.recorder.program import Program, call_at
from app.recorder.state import State
from app.recorder.summary import numbers
from app.recorder.telling import functions
from app.recorder.unheard import unheard
from app.trace.document import InputUsed
from app.trace.request import Input

INPUT = "__gradwalk_input__"

#: Free names without a value get these, one after the other.
_DEFAULTS = (0.5, 1.5, 2.0, 0.75, 1.25, 3.0)
#: Both Python's and torch's: in an expression torch's is meant.
_TORCH_FIRST = frozenset("abs sum max min pow round all any".split())
_CONSTANTS = frozenset(("pi", "e", "inf", "nan"))
_DTYPES = {name: dtype for dtype, name in DTYPE_NAMES.items()}


class InvalidInput(ValueError):
    """A value of the request that no tensor can be made of."""


def make(name: str, given: Input, default: Any, shape: list[int] | None) -> torch.Tensor:
    """The leaf `name` as the request describes it; a shape alone is filled from the seed.

    Raises `InvalidInput`.
    """
    dtype = _DTYPES.get(given.dtype)
    if dtype is None:
        raise InvalidInput(f"the input {name!r}: {given.dtype!r} is not a dtype of torch")
    wanted = given.shape if given.shape is not None else shape
    try:
        if given.value is not None:
            tensor = torch.tensor(_plain(given.value), dtype=dtype)
            if given.shape is not None:
                tensor = tensor.reshape(given.shape)
        elif wanted is not None:
            floating = dtype.is_floating_point or dtype.is_complex
            tensor = (
                torch.randn(wanted, dtype=dtype) if floating else torch.ones(wanted, dtype=dtype)
            )
        else:
            tensor = torch.tensor(default, dtype=dtype)
        return tensor.requires_grad_(given.requires_grad)
    except (RuntimeError, TypeError, ValueError) as problem:
        raise InvalidInput(f"the input {name!r}: {problem}") from problem


def _plain(value: Any) -> Any:
    """JSON's way to say NaN and infinities, as floats."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, str) else value


class Inputs:
    def __init__(self, state: State, given: dict[str, Input]) -> None:
        self._state = state
        self._given = given
        #: The number of each leaf, what gives it while it is there, and who gave its numbers.
        self._used: dict[str, tuple[int, Callable[[], torch.Tensor | None], str]] = {}
        self._assigned: set[str] = set()

    def prepare(self, program: Program, namespace: dict[str, Any]) -> None:
        """Make the leaves of an expression's free names, or mark where named leaves are made."""
        for function, scope in functions(program.tree.body):
            self._mark(function, f"{scope}.")
        self._mark(program.tree, "")
        if program.is_expression:
            self._expression(program, namespace)

    def _mark(self, tree: ast.AST, scope: str) -> None:
        """Where names are assigned to, as they are written or with the function's (`train.w`)."""
        for statement in ast.walk(tree):
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if isinstance(target, ast.Name):
                    name = scope + target.id
                    self._assigned.add(name)
                    if name in self._given:
                        given = [ast.Constant(name), statement.value]
                        statement.value = call_at(statement.value, INPUT, given)

    def _expression(self, program: Program, namespace: dict[str, Any]) -> None:
        tree = program.tree
        nodes = list(ast.walk(tree))
        calls = [n.func for n in nodes if isinstance(n, ast.Call)]
        called = {function.id for function in calls if isinstance(function, ast.Name)}
        has_matmul = any(isinstance(n, ast.MatMult) for n in nodes)
        free = [n for n in nodes if isinstance(n, ast.Name)]
        free.sort(key=lambda n: (n.lineno, n.col_offset))
        bound = {n.id for n in free if not isinstance(n.ctx, ast.Load)}
        bound |= {n.arg for n in nodes if isinstance(n, ast.arg)}
        for node in free:
            name = node.id
            if name in namespace or name in bound or name in ("torch", "nn", "F"):
                continue
            if name not in self._given and self._provide(name, name in called, namespace):
                continue
            default = _DEFAULTS[len(self._used) % len(_DEFAULTS)]
            shape = [3, 3] if has_matmul else None
            tensor = make(name, self._given.get(name, Input()), default, shape)
            namespace[name] = tensor
            self._state.bind((name,), namespace)
            self._use(name, tensor, "request" if name in self._given else "default")

    def _provide(self, name: str, called: bool, namespace: dict[str, Any]) -> bool:
        """torch's functions and constants, for a program that is only an expression."""
        if called:
            if hasattr(builtins, name) and name not in _TORCH_FIRST:
                return True
            for module in (torch, torch.nn.functional, torch.linalg, torch.special):
                value = getattr(module, name, None)
                if callable(value):
                    namespace[name] = value
                    return True
            return True  # a function of no one's: Python's own NameError says so
        if name in _CONSTANTS:
            namespace[name] = getattr(torch, name)
            return True
        return hasattr(builtins, name)

    def override(self, name: str, value: Any) -> Any:
        """Called where the program assigns to `name`: give the leaf the request's numbers."""
        given = self._given[name]
        if not isinstance(value, torch.Tensor):
            return value
        with unheard(), torch.no_grad():
            if not value.is_leaf:
                return value
            if given.value is None and given.shape is None:
                return value
            made = make(name, given, 0.0, None)
            if made.shape == value.shape:
                value.data.copy_(made)
            elif made.numel() == 1 and value.numel() == 1:
                value.data.copy_(made.reshape(value.shape))
            else:
                made = made.detach().to(value.dtype).requires_grad_(value.requires_grad)
                value = torch.nn.Parameter(made) if isinstance(value, torch.nn.Parameter) else made
            self._state.tensors.revalue(value)
            self._use(name, value, "request")
        return value

    def _use(self, name: str, tensor: torch.Tensor, source: str) -> None:
        self._used[name] = (self._state.tensors.id(tensor), weakref.ref(tensor), source)

    @property
    def leaves(self) -> set[str]:
        """The free names that became leaves, or the names whose values were given."""
        return set(self._used)

    def report(self, named: list[Named], limit: int) -> list[tuple[InputUsed, int]]:
        """All leaves that can be given, with where their present values come from.

        With each the handle of the numbers that it began with, still to be
        told as `data`: steps of an optimizer come after.
        """
        self._find_leaves(named)
        return [self._one(name, *known, limit) for name, known in self._used.items()]

    def _one(
        self,
        name: str,
        number: int,
        tensor: Callable[[], torch.Tensor | None],
        source: str,
        limit: int,
    ) -> tuple[InputUsed, int]:
        tensors = self._state.tensors
        kind, requires_grad, handle = tensors.known_of(number)
        used: InputUsed = {
            "name": name,
            "tensor": f"t{number}",
            "shape": list(kind.shape),
            "dtype": kind.dtype,
            "requires_grad": requires_grad,
            "data": None,
            "source": source,  # type: ignore[typeddict-item]
        }
        there = tensor() if handle < 0 and kind.count <= limit else None
        if there is not None:
            used["data"] = numbers(there.tolist())
        return used, handle

    def release(self) -> None:
        """Let go of the tensors."""
        self._used.clear()

    def _find_leaves(self, named: list[Named]) -> None:
        """Leaves that the program made out of nothing (or made leaves), and did not compute."""
        leaves = {
            one.name: one
            for one in named
            if one.name not in self._used and one.name in self._assigned and one.givable
        }
        computed = self._computed({one.number for one in leaves.values()})
        latest = math.inf
        if self._state.omitted.get("ops", 0):
            # What came after the last op that was recorded may be the result of one that was not.
            latest = max((n for row in self._state.ops.rows for n in several(row[7])), default=-1)
        for name, one in leaves.items():
            if one.number not in computed and one.number <= latest:
                self._used[name] = (one.number, one.tensor, "program")

    def _computed(self, wanted: set[int]) -> set[int]:
        """Which of these tensors ops made of others; the last op that gave one counts."""
        computed: set[int] = set()
        #: What autograd has followed: an update of that (`w -= 0.1 * w.grad`) comes too late to
        #: undo what was given.
        followed: set[int] = set()
        for row in self._state.ops.rows if wanted else ():
            inputs, outputs = row[6], row[7]
            if row[8] and _among(inputs, wanted):
                followed.update(wanted.intersection(several(inputs)))
            if _among(outputs, wanted):
                made = set(several(outputs)) - followed
                computed -= made
                if inputs != ():
                    computed |= made
        return computed


def _among(entry: Few, wanted: set[int]) -> bool:
    """Is any number of a row's entry wanted?"""
    return entry in wanted if isinstance(entry, int) else not wanted.isdisjoint(entry)
