"""What is known of each torch function: what it does to its inputs, how it is recorded."""

from __future__ import annotations

import copy
from types import FunctionType
from typing import Any

import torch

from app.recorder.aliases import memory
from app.recorder.history import version
from app.recorder.tensors import tensors_in

#: Calls that compute nothing of the program's: looking, printing, bookkeeping.
_QUIET = frozenset(
    "__repr__ __str__ __format__ __len__ __bool__ __int__ __float__ __complex__ __index__"
    " __hash__ __dir__ __contains__ __reduce_ex__ __reduce__ __setstate__ __deepcopy__"
    " __iter__ __dlpack_device__ retain_grad backward tolist item is_shared share_memory_ type"
    " size stride dim ndimension numel nelement element_size storage_offset is_contiguous"
    " is_floating_point is_complex is_same_size is_tensor get_device is_pinned is_nonzero"
    " allclose equal result_type can_cast is_set_to _is_view is_inference is_neg is_conj"
    " is_signed is_coalesced sparse_dim dense_dim __getstate__ _reduce_ex_internal manual_seed"
    " set_rng_state get_rng_state seed initial_seed grad __cuda_array_interface__ save load".split()
)
#: Attributes that give another tensor with a history of its own.
_ATTRIBUTE_OPS = frozenset("T mT H mH real imag data".split())
#: What they give can be written to behind torch's back.
_SHARES_MEMORY = frozenset(
    "numpy __array__ storage untyped_storage data_ptr __dlpack__ set_ _typed_storage from_numpy"
    " frombuffer".split()
)
_HOOKS = frozenset(("register_hook", "register_post_accumulate_grad_hook"))
_ENTERED = frozenset(("torch.nn.functional", "torch.functional", "torch._jit_internal"))
#: May give tensors in the memory of what they are given.
_MAKES_ALIASES = frozenset(
    "T mT mH H adjoint alias as_strided atleast_1d atleast_2d atleast_3d broadcast_tensors"
    " broadcast_to chunk conj contiguous data detach diagonal dsplit expand expand_as flatten"
    " __getitem__ hsplit imag matrix_H meshgrid moveaxis movedim narrow permute positive ravel"
    " real reshape reshape_as resolve_conj resolve_neg select split split_with_sizes"
    " squeeze swapaxes swapdims t tensor_split to transpose type_as unbind unflatten unfold"
    " unsafe_chunk unsafe_split unsqueeze view view_as view_as_complex view_as_real vsplit".split()
)
_NOT_IN_PLACE_DUNDERS = frozenset("__init__ __invert__ __index__ __int__ __iter__".split())
#: These take running statistics as arguments 3 and 4, and whether they write to them as 5.
_MUTATES_BUFFERS = frozenset(("batch_norm", "instance_norm", "native_batch_norm"))


class FunctionInfo:
    """What is known of a torch function, looked up once."""

    __slots__ = (
        "func", "in_place", "is_detach", "is_empty", "is_python", "is_simple", "makes_aliases",
        "name", "sets_data", "special",
    )  # fmt: skip

    def __init__(self, func: Any) -> None:
        name = getattr(func, "__name__", type(func).__name__)
        special: str | None = None
        #: `x.data = y`: other memory, of which no version tells.
        self.sets_data = False
        if name in ("__get__", "__set__", "__delete__"):
            attribute = getattr(func.__self__, "__name__", "")
            if attribute == "grad":
                special = "grad" + name
            elif name == "__set__" and attribute == "requires_grad":
                special = "set_requires_grad"
            elif name == "__set__" and attribute == "data":
                self.sets_data = True
            elif name != "__get__" or attribute not in _ATTRIBUTE_OPS:
                special = "quiet"
            name = attribute
        elif name == "requires_grad_":
            special = "set_requires_grad"
        elif name == "backward":
            special = "backward"
        elif name in _SHARES_MEMORY:
            special = "shares_memory"
        elif name in _HOOKS:
            special = "hook"
        elif name in _QUIET:
            special = "quiet"
        self.func = func
        self.name = name
        self.special = special
        self.makes_aliases = name in _MAKES_ALIASES
        self.is_detach = name in ("detach", "detach_", "data")
        #: Written in Python, in a module whose checks let the mode in.
        self.is_python = isinstance(func, FunctionType) and func.__module__ in _ENTERED
        #: Its numbers are what was left in memory.
        self.is_empty = name in ("empty", "empty_like", "empty_strided", "new_empty")
        self.in_place = (
            (name.endswith("_") and not name.endswith("__"))
            or (name.startswith("__i") and name not in _NOT_IN_PLACE_DUNDERS)
            or name in ("__setitem__", *_MUTATES_BUFFERS)
            or self.sets_data
        )
        #: Makes new tensors and has no calls inside.
        self.is_simple = not (special or self.is_python or self.is_empty or self.in_place)

    def unversioned(self, args: tuple[Any, ...], kwargs: Any) -> list[torch.Tensor]:
        """What a call is to write into without counting up a version."""
        if self.sets_data:
            return [args[0]] if memory(args[0]) != memory(args[1]) else []
        if self.name in _MUTATES_BUFFERS:
            writes = not self.is_python and args[5:] and args[5]
            return [tensor for tensor in args[3:5] if tensor is not None] if writes else []
        if self.name.startswith("_foreach_"):  # under a dispatch mode nobody counts
            return tensors_in(list(args[:1]))
        written = [kwargs["out"]] if kwargs and "out" in kwargs else args[:1]
        return [tensor for tensor in tensors_in(list(written)) if version(tensor) is None]

    def named(self, name: str) -> FunctionInfo:
        """The same under the name of a user's own Function."""
        other = copy.copy(self)
        other.name = name
        return other


APPLY = FunctionInfo(torch.autograd.Function.apply)
