"""The tensors that names stand for, as they were when they were looked at last.

What a function's names stood for is looked at when the function is left, and
most of it is gone when the trace is made; nothing is kept alive for being told.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import torch

from app.recorder.history import grad_fn, is_leaf
from app.recorder.kinds import Kind
from app.recorder.state import State
from app.recorder.summaries import NOTHING
from app.trace.document import Binding
from app.trace.table import Table, picked

_ROOT = re.compile(r"[^.\[]*")


_NONE: frozenset[Any] = frozenset()
#: A scope, its name, the tensor to which it was bound, and how many events there had been.
Bound = tuple[str | None, str, int, int]


class Named(NamedTuple):
    """`scope` is None of the module's names, and a function's as in `Told.scope`."""

    name: str
    scope: str | None
    number: int
    #: Gives the tensor, or None when it is gone.
    tensor: Any
    kind: Kind
    requires_grad: bool
    leaf: bool
    #: Did it ask for its gradient to be kept?
    retained: bool
    #: A leaf of floating point: its numbers can be given.
    givable: bool
    grad_fn: str | None
    #: The handle of its .grad, and of its present numbers, if those are not its first.
    grad: int
    present: int

    @property
    def root(self) -> str:
        """`net` of `net.weight`."""
        found = _ROOT.match(self.name)
        return found.group() if found is not None else self.name

    @property
    def written(self) -> str:
        """As the function itself writes it."""
        return self.name.removeprefix(f"{self.scope}.")

    @property
    def is_there(self) -> bool:
        return self.tensor() is not None

    def again(self, state: State) -> Named:
        """As it is at the end, if it is still there; the module's own was looked at just now."""
        tensor = self.tensor()
        if tensor is None:
            return self
        name, scope = self.name, self.scope
        now = looked_at(state, name, tensor, scope, keep=True) if scope is not None else self
        present = state.tensors.present(tensor)
        return now if present == now.present else now._replace(present=present)


def looked_at(
    state: State, name: str, tensor: torch.Tensor, scope: str | None = None, *, keep: bool
) -> Named:
    """Must run with torch-function modes disabled; `keep` the tensor alive."""
    number = state.tensors.id(tensor)
    leaf = is_leaf(tensor)
    retained = tensor.requires_grad and not leaf and tensor.retains_grad
    node = grad_fn(tensor)
    return Named(
        name,
        scope,
        number,
        (lambda: tensor) if keep else weakref.ref(tensor),
        state.summaries.kinds.of(tensor),
        tensor.requires_grad,
        leaf,
        retained,
        leaf and _is_own(state, tensor),
        node.name().removeprefix("torch::autograd::") if node is not None else None,
        state.grads.of(tensor, number) if leaf or retained else NOTHING,
        state.tensors.last_present(number),
    )


def _is_own(state: State, leaf: torch.Tensor) -> bool:
    return leaf.is_floating_point() and not leaf.is_nested and not state.grads.handed_out(leaf)


class Shown:
    """How the names of all scopes are told: variables, and what they were bound to.

    Where a scope before it has the same name for another tensor, a name is told
    with its scope (`train.loss`).  What two scopes have for the same tensor is
    told once, as is what is reached through objects (`net.weight`, `self.net.weight`).
    """

    def __init__(
        self,
        scopes: Sequence[str | None],
        named: Mapping[str | None, list[Named]],
        bound: list[Bound],
    ) -> None:
        self.variables: list[Named] = []
        self.bindings: list[Bound] = []
        #: What scopes so far have under a name's root: paths with their tensors, tensors bound.
        paths: dict[str, set[tuple[str, int]]] = {}
        numbers: dict[str, set[int]] = {}
        reached: set[int] = set()
        told: set[str] = set()
        steps: list[tuple[int, Bound]] = []
        if scopes == [None]:
            self.variables = list({one.name: one for one in reversed(named[None])}.values())[::-1]
            self.bindings = bound
            return
        for scope in scopes:
            own = [
                one
                for one in named.get(scope, ())
                if scope is None or one.name == one.root or one.number not in reached
            ]
            binds = [(at, one) for at, one in enumerate(bound) if one[0] == scope]
            other = {o.root for o in own if (o.name, o.number) not in paths.get(o.root, _NONE)}
            other |= {name for _, (_, name, n, _) in binds if n not in numbers.get(name, _NONE)}
            prefixed = other & (paths.keys() | numbers.keys()) if scope is not None else set()
            for one in own:
                name = f"{scope}.{one.name}" if one.root in prefixed else one.name
                if (one.name, one.number) not in paths.get(one.root, _NONE) and name not in told:
                    told.add(name)
                    self.variables.append(one._replace(name=name))
            for at, (_, name, number, step) in binds:
                if number not in numbers.get(name, _NONE):
                    shown = f"{scope}.{name}" if name in prefixed else name
                    steps.append((at, (scope, shown, number, step)))
            for one in own:
                paths.setdefault(one.root, set()).add((one.name, one.number))
                if one.name == one.root:
                    numbers.setdefault(one.name, set()).add(one.number)
            for _, (_, name, number, _) in binds:
                numbers.setdefault(name, set()).add(number)
            reached.update(one.number for one in own)
        self.bindings = [row for _, row in sorted(steps, key=itemgetter(0))]


class BindingTable(Table[Binding]):
    def __init__(self, rows: list[Bound]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def written(self, at: Sequence[int]) -> list[Binding]:
        return [
            {"name": name, "tensor": f"t{number}", "step": step}
            for _, name, number, step in picked(self._rows, at)
        ]
