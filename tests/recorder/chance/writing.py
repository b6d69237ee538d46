"""A program from a seed: each statement is tried on plain torch before it is written down."""

from __future__ import annotations

import contextlib
import io
import random
import textwrap
import warnings
from types import ModuleType
from typing import Any

import torch

from tests.recorder.chance import phrases
from tests.recorder.oracle import is_leaf

#: Of how many elements tensors may be that a statement is given.
_LARGEST = 40_000
#: What gives as many numbers as the square of what it is given.
_SQUARE = ("hessian", "jac", "outer", "block_diag", "kron", "cdist", "meshgrid", "F.linear")
_EXPRESSIONS = (
    (phrases.ONE_TO_ONE, 5), (phrases.VIEWS, 4), (phrases.OTHERS, 3), (phrases.TWO, 4),
    (phrases.COMPLEX, 1),
)  # fmt: skip
_STATEMENTS = (
    (phrases.IN_PLACE, 5), (phrases.SEVERAL, 1.5), (phrases.GRADS, 3), (phrases.MARKS, 4),
    (phrases.BACKWARD, 4), (phrases.TRAINING, 1), (phrases.LOOPS, 1.2),
)  # fmt: skip


class Writer:
    def __init__(self, seed: int, statements: int, *, marked: bool) -> None:
        self._random = random.Random(seed)
        self._written: list[str] = []
        self._names = 0
        self._marked = marked
        #: What the program holds so far.
        self._namespace: dict[str, Any] = {}
        self._restart()
        for _ in range(2):
            self._add(self._leaf())
        while len(self._written) < statements:
            if not self._add(self._statement()):
                break

    @property
    def text(self) -> str:
        return "\n".join([phrases.PRELUDE, *self._written, ""])

    def _restart(self) -> None:
        """As after what has been written."""
        torch.manual_seed(0)
        module = ModuleType("__main__")
        self._namespace = module.__dict__
        self._namespace.update(torch=torch, nn=torch.nn, F=torch.nn.functional)
        for text in (phrases.PRELUDE, *self._written):
            self._run(text)

    def _run(self, text: str) -> bool:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            try:
                exec(compile(text, "<writer>", "exec"), self._namespace)
            except Exception:
                return False
            return True

    def _add(self, text: str) -> bool:
        """Write a statement down if it runs; what raises may be caught, or be the end."""
        rest = True
        if not self._run(text):
            chance = self._random.random()
            if chance < 0.1:
                caught = textwrap.indent(text, "    ")
                text = (
                    f"try:\n{caught}\nexcept Exception as error:\n    print(type(error).__name__)"
                )
            elif chance < 0.11:
                rest = False
            else:
                self._restart()
                return True
        self._written.append(text)
        if self._marked:
            self._written.append(f'print("#{len(self._written)}")')
        return rest

    def _statement(self) -> str:
        chance = self._random.random()
        if chance < 0.08:
            return self._leaf()
        if chance < 0.2:
            return self._block()
        return self._simple()

    def _simple(self) -> str:
        if self._random.random() < 0.45:
            name = self._new() if self._random.random() < 0.8 else self._tensor("{y}")
            return f"{name} = {self._expression(self._random.choice((1, 1, 1, 2, 3)))}"
        return self._filled(self._of(_STATEMENTS))

    def _block(self) -> str:
        head = self._filled(self._random.choice(phrases.BLOCKS))
        body = "\n".join(self._simple() for _ in range(self._random.randint(1, 3)))
        block = f"{head}\n{textwrap.indent(body, '    ')}"
        if head == "try:":
            block += "\nexcept Exception as error:\n    print(type(error).__name__)"
        return block

    def _leaf(self) -> str:
        size = self._random.choices(phrases.SIZES, phrases.SIZE_WEIGHTS)[0]
        flags = self._random.choices(
            (
                ", requires_grad=True",
                "",
                ", requires_grad=True, dtype=torch.float64",
                ", requires_grad=True, dtype=torch.complex64",
                ", dtype=torch.bfloat16, requires_grad=True",
            ),
            (8, 2, 1.5, 0.7, 0.5),
        )[0]
        return f"{self._new()} = torch.randn({size}{flags})"

    def _expression(self, depth: int) -> str:
        text = self._of(_EXPRESSIONS)
        if any(word in text for word in _SQUARE):
            text = text.replace("{a}", self._tensor("{s}"))
        elif depth > 1:
            inner = self._expression(depth - 1)
            text = text.replace("{a}", f"({inner})", 1).replace("{c}", f"({inner})", 1)
        return self._filled(text)

    def _of(self, groups: Any) -> str:
        group = self._random.choices([g for g, _ in groups], [weight for _, weight in groups])[0]
        chosen: str = self._random.choice(group)
        return chosen

    def _new(self) -> str:
        self._names += 1
        return f"v{self._names}"

    def _filled(self, text: str) -> str:
        """Each kind of hole gets one name, wherever it stands."""
        holes: dict[str, str] = {"{n}": self._new(), "{m}": self._new()}
        holes["{i}"] = str(self._random.randint(1, 4))
        holes["{a}"] = self._tensor("{a}")
        holes["{b}"] = self._like(holes["{a}"])
        for hole in ("{y}", "{h}", "{x}", "{c}"):
            holes[hole] = self._tensor(hole)
        for hole, name in holes.items():
            text = text.replace(hole, name)
        return text

    def _tensor(self, hole: str) -> str:
        """The name of a tensor that fits, newer ones more often."""
        names = [name for name, t in self._tensors() if _fits(hole, t)]
        if not names and hole == "{h}":
            return "torch.ones(3, requires_grad=True)"
        if not names:
            names = [name for name, _ in self._tensors()] or ["torch.ones(3)"]
        return self._random.choices(names, range(1, len(names) + 1))[0]

    def _like(self, name: str) -> str:
        """One of the same shape where there is one, mostly."""
        tensor = self._namespace.get(name)
        if isinstance(tensor, torch.Tensor) and self._random.random() < 0.8:
            same = [n for n, t in self._tensors() if t.shape == tensor.shape]
            return self._random.choice(same)
        return self._tensor("{a}")

    def _tensors(self) -> list[tuple[str, torch.Tensor]]:
        return [
            (name, value)
            for name, value in self._namespace.items()
            if isinstance(value, torch.Tensor)
            and name.startswith("v")
            and value.numel() <= _LARGEST
        ]


def _fits(hole: str, tensor: torch.Tensor) -> bool:
    match hole:
        case "{x}":
            return is_leaf(tensor) and tensor.requires_grad and not tensor.is_complex()
        case "{y}":
            return tensor.requires_grad and not is_leaf(tensor)
        case "{h}":
            return tensor.requires_grad and not (is_leaf(tensor) or tensor._is_view())
        case "{s}":
            return tensor.is_floating_point() and tensor.numel() < 100
        case "{c}":
            return tensor.is_complex()
    return tensor.is_floating_point()


def program(seed: int, statements: int = 14, *, marked: bool = False) -> str:
    """The program of a seed; `marked` has a line printed after each statement."""
    return Writer(seed, statements, marked=marked).text
