"""What is shown of a tensor's numbers: all of them when few, statistics when many."""

from __future__ import annotations

import math
from typing import Any, cast

from app.trace.values import Number, Summary


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
