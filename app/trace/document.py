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

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

SCHEMA_VERSION = 1

#: A real number as JSON can hold it.
Number = float | int | bool | Literal["NaN", "Infinity", "-Infinity"]

ErrorKind = Literal["exception", "syntax", "timeout", "memory", "crash", "forbidden", "limit"]
WhyNotRecorded = Literal[
    "no_grad",
    "inference_mode",
    "no_input_requires_grad",
    "not_differentiable",
    "detached",
]
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
GraphKind = Literal["backward", "grad", "not_run"]

_closed = with_config(ConfigDict(extra="forbid"))


@_closed
class Summary(TypedDict):
    """What is shown of one tensor's numbers."""

    shape: list[int]
    dtype: str
    #: Euclidean norm over the finite and non-finite elements alike.
    norm: Number | None
    min: Number | None
    max: Number | None
    mean: Number | None
    #: How many elements are NaN or infinite.
    nonfinite: int
    #: Nested lists of numbers, or None above the value limit.
    data: Any
    #: Block means of a large tensor as rows of numbers, at most 16 x 16.
    heat: NotRequired[list[list[Number]] | None]
    #: Counts in equal bins between min and max.
    histogram: NotRequired[list[int] | None]


@_closed
class Span(TypedDict):
    """A stretch of the snippet: lines from 1, columns from 0 in characters."""

    line: int
    col: int
    end_line: int
    end_col: int


@_closed
class Site(TypedDict):
    """Where, and for which time (from 0), an expression of the snippet ran."""

    line: int
    col: int
    end_line: int
    end_col: int
    occurrence: int


@_closed
class Runtime(TypedDict):
    python: str
    torch: str
    seed: int
    #: Milliseconds by phase, e.g. {"run": 3.1, "total": 5.0}.
    elapsed_ms: dict[str, float]


@_closed
class Warning(TypedDict):
    category: str
    message: str
    line: int | None


@_closed
class Edit(TypedDict):
    """Replace a span of the snippet's source by `text`."""

    line: int
    col: int
    end_line: int
    end_col: int
    text: str


@_closed
class Fix(TypedDict):
    """A change that one click applies: edits of the source, from last to first."""

    title: str
    edits: list[Edit]


@_closed
class Evidence(TypedDict):
    """A thing in this trace that a diagnosis points at."""

    kind: Literal["op", "node", "edge", "tensor", "variable", "line", "graph"]
    #: Its id, its name (variable), or its number as text (line).
    ref: str
    text: str


@_closed
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


@_closed
class Frame(TypedDict):
    line: int
    function: str


@_closed
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


@_closed
class Hint(TypedDict):
    """A silent surprise, shown beside a line or a variable."""

    line: int | None
    variable: str | None
    diagnosis: Diagnosis


@_closed
class Tensor(TypedDict):
    id: str
    shape: list[int]
    dtype: str
    requires_grad: bool
    is_leaf: bool
    #: Names that the snippet gave it, in order of first appearance.
    names: list[str]
    value: Summary | None


@_closed
class Op(TypedDict):
    """One torch call of the snippet, recorded by autograd or not."""

    id: str
    name: str
    site: Site | None
    parent: str | None
    module: str | None
    inputs: list[str]
    outputs: list[str]
    recorded: bool
    why_not_recorded: WhyNotRecorded | None
    intervention: str | None
    #: The source text of the site.
    expression: NotRequired[str | None]
    #: The tensors among the inputs that it changed in place.
    mutated: NotRequired[list[str]]
    #: Iteration numbers (from 0) of the loops around it, outermost first.
    iteration: NotRequired[list[int]]


@_closed
class Saved(TypedDict):
    name: str
    shape: list[int]
    dtype: str
    bytes: int
    tensor: NotRequired[str | None]


@_closed
class Jacobian(TypedDict):
    """d output / d input of one node at this run, flattened.

    `data` has a row for each element of the node's output slot and a column
    for each element of what the edge `input` leads to.
    """

    input: int
    output: int
    shape: list[int]
    data: list[list[Any]]


@_closed
class CreatedBy(TypedDict):
    """The backward node that made this node (create_graph)."""

    graph: str
    node: str


@_closed
class Node(TypedDict):
    id: str
    name: str
    op: str | None
    sequence_nr: int
    executed: bool
    #: For each output slot of the forward op, the tensor it made.
    outputs: list[str | None]
    saved: list[Saved]
    #: For each output slot, the gradient that arrived (None: none did).
    upstream: list[Summary | None]
    jacobians: list[Jacobian] | None
    created_by: CreatedBy | None
    #: AccumulateGrad: the leaf.
    tensor: NotRequired[str | None]
    #: Upstream before the hooks of tensors changed it, where they did.
    upstream_before_hooks: NotRequired[list[Summary | None] | None]


@_closed
class Edge(TypedDict):
    """Runs the way gradients run: `source` is nearer to the root."""

    id: str
    source: str
    #: Index in the source's next_functions: which input of the forward op.
    input: int
    target: str
    #: Output slot of the target.
    output: int
    #: What the source sent along; None where it sent nothing.
    gradient: Summary | None


@_closed
class Root(TypedDict):
    node: str | None
    output: int
    gradient: Summary | None
    tensor: NotRequired[str | None]


@_closed
class Graph(TypedDict):
    id: str
    kind: GraphKind
    site: Site | None
    retain_graph: bool
    create_graph: bool
    roots: list[Root]
    nodes: list[Node]
    edges: list[Edge]
    #: Node ids in the order in which the engine ran them.
    order: list[str]
    #: The program's call raised; `order` is how far the engine came.
    failed: NotRequired[bool]
    #: The node at which it raised, where that is known.
    failed_node: NotRequired[str]


@_closed
class Update(TypedDict):
    """A tensor's numbers before and after an event."""

    tensor: str
    before: Summary | None
    after: Summary | None
    #: Of an op: it is the tensor's .grad that changed.
    grad: NotRequired[bool]


@_closed
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


@_closed
class Binding(TypedDict):
    """After timeline event number `step` (from 0; -1: before all), `name` held `tensor`."""

    name: str
    tensor: str
    step: int


@_closed
class Path(TypedDict):
    """One way from a root to a tensor, along which a gradient came."""

    nodes: list[str]
    edges: list[str]
    #: <part, total> / <total, total>: signed, all ways add up to 1; None: not known.
    share: float | None


@_closed
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


@_closed
class Variable(TypedDict):
    """A name of the snippet at the end of the run."""

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
    why: NotRequired[Why]


@_closed
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


@_closed
class InterventionResult(TypedDict):
    id: str
    kind: str
    #: How often it took effect.
    applied: int
    #: Why it did not, or None.
    reason: str | None
    #: The same change as edits of the source; None where it can't be said so.
    edits: list[Edit] | None


@_closed
class NonFinite(TypedDict):
    """Where the first NaN or infinity came from."""

    value: str | None  # op id
    gradient: str | None  # node id


@_closed
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


@_closed
class Trace(TypedDict):
    schema_version: int
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
