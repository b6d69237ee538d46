"""Everything that is known of an engine node, put together for the API and its pages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import numpy as np
from typing_extensions import TypedDict

from app.explain.derivatives import Derivative, helpers_in, load_derivatives, readable
from app.explain.numeric import Array, evaluate, sample
from app.explain.rules import FAMILIES, RULES, Rule
from app.explain.texts import load

_HELPERS: dict[str, str] = load("helpers")["helpers"]
_PATTERNS = [(re.compile(p), text) for p, text in load("helpers")["patterns"].items()]
_ENGINE: dict[str, dict[str, str]] = load("engine")


class Symbol(TypedDict):
    """A sign of the rule and what it stands for; `maths`: the sign is LaTeX."""

    sign: str
    maths: bool
    meaning: str


class NumericRule(TypedDict):
    """A rule as expressions of numpy; `v` is the upstream gradient, `out` the value."""

    inputs: dict[str, str]
    value: str
    gradients: dict[str, str]


class Example(TypedDict):
    """The rule worked out in numbers, rounded to four digits."""

    inputs: dict[str, object]
    out: object
    v: object
    gradients: dict[str, object]


class OperatorSummary(TypedDict):
    """One line in the list of operators."""

    name: str
    op: str | None
    title: str
    family: str | None


class Operator(OperatorSummary):
    """One kind of backward node."""

    signature: str | None
    #: LaTeX of the whole rule, and its lines one by one; None without a maths rule.
    latex: str | None
    maths: list[str]
    symbols: list[Symbol]
    #: One sentence that says what the gradient does here.
    text: str
    shape: str | None
    source: str | None
    forward: str | None
    #: Input -> torch's formula in readable form, and as torch has it.
    formulas: dict[str, str]
    formulas_torch: dict[str, str]
    #: Helper that a formula names -> what it computes.
    helpers: dict[str, str]
    rule: NumericRule | None
    example: Example | None


def operator(name: str) -> Operator | None:
    """A node by the engine's name, with or without `torch::autograd::`; None if unknown.

    The engine calls the node of a program's own Function after its class, `CubeBackward`:
    those of torch have a number at their end.
    """
    bare = name.removeprefix("torch::autograd::").removesuffix("_copy")
    if bare in load_derivatives() or bare in RULES or bare in _ENGINE:
        return _operator(bare)
    return _operator("Function") if bare.endswith("Backward") else None


def operators(query: str = "") -> list[OperatorSummary]:
    """Every node, those with a maths rule first; `query` looks in names, titles and words."""
    words = query.lower().split()
    return [
        _summary(name, load_derivatives().get(name), RULES.get(name))
        for name in _names()
        if all(word in searched(name) for word in words)
    ]


def operator_groups() -> list[tuple[str, list[OperatorSummary]]]:
    """All operators by family, in the families' order; the rest comes last."""
    groups: dict[str, list[OperatorSummary]] = {}
    for one in operators():
        groups.setdefault(
            one["family"] or "Without a maths rule: torch's formula alone", []
        ).append(one)
    return list(groups.items())


@cache
def _names() -> tuple[str, ...]:
    rest = sorted({*load_derivatives(), *_ENGINE} - RULES.keys())
    return (*RULES, *rest)


@cache
def searched(name: str) -> str:
    """The words, in small letters, in which a search looks for this operator."""
    rule = RULES.get(name)
    derivative = load_derivatives().get(name)
    parts = [name, _title(name, derivative, rule)]
    if derivative is not None:
        parts.append(derivative.op)
    if rule is not None:
        parts += [rule.intuition, FAMILIES[rule.family], rule.forward]
    return " ".join(parts).lower()


def _title(name: str, derivative: Derivative | None, rule: Rule | None) -> str:
    if rule is not None:
        return rule.title
    if name in _ENGINE:
        return _ENGINE[name]["title"]
    return derivative.op.replace("_", " ").strip() if derivative is not None else name


def _summary(name: str, derivative: Derivative | None, rule: Rule | None) -> OperatorSummary:
    return {
        "name": name,
        "op": derivative.op if derivative is not None else None,
        "title": _title(name, derivative, rule),
        "family": FAMILIES[rule.family] if rule is not None else None,
    }


@cache
def _operator(name: str) -> Operator:
    derivative, rule = load_derivatives().get(name), RULES.get(name)
    formulas = derivative.formulas if derivative is not None else {}
    helpers = dict.fromkeys(h for f in formulas.values() for h in helpers_in(f))
    return {
        **_summary(name, derivative, rule),
        "signature": derivative.signature if derivative is not None else None,
        "latex": latex(rule.maths) if rule is not None else None,
        "maths": list(rule.maths) if rule is not None else [],
        "symbols": [symbol(text) for text in rule.symbols] if rule is not None else [],
        "text": _text(name, derivative, rule),
        "shape": rule.shape if rule is not None else None,
        "source": rule.source if rule is not None else None,
        "forward": rule.forward if rule is not None else None,
        "formulas": {names: readable(f) for names, f in formulas.items()},
        "formulas_torch": dict(formulas),
        "helpers": {h: helper_text(h) for h in helpers},
        "rule": _numeric(rule) if rule is not None else None,
        "example": worked_example(rule) if rule is not None else None,
    }


def _text(name: str, derivative: Derivative | None, rule: Rule | None) -> str:
    if rule is not None:
        return rule.intuition
    if name in _ENGINE:
        return _ENGINE[name]["text"]
    assert derivative is not None
    inputs = _listed(n.strip() for names in derivative.formulas for n in names.split(","))
    return (
        f"Backward of `{derivative.op}`: it sends a gradient to {inputs}, by torch's formula below."
    )


def _listed(names: Iterable[str]) -> str:
    unique = [f"`{n}`" for n in dict.fromkeys(names)]
    return unique[0] if len(unique) == 1 else ", ".join(unique[:-1]) + " and " + unique[-1]


def symbol(text: str) -> Symbol:
    """'\\mu: the mean' in its parts; a remark without a sign has an empty one."""
    sign, colon, meaning = text.partition(": ")
    if not colon or len(sign) > 24:
        return {"sign": "", "maths": False, "meaning": text}
    words = re.search(r"(?<!\\)\b[a-z]{3,}", sign)
    return {"sign": sign, "maths": words is None, "meaning": meaning}


def latex(lines: Iterable[str]) -> str:
    """The lines of a rule as one left-aligned block."""
    return r"\begin{array}{l}" + r" \\[4pt] ".join(lines) + r"\end{array}"


def helper_text(name: str) -> str:
    """What a helper of torch's formulas computes."""
    known = _HELPERS.get(name)
    if known is not None:
        return known
    for pattern, text in _PATTERNS:
        match = pattern.fullmatch(name)
        if match is not None:
            return str(text).format_map(match.groupdict())
    return "a helper of torch."


def _numeric(rule: Rule) -> NumericRule:
    return {
        "inputs": dict(rule.inputs),
        "value": rule.value,
        "gradients": dict(rule.gradients),
    }


def worked_example(rule: Rule) -> Example:
    """The rule evaluated on small random numbers, always the same ones."""
    generator = np.random.default_rng(1)
    inputs = {name: sample(spec, generator) for name, spec in rule.inputs.items()}
    out = evaluate(rule.value, inputs)
    v = generator.standard_normal(out.shape).round(2)
    gradients = {
        name: np.broadcast_to(evaluate(text, {**inputs, "out": out, "v": v}), inputs[name].shape)
        for name, text in rule.gradients.items()
    }
    return {
        "inputs": {name: _rounded(value) for name, value in inputs.items()},
        "out": _rounded(out),
        "v": _rounded(v),
        "gradients": {name: _rounded(value) for name, value in gradients.items()},
    }


def _rounded(value: Array) -> object:
    if value.dtype.kind == "f":
        return (np.round(value, 4) + 0.0).tolist()
    return value.tolist()
