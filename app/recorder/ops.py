"""Every torch call of the snippet, also those that autograd does not record."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch._C import (
    _len_torch_dispatch_stack,
    _pop_torch_function_stack,
    _push_on_torch_function_stack,
)
from torch._C._autograd import _get_sequence_nr
from torch.overrides import TorchFunctionMode, handle_torch_function

from app.recorder.budget import CHARS_AN_OP
from app.recorder.calls import Call, inputs_of, versions, why_not
from app.recorder.functions import APPLY, FunctionInfo
from app.recorder.modules import CONSTRUCTORS, ModulePaths, builds_module
from app.recorder.oplog import few
from app.recorder.places import SNIPPET, Place, snippet_frame
from app.recorder.state import State
from app.recorder.summaries import NOTHING
from app.recorder.tensors import tensors_in
from app.recorder.unheard import unheard, unheard_but_for

_HANDLE = handle_torch_function.__code__
_Tensor = torch.Tensor
#: Arguments of these types hold no tensor.
_NO_TENSORS = frozenset((int, float, bool, str, complex, type(None), torch.dtype, torch.Size))


class OpMode(TorchFunctionMode):
    """Sees each call before and after; while it handles one, it is off."""

    def __init__(self, state: State, backward: Callable[..., Any]) -> None:
        super().__init__()
        self._state = state
        self._backward = backward
        self._by_code = state.places.by_code
        self._infos: dict[Any, FunctionInfo] = {}
        self._parent: Call | None = None
        self._parent_frame: FrameType | None = None
        #: The snippet's frame that called an optimizer's step: its own ops are not shown.
        self.hidden_frame: FrameType | None = None
        #: One of torch's own optimizers steps: none of its ops is shown, so none is looked at.
        self.stepping = False
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
        frame = sys._getframe(1)
        if types or _len_torch_dispatch_stack():
            return self._overridden(info, func, args, kwargs, frame)
        state = self._state
        if not info.is_simple or self.stepping or self._parent is not None or state.tape:
            return self._unusual(info, func, args, kwargs, frame)
        if state.timeline.catch_up is not None:
            state.timeline.catch_up()
        if frame.f_code is _HANDLE:
            frame = _caller(frame)
        place: Place | None = None
        at = self._by_code.get(id(frame.f_code))
        if at is not None:
            place = at.get(frame.f_lasti)
        # What follows is the usual case, which is what costs: a call by an expression of the
        # snippet that was met before, which makes one new tensor.
        # (An `out=` makes none.)
        budget, ops, tensors = state.budget, state.ops, state.tensors
        rows = ops.rows
        if (
            place is None
            or budget.left < budget.ops_until
            or len(rows) >= state.limits.ops
            or (kwargs and "out" in kwargs)
        ):
            return self._general(info, func, args, kwargs, frame)
        budget.left -= CHARS_AN_OP
        occurrence = place.count
        place.count = occurrence + 1
        numbers: list[int] = []
        known = tensors.by_address
        for value in args:
            entry = known.get(id(value))
            if entry is not None and entry[0]() is value:
                numbers.append(entry[1])
            elif type(value) not in _NO_TENSORS:
                numbers += [tensors.id(tensor) for tensor in tensors_in(value)]
        if kwargs:
            numbers += [tensors.id(tensor) for tensor in tensors_in(kwargs)]
        inputs = numbers[0] if len(numbers) == 1 else tuple(numbers)
        iteration = state.places.iteration(place) if place.loops else ()
        module = self._module_paths.of(self.modules) if self.modules else None
        sequence = _get_sequence_nr()
        try:
            result = func(*args, **kwargs) if kwargs else func(*args)
        except BaseException:
            rows.append((info.name, place.index, occurrence, iteration, -1, module,
                         inputs, (), False, None, self.intervention, ()))  # fmt: skip
            raise
        nodes = _get_sequence_nr() - sequence
        if type(result) is not _Tensor or (nodes and (nodes > 1 or result.output_nr)):
            call = Call(state, info, place, occurrence, iteration, module, self.intervention)
            call.inputs, call.numbers = inputs_of(args, kwargs), inputs
            outputs = tensors_in(result)
            if outputs:
                call.append()
                call.finish(outputs, sequence)
            return result
        entry = known.get(id(result))
        made = entry[1] if entry is not None and entry[0]() is result else tensors.add(result)
        op = len(rows)
        why = None if nodes else why_not(info.is_detach, inputs_of(args, kwargs), result)
        rows.append((info.name, place.index, occurrence, iteration, -1, module,
                     inputs, made, nodes > 0, why, self.intervention, ()))  # fmt: skip
        if nodes:
            ops.of_sequence[sequence] = op
        state.timeline.events.append(op)
        if state.watch is not None:
            state.watch.moved(op, state.nodes_run)
        return result

    def _unusual(
        self, info: FunctionInfo, func: Any, args: Any, kwargs: Any, caller: FrameType
    ) -> Any:
        """A call that makes more, or less, than one new tensor, or is inside of another call."""
        if info.special == "quiet":
            return func(*args, **kwargs) if kwargs else func(*args)
        if self.stepping:
            if id(caller.f_code) not in self._by_code:
                return func(*args, **kwargs) if kwargs else func(*args)
            self.stepping = False  # the step raised, and the snippet goes on
        self._state.timeline.settle()
        if info.special is not None:
            return self._special(info, func, args, kwargs or {})
        if caller.f_code is _HANDLE:
            caller = _caller(caller)
        return self._general(info, func, args, kwargs, caller)

    def _overridden(
        self, info: FunctionInfo, func: Any, args: Any, kwargs: Any, caller: FrameType
    ) -> Any:
        """A call that the program's own classes or modes are to hear of, and nothing else."""
        with unheard_but_for(func) as heard:
            return self._unusual(info, heard, args, kwargs, caller)

    def act(self, intervention: str | None) -> None:
        """Ops from now on happen because of this intervention."""
        self.intervention = intervention

    def _general(
        self, info: FunctionInfo, func: Any, args: Any, kwargs: Any, caller: FrameType
    ) -> Any:
        """Any call: from within libraries, in place, composite, with several results."""
        state = self._state
        frame: FrameType | None = caller
        hidden = False
        while frame is not None and frame.f_code.co_filename != SNIPPET:
            if frame.f_code.co_name in CONSTRUCTORS and builds_module(frame):
                hidden = True
            frame = frame.f_back
        direct = frame is caller
        if (
            frame is None
            or hidden
            or (frame is self.hidden_frame and not direct)
            or not state.room_for_op()
        ):
            if info.in_place:
                state.summaries.flush()
                if args and isinstance(args[0], _Tensor):
                    known = state.tensors.known(args[0])
                    if known is not None:
                        state.tensors.written(args[0])
            return func(*args, **kwargs) if kwargs else func(*args)
        call = self._call(info, frame, direct, args, kwargs)
        if info.in_place or (kwargs is not None and kwargs.get("out") is not None):
            state.summaries.flush()
            call.versions = versions(call.inputs)
        if info.is_python:
            return self._run_python(func, args, kwargs, call, frame)
        tape = state.tape if call.parent < 0 else None
        kept = tape.before(args, kwargs) if tape is not None else None
        sequence = _get_sequence_nr()
        try:
            result = func(*args, **kwargs) if kwargs else func(*args)
        except BaseException:
            call.append()
            raise
        outputs = tensors_in(result)
        if tape is not None and kept is not None:
            tape.after(func, kept, outputs)
        if outputs or call.versions is not None:
            call.append()
            call.finish(outputs, sequence)
        return result

    def _call(
        self, info: FunctionInfo, frame: FrameType, direct: bool, args: Any, kwargs: Any
    ) -> Call:
        state = self._state
        place = state.places.of(frame)
        parent = self._parent
        if parent is not None and self._parent_frame is frame:
            occurrence = parent.occurrence
        elif direct:
            occurrence = place.direct()
        else:
            occurrence = place.through(state.places.counts)
        module = self._module_paths.of(self.modules) if self.modules else None
        iteration = state.places.iteration(place)
        call = Call(state, info, place, occurrence, iteration, module, self.intervention)
        if parent is not None:
            call.parent = parent.op
        call.inputs = inputs_of(args, kwargs)
        call.numbers = few([state.tensors.id(tensor) for tensor in call.inputs])
        return call

    def run_function(self, function: Any, call: Any, args: Any, kwargs: Any) -> Any:
        """`apply` of an autograd.Function: not a torch call, so the mode is on."""
        caller = sys._getframe(2)
        frame = snippet_frame(caller)
        state = self._state
        state.has_functions = True
        if frame is None or not state.room_for_op():
            return call(*args, **kwargs)
        with unheard():
            state.timeline.settle()
            op = self._call(APPLY.named(function.__name__), frame, caller is frame, args, kwargs)
            op.versions = versions(op.inputs)
            tape = state.tape if op.parent < 0 else None
            kept = tape.before(args, kwargs) if tape is not None else None
            op.append()
        outer = (self._parent, self._parent_frame)
        self._parent, self._parent_frame = op, None
        sequence = _get_sequence_nr()
        try:
            result = call(*args, **kwargs)
        finally:
            self._parent, self._parent_frame = outer
        with unheard():
            outputs = tensors_in(result)
            if tape is not None and kept is not None:
                tape.after(call, kept, outputs)
            op.finish(outputs, sequence)
        return result

    def _run_python(self, func: Any, args: Any, kwargs: Any, call: Call, frame: FrameType) -> Any:
        """A function written in Python: the torch calls inside it become its children."""
        rows = self._state.ops.rows
        call.append()
        outer = (self._parent, self._parent_frame)
        tape = self._state.tape if outer[0] is None else None
        self._parent, self._parent_frame = call, frame
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
        if outputs or call.versions is not None:
            if len(rows) == call.op + 2:
                call.absorb(outputs, sequence)
            call.finish(outputs, sequence)
        elif len(rows) == call.op + 1:
            rows.pop()
        return result

    def _special(self, info: FunctionInfo, func: Any, args: Any, kwargs: Any) -> Any:
        state = self._state
        tensor = args[0] if args else None
        if info.special == "backward":
            return self._backward(func, args, kwargs)
        if info.special == "shares_memory":
            state.summaries.share()
            state.tensors.shared = True
            return func(*args, **kwargs)
        if info.special == "hook":
            state.has_hooks = True
            return func(*args, **kwargs)
        if info.special == "grad__set__" and isinstance(tensor, torch.Tensor):
            old = tensor.grad if tensor.is_leaf else None
            before = state.summaries.of(old) if old is not None else NOTHING
            result = func(*args, **kwargs)
            state.grads.set(tensor, args[1], before)
            return result
        result = func(*args, **kwargs)
        if info.special == "grad__get__" and isinstance(result, torch.Tensor):
            state.grads.own(args[0], result)
        elif info.special == "set_requires_grad" and isinstance(tensor, torch.Tensor):
            state.tensors.follow(tensor)
        return result


def _caller(handle: FrameType) -> FrameType:
    """The frame of a torch function's caller, of the frame in which it asked for modes."""
    function = handle.f_back
    return function.f_back if function is not None and function.f_back is not None else handle
