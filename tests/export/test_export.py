"""Exports hold the graph that was recorded, and the program's own text stays text."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from app.export import (
    NothingToDrawError,
    TooLargeToDrawError,
    picture,
    to_dot,
    to_mermaid,
    to_svg,
)
from app.export.picture import Arrow, Box, Picture
from app.lessons import get_lesson
from app.recorder import record
from app.trace import Trace, TraceRequest

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '"]</text><script>alert(1)</script> & \\" -->|x| {y} \u202e\0\ud800'


@pytest.fixture(scope="module")
def trace() -> Trace:
    return record(TraceRequest(code=get_lesson("backward").code))


def nasty() -> Picture:
    box = Box("n1", NASTY, NASTY, "node", NASTY)
    return Picture(
        NASTY,
        [box, Box("n2", "x", "AccumulateGrad", "leaf", "")],
        [Arrow("n1", "n2", NASTY), Arrow("n1", "n2", "second")],
    )


def test_picture_is_the_recorded_graph(trace: Trace) -> None:
    drawn = picture(trace)
    assert [box.engine for box in drawn.boxes if box.kind != "ghost"].count("MulBackward0") == 2
    assert len(drawn.arrows) == len(trace["graphs"][-1]["edges"]) == 5
    assert [box.title for box in drawn.boxes if box.kind == "leaf"] == ["x"]
    pairs = [(arrow.source, arrow.target) for arrow in drawn.arrows]
    assert len(pairs) - len(set(pairs)) == 1, "y*y sends to y twice"


def test_ghosts_stand_beside_with_their_reason() -> None:
    code = get_lesson("no-grad").code
    drawn = picture(record(TraceRequest(code=code)))
    assert [(box.title, box.note) for box in drawn.boxes if box.kind == "ghost"] == [
        ("x+2", "no grad")
    ]


def ghosts(drawn: Picture) -> list[Box]:
    return [box for box in drawn.boxes if box.kind == "ghost"]


def test_ghosts_stand_beside_the_call_that_they_belong_to() -> None:
    code = (
        "w = torch.ones(2, requires_grad=True)\n"
        "x = torch.ones(2) * 3\n"
        "for i in range(250):\n"
        "    (w * x).sum().backward()\n"
        "    with torch.no_grad():\n"
        "        w -= F.relu(w.grad) * 0.1\n"
    )
    trace = record(TraceRequest(code=code))
    update = ["relu", "mul", "sub_"]
    for graph, expected in (("g0", ["mul", *update]), ("g1", update)):
        assert [box.engine for box in ghosts(picture(trace, graph))] == expected
    # 200 graphs are recorded: what came after has the last one's.
    *shown, rest = ghosts(picture(trace))
    assert (len(shown), rest.title) == (100, "and 53 more")
    assert "and 53 more" in to_svg(picture(trace))


def test_svg_has_a_box_for_each_node_and_a_path_for_each_edge(trace: Trace) -> None:
    drawn = picture(trace)
    root = ET.fromstring(to_svg(drawn))
    boxes = root.findall(f"{SVG}g")
    assert [box.get("aria-label") for box in boxes] == [box.title for box in drawn.boxes]
    assert len(root.findall(f"{SVG}path")) == len(drawn.arrows)
    corners = {(box[1].get("x"), box[1].get("y")) for box in boxes}
    assert len(corners) == len(boxes), "no two boxes in one place"


def test_text_of_the_program_stays_text() -> None:
    root = ET.fromstring(to_svg(nasty()))
    assert not list(root.iter(f"{SVG}script"))
    assert "alert(1)" in (root.findtext(f"{SVG}g/{SVG}title") or "")
    mermaid = to_mermaid(nasty())
    assert "<script>" not in mermaid
    assert mermaid.count("-->") == 2, "the text's own arrow is no arrow"


def test_dot_is_read_by_graphviz_where_it_is_there(trace: Trace) -> None:
    for drawn in (picture(trace), nasty()):
        dot = to_dot(drawn)
        assert dot.count(" -> ") >= len(drawn.arrows)
        inside = dot.replace("\\\\", "").replace('\\"', "")
        assert inside.count('"') % 2 == 0, "every string is closed"
        program = shutil.which("dot")
        if program:
            clean = dot.encode("utf-8", "replace")
            done = subprocess.run([program, "-Tplain"], input=clean, capture_output=True)
            assert done.returncode == 0, done.stderr
            assert done.stdout.count(b"\nnode ") == len(drawn.boxes)


def test_what_cannot_be_drawn_is_said() -> None:
    empty = record(TraceRequest(code="1 + 1"))
    with pytest.raises(NothingToDrawError, match="nothing required grad"):
        picture(empty)
    chain = "x = torch.ones(2, requires_grad=True)\ny = x\nfor _ in range(700): y = y + 1\n"
    with pytest.raises(TooLargeToDrawError, match="DOT"):
        to_svg(picture(record(TraceRequest(code=chain + "y.sum().backward()"))))
    with pytest.raises(NothingToDrawError, match="g9"):
        picture(record(TraceRequest(code=chain)), "g9")
