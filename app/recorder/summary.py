"""What is shown of a tensor's numbers: all of them when few, statistics when many.

Small tensors are read at once (later in-place changes can't falsify them).
Large ones are queued and reduced together, same-shaped ones in one batch:
reducing one by one is what costs.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch

from app.trace.document import Number, Summary

_REAL = frozenset(
    {torch.float32, torch.float64, torch.float16, torch.bfloat16}
    | {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool}
)
_PLAIN = (torch.Tensor, torch.nn.Parameter)
_HEAT_SIDE = 16
_QUEUE_BYTES = 32 * 1024 * 1024
_CHARS_A_NUMBER = 20
_CHARS_A_SUMMARY = 170

DTYPE_NAMES: dict[torch.dtype, str] = {
    value: str(value).removeprefix("torch.")
    for value in vars(torch).values()
    if isinstance(value, torch.dtype)
}
for _value in list(DTYPE_NAMES):
    DTYPE_NAMES[_value] = str(_value).removeprefix("torch.")


def number(value: Any) -> Number:
    """A real number as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return cast(Number, value)


def numbers(data: Any) -> Any:
    """Nested lists with NaN, infinities and complex numbers as JSON can hold them."""
    if isinstance(data, list):
        return [numbers(item) for item in data]
    if isinstance(data, complex):
        return [number(data.real), number(data.imag)]
    return number(data)


def _flatten(data: Any) -> list[Any]:
    while data and isinstance(data[0], list):
        data = [item for row in data for item in row]
    return cast("list[Any]", data)


class Summaries:
    """Makes summaries, within a budget of characters, and counts what it cut."""

    def __init__(self, elements: int, chars: int) -> None:
        self._elements = elements
        self._chars = chars
        self._queue: list[tuple[Summary, torch.Tensor]] = []
        self._queued_bytes = 0
        self.cut = 0

    def of(self, tensor: torch.Tensor) -> Summary | None:
        """Summarise now (small) or when `flush` is called (large).

        Must run with torch-function modes disabled.  Never raises.
        """
        self._chars -= _CHARS_A_SUMMARY
        if self._chars < 0:
            self.cut += 1
            return None
        dtype = tensor.dtype
        if dtype in _REAL and type(tensor) in _PLAIN and tensor.layout is torch.strided:
            try:
                return self._of_real(tensor, dtype)
            except (RuntimeError, NotImplementedError, ValueError, TypeError):
                pass  # functorch wrappers, meta tensors: below
        try:
            return self._of_any(tensor)
        except Exception:
            return _unknown(tensor)

    def _of_real(self, tensor: torch.Tensor, dtype: torch.dtype) -> Summary:
        count = tensor.numel()
        if count > self._elements:
            summary = _blank(list(tensor.shape), DTYPE_NAMES[dtype])
            plain = tensor.detach()
            plain.data_ptr()  # raises for tensors without numbers
            self._queue.append((summary, plain))
            self._queued_bytes += count * plain.element_size()
            if self._queued_bytes > _QUEUE_BYTES:
                self.flush()
            return summary
        data = tensor.tolist()
        self._chars -= count * _CHARS_A_NUMBER
        shape = list(tensor.shape)
        flat = data if len(shape) == 1 else [data] if not shape else _flatten(data)
        return small(shape, DTYPE_NAMES[dtype], data, flat)

    def _of_any(self, tensor: torch.Tensor) -> Summary:
        """Complex, sparse, quantized, batched and subclassed tensors."""
        with torch.no_grad():
            plain = tensor.detach()
            while torch._C._functorch.is_functorch_wrapped_tensor(plain):
                plain = torch._C._functorch.get_unwrapped(plain)
            if plain.is_quantized:
                plain = plain.dequantize()
            if plain.layout is not torch.strided:
                plain = plain.to_dense()
            if plain.is_complex():
                plain = plain.resolve_conj().to(torch.complex128)
            plain = plain.resolve_neg()
            if plain.numel() <= self._elements:
                data = plain.tolist()
                self._chars -= plain.numel() * _CHARS_A_NUMBER
                return small(
                    list(plain.shape),
                    DTYPE_NAMES.get(tensor.dtype, str(tensor.dtype)),
                    data,
                    _flatten(data) if plain.dim() else [data],
                )
            summary = _blank(list(plain.shape), DTYPE_NAMES.get(tensor.dtype, str(tensor.dtype)))
            _fill([summary], torch.view_as_real(plain) if plain.is_complex() else plain)
            if plain.is_complex():
                summary["min"] = summary["max"] = summary["mean"] = None
                summary["heat"] = None
            return summary

    def flush(self) -> None:
        """Fill the queued summaries, same-shaped tensors together."""
        queue, self._queue, self._queued_bytes = self._queue, [], 0
        groups: dict[tuple[torch.dtype, torch.Size], list[tuple[Summary, torch.Tensor]]] = {}
        for pair in queue:
            groups.setdefault((pair[1].dtype, pair[1].shape), []).append(pair)
        with torch.no_grad():
            for group in groups.values():
                summaries = [summary for summary, _ in group]
                tensors = [tensor for _, tensor in group]
                if len(tensors) == 1:
                    _fill(summaries, tensors[0])
                else:
                    _fill(summaries, torch.stack(tensors))


def small(shape: list[int], dtype: str, data: Any, flat: list[Any]) -> Summary:
    """The summary of a tensor whose numbers are all in `flat`."""
    if not flat:
        return {
            "shape": shape, "dtype": dtype, "norm": 0.0, "min": None, "max": None,
            "mean": None, "nonfinite": 0, "data": data,
        }  # fmt: skip
    if isinstance(flat[0], complex):
        bad = sum(not (math.isfinite(v.real) and math.isfinite(v.imag)) for v in flat)
        return {
            "shape": shape, "dtype": dtype,
            "norm": number(math.hypot(*(abs(v) for v in flat))),
            "min": None, "max": None, "mean": None, "nonfinite": bad, "data": numbers(data),
        }  # fmt: skip
    total = sum(flat)
    if total - total == 0:  # finite, so every element is (or too large to add up)
        return {
            "shape": shape, "dtype": dtype, "norm": math.hypot(*flat),
            "min": min(flat), "max": max(flat), "mean": total / len(flat),
            "nonfinite": 0, "data": data,
        }  # fmt: skip
    bad = sum(not math.isfinite(v) for v in flat)
    nan = any(v != v for v in flat)
    return {
        "shape": shape, "dtype": dtype, "norm": number(math.hypot(*flat)),
        "min": "NaN" if nan else number(min(flat)),
        "max": "NaN" if nan else number(max(flat)),
        "mean": number(total / len(flat)), "nonfinite": bad, "data": numbers(data),
    }  # fmt: skip


def _blank(shape: list[int], dtype: str) -> Summary:
    return {
        "shape": shape, "dtype": dtype, "norm": None, "min": None, "max": None,
        "mean": None, "nonfinite": 0, "data": None,
    }  # fmt: skip


def _unknown(tensor: torch.Tensor) -> Summary | None:
    """A tensor that holds no numbers of its own (meta, fake): only its shape."""
    try:
        return _blank([int(n) for n in tensor.shape], str(tensor.dtype).removeprefix("torch."))
    except Exception:
        return None


def _fill(summaries: list[Summary], stacked: torch.Tensor) -> None:
    """Fill in the statistics of `stacked[i]` (or of `stacked` alone) for each summary."""
    count = len(summaries)
    shape = summaries[0]["shape"]
    rows = stacked.reshape(count, -1)
    if not rows.is_floating_point():
        rows = rows.to(torch.float64)
    elif rows.dtype in (torch.float16, torch.bfloat16):
        rows = rows.to(torch.float32)
    low, high = torch.aminmax(rows, dim=1)
    norms = torch.linalg.vector_norm(rows, dim=1).tolist()
    means = rows.mean(dim=1).tolist()
    lows, highs = low.tolist(), high.tolist()
    heats = _heat(rows, count, shape).tolist()
    for i, summary in enumerate(summaries):
        summary["norm"] = number(norms[i])
        summary["min"] = number(lows[i])
        summary["max"] = number(highs[i])
        summary["mean"] = number(means[i])
        if not math.isfinite(norms[i]):
            summary["nonfinite"] = int((~torch.isfinite(rows[i])).sum())
            summary["heat"] = numbers(heats[i])
        else:
            summary["heat"] = heats[i]


def _heat(rows: torch.Tensor, count: int, shape: list[int]) -> torch.Tensor:
    """Block means, at most 16 x 16: (count, height, width)."""
    width = shape[-1] if len(shape) > 1 else rows.shape[1]
    grid = rows.view(count, 1, -1, width)
    side = (min(_HEAT_SIDE, grid.shape[2]), min(_HEAT_SIDE, width))
    return torch.nn.functional.adaptive_avg_pool2d(grid, side)[:, 0]
