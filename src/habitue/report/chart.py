"""Small charts as inline SVG: no script, no network, readable in print and without colour vision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

# Okabe and Ito's palette: told apart by people with any colour vision
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8A8F98"
_WIDTH = 640

Point = tuple[float, float]
Format = Callable[[float], str]


@dataclass(frozen=True)
class Line:
    """One curve of a line chart."""

    label: str
    points: Sequence[Point]
    colour: str = BLUE
    dashed: bool = False


@dataclass(frozen=True)
class Bar:
    """One row of a bar chart; `second` draws a thinner bar below, for comparison."""

    label: str
    value: float
    text: str
    second: float | None = None


def bars(rows: Sequence[Bar], *, title: str, colour: str = BLUE, second_colour: str = ORANGE) -> Markup:
    """Horizontal bars with their label left and their figure right."""
    top = max([0.0, *(max(row.value, row.second or 0) for row in rows)]) or 1.0
    left, right, height = 190, 110, 26
    scale = (_WIDTH - left - right) / top
    parts: list[str] = []
    for i, row in enumerate(rows):
        y = i * height
        thickness = 9 if row.second is not None else 16
        parts.append(_text(left - 8, y + 17, row.label, anchor="end"))
        parts.append(_rect(left, y + 5, max(row.value * scale, 1 if row.value else 0), thickness, colour))
        if row.second is not None:
            parts.append(
                _rect(left, y + 15, max(row.second * scale, 1 if row.second else 0), 6, second_colour)
            )
        end = left + max(row.value, row.second or 0) * scale
        parts.append(_text(end + 6, y + 17, row.text, css="figure"))
    return _svg(parts, len(rows) * height + 4, title)


def lines(
    curves: Sequence[Line],
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_format: Format = str,
    y_format: Format = str,
    x_max: float | None = None,
    y_max: float | None = None,
    height: int = 280,
) -> Markup:
    """Curves over a common pair of axes that start at zero."""
    points = [point for curve in curves for point in curve.points]
    x_top = x_max or max([x for x, _ in points], default=1.0) or 1.0
    y_top = y_max or max([y for _, y in points], default=1.0) or 1.0
    left, bottom, right, top = 64, 44, 30, 12
    width_inside, height_inside = _WIDTH - left - right, height - bottom - top

    def place(x: float, y: float) -> Point:
        return left + x / x_top * width_inside, top + height_inside * (1 - y / y_top)

    parts = [_axis(place, x_top, y_top, x_format, y_format, left, height - bottom)]
    for curve in curves:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in curve.points))
        dash = ' stroke-dasharray="5 4"' if curve.dashed else ""
        parts.append(
            f'<polyline fill="none" stroke="{curve.colour}" stroke-width="2"{dash} points="{path}"/>'
        )
    parts.append(_text(left + width_inside / 2, height - 6, x_label, anchor="middle", css="axis"))
    turned = f"translate(12 {top + height_inside / 2}) rotate(-90)"
    parts.append(f'<text class="axis" text-anchor="middle" transform="{turned}">{escape(y_label)}</text>')
    legend = "".join(
        f'<span><i style="background:{curve.colour}{";opacity:.6" if curve.dashed else ""}"></i>{escape(curve.label)}</span>'
        for curve in curves
    )
    return Markup(f'{_svg(parts, height, title)}<div class="legend">{legend}</div>')


def matrix(
    labels: Sequence[str], values: Sequence[Sequence[float | None]], *, title: str, text: Format
) -> Markup:
    """A square of shares (0 to 1), darker for more, each with its figure."""
    left, right, top = 190, 110, 140
    cell = min(54.0, (_WIDTH - left - right) / max(len(labels), 1))
    parts: list[str] = []
    for i, label in enumerate(labels):
        parts.append(_text(left - 8, top + i * cell + cell / 2 + 4, label, anchor="end"))
        x = left + i * cell + cell / 2
        parts.append(
            f'<text class="label" transform="translate({x + 4:.1f} {top - 6}) rotate(-45)">{escape(label)}</text>'
        )
        for j, value in enumerate(values[i]):
            parts.append(_cell(left + j * cell, top + i * cell, cell, value, text))
    return _svg(parts, top + cell * len(labels) + 6, title)


def _cell(x: float, y: float, size: float, value: float | None, text: Format) -> str:
    if value is None:
        return _rect(x + 1, y + 1, size - 2, size - 2, "#f0f1f3")
    ink = "#fff" if value > 0.55 else "#1c2430"
    opacity = f'fill="{BLUE}" fill-opacity="{0.06 + 0.94 * value:.2f}"'
    box = f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{size - 2:.1f}" height="{size - 2:.1f}" {opacity}/>'
    middle = f'x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}" text-anchor="middle"'
    return f'{box}<text {middle} class="small" style="fill:{ink}">{escape(text(value))}</text>'


def _axis(
    place: Callable[[float, float], Point],
    x_top: float,
    y_top: float,
    x_format: Format,
    y_format: Format,
    left: float,
    floor: float,
) -> str:
    parts = []
    for i in range(5):
        share = i / 4
        _, y = place(0, y_top * share)
        x, _ = place(x_top * share, 0)
        parts.append(f'<line x1="{left}" x2="{_WIDTH - 30}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(_text(left - 6, y + 4, y_format(y_top * share), anchor="end", css="small"))
        parts.append(_text(x, floor + 16, x_format(x_top * share), anchor="middle", css="small"))
    return "".join(parts)


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}" rx="1"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", css: str = "label") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(text)}</text>'


def _svg(parts: Sequence[str], height: float, title: str) -> Markup:
    head = f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
    return Markup(head + "".join(parts) + "</svg>")
