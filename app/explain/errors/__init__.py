"""Explanations of exceptions, by family.

Importing a family registers its rules; the more special families come first,
because the first rule that returns a finding speaks.
"""

from app.explain.errors import (
    backward,
    dtypes,
    functions,
    inplace,
    leaves,
    limits,
    optimizers,
    python,
    shapes,
    syntax,
)
from app.explain.errors.limits import explain_limit
from app.explain.errors.registry import explain_error

__all__ = [
    "backward",
    "dtypes",
    "explain_error",
    "explain_limit",
    "functions",
    "inplace",
    "leaves",
    "limits",
    "optimizers",
    "python",
    "shapes",
    "syntax",
]
