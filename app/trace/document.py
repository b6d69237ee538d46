"""The trace: the one document that every part of Gradwalk exchanges.

It is written as `TypedDict`s so that one definition serves three ends: the
recorder builds plain dictionaries (cheap, by the ten thousand), mypy checks
them, and Pydantic validates the bytes that come back from an untrusted child
and draws the OpenAPI schema from them.

Ids are strings, unique in a trace: ``t3`` tensors, ``o3`` ops, ``g0`` graphs,
``n3`` nodes (the same engine node keeps its id in every graph that runs it),
``e3`` edges.  Numbers inside `Summary` that JSON can't hold are the strings
``"NaN"``, ``"Infinity"`` and ``"-Infinity"``; complex numbers are ``[re, im]``.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from app.trace.explanations import Diagnosis, Edit, Hint, Why
from app.trace.graph import Graph, Op, Tensor
from app.trace.values import Number, Span, Summary, closed

SCHEMA_VERSION = 1


ErrorKind = Literal["exception", "syntax", "timeout", "memory", "crash", "forbidden", "limit"]


GradStatus = Literal[
    "accumulated",  # a leaf's .grad holds what the backward calls added up
    "retained",  # a non-leaf that asked for it with retain_grad()
    "assigned",  # the program itself set .grad
    "cleared",  # it was there, and was set to None
    "zeroed",  # it was there, and was filled with zeros
    "not_a_leaf",  # a result: autograd gives .grad to leaves only
    "no_requires_grad",  # autograd does not follow this tensor
    "not_reached",  # a backward ran, but no path led here
    "not_accumulated",  # autograd.grad or inputs= returned it elsewhere
    "backward_not_run",  # nothing called backward
]


EventKind = Literal[
    "op",
    "backward",
    "node",
    "accumulate",
    "zero_grad",
    "optimizer_step",
    "print",
    "error",
]


@closed
class Runtime(TypedDict):
    python: str
    torch: str
    seed: int
    #: Milliseconds by phase, e.g. {"run": 3.1, "total": 5.0}.
    elapsed_ms: dict[str, float]


@closed
class Warning(TypedDict):
    category: str
    message: str
    line: int | None


@closed
class Frame(TypedDict):
    line: int
    function: str


@closed
class Error(TypedDict):
    kind: ErrorKind
    #: The exception's class name, or the kind where there was none.
    type: str
    message: str
    line: int | None
    diagnosis: Diagnosis | None
    site: NotRequired[Span | None]
    #: The snippet's own frames, outermost first.
    frames: NotRequired[list[Frame]]
    #: In a function: the tensors that its names stood for, by name.
    locals: NotRequired[dict[str, str]]


@closed
class Update(TypedDict):
    """A tensor's numbers before and after an event."""

    tensor: str
    before: Summary | None
    after: Summary | None
    #: True of an op: it is the tensor's .grad that changed. False of accumulate and zero_grad: it
    #: is the tensor itself, a .grad to which the program gave a name.
    grad: NotRequired[bool]


@closed
class Event(TypedDict):
    """One step of the run.

    op: `op`, and `updates` of the values that it changed in place. backward:
    `graph` (a backward call begins). node: `graph`, `node` (the engine ran it).
    accumulate: `graph`, `node`, and `updates` of the leaf's .grad. zero_grad:
    `updates` of .grad. optimizer_step: `updates` of the values. print: `text`. error: `text`.
    """

    kind: EventKind
    line: int | None
    op: NotRequired[str]
    graph: NotRequired[str]
    node: NotRequired[str]
    text: NotRequired[str]
    updates: NotRequired[list[Update]]


@closed
class Binding(TypedDict):
    """After timeline event number `step` (from 0; -1: before all), `name` held `tensor`."""

    name: str
    tensor: str
    step: int


@closed
class Variable(TypedDict):
    """A name of the snippet at the end of the run, or of a function of it when it was left last.

    Of a function's, `name` begins with its `scope` (`train.loss`) where it would not be clear.
    """

    name: str
    tensor: str
    shape: list[int]
    dtype: str
    requires_grad: bool
    is_leaf: bool
    grad_fn: str | None
    grad: Summary | None
    grad_status: GradStatus
    explanation: str
    #: Its numbers at the end, where something wrote into its memory.
    value: NotRequired[Summary | None]
    #: The function whose name it is: `train`, `Trainer.fit`; none: the module's.
    scope: NotRequired[str]
    why: NotRequired[Why]


@closed
class InputUsed(TypedDict):
    """A leaf whose value the request may give: a free name or a named leaf."""

    name: str
    tensor: str | None
    shape: list[int]
    dtype: str
    requires_grad: bool
    #: The numbers used (nested list), None above the value limit.
    data: Any
    #: "request": given; "default": chosen for a free name; "program": the code's own.
    source: Literal["request", "default", "program"]


@closed
class InterventionResult(TypedDict):
    id: str
    kind: str
    #: How often it took effect.
    applied: int
    #: Why it did not, or None.
    reason: str | None
    #: The same change as edits of the source; None where it can't be said so.
    edits: list[Edit] | None


@closed
class NonFinite(TypedDict):
    """Where the first NaN or infinity came from."""

    value: str | None  # op id
    gradient: str | None  # node id


@closed
class Check(TypedDict):
    """Finite differences in float64 against one leaf's gradient."""

    variable: str
    tensor: str
    #: Largest |numeric - autograd| over the elements compared.
    error: Number | None
    #: The same, divided by max(1, |numeric|).
    relative_error: Number | None
    elements: int
    passed: bool | None
    note: str | None


@closed
class Trace(TypedDict):
    schema_version: int
    #: The program, in a trace that is a file of its own (`gradwalk record`).
    code: NotRequired[str]
    runtime: Runtime
    stdout: str
    stdout_truncated: bool
    #: Where something was written to it.
    stderr: NotRequired[str]
    stderr_truncated: NotRequired[bool]
    warnings: list[Warning]
    error: Error | None
    tensors: list[Tensor]
    ops: list[Op]
    graphs: list[Graph]
    timeline: list[Event]
    variables: list[Variable]
    #: What the limits cut, by kind: graphs, nodes, ops, values, ...
    omitted: dict[str, int]
    bindings: NotRequired[list[Binding]]
    inputs: NotRequired[list[InputUsed]]
    interventions: NotRequired[list[InterventionResult]]
    hints: NotRequired[list[Hint]]
    first_nonfinite: NotRequired[NonFinite | None]
    checks: NotRequired[list[Check] | None]
    #: Things this run did that are only partly shown, in words.
    notes: NotRequired[list[str]]
