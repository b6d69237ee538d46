"""A trace in other forms: DOT, Mermaid, SVG.  Pure functions, no torch, no web."""

from app.export.dot import to_dot
from app.export.mermaid import to_mermaid
from app.export.picture import NothingToDrawError, Picture, picture
from app.export.svg import TooLargeToDrawError, to_svg

__all__ = [
    "NothingToDrawError",
    "Picture",
    "TooLargeToDrawError",
    "picture",
    "to_dot",
    "to_mermaid",
    "to_svg",
]
