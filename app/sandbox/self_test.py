"""Fail closed: attacks are tried in real children before the first program may run."""

from __future__ import annotations

import asyncio

from app.sandbox import frames
from app.sandbox.nursery import Nursery
from app.sandbox.probes import PROBES

_PROBE_SECONDS = 20.0


class SandboxUnavailable(RuntimeError):
    """Programs can't be held here; the text says why and what to do."""


async def run_probes(nursery: Nursery) -> dict[str, str]:
    """Each probe's outcome: "refused", "killed", or what it managed, as "passed: ..."."""
    return {name: await _run_probe(nursery, name) for name in PROBES}


async def _run_probe(nursery: Nursery, name: str) -> str:
    child = await nursery.order()
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await child.send(frames.PROBE, name.encode())
            kind, verdict = await child.receive(1024)
    except EOFError:
        return "killed"
    except TimeoutError:
        return "passed: it did not end"
    finally:
        child.dispose()
    words = verdict.decode("utf-8", "replace")
    return "refused" if kind == frames.ANSWER and words == "held" else f"passed: {words}"
