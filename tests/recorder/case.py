"""One case of torch's own databases, run from a snippet: `current` is what it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map

#: What a snippet of the differential tests looks like.
CODE = """
from tests.recorder import case
leaves, outputs = case.forward()
roots, seeds = case.roots(outputs)
case.watch(roots)
torch.autograd.backward(roots, seeds)
"""


@dataclass
class Ran:
    """One node as plain hooks of the test saw it."""

    name: str
    sent: list[torch.Tensor | None]
    arrived: list[torch.Tensor | None]


@dataclass
class Case:
    """`build` makes fresh leaves and a thunk for the outputs; called anew for each run."""

    build: Callable[[], tuple[list[torch.Tensor], Callable[[], Any]]]
    #: Watch the nodes with hooks of the test's own (the plain run only).
    watched: bool = False
    leaves: list[torch.Tensor] = field(default_factory=list)
    outputs: list[torch.Tensor] = field(default_factory=list)
    ran: list[Ran] = field(default_factory=list)


current = Case(lambda: ([], list))


def forward() -> tuple[list[torch.Tensor], Any]:
    leaves, call = current.build()
    outputs = call()
    current.leaves = leaves
    current.outputs = [t for t in tree_flatten(outputs)[0] if isinstance(t, torch.Tensor)]
    return leaves, current.outputs


def roots(outputs: list[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The outputs that require grad, and a gradient of ones for each."""
    found = [t for t in outputs if t.requires_grad]
    return found, [torch.ones_like(t) for t in found]


def watch(roots: list[torch.Tensor]) -> None:
    """Hooks on every node, as anyone may write them."""
    if not current.watched:
        return
    seen = {torch.autograd.graph.get_gradient_edge(t).node for t in roots}
    pending = list(seen)
    while pending:
        node = pending.pop()
        node.register_hook(_hook(node.name().removeprefix("torch::autograd::")))
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                pending.append(following)


def _hook(name: str) -> Callable[[Any, Any], None]:
    def hook(sent: Any, arrived: Any) -> None:
        current.ran.append(Ran(name, [_copy(g) for g in sent], [_copy(g) for g in arrived]))

    return hook


def _copy(gradient: Any) -> torch.Tensor | None:
    return None if gradient is None else gradient.detach().clone()


def fresh(value: Any, leaves: list[torch.Tensor]) -> Any:
    """A copy of arguments in which every tensor that requires grad is a new leaf."""

    def one(item: Any) -> Any:
        if not isinstance(item, torch.Tensor):
            return item
        copy = item.detach().clone()
        if item.requires_grad:
            leaves.append(copy.requires_grad_())
        return copy

    return tree_map(one, value)
