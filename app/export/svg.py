"""A trace's graph as an SVG picture, drawn on the server.

The layout is fast-sugiyama's (a layered layout in Rust): it needs no program
beside Python, and places a thousand boxes in a fraction of a second.  Long
edges run through its dummy vertices, so that no edge crosses a box.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from fast_sugiyama import from_edges

from app.export.picture import Arrow, Box, Picture

#: Above this a picture can't be read, and the layout takes seconds.
MOST_BOXES = 600
MOST_ARROWS = 1500

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y = 190, 62, 36, 54
_COLOURS = {"node": "#6b7280", "leaf": "#15803d", "ghost": "#9ca3af"}
Point = tuple[float, float]


class TooLargeToDrawError(ValueError):
    """More boxes than a picture can show."""


def to_svg(picture: Picture) -> str:
    """Raises `TooLargeToDrawError` above `MOST_BOXES` boxes or `MOST_ARROWS` arrows."""
    if len(picture.boxes) > MOST_BOXES or len(picture.arrows) > MOST_ARROWS:
        raise TooLargeToDrawError(
            f"{len(picture.boxes)} boxes and {len(picture.arrows)} arrows are too many for one "
            f"picture (at most {MOST_BOXES} and {MOST_ARROWS}); take DOT or the standalone page."
        )
    places, paths = _placed(picture)
    right = max((x for x, _ in places.values()), default=0) + _WIDTH / 2 + 20
    bottom = max((y for _, y in places.values()), default=0) + _HEIGHT / 2 + 20
    body = [
        *(_arrow(a, points) for a, points in zip(picture.arrows, paths, strict=True)),
        *(_box(box, places[box.id]) for box in picture.boxes),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:.0f} {bottom:.0f}" '
        f'width="{right:.0f}" height="{bottom:.0f}" font-family="system-ui, sans-serif">\n'
        f"<title>{_text(picture.title)}</title>\n"
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" fill="#c2410c"/></marker></defs>\n'
        '<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _placed(picture: Picture) -> tuple[dict[str, Point], list[list[Point]]]:
    """Where each box stands (its centre), and the points that each arrow runs through."""
    ends = dict.fromkeys(end for a in picture.arrows for end in (a.source, a.target))
    number = {id_: i for i, id_ in enumerate(ends)}  # the library numbers its dummies from there
    pairs = [(number[a.source], number[a.target]) for a in picture.arrows]
    position: dict[int, Point] = {}
    routes: dict[int, list[int]] = defaultdict(list)
    left = _WIDTH / 2 + 20.0
    if pairs:
        for found, _width, _height, edges in from_edges(sorted(set(pairs)), vertex_spacing=100):
            points = _spread([(int(v), (float(x), float(y))) for v, (x, y) in found])
            xs, ys = [x for _, (x, _) in points], [y for _, (_, y) in points]
            for vertex, (x, y) in points:
                position[vertex] = (left + x - min(xs), 20 + _HEIGHT / 2 + max(ys) - y)
            for source, target in edges or []:
                routes[int(source)].append(int(target))
            left += max(xs) - min(xs) + _WIDTH + _GAP_X
    bottom = max((y for _, y in position.values()), default=-_GAP_Y) + _HEIGHT + _GAP_Y
    boxes = {id_: position[i] for id_, i in number.items()}
    apart = [box for box in picture.boxes if box.id not in boxes]
    for i, box in enumerate(apart):  # boxes without arrows: ghosts, below in rows of four
        boxes[box.id] = (
            20 + _WIDTH / 2 + (i % 4) * (_WIDTH + _GAP_X),
            bottom + (i // 4) * (_HEIGHT + 24),
        )
    together = Counter(pairs)
    seen: dict[tuple[int, int], int] = defaultdict(int)
    paths = []
    for pair in pairs:
        offset = (seen[pair] - (together[pair] - 1) / 2) * 40
        seen[pair] += 1
        dummies = _route(pair, routes, len(number))
        paths.append(_ends(position, pair, dummies, offset))
    return boxes, paths


def _spread(points: list[tuple[int, Point]]) -> list[tuple[int, Point]]:
    """The library's units stretched to the size of our boxes.

    Neighbours of a layer are at least the smallest such distance apart.
    """
    rows: dict[float, list[float]] = defaultdict(list)
    for _, (x, y) in points:
        rows[y].append(x)
    gaps = [b - a for row in rows.values() for a, b in pairwise(sorted(row))]
    layer = {y: i for i, y in enumerate(sorted(rows))}
    stretch = (_WIDTH + _GAP_X) / min(gaps, default=1.0)
    return [(v, (x * stretch, layer[y] * float(_HEIGHT + _GAP_Y))) for v, (x, y) in points]


def _route(pair: tuple[int, int], routes: dict[int, list[int]], boxes: int) -> list[int]:
    """The dummy vertices between the two ends; a dummy has one way on."""
    for first in routes[pair[0]]:
        chain, vertex = [], first
        while vertex >= boxes:
            chain.append(vertex)
            vertex = routes[vertex][0]
        if vertex == pair[1]:
            return chain
    return []


def _ends(
    position: dict[int, Point], pair: tuple[int, int], dummies: list[int], offset: float
) -> list[Point]:
    (x0, y0), (x1, y1) = position[pair[0]], position[pair[1]]
    middle = [(position[d][0] + offset, position[d][1]) for d in dummies]
    return [(x0 + offset, y0 + _HEIGHT / 2), *middle, (x1 + offset, y1 - _HEIGHT / 2)]


def _arrow(arrow: Arrow, points: list[Point]) -> str:
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        half = (y0 + y1) / 2
        path += f"C{x0:.1f},{half:.1f} {x1:.1f},{half:.1f} {x1:.1f},{y1:.1f}"
    x, y = points[0]
    label = (
        f'<text x="{x + 5:.1f}" y="{y + 16:.1f}" font-size="10" fill="#9a3412">'
        f"{_text(_short(arrow.label, 30))}</text>"
        if arrow.label
        else ""
    )
    return (
        f'<path d="{path}" fill="none" stroke="#c2410c" stroke-width="1.5" '
        f'marker-end="url(#head)"/>{label}'
    )


def _box(box: Box, place: Point) -> str:
    x, y = place[0] - _WIDTH / 2, place[1] - _HEIGHT / 2
    dashed = ' stroke-dasharray="5 4"' if box.kind == "ghost" else ""
    lines = (
        (box.title, 26, 13, "#111827", "600"),
        (box.engine, 34, 10, "#6b7280", "400"),
        (box.note, 34, 10, "#9a3412", "400"),
    )
    text = "".join(
        f'<text x="{x + 10:.1f}" y="{y + 20 + 17 * i:.1f}" font-size="{size}" fill="{colour}" '
        f'font-weight="{weight}">{_text(_short(line, most))}</text>'
        for i, (line, most, size, colour, weight) in enumerate(lines)
    )
    return (
        f"<g aria-label={quoteattr(_clean(box.title))}><title>{_text(box.title)}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="#ffffff" '
        f'stroke="{_COLOURS[box.kind]}" stroke-width="1.5"{dashed}/>{text}</g>'
    )


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _text(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    """Without the control characters that XML can't hold."""
    return "".join(c for c in text if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff"))
