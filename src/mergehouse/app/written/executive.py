"""The Executive page's figures as rows of a file: whole numbers, not what a page has room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mergehouse.app.figures.annotations import Annotation, Span, marks
from mergehouse.app.figures.executive import Executive, Part
from mergehouse.app.written.targets import target_row

Table = tuple[dict[str, str], list[dict[str, Any]]]
KPIS = {
    "brand": "Brand",
    "kpi": "KPI",
    "unit": "Unit",
    "since": "From",
    "until": "To",
    "value": "Value",
    "per_day": "A day",
    "low": "95% from",
    "high": "95% to",
    "compared_since": "Compared from",
    "compared_until": "Compared to",
    "before": "Value then",
    "change": "Change",
    "method": "Cost",
    "absent": "Why there is none",
}
TREND = {
    "brand": "Brand",
    "kpi": "KPI",
    "since": "From",
    "until": "To",
    "value": "Value",
    "annotations": "Annotations",
}
TARGETS = {
    "brand": "Brand",
    "kpi": "KPI",
    "unit": "Unit",
    "period": "Period",
    "period_days": "Days of the period",
    "since": "From",
    "until": "To",
    "target": "Target",
    "value": "Value",
    "reached": "Reached",
    "outcome": "Outcome",
    "cost": "Cost",
    "why": "Why there is none",
}
PARTS = {"share": "Share", "return_rate": "Return rate", "margin_rate": "Margin rate"}


def kpis(figures: Executive) -> Table:
    """A row for each KPI of each brand, and of all together for who sees that."""
    rows = []
    for each in (*figures.brands, *([figures.combined] if figures.combined else [])):
        for card in each.cards:
            is_of_period = card.kpi.table != "gold.customer_brand_360" and card.kpi.name != "active_rate"
            rows.append(
                {
                    "brand": each.label or "all brands",
                    "kpi": card.kpi.label,
                    "unit": card.kpi.unit,
                    "since": each.window.since if each.window and is_of_period else None,
                    "until": each.window.until if each.window and is_of_period else None,
                    "value": card.value,
                    "per_day": round(card.per_day, 6) if card.per_day is not None else None,
                    "low": card.interval.low if card.interval else None,
                    "high": card.interval.high if card.interval else None,
                    "compared_since": each.compared.since
                    if each.compared and card.before is not None
                    else None,
                    "compared_until": each.compared.until
                    if each.compared and card.before is not None
                    else None,
                    "before": card.before,
                    "change": round(card.change, 6) if card.change is not None else None,
                    "method": card.method,
                    "absent": card.absence.word if card.absence else None,
                }
            )
    return KPIS, rows


def trend(figures: Executive) -> Table:
    """A row for each block of each line."""
    label = figures.trend.kpi.label
    rows = [
        {"brand": line.label, "kpi": label, "since": p.since, "until": p.until}
        | {"value": round(p.value, 6) if p.value is not None else None}
        | {"annotations": _said(figures.annotations, Span(line.name, p.place, p.since, p.until))}
        for line in figures.trend.lines
        for p in line.points
    ]
    return TREND, rows


def _said(said: Sequence[Annotation], span: Span) -> str | None:
    found = (f"{mark.of.day} {mark.of.text} ({mark.of.who})" for mark in marks(said, [span]))
    return "; ".join(found) or None


def regions(figures: Executive) -> Table:
    return _parts("Region", figures, figures.regions)


def categories(figures: Executive) -> Table:
    return _parts("Category", figures, figures.categories)


def _parts(what: str, figures: Executive, parts: Sequence[Part]) -> Table:
    """Net revenue a day of every part, of each brand and in all."""
    shown = [(n, each) for n, each in enumerate(figures.brands) if each.window]
    columns = {"name": what, "per_day": "Net revenue a day, EUR"}
    columns |= {f"brand_{n}": f"{each.label}, EUR a day" for n, each in shown} | PARTS
    rows = [
        {"name": part.name or f"{part.others} others", "per_day": round(part.per_day, 6)}
        | {f"brand_{n}": round(part.by_brand[n], 6) for n, _ in shown}
        | {name: getattr(part, name) for name in PARTS}
        for part in parts
    ]
    return columns, rows


def targets(figures: Executive) -> Table:
    return TARGETS, [target_row(each) for each in figures.targets]


TABLES: dict[str, Callable[[Executive], Table]] = {
    "kpis": kpis,
    "trend": trend,
    "regions": regions,
    "categories": categories,
    "targets": targets,
}
