"""The tensors that a node saved for its backward, looked at without unpacking them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from app.recorder.graphlog import SavedRow

if TYPE_CHECKING:
    from app.recorder.state import State

_PREFIX = "_raw_saved_"
#: Where nodes of a type keep saved tensors, and what these are called.
Attributes = list[tuple[str, str]]
_attributes: dict[type, Attributes] = {}
_SEVERAL = (list, tuple)


def saved_tensors(
    state: State, node: Any, attributes: Attributes, op: int, outputs: int | tuple[int | None, ...]
) -> tuple[SavedRow, ...]:
    """What a node keeps for its backward; `outputs` are the tensors that it made."""
    found: list[SavedRow] = []
    known, kind_of = state.tensors.by_address, state.summaries.kinds.of
    for name, raw in raw_saved(node, attributes):
        # If a hook packed it, it is not unpacked for looking.
        if raw is None or raw.unpack_hook is not None:
            continue
        tensor = raw.data
        if tensor is None or not isinstance(tensor, torch.Tensor):
            continue
        number = -1
        entry = known.get(id(tensor))
        if entry is not None and entry[0]() is tensor:
            number = state.before_replacement(entry[1], op)
        elif name == "result":
            made = outputs if isinstance(outputs, int) else next(iter(outputs), None)
            number = -1 if made is None else state.before_replacement(made, op)
        found.append((name, kind_of(tensor).index, number))
    return tuple(found)


def attributes_of(kind: type) -> Attributes:
    attributes = _attributes.get(kind)
    if attributes is None:
        names = [name for name in dir(kind) if name.startswith(_PREFIX)]
        attributes = _attributes[kind] = [(name, name.removeprefix(_PREFIX)) for name in names]
    return attributes


def raw_saved(node: Any, attributes: Attributes | None = None) -> Iterator[tuple[str, Any]]:
    """The saved tensors of a node, packed as they are; none once they have been freed."""
    for attribute, label in attributes_of(type(node)) if attributes is None else attributes:
        try:
            raw = getattr(node, attribute)
        except RuntimeError:
            continue
        if type(raw) in _SEVERAL:
            for i, item in enumerate(raw):
                yield f"{label}[{i}]", item
        else:
            yield label, raw


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
