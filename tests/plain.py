"""The oracle: a snippet run by plain Python and plain torch, with nothing of ours."""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch


@dataclass
class PlainRun:
    stdout: str
    error: BaseException | None
    warnings: list[str]
    names: dict[str, Any] = field(repr=False)


def run_plain(code: str, seed: int = 0) -> PlainRun:
    """Run `code` as a notebook cell after `import torch` would; never raises for its errors."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    names: dict[str, Any] = {
        "__name__": "__main__",
        "torch": torch,
        "nn": torch.nn,
        "F": torch.nn.functional,
    }
    out = io.StringIO()
    error: BaseException | None = None
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        try:
            exec(compile(code, "<plain>", "exec"), names)
        except Exception as raised:
            error = raised
    return PlainRun(out.getvalue(), error, [str(w.message) for w in caught], names)
