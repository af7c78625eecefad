"""Where and what is sold: net revenue a day by region and by category."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from mergehouse.app.figures.cards import Scoped
from mergehouse.app.figures.executive import Executive, Part
from mergehouse.app.figures.trend import LINES
from mergehouse.app.plots.plot import Plot
from mergehouse.app.wording import Wording


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
