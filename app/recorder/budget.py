"""How much a trace may hold, in characters of its JSON, and what is cut first."""

from __future__ import annotations

import math

#: What is left, as a part of all, when recording stops of: the values of ops,
#: ops, and the values of gradients.  Nodes are recorded to the end.
_OP_VALUES = 0.65
_OPS = 0.40
_GRADIENTS = 0.20
#: What is kept, as a part of all, for the numbers that variables hold at the end.
_VARIABLES = 0.02

CHARS_A_NUMBER = 20
CHARS_A_SUMMARY = 150
CHARS_AN_OP = 700
CHARS_A_NODE = 650


class Budget:
    """`values_of`: the number of the only backward call of which values are told."""

    def __init__(self, chars: int, values_of: int | None = None) -> None:
        self.left = float(chars)
        self._op_values = chars * _OP_VALUES
        self._gradients = chars * _GRADIENTS
        self._variables = chars * _VARIABLES
        #: Summaries are made while more than this is left.
        self.values_until = self._op_values
        #: A gradient stands in the trace twice: on its edge, and as what arrived.
        self.copies = 1
        #: Ops are recorded while more than this is left.
        self.ops_until = chars * _OPS
        self._values_of = values_of
        #: The backward calls that run, outermost first, and the last one that ended.
        self._running: list[int] = []
        self._ended = -1

    def begins(self, backward: int) -> None:
        """A backward call of this number: gradients may take more than the values of ops."""
        self._running.append(backward)
        self._settle()

    def ends(self) -> None:
        self._ended = self._running.pop()
        self._settle()

    def nodes(self) -> int:
        """So many more may be recorded."""
        return int((self.left - self._variables) / CHARS_A_NODE)

    def over(self) -> None:
        """The program has ended."""
        self._values_of = None
        self._settle()

    def last(self) -> None:
        """What variables hold is told in any case: it is what a program was run for."""
        self.values_until = 0.0

    def _settle(self) -> None:
        running = self._running
        self.values_until = self._gradients if running else self._op_values
        self.copies = 2 if running else 1
        only = self._values_of
        if only is None:
            return
        # What is computed from one backward call to the next belongs to both.
        near = running[-1:] or (self._ended, self._ended + 1)
        if only not in near and (running or self._ended >= 0):
            self.values_until = math.inf
