"""What a newcomer relies on: every room is described, every page of docs is linked."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_room_is_described() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {p.name for p in (ROOT / "app").iterdir() if p.is_dir() and any(p.glob("*.py"))}
    assert rooms <= set(re.findall(r"app/(\w+)", text))


def test_links_between_the_docs_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    dead = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                dead.append(f"{page.name}: {target}")
    assert not dead
    readme = (ROOT / "README.md").read_text()
    unlinked = [p.name for p in (ROOT / "docs").glob("*.md") if f"docs/{p.name}" not in readme]
    assert not unlinked
