"""Errors of shapes: products, linear layers, broadcasting, losses, views, joins, indices."""

from __future__ import annotations

import ast
import re
from typing import Any

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.operands import failing, operands, tensors_in
from app.explain.program import Program, listed, shape_text
from app.explain.source import called_name
from app.trace.document import Evidence, Fix, Op, Tensor


def failed_op(case: Case) -> Op | None:
    """The torch call that raised: the last one that put nothing out."""
    for op in reversed(case.program.trace["ops"]):
        if not op["outputs"] and case.program.line(op) == case.line:
            return op
    return None


def involved(case: Case) -> tuple[list[tuple[str, Tensor]], list[Evidence]]:
    """(name, tensor) for each tensor that the failing call was given, and the evidence."""
    program = case.program
    op = failed_op(case)
    if op is not None and op["inputs"]:
        ids = list(dict.fromkeys(op["inputs"]))
        found = [(program.name(i), program.tensors[i]) for i in ids if i in program.tensors]
    else:
        found = [(text, t) for _, text, t in tensors_in(program, failing(program))]
    evidence = [program.tensor_evidence(t["id"]) for _, t in found]
    if op is not None:
        evidence.insert(0, program.op_evidence(op, f"{program.expression(op)}: raised"))
    return found, evidence


def with_shapes(found: list[tuple[str, Tensor]]) -> str:
    """'`a` [2, 3] and `b` [4, 5]'."""
    words = [f"`{name}` {shape_text(t['shape'])}" for name, t in found[:3]]
    if len(words) < 2:
        return "".join(words) or "its inputs"
    return ", ".join(words[:-1]) + " and " + words[-1]


def _base(case: Case) -> tuple[dict[str, Any], list[tuple[str, Tensor]], list[Evidence]]:
    found, evidence = involved(case)
    node = failing(case.program)
    op = failed_op(case)
    written = case.program.source.text(node) if node is not None else ""
    if not written and op is not None:
        written = case.program.expression(op)
    values = {
        "line": case.line,
        "written": " ".join(written.split())[:60] or case.program.source.line(case.line).strip(),
        "tensors": with_shapes(found),
    }
    return values, found, evidence


@error
def matrix_product(case: Case) -> Finding:
    program = case.program
    values, _, evidence = _base(case)
    values |= {n: case.group(n) for n in "abcd"}
    op = failed_op(case)
    if op is not None and op["name"].rsplit(".", 1)[-1] == "linear":
        return _linear(case, values, op, evidence)
    return Finding("matmul-shapes", values, evidence, _transposes(program, failing(program)))


def _linear(case: Case, values: dict[str, Any], op: Op, evidence: list[Evidence]) -> Finding:
    program = case.program
    weight = next((n for n in map(program.name, op["inputs"][1:2])), "")
    values |= {
        "input": program.name(op["inputs"][0]),
        "given": values["b"],
        "wanted": values["c"],
        "layer": weight.removesuffix(".weight") if weight.endswith(".weight") else "the layer",
    }
    offered: list[Fix] = []
    calls = [
        n
        for n in program.source.nodes()
        if isinstance(n, ast.Call)
        and called_name(n) == "Linear"
        and n.args
        and program.source.text(n.args[0]) == values["wanted"]
    ]
    matching = [
        c for c in calls if len(c.args) > 1 and program.source.text(c.args[1]) == values["d"]
    ]
    for call in (matching or calls)[:1]:
        edit = edits.replace(program.source, call.args[0], str(values["given"]))
        text = f"Let the layer on line {call.lineno} take {values['given']} features"
        offered = [edits.fix(text, edit)]
    return Finding("linear-shapes", values, evidence, offered)


def _transposes(program: Program, node: ast.expr | ast.stmt | None) -> list[Fix]:
    """`a @ b` -> `a @ b.T` or `a.T @ b`, whichever fits."""
    pairs = tensors_in(program, node)
    if len(pairs) != 2:
        return []
    (left, left_text, a), (right, right_text, b) = pairs
    if len(a["shape"]) != 2 or len(b["shape"]) != 2:
        return []
    offered = []
    if a["shape"][1] == b["shape"][1]:
        edit = edits.append_to(program.source, right, ".T")
        offered.append(edits.fix(f"Transpose `{right_text}`", edit))
    if a["shape"][0] == b["shape"][0]:
        edit = edits.append_to(program.source, left, ".T")
        offered.append(edits.fix(f"Transpose `{left_text}`", edit))
    return offered


@error
def vector_product(case: Case) -> Finding:
    values, _, evidence = _base(case)
    pairs = tensors_in(case.program, failing(case.program))
    offered: list[Fix] = []
    if len(pairs) == 2 and all(len(t["shape"]) == 3 for _, _, t in pairs):
        (_, _, a), (right, text, b) = pairs
        if a["shape"][2] == b["shape"][2] and a["shape"][0] == b["shape"][0]:
            edit = edits.append_to(case.program.source, right, ".transpose(1, 2)")
            offered = [edits.fix(f"Transpose the matrices of `{text}`", edit)]
    return Finding("product-shapes", values, evidence, offered)


LOSSES = frozenset(
    "mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy soft_margin_loss "
    "binary_cross_entropy_with_logits kl_div poisson_nll_loss gaussian_nll_loss".split()
)


@error
def broadcasting(case: Case) -> Finding:
    values, found, evidence = _base(case)
    values |= {"a": case.group("a"), "b": case.group("b"), "dim": case.group("dim")}
    op = failed_op(case)
    loss = next(
        (o for o in case.program.ops_on(case.line) if o["name"].rsplit(".", 1)[-1] in LOSSES), op
    )
    if loss is not None and loss["name"].rsplit(".", 1)[-1] in LOSSES:
        values["loss"] = loss["name"].rsplit(".", 1)[-1]
        return Finding("loss-shapes", values, evidence)
    return Finding("broadcast-shapes", values, evidence, _unsqueezes(case, found))


def _unsqueezes(case: Case, found: list[tuple[str, Tensor]]) -> list[Fix]:
    """A row against a column: `b` -> `b.unsqueeze(-1)` where the first sizes agree."""
    pairs = tensors_in(case.program, failing(case.program))
    if len(pairs) != 2 or len(found) != 2:
        return []
    offered = []
    for (node, text, small), (_, _, large) in (pairs, pairs[::-1]):
        fits = len(small["shape"]) == 1 and len(large["shape"]) == 2
        if fits and small["shape"][0] == large["shape"][0]:
            edit = edits.append_to(case.program.source, node, ".unsqueeze(-1)")
            offered.append(edits.fix(f"Make `{text}` a column", edit))
    return offered


@error
def loss_target(case: Case) -> Finding:
    program = case.program
    values, _, evidence = _base(case)
    call = _loss_call(case)
    values["loss"] = called_name(call) if call is not None else "the loss"
    offered: list[Fix] = []
    sizes = [_size(case.group(n)) for n in ("target", "input")]
    values["tensors"] = f"a target {sizes[0]} and a prediction {sizes[1]}"
    if call is not None and len(call.args) >= 2:
        target = program.source.text(call.args[1])
        values["tensors"] = (
            f"the target `{target}` {sizes[0]} and the prediction "
            f"`{program.source.text(call.args[0])}` {sizes[1]}"
        )
        if _count(sizes[0]) == _count(sizes[1]):
            text = f".view_as({program.source.text(call.args[0])})"
            edit = edits.append_to(program.source, call.args[1], text)
            offered = [edits.fix(f"Give `{target}` the shape of the prediction", edit)]
    return Finding("loss-shapes", values, evidence, offered)


def _size(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def _count(shape: list[int]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


def _loss_call(case: Case) -> ast.Call | None:
    """The outermost call on the line that is given two things."""
    node = failing(case.program)
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        return node
    return next((c for c in case.program.source.calls(case.line) if len(c.args) >= 2), None)


@error
def batch_sizes(case: Case) -> Finding:
    values, _, evidence = _base(case)
    values |= {"input": case.group("input"), "target": case.group("target")}
    return Finding("loss-batch", values, evidence)


@error
def class_out_of_bounds(case: Case) -> Finding:
    values, found, evidence = _base(case)
    classes = found[0][1]["shape"][1:2] if found else []
    values |= {
        "target": case.group("target"),
        "classes": classes[0] if classes else "fewer",
        "most": classes[0] - 1 if classes else "the number of classes minus one",
    }
    return Finding("loss-class", values, evidence)


@error
def target_dimensions(case: Case) -> Finding:
    program = case.program
    values, _, evidence = _base(case)
    call = _loss_call(case)
    offered = []
    if call is not None and len(call.args) >= 2:
        target = program.source.text(call.args[1])
        values["target"] = target
        edit = edits.append_to(program.source, call.args[1], ".squeeze(-1)")
        offered = [edits.fix(f"Take the last dimension of `{target}` away", edit)]
    values.setdefault("target", "the target")
    return Finding("loss-target-dimensions", values, evidence, offered)


@error
def view_shape(case: Case) -> Finding:
    program = case.program
    values, found, evidence = _base(case)
    values |= {"wanted": case.group("shape"), "size": case.group("size")}
    node = failing(program)
    offered: list[Fix] = []
    if isinstance(node, ast.Call) and node.args and found:
        first = node.args[0]
        shape = first.elts if isinstance(first, ast.Tuple | ast.List) else node.args
        sizes = [program.source.text(s) for s in shape]
        known = [int(s) for s in sizes[1:] if s.isdigit()]
        rest = _count(known)
        whole = rest > 0 and int(values["size"]) % rest == 0
        if len(known) == len(sizes) - 1 and "-1" not in sizes and whole:
            edit = edits.replace(program.source, shape[0], "-1")
            offered = [edits.fix("Let torch work out the first size (-1)", edit)]
    return Finding("view-shape", values, evidence, offered)


@error
def view_stride(case: Case) -> Finding:
    program = case.program
    values, _, evidence = _base(case)
    offered = []
    for call in program.source.calls(case.line, "view"):
        if isinstance(call.func, ast.Attribute):
            owner = program.source.text(call.func.value)
            arguments = program.source.text(call)[len(program.source.text(call.func)) :]
            edit = edits.replace(program.source, call, f"{owner}.reshape{arguments}")
            offered = [edits.fix("Use `.reshape()`, which copies if it must", edit)]
    return Finding("view-stride", values, evidence, offered)


@error
def join_shapes(case: Case) -> Finding:
    values, _, evidence = _base(case)
    node = failing(case.program)
    values |= {"a": case.group("a"), "b": case.group("b"), "join": "torch.cat"}
    offered: list[Fix] = []
    if isinstance(node, ast.Call):
        values["join"] = case.program.source.text(node.func)
        offered = _other_dimension(case, node)
    return Finding("join-shapes", values, evidence, offered)


def _other_dimension(case: Case, node: ast.Call) -> list[Fix]:
    """Two matrices that agree in the other dimension are joined along it."""
    shapes = [t["shape"] for _, _, t in tensors_in(case.program, node)]
    if called_name(node) != "cat" or len(shapes) < 2 or any(len(s) != 2 for s in shapes):
        return []
    for dim in (0, 1):
        if len({s[1 - dim] for s in shapes}) == 1:
            given = edits.keyword(node, "dim")
            if given is None and len(node.args) > 1:
                edit = edits.replace(case.program.source, node.args[1], str(dim))
            else:
                edit = edits.set_keyword(case.program.source, node, "dim", str(dim))
            return [edits.fix(f"Join along dimension {dim}", edit)]
    return []


@error
def dimension_range(case: Case) -> Finding:
    program = case.program
    values, _, evidence = _base(case)
    values |= {n: case.group(n) for n in ("low", "high", "dim")}
    node = failing(program)
    offered: list[Fix] = []
    for part in ast.walk(node) if node is not None else ():
        if (
            isinstance(part, ast.Constant | ast.UnaryOp)
            and program.source.text(part) == values["dim"]
        ):
            edit = edits.replace(program.source, part, "-1")
            offered = [edits.fix("Use the last dimension (-1)", edit)]
            break
    return Finding("dimension-range", values, evidence, offered)


@error
def index_range(case: Case) -> Finding:
    values, _, evidence = _base(case)
    values |= {n: case.group(n) for n in ("index", "dim", "size")}
    values["most"] = int(case.group("size")) - 1
    if not evidence and case.line is not None:
        evidence = [case.program.line_evidence(case.line)]
    return Finding("index-range", values, evidence)


@error
def too_many_indices(case: Case) -> Finding:
    values, _, evidence = _base(case)
    values["dim"] = case.group("dim")
    if not evidence and case.line is not None:
        evidence = [case.program.line_evidence(case.line)]
    return Finding("too-many-indices", values, evidence)


@error
def embedding_range(case: Case) -> Finding:
    program = case.program
    values, _, evidence = _base(case)
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
    values, _, evidence = _base(case)
    values |= {n: case.group(n) for n in ("wanted", "given", "input")}
    offered = []
    for node in program.source.nodes():
        is_conv = isinstance(node, ast.Call) and called_name(node).startswith("Conv")
        if is_conv and node.args and program.source.text(node.args[0]) == values["wanted"]:  # type: ignore[attr-defined]
            assert isinstance(node, ast.Call)
            edit = edits.replace(program.source, node.args[0], values["given"])
            text = f"Let the layer on line {node.lineno} take {values['given']} channels"
            offered = [edits.fix(text, edit)]
            break
    return Finding("conv-channels", values, evidence, offered)


@error
def layer_input(case: Case) -> Finding:
    values, _, evidence = _base(case)
    op = failed_op(case)
    values |= {
        "wanted": case.group("wanted"),
        "given": case.group("given"),
        "layer": (op["module"] or op["name"]) if op is not None else "The layer",
        "message": case.error["message"].split("\n")[0][:140],
    }
    return Finding("layer-input", values, evidence)


@error
def expand_size(case: Case) -> Finding:
    values, _, evidence = _base(case)
    values |= {n: case.group(n) for n in ("wanted", "given", "dim")}
    return Finding("expand-size", values, evidence)


@error
def einsum(case: Case) -> Finding:
    values, _, evidence = _base(case)
    values["what"] = case.group("what").split("\n")[0][:140]
    return Finding("einsum", values, evidence)


def names_of(case: Case) -> str:
    """The operands as the source writes them."""
    texts = [case.program.source.text(n) for n in operands(failing(case.program))]
    return listed(texts)
