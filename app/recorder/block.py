"""Tensors of one kind, read together: what is told of many numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from app.recorder.history import version
from app.recorder.kinds import Kind
from app.recorder.summary import number, numbers

#: So much is reduced together: it fits into the processor's cache, and its room stays there.
BLOCK_BYTES = 256 * 1024
_room = torch.empty(BLOCK_BYTES, dtype=torch.uint8)
_HEAT_SIDE = 16
_BINS = 16
#: So many squares are added up without a loss that shows (below 1e-5).
_ADDED_UP = 131_072
#: Up to so many elements torch's own histogram of one tensor is the faster one.
_FEW = 4096


class Block:
    """Tensors of one kind, reduced together: reducing one by one is what costs.

    It holds a few arrays, not Python's objects.
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
        #: Norm, minimum, maximum and mean: columns.
        self.statistics: Sequence[Any]
        #: How many elements of each are NaN or infinite; None: of none of them.
        self.bad: list[int] | None
        #: All numbers, or heat maps.
        self.contents: Any = None
        self.counts: Any = None
        if len(tensors) == 1:
            self._read_one(tensors[0], with_heat, with_histogram)
        else:
            self._read_many(_stacked(kind, tensors), with_heat, with_histogram)

    def _read_many(self, stacked: torch.Tensor, with_heat: bool, with_histogram: bool) -> None:
        few = self.kind.few
        rows = _precise(stacked.reshape(len(stacked), -1), few)
        low, high = rows.amin(dim=1), rows.amax(dim=1)  # aminmax is many times slower with a dim
        # In a wider type no square is lost, and what is too small for it costs dearly only once.
        wide = rows.double() if rows.dtype == torch.float32 and _is_far(low, high) else rows
        norms = torch.linalg.vector_norm(wide, dim=1)
        means = wide.mean(dim=1)
        least, most = (float(norm) for norm in norms.aminmax())
        finite = most - most == 0
        self.bad = None if finite else (~torch.isfinite(rows)).sum(dim=1).tolist()
        if not finite or least < _least(wide.dtype):
            self._correct(wide, norms, means, low, high)
        self.statistics = (norms, low, high, means)
        if few:
            self.contents = stacked
        elif with_heat:
            self.contents = _heat(stacked, self.kind.shape)
        if with_histogram and not few:
            self.counts = _histograms(rows, low, high, self.bad)

    def _read_one(self, tensor: torch.Tensor, with_heat: bool, with_histogram: bool) -> None:
        """To numbers at once: small arrays cost more than the reduction itself.

        (And in between large ones they would keep the memory of those from being used again.)
        """
        few = self.kind.few
        # Statistics are of the elements in any order: of a transposed tensor there is no copy.
        row = _precise(in_order(tensor).reshape(-1), few)
        # What is not in the cache yet comes quickest for the dot product, so that is first.
        norm, mean = _norm(row), row.sum().item() / row.numel()
        low, high = _ends(row)
        finite = norm - norm == 0
        self.bad = None if finite else [int((~torch.isfinite(row)).sum())]
        if not finite or (norm < _least(row.dtype) and (low or high)):
            norm, mean = _scaled(row, low, high)
        self.statistics = [(number(value),) for value in (norm, low, high, mean)]
        if few:
            self.contents = _listed(tensor.unsqueeze(0))
        elif with_heat:
            self.contents = _listed(_heat(tensor.unsqueeze(0), self.kind.shape))
        if with_histogram and not few:
            least, most = row.new_tensor([[low], [high]])
            self.counts = _listed(_histograms(row.unsqueeze(0), least, most, self.bad))

    def _correct(
        self,
        rows: torch.Tensor,
        norms: torch.Tensor,
        means: torch.Tensor,
        low: torch.Tensor,
        high: torch.Tensor,
    ) -> None:
        """Norms and means of finite rows of which squares or sums leave the range of their type."""
        size = torch.maximum(high, -low).to(rows.dtype)
        far = (norms < _least(rows.dtype)) & (size > 0)
        if self.bad is not None:
            far |= (norms == math.inf) & (size < math.inf)
        at = far.nonzero().flatten()
        if at.numel():
            size = size[at]
            scaled = rows[at] / size.unsqueeze(1)
            norms[at] = torch.linalg.vector_norm(scaled, dim=1) * size
            means[at] = scaled.mean(dim=1) * size

    def reshaped(self, kind: Kind, handle: int, drawn: torch.Tensor | None) -> Block:
        """Of a tensor that has the memory of this block's: only the heat map is its own."""
        other = Block.__new__(Block)
        other.kind, other.handles = kind, [handle]
        other.statistics, other.bad, other.counts = self.statistics, self.bad, self.counts
        other.contents = None
        if drawn is not None:
            with torch.no_grad():
                other.contents = _listed(_heat(drawn.unsqueeze(0), kind.shape))
        return other

    @property
    def nonfinite(self) -> bool:
        return self.bad is not None and any(self.bad)


def _stacked(kind: Kind, tensors: list[torch.Tensor]) -> torch.Tensor:
    """Side by side; in the one room for that where they are not kept."""
    size = kind.bytes * len(tensors)
    if kind.few or size > BLOCK_BYTES:
        return torch.stack(tensors)
    room = _room[:size].view(tensors[0].dtype).view(len(tensors), *kind.shape)
    return torch.stack(tensors, out=room)


def _precise(rows: torch.Tensor, few: bool) -> torch.Tensor:
    """As numbers with which reductions lose nothing that shows."""
    if few or not rows.is_floating_point():
        return rows.to(torch.float64)
    return rows.to(torch.float32) if rows.dtype in (torch.float16, torch.bfloat16) else rows


def _norm(row: torch.Tensor) -> float:
    """The dot product is the quickest; of millions of float32 at a time a part would get lost."""
    if row.numel() <= _ADDED_UP:
        return math.sqrt(row.dot(row).item())
    return math.sqrt(sum(part.dot(part).item() for part in torch.unsafe_split(row, _ADDED_UP)))


def _ends(row: torch.Tensor) -> tuple[float, float]:
    """The smallest and the largest number, or NaN twice; numpy finds them more quickly."""
    try:
        array = row.numpy()
    except RuntimeError:  # inside a transform of torch.func, where arrays can't be had
        return row.amin().item(), row.amax().item()
    return float(np.minimum.reduce(array)), float(np.maximum.reduce(array))


def _is_far(low: torch.Tensor, high: torch.Tensor) -> bool:
    """Are there rows of which the squares may leave the range of their type?"""
    size = torch.maximum(high, -low)
    largest = float(size.amax())
    if not largest < 1 / _least(size.dtype):
        return True
    least = float(size.amin())
    return least < _least(size.dtype) and bool(((size > 0) & (size < _least(size.dtype))).any())


@cache
def _least(dtype: torch.dtype) -> float:
    """Below this norm the squares of numbers are lost."""
    tiny: float = torch.finfo(dtype).tiny
    return 1e3 * math.sqrt(tiny)


def _scaled(row: torch.Tensor, low: float, high: float) -> tuple[float, float]:
    """Norm and mean of the row divided by its largest number, and multiplied by it again."""
    size = max(high, -low)
    if not 0 < size < math.inf:
        size = 1.0
    scaled = row / size
    return _norm(scaled) * size, scaled.mean().item() * size


def in_order(tensor: torch.Tensor) -> torch.Tensor:
    """With its dimensions in the order of its memory."""
    if tensor.is_contiguous():
        return tensor
    if tensor.dim() == 2:
        return tensor.t()
    strides = tensor.stride()
    return tensor.permute(sorted(range(len(strides)), key=strides.__getitem__, reverse=True))


def memory(tensor: torch.Tensor) -> tuple[int, int, torch.dtype, int] | None:
    """What tells apart the numbers of a tensor that is `in_order`; None if it has gaps."""
    written = version(tensor)
    if written is None or not tensor.is_contiguous():
        return None
    return (tensor.data_ptr(), tensor.numel(), tensor.dtype, written)


def _listed(column: Any) -> Any:
    """A tensor as nested lists of what JSON can hold; lists and None as they are."""
    if not isinstance(column, torch.Tensor):
        return column
    if not column.is_floating_point():
        return column.tolist()
    try:
        array = (column.float() if column.dtype == torch.bfloat16 else column).numpy()
    except RuntimeError:  # inside a transform of torch.func, where arrays can't be had
        return numbers(column.tolist())
    finite = np.isfinite(array)
    if finite.all():
        return array.tolist()
    rows = np.flatnonzero(~finite.all(axis=tuple(range(1, array.ndim))))
    if array.ndim == 1 or 2 * len(rows) > len(array):
        return _told(array)
    listed = array.tolist()
    for row, told in zip(rows.tolist(), _told(array[rows]), strict=True):
        listed[row] = told
    return listed


def _told(array: Any) -> Any:
    """An array of which not all is finite as nested lists."""
    cells = array.astype(object)
    cells[np.isnan(array)] = "NaN"
    cells[array == np.inf] = "Infinity"
    cells[array == -np.inf] = "-Infinity"
    return cells.tolist()


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
