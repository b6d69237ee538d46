"""Runs a snippet beside plain torch and tells what autograd recorded.  Needs no server."""

from app.recorder.errors import DeadlineReached
from app.recorder.run import record, recording
from app.recorder.warm import warm_up

__all__ = ["DeadlineReached", "record", "recording", "warm_up"]
