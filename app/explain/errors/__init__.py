"""Explanations of exceptions, by family.  Importing the families registers them."""

from app.explain.errors import backward, optimizers
from app.explain.errors.registry import explain_error

__all__ = ["backward", "explain_error", "optimizers"]
