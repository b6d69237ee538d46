"""Which tensors share memory: views, and what `detach()` and `.data` give."""

from __future__ import annotations

import weakref

import torch

#: A write is told of so many others; where there are more, their numbers are told at the end.
_MANY = 16


class Aliases:
    """Of each memory the tensors in it that the program has made of one another.

    All methods must run with torch-function modes disabled.
    """

    def __init__(self) -> None:
        self._by_memory: dict[int, list[weakref.ref[torch.Tensor]]] = {}
        #: From how many on it is time to look which of them are still there.
        self._room: dict[int, int] = {}

    def add(self, made: torch.Tensor, given: list[torch.Tensor]) -> None:
        """A call that gives views has `made` one, of one of the tensors `given` to it."""
        address = memory(made)
        if address is None:
            return
        known = self._by_memory.setdefault(address, [])
        if len(known) > self._room.get(address, _MANY):
            known[:] = [reference for reference in known if reference() is not None]
            self._room[address] = 2 * len(known) + _MANY
        known.append(weakref.ref(made))
        known += [weakref.ref(tensor) for tensor in given if memory(tensor) == address]

    def of(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """The others into which a write into `tensor` has written too."""
        found = [] if tensor._base is None else [tensor._base]
        address = memory(tensor)
        known = self._by_memory.get(address) if address is not None else None
        if not known:
            return found
        first, last = _stretch(tensor)
        for reference in known:
            other = reference()
            if other is None or other is tensor or any(other is one for one in found):
                continue
            if len(found) == _MANY:
                break
            start, end = _stretch(other)
            if memory(other) == address and start <= last and first <= end:
                found.append(other)
        return found


def memory(tensor: torch.Tensor) -> int | None:
    """The address of its storage."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return None  # sparse, functorch's wrappers: no memory of its own


def _stretch(tensor: torch.Tensor) -> tuple[int, int]:
    """Its first and last byte in its storage; the last before the first if it is empty."""
    start = int(tensor.storage_offset()) * tensor.element_size()
    if not tensor.numel():
        return (start, start - 1)
    sides = zip(tensor.shape, tensor.stride(), strict=True)
    extent = sum((int(side) - 1) * int(stride) for side, stride in sides)
    return (start, start + (extent + 1) * tensor.element_size() - 1)
