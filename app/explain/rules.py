"""The maths rules of the most used nodes, read from `texts/rules/*.toml` at import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.explain.texts import load

#: Families in the order in which the page lists them, with their titles.
FAMILIES = {
    "arithmetic": "Arithmetic, powers, exponentials and logarithms",
    "functions": "Trigonometric and special functions, activations",
    "reductions": "Sums, means, extremes and norms",
    "matrices": "Matrices, convolution and attention",
    "losses": "Softmax, losses and normalization",
    "shapes": "Shapes, indexing, copies and the engine's own nodes",
}


@dataclass(frozen=True)
class Rule:
    """One node's rule in maths, words and numbers."""

    name: str
    family: str
    title: str
    #: torch, as a program writes it, with the names of `inputs`.
    forward: str
    #: LaTeX: the function first, then a gradient for each input.  v is the upstream gradient.
    maths: tuple[str, ...]
    symbols: tuple[str, ...]
    shape: str
    intuition: str
    source: str
    #: Name -> '2x3 positive'; see `numeric.sample`.
    inputs: dict[str, str]
    #: The function and the gradients for `numeric.evaluate`; `out` is the function's value.
    value: str
    gradients: dict[str, str]


def _read() -> dict[str, Rule]:
    shared = load("rules/shared")
    found: dict[str, Rule] = {}
    for family in FAMILIES:
        for name, table in load(f"rules/{family}").items():
            found[name] = _rule(name, family, table, shared)
    return found


def _rule(name: str, family: str, table: dict[str, Any], shared: dict[str, Any]) -> Rule:
    words = {
        **table,
        "shape": shared["shapes"].get(table["shape"], table["shape"]),
        "source": shared["sources"][table["source"]],
        "maths": tuple(table["maths"]),
        "symbols": tuple(table["symbols"]),
    }
    return Rule(name=name, family=family, **words)


#: Node name -> rule.  'Function' stands for every custom autograd.Function.
RULES: dict[str, Rule] = _read()
