"""The tensors that a node saved for its backward, looked at without unpacking them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from app.recorder.graphlog import SavedRow

if TYPE_CHECKING:
    from app.recorder.state import State

_PREFIX = "_raw_saved_"
#: By type of node: the attributes, and what the tensors are called.
_attributes: dict[type, list[tuple[str, str]]] = {}


def saved_tensors(
    state: State, node: Any, op: int, outputs: int | tuple[int | None, ...]
) -> tuple[SavedRow, ...]:
    """What a node keeps for its backward; `outputs` are the tensors that it made."""
    found: list[SavedRow] = []
    for name, raw in raw_saved(node):
        # If a hook packed it, it is not unpacked for looking.
        if raw is None or raw.unpack_hook is not None:
            continue
        tensor = raw.data
        if not isinstance(tensor, torch.Tensor):
            continue
        number = state.tensors.known(tensor)
        if number is None and name == "result":
            number = outputs if isinstance(outputs, int) else next(iter(outputs), None)
        number = -1 if number is None else state.before_replacement(number, op)
        found.append((name, state.summaries.kinds.of(tensor).index, number))
    return tuple(found)


def attributes_of(kind: type) -> list[tuple[str, str]]:
    """Where nodes of a kind keep saved tensors, and what these are called."""
    attributes = _attributes.get(kind)
    if attributes is None:
        names = [name for name in dir(kind) if name.startswith(_PREFIX)]
        attributes = _attributes[kind] = [(name, name.removeprefix(_PREFIX)) for name in names]
    return attributes


def raw_saved(node: Any) -> list[tuple[str, Any]]:
    """The saved tensors of a node, packed as they are; none once they have been freed."""
    found: list[tuple[str, Any]] = []
    for attribute, label in attributes_of(type(node)):
        try:
            raw = getattr(node, attribute)
        except RuntimeError:
            continue
        if isinstance(raw, list | tuple):
            found += [(f"{label}[{i}]", item) for i, item in enumerate(raw)]
        else:
            found.append((label, raw))
    return found


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
