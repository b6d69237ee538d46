"""One hook on each node, put there and taken away cheaply.

torch's `Node.register_hook` keeps a node's hooks in a dictionary that
`_HookMixin._register_hook` makes, together with a handle for removing.  The
handle is most of the cost; here the dictionary itself is kept instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

_owner: Any = torch.autograd.function._HookMixin


class _HooksOfNode(dict[Any, Any]):
    """Stays on the node: handles of hooks that the program puts there later refer to it weakly."""

    __slots__ = ("__weakref__",)


class Hooks:
    """The hooks of one call of the engine."""

    def __init__(self, nodes: list[Any], hooks: Iterable[Callable[[Any, Any], None]]) -> None:
        """Put `hooks[i]` on `nodes[i]`, after the hooks that are there."""
        #: Calls of the engine can be inside one another.  (Keys that are texts take less room.)
        self._key = key = str(id(self))
        self._dictionaries: list[dict[Any, Any]] = []
        dictionaries = self._dictionaries

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

    def remove(self, index: int) -> None:
        """That of `nodes[index]`, if it is still there."""
        hooks_of_node = self._dictionaries[index]
        if len(hooks_of_node) == 1 and self._key in hooks_of_node:
            hooks_of_node.clear()  # without the room for others, which is most of it
        else:
            hooks_of_node.pop(self._key, None)

    def remove_all(self) -> None:
        for index in range(len(self._dictionaries)):
            self.remove(index)
