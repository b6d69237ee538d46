"""The small language in which rules say their values and gradients: numpy, with a few words more.

The expressions are our own texts (`texts/rules/*.toml`), never anything that a
request brought.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Array = npt.NDArray[Any]


def evaluate(expression: str, values: Mapping[str, Any]) -> Array:
    """The expression's value with the named arrays; raises what Python raises."""
    scope = {"__builtins__": {}, **_FUNCTIONS}
    return np.asarray(eval(expression, scope, dict(values)))


def sample(spec: str, generator: np.random.Generator) -> Array:
    """Numbers for '2x3 positive': a shape, and from where they are drawn.

    Kinds: normal (default), positive, unit (-0.9..0.9), open (0.1..0.9), large
    (above 1), wide, mask, signs, index N, definite (well conditioned square).
    """
    shape_text, _, kind = spec.partition(" ")
    shape = tuple(int(n) for n in shape_text.split("x"))
    uniform = generator.random(shape)
    if kind.startswith("index"):
        return np.asarray(generator.integers(0, int(kind.split()[1]), shape))
    match kind:
        case "positive":
            return np.asarray(0.5 + uniform)
        case "unit":
            return np.asarray(1.8 * uniform - 0.9)
        case "open":
            return 0.1 + 0.8 * uniform
        case "large":
            return 1.2 + uniform
        case "wide":
            return 10 * uniform - 5
        case "mask":
            return np.asarray(np.arange(uniform.size).reshape(shape) % 2 == 0)
        case "signs":
            return np.asarray(np.where(uniform > 0.5, 1.0, -1.0))
        case "definite":
            half = uniform - 0.5
            return np.asarray(half @ half.T + np.eye(shape[0]))
        case _:
            return np.asarray(generator.standard_normal(shape))


def unbroadcast(gradient: Array, like: Array) -> Array:
    """Sum over the dimensions along which `like` was repeated."""
    extra = gradient.ndim - like.ndim
    summed = gradient.sum(axis=tuple(range(extra)))
    repeated = tuple(i for i, n in enumerate(like.shape) if n == 1 and summed.shape[i] != 1)
    return np.asarray(summed.sum(axis=repeated, keepdims=True))


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def softmax(x: Array) -> Array:
    """Along the last dimension."""
    grown = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(grown / grown.sum(-1, keepdims=True))


def attention(q: Array, k: Array) -> Array:
    """Attention weights of queries and keys shaped (..., length, size)."""
    return softmax(q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1]))


def onehot(index: Array, count: int) -> Array:
    return np.asarray(np.eye(count)[index])


def take(x: Array, index: Array) -> Array:
    """x[i, index[i]] for each row i."""
    return np.asarray(x[np.arange(len(index)), index])


def place(mask: Array, values: Array) -> Array:
    """Zeros shaped like the mask, with the values where it is true."""
    full = np.zeros(mask.shape)
    full[mask] = values
    return full


def windows(x: Array, kernel: int, stride: int, padding: int) -> Array:
    """(N, C, H, W) -> (N, C, rows, columns, kernel, kernel)."""
    around = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    seen = sliding_window_view(np.pad(x, around), (kernel, kernel), axis=(2, 3))
    return np.asarray(seen[:, :, ::stride, ::stride])


def fold(seen: Array, like: Array, kernel: int, stride: int, padding: int) -> Array:
    """The transpose of `windows`: each place of `like` sums what its windows hold."""
    n, c, height, width = like.shape
    full = np.zeros((n, c, height + 2 * padding, width + 2 * padding))
    rows, columns = seen.shape[2:4]
    for i in range(kernel):
        for j in range(kernel):
            down = slice(i, i + stride * rows, stride)
            right = slice(j, j + stride * columns, stride)
            full[:, :, down, right] += seen[..., i, j]
    return full[:, :, padding : padding + height, padding : padding + width]


def standard(x: Array, axis: int) -> Array:
    """Mean 0 and variance 1 (divided by n) along the axis."""
    return np.asarray((x - x.mean(axis, keepdims=True)) / x.std(axis, keepdims=True))


def unstandard(u: Array, x: Array, axis: int) -> Array:
    """The vector-Jacobian product of `standard`."""
    hat = standard(x, axis)
    inner = u - u.mean(axis, keepdims=True) - hat * (u * hat).mean(axis, keepdims=True)
    return np.asarray(inner / x.std(axis, keepdims=True))


def lower_half(x: Array) -> Array:
    """The lower triangle with its diagonal halved."""
    return np.asarray(np.tril(x) - np.diag(np.diag(x)) / 2)


def symmetric(x: Array) -> Array:
    return np.asarray((x + x.T) / 2)


def digamma(x: Array) -> Array:
    """For x > 0: raised by the recurrence, then the asymptotic series (DLMF 5.11.2)."""
    moved, total = np.array(x, dtype=float), np.zeros(np.shape(x))
    for _ in range(10):
        total -= 1 / moved
        moved += 1
    square = 1 / moved**2
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square / 240)))
    return np.asarray(total + np.log(moved) - 0.5 / moved - series)


_NUMPY = (
    "abs arccos arccosh arcsin arcsinh arctan arctan2 arctanh clip concatenate cos cosh cumprod "
    "cumsum diag diagonal einsum exp eye flip floor log max mean min moveaxis ones outer pi prod "
    "repeat reshape roll round shape sign sin sinh sort sqrt stack std sum swapaxes "
    "take_along_axis tan tanh tile trace transpose tril triu trunc ceil var where zeros"
)

_FUNCTIONS: dict[str, Any] = {
    **{name: getattr(np, name) for name in _NUMPY.split()},
    "erf": np.vectorize(math.erf, otypes=[float]),
    "lgamma": np.vectorize(math.lgamma, otypes=[float]),
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "cholesky": np.linalg.cholesky,
    "maximum_so_far": lambda x: np.maximum.accumulate(x, 1),
    "unbroadcast": unbroadcast,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "attention": attention,
    "onehot": onehot,
    "take": take,
    "place": place,
    "windows": windows,
    "fold": fold,
    "standard": standard,
    "unstandard": unstandard,
    "lower_half": lower_half,
    "symmetric": symmetric,
    "digamma": digamma,
}
