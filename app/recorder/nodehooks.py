"""One hook on each node, put there and taken away cheaply.

torch's `Node.register_hook` keeps a node's hooks in a dictionary that
`_HookMixin._register_hook` makes, together with a handle for removing.  The
handle is most of the cost; here the dictionary itself is kept instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_owner: Any = torch.autograd.function._HookMixin


class _HooksOfNode(dict[Any, Any]):
    """Stays on the node: handles of hooks that the program puts there later refer to it weakly."""

    __slots__ = ("__weakref__",)


Hooks = list[dict[Any, Any]]


def register(nodes: list[Any], hooks: list[Callable[[Any, Any], None]]) -> Hooks:
    """Put `hooks[i]` on `nodes[i]`, after the hooks that are there."""
    dictionaries: Hooks = []
    key = id(dictionaries)  # calls of the engine can be inside one another

    def keep(existing: Any, hook: Any) -> tuple[Any, None]:
        if existing is None:
            existing = _HooksOfNode()
        existing[key] = hook
        dictionaries.append(existing)
        return existing, None

    outer = vars(_owner)["_register_hook"]
    _owner._register_hook = staticmethod(keep)
    try:
        for node, hook in zip(nodes, hooks, strict=True):
            node.register_hook(hook)
    finally:
        _owner._register_hook = outer
    return dictionaries


def unregister(dictionaries: Hooks) -> None:
    key = id(dictionaries)
    for hooks_of_node in dictionaries:
        hooks_of_node.pop(key, None)
