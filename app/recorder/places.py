"""Where in the snippet an op ran: exact spans, occurrences and loop iterations."""

from __future__ import annotations

from dataclasses import dataclass
from types import CodeType, FrameType

from app.trace.values import Site

#: The file name that all code compiled from the snippet carries.
SNIPPET = "<snippet>"


@dataclass(frozen=True, slots=True)
class Scope:
    """A loop's or function's stretch of lines and columns, and the counter that it keeps."""

    counter: int
    is_function: bool
    start: tuple[int, int]
    end: tuple[int, int]


class Place:
    """One expression of the snippet that calls torch, straight or through libraries."""

    __slots__ = (
        "_token", "backwards", "count", "counters", "expression", "index", "line", "loops", "site"
    )  # fmt: skip

    def __init__(
        self,
        index: int,
        span: tuple[int, int, int, int],
        expression: str,
        counters: tuple[int, ...],
        loops: tuple[int, ...],
    ) -> None:
        #: Its number among all places.
        self.index = index
        self.line = span[0]
        #: Of its first occurrence.
        self.site: Site = {
            "line": span[0], "col": span[1], "end_line": span[2], "end_col": span[3],
            "occurrence": 0,
        }  # fmt: skip
        self.expression = expression
        #: Counters of the loops and of the function around it, for telling runs apart.
        self.counters = counters
        #: The counters of the loops only, outermost first.
        self.loops = loops
        self.count = 0
        #: How often it had the engine run; a library's function may do so many times in one call.
        self.backwards = 0
        self._token: tuple[int, ...] | None = None

    def direct(self) -> int:
        """The occurrence of a torch function called by the expression itself."""
        count = self.count
        self.count = count + 1
        return count

    def backward(self) -> int:
        """The occurrence of a backward call."""
        count = self.backwards
        self.backwards = count + 1
        return count

    def through(self, counts: list[int]) -> int:
        """The occurrence of one of several ops run by the same call (a module, a library)."""
        token = tuple([counts[k] for k in self.counters])
        if token != self._token:
            self._token = token
            self.count += 1
        return self.count - 1


class Places:
    """Finds the place of a frame of the snippet; what it found once is a dictionary look-up."""

    def __init__(self, lines: list[str], scopes: list[Scope], counters: int) -> None:
        self._lines = lines
        self._scopes = scopes
        self._ascii = [line.isascii() for line in lines]
        self.all: list[Place] = []
        #: Places by code object and instruction; read on the fast path of `ops`.
        self.by_code: dict[int, dict[int, Place]] = {}
        #: The code objects are held, so that no other has their address.
        self._codes: list[CodeType] = []
        #: By code object, instruction's kind and span: of some expressions the compiler makes
        #: two copies (a loop's condition, what is to be done finally).
        self._copies: dict[tuple[int, int, tuple[int, int, int, int]], Place] = {}
        #: How often each loop and function has begun its body.
        self.counts = [0] * counters

    def of(self, frame: FrameType) -> Place:
        code = frame.f_code
        known = self.by_code.get(id(code))
        if known is None:
            known = self.by_code[id(code)] = {}
            self._codes.append(code)
        place = known.get(frame.f_lasti)
        if place is None:
            place = known[frame.f_lasti] = self._make(code, frame.f_lasti, frame.f_lineno)
        return place

    def iteration(self, place: Place) -> int | tuple[int, ...]:
        """Numbers (from 0) of the present iteration of the loops around, outermost first.

        Of one loop its number.
        """
        counts, loops = self.counts, place.loops
        return counts[loops[0]] if len(loops) == 1 else tuple([counts[k] for k in loops])

    def _make(self, code: CodeType, lasti: int, lineno: int) -> Place:
        span = self.span(code, lasti, lineno)
        key = (id(code), code.co_code[lasti], span)
        copy = self._copies.get(key)
        if copy is not None:
            return copy
        start = (span[0], span[1])
        around = [s for s in self._scopes if s.start <= start < s.end]
        inner = max((i for i, s in enumerate(around) if s.is_function), default=-1)
        loops = tuple(s.counter for s in around[inner + 1 :])
        counters = tuple(s.counter for s in around[max(inner, 0) :])
        place = Place(len(self.all), span, self.text(span), counters, loops)
        self.all.append(place)
        self._copies[key] = place
        return place

    def span(self, code: CodeType, lasti: int, lineno: int) -> tuple[int, int, int, int]:
        """Lines from 1, columns from 0 in characters (the compiler counts bytes)."""
        for index, position in enumerate(code.co_positions()):
            if index == lasti // 2:
                line, end_line, col, end_col = position
                break
        else:
            line = end_line = col = end_col = None
        if line is None:
            line = lineno
        if end_line is None or col is None or end_col is None:
            return (line, 0, line, len(self._line(line)))
        return (line, self._column(line, col), end_line, self._column(end_line, end_col))

    def text(self, span: tuple[int, int, int, int]) -> str:
        line, col, end_line, end_col = span
        if line == end_line:
            return self._line(line)[col:end_col]
        middle = [self._line(n) for n in range(line + 1, end_line)]
        return "\n".join([self._line(line)[col:], *middle, self._line(end_line)[:end_col]])

    def _line(self, number: int) -> str:
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def _column(self, number: int, in_bytes: int) -> int:
        if 0 < number <= len(self._ascii) and not self._ascii[number - 1]:
            head = self._lines[number - 1].encode("utf-8", "surrogatepass")[:in_bytes]
            return len(head.decode("utf-8", "ignore"))
        return in_bytes


def snippet_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of the snippet's own code, from `frame` outwards."""
    while frame is not None and frame.f_code.co_filename != SNIPPET:
        frame = frame.f_back
    return frame
