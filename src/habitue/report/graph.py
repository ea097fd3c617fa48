"""A small network as inline SVG: nodes by kind, links by rule; the layout depends on nothing but the links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import cos, hypot, pi, sin

from markupsafe import Markup

_WIDTH, _HEIGHT, _MARGIN = 320, 250, 16
_ROUNDS = 120
Point = tuple[float, float]


@dataclass(frozen=True)
class Link:
    """A tie between two nodes, by their numbers; `style` is one of the graph's."""

    a: int
    b: int
    style: str


def network(
    nodes: Sequence[str],
    links: Sequence[Link],
    *,
    colours: Mapping[str, str],
    styles: Mapping[str, str],
    title: str,
) -> Markup:
    """Circles coloured by kind and lines drawn as their style says (SVG attributes)."""
    places = _fit(layout(len(nodes), [(link.a, link.b) for link in links]))
    parts = [_line(places[link.a], places[link.b], styles[link.style]) for link in links]
    for kind, (x, y) in zip(nodes, places, strict=True):
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="{colours[kind]}" stroke="#fff" stroke-width="1.5">'
            f"<title>{escape(kind)}</title></circle>"
        )
    head = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
    return Markup(head + "".join(parts) + "</svg>")


def legend(colours: Mapping[str, str], lines: Mapping[str, tuple[str, str]]) -> Markup:
    """What colours and lines mean; `lines` are words with their SVG attributes."""
    dots = [
        f'<span><svg class="key" viewBox="0 0 14 14"><circle cx="7" cy="7" r="6" fill="{colour}"/></svg>{escape(kind)}</span>'
        for kind, colour in colours.items()
    ]
    strokes = [
        f'<span><svg class="key wide" viewBox="0 0 28 14"><line x1="0" x2="28" y1="7" y2="7" {style}/></svg>{escape(word)}</span>'
        for word, style in lines.values()
    ]
    return Markup(f'<div class="legend keys">{"".join([*dots, *strokes])}</div>')


def layout(count: int, links: Sequence[tuple[int, int]]) -> list[Point]:
    """Places by forces (Fruchterman and Reingold 1991): all nodes part, linked ones attract."""
    places = [(cos(2 * pi * i / max(count, 1)), sin(2 * pi * i / max(count, 1))) for i in range(count)]
    ideal = 2.2 / max(count, 1) ** 0.5
    for turn in range(_ROUNDS):
        pulls = [[0.0, 0.0] for _ in places]
        for i in range(count):
            for j in range(i):
                _push(pulls, places, i, j, lambda d: ideal * ideal / d)
        for a, b in links:
            if a != b:
                _push(pulls, places, a, b, lambda d: -d * d / ideal)
        step = 0.25 * (1 - turn / _ROUNDS)
        places = [_moved(place, pull, step) for place, pull in zip(places, pulls, strict=True)]
    return places


def _push(
    pulls: list[list[float]], places: Sequence[Point], i: int, j: int, force: Callable[[float], float]
) -> None:
    dx, dy = places[i][0] - places[j][0], places[i][1] - places[j][1]
    distance = hypot(dx, dy) or 1e-3
    strength = force(distance) / distance
    for node, sign in ((i, 1), (j, -1)):
        pulls[node][0] += sign * dx * strength
        pulls[node][1] += sign * dy * strength


def _moved(place: Point, pull: Sequence[float], step: float) -> Point:
    length = hypot(*pull) or 1.0
    share = min(length, step) / length
    return place[0] + pull[0] * share, place[1] + pull[1] * share


def _fit(places: Sequence[Point]) -> list[Point]:
    """Into the picture, with the same scale in both directions."""
    if not places:
        return []
    xs, ys = [x for x, _ in places], [y for _, y in places]
    wide, high = max(xs) - min(xs) or 1.0, max(ys) - min(ys) or 1.0
    scale = min((_WIDTH - 2 * _MARGIN) / wide, (_HEIGHT - 2 * _MARGIN) / high, 110.0)
    middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return [(_WIDTH / 2 + (x - middle_x) * scale, _HEIGHT / 2 + (y - middle_y) * scale) for x, y in places]


def _line(a: Point, b: Point, style: str) -> str:
    return f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" {style}/>'
