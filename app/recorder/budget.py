"""How much a trace may hold, in characters of its JSON, and what is cut first."""

from __future__ import annotations

#: What is left, as a part of all, when recording stops of: the values of ops,
#: ops, and the values of gradients.  Nodes are recorded to the end.
_OP_VALUES = 0.65
_OPS = 0.40
_GRADIENTS = 0.20

CHARS_A_NUMBER = 20
CHARS_A_SUMMARY = 150
CHARS_AN_OP = 700
CHARS_A_NODE = 650


class Budget:
    def __init__(self, chars: int) -> None:
        self.left = float(chars)
        self._op_values = chars * _OP_VALUES
        self._gradients = chars * _GRADIENTS
        #: Summaries are made while more than this is left.
        self.values_until = self._op_values
        #: A gradient stands in the trace twice: on its edge, and as what arrived.
        self.copies = 1
        #: Ops are recorded while more than this is left.
        self.ops_until = chars * _OPS
        self._running = 0

    def backward(self, running: bool) -> None:
        """A backward call begins or ends: gradients may take more than the values of ops."""
        self._running += 1 if running else -1
        self.values_until = self._gradients if self._running else self._op_values
        self.copies = 2 if self._running else 1
