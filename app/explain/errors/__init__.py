"""Explanations of exceptions, by family.

Importing a family registers its rules.  Within a family the more special rules
come first, because the first one that returns a finding speaks.
"""

from app.explain.errors import (
    backward,
    brackets,
    dtypes,
    functions,
    indexing,
    inplace,
    layers,
    leaves,
    limits,
    losses,
    optimizers,
    python,
    python_calls,
    roots,
    shapes,
    syntax,
)
from app.explain.errors.limits import explain_limit
from app.explain.errors.registry import explain_error

__all__ = [
    "backward",
    "brackets",
    "dtypes",
    "explain_error",
    "explain_limit",
    "functions",
    "indexing",
    "inplace",
    "layers",
    "leaves",
    "limits",
    "losses",
    "optimizers",
    "python",
    "python_calls",
    "roots",
    "shapes",
    "syntax",
]
