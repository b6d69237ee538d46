"""A trace's graph as a Mermaid flowchart, for READMEs and notebooks."""

from __future__ import annotations

from app.export.picture import Box, Picture

_SHAPE = {"node": ("[", "]"), "leaf": ("([", "])"), "ghost": ("[", "]")}


def to_mermaid(picture: Picture) -> str:
    lines = ["flowchart TD"]
    for box in picture.boxes:
        left, right = _SHAPE[box.kind]
        lines.append(f"  {box.id}{left}{_label(box)}{right}:::{box.kind}")
    for arrow in picture.arrows:
        label = f"|{_quoted(arrow.label)}|" if arrow.label else ""
        lines.append(f"  {arrow.source} -->{label} {arrow.target}")
    lines += [
        "  classDef node stroke:#6b7280",
        "  classDef leaf stroke:#15803d,stroke-width:2px",
        "  classDef ghost stroke:#9ca3af,stroke-dasharray:4 3",
    ]
    return "\n".join(lines) + "\n"


def _label(box: Box) -> str:
    return _quoted("\n".join(text for text in (box.title, box.engine, box.note) if text))


def _quoted(text: str) -> str:
    """A Mermaid string: every sign with a meaning of its own as a numeric entity."""
    safe = "".join(c if c.isalnum() or c in " _.,=+-*/()[]\n" else f"#{ord(c)};" for c in text)
    return '"' + safe.replace("\n", "<br/>") + '"'
