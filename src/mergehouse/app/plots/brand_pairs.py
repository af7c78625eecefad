"""KPIs of the brands side by side, with their intervals, and whether they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mergehouse.app.figures.cards import Card, Scoped, kpi_named
from mergehouse.app.figures.executive import Executive, Versus
from mergehouse.app.figures.intervals import FEWEST
from mergehouse.app.figures.story import FEW
from mergehouse.app.plots.plot import UNITS
from mergehouse.app.wording import Wording
from mergehouse.app.writing import Number

BARS = 8  # brands that are drawn, the largest; tables have all


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
            "labels": [f"{scoped.label}\n{_short(card, words)}" for scoped, card in drawn],
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


def _short(card: Card, words: Wording) -> str:
    """As on the page's cards."""
    value = _compared(card)
    return words.write.compact(value) if card.kpi.format == "money" else _figure(card, value, words)


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
