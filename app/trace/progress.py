"""What a run tells of itself while it goes on."""

from __future__ import annotations

from typing_extensions import TypedDict


class Progress(TypedDict):
    #: Since the program began.
    elapsed_ms: float
    #: torch calls seen, and backward nodes run, until now.
    ops: int
    nodes: int
    #: What was printed since the last report.
    stdout: str
