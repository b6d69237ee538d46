"""What is said about a run: diagnoses with their fixes, hints, chains of evidence."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from app.trace.values import closed


@closed
class Edit(TypedDict):
    """Replace a span of the snippet's source by `text`."""

    line: int
    col: int
    end_line: int
    end_col: int
    text: str


@closed
class Fix(TypedDict):
    """A change that one click applies: edits of the source, from last to first."""

    title: str
    edits: list[Edit]


@closed
class Evidence(TypedDict):
    """A thing in this trace that a diagnosis points at."""

    kind: Literal["op", "node", "edge", "tensor", "variable", "line", "graph"]
    #: Its id, its name (variable), or its number as text (line).
    ref: str
    text: str


@closed
class Diagnosis(TypedDict):
    code: str
    title: str
    explanation: str
    #: In words; the same as edits stands in `fixes`.
    fix: str
    evidence: list[Evidence]
    fixes: NotRequired[list[Fix]]
    #: Page of torch's documentation, by name, e.g. "torch.Tensor.backward".
    docs: NotRequired[str | None]
    #: A gradient argument of the right shape, where one is missing.
    gradient: NotRequired[Any]


@closed
class Hint(TypedDict):
    """A silent surprise, shown beside a line or a variable."""

    line: int | None
    variable: str | None
    diagnosis: Diagnosis


@closed
class Path(TypedDict):
    """One way from a root to a tensor, along which a gradient came."""

    nodes: list[str]
    edges: list[str]
    #: <part, total> / <total, total>: signed, all ways add up to 1; None: not known.
    share: float | None


@closed
class Why(TypedDict):
    """The chain of evidence for a variable's gradient, or for its absence."""

    sentence: str
    #: The graph in which `nodes` and `edges` are to be lit up.
    graph: str | None
    nodes: list[str]
    edges: list[str]
    #: From the variable towards the root, up to the cut if there is one.
    steps: list[Evidence]
    #: What stops the gradient, or None.
    cut: Evidence | None
    paths: list[Path]
