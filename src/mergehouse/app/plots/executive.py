"""The plots of the Executive page: each with its options, what it says to who does not see it, and its
table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from mergehouse.app.figures.annotations import Annotation, Span
from mergehouse.app.figures.cards import Card, Scoped, kpi_named
from mergehouse.app.figures.executive import Executive, Part, Versus
from mergehouse.app.figures.intervals import FEWEST
from mergehouse.app.figures.story import FEW
from mergehouse.app.figures.trend import LINES, Line, Point, Trend
from mergehouse.app.plots.annotations import Notes, notes
from mergehouse.app.view import WEEK
from mergehouse.app.wording import Wording
from mergehouse.app.writing import Number

BARS = 8  # brands that are drawn, the largest; tables have all
UNITS = {"money": "EUR", "percent": "share", "integer": "count"}
CELLS = {"money": "money", "percent": "share", "integer": "number"}


@dataclass(frozen=True)
class Plot:
    """`options` go to charts.js, `says` is read to who does not see it; columns and rows are the table's."""

    id: str
    title: str
    sub: str
    options: dict[str, Any]
    says: str
    columns: list[dict[str, str]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: Notes = Notes()  # annotations that stand at the axis


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
        "zero": not trend.kpi.ratio and trend.scale == "value",
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


@dataclass(frozen=True)
class Pair:
    """One KPI of the brands side by side; `told`: each with its interval, by the brands' order; `verdict`:
    whether they differ, or what keeps one from saying so.
    """

    kpi: str
    label: str
    options: dict[str, Any]
    bars: int
    told: tuple[tuple[str, str], ...]
    verdict: str


def pairs(
    figures: Executive, tokens: dict[str, str], words: Wording, links: Callable[..., str]
) -> list[Pair]:
    """Where two brands have figures; a click narrows the page to a brand."""
    if sum(1 for each in figures.brands if each.window) < 2:
        return []
    return [_pair(versus, tokens, words, links) for versus in figures.versus]


def _pair(versus: Versus, tokens: dict[str, str], words: Wording, links: Callable[..., str]) -> Pair:
    known = [(scoped, card) for scoped, card in versus.cards if card.value is not None]
    drawn = sorted(known, key=lambda each: -(each[0].card("net_revenue").per_day or 0))[:BARS]
    values = [_compared(card) for _, card in drawn]
    intervals = [card.interval for _, card in drawn]
    kpi = kpi_named(versus.kpi)
    series: dict[str, Any] = {
        "name": kpi.label,
        "values": values,
        "tokens": [tokens[scoped.name] for scoped, _ in drawn],
        "estimated": [card.method in ("estimated", "mixed") for _, card in drawn],
        "links": [links(brand=scoped.name) for scoped, _ in drawn],
    }
    if any(intervals):
        series["low"] = [each.low if each else value for each, value in zip(intervals, values, strict=True)]
        series["high"] = [each.high if each else value for each, value in zip(intervals, values, strict=True)]
    return Pair(
        kpi=kpi.name,
        label=kpi.label if kpi.ratio else f"{kpi.label} a day",
        options={
            "kind": "bars",
            "unit": UNITS[kpi.format],
            "labels": [f"{scoped.label}\n{_figure(card, _compared(card), words)}" for scoped, card in drawn],
            "series": [series],
            "bare": True,
        },
        bars=len(drawn),
        told=tuple((scoped.label, _with_interval(card, words)) for scoped, card in versus.cards),
        verdict=_verdict(versus, known, words),
    )


def _compared(card: Card) -> Decimal | None:
    return card.value if card.kpi.ratio else card.per_day


def _figure(card: Card, value: Number | None, words: Wording) -> str:
    writes = {"money": words.write.money, "percent": words.write.share, "integer": words.write.number}
    return writes[card.kpi.format](value)


def _with_interval(card: Card, words: Wording) -> str:
    if card.absence or card.value is None:
        return card.absence.word if card.absence else "no data"
    told = _figure(card, _compared(card), words)
    if card.interval:
        told += f" ({_figure(card, card.interval.low, words)}–{_figure(card, card.interval.high, words)})"
    return f"{told}, {card.method}" if card.method else told


def _verdict(versus: Versus, known: Sequence[tuple[Scoped, Card]], words: Wording) -> str:
    if versus.is_clear is not None:
        return "A clear difference." if versus.is_clear else "May be chance: the intervals touch."
    if versus.kpi == "margin_rate" and len({card.method for _, card in known}) > 1:
        methods = ", ".join(f"{card.method} ({scoped.label})" for scoped, card in known[:FEW])
        return f"Not to be subtracted: {methods}."
    without = [scoped.label for scoped, card in known if not card.value]
    if versus.kpi == "return_rate" and without:
        return f"{words.named(without)} delivered no returns: no interval."
    if versus.kpi in ("aov", "return_rate"):
        if any((scoped.measures.get("orders") or 0) < FEWEST for scoped, _ in known):
            return f"Fewer than {FEWEST} orders: no interval."
        return "No interval: sums over single orders are not among these data."
    return ""


def regions_plot(
    figures: Executive, tokens: dict[str, str], words: Wording, links: Callable[..., str]
) -> Plot:
    """Each region's net revenue a day, a bar for each of the largest brands; a click narrows the page to
    it.
    """
    largest = {each.name for each in figures.story.brands[:LINES]}
    drawn = [(n, each) for n, each in enumerate(figures.brands) if each.name in largest]
    series = [
        {
            "name": each.label,
            "token": tokens[each.name],
            "values": [part.by_brand[n] for part in figures.regions],
            "links": [links(region=part.name) for part in figures.regions],
        }
        for n, each in drawn
    ]
    return _parts_plot("regions", "Where it is sold", "Region", figures, figures.regions, series, words)


def categories_plot(figures: Executive, tokens: dict[str, str], words: Wording) -> Plot:
    """Net revenue a day of the largest categories, the brands' bars one behind the other."""
    drawn = [(n, each) for n, each in enumerate(figures.brands) if each.window]
    largest = {each.name for each in figures.story.brands[:LINES]}
    parts = figures.categories
    series = [
        {"name": each.label, "token": tokens[each.name], "values": [part.by_brand[n] for part in parts]}
        for n, each in drawn
        if each.name in largest
    ]
    rest = [n for n, each in drawn if each.name not in largest]
    if rest:
        values = [sum((part.by_brand[n] for n in rest), Decimal(0)) for part in parts]
        series.append({"name": f"{len(rest)} others", "token": "muted", "values": values})
    plot = _parts_plot("categories", "What is sold", "Category", figures, parts, series, words)
    printed = {
        "labels": [part_label(part) for part in parts],
        "totals": [part.per_day for part in parts],
        "after": [words.write.share(part.share) for part in parts],
    }
    return replace(plot, options=plot.options | printed)


def part_label(part: Part) -> str:
    return part.name or (f"{part.others} others" if part.others != 1 else "1 other")


def _parts_plot(
    id: str,
    title: str,
    what: str,
    figures: Executive,
    parts: Sequence[Part],
    series: list[dict[str, Any]],
    words: Wording,
) -> Plot:
    shown: list[tuple[int, Scoped]] = [(n, each) for n, each in enumerate(figures.brands) if each.window]
    columns = [{"key": "name", "label": what, "kind": "text"}]
    if len(shown) > 1:
        columns += [{"key": f"brand {n}", "label": each.label, "kind": "money"} for n, each in shown]
    columns += [
        {"key": "per_day", "label": "A day" if len(shown) == 1 else "Together", "kind": "money"},
        {"key": "share", "label": "Share", "kind": "share"},
        {"key": "return_rate", "label": "Return rate", "kind": "share"},
        {"key": "margin_rate", "label": "Margin rate", "kind": "share"},
    ]
    rows = [
        {"name": part_label(part), "per_day": part.per_day, "share": part.share}
        | {"return_rate": part.return_rate, "margin_rate": part.margin_rate}
        | {f"brand {n}": part.by_brand[n] for n, _ in shown}
        for part in parts
    ]
    shares = ", ".join(f"{part_label(part)} {words.write.share(part.share)}" for part in parts)
    labels = [f"{part_label(part)}\n{words.write.share(part.share)}" for part in parts]
    options = {"kind": "bars", "unit": "EUR", "labels": labels, "series": series}
    return Plot(
        id, title, "Net revenue a day, EUR, and its share", options, f"{title}: {shares}.", columns, rows
    )
