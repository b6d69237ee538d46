"""A trace's graph in the DOT language of Graphviz."""

from __future__ import annotations

from app.export.picture import Box, Picture

_STYLE = {
    "node": 'color="#6b7280"',
    "leaf": 'color="#15803d", penwidth=2',
    "ghost": 'color="#9ca3af", style="rounded,dashed"',
}


def to_dot(picture: Picture) -> str:
    lines = [
        f"digraph {_quoted(picture.title)} {{",
        '  node [shape=box, style=rounded, fontname="sans-serif"];',
        '  edge [color="#c2410c", fontcolor="#c2410c", fontname="sans-serif", fontsize=10];',
        *(f"  {_quoted(b.id)} [label={_label(b)}, {_STYLE[b.kind]}];" for b in picture.boxes),
        *(
            f"  {_quoted(a.source)} -> {_quoted(a.target)} [label={_quoted(a.label)}];"
            for a in picture.arrows
        ),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _label(box: Box) -> str:
    return _quoted("\n".join(text for text in (box.title, box.engine, box.note) if text))


def _quoted(text: str) -> str:
    """A DOT string: quotes and backslashes of the program's own text stay text."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "")
    return '"' + safe.replace("\r", "").replace("\n", "\\n") + '"'
