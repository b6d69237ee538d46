"""Summaries of tensors whose numbers can't be reduced together with others."""

from __future__ import annotations

import torch

from app.recorder.block import Block
from app.recorder.kinds import DTYPE_NAMES, Kind
from app.recorder.settled import Settled
from app.recorder.summary import blank, small
from app.trace.values import Summary


def unusual(tensor: torch.Tensor, elements: int) -> Summary:
    """The summary of a complex, sparse, quantized, batched or subclassed tensor.

    Raises where torch can't give its numbers.
    """
    with torch.no_grad():
        plain = tensor.detach()
        while torch._C._functorch.is_functorch_wrapped_tensor(plain):
            plain = torch._C._functorch.get_unwrapped(plain)
        if plain._is_zerotensor():  # zeros for which torch has made no memory
            plain = torch.zeros(plain.shape, dtype=plain.dtype)
        if plain.is_quantized:
            plain = plain.dequantize()
        if plain.layout is not torch.strided:
            plain = plain.to_dense()
        if plain.is_complex():
            plain = plain.resolve_conj().to(torch.complex128)
        plain = plain.resolve_neg()
        dtype = DTYPE_NAMES.get(tensor.dtype, str(tensor.dtype))
        if plain.numel() <= elements:
            return small(list(plain.shape), dtype, plain.tolist())
        kind = Kind(0, list(plain.shape), tensor.dtype, 0)
        real = torch.view_as_real(plain) if plain.is_complex() else plain
        block = Block(kind, [0], [real], with_heat=True, with_histogram=True)
        summary = Settled(block).one(0)
        if plain.is_complex():
            summary["min"] = summary["max"] = summary["mean"] = None
            summary["heat"] = summary["histogram"] = None
        return summary


def unknown(tensor: torch.Tensor) -> Summary:
    """A tensor that holds no numbers of its own (meta, fake): only its shape, if it has one."""
    try:
        shape = [int(side) for side in tensor.shape]
    except Exception:
        shape = []
    return blank(shape, DTYPE_NAMES.get(tensor.dtype, str(tensor.dtype)))
