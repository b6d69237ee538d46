"""Hearing that a leaf's gradient was accumulated before the program's own hooks do.

A node's hook is called when the node is over, and an AccumulateGrad is over
when the post-accumulate hooks of its leaf have run: what those do would be told
before what they were called for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch


class LeafHooks:
    """Stands before the hooks of those leaves that have any, for the time of a backward call.

    `comes` is told a node's index and what arrived there, before it is added to
    the leaf's .grad (and must not keep it: the engine makes it .grad without a copy
    if nobody else has it); `came` the index, after.
    """

    def __init__(
        self,
        nodes: list[Any],
        leaves: dict[int, torch.Tensor],
        comes: Callable[[int, Any], None],
        came: Callable[[int, torch.Tensor], None],
    ) -> None:
        self._handles: list[Any] = []
        #: The hooks of each leaf that has any, by the index of its node.
        self.of_leaves: dict[int, dict[Any, Any]] = {}
        for index, leaf in leaves.items():
            hooks: Any = leaf._post_accumulate_grad_hooks
            if hooks:
                self._handles.append(nodes[index].register_prehook(partial(comes, index)))
                own = list(hooks.items())
                hooks.clear()
                hooks[id(self)] = partial(came, index)
                hooks.update(own)
                self.of_leaves[index] = hooks

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        for hooks in self.of_leaves.values():
            hooks.pop(id(self), None)
