"""One recording from request to trace."""

from __future__ import annotations

import linecache
import platform
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import partial
from typing import cast

import numpy as np
import torch

from app.recorder.automatic import auto_backward, given_gradient
from app.recorder.backward import BackwardRecorder
from app.recorder.check import Tape
from app.recorder.collector import no_collector, quiet_collector
from app.recorder.errors import error_of
from app.recorder.history import is_leaf
from app.recorder.ids import Ids
from app.recorder.inputs import INPUT, Inputs, InvalidInput
from app.recorder.interventions import Interventions
from app.recorder.libraries import listening
from app.recorder.named import BindingTable
from app.recorder.names import Names
from app.recorder.nonfinite import first_nonfinite
from app.recorder.notrun import not_run_graph
from app.recorder.ops import OpMode
from app.recorder.places import SNIPPET, Places
from app.recorder.program import parse
from app.recorder.state import State
from app.recorder.stdout import Output
from app.recorder.summaries import NOTHING
from app.recorder.teardown import forget, release
from app.recorder.timeline import Step
from app.recorder.unheard import unheard
from app.recorder.variables import variables
from app.recorder.warned import Warned
from app.recorder.watch import Watch
from app.trace.document import SCHEMA_VERSION, Binding, Check, Error, Event, Trace
from app.trace.graph import Op, Tensor
from app.trace.limits import DEFAULT_LIMITS, Limits
from app.trace.progress import Progress
from app.trace.request import TraceRequest
from app.trace.table import entries, whole

#: A trace of fewer entries is sooner written once and read from there than read from tables.
_LONG = 2_000


def record(
    request: TraceRequest,
    limits: Limits = DEFAULT_LIMITS,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> Trace:
    """Run `request.code` here and now, and tell what autograd did.

    The program runs in this process with all its rights: untrusted code
    belongs in the sandbox.  Its exceptions end up in the trace's `error`;
    `KeyboardInterrupt` alone passes through, where Ctrl-C can be pressed.
    `progress` is called about ten times a second with how far the run has come.
    """
    with recording(request, limits, progress=progress, tables=False) as trace:
        return trace


@contextmanager
def recording(
    request: TraceRequest,
    limits: Limits = DEFAULT_LIMITS,
    *,
    progress: Callable[[Progress], None] | None = None,
    tables: bool | None = None,
) -> Iterator[Trace]:
    """As `record`, for who lets go of the trace inside: the collector never looks through it.

    Its long sections are tables (`app.trace.table`) or lists; unless told, lists if
    they are short.
    """
    started = time.perf_counter()
    run = _Run(request, limits, progress)
    with quiet_collector():
        run.execute()
        with no_collector():
            try:
                trace = run.trace(tables)
            finally:
                run.release()
            elapsed = time.perf_counter() - started
            trace["runtime"]["elapsed_ms"]["total"] = round(elapsed * 1e3, 3)
            yield trace
            # What the run had goes before the collector may look through it.
            run.end()
            del trace


def _say_why(raised: SystemExit) -> None:
    """As Python does in parting: `sys.exit("text")` writes its text."""
    if raised.code is not None and not isinstance(raised.code, int):
        with suppress(Exception):
            print(raised.code, file=sys.stderr)


class _Run:
    def __init__(
        self,
        request: TraceRequest,
        limits: Limits,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.request = request
        self.limits = limits
        self.error: Error | None = None
        self.elapsed = 0.0
        self.state = State(limits, Places([], [], 0), request.jacobians, request.values_of)
        if request.check:
            self.state.tape = Tape(self.state.tensors)
        if progress is not None:
            self.state.watch = Watch(progress)
        self.inputs = Inputs(self.state, request.inputs)
        self.names = Names(self.state)
        self.interventions: Interventions | None = None
        self.stdout = Output(limits.stdout_chars, self._printed)
        self.stderr = Output(limits.stdout_chars)
        self.warned = Warned()

    def execute(self) -> None:
        self._seed()
        try:
            program = parse(self.request.code)
            self.interventions = Interventions(self.request.interventions, program)
            self.interventions.write()
            self.inputs.prepare(program, self.names.namespace)
            with self.warned.listening():
                code = program.compile()
        except InvalidInput as raised:
            self.error = error_of(raised, None)
            return
        except (SyntaxError, MemoryError, RecursionError) as raised:
            self.error = error_of(raised, None)
            return
        self.state.located(Places(program.lines, program.scopes, program.counters))
        linecache.cache[SNIPPET] = (
            len(program.source), None, [line + "\n" for line in program.lines], SNIPPET
        )  # fmt: skip
        hidden = {INPUT: self.inputs.override, **self.interventions.builtins()}
        self.names.provide(hidden, self.inputs.leaves, program.told.values())
        started = time.perf_counter()
        with (
            self._patched(),
            self.warned.listening(),
            listening(self.state, self.mode),
        ):
            try:
                with self.mode:
                    exec(code, self.names.namespace)
                    if self.request.auto_backward:
                        names = self.names
                        auto_backward(self.state, names.namespace, names.result, self.request)
            except SystemExit as raised:
                _say_why(raised)
            except KeyboardInterrupt as raised:
                # Ctrl-C where one can come; where SIGINT is ignored, the program's own.
                if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                    raise
                self._failed(raised)
            except BaseException as raised:
                self._failed(raised)
        self.elapsed = time.perf_counter() - started

    def _failed(self, raised: BaseException) -> None:
        self.error = error_of(raised, self.state.places)
        text = f"{self.error['type']}: {self.error['message']}"
        self.state.timeline.add(Step("error", self.error["line"], text=text))
        found = self.names.failed(raised)
        if found:
            self.error["locals"] = found

    def _seed(self) -> None:
        # Without a device torch would note, with a stack trace each, to seed those that may come.
        all_devices = torch.accelerator.is_available()
        (torch.manual_seed if all_devices else torch.default_generator.manual_seed)(
            self.request.seed
        )
        random.seed(self.request.seed)
        np.random.seed(self.request.seed % 2**32)

    @contextmanager
    def _patched(self) -> Iterator[None]:
        """The engine's entry, the standard streams and `__main__`, put back afterwards."""
        graph = torch.autograd.graph
        engine = graph._engine_run_backward
        backward = BackwardRecorder(self.state, engine)
        self.mode = OpMode(self.state, partial(given_gradient, self.request.gradient))
        if self.interventions is not None:
            self.interventions.acting = self.mode.act
        backward.mode = self.mode
        streams = (sys.stdout, sys.stderr, sys.stdin)
        main = sys.modules["__main__"]
        grad_mode = torch.is_grad_enabled()
        graph._engine_run_backward = torch.autograd._engine_run_backward = backward.run  # type: ignore[assignment,attr-defined]
        sys.stdout = self.stdout
        sys.stderr = self.stderr
        sys.modules["__main__"] = self.names.module
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            sys.stdout, sys.stderr, sys.stdin = streams
            graph._engine_run_backward = torch.autograd._engine_run_backward = engine  # type: ignore[attr-defined]
            torch.set_grad_enabled(grad_mode)

    def _printed(self, text: str) -> None:
        """Output goes on the timeline, all of one line's in one event."""
        timeline = self.state.timeline
        if self.state.watch is not None:
            self.state.watch.printed(text)
        line = self.state.line()
        timeline.settle()
        last = timeline.events[-1] if timeline.events else None
        if (
            isinstance(last, Step)
            and (last.kind, last.line) == ("print", line)
            and last.text is not None
            and not last.text.endswith("\n")
        ):
            last.text += text
            return
        timeline.add(Step("print", line, text=text))

    def release(self) -> None:
        """Let go of all that the program made; what it prints in parting goes nowhere."""
        silent = Output(0)
        with redirect_stdout(silent), redirect_stderr(silent):
            self.state.tape = None
            self.inputs.release()
            self.names.release()
            release(self.state.held)
            forget(self.state)

    def end(self) -> None:
        """Its trace has been told: what is in rings here is let go without the collector."""
        vars(self.state).clear()
        vars(self).clear()

    def _checks(self, named: list[tuple[str, torch.Tensor]]) -> list[Check] | None:
        tape = self.state.tape
        if tape is None or self.error is not None:
            return None
        leaves = {id(t): (name, t) for name, t in reversed(named) if is_leaf(t) and t.requires_grad}
        silent = Output(0)
        with redirect_stdout(silent), redirect_stderr(silent):
            return tape.check(list(reversed(leaves.values())))

    def trace(self, tables: bool | None = None) -> Trace:
        """What there is to be told; see `recording`."""
        state = self.state
        state.budget.over()
        with unheard(), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state.budget.last()
            shown = self.names.shown()
            there = [(one.name, one.tensor()) for one in shown.variables if one.is_there]
            if not state.graphs:
                # An expression's value has no name, but it is what the program is about.
                result = self.names.result
                last = [result] if isinstance(result, torch.Tensor) else []
                not_run_graph(state, [*(tensor for _, tensor in there), *last])
            state.tensors.names.append((one[2], one[1]) for one in shown.bindings)
            named = [one.again(state) for one in shown.variables]
            found = variables(state, named)
            checks = self._checks(there)
            inputs = self.inputs.report(named, self.limits.value_elements)
            state.summaries.flush()
        # The document takes the place of the program and its graph.
        handles = [(one.grad, one.present) for one in named]
        bindings = shown.bindings
        del shown, named
        there.clear()
        self.release()
        readings = state.summaries.readings()
        for used, handle in inputs:
            first = readings[handle]
            if first is not None:
                used["data"] = first["data"]
        for variable, (grad, present) in zip(found, handles, strict=True):
            variable["grad"] = readings[grad]
            if present != NOTHING:
                variable["value"] = readings[present]
        ids = Ids(len(state.tensors), len(state.ops.rows), len(state.op_of_node))
        tensors = state.tensors.table(readings, ids)
        ops = state.ops.table(ids)
        timeline = state.timeline.table(state.ops, state.op_of_node, readings, ids)
        kinds = state.summaries.kinds.all
        graphs = [graph.document(readings, kinds, ids) for graph in state.graphs]
        nonfinite = None
        if state.summaries.nonfinite:
            nonfinite = first_nonfinite(ops, tensors, state.graphs, readings)
        if state.summaries.cut:
            state.omit("values", state.summaries.cut)
        trace: Trace = {
            "schema_version": SCHEMA_VERSION,
            "runtime": {
                "python": platform.python_version(),
                "torch": str(torch.__version__),
                "seed": self.request.seed,
                "elapsed_ms": {"run": round(self.elapsed * 1e3, 3)},
            },
            "stdout": self.stdout.text,
            "stdout_truncated": self.stdout.sink.truncated,
            "warnings": self.warned.seen,
            "error": self.error,
            "tensors": cast("list[Tensor]", tensors),
            "ops": cast("list[Op]", ops),
            "graphs": graphs,
            "timeline": cast("list[Event]", timeline),
            "variables": found,
            "omitted": state.omitted,
            "bindings": cast("list[Binding]", BindingTable(bindings)),
            "inputs": [used for used, _ in inputs],
            "checks": checks,
            "first_nonfinite": nonfinite,
            "interventions": self.interventions.report() if self.interventions else [],
        }
        if self.stderr.text:
            trace["stderr"] = self.stderr.text
            trace["stderr_truncated"] = self.stderr.sink.truncated
        if not (entries(trace) >= _LONG if tables is None else tables):
            readings.share()
            whole(trace)
        return trace
