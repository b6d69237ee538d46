"""The names of the snippet at the end of its run, and what became of their .grad."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from app.recorder.named import Named
from app.recorder.state import State
from app.recorder.summaries import NOTHING
from app.trace.document import GradStatus, Variable

_MAX = 400
_MAX_ITEMS = 50
#: How many containers and objects inside one another are looked into below a name.
_DEPTH = 2


def named_tensors(
    namespace: dict[str, Any], hidden: frozenset[str]
) -> list[tuple[str, torch.Tensor]]:
    """Tensors by the expression that reaches them.

    Names, items of lists and dicts, parameters of modules and what else these
    hold, attributes of the program's own objects, and what its functions hold
    in their closures.
    """
    found: list[tuple[str, torch.Tensor]] = []
    later: list[tuple[str, Any]] = []
    for name, value in namespace.items():
        if name in hidden or (name.startswith("__") and name.endswith("__")):
            continue
        if isinstance(value, torch.Tensor):
            found.append((name, value))
        else:
            later.append((name, value))
    for name, value in later:
        found += _inside(name, value)
    return [(name, tensor) for name, tensor in found if not is_lazy(tensor)][:_MAX]


def _inside(name: str, value: Any, depth: int = _DEPTH) -> list[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.nn.Module):
        found: list[tuple[str, torch.Tensor]] = [
            (f"{name}.{path}", p) for path, p in value.named_parameters(remove_duplicate=False)
        ]
        for path, module in value.named_modules(prefix=name):
            found += _unregistered(path, module, depth)
        return found
    items: Iterable[tuple[str, Any]]
    if isinstance(value, list | tuple):
        items = [(f"{name}[{i}]", item) for i, item in enumerate(value[:_MAX_ITEMS])]
    elif isinstance(value, dict):
        items = [(f"{name}[{key!r}]", item) for key, item in list(value.items())[:_MAX_ITEMS]]
    elif isinstance(value, FunctionType) and value.__module__ == "__main__":
        items = _closure(name, value)
    elif type(value).__module__ == "__main__" and not isinstance(value, type):
        items = _attributes(name, value)
    else:
        return []
    return _in_items(items, depth)


def _in_items(items: Iterable[tuple[str, Any]], depth: int) -> list[tuple[str, torch.Tensor]]:
    found: list[tuple[str, torch.Tensor]] = []
    for path, item in items:
        if isinstance(item, torch.Tensor):
            found.append((path, item))
        elif depth:
            found += _inside(path, item, depth - 1)
    return found


def _unregistered(name: str, module: torch.nn.Module, depth: int) -> list[tuple[str, torch.Tensor]]:
    """Tensors, and lists of tensors or layers, that a module of the program's merely holds."""
    if type(module).__module__.startswith("torch."):
        return []
    held = [
        (path, item)
        for path, item in _attributes(name, module)
        if isinstance(item, torch.Tensor | list | tuple | dict)
        and not path[len(name) + 1 :].startswith("_")
    ]
    return _in_items(held, depth)


def _attributes(name: str, value: Any) -> list[tuple[str, Any]]:
    """Read where the object keeps them: the program's own __getattr__ is not called."""
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return []
    return [(f"{name}.{key}", item) for key, item in list(held.items())[:_MAX_ITEMS]]


def _closure(name: str, function: FunctionType) -> list[tuple[str, Any]]:
    """What a function's free names are bound to, as `f.<locals>.w`."""
    found: list[tuple[str, Any]] = []
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for free, cell in cells:
        try:
            found.append((f"{name}.<locals>.{free}", cell.cell_contents))
        except ValueError:
            continue  # not bound yet
    return found


def variables(state: State, named: list[Named]) -> list[Variable]:
    """Each name, its .grad and present numbers still to be told."""
    found: list[Variable] = []
    state.tensors.names.append([(one.number, one.name) for one in named])
    for one in named:
        variable: Variable = {
            "name": one.name,
            "tensor": f"t{one.number}",
            "shape": list(one.kind.shape),
            "dtype": one.kind.dtype,
            "requires_grad": one.requires_grad,
            "is_leaf": one.leaf,
            "grad_fn": one.grad_fn,
            "grad": None,
            "grad_status": _status(state, one),
            "explanation": "",
        }
        if one.scope is not None:
            variable["scope"] = one.scope
        found.append(variable)
    return found


def _status(state: State, one: Named) -> GradStatus:
    event = state.grads.events.get(one.number)
    if one.grad != NOTHING:
        if not one.leaf:
            return "retained"
        if event is not None and event != "cleared":
            return event
        # Nobody saw it come: the program set it, if backward passes were seen as a whole.
        return "accumulated" if state.omitted.keys() & {"graphs", "nodes"} else "assigned"
    if event == "cleared":
        return "cleared"
    if not one.requires_grad:
        return "no_requires_grad"
    if not state.graphs_run():
        return "backward_not_run" if one.leaf or one.retained else "not_a_leaf"
    if not one.leaf and not one.retained:
        return "not_a_leaf"
    return "not_accumulated" if one.number in state.reached() else "not_reached"
