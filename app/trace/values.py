"""The small change of a trace: numbers, what is shown of a tensor, places in the source."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

#: A real number as JSON can hold it.
Number = float | int | bool | Literal["NaN", "Infinity", "-Infinity"]


closed = with_config(ConfigDict(extra="forbid"))


@closed
class Summary(TypedDict):
    """What is shown of one tensor's numbers."""

    shape: list[int]
    dtype: str
    #: Euclidean norm over the finite and non-finite elements alike.
    norm: Number | None
    min: Number | None
    max: Number | None
    mean: Number | None
    #: How many elements are NaN or infinite.
    nonfinite: int
    #: Nested lists of numbers, or None above the value limit.
    data: Any
    #: Block means of a large tensor as rows of numbers, at most 16 x 16.
    heat: NotRequired[list[list[Number]] | None]
    #: Counts in equal bins between min and max.
    histogram: NotRequired[list[int] | None]


@closed
class Span(TypedDict):
    """A stretch of the snippet: lines from 1, columns from 0 in characters."""

    line: int
    col: int
    end_line: int
    end_col: int


@closed
class Site(TypedDict):
    """Where, and for which time (from 0), an expression of the snippet ran."""

    line: int
    col: int
    end_line: int
    end_col: int
    occurrence: int
