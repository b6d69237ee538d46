"""The path of the module that is running, as `named_modules` of the outermost tells it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch

#: Functions in which a module makes its parameters.
CONSTRUCTORS = frozenset(
    ("__init__", "reset_parameters", "_reset_parameters", "initialize_parameters")
)
_MODULES = str(Path(torch.nn.modules.__file__).parent)


def builds_module(frame: FrameType) -> bool:
    """Is torch making the parameters of one of its own modules here?"""
    return frame.f_code.co_filename.startswith(_MODULES)


class ModulePaths:
    def __init__(self) -> None:
        self._paths: weakref.WeakKeyDictionary[Any, dict[int, str]] = weakref.WeakKeyDictionary()
        #: The last one asked for, and its paths.
        self._root: Callable[[], torch.nn.Module | None] = lambda: None
        self._of_root: dict[int, str] = {}

    def of(self, stack: list[torch.nn.Module]) -> str:
        """Path of the innermost module from the outermost one; for that one, its class name."""
        root, module = stack[0], stack[-1]
        if module is root:
            return type(root).__name__
        if self._root() is not root:
            self._root, self._of_root = weakref.ref(root), self._paths.get(root, {})
        path = self._of_root.get(id(module))
        if path is None:
            paths = {id(inner): path for path, inner in root.named_modules()}
            path = paths.setdefault(id(module), type(module).__name__)
            self._of_root = self._paths[root] = paths
        return path
