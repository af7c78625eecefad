"""The plots of the pages about customers."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from mergehouse.app.colours import tokens_of
from mergehouse.app.figures.annotations import Annotation, spans_from
from mergehouse.app.figures.campaign import Campaign
from mergehouse.app.figures.customer_list import Customer
from mergehouse.app.figures.customers import Overview
from mergehouse.app.figures.trend import LINES
from mergehouse.app.figures.what_if import Change
from mergehouse.app.plots.annotations import Notes, notes
from mergehouse.app.wording import Wording

FEWEST_DRAWN = 10  # customers at a cut-off, for a point that says something
STATES = {"silent": "Silent", "at_risk": "At risk", "active": "Active"}


def segment_map(figures: Overview, link: Callable[[str], str] | None) -> dict[str, Any]:
    """Segments as areas: how many customers, and what each brought; `link`: where a segment's list is."""
    nodes = [
        {"name": each.name, "size": each.customers, "value": float(each.each or 0)}
        | ({"link": link(each.name)} if link else {})
        for each in figures.segments
        if each.name
    ]
    return {"kind": "treemap", "unit": "EUR", "nodes": nodes}


def timeline(found: Customer, said: Sequence[Annotation], words: Wording) -> tuple[dict[str, Any], Notes]:
    """Net revenue of each month with an order, a column for each brand; and what is said of these days."""
    starts = [(place, month) for place, (month, _) in enumerate(found.by_month)]
    spans = [span for row in found.brands for span in spans_from(row["source_system"], starts)]
    of = notes(said, spans, words.write)
    return _timeline_chart(found, words) | of.options, of


def _timeline_chart(found: Customer, words: Wording) -> dict[str, Any]:
    months = [month for month, _ in found.by_month]
    tokens = _tokens(words)
    return {
        "kind": "trend",
        "unit": "EUR",
        "labels": [words.write.short_month(month) for month in months],
        "series": [
            {
                "name": words.brand(name),
                "type": "column",
                "token": tokens[name],
                "values": [float(sums[name]) if name in sums else None for _, sums in found.by_month],
            }
            for name in (row["source_system"] for row in found.brands)
        ],
    }


def worlds(changes: tuple[Change, ...], measure: str, unit: str) -> dict[str, Any]:
    """Two bars a part: as it is, muted, and with the limits."""
    return {
        "kind": "bars",
        "unit": unit,
        "labels": [STATES.get(each.name, each.name.capitalize()) for each in changes],
        "series": [
            {
                "name": "As it is",
                "token": "muted",
                "values": [float(getattr(each.now, measure)) for each in changes],
            },
            {
                "name": "With your limits",
                "token": "brand-1",
                "values": [float(getattr(each.then, measure)) for each in changes],
            },
        ],
    }


def replays(
    planned: Campaign, said: Sequence[Annotation], words: Wording
) -> tuple[dict[str, Any], Notes, list[dict[str, Any]]]:
    """The share that came back by itself at each past cut-off, a line for each of the largest brands: by
    month, or where brands' data are of other times by months before each brand's last cut-off (`is_own`);
    what is said of the days from one cut-off to the next; and the table behind, which has all of them. A line
    leaves out cut-offs at which fewer than ten met the rule: their share is chance.
    """
    sizes: Counter[str] = Counter()
    cutoffs: dict[str, dict[dt.date, float | None]] = {}  # and the share that came back, by brand
    for each in planned.replays:
        if each.cutoff:
            sizes[each.brand] += each.customers
            shown = each.share if each.customers >= FEWEST_DRAWN else None
            cutoffs.setdefault(each.brand, {})[each.cutoff] = shown
    brands = [brand for brand, _ in sizes.most_common(LINES)]
    is_own = len(brands) > 1 and not words.offered.have_common_weeks
    last = {brand: _months(max(cutoffs[brand])) if is_own else 0 for brand in brands}
    shares = {
        (brand, _months(day) - last[brand]): share
        for brand in brands
        for day, share in cutoffs[brand].items()
    }
    months = sorted({month for _, month in shares})
    places = {
        brand: {day: months.index(_months(day) - last[brand]) for day in sorted(cutoffs[brand])}
        for brand in brands
    }
    spans = [
        span
        for brand in brands
        for span in spans_from(brand, [(at, day) for day, at in places[brand].items()])
    ]
    of = notes(said, spans, words.write)
    rows = [
        vars(each)
        | {"brand": words.brand(each.brand), "share": each.share}
        | of.cell(places.get(each.brand, {}).get(each.cutoff, -1) if each.cutoff else -1)
        for each in planned.replays
    ]
    return _replay_chart(brands, months, shares, is_own, words) | of.options, of, rows


def _replay_chart(
    brands: list[str],
    months: list[int],
    shares: dict[tuple[str, int], float | None],
    is_own: bool,
    words: Wording,
) -> dict[str, Any]:
    tokens = _tokens(words)
    return {
        "kind": "trend",
        "unit": "share",
        "is_own": is_own,
        "labels": [
            words.write.count(month)
            if is_own
            else words.write.short_month(dt.date(month // 12, month % 12 + 1, 1))
            for month in months
        ],
        "series": [
            {
                "name": words.brand(brand),
                "type": "line",
                "token": tokens[brand],
                "values": [shares.get((brand, month)) for month in months],
            }
            for brand in brands
        ],
    }


def _months(day: dt.date) -> int:
    return 12 * day.year + day.month - 1


def _tokens(words: Wording) -> dict[str, str]:
    return tokens_of([brand.name for brand in words.offered.brands])
