"""The same source run by plain torch and by the recorder, and what must be equal."""

from __future__ import annotations

import contextlib
import io
import math
import random
import sys
import traceback
import warnings
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import torch

from app.recorder import record
from app.trace import DEFAULT_LIMITS, Limits, Trace, TraceRequest, encode, validate

FILE = "<snippet>"


@dataclass
class Plain:
    """A run without us."""

    stdout: str
    error: BaseException | None
    line: int | None
    warnings: list[tuple[str, str, int | None]]
    names: dict[str, Any] = field(repr=False)
    rng: tuple[Any, ...] = field(repr=False)


def rng_state() -> tuple[Any, ...]:
    state = np.random.get_state()
    return (
        tuple(torch.get_rng_state().tolist()), random.getstate(), tuple(state[1]), state[2]
    )  # fmt: skip


def plain(code: str, seed: int = 0) -> Plain:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    module = ModuleType("__main__")
    names = module.__dict__
    names.update(torch=torch, nn=torch.nn, F=torch.nn.functional)
    out, main = io.StringIO(), sys.modules["__main__"]
    error: BaseException | None = None
    line = None
    sys.modules["__main__"] = module
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        try:
            exec(compile(code, FILE, "exec", dont_inherit=True), names)
        except SystemExit:
            pass
        except Exception as raised:
            error = raised
            frames = traceback.extract_tb(raised.__traceback__)
            line = next((f.lineno for f in reversed(frames) if f.filename == FILE), None)
        finally:
            sys.modules["__main__"] = main
    heard = [
        (w.category.__name__, str(w.message), w.lineno if w.filename == FILE else None)
        for w in caught
    ]
    return Plain(out.getvalue(), error, line, heard, names, rng_state())


def recorded(code: str, limits: Limits = DEFAULT_LIMITS, **request: Any) -> Trace:
    """A trace that satisfies the schema and holds together."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        trace = record(TraceRequest(code=code, **request), limits)
    validate(encode(trace))
    sound(trace)
    return trace


def both(code: str) -> tuple[Plain, Trace]:
    """Run both ways and compare all that a program can see."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        mine = record(TraceRequest(code=code))
    rng = rng_state()
    theirs = plain(code)
    assert mine["stdout"] == theirs.stdout
    error = mine["error"]
    if theirs.error is None:
        assert error is None, error
    else:
        assert error is not None
        assert error["type"] == type(theirs.error).__name__
        message = theirs.error.msg if isinstance(theirs.error, SyntaxError) else str(theirs.error)
        assert error["message"] == message
        assert error["line"] == theirs.line or isinstance(theirs.error, SyntaxError)
    heard = [(w["category"], first_line(w["message"])) for w in mine["warnings"]]
    assert heard == [(category, first_line(message)) for category, message, _ in theirs.warnings]
    for one, other in zip(mine["warnings"], theirs.warnings, strict=True):
        assert other[2] is None or one["line"] == other[2]
    assert rng == theirs.rng
    validate(encode(mine))
    sound(mine)
    # What torch.empty gives was in memory before.
    same_variables(theirs, mine, values="empty" not in code)
    return theirs, mine


def first_line(message: str) -> str:
    """Anomaly mode quotes a whole stack, on which the recorder stands too."""
    return message.split("\n")[0]


def same_variables(theirs: Plain, mine: Trace, values: bool = True) -> None:
    """Every named tensor: value, flags, gradient."""
    seen = {variable["name"]: variable for variable in mine["variables"]}
    first = {tensor["id"]: tensor["value"] for tensor in mine["tensors"]}
    for name, tensor in theirs.names.items():
        if not isinstance(tensor, torch.Tensor) or name.startswith("__"):
            continue
        variable = seen[name]
        assert variable["requires_grad"] == tensor.requires_grad, name
        assert variable["is_leaf"] == is_leaf(tensor), name
        assert variable["shape"] == list(tensor.shape), name
        value = variable.get("value", first[variable["tensor"]])
        if value is not None and values:
            same_numbers(value, tensor)
        node = grad_fn(tensor)
        assert (variable["grad_fn"] is None) == (node is None), name
        grad = tensor.grad if is_leaf(tensor) or tensor.retains_grad else None
        assert (variable["grad"] is None) == (grad is None), name
        if grad is not None and variable["grad"] is not None:
            same_numbers(variable["grad"], grad)


def same_numbers(summary: Any, tensor: torch.Tensor) -> None:
    """A summary against the tensor itself."""
    # (A copy: of a tensor whose `.data` is an inference tensor there are no views.)
    dense = tensor.layout == torch.strided
    tensor = tensor.detach().clone() if dense else tensor.detach().to_dense()
    assert summary["shape"] == list(tensor.shape)
    if summary["data"] is None:
        assert tensor.numel() > DEFAULT_LIMITS.value_elements
        torch.testing.assert_close(
            torch.tensor(floats([summary["norm"]])),
            _norm(tensor),
            rtol=1e-4,  # added up in single precision
            atol=1e-5,
            equal_nan=True,
        )
        return
    if tensor.is_complex():
        expected = [
            part for value in tensor.reshape(-1).tolist() for part in (value.real, value.imag)
        ]
    else:
        expected = tensor.reshape(-1).tolist()
    got = floats(summary["data"])
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        assert one == other or (math.isnan(one) and math.isnan(other)), (one, other)


def grad_fn(tensor: torch.Tensor) -> Any:
    """None also where torch raises: of one of several views whose base was changed."""
    try:
        return tensor.grad_fn
    except RuntimeError:
        return None


def is_leaf(tensor: torch.Tensor) -> bool:
    try:
        return tensor.is_leaf
    except RuntimeError:
        return False


def _norm(tensor: torch.Tensor) -> torch.Tensor:
    """In double precision, told in single."""
    numbers = tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
    return torch.linalg.vector_norm(numbers.abs()).reshape(1).float()


def floats(data: Any) -> list[float]:
    """Nested lists of the trace's numbers, flat."""
    if isinstance(data, list):
        return [value for item in data for value in floats(item)]
    return [float(data)]


def sound(trace: Trace) -> None:
    """What must hold inside every trace."""
    tensors = {tensor["id"] for tensor in trace["tensors"]}
    ops = {op["id"] for op in trace["ops"]}
    assert len(tensors) == len(trace["tensors"]) and len(ops) == len(trace["ops"])
    for op in trace["ops"]:
        assert set(op["inputs"]) <= tensors and set(op["outputs"]) <= tensors
        assert op["parent"] is None or op["parent"] in ops
        assert not (op["recorded"] and op["why_not_recorded"])
    edges = [edge["id"] for graph in trace["graphs"] for edge in graph["edges"]]
    assert len(edges) == len(set(edges))
    for graph in trace["graphs"]:
        sound_graph(graph, trace)
    for event in trace["timeline"]:
        assert event.get("op") is None or event["op"] in ops
    for binding in trace.get("bindings", []):
        assert binding["tensor"] in tensors
    for variable in trace["variables"]:
        assert variable["tensor"] in tensors


def sound_graph(graph: Any, trace: Trace) -> None:
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert len(nodes) == len(graph["nodes"])
    executed = {node["id"] for node in graph["nodes"] if node["executed"]}
    assert executed == set(graph["order"])
    assert len(graph["order"]) == len(set(graph["order"]))
    ran = [
        e["node"] for e in trace["timeline"] if e["kind"] == "node" and e["graph"] == graph["id"]
    ]
    assert ran == graph["order"]
    place = {node: i for i, node in enumerate(graph["order"])}
    for edge in graph["edges"]:
        assert edge["source"] in nodes and edge["target"] in nodes
        if edge["source"] in place and edge["target"] in place:
            assert place[edge["source"]] < place[edge["target"]]
    for node in graph["nodes"]:
        if node["executed"]:
            adds_up(node, graph)


def adds_up(node: Any, graph: Any) -> None:
    """What comes along a node's edges is its upstream gradient."""
    upstream = node.get("upstream_before_hooks") or node["upstream"]
    for slot, summary in enumerate(upstream):
        parts = [
            edge["gradient"]
            for edge in graph["edges"]
            if edge["target"] == node["id"] and edge["output"] == slot and edge["gradient"]
        ]
        parts += [
            root["gradient"]
            for root in graph["roots"]
            if root["node"] == node["id"] and root["output"] == slot and root["gradient"]
        ]
        if summary is None:
            assert not parts
            continue
        if any(part["data"] is None or part["shape"] != summary["shape"] for part in parts):
            continue
        if not parts or summary["data"] is None or summary["nonfinite"]:
            continue
        total = torch.tensor([floats(part["data"]) for part in parts], dtype=torch.float64).sum(0)
        rounded = {"float16": 1e-2, "bfloat16": 5e-2}.get(summary["dtype"].removeprefix("c"))
        # Each of many is rounded when it is added.
        close = 1e-4 if rounded is None else rounded * (1 + len(parts) // 4)
        torch.testing.assert_close(
            torch.tensor(floats(summary["data"]), dtype=torch.float64),
            total,
            rtol=close,
            atol=close,
        )
