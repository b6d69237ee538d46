"""Run a snippet through the recorder and have it explained; the programs to run."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from app.explain import annotate
from app.recorder import record
from app.trace import Trace, TraceRequest

#: Stands before every program of the files.
HEAD = "import torch, torch.nn as nn, torch.nn.functional as F\n"


def programs(name: str) -> dict[str, Any]:
    """The parsed file `programs/<name>.toml`."""
    folder = Path(__file__).parent / "programs"
    return tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))


def pairs(cases: dict[str, Any], kind: str) -> list[tuple[str, str]]:
    """(code, whole program) for each program of a kind: 'raising', 'given', 'near'."""
    return [(code, HEAD + one.rstrip("\n")) for code, found in cases.items() for one in found[kind]]


def names(chosen: list[tuple[str, str]]) -> list[str]:
    """Short test ids: 'view-shape-3' in place of the program's text."""
    return [f"{code}-{number}" for number, (code, _) in enumerate(chosen)]


def inside_main(program: str) -> str:
    """The same program as a function that is called at the end, as most are written."""
    lines = program.removeprefix(HEAD).split("\n")
    body = "\n".join("    " + line if line.strip() else line for line in lines)
    return f"{HEAD}def main():\n{body}\n\nmain()"


def fits_in_main(program: str) -> bool:
    """Does it mean the same there?  Text over several lines would be indented."""
    return parses(program) and parses(inside_main(program)) and '"""' not in program


def parses(program: str) -> bool:
    try:
        compile(program, "<program>", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def explained(code: str) -> Trace:
    trace = record(TraceRequest(code=code))
    annotate(trace, code)
    return trace


def hint_codes(trace: Trace) -> list[str]:
    return [h["diagnosis"]["code"] for h in trace.get("hints", [])]
