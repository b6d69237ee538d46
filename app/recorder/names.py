"""The names of a program: its module, the hidden built-ins that tell of them, and what they
stand for at the end."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

import torch

from app.recorder.errors import locals_of
from app.recorder.program import BOUND, LOCAL, LOOP, RESULT, TICK
from app.recorder.state import State
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
        #: Those of the function that the program ends with.
        self._ending: dict[str, Any] = {}
        #: The tensors of the function that failed.
        self._failing: list[tuple[str, torch.Tensor]] = []

    def provide(self, hidden: Mapping[str, Callable[..., Any]], given: Iterable[str]) -> None:
        """Give the module its built-ins, hidden ones among them; `given` are the program's own
        although they are there before it runs."""
        own = ModuleType("builtins")
        for names in (builtins.__dict__, _PROVIDED, self._tellers(), hidden):
            own.__dict__.update(names)
        self.namespace["__builtins__"] = own
        self._hidden = frozenset(self.namespace) - frozenset(given)

    def _tellers(self) -> dict[str, Callable[..., Any]]:
        """What `program` has called where loops turn and names are bound."""
        counts = self._state.places.counts
        namespace, ending, bind = self.namespace, self._ending, self._state.bind

        def loop(counter: int) -> None:
            counts[counter] = -1

        def tick(counter: int) -> None:
            counts[counter] += 1

        def bound(*names: str) -> None:
            bind(names, namespace)

        def local(name: str, value: Any = None) -> None:
            ending[name] = value
            bind((name,), ending)

        def result(value: Any) -> None:
            self.result = value

        return {LOOP: loop, TICK: tick, BOUND: bound, LOCAL: local, RESULT: result}

    def failed(self, raised: BaseException) -> dict[str, str]:
        """Where it failed in a function, that function's tensors by their names: they go with
        it, and are told before."""
        tensors = self._state.tensors
        with suppress(Exception), unheard(), torch.no_grad():
            for names in locals_of(raised):
                self._failing = named_tensors(names, frozenset())
                for name, tensor in self._failing:
                    tensors.name(tensors.id(tensor), name)
            return {name: f"t{tensors.id(tensor)}" for name, tensor in self._failing}
        return {}

    def tensors(self) -> list[tuple[str, torch.Tensor]]:
        """What all names stand for now; those of a function that failed hide others."""
        named = named_tensors(self.namespace, self._hidden)
        named += named_tensors(self._ending, frozenset())
        hidden = {name for name, _ in self._failing}
        return self._failing + [one for one in named if one[0] not in hidden]

    def release(self) -> None:
        """Let go of all that they stand for."""
        self.result = None
        self._failing = []
        self._ending.clear()
        own = self.namespace.get("__builtins__")
        self.namespace.clear()
        if isinstance(own, ModuleType):
            own.__dict__.clear()
