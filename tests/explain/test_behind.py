"""What stands behind tensors, found for all together, against looking for each on its own."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from app.explain.cuts import Cut, _searched, find_cuts, nearest, nearest_cut
from app.explain.indices import Ops
from app.explain.origins import Origins
from app.explain.program import Program
from app.explain.reaching import _after, forward_cut
from app.recorder import record
from app.trace import TraceRequest
from tests.explain.running import programs


def ops(seed: int, size: int, back: int, fresh: float) -> Ops:
    """Ops that each make `m<number>` of earlier ones and of tensors that nothing made."""
    chosen = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for at in range(size):
        made = [f"m{chosen.randrange(max(0, at - back), at)}" for _ in range(2)] if at else []
        new = [f"x{at}"] if chosen.random() < fresh or not at else []
        rows.append(
            {
                "id": f"o{at}",
                "name": "add",
                "parent": None,
                "inputs": made + new,
                "outputs": [f"m{at}"],
            }
        )
    return Ops(rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(("back", "fresh"), [(1, 0.0), (1, 0.9), (5, 0.05), (300, 0.5)])
@pytest.mark.parametrize("seed", range(3))
def test_origins_are_those_of_all_ancestors(seed: int, back: int, fresh: float) -> None:
    made = ops(seed, 300, back, fresh)
    origins = Origins(made)
    order = list(range(300))
    random.Random(seed).shuffle(order)
    for at in order:
        behind = made.ancestors([f"m{at}"])
        assert origins.of(f"m{at}") == {t for t in behind if not made.made(t)}
    assert origins.of("x0") == {"x0"}


def test_a_tensor_that_came_from_itself_has_origins() -> None:
    rows = [
        {"id": "o0", "name": "add", "parent": None, "inputs": ["b", "x"], "outputs": ["a"]},
        {"id": "o1", "name": "add", "parent": None, "inputs": ["a"], "outputs": ["b"]},
    ]
    origins = Origins(Ops(rows))  # type: ignore[arg-type]
    assert origins.of("a") == origins.of("b") == origins.of("a") == {"x"}


def mixed(seed: int) -> str:
    """A program that cuts here and there."""
    chosen = random.Random(seed)
    lines = ["v = [torch.ones(2, requires_grad=True), torch.ones(2)]"]
    for _ in range(40):
        a, b = (f"v[{chosen.choice((-1, -2, -3, 0, 1))}]" for _ in range(2))
        lines.append(
            chosen.choice(
                [
                    f"v.append({a} * {b})",
                    f"v.append({a} + {b})",
                    f"v.append({a}.detach() * {b})",
                    f"v.append(({a} > 0).float() + {b}.detach())",
                    f"with torch.no_grad():\n    v.append({a} - {b})",
                    f"v.append({a}.data + {b}.detach())",
                ]
            ).replace("v[-3]", "v[-1]" if len(lines) < 4 else "v[-3]")
        )
    return "import torch\n" + "\n".join(lines)


CODES = {
    **{f"mixed {seed}": mixed(seed) for seed in range(8)},
    **{
        f"{code} {number}": text
        for code, case in programs("hints").items()
        for number, text in enumerate(case["given"])
    },
}


@pytest.mark.parametrize("name", CODES)
def test_the_nearest_cut_is_the_first_of_all(name: str) -> None:
    trace = record(TraceRequest(code=CODES[name]))
    program = Program(trace, CODES[name])
    for tensor in reversed(list(program.tensors)):
        first = next((c for c in find_cuts(program, tensor) if c.kind != "leaf"), None)
        assert nearest_cut(program, tensor) == first


def test_cuts_are_found_around_a_circle() -> None:
    """a leads to b, b to a and c, c to a cut."""
    after = {"a": ["b"], "b": ["a", "c"], "c": []}
    cut = Cut("detach", "c", None)
    known: dict[str, tuple[int, Cut] | None] = {}
    for tensor in ("a", "b", "c", "b", "a"):
        look = lambda t: (after[t], cut if t == "c" else None)  # noqa: E731
        assert nearest(tensor, look, known) == cut


@pytest.mark.parametrize("seed", range(6))
def test_the_first_stop_after_a_tensor_is_the_nearest(seed: int) -> None:
    """Asked for in any order; alone or after all others."""
    code = mixed(seed) + "\nloss = sum(t.sum() for t in v[-5:])\n"
    code += "if loss.requires_grad:\n    loss.backward()\n"
    trace = record(TraceRequest(code=code))
    together = Program(trace, code)
    for tensor in together.tensors:
        alone = Program(trace, code)
        assert forward_cut(together, tensor) == forward_cut(alone, tensor)
        searched = _searched(tensor, partial(_after, alone))
        assert nearest(tensor, partial(_after, together), together.cuts_after) == searched


def test_each_tensor_is_looked_at_once() -> None:
    after = {f"t{at}": [f"t{at + 1}"] if at < 500 else [] for at in range(501)}
    looked: list[str] = []

    def look(tensor: str) -> tuple[list[str], Cut | None]:
        looked.append(tensor)
        return after[tensor], Cut("leaf", tensor, None) if tensor == "t500" else None

    known: dict[str, tuple[int, Cut] | None] = {}
    for at in range(0, 501, 50):
        assert nearest(f"t{at}", look, known) == Cut("leaf", "t500", None)
    assert sorted(looked) == sorted(after)
