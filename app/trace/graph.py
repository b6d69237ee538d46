"""What autograd knows: tensors, ops, and the graphs of engine nodes."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from app.trace.values import Site, Summary, closed

WhyNotRecorded = Literal[
    "no_grad",
    "inference_mode",
    "no_input_requires_grad",
    "not_differentiable",
    "detached",
]


GraphKind = Literal["backward", "grad", "not_run"]


@closed
class Tensor(TypedDict):
    id: str
    shape: list[int]
    dtype: str
    requires_grad: bool
    is_leaf: bool
    #: Names that the snippet gave it, in order of first appearance.
    names: list[str]
    value: Summary | None


@closed
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


@closed
class Saved(TypedDict):
    name: str
    shape: list[int]
    dtype: str
    bytes: int
    tensor: NotRequired[str | None]


@closed
class Jacobian(TypedDict):
    """d output / d input of one node at this run, flattened.

    `data` has a row for each element of the node's output slot and a column
    for each element of what the edge `input` leads to.
    """

    input: int
    output: int
    shape: list[int]
    data: list[list[Any]]


@closed
class CreatedBy(TypedDict):
    """The backward node that made this node (create_graph)."""

    graph: str
    node: str


@closed
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


@closed
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


@closed
class Root(TypedDict):
    node: str | None
    output: int
    gradient: Summary | None
    tensor: NotRequired[str | None]


@closed
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
    #: How many events of the timeline there were when the call was over (0: there was no call).
    until: NotRequired[int]
    #: The program's call raised; `order` is how far the engine came.
    failed: NotRequired[bool]
    #: The node at which it raised, where that is known.
    failed_node: NotRequired[str]
