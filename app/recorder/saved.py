"""The tensors that a node saved for its backward, looked at without unpacking them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from app.recorder.summary import DTYPE_NAMES
from app.recorder.tensors import shape_of
from app.trace.document import Op, Saved

if TYPE_CHECKING:
    from app.recorder.state import State

_saved_names: dict[type, list[str]] = {}


def saved_tensors(state: State, node: Any, op: Op | None) -> list[Saved]:
    """What a node keeps for its backward."""
    saved: list[Saved] = []
    if not _saved_names.get(type(node), True):
        return saved
    for name, raw in raw_saved(node):
        one = _one_saved(state, name, raw, node, op)
        if one is not None:
            saved.append(one)
    return saved


def raw_saved(node: Any) -> list[tuple[str, Any]]:
    """The saved tensors of a node, packed as they are; none once they have been freed."""
    kind = type(node)
    names = _saved_names.get(kind)
    if names is None:
        names = [name for name in dir(kind) if name.startswith("_raw_saved_")]
        _saved_names[kind] = names
    found: list[tuple[str, Any]] = []
    for name in names:
        try:
            raw = getattr(node, name)
        except RuntimeError:
            continue
        label = name.removeprefix("_raw_saved_")
        if isinstance(raw, list | tuple):
            found += [(f"{label}[{i}]", item) for i, item in enumerate(raw)]
        else:
            found.append((label, raw))
    return found


def _one_saved(state: State, name: str, raw: Any, node: Any, op: Op | None) -> Saved | None:
    """One tensor; if a hook packed it, it is not unpacked for looking."""
    if raw is None or raw.unpack_hook is not None:
        return None
    tensor = raw.data
    if not isinstance(tensor, torch.Tensor):
        return None
    saved: Saved = {
        "name": name,
        "shape": shape_of(tensor),
        "dtype": DTYPE_NAMES[tensor.dtype],
        "bytes": tensor.numel() * tensor.element_size(),
    }
    known = state.tensors.known(tensor)
    identity = known["id"] if known is not None else None
    if identity is None and name == "result":
        identity = (state.made_by_node.get(node._sequence_nr()) or [None])[0]
    if identity is not None:
        saved["tensor"] = state.before_replacement(identity, op)
    return saved


def complains(node: Any, message: str) -> bool:
    """Does reading what this node saved raise just this message?"""
    for name, raw in raw_saved(node):
        if raw is None or raw.unpack_hook is not None:
            continue
        try:
            getattr(node, "_saved_" + name.split("[")[0])
        except RuntimeError as raised:
            return str(raised)[:60] == message[:60]
        except AttributeError:
            continue
    return False
