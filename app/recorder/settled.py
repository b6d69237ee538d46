"""A block of summaries once the run is over: each is told when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, cast

import numpy as np
import torch

from app.recorder.block import Block
from app.recorder.summary import numbers
from app.trace.values import Number, Summary

#: From so many tensors on, their numbers stay in arrays until they are told.
_MANY = 64


class Settled:
    """A block's numbers in what is quicker to read row by row than torch's arrays:
    lists of a few (from the first time on that one is asked for), numpy's arrays of many.

    Not to be made inside a transform of torch.func, where arrays can't be had.
    """

    __slots__ = (
        "_bad",
        "_contents",
        "_counts",
        "_few",
        "_finite",
        "_kind",
        "_listed",
        "_statistics",
    )  # fmt: skip

    def __init__(self, block: Block) -> None:
        self._kind = block.kind
        self._bad = block.bad
        self._contents, self._counts = _array(block.contents), _array(block.counts)
        self._few = len(block.handles) < _MANY
        #: Does it hold lists by now, of what JSON can hold?
        self._listed = len(block.handles) == 1
        self._finite = True
        self._statistics: Any
        if self._listed:
            self._statistics = [[column[0] for column in block.statistics]]
            return
        self._statistics = np.array([column.numpy() for column in block.statistics]).T
        # Finite numbers may still have a mean or a heat map that is not.
        few = self._kind.few and self._bad is None
        self._finite = bool(np.isfinite(self._statistics).all()) and (
            few or self._contents is None or bool(np.isfinite(self._contents).all())
        )

    def one(self, row: int) -> Summary:
        """The summary of one of its tensors."""
        if self._few and not self._listed:
            self._statistics, self._contents, self._counts = self._read(slice(None))
            self._listed = True
        statistics, content, counts = (
            part[row] if part is not None else None
            for part in (self._statistics, self._contents, self._counts)
        )
        if not self._listed:
            statistics, content, counts = (
                part.tolist() if part is not None else None
                for part in (statistics, content, counts)
            )
            if not self._finite:
                statistics, content = numbers(statistics), numbers(content)
        return self._summary(row, statistics, content, counts)

    def told(self, rows: list[int]) -> list[Summary]:
        """The summaries of many, as `one`."""
        if self._few:
            return [self.one(row) for row in rows]
        statistics, contents, counts = (part or repeat(None) for part in self._read(rows))
        if self._kind.few and self._bad is None:  # most of all
            shape, dtype = self._kind.shape, self._kind.dtype
            return [
                {
                    "shape": shape, "dtype": dtype, "norm": norm, "min": low, "max": high,
                    "mean": mean, "nonfinite": 0, "data": data,
                }
                for (norm, low, high, mean), data in zip(statistics, contents, strict=True)
            ]  # fmt: skip
        return list(map(self._summary, rows, statistics, contents, counts))

    def norms(self, rows: list[int]) -> list[Number]:
        """The norms of some of its tensors."""
        if self._listed:
            return [self._statistics[row][0] for row in rows]
        column = self._statistics[rows, 0].tolist()
        return column if self._finite else cast("list[Number]", numbers(column))

    def _read(self, rows: Sequence[int] | slice) -> tuple[Any, Any, Any]:
        """Rows of the arrays as JSON can hold them."""
        statistics, contents, counts = (
            part[rows].tolist() if part is not None else None
            for part in (self._statistics, self._contents, self._counts)
        )
        if not self._finite:
            statistics = numbers(statistics)
            contents = contents and [numbers(content) for content in contents]
        return statistics, contents, counts

    def _summary(self, row: int, statistics: Any, content: Any, counts: Any) -> Summary:
        few = self._kind.few
        norm, low, high, mean = statistics
        summary: Summary = {
            "shape": self._kind.shape, "dtype": self._kind.dtype, "norm": norm, "min": low,
            "max": high, "mean": mean, "nonfinite": self._bad[row] if self._bad is not None else 0,
            "data": content if few else None,
        }  # fmt: skip
        if not few and content is not None:
            summary["heat"] = content
        if counts is not None and any(counts):
            summary["histogram"] = counts
        return summary


def _array(tensor: torch.Tensor | list[Any] | None) -> Any:
    if not isinstance(tensor, torch.Tensor):
        return tensor
    return (tensor.to(torch.float32) if tensor.dtype is torch.bfloat16 else tensor).numpy()
