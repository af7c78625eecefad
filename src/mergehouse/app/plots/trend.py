"""How a KPI of sales goes with time, for each brand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from mergehouse.app.figures.annotations import Annotation, Span
from mergehouse.app.figures.executive import Executive
from mergehouse.app.figures.trend import Line, Point, Trend
from mergehouse.app.plots.annotations import notes
from mergehouse.app.plots.plot import UNITS, Plot
from mergehouse.app.view import WEEK
from mergehouse.app.wording import Wording

CELLS = {"money": "money", "percent": "share", "integer": "number"}


def trend_plots(figures: Executive, tokens: dict[str, str], words: Wording) -> list[Plot]:
    """One plot, or one for each brand beside the others; none where there is nothing to draw."""
    trend = figures.trend
    lines = trend.lines
    if not lines:
        return []
    if not trend.is_apart:
        return [_marked(_trend_plot(trend, lines, tokens, words, figures), lines, figures.annotations, words)]
    return [
        _marked(_panel(trend, line, place, tokens, words), [line], figures.annotations, words)
        for place, line in enumerate(lines)
        if not line.is_earlier
    ]


def _marked(plot: Plot, lines: Sequence[Line], said: Sequence[Annotation], words: Wording) -> Plot:
    """The plot with what is said of its days: the latest as numbers at the axis, all of it in the table."""
    found = notes(
        said, [Span(line.name, p.place, p.since, p.until) for line in lines for p in line.points], words.write
    )
    return replace(
        plot,
        options=plot.options | found.options,
        says=plot.says + found.says,
        columns=[*plot.columns, *found.columns],
        rows=[row | found.cell(-row["block"]) for row in plot.rows],
        notes=found,
    )


def measured(trend: Trend) -> str:
    """What the axis has, such as `Net revenue a day, EUR`."""
    label = trend.kpi.label if trend.kpi.ratio else f"{trend.kpi.label} a day"
    if trend.scale == "index":
        return f"{label}, where 100 is each brand's own mean of the period"
    return f"{label}, EUR" if trend.kpi.format == "money" else label


def _trend_plot(
    trend: Trend, lines: Sequence[Line], tokens: dict[str, str], words: Wording, figures: Executive
) -> Plot:
    places = trend.places
    series: list[dict[str, Any]] = []
    for line in lines:
        common = trend.common if len(lines) > 1 else places[0]
        values = {point.place: point.value for point in line.points}
        look = {
            "name": line_name(line, trend, words),
            "token": "muted" if line.is_earlier else tokens[line.name],
        }
        if line.is_earlier:
            series.append(look | {"values": [values.get(place) for place in places], "previous": True})
            continue
        if line.points[0].place < common:
            lead = [values.get(place) if place <= common else None for place in places]
            series.append(look | {"values": lead, "light": True})
        series.append(look | {"values": [values.get(place) if place >= common else None for place in places]})
    start = len(places) - trend.window
    options = {
        "kind": "trend",
        "unit": _unit(trend),
        "labels": [_place_label(place, trend, lines, words) for place in places],
        "series": series,
        "zero": not trend.kpi.ratio and trend.scale == "value",
        "partial": any(each.window and each.window.is_partial for each in figures.brands),
    }
    if trend.goes_back and 0 < start < len(places) - 1:
        options |= {"from": start, "from_label": words.period()}
    return Plot(
        "trend",
        _trend_title(trend, lines),
        f"{measured(trend)}; {_axis(trend, lines, words)}",
        options,
        _says(trend, lines, words),
        *_table(trend, lines, words),
    )


def _panel(trend: Trend, line: Line, place: int, tokens: dict[str, str], words: Wording) -> Plot:
    options = {
        "kind": "trend",
        "unit": _unit(trend),
        "labels": [words.write.date(point.since) for point in line.points],
        "series": [
            {"name": line.label, "token": tokens[line.name], "values": [p.value for p in line.points]}
        ],
        "min": -_rounded_up(-trend.lowest) if trend.lowest < 0 else 0,
        "max": _rounded_up(trend.highest),
    }
    dates = words.write.dates(line.since, line.until)
    title = f"{line.label}, {dates}"
    return Plot(
        f"trend-{place + 1}",
        title,
        f"{measured(trend)}; by the day on which a {_block(trend)} begins; the same height beside it",
        options,
        _says(trend, [line], words),
        *_table(trend, [line], words),
    )


def _rounded_up(value: Decimal) -> Decimal:
    """A round number that is no less, for the top of an axis."""
    if value <= 0:
        return Decimal(1)
    size = Decimal(10) ** value.adjusted()
    return next(
        size * step for step in map(Decimal, ("1", "2", "2.5", "4", "5", "8", "10")) if size * step >= value
    )


def line_name(line: Line, trend: Trend, words: Wording) -> str:
    """A brand, with the year where two lines are its own."""
    has_two = any(other.name == line.name and other.is_earlier != line.is_earlier for other in trend.lines)
    return f"{line.label} {line.until.year}" if has_two else line.label


def _trend_title(trend: Trend, lines: Sequence[Line]) -> str:
    if len({line.name for line in lines}) == 1:
        return f"How {lines[0].label} is doing"
    if trend.clock == "season":
        return "The brands at the same time of the year"
    if trend.clock == "calendar":
        return "The brands on one calendar"
    return "The brands in their last weeks"


def _axis(trend: Trend, lines: Sequence[Line], words: Wording) -> str:
    if trend.clock == "own" and trend.length == WEEK and len({line.name for line in lines}) > 1:
        return "weeks before each brand's last full week, bold where all have data"
    return f"by the day on which a {_block(trend)} begins" if trend.length > 1 else "by day"


def _block(trend: Trend) -> str:
    return "week" if trend.length == WEEK else "block"


def _place_label(place: int, trend: Trend, lines: Sequence[Line], words: Wording) -> str:
    """Weeks before the last on own clocks; else the first day of the block, of the first line that has it."""
    if trend.clock == "own" and len({line.name for line in lines}) > 1:
        return words.write.count(place)
    for line in sorted(lines, key=lambda each: each.is_earlier):
        for point in line.points:
            if point.place == place:
                return (
                    words.write.day(point.since) if trend.clock == "season" else words.write.date(point.since)
                )
    return ""


def _unit(trend: Trend) -> str:
    return "count" if trend.scale == "index" else UNITS[trend.kpi.format]


def _says(trend: Trend, lines: Sequence[Line], words: Wording) -> str:
    told = []
    for line in lines:
        known = [point.value for point in line.points if point.value is not None]
        if known:
            of = f"{line_name(line, trend, words)}, {words.write.dates(line.since, line.until)}"
            told.append(
                f"{of}: from {_written(known[0], trend, words)} to {_written(known[-1], trend, words)}"
            )
    return f"{measured(trend)}, as lines. {'; '.join(told)}."


def _written(value: Decimal, trend: Trend, words: Wording) -> str:
    if trend.scale == "index":
        return words.write.count(value)
    kinds = {"money": words.write.money, "percent": words.write.share, "integer": words.write.number}
    return kinds[trend.kpi.format](value)


def _table(
    trend: Trend, lines: Sequence[Line], words: Wording
) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    kind = "number" if trend.scale == "index" else CELLS[trend.kpi.format]
    columns = [
        {
            "key": "block",
            "label": "Weeks before the last" if trend.length == WEEK else "Days before the last",
            "kind": "count",
        }
    ]
    for n, line in enumerate(lines):
        name = line_name(line, trend, words)
        columns += [
            {"key": f"days {n}", "label": f"Days of {name}", "kind": "text"},
            {"key": f"value {n}", "label": name, "kind": kind},
        ]
    points: list[dict[int, Point]] = [{point.place: point for point in line.points} for line in lines]
    rows = []
    for place in range(0, min(line.points[0].place for line in lines) - 1, -1):
        row: dict[str, Any] = {"block": -place}
        for n, by_place in enumerate(points):
            point = by_place.get(place)
            row[f"days {n}"] = words.write.dates(point.since, point.until) if point else "no data"
            row[f"value {n}"] = point.value if point else None
        rows.append(row)
    return columns, rows
