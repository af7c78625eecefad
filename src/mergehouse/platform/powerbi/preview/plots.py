"""Plots of the preview as SVG of a given size, in the report's own colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from mergehouse.charts.svg import even_ticks
from mergehouse.platform.powerbi.report.theme import PALETTE

Number = float | None
Written = Callable[[float], str]
LETTER = 6.1  # pixels of a letter of the axes, on average
AXIS, TOP = 20, 22  # heights of the labels below a plot, and of the legend above it


@dataclass(frozen=True)
class Series:
    """`values` stand for the categories of a plot, None where there is none."""

    name: str
    colour: str
    values: Sequence[Number]


@dataclass(frozen=True)
class Area:
    """A rectangle of a treemap; `shade` from 0 to 1."""

    name: str
    size: float
    shade: float
    words: str


def lines(
    categories: Sequence[str], series: Sequence[Series], width: int, height: int, write: Written
) -> str:
    """Lines from zero, each with its name at its end; where there is no value a line ends.

    >>> drawn = lines(["-2", "-1"], [Series("Shop", "#1f5fa8", [1.0, 2.0])], 300, 120, str)
    >>> drawn.count("<polyline"), ">Shop</text>" in drawn
    (1, True)
    """
    right = 12 + LETTER * max((len(one.name) for one in series), default=0)
    left, bottom = 52.0, height - AXIS
    low, high = _ends(series)
    ticks = even_ticks(low, high, 4)

    def x(place: int) -> float:
        return left + place * (width - left - right) / max(len(categories) - 1, 1)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - 10)

    parts = [_grid(left, width - right, y(value), write(value)) for value, _ in ticks]
    step = max(1, -(-len(categories) // 12))
    parts += [
        _text(x(place), height - 5, name, "middle")
        for place, name in enumerate(categories)
        if (len(categories) - 1 - place) % step == 0
    ]
    ends: list[float] = []
    for one in series:
        for run in _runs(one.values):
            points = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in run)
            parts.append(f'<polyline points="{points}" fill="none" stroke="{one.colour}" stroke-width="2"/>')
        last = next((n for n in reversed(range(len(one.values))) if one.values[n] is not None), None)
        if last is not None:
            at = y(one.values[last] or 0)
            at += 14 * sum(abs(at - other) < 12 for other in ends)
            ends.append(at)
            parts.append(_text(x(last) + 6, at + 4, one.name, "start", one.colour))
    return _svg(width, height, parts)


def bars(
    categories: Sequence[str],
    series: Sequence[Series],
    width: int,
    height: int,
    write: Written,
    colours: Mapping[str, str] | None = None,
) -> str:
    """Horizontal bars with their values; the names of series above where there are several. `colours`: of
    categories that have one of their own.
    """
    names = len(series) > 1
    top = TOP if names else 4
    left = min(12 + LETTER * max((len(name) for name in categories), default=0), width * 0.36)
    values = [value for one in series for value in one.values if value is not None]
    room = 8 + LETTER * max((len(write(value)) for value in values), default=0)
    low, high = min([0.0, *values]), max([0.0, *values])
    scale = (width - left - room) / ((high - low) or 1)
    zero = left - low * scale
    each = (height - top - 4) / max(len(categories), 1)
    thick = min(each * 0.76 / max(len(series), 1), 26)
    parts = _legend(series) if names else []
    for n, category in enumerate(categories):
        middle = top + each * (n + 0.5)
        parts.append(_text(left - 8, middle + 4, _cut(category, left - 12), "end"))
        for m, one in enumerate(series):
            value = one.values[n]
            if value is None:
                continue
            y = middle + thick * (m - len(series) / 2)
            start, long = zero + min(value, 0) * scale, max(abs(value) * scale, 1)
            colour = (colours or {}).get(category, one.colour)
            parts.append(_bar(start, y + 1, long, thick - 2, colour, f"{category}: {write(value)}"))
            parts.append(_text(start + long + 5, y + thick / 2 + 4, write(value), "start", PALETTE["ink"]))
    return _svg(width, height, parts)


def stacked(
    categories: Sequence[str], series: Sequence[Series], width: int, height: int, write: Written
) -> str:
    """Horizontal bars of the parts of series, with their sums. A part below 0 is in the sum alone."""
    left = min(12 + LETTER * max((len(name) for name in categories), default=0), width * 0.36)
    sums = [sum(one.values[n] or 0 for one in series) for n in range(len(categories))]
    room = 8 + LETTER * max((len(write(value)) for value in sums), default=0)
    most = max((sum(max(one.values[n] or 0, 0) for one in series) for n in range(len(sums))), default=0) or 1
    each = (height - TOP - 4) / max(len(categories), 1)
    thick = min(each * 0.7, 26)
    parts = _legend(series)
    for n, category in enumerate(categories):
        middle, x = TOP + each * (n + 0.5), left
        parts.append(_text(left - 8, middle + 4, _cut(category, left - 12), "end"))
        for one in series:
            if (value := one.values[n] or 0) > 0:
                long = value / most * (width - left - room)
                words = f"{category}, {one.name}: {write(value)}"
                parts.append(_bar(x, middle - thick / 2, long, thick, one.colour, words))
                x += long
        parts.append(_text(x + 5, middle + 4, write(sums[n]), "start", PALETTE["ink"]))
    return _svg(width, height, parts)


def columns(
    categories: Sequence[str], series: Sequence[Series], width: int, height: int, write: Written
) -> str:
    """Columns from zero along an axis."""
    left, top, bottom = 52.0, TOP if len(series) > 1 else 8, height - AXIS
    low, high = _ends(series)
    each = (width - left) / max(len(categories), 1)
    thick = each * 0.8 / max(len(series), 1)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    parts = [_grid(left, width, y(value), write(value)) for value, _ in even_ticks(low, high, 4)] + (
        _legend(series) if len(series) > 1 else []
    )
    step = max(1, -(-len(categories) * 52 // int(width - left)))
    for n, category in enumerate(categories):
        if n % step == 0:
            parts.append(_text(left + each * (n + 0.5), height - 5, category, "middle"))
        for m, one in enumerate(series):
            if value := one.values[n]:
                x = left + each * (n + 0.1) + thick * m
                words = f"{category}: {write(value)}"
                upper, lower = y(max(value, 0)), y(min(value, 0))
                parts.append(_bar(x, upper, max(thick - 1, 1), lower - upper, one.colour, words))
    return _svg(width, height, parts)


def _ends(series: Sequence[Series]) -> tuple[float, float]:
    """Of an axis that has 0 and all values, with a little room above."""
    values = [value for one in series for value in one.values if value is not None]
    return min([0.0, *values]), max([0.0, *values]) * 1.02 or 1.0


def waterfall(
    categories: Sequence[str], changes: Sequence[float], width: int, height: int, write: Written
) -> str:
    """Steps from zero that add up, and their total at the end.

    >>> waterfall(["raw", "fx"], [10, -4], 300, 120, lambda value: f"{value:g}").count("<rect")
    3
    """
    left, top, bottom = 52.0, 16, height - AXIS
    sums = [0.0]
    for change in changes:
        sums.append(sums[-1] + change)
    low, high = min(0.0, *sums), max(0.0, *sums) * 1.04 or 1.0
    names = [*categories, "Total"]
    each = (width - left) / len(names)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    parts = [_grid(left, width, y(value), write(value)) for value, _ in even_ticks(low, high, 4)]
    for n, name in enumerate(names):
        is_total = n == len(changes)
        start, end = (0.0, sums[-1]) if is_total else (sums[n], sums[n + 1])
        colour = PALETTE["ink"] if is_total else PALETTE["better" if end >= start else "worse"]
        upper, lower = min(y(start), y(end)), max(y(start), y(end))
        x = left + each * (n + 0.18)
        value = write(end - start)
        parts.append(_bar(x, upper, each * 0.64, max(lower - upper, 1.5), colour, f"{name}: {value}"))
        parts.append(_text(x + each * 0.32, upper - 5, value, "middle", PALETTE["ink"]))
        parts.append(_text(x + each * 0.32, height - 5, _cut(name, each), "middle"))
    return _svg(width, height, parts)


def treemap(areas: Sequence[Area], width: int, height: int) -> str:
    """Rectangles whose size is their share, cut by halves of the sum, the largest first.

    >>> treemap([Area("a", 3, 1, "3"), Area("b", 1, 0, "1")], 200, 100).count("<rect")
    2
    """
    parts: list[str] = []
    _divide(sorted(areas, key=lambda area: -area.size), 0, 0, width, height, parts)
    return _svg(width, height, parts)


def _divide(areas: Sequence[Area], x: float, y: float, width: float, height: float, parts: list[str]) -> None:
    if len(areas) == 1:
        [area] = areas
        fill = shade(PALETTE["ramp-1"], PALETTE["ramp-3"], area.shade)
        parts.append(_bar(x + 1, y + 1, max(width - 2, 1), max(height - 2, 1), fill, area.words))
        if width > 70 and height > 34:
            parts.append(
                _text(x + 8, y + 18, _cut(area.name, width - 12), "start", PALETTE["ink"], bold=True)
            )
            parts.append(_text(x + 8, y + 34, area.words, "start", PALETTE["ink"]))
        return
    if not areas:
        return
    whole, taken, at = sum(area.size for area in areas), 0.0, 0
    while at < len(areas) - 1 and (at == 0 or taken + areas[at].size / 2 < whole / 2):
        taken += areas[at].size
        at += 1
    share = taken / whole
    if width >= height:
        _divide(areas[:at], x, y, width * share, height, parts)
        _divide(areas[at:], x + width * share, y, width * (1 - share), height, parts)
    else:
        _divide(areas[:at], x, y, width, height * share, parts)
        _divide(areas[at:], x, y + height * share, width, height * (1 - share), parts)


def shade(pale: str, dark: str, share: float) -> str:
    ends = [[int(colour[n : n + 2], 16) for n in (1, 3, 5)] for colour in (pale, dark)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(*ends, strict=True))


def _runs(values: Sequence[Number]) -> list[list[tuple[int, float]]]:
    """Values that follow each other without a gap."""
    runs: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((place, value))
    return [run for run in runs if run]


def _legend(series: Sequence[Series]) -> list[str]:
    parts, x = [], 4.0
    for one in series:
        parts.append(_bar(x, 4, 10, 10, one.colour, one.name))
        parts.append(_text(x + 15, 13, one.name, "start"))
        x += 34 + LETTER * len(one.name)
    return parts


def _cut(name: str, width: float) -> str:
    most = max(int(width / LETTER), 3)
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def _grid(left: float, right: float, y: float, words: str) -> str:
    line = f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{PALETTE["line"]}"/>'
    return line + _text(left - 6, y + 4, words, "end")


def _bar(x: float, y: float, width: float, height: float, colour: str, words: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">'
        f"<title>{escape(words)}</title></rect>"
    )


def _text(x: float, y: float, words: str, anchor: str, colour: str = "", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    fill = colour or PALETTE["muted"]
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill:{fill}"{weight}>'
        f"{escape(words)}</text>"
    )


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg width="{width}" height="{height}" role="presentation" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )
