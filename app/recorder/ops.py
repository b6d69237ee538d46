"""Every torch call of the snippet, also those that autograd does not record."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import permutations
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
from app.recorder.history import grad, is_followed
from app.recorder.modules import CONSTRUCTORS, ModulePaths, builds_module
from app.recorder.oplog import Few, few
from app.recorder.places import SNIPPET, Place, snippet_frame
from app.recorder.special import special
from app.recorder.state import State
from app.recorder.tensors import tensors_in
from app.recorder.unheard import PLAIN, unheard, unheard_but_for

_HANDLE = handle_torch_function.__code__
#: What torch says of the classes of a call's arguments when none has an override of its own.
_PLAIN = frozenset(((), *permutations(PLAIN, 1), *permutations(PLAIN, 2)))
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
        if (types and types not in _PLAIN) or _len_torch_dispatch_stack():
            return self._overridden(info, func, args, kwargs, sys._getframe(1))
        if info.special == "quiet":
            return func(*args, **kwargs) if kwargs else func(*args)
        frame = sys._getframe(1)
        state = self._state
        if not info.is_simple or state.tape is not None:
            return self._unusual(info, func, args, kwargs, frame)
        # What follows is the usual case, which is what costs: a call that makes one new tensor,
        # by an expression of the snippet or inside of a library.  (An `out=` makes none.)
        if state.timeline.catch_up is not None:
            state.timeline.catch_up()
        if frame.f_code is _HANDLE:
            frame = _caller(frame)
        budget, ops, tensors, parent = state.budget, state.ops, state.tensors, self._parent
        rows = ops.rows
        if (
            budget.left < budget.ops_until
            or len(rows) >= state.limits.ops
            or (kwargs and "out" in kwargs)
        ):
            return self._general(info, func, args, kwargs, frame)
        at = self._by_code.get(id(frame.f_code)) if parent is None else None
        place = at.get(frame.f_lasti) if at is not None else None
        if place is not None:
            occurrence = place.count
            place.count = occurrence + 1
        else:
            shown = self._shown(frame)
            if shown is None:
                return func(*args, **kwargs) if kwargs else func(*args)
            place, occurrence = self._place(shown, frame)
        budget.left -= CHARS_AN_OP
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
        loops = place.loops
        iteration: Few = ()
        if loops:
            places = state.places
            iteration = places.counts[loops[0]] if len(loops) == 1 else places.iteration(place)
        module = self._module_paths.of(self.modules) if self.modules else None
        caller = -1 if parent is None else parent.op
        sequence = _get_sequence_nr()
        try:
            result = func(*args, **kwargs) if kwargs else func(*args)
        except BaseException:
            rows.append((info.name, place.index, occurrence, iteration, caller, module,
                         inputs, (), False, None, self.intervention, ()))  # fmt: skip
            raise
        nodes = _get_sequence_nr() - sequence
        if type(result) is not _Tensor:
            call = Call(state, info, place, occurrence, iteration, module, self.intervention)
            call.parent, call.inputs, call.numbers = caller, inputs_of(args, kwargs), inputs
            outputs = tensors_in(result)
            if outputs:
                call.append()
                call.finish(outputs, sequence)
            return result
        entry = known.get(id(result))
        made = entry[1] if entry is not None and entry[0]() is result else tensors.add(result)
        if info.makes_aliases:
            tensors.aliases.add(result, inputs_of(args, kwargs))
        op = len(rows)
        # (`isinf` has nodes inside, and its result has no history.)
        recorded = nodes > 0 and (result.requires_grad or is_followed(result))
        why = None if recorded else why_not(info.is_detach, inputs_of(args, kwargs), result)
        rows.append((info.name, place.index, occurrence, iteration, caller, module,
                     inputs, made, recorded, why, self.intervention, ()))  # fmt: skip
        if nodes == 1 and not result.output_nr:
            ops.of_sequence[sequence] = op
        elif nodes:
            ops.claim(op, sequence, sequence + nodes)
            state.made(result, made)
        if parent is None:
            state.timeline.events.append(op)
        if state.watch is not None:
            state.watch.moved(op, state.nodes_run)
        return result

    def hear(self, func: Any, args: Any, kwargs: Any, caller: FrameType) -> Any:
        """A call of torch's Python code that nobody else is to hear of; this mode must be off."""
        info = self._infos.get(func)
        if info is None:
            info = self._infos[func] = FunctionInfo(func)
        return self._unusual(info, func, args, kwargs, caller)

    def _unusual(
        self, info: FunctionInfo, func: Any, args: Any, kwargs: Any, caller: FrameType
    ) -> Any:
        """A call that makes no tensor, or changes one, or has others inside."""
        if info.special == "quiet":
            return func(*args, **kwargs) if kwargs else func(*args)
        self._state.timeline.settle()
        if info.special == "backward":
            return self._backward(func, args, kwargs or {})
        sets_grad = info.special == "grad__set__" and args[1] is not None
        if info.special is not None and not (sets_grad and args[1] is not grad(args[0])):
            return special(self._state, info, func, args, kwargs or {})
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
        """Any call: in place, composite, with several results, past the limits."""
        state = self._state
        frame = self._shown(caller)
        if frame is None or not state.room_for_op():
            if info.in_place:
                state.summaries.flush()
                if args and isinstance(args[0], _Tensor):
                    known = state.tensors.known(args[0])
                    if known is not None:
                        state.tensors.written(args[0])
            return func(*args, **kwargs) if kwargs else func(*args)
        call = self._call(info, frame, caller, args, kwargs)
        if info.in_place or (kwargs is not None and kwargs.get("out") is not None):
            state.summaries.flush()
            call.versions = versions(call.inputs)
            call.unversioned = info.unversioned(args, kwargs)
        if info.special == "grad__set__":
            call.sets_grad_of(args[0])
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

    def _shown(self, caller: FrameType) -> FrameType | None:
        """The snippet's frame that makes a call; None if it is not to be shown."""
        frame: FrameType | None = caller
        while frame is not None:
            code = frame.f_code
            if code.co_filename == SNIPPET:
                break
            if code is _RUN_PYTHON and self._parent_frame is not None:
                return self._parent_frame
            if code.co_name in CONSTRUCTORS and builds_module(frame):
                return None
            frame = frame.f_back
        return None if frame is self.hidden_frame and frame is not caller else frame

    def _place(self, frame: FrameType, caller: FrameType) -> tuple[Place, int]:
        """The place of a call in the snippet's frame, and for which time it runs."""
        places, parent = self._state.places, self._parent
        place = places.of(frame)
        if parent is not None and (
            self._parent_frame is frame or (parent.place is place and frame is not caller)
        ):
            return place, parent.occurrence
        return place, place.direct() if frame is caller else place.through(places.counts)

    def _call(
        self, info: FunctionInfo, frame: FrameType, caller: FrameType, args: Any, kwargs: Any
    ) -> Call:
        state = self._state
        place, occurrence = self._place(frame, caller)
        module = self._module_paths.of(self.modules) if self.modules else None
        iteration = state.places.iteration(place)
        call = Call(state, info, place, occurrence, iteration, module, self.intervention)
        if self._parent is not None:
            call.outer, call.parent = self._parent, self._parent.op
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
            op = self._call(APPLY.named(function.__name__), frame, caller, args, kwargs)
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
        has_one = len(rows) == call.op + 2
        if has_one and tape is None and type(result) is _Tensor and call.replaces(result, sequence):
            return result
        outputs = tensors_in(result)
        if tape is not None and kept is not None:
            tape.after(func, kept, outputs)
        if outputs or call.versions is not None or call.changes:
            if has_one:
                call.absorb(outputs, sequence)
            call.finish(outputs, sequence)
        elif len(rows) == call.op + 1:
            rows.pop()
        return result


_RUN_PYTHON = OpMode._run_python.__code__


def _caller(handle: FrameType) -> FrameType:
    """The frame of a torch function's caller, of the frame in which it asked for modes."""
    function = handle.f_back
    return function.f_back if function is not None and function.f_back is not None else handle
