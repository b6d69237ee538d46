"""What is shown of a tensor's numbers: all of them when few, statistics when many."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch

from app.recorder.kinds import Kind
from app.trace.values import Number, Summary

_HEAT_SIDE = 16
_BINS = 16
#: So many squares are added up without a loss that shows.
_ADDED_UP = 65_536
#: Up to so many elements torch's own histogram of one tensor is the faster one.
_FEW = 4096
#: From so many tensors of a kind on their numbers stay in arrays until they are told.
_MANY = 64


def number(value: Any) -> Number:
    """A real number as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return cast(Number, value)


def numbers(data: Any) -> Any:
    """Nested lists with NaN, infinities and complex numbers as JSON can hold them."""
    if isinstance(data, list):
        if data and type(data[0]) is float:
            return [
                v if v - v == 0 else "NaN" if v != v else "Infinity" if v > 0 else "-Infinity"
                for v in data
            ]
        return [numbers(item) for item in data]
    if isinstance(data, complex):
        return [number(data.real), number(data.imag)]
    return number(data)


def flatten(data: Any) -> list[Any]:
    """The numbers of nested lists in order; of a number, the number."""
    if not isinstance(data, list):
        return [data]
    while data and isinstance(data[0], list):
        data = [item for row in data for item in row]
    return cast("list[Any]", data)


def small(shape: list[int], dtype: str, data: Any) -> Summary:
    """The summary of a tensor of which all numbers are told: `data`, as `tolist` gives them."""
    flat = flatten(data)
    if not flat:
        empty = blank(shape, dtype)
        empty["norm"], empty["data"] = 0.0, data
        return empty
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


def blank(shape: list[int], dtype: str) -> Summary:
    """A summary that tells no numbers."""
    return {
        "shape": shape, "dtype": dtype, "norm": None, "min": None, "max": None,
        "mean": None, "nonfinite": 0, "data": None,
    }  # fmt: skip


class Block:
    """Tensors of one kind, reduced together: reducing one by one is what costs.

    It holds a few arrays, not Python's objects.  (What is left of a single,
    large tensor are numbers: small arrays in between large ones would keep the
    memory of those from being used again.)
    """

    __slots__ = ("bad", "contents", "counts", "handles", "kind", "statistics")

    def __init__(
        self,
        kind: Kind,
        handles: list[int],
        tensors: list[torch.Tensor],
        with_heat: bool,
        with_histogram: bool,
    ) -> None:
        self.kind = kind
        self.handles = handles
        single = len(tensors) == 1
        stacked = tensors[0].unsqueeze(0) if single else torch.stack(tensors)
        rows = _in_memory_order(tensors[0]) if single else stacked.reshape(len(tensors), -1)
        if kind.few or not rows.is_floating_point():
            rows = rows.to(torch.float64)
        elif rows.dtype in (torch.float16, torch.bfloat16):
            rows = rows.to(torch.float32)
        #: Norm, minimum, maximum and mean: columns.
        self.statistics: Any = [
            _norms(rows),
            rows.amin(dim=1),  # aminmax is many times slower with a dim
            rows.amax(dim=1),
            rows.mean(dim=1),
        ]
        total = float(self.statistics[0].sum())
        #: How many elements of each are NaN or infinite; None: of none of them.
        self.bad = None if total - total == 0 else (~torch.isfinite(rows)).sum(dim=1).tolist()
        #: All numbers, or heat maps.
        self.contents: Any = None
        if kind.few:
            self.contents = stacked
        elif with_heat:
            self.contents = _heat(stacked, kind.shape)
        self.counts: Any = None
        if with_histogram and not kind.few:
            _, low, high, _ = self.statistics
            self.counts = _histograms(rows, low, high, self.bad)
        if single:
            # Without arrays: for one number these cost more than the reduction itself.
            self.statistics = [numbers(column.tolist()) for column in self.statistics]
            self.contents = _listed(self.contents)
            self.counts = _listed(self.counts)

    def reshaped(self, kind: Kind, handle: int, tensor: torch.Tensor, with_heat: bool) -> Block:
        """Of a tensor that has the memory of this block's: only the heat map is its own."""
        other = Block.__new__(Block)
        other.kind, other.handles = kind, [handle]
        other.statistics, other.bad, other.counts = self.statistics, self.bad, self.counts
        other.contents = _listed(_heat(tensor.unsqueeze(0), kind.shape)) if with_heat else None
        return other

    @property
    def nonfinite(self) -> bool:
        return self.bad is not None and any(self.bad)


def _norms(rows: torch.Tensor) -> torch.Tensor:
    """Of each row.  torch adds square by square: of millions, a part in 1,000 gets lost."""
    norms: torch.Tensor = rows
    if rows.shape[1] > _ADDED_UP:
        norms = torch.stack(
            [torch.linalg.vector_norm(part, dim=1) for part in torch.split(rows, _ADDED_UP, dim=1)],
            dim=1,
        )
    total: torch.Tensor = torch.linalg.vector_norm(norms, dim=1)
    return total


def _in_memory_order(tensor: torch.Tensor) -> torch.Tensor:
    """All elements as one row, in any order: statistics of a transposed tensor need no copy."""
    return _sorted(tensor).reshape(1, -1)


def _sorted(tensor: torch.Tensor) -> torch.Tensor:
    """With its dimensions in the order of its memory."""
    if tensor.is_contiguous():
        return tensor
    return tensor.permute(sorted(range(tensor.dim()), key=tensor.stride, reverse=True))


def memory(tensor: torch.Tensor) -> tuple[int, int, torch.dtype, int] | None:
    """What tells the numbers of a tensor apart; None if it does not fill its memory."""
    if not _sorted(tensor).is_contiguous():
        return None
    return (tensor.data_ptr(), tensor.numel(), tensor.dtype, tensor._version)


def _listed(column: Any) -> Any:
    """A tensor as nested lists of what JSON can hold; lists and None as they are."""
    if not isinstance(column, torch.Tensor):
        return column
    if not column.is_floating_point():
        return column.tolist()
    try:
        array = column.to(torch.float64).numpy()
    except RuntimeError:  # inside a transform of torch.func, where arrays can't be had
        return numbers(column.tolist())
    finite = np.isfinite(array)
    listed = column.tolist()
    if finite.all():
        return listed
    if array.ndim == 1:
        return numbers(listed)
    for row in np.flatnonzero(~finite.all(axis=tuple(range(1, array.ndim)))).tolist():
        listed[row] = numbers(listed[row])
    return listed


def _heat(stacked: torch.Tensor, shape: list[int]) -> torch.Tensor:
    """Block means of each tensor, at most 16 x 16: (count, height, width)."""
    width = shape[-1] if len(shape) > 1 else stacked[0].numel()
    if not stacked.is_floating_point() or stacked.dtype in (torch.float16, torch.bfloat16):
        stacked = stacked.to(torch.float32)
    grid = stacked.reshape(len(stacked), -1, width)
    count, height, _ = grid.shape
    rows, columns = min(_HEAT_SIDE, height), min(_HEAT_SIDE, width)
    if height % rows or width % columns:
        return torch.nn.functional.adaptive_avg_pool2d(grid.unsqueeze(1), (rows, columns))[:, 0]
    # Blocks of one size: much the same numbers in a fifth of the time.
    across = grid.reshape(count, rows, -1, width).mean(2)
    return across.reshape(count, rows, columns, -1).mean(3)


def _histograms(
    rows: torch.Tensor, low: torch.Tensor, high: torch.Tensor, bad: list[int] | None
) -> torch.Tensor | None:
    """Counts in equal bins between the ends of each row; zeros for a row that is not finite."""
    if bad is not None and any(bad):
        counts = torch.zeros(len(bad), _BINS, dtype=torch.int64)
        finite = torch.tensor([i for i, many in enumerate(bad) if not many], dtype=torch.int64)
        if len(finite):
            found = _histograms(rows[finite], low[finite], high[finite], None)
            if found is not None:
                counts[finite] = found.to(torch.int64)
        return counts
    span = high - low
    if float(span.sum()) == float("inf"):
        return None  # the ends are too far apart for their own type
    if len(rows) == 1 and rows.shape[1] <= _FEW and float(span):
        return rows[0].histc(_BINS, float(low), float(high)).to(torch.int64).unsqueeze(0)
    width = (span / _BINS).clamp_(min=torch.finfo(rows.dtype).tiny).unsqueeze(1)
    bins = rows.sub(low.unsqueeze(1)).div_(width).clamp_(0, _BINS - 1).to(torch.int64)
    bins += torch.arange(0, len(rows) * _BINS, _BINS).unsqueeze(1)  # each has bins of its own
    return bins.view(-1).bincount(minlength=len(rows) * _BINS).view(-1, _BINS)
