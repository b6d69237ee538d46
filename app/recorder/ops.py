"""Every torch call of the snippet, also those that autograd does not record."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch._C import DisableTorchFunction, _pop_torch_function_stack, _push_on_torch_function_stack
from torch._C._autograd import _get_sequence_nr
from torch.overrides import TorchFunctionMode, handle_torch_function

from app.recorder.functions import APPLY, FunctionInfo
from app.recorder.modules import ModulePaths
from app.recorder.places import SNIPPET, Place, snippet_frame
from app.recorder.state import State
from app.recorder.tensors import tensors_in
from app.trace.document import Op, Site, WhyNotRecorded

_HANDLE = handle_torch_function.__code__
_CONSTRUCTORS = frozenset(("__init__", "reset_parameters", "_reset_parameters"))
_MODULES = str(Path(torch.nn.modules.__file__).parent)


class OpMode(TorchFunctionMode):
    """Sees each call before and after; while it handles one, it is off."""

    def __init__(self, state: State, backward: Callable[..., Any]) -> None:
        super().__init__()
        self._state = state
        self._backward = backward
        self._infos: dict[Any, FunctionInfo] = {}
        self._zeroed = False
        self._parent: Op | None = None
        self._parent_frame: FrameType | None = None
        #: The snippet's frame that called an optimizer's step: its own ops are not shown.
        self.hidden_frame: FrameType | None = None
        #: The nn.Modules that are being run, outermost first.
        self.modules: list[torch.nn.Module] = []
        self._module_paths = ModulePaths()
        #: The intervention that is acting now.
        self.intervention: str | None = None
        #: Set just before a torch function is entered: it may skip its look for modes.
        self.entering = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        info = self._infos.get(func)
        if info is None:
            info = self._infos[func] = FunctionInfo(func)
        if info.special is not None:
            if info.special == "quiet":
                return func(*args, **kwargs) if kwargs else func(*args)
            return self._special(info, func, args, kwargs or {})
        frame: FrameType | None = sys._getframe(1)
        if frame is not None and frame.f_code is _HANDLE and frame.f_back is not None:
            frame = frame.f_back.f_back
        direct = True
        hidden = False
        while frame is not None and frame.f_code.co_filename != SNIPPET:
            if frame.f_code.co_name in _CONSTRUCTORS and _builds_module(frame):
                hidden = True
            frame = frame.f_back
            direct = False
        state = self._state
        if frame is None or hidden or (frame is self.hidden_frame and not direct):
            if info.in_place:
                state.summaries.flush()
            return func(*args, **kwargs) if kwargs else func(*args)
        if not state.room_for_op():
            if info.in_place:
                state.summaries.flush()
            return func(*args, **kwargs) if kwargs else func(*args)
        parent = self._parent
        place = state.places.of(frame)
        site: Site | None
        if parent is not None and self._parent_frame is frame:
            site = parent["site"]
        elif direct:
            site = place.site(place.direct())
        else:
            site = place.site(place.through(state.places.counts))
        inputs = _inputs(args, kwargs)
        op = self._new_op(info.name, site, place, parent, inputs)
        in_place = info.in_place or (kwargs is not None and kwargs.get("out") is not None)
        before: list[int | None] | None = None
        if in_place:
            state.summaries.flush()
            before = _versions(inputs)
        if info.is_python:
            return self._run_python(info, func, args, kwargs, op, inputs, before, frame)
        kept = None if state.tape is None or parent else state.tape.before(args, kwargs)
        sequence = _get_sequence_nr()
        try:
            result = func(*args, **kwargs) if kwargs else func(*args)
        except BaseException:
            self._append(op)
            raise
        if kept is not None and state.tape is not None:
            state.tape.after(func, kept, tensors_in(result))
        if type(result) is torch.Tensor:
            if before is None and parent is None and not info.is_empty:
                self._finish_simple(op, place.line, info, inputs, result, sequence)
                return result
            outputs = [result]
        else:
            outputs = tensors_in(result)
            if not outputs and before is None:
                return result
        self._append(op)
        self._finish(info, op, inputs, outputs, sequence, before)
        return result

    def act(self, intervention: str | None) -> None:
        """Ops from now on happen because of this intervention."""
        self.intervention = intervention

    def run_function(self, function: Any, call: Any, args: Any, kwargs: Any) -> Any:
        """`apply` of an autograd.Function: not a torch call, so the mode is on."""
        frame = snippet_frame(sys._getframe(2))
        state = self._state
        state.has_functions = True
        if frame is None or not state.room_for_op():
            return call(*args, **kwargs)
        with DisableTorchFunction():
            place = state.places.of(frame)
            direct = sys._getframe(2) is frame
            count = place.direct() if direct else place.through(state.places.counts)
            inputs = _inputs(args, kwargs)
            op = self._new_op(function.__name__, place.site(count), place, self._parent, inputs)
            before = _versions(inputs)
            tape = state.tape if self._parent is None else None
            kept = tape.before(args, kwargs) if tape is not None else None
        state.ops.append(op)
        outer = (self._parent, self._parent_frame)
        self._parent, self._parent_frame = op, None
        sequence = _get_sequence_nr()
        try:
            result = call(*args, **kwargs)
        finally:
            self._parent, self._parent_frame = outer
        with DisableTorchFunction():
            if tape is not None and kept is not None:
                tape.after(call, kept, tensors_in(result))
            self._finish(APPLY, op, inputs, tensors_in(result), sequence, before)
        return result

    def _new_op(
        self,
        name: str,
        site: Site | None,
        place: Place,
        parent: Op | None,
        inputs: list[torch.Tensor],
    ) -> Op:
        state = self._state
        tensor_id = state.tensors.id
        template = place.template.get(name)
        if template is None:
            template = place.template[name] = {
                "id": "", "name": name, "site": site, "parent": None, "module": None,
                "inputs": [], "outputs": [], "recorded": False, "why_not_recorded": None,
                "intervention": None, "expression": place.expression,
            }  # fmt: skip
        op = template.copy()
        op["id"] = f"o{len(state.ops)}"
        op["site"] = site
        op["inputs"] = [tensor_id(t) for t in inputs]
        op["outputs"] = []
        if parent is not None:
            op["parent"] = parent["id"]
        if self.modules:
            op["module"] = self._module_paths.of(self.modules)
        if self.intervention is not None:
            op["intervention"] = self.intervention
        if place.loops:
            op["iteration"] = state.places.iteration(place)
        return op

    def _run_python(
        self,
        info: FunctionInfo,
        func: Any,
        args: Any,
        kwargs: Any,
        op: Op,
        inputs: list[torch.Tensor],
        before: list[int | None] | None,
        frame: FrameType,
    ) -> Any:
        """A function written in Python: the torch calls inside it become its children."""
        ops = self._state.ops
        index = len(ops)
        ops.append(op)
        outer = (self._parent, self._parent_frame)
        self._parent, self._parent_frame = op, frame
        tape = self._state.tape if self._parent is op and outer[0] is None else None
        kept = tape.before(args, kwargs) if tape is not None else None
        sequence = _get_sequence_nr()
        self.entering = True
        _push_on_torch_function_stack(self)
        try:
            result = func(*args, **kwargs) if kwargs else func(*args)
        finally:
            _pop_torch_function_stack()
            self.entering = False
            self._parent, self._parent_frame = outer
        outputs = tensors_in(result)
        if tape is not None and kept is not None:
            tape.after(func, kept, outputs)
        if outputs or before is not None:
            if len(ops) == index + 2 and self._is_same(ops[-1], outputs):
                self._absorb(op, ops.pop(), sequence)
            self._finish(info, op, inputs, outputs, sequence, before)
        elif len(ops) == index + 1:
            ops.pop()
        return result

    def _append(self, op: Op) -> None:
        """An op gets its place when it is over: it may have called Functions inside."""
        ops = self._state.ops
        op["id"] = f"o{len(ops)}"
        ops.append(op)

    def _finish_simple(
        self,
        op: Op,
        line: int,
        info: FunctionInfo,
        inputs: list[torch.Tensor],
        result: torch.Tensor,
        sequence: int,
    ) -> None:
        """The common case of `_finish`: one new tensor, nothing in place, no parent."""
        state = self._state
        after = _get_sequence_nr()
        entry_id = state.tensors.id(result)
        op["outputs"].append(entry_id)
        state.maker[entry_id] = op
        if after == sequence:
            op["why_not_recorded"] = why_not(info.is_detach, inputs)
        else:
            op["recorded"] = True
            if after == sequence + 1 and not result.output_nr:
                state.op_of_sequence[sequence] = op
                state.made_by_node[sequence] = [entry_id]
            else:
                for number in range(sequence, after):
                    state.op_of_sequence[number] = op
                state.made(result, entry_id)
        self._append(op)
        state.timeline.append({"kind": "op", "line": line, "op": op["id"]})

    def _is_same(self, child: Op, outputs: list[torch.Tensor]) -> bool:
        """Did the function's only call make all that the function gives?"""
        return child["outputs"] == [self._state.tensors.id(t) for t in outputs]

    def _absorb(self, op: Op, child: Op, sequence: int) -> None:
        """Let an op stand for its only child."""
        for number in range(sequence, _get_sequence_nr()):
            self._state.op_of_sequence[number] = op
        if "mutated" in child:
            op["mutated"] = child["mutated"]

    def _finish(
        self,
        info: FunctionInfo,
        op: Op,
        inputs: list[torch.Tensor],
        outputs: list[torch.Tensor],
        sequence: int,
        before: list[int | None] | None,
    ) -> None:
        state = self._state
        after = _get_sequence_nr()
        of_sequence = state.op_of_sequence
        for number in range(sequence, after):
            of_sequence.setdefault(number, op)
        recorded = after > sequence
        self._zeroed = False
        if before is not None:
            self._mutations(info, op, inputs, before, recorded)
        entry = state.tensors.entry
        made = op["outputs"]
        if info.is_empty:
            for tensor in outputs:
                state.tensors.add(tensor, with_value=False)
        for tensor in outputs:
            record = entry(tensor)
            made.append(record["id"])
            state.maker[record["id"]] = op
            if recorded:
                state.made(tensor, record["id"])
        op["recorded"] = recorded
        if not recorded:
            op["why_not_recorded"] = why_not(info.is_detach, inputs)
        if op["parent"] is None and not self._zeroed:
            site = op["site"]
            state.timeline.append(
                {"kind": "op", "line": site["line"] if site else None, "op": op["id"]}
            )

    def _mutations(
        self,
        info: FunctionInfo,
        op: Op,
        inputs: list[torch.Tensor],
        before: list[int | None],
        recorded: bool,
    ) -> None:
        """Which inputs changed in place: those with a new history become new entries."""
        state = self._state
        for tensor, version in zip(inputs, before, strict=True):
            if version is None or tensor._version == version:
                continue
            old = state.tensors.id(tensor)
            op.setdefault("mutated", []).append(old)
            leaf = state.owner_of_grad(tensor)
            if recorded and tensor.requires_grad and not tensor.is_leaf:
                state.replaced(old, tensor)
            elif state.tensors.entry(tensor)["value"] is None:
                state.tensors.revalue(tensor)
            elif leaf is not None:
                self._grad_changed(leaf, tensor, info.name)

    def _grad_changed(self, leaf: str, grad: torch.Tensor, name: str) -> None:
        """The program changed a leaf's .grad in place."""
        state = self._state
        if name in ("zero_", "_foreach_zero_"):
            state.grad_zeroed(leaf, grad)
            self._zeroed = True
        else:
            state.grad_events[leaf] = "assigned"

    def _special(self, info: FunctionInfo, func: Any, args: Any, kwargs: Any) -> Any:
        state = self._state
        tensor = args[0] if args else None
        if info.special == "backward":
            return self._backward(func, args, kwargs)
        if info.special == "shares_memory":
            state.summaries.share()
            return func(*args, **kwargs)
        if info.special == "hook":
            state.has_hooks = True
            return func(*args, **kwargs)
        if info.special == "grad__set__" and isinstance(tensor, torch.Tensor):
            old = tensor.grad if tensor.is_leaf else None
            before = state.summaries.of(old) if old is not None else None
            result = func(*args, **kwargs)
            state.grad_set(tensor, args[1], before)
            return result
        result = func(*args, **kwargs)
        if info.special == "grad__get__" and isinstance(result, torch.Tensor):
            state.own_grad(args[0], result)
        elif info.special == "set_requires_grad" and isinstance(tensor, torch.Tensor):
            entry = state.tensors.entry(tensor)
            entry["requires_grad"] = tensor.requires_grad
        return result


def _builds_module(frame: FrameType) -> bool:
    """Is torch making the parameters of one of its own modules here?"""
    return frame.f_code.co_filename.startswith(_MODULES)


def _inputs(args: tuple[Any, ...], kwargs: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for value in args:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple | dict):
            found += tensors_in(value)
    if kwargs:
        for value in kwargs.values():
            found += tensors_in(value)
    return found


def _versions(tensors: list[torch.Tensor]) -> list[int | None]:
    return [None if t.is_inference() else t._version for t in tensors]


def why_not(is_detach: bool, inputs: list[torch.Tensor]) -> WhyNotRecorded | None:
    """Why autograd made no node for an op; None for one that only creates."""
    if is_detach:
        return "detached"
    if not inputs:
        return None
    if torch.is_inference_mode_enabled():
        return "inference_mode"
    if not any(tensor.requires_grad for tensor in inputs):
        return "no_input_requires_grad"
    return "not_differentiable" if torch.is_grad_enabled() else "no_grad"
