"""The names of a program: its module, the hidden built-ins that tell of them, and what they
stand for at the end."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import FrameType, ModuleType
from typing import Any

import torch

from app.recorder.errors import locals_of
from app.recorder.named import Named, Shown, looked_at
from app.recorder.program import BOUND, LEFT, LOCAL, LOOP, RESULT, TICK
from app.recorder.state import State
from app.recorder.telling import Told
from app.recorder.unheard import unheard
from app.recorder.variables import named_tensors

_PROVIDED = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}


class Names:
    def __init__(self, state: State) -> None:
        self._state = state
        self.module = ModuleType("__main__")
        self.namespace = self.module.__dict__
        #: The value of the last expression.
        self.result: Any = None
        #: Names that are not the program's.
        self._hidden: frozenset[str] = frozenset()
        #: The functions of which names are told, by rank, and their names as they were left last.
        self._told: dict[int, Told] = {}
        self._left: dict[str | None, list[Named]] = {}
        #: The tensors of the function that failed.
        self._failing: list[tuple[str, torch.Tensor]] = []

    def provide(
        self,
        hidden: Mapping[str, Callable[..., Any]],
        given: Iterable[str],
        told: Iterable[Told] = (),
    ) -> None:
        """Give the module its built-ins, hidden ones among them; `given` are the program's own
        although they are there before it runs, `told` the functions of which names are told."""
        self._told = {one.rank: one for one in told}
        own = ModuleType("builtins")
        for names in (builtins.__dict__, _PROVIDED, self._tellers(), hidden):
            own.__dict__.update(names)
        self.namespace["__builtins__"] = own
        self._hidden = frozenset(self.namespace) - frozenset(given)

    def _tellers(self) -> dict[str, Callable[..., Any]]:
        """What `program` has called where loops turn, names are bound and functions left."""
        counts = self._state.places.counts
        namespace, bind, told = self.namespace, self._state.bind, self._told

        def loop(counter: int) -> None:
            counts[counter] = -1

        def tick(counter: int) -> None:
            counts[counter] += 1

        def bound(*names: str) -> None:
            bind(names, namespace)

        def local(rank: int, name: str, value: Any = None) -> None:
            if told:
                bind((name,), {name: value}, told[rank].scope)

        def left(rank: int) -> None:
            if told:
                self._leave(told[rank], sys._getframe(1))

        def result(value: Any) -> None:
            self.result = value

        return {LOOP: loop, TICK: tick, BOUND: bound, LOCAL: local, LEFT: left, RESULT: result}

    def _leave(self, function: Told, frame: FrameType) -> None:
        """A function is left: what its own names stand for (not those of functions around it)."""
        code, state = frame.f_code, self._state
        own = {*code.co_varnames, *code.co_cellvars}
        keep = function.kept or state.tape is not None
        with suppress(Exception), unheard():
            names = {name: value for name, value in frame.f_locals.items() if name in own}
            self._left[function.scope] = [
                looked_at(state, name, tensor, function.scope, keep=keep)
                for name, tensor in named_tensors(names, frozenset())
            ]

    def failed(self, raised: BaseException) -> dict[str, str]:
        """Where it failed in a function, that function's tensors by their names: they go with
        it, and are told before."""
        tensors = self._state.tensors
        with suppress(Exception), unheard(), torch.no_grad():
            for names in locals_of(raised):
                self._failing = named_tensors(names, frozenset())
                for name, tensor in self._failing:
                    tensors.names.append([(tensors.id(tensor), name)])
            return {name: f"t{tensors.id(tensor)}" for name, tensor in self._failing}
        return {}

    def shown(self) -> Shown:
        """What all names stand for now; those of a function that failed hide others."""
        state = self._state
        module = named_tensors(self.namespace, self._hidden)
        self._left[None] = [looked_at(state, *one, keep=True) for one in module]
        scopes = [None, *(function.scope for function in self._told.values())]
        self._told.clear()
        shown = Shown(scopes, self._left, state.tensors.bindings)
        failing = [looked_at(state, *one, keep=True) for one in self._failing]
        known = {(one.name, one.number) for one in failing}
        hidden = {one.name for one in failing}
        shown.variables = failing + [
            one
            for one in shown.variables
            if one.name not in hidden and (one.written, one.number) not in known
        ]
        return shown

    def release(self) -> None:
        """Let go of all that they stand for."""
        self.result = None
        self._failing = []
        self._left.clear()
        own = self.namespace.get("__builtins__")
        self.namespace.clear()
        if isinstance(own, ModuleType):
            own.__dict__.clear()
