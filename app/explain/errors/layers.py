"""Errors of layers that were given an input of another shape."""

from __future__ import annotations

from app.explain import fixes
from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.errors.shapes import described, failed_op
from app.explain.finding import Finding
from app.explain.program import counted


@error
def embedding_range(case: Case) -> Finding:
    program = case.program
    values, _, evidence = described(case)
    op = failed_op(case)
    table = (
        [program.tensors[i] for i in op["inputs"] if len(program.tensors[i]["shape"]) == 2]
        if op
        else []
    )
    rows = table[-1]["shape"][0] if table else None
    values |= {
        "rows": rows if rows is not None else "too few",
        "most": rows - 1 if rows else "its end",
    }
    return Finding("embedding-range", values, evidence)


@error
def channels(case: Case) -> Finding:
    program = case.program
    values, _, evidence = described(case)
    values |= {n: case.group(n) for n in ("wanted", "given", "input")}
    weight = case.group("weight").split(", ")
    made = fixes.layer_made(program, "Conv", values["wanted"], weight[0])
    offered = []
    if made is not None:
        edit = edits.replace(program.source, made.args[0], values["given"])
        channels_given = counted(int(values["given"]), "channel")
        offered = [edits.fix(f"Let the layer on line {made.lineno} take {channels_given}", edit)]
    return Finding("conv-channels", values, evidence, offered)


@error
def layer_input(case: Case) -> Finding:
    values, _, evidence = described(case)
    op = failed_op(case)
    values |= {
        "wanted": case.group("wanted"),
        "given": case.group("given"),
        "layer": f"`{op['module'] or op['name']}`" if op is not None else "the layer",
        "message": case.error["message"].split("\n")[0][:140],
    }
    return Finding("layer-input", values, evidence)


@error
def one_value(case: Case) -> Finding:
    """A normalization in training mode, of a batch of one."""
    op = failed_op(case)
    values = {
        "line": case.line,
        "layer": f"`{op['name'].rsplit('.', 1)[-1]}`" if op is not None else "the normalization",
        "given": case.group("given"),
    }
    evidence = [] if op is None else [case.program.op_evidence(op, "raised")]
    return Finding("layer-one-value", values, evidence)


@error
def expand_size(case: Case) -> Finding:
    values, _, evidence = described(case)
    values |= {n: case.group(n) for n in ("wanted", "given", "dim")}
    return Finding("expand-size", values, evidence)


@error
def einsum(case: Case) -> Finding:
    values, _, evidence = described(case)
    values["what"] = case.group("what").split("\n")[0][:140]
    return Finding("einsum", values, evidence)
