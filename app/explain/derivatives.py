"""torch's own derivative formulas, read from the installed wheel.

`torchgen/packaged/autograd/derivatives.yaml` comes with torch itself, so the
formulas are always those of the version that runs.  Nothing of it is copied
into this project.  Reading needs the file system, so it happens where the API
is served (`load_derivatives` at start), never in the sandbox.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_ENTRY = re.compile(r"(?P<name>\w+)(?:\.(?P<overload>\w+))?\((?P<arguments>.*)\) -> ")
_KEY = re.compile(r"(?P<indent> +)(?P<key>[\w ,]+):(?: (?P<value>.*))?$")


@dataclass(frozen=True)
class Derivative:
    """One entry: a forward op, the node that it makes, and a formula for each input."""

    #: The engine's name, e.g. 'MulBackward0'.
    node: str
    #: The forward op with its overload, e.g. 'mul.Tensor'.
    op: str
    #: Its signature as torch writes it.
    signature: str
    #: Input (or 'self, other') -> formula, in torch's own C++.
    formulas: dict[str, str]


@cache
def load_derivatives() -> dict[str, Derivative]:
    """Every node that torch's table defines, by the engine's name.

    Raises `FileNotFoundError` when the installed torch brings no table.
    """
    return {d.node: d for d in parse(derivatives_file().read_text("utf-8"))}


def derivatives_file() -> Path:
    """Where the installed torch keeps its table."""
    spec = find_spec("torchgen")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("torchgen, which comes with torch, is not installed")
    return Path(spec.origin).parent / "packaged" / "autograd" / "derivatives.yaml"


def parse(text: str) -> Iterator[Derivative]:
    """The entries of the table in order.

    Nodes are numbered as torch's code generator does: by the op's name, over
    the entries that have a formula for at least one input.
    """
    count: Counter[str] = Counter()
    for signature, fields in _entries(text):
        match = _ENTRY.match(signature)
        if match is None:
            continue
        arguments = set(re.findall(r"(\w+)(?:=[^,]*)?(?:, |$)", match["arguments"]))
        for dispatch, values in fields.items():
            formulas = {
                names: formula
                for names, formula in values.items()
                if {n.strip() for n in names.split(",")} <= arguments
                and formula.lower() != "non_differentiable"
            }
            if not formulas:
                continue
            prefix = node_prefix(match["name"]) + dispatch
            op = match["name"] + (f".{match['overload']}" if match["overload"] else "")
            yield Derivative(f"{prefix}{count[prefix]}", op, signature, formulas)
            count[prefix] += 1


def node_prefix(op: str) -> str:
    """'log_softmax' -> 'LogSoftmaxBackward', as torchgen's `_create_op_prefix`."""
    camel = "".join(part.title() for part in op.split("_")) + "Backward"
    return camel.replace("ForwardBackward", "Backward")


def _entries(text: str) -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    """(signature, {dispatch key or '': {key: value}}) of each '- name:' block."""
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
    blocks: list[list[str]] = []
    for line in lines:
        if line.startswith("- "):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
    for block in blocks:
        yield block[0].removeprefix("- name: ").strip(), _fields(block[1:])


def _fields(lines: list[str]) -> dict[str, dict[str, str]]:
    """The keys of one block; under `dispatch:` they stand one level deeper."""
    found: dict[str, dict[str, str]] = {}
    dispatch, key = "", ""
    values: dict[str, str] = found.setdefault("", {})
    for line in lines:
        match = _KEY.match(line)
        indent = len(line) - len(line.lstrip())
        if match is not None and (indent in (2, 6) or (indent == 4 and not match["value"])):
            value = (match["value"] or "").strip()
            if indent == 4:
                name = match["key"]
                dispatch = "" if name == "Default" else name
                values = found.setdefault(dispatch, {})
                continue
            if match["key"] == "dispatch":
                continue
            key = match["key"]
            values[key] = value
        elif line.strip() and key:
            values[key] = f"{values[key]} {line.strip()}"
    return {
        d: {k: _unquoted(v) for k, v in values.items()} for d, values in found.items() if values
    }


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value


#: torch's C++ spellings and how a Python reader knows them.
_READABLE = (
    (r"\b(?:at|c10)::", ""),
    (r"_symint\b", ""),
    (r"\.sym_sizes\(\)", ".shape"),
    (r"\.sym_size\((-?\w+)\)", r".shape[\1]"),
    (r"->sym_sizes\(\)", ".shape"),
    (r"\.sym_numel\(\)", ".numel()"),
    (r"\.sym_strides\(\)", ".stride()"),
    (r"\.scalar_type\(\)", ".dtype"),
    (r"\.options\(\)", ".options"),
    (r"\bhandle_r_to_c\((?:[\w]+\.dtype|[\w.]+), (\w+)\)", r"\1"),
    (r"\bgrad_input_mask\[(\d)\]", r"needs[\1]"),
    (r"\s+", " "),
    (r"^[\w\[\]() |.]*defined\(\) \? (.*) : (?:Tensor\(\)|std::tuple<[\w, ]*>\(\))$", r"\1"),
    (r"std::tuple<[\w, ]*>\(\)", "none"),
)


def readable(formula: str) -> str:
    """The formula with C++ spellings of shapes and namespaces taken away."""
    for pattern, replacement in _READABLE:
        formula = re.sub(pattern, replacement, formula)
    return formula.strip()


def helpers_in(formula: str) -> list[str]:
    """The names of functions that a formula calls, in order: 'mul_tensor_backward'."""
    names = re.findall(r"(?<![\w.>])([a-z_]\w+)\s*\(", formula)
    return list(dict.fromkeys(n.removesuffix("_symint") for n in names))
