"""What ends a run from outside, and what can't be done in the sandbox."""

from __future__ import annotations

import ast
from collections.abc import Callable

from app.explain import source as edits
from app.explain.errors.registry import Case, error
from app.explain.finding import Finding
from app.explain.program import Program
from app.explain.source import Source, called_name
from app.trace.document import Error
from app.trace.explanations import Evidence, Fix

#: Calls that need what the sandbox does not give, and the code of their explanation.
FORBIDDEN = {
    "open": "no-files",
    "load": "no-files",
    "save": "no-files",
    "read_csv": "no-files",
    "urlopen": "no-network",
    "socket": "no-network",
    "create_connection": "no-network",
    "run": "no-processes",
    "Popen": "no-processes",
    "system": "no-processes",
    "fork": "no-processes",
    "start": "no-threads",
    "DataLoader": "no-workers",
    "compile": "no-compile",
    "input": "no-input",
}

#: What the sandbox's own sentences are about, told before what is called on the line.
SAID = {
    "asyncio can't": "no-asyncio",
    "profiler can't": "no-profiler",
    "torch.compile can't": "no-compile",
    "start workers": "no-workers",
    "no debugger": "no-debugger",
    "no keyboard": "no-input",
    "Threads can't": "no-threads",
    "Other programs can't": "no-processes",
    "there is no network": "no-network",
    "There is no network": "no-network",
    "Files can't": "no-files",
    "Files and folders can't": "no-files",
    "could not get source code": "no-source",
}

#: Settings of a DataLoader that need workers, and what they are without.
_NO_WORKERS = {
    "num_workers": "0",
    "persistent_workers": "False",
    "prefetch_factor": "None",
    "multiprocessing_context": "None",
}


def explain_limit(program: Program, raised: Error) -> Finding | None:
    """Errors that are no exception of the program: by their kind."""
    explain = _KINDS.get(raised["kind"])
    return explain(program, raised) if explain is not None else None


def _evidence(program: Program, line: int | None) -> list[Evidence]:
    return [program.line_evidence(line)] if line is not None else []


def _timeout(program: Program, raised: Error) -> Finding:
    loops = [n for n in program.source.nodes() if isinstance(n, ast.While | ast.For)]
    line = raised["line"]
    endless = [
        n
        for n in loops
        if isinstance(n, ast.While)
        and isinstance(n.test, ast.Constant)
        and not any(isinstance(x, ast.Break | ast.Return) for x in ast.walk(n))
    ]
    lost = raised["type"] == "TimeLimit"
    kept = "What it had recorded is lost." if lost else "What ran until then is kept."
    if endless:
        at = endless[0].lineno
        return Finding("timeout-endless", {"line": at, "kept": kept}, _evidence(program, at))
    asleep = program.source.calls(line, "sleep")
    if asleep:
        written = program.source.text(asleep[0])
        return Finding(
            "timeout-asleep",
            {"line": line, "written": written, "kept": kept},
            _evidence(program, line),
        )
    place = f" (line {line})" if line is not None else ""
    loop = f" The loop on line {loops[0].lineno} is where to look first." if loops else ""
    lines = line if line is not None else (loops[0].lineno if loops else None)
    values = {"place": place, "loop": loop, "kept": kept}
    return Finding("timeout", values, _evidence(program, lines))


def _memory(program: Program, raised: Error) -> Finding:
    line = raised["line"]
    place = f" (line {line})" if line is not None else ""
    return Finding("memory", {"place": place}, _evidence(program, line))


def _crash(program: Program, raised: Error) -> Finding:
    line = raised["line"]
    if raised["type"] == "Exit":
        return Finding("exit", {}, _evidence(program, line))
    last = program.trace["ops"][-1] if program.trace["ops"] else None
    after = f" after `{program.expression(last)}`" if last is not None else ""
    return Finding("crash", {"after": after}, _evidence(program, line))


def _forbidden(program: Program, raised: Error) -> Finding:
    line = raised["line"]
    called = [called_name(c) for c in program.source.calls(line)]
    by_call = next((FORBIDDEN[n] for n in called if n in FORBIDDEN), "not-allowed")
    code = next((code for words, code in SAID.items() if words in raised["message"]), by_call)
    written = program.source.line(line).strip()[:60]
    place = f"`{written}` on line {line}" if written else "The program"
    offered = _without_workers(program.source) if code == "no-workers" else []
    return Finding(code, {"place": place}, _evidence(program, line), offered)


def _without_workers(source: Source) -> list[Fix]:
    """Take away what a DataLoader may only be told where it has workers."""
    changes = [
        edits.replace(source, given.value, _NO_WORKERS[given.arg])
        for node in source.nodes()
        if isinstance(node, ast.Call) and called_name(node) == "DataLoader"
        for given in node.keywords
        if given.arg in _NO_WORKERS
    ]
    return [edits.fix("Load without workers", *changes)] if changes else []


def _limit(program: Program, raised: Error) -> Finding:
    return Finding(
        "limit", {"message": raised["message"][:120]}, _evidence(program, raised["line"])
    )


_KINDS: dict[str, Callable[[Program, Error], Finding]] = {
    "timeout": _timeout,
    "memory": _memory,
    "crash": _crash,
    "forbidden": _forbidden,
    "limit": _limit,
}


@error
def allocation(case: Case) -> Finding:
    return _memory(case.program, case.error)


@error
def refused(case: Case) -> Finding:
    if case.error["type"] == "EOFError":
        return Finding(
            "no-input", {"place": f"Line {case.line}"}, _evidence(case.program, case.line)
        )
    return _forbidden(case.program, case.error)


@error
def no_threads(case: Case) -> Finding:
    return _not_here(case, "no-threads")


@error
def no_distributed(case: Case) -> Finding:
    return _not_here(case, "no-distributed")


def _not_here(case: Case, code: str) -> Finding:
    line = case.line
    place = f"`{case.program.source.line(line).strip()[:60]}` on line {line}"
    return Finding(code, {"place": place}, _evidence(case.program, line))
