"""Saved pictures against golden ones, kept as text: what is drawn, with every number.

Where things stand depends on the fonts of the machine, so positions and sizes
are left out; everything else must be the same to the letter.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.browser.studio import SHOTS, Studio

GOLDEN = Path(__file__).parent / "golden"
#: Attributes whose numbers are geometry.
_GEOMETRY = frozenset(
    "x y x1 y1 x2 y2 cx cy dx dy d points transform width height viewBox refX refY".split()
)
_NAMESPACE = "http://www.w3.org/2000/svg"


def without_positions(svg: str) -> str:
    """The picture, an element a line, without numbers of geometry and of the font."""
    ET.register_namespace("", _NAMESPACE)
    root = ET.fromstring(svg)
    for element in root.iter():
        for name in list(element.attrib):
            if name in _GEOMETRY or name.startswith(("font", "style")):
                del element.attrib[name]
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def saved_picture(studio: Studio) -> str:
    studio.page.get_by_role("button", name="Export").click()
    with studio.page.expect_download() as caught:
        studio.page.get_by_role("menuitem", name="Picture as SVG").click()
    return caught.value.path().read_text("utf-8")


@pytest.mark.parametrize("lesson", ["backward", "fan-out", "no-grad"])
def test_a_lessons_picture_is_the_golden_one(studio: Studio, lesson: str) -> None:
    studio.open(f"#lesson={lesson}")
    studio.page.wait_for_timeout(500)  # the last step's colours
    found = without_positions(saved_picture(studio))
    golden = GOLDEN / f"{lesson}.svg"
    if not golden.exists() or golden.read_text("utf-8") != found:
        SHOTS.mkdir(exist_ok=True)
        new = SHOTS / golden.name
        new.write_text(found, "utf-8")
        pytest.fail(f"{new} differs from {golden}: if it is right, it becomes the golden one")


def test_positions_are_all_that_is_left_out() -> None:
    svg = f'<svg xmlns="{_NAMESPACE}"><rect x="1" class="a"/><text font-size="9">7.082</text></svg>'
    assert re.sub(r"\s+", " ", without_positions(svg)).strip() == (
        f'<svg xmlns="{_NAMESPACE}"> <rect class="a" /> <text>7.082</text> </svg>'
    )
