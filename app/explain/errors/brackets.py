"""Brackets that are missing, or stand at the wrong place: methods named, layers not called."""

from __future__ import annotations

import ast

from app.explain import source as edits
from app.explain.errors.optimizers import OPTIMIZERS
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.operands import tensor_of
from app.explain.program import Program
from app.explain.source import called_name
from app.explain.texts import load
from app.trace.explanations import Evidence

_NAMES = load("names")
#: What a tensor or module has of its own is a method, but for these.
_VALUES = frozenset(
    "grad grad_fn shape dtype device data T mT H is_leaf requires_grad weight bias items".split()
)
_METHODS = frozenset([*_NAMES["tensor"]["names"], *_NAMES["module"]["names"]]) - _VALUES
#: `with` takes the result of these.
_CONTEXTS = ("no_grad", "enable_grad", "inference_mode", "detect_anomaly")


def _here(case: Case) -> list[Evidence]:
    return [case.program.line_evidence(case.line)] if case.line is not None else []


@error
def context_not_called(case: Case) -> Finding | None:
    """`with torch.no_grad:`"""
    source = case.program.source
    for node in source.nodes():
        if not isinstance(node, ast.With) or node.lineno != case.line:
            continue
        for item in node.items:
            named = item.context_expr
            if isinstance(named, ast.Name | ast.Attribute):
                text = source.text(named)
                values = {"line": case.line, "written": text}
                offered = []
                if text.rsplit(".", 1)[-1] in _CONTEXTS:
                    edit = edits.append_to(source, named, "()")
                    offered = [edits.fix(f"Write `{text}()`", edit)]
                return Finding("context-not-called", values, _here(case), offered)
    return None


@error
def method_not_called(case: Case) -> Finding | None:
    """`for p in m.parameters:`, `x.mean.backward()`, `x.size[0]`."""
    source = case.program.source
    named = method_named_only(case.program, case.line)
    if named is None or (named.attr == "parameters" and _makes_optimizer(case)):
        return None
    text = source.text(named)
    edit = edits.append_to(source, named, "()")
    values = {"line": case.line, "written": text, "method": named.attr}
    return Finding("method-not-called", values, _here(case), [edits.fix(f"Write `{text}()`", edit)])


def _makes_optimizer(case: Case) -> bool:
    """Then the explanation of what it was given says more."""
    return any(called_name(call) in OPTIMIZERS for call in case.program.source.calls(case.line))


def method_named_only(program: Program, line: int | None) -> ast.Attribute | None:
    """An attribute on the line that is a method's name, and is not called."""
    called = {id(node.func) for node in program.source.calls(line)}
    for node in program.source.nodes():
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and node.lineno == line
            and id(node) not in called
            and node.attr in _METHODS
            and program.source.text(node.value) not in ("torch", "nn", "F", "torch.nn")
        ):
            return node
    return None


@error
def layer_given_its_input(case: Case) -> Finding | None:
    """`nn.ReLU(x)`: the input was given to the constructor."""
    program, layer = case.program, case.group("layer")
    for node in program.source.nodes():
        if (
            isinstance(node, ast.Call)
            and called_name(node) == layer
            and layer[:1].isupper()
            and node.args
            and case.line is not None
            and node.lineno <= case.line
            and tensor_of(program, node.args[0]) is not None
        ):
            made = program.source.text(node.func)
            given = program.source.text(node.args[0])
            edit = edits.replace(program.source, node, f"{made}()({given})")
            values = {"line": node.lineno, "layer": layer, "made": made, "given": given}
            evidence = [program.line_evidence(node.lineno)]
            offered = [edits.fix(f"Make the layer, then call it: `{made}()({given})`", edit)]
            return Finding("layer-not-called", values, evidence, offered)
    return None


@error
def container_of_a_list(case: Case) -> Finding | None:
    """`nn.Sequential([...])`: the layers are arguments, not a list."""
    source = case.program.source
    for call in source.calls(case.line, "Sequential"):
        if len(call.args) != 1:
            continue
        given = call.args[0]
        plain = isinstance(given, ast.List | ast.Tuple) and given.elts
        text = source.text(given)
        inner = text.strip()[1:-1].strip().rstrip(",") if plain else f"*{text}"
        values = {"line": case.line, "type": case.group("type"), "given": text}
        edit = edits.replace(source, given, inner)
        title = "Take the list's brackets away" if plain else f"Hand out its elements: `{inner}`"
        return Finding("sequential-of-a-list", values, _here(case), [edits.fix(title, edit)])
    return None
