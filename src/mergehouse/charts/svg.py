"""Figures as inline SVG: bars, curves, lines and ranges with labelled axes, coloured by the page's own light
and dark palette.

Every figure has a title for those who cannot see it, and every mark a tooltip.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from itertools import pairwise
from typing import Literal, TypedDict

WIDE = 700  # from this width on a figure scrolls rather than shrinks below what can be read
Place = Callable[[float], float]
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 18, 40
ROW = 24  # height of a row of ranges
MOST_DOTS = 40  # of a line: above this its points would be a second line


@dataclass(frozen=True)
class Mark:
    """A bar from `left` to `right`, or a point of a curve at `left` = `right`. `words` is its tooltip."""

    left: float
    right: float
    value: float
    words: str
    is_partial: bool = False


@dataclass(frozen=True)
class Axis:
    """`ticks` are (place, label); `title` names what is measured and its unit."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]


class Size(TypedDict):
    """Of a figure, for those that share one: `Figure(..., **HALF)`."""

    width: int
    height: int


@dataclass(frozen=True)
class Figure:
    """What is drawn. `y_title` names unit and measure; `rules` are vertical lines with their words; shares
    are drawn in percent.
    """

    title: str
    x: Axis
    y_title: str
    marks: Sequence[Mark]
    rules: Sequence[tuple[float, str]] = field(default=())
    is_share: bool = False
    width: int = 1080
    height: int = 300


@dataclass(frozen=True)
class Line:
    """`points` are (x, y) from left to right; `band` are the low and high of each. Told apart by `kind`:
    colour and dashes.

    A stepped line keeps its height until the next point.
    """

    name: str
    points: Sequence[tuple[float, float]]
    kind: Literal["main", "other", "ideal"] = "main"
    band: Sequence[tuple[float, float]] = ()
    is_stepped: bool = False


@dataclass(frozen=True)
class Range:
    """A row of a chart of ranges: a dot at `middle`, a bar from `low` to `high`, and a thin line between the
    ends of `outer`.
    """

    name: str
    low: float
    middle: float
    high: float
    words: str
    outer: tuple[float, float] | None = None


def bars(figure: Figure) -> str:
    """A bar chart from zero; negative values hang below.

    >>> year = Axis("Year", 2024, 2026, [(2024.5, "2024"), (2025.5, "2025")])
    >>> sales = [Mark(2024, 2025, 10.0, "2024: 10 orders"), Mark(2025, 2026, 12.0, "2025: 12 orders")]
    >>> drawn = bars(Figure("Orders by year", year, "Orders", sales))
    >>> drawn.count("<rect"), "<title>2025: 12 orders</title>" in drawn
    (2, True)
    """
    x, y, frame = _frame(figure)
    zero = y(0)
    shapes = []
    for mark in figure.marks:
        left, right = x(mark.left), x(mark.right)
        gap = min(1.0, (right - left) * 0.1)
        top, bottom = sorted((y(mark.value), zero))
        kind = "bar part" if mark.is_partial else "bar"
        shapes.append(
            f'<rect class="{kind}" x="{left + gap:.1f}" y="{top:.1f}"'
            f' width="{max(right - left - 2 * gap, 0.6):.1f}" '
            f'height="{max(bottom - top, 0.8 if mark.value else 0):.1f}">'
            f"<title>{escape(mark.words)}</title></rect>"
        )
    return _svg(figure, frame + "".join(shapes) + _rules(figure, x))


def curve(figure: Figure) -> str:
    """Points joined by a line.

    >>> day = Axis("Day", 0, 2, even_ticks(0, 2, 2))
    >>> drawn = curve(Figure("Orders", day, "Orders", [Mark(0, 0, 3, "day 0: 3"), Mark(2, 2, 5, "day 2: 5")]))
    >>> drawn.count("<circle"), drawn.count("<polyline")
    (2, 1)
    """
    x, y, frame = _frame(figure)
    line = " ".join(f"{x(m.left):.1f},{y(m.value):.1f}" for m in figure.marks)
    dots = "".join(
        f'<circle class="dot" cx="{x(m.left):.1f}" cy="{y(m.value):.1f}"'
        f' r="3.5"><title>{escape(m.words)}</title></circle>'
        for m in figure.marks
    )
    return _svg(figure, f'{frame}{_rules(figure, x)}<polyline class="curve" points="{line}"/>{dots}')


def lines(figure: Figure, drawn: Sequence[Line]) -> str:
    """Several lines with a legend. What `figure` has of marks only widens the axis of y.

    >>> day = Axis("Day", 0, 2, even_ticks(0, 2, 2))
    >>> both = [Line("model", [(0, 0), (2, 5)]), Line("chance", [(0, 0), (2, 2)], "ideal")]
    >>> drawn = lines(Figure("Found", day, "Customers", []), both)
    >>> drawn.count("<polyline"), ">model</text>" in drawn
    (2, True)
    """
    ends = [Mark(x, x, y, "") for line in drawn for x, y in line.points] + [
        Mark(0, 0, high, "") for line in drawn for _, high in line.band
    ]
    x, y, frame = _frame(replace(figure, marks=[*figure.marks, *ends]))
    shapes, legend, at = [], [], LEFT + 8.0
    for line in drawn:
        points = _stepped(line.points) if line.is_stepped else line.points
        if line.band:
            low, high = (
                [(x_, end[n]) for (x_, _), end in zip(line.points, line.band, strict=True)] for n in (0, 1)
            )
            around = [
                *(_stepped(high) if line.is_stepped else high),
                *reversed(_stepped(low) if line.is_stepped else low),
            ]
            shapes.append(f'<polygon class="band" points="{_path(around, x, y)}"/>')
        shapes.append(f'<polyline class="line {line.kind}" points="{_path(points, x, y)}"/>')
        if len(line.points) <= MOST_DOTS and line.kind != "ideal" and not line.is_stepped:
            shapes += [
                f'<circle class="dot {line.kind}" cx="{x(a):.1f}" cy="{y(b):.1f}"'
                f' r="3.5"><title>{escape(line.name)}: {short(a)},'
                f" {_label(b, figure.is_share)}</title></circle>"
                for a, b in line.points
            ]
        if len(drawn) > 1:
            legend.append(
                f'<line class="line {line.kind}" x1="{at:.0f}" x2="{at + 22:.0f}" y1="{TOP - 8}"'
                f' y2="{TOP - 8}"/>'
            )
            legend.append(f'<text class="title" x="{at + 27:.0f}" y="{TOP - 4}">{escape(line.name)}</text>')
            at += 45 + 6.2 * len(line.name)
    return _svg(figure, f"{frame}{''.join(shapes)}{_rules(figure, x)}{''.join(legend)}")


def ranges(
    title: str, axis: Axis, rows: Sequence[Range], rule: tuple[float, str] | None = None, width: int = 1080
) -> str:
    """Rows of ranges under each other, on one horizontal axis. The caller puts a logarithmic axis into
    logarithms.

    >>> price = Axis("EUR", 0, 10, even_ticks(0, 10, 5))
    >>> ranges("Prices", price, [Range("mugs", 2, 5, 8, "mugs: half cost 2 to 8 EUR")]).count('class="span"')
    1
    """
    left = min(16 + 6.4 * max(len(row.name) for row in rows), width / 2)
    height = ROW * len(rows) + TOP + BOTTOM
    bottom, span = height - BOTTOM, (axis.high - axis.low) or 1

    def x(value: float) -> float:
        return left + (min(max(value, axis.low), axis.high) - axis.low) / span * (width - left - RIGHT)

    shapes = []
    for place, label in axis.ticks:
        shapes.append(
            f'<line class="grid" x1="{x(place):.1f}" x2="{x(place):.1f}" y1="{TOP}" y2="{bottom}"/>'
        )
        shapes.append(
            f'<text class="tick" x="{x(place):.1f}" y="{bottom + 16}"'
            f' text-anchor="middle">{escape(label)}</text>'
        )
    shapes.append(
        f'<text class="title" x="{(left + width - RIGHT) / 2:.0f}" y="{height - 6}"'
        f' text-anchor="middle">{escape(axis.title)}</text>'
    )
    if rule:
        at, words = rule
        shapes.append(
            f'<line class="rule" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP}"'
            f' y2="{bottom}"><title>{escape(words)}</title></line>'
        )
    for n, row in enumerate(rows):
        y = TOP + ROW * (n + 0.5)
        begin, end = (x(place) for place in row.outer or (row.low, row.high))
        wide = max(x(row.high) - x(row.low), 1)
        name = (
            f'<text class="title" x="{left - 8:.0f}" y="{y + 4}" text-anchor="end">{escape(row.name)}</text>'
        )
        thin = f'<line class="axis" x1="{begin:.1f}" x2="{end:.1f}" y1="{y}" y2="{y}"/>'
        bar = f'<rect class="span" x="{x(row.low):.1f}" y="{y - 4}" width="{wide:.1f}" height="8"/>'
        dot = f'<circle class="dot" cx="{x(row.middle):.1f}" cy="{y}" r="4"/>'
        shapes.append(f"<g><title>{escape(row.words)}</title>{name}{thin}{bar}{dot}</g>")
    return _svg(Figure(title, axis, "", [], width=width, height=height), "".join(shapes))


def even_ticks(low: float, high: float, most: int = 10) -> list[tuple[float, str]]:
    """Places in steps of 1, 2 or 5 times a power of ten, and their labels; at most `most` steps.

    >>> even_ticks(0, 20, 4)
    [(0.0, '0'), (5.0, '5'), (10.0, '10'), (15.0, '15'), (20.0, '20')]
    """
    step = nice_step(high - low or 1, most)
    first = math.ceil(low / step - 1e-9)
    return [(n * step, short(round(n * step, 9))) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _stepped(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The corners of a line that keeps its height until the next point."""
    corners = [(after[0], before[1]) for before, after in pairwise(points)]
    return (
        [point for pair in zip(points, [*corners, points[-1]], strict=True) for point in pair]
        if points
        else []
    )


def _path(points: Sequence[tuple[float, float]], x: Place, y: Place) -> str:
    return " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)


def _label(value: float, is_share: bool) -> str:
    if not is_share:
        return short(round(value, 9))
    return (
        f"{value:.0%}" if math.isclose(100 * value, round(100 * value), abs_tol=1e-6) else f"{value:.1%}"
    ).replace("%", " %")


def short(value: float) -> str:
    """A number as an axis has room for: 1,234, 12k, 3.4M, 0.05.

    >>> short(1234), short(12_000), short(3_400_000), short(0.05)
    ('1,234', '12k', '3.4M', '0.05')
    """
    for size, letter in ((1e9, "bn"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / min(size, 1e3 if letter == 'k' else size):,.3g}{letter}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that divides `span` into at most `most` parts.

    >>> nice_step(90, most=10), nice_step(90, most=4)
    (10.0, 50.0)
    """
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most)


def _frame(figure: Figure) -> tuple[Place, Place, str]:
    """Functions from values to places, and the axes with their labels."""
    low = min([0.0, *(m.value for m in figure.marks)])
    high = max([0.0, *(m.value for m in figure.marks)]) or 1.0
    step = nice_step(high - low, 4 if figure.height > 200 else 3)
    top = step * -(-high // step)
    bottom = step * (low // step)
    inner_width, inner_height = figure.width - LEFT - RIGHT, figure.height - TOP - BOTTOM
    span = (figure.x.high - figure.x.low) or 1

    def x(value: float) -> float:
        return LEFT + (value - figure.x.low) / span * inner_width

    def y(value: float) -> float:
        return TOP + (top - value) / (top - bottom) * inner_height

    lines, count = [], round((top - bottom) / step)
    for n in range(count + 1):
        value = bottom + n * step
        label = _label(value, figure.is_share)
        lines.append(
            f'<line class="grid" x1="{LEFT}" x2="{figure.width - RIGHT}" y1="{y(value):.1f}"'
            f' y2="{y(value):.1f}"/>'
        )
        lines.append(
            f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>'
        )
    for place, label in figure.x.ticks:
        at = x(place)
        anchor = "end" if at > figure.width - RIGHT - 16 else "start" if at < LEFT + 4 else "middle"
        lines.append(
            f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{y(bottom):.1f}" y2="{y(bottom) + 4:.1f}"/>'
        )
        lines.append(
            f'<text class="tick" x="{at:.1f}" y="{y(bottom) + 16:.1f}"'
            f' text-anchor="{anchor}">{escape(label)}</text>'
        )
    lines.append(
        f'<line class="axis" x1="{LEFT}" x2="{figure.width - RIGHT}" y1="{y(0):.1f}" y2="{y(0):.1f}"/>'
    )
    middle = LEFT + inner_width / 2
    lines.append(
        f'<text class="title" x="{middle:.0f}" y="{figure.height - 6}"'
        f' text-anchor="middle">{escape(figure.x.title)}</text>'
    )
    half = TOP + inner_height / 2
    lines.append(
        f'<text class="title" transform="translate(12 {half:.0f}) rotate(-90)"'
        f' text-anchor="middle">{escape(figure.y_title)}</text>'
    )
    return x, y, "".join(lines)


def _rules(figure: Figure, x: Place) -> str:
    ends = f'y1="{TOP}" y2="{figure.height - BOTTOM}"'
    return "".join(
        f'<line class="rule" x1="{x(at):.1f}" x2="{x(at):.1f}" {ends}><title>{escape(words)}</title></line>'
        for at, words in figure.rules
        if figure.x.low <= at <= figure.x.high
    )


def _svg(figure: Figure, content: str) -> str:
    kind, title = "wide" if figure.width > WIDE else "small", escape(figure.title)
    size = f'viewBox="0 0 {figure.width} {figure.height}"'
    return f'<svg class="{kind}" {size} role="img" aria-label="{title}"><title>{title}</title>{content}</svg>'
