"""What the service asks of whoever runs programs: the local pool, or workers elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from app.trace import TraceRequest
from app.trace.progress import Progress


class Overloaded(Exception):
    """As many programs run and wait as are allowed; try again in `retry_after` seconds."""

    def __init__(self, retry_after: float = 1.0) -> None:
        super().__init__("overloaded")
        self.retry_after = retry_after


class Evaluator(Protocol):
    """Runs programs; `start` before the first `evaluate`, `stop` after the last."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def evaluate(
        self,
        request: TraceRequest,
        *,
        deadline: float | None = None,
        progress: Callable[[Progress], None] | None = None,
        client: str = "",
    ) -> bytes:
        """The trace as JSON, whatever the program did; raises `Overloaded`.

        `progress` is called now and then while the program runs; `client` names
        who asks, for clients have their turns one after the other.
        Cancelling the task frees the process that runs the program.
        """
        ...

    def status(self) -> dict[str, Any]:
        """`ready`, `children`, `layers`, `self_test`; `reason` where not ready."""
        ...
