"""Runs a snippet beside plain torch and tells what autograd recorded.  Needs no server."""

from app.recorder.errors import DeadlineReached
from app.recorder.run import record

__all__ = ["DeadlineReached", "record"]
