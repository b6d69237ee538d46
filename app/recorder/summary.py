"""What is shown of a tensor's numbers: all of them when few, statistics when many.

Tensors are queued and reduced together, same-shaped ones in one batch: reducing
one by one is what costs.  The queue is emptied before anything writes in place.
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import torch

from app.recorder.budget import CHARS_A_NUMBER, CHARS_A_SUMMARY, Budget
from app.trace.document import Number, Summary

_REAL = frozenset(
    {torch.float32, torch.float64, torch.float16, torch.bfloat16}
    | {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool}
)
_PLAIN = (torch.Tensor, torch.nn.Parameter)
_HEAT_SIDE = 16
#: Of how many elements in all there are heat maps.
_HEAT_ELEMENTS = 1_000_000
#: Tensors of more elements are reduced at once.
_LARGE = 16_384
_QUEUE_BYTES = 32 * 1024 * 1024
#: What a queued tensor weighs beside its numbers.
_BYTES_A_TENSOR = 600
#: From so many small tensors of a shape on, stacking them is cheaper.
_BATCH = 6

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


_shapes: dict[torch.Size, list[int]] = {}


def shape_list(shape: torch.Size) -> list[int]:
    """The shape as a list, one for all tensors of this shape: nothing may change it."""
    known = _shapes.get(shape)
    if known is None:
        if len(_shapes) > 10_000:
            _shapes.clear()
        known = _shapes[shape] = list(shape)
    return known


class Summaries:
    """Makes summaries, within a budget of characters, and counts what it cut.

    Most are filled in later, when `flush` reduces same-shaped tensors
    together.  Until then an alias of the tensor is held, so `flush` must be
    called before anything writes in place.
    """

    def __init__(self, elements: int, budget: Budget) -> None:
        self._elements = elements
        self._budget = budget
        self._queue: list[tuple[Summary, torch.Tensor]] = []
        self._queued_bytes = 0
        self._unseen_writes = False
        self.cut = 0
        self._heat_elements = _HEAT_ELEMENTS
        #: Was any number seen that is NaN or infinite?
        self.nonfinite = False

    def of(self, tensor: torch.Tensor) -> Summary | None:
        """The summary of a tensor, complete after the next `flush`.

        Must run with torch-function modes disabled.  Never raises.
        """
        budget = self._budget
        if budget.left < budget.values_until:
            self.cut += 1
            return None
        budget.left -= CHARS_A_SUMMARY * budget.copies
        dtype = tensor.dtype
        if (
            dtype in _REAL
            and type(tensor) in _PLAIN
            and tensor.layout is torch.strided
            and tensor.is_cpu
        ):
            try:
                return self._later(tensor, dtype)
            except (RuntimeError, NotImplementedError, ValueError, TypeError):
                pass  # functorch wrappers, meta tensors: below
        try:
            return self._of_any(tensor)
        except Exception:
            return _unknown(tensor)

    def share(self) -> None:
        """From now on the program may write to memory unseen: wait for nothing."""
        self.flush()
        self._unseen_writes = True

    def _later(self, tensor: torch.Tensor, dtype: torch.dtype) -> Summary:
        count = tensor.numel()
        shape = shape_list(tensor.shape)
        if not count:
            return small(shape, DTYPE_NAMES[dtype], tensor.tolist(), [])
        if count <= self._elements:
            self._budget.left -= count * CHARS_A_NUMBER * self._budget.copies
        summary: Summary = {
            "shape": shape, "dtype": DTYPE_NAMES[dtype], "norm": None, "min": None, "max": None,
            "mean": None, "nonfinite": 0, "data": None,
        }  # fmt: skip
        alias = tensor.detach()
        alias.data_ptr()  # raises for tensors without numbers
        if count > _LARGE or self._unseen_writes:
            self._fill_group([(summary, alias)])  # while it is in the processor's cache
            return summary
        self._queue.append((summary, alias))
        self._queued_bytes += count * dtype.itemsize + _BYTES_A_TENSOR
        if self._queued_bytes > _QUEUE_BYTES:
            self.flush()
        return summary

    def flush(self) -> None:
        """Fill the queued summaries, same-shaped tensors together."""
        if not self._queue:
            return
        queue, self._queue, self._queued_bytes = self._queue, [], 0
        groups: dict[Any, list[tuple[Summary, torch.Tensor]]] = {}
        for pair in queue:
            key = (pair[1].dtype, pair[1].shape)
            group = groups.get(key)
            if group is None:
                groups[key] = [pair]
            else:
                group.append(pair)
        for group in groups.values():
            self._fill_group(group)

    def _fill_group(self, group: list[tuple[Summary, torch.Tensor]]) -> None:
        """Tensors of one shape and dtype."""
        first = group[0][1]
        if len(group) < _BATCH and first.numel() <= self._elements:
            for summary, tensor in group:
                data = tensor.tolist()
                flat = data if tensor.dim() == 1 else _flatten(data) if tensor.dim() else [data]
                summary.update(small(summary["shape"], summary["dtype"], data, flat))
        else:
            with torch.no_grad():
                stacked = (
                    torch.stack([tensor for _, tensor in group])
                    if len(group) > 1
                    else first.unsqueeze(0)
                )
                numbers_too = first.numel() <= self._elements
                self._heat_elements -= stacked.numel()
                with_heat = not numbers_too and self._heat_elements > 0
                _fill([summary for summary, _ in group], stacked, numbers_too, with_heat)
        if not self.nonfinite:
            self.nonfinite = any(summary["nonfinite"] for summary, _ in group)

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
                self._budget.left -= plain.numel() * CHARS_A_NUMBER
                summary = small(
                    list(plain.shape),
                    DTYPE_NAMES.get(tensor.dtype, str(tensor.dtype)),
                    data,
                    _flatten(data) if plain.dim() else [data],
                )
                self.nonfinite = self.nonfinite or summary["nonfinite"] > 0
                return summary
            summary = _blank(list(plain.shape), DTYPE_NAMES.get(tensor.dtype, str(tensor.dtype)))
            real = torch.view_as_real(plain) if plain.is_complex() else plain
            _fill([summary], real.unsqueeze(0), with_data=False, with_heat=True)
            if plain.is_complex():
                summary["min"] = summary["max"] = summary["mean"] = None
                summary["heat"] = None
            return summary


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


def _fill(
    summaries: list[Summary], stacked: torch.Tensor, with_data: bool, with_heat: bool
) -> None:
    """Fill in the statistics, and the numbers or a heat map, of `stacked[i]` for each summary."""
    count = len(summaries)
    rows = stacked.reshape(count, -1)
    if with_data or not rows.is_floating_point():
        rows = rows.to(torch.float64)
    elif rows.dtype in (torch.float16, torch.bfloat16):
        rows = rows.to(torch.float32)
    low, high = rows.amin(dim=1), rows.amax(dim=1)  # aminmax is many times slower with a dim
    norms = torch.linalg.vector_norm(rows, dim=1).tolist()
    means = rows.mean(dim=1).tolist()
    lows, highs = low.tolist(), high.tolist()
    contents: list[Any]
    if with_data:
        contents = stacked.tolist()
    elif with_heat:
        contents = _heat(rows, count, summaries[0]["shape"]).tolist()
    else:
        contents = [None] * count
    field: Literal["data", "heat"] = "data" if with_data else "heat"
    for i, summary in enumerate(summaries):
        norm = norms[i]
        if norm - norm == 0:
            summary["norm"] = norm
            summary["min"] = lows[i]
            summary["max"] = highs[i]
            summary["mean"] = means[i]
            summary[field] = contents[i]
        else:
            summary["norm"] = number(norm)
            summary["min"] = number(lows[i])
            summary["max"] = number(highs[i])
            summary["mean"] = number(means[i])
            summary["nonfinite"] = int((~torch.isfinite(rows[i])).sum())
            summary[field] = numbers(contents[i])


def _heat(rows: torch.Tensor, count: int, shape: list[int]) -> torch.Tensor:
    """Block means, at most 16 x 16: (count, height, width)."""
    width = shape[-1] if len(shape) > 1 else rows.shape[1]
    grid = rows.view(count, 1, -1, width)
    side = (min(_HEAT_SIDE, grid.shape[2]), min(_HEAT_SIDE, width))
    return torch.nn.functional.adaptive_avg_pool2d(grid, side)[:, 0]
