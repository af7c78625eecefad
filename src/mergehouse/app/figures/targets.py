"""Targets beside what was sold: of each, how much is reached by the last day that there are data of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from mergehouse.access.gateway import Reader
from mergehouse.app.figures.cards import Measures, added, kpi_named, sales
from mergehouse.app.figures.windows import Absence, Window, are_the_same, window
from mergehouse.app.view import Brand, Choices, View
from mergehouse.kpi.catalogue import Kpi, catalogue
from mergehouse.kpi.formula import GROUP
from mergehouse.kpi.periods import calendar_period

LESS_IS_BETTER = ("returns", "return_rate")
Outcome = Literal["met", "missed", "met so far", "missed so far", "open"]


@dataclass(frozen=True)
class Target:
    """A KPI's target of a brand, or of `group`, in a period of the calendar. `actual` is what it is in
    `window`, the days of the period that there are data of; or `absence` says why there is none.
    """

    kpi: Kpi
    name: str
    label: str
    period: str
    value: Decimal
    window: Window | None = None
    actual: Decimal | None = None
    method: str | None = None  # of a margin
    absence: Absence | None = None

    @property
    def bounds(self) -> tuple[dt.date, dt.date]:
        """The first day of the period, and the day after its last."""
        found = calendar_period(self.period)
        assert found
        return found

    @property
    def days(self) -> int:
        """Of the whole period."""
        return (self.bounds[1] - self.bounds[0]).days

    @property
    def length(self) -> Literal["year", "quarter", "month"]:
        return "quarter" if "q" in self.period else "month" if "-" in self.period else "year"

    @property
    def reached(self) -> Decimal | None:
        """How much of a sum that is aimed at there is, as a share."""
        if self.actual is None or self.kpi.ratio or self.value <= 0:
            return None
        return self.actual / self.value

    @property
    def outcome(self) -> Outcome | None:
        """Of a period that goes on, a sum that is still to grow is open, and one that was not to grow so far
        is missed for good. None where nothing can be said.
        """
        if self.actual is None or self.window is None:
            return None
        falls = self.kpi.name in LESS_IS_BETTER
        is_met = self.actual <= self.value if falls else self.actual >= self.value
        if not self.window.is_partial or (falls and not is_met and not self.kpi.ratio):
            return "met" if is_met else "missed"
        if is_met or self.kpi.ratio:
            return "met so far" if is_met else "missed so far"
        return "open"


def all_targets(reader: Reader, brand: str | None, offered: Choices) -> tuple[Target, ...]:
    """Every target of a brand, or of all that the scope has, by the period's last day, the latest first."""
    return _with_values(reader, _given(reader, brand, offered), offered)


def targets_of(reader: Reader, view: View, offered: Choices) -> tuple[Target, ...]:
    """Those of the period that is looked at, where that is one of the calendar; else of each KPI those of the
    latest year, quarter and month that the data reach, by brand. They are of whole brands: none of a region.
    """
    if view.region or view.country:
        return ()
    given = _given(reader, view.brand, offered)
    if calendar_period(view.period):
        chosen = [each for each in given if each.period == view.period]
    else:
        begun = [each for each in given if each.bounds[0] <= _last_day(each.name, offered)]
        latest = {(each.name, each.kpi.name, each.length): each for each in reversed(begun)}
        chosen = list(latest.values())
    names, kpis = [each.name for each in offered.brands], [kpi.name for kpi in catalogue()]
    chosen.sort(key=lambda each: ([GROUP, *names].index(each.name), -each.days, kpis.index(each.kpi.name)))
    return _with_values(reader, chosen, offered)


def _last_day(name: str, offered: Choices) -> dt.date:
    """That there are data of, of a brand or of any."""
    ends = [each.last for each in offered.with_sales if each.last and name in (each.name, GROUP)]
    return max(ends, default=dt.date.min)


def _given(reader: Reader, brand: str | None, offered: Choices) -> list[Target]:
    given = [
        Target(
            kpi_named(row["kpi"]),
            row["source_system"],
            offered.label(row["source_system"]),
            row["period"],
            row["target"],
        )
        for row in reader.rows("targets", brand=brand)
    ]
    return sorted(given, key=lambda each: (each.bounds[1], each.bounds[0]), reverse=True)


def _with_values(reader: Reader, given: Iterable[Target], offered: Choices) -> tuple[Target, ...]:
    known: dict[tuple[str, str], tuple[Window | Absence, Measures, str | None]] = {}
    found = []
    for each in given:
        key = each.name, each.period
        if key not in known:
            known[key] = _sold(reader, each, offered)
        of, measures, method = known[key]
        if isinstance(of, Absence):
            found.append(replace(each, absence=of))
            continue
        actual = measures.get(each.kpi.name)
        nothing = Absence("no data", "nothing_sold") if actual is None else None
        cost = method if each.kpi.name.startswith("margin") else None
        found.append(replace(each, window=of, actual=actual, method=cost, absence=nothing))
    return tuple(found)


def _sold(reader: Reader, target: Target, offered: Choices) -> tuple[Window | Absence, Measures, str | None]:
    """KPIs of a brand, or of all on the same days, in a target's period, and how margins are come by."""
    view = View(period=target.period)
    brands = [each for each in offered.with_sales if target.name in (each.name, GROUP)]
    if not brands:
        return Absence("no data", "no_sales", target.label), {}, None
    windows = [_within(each, view, offered, target) for each in brands]
    if gap := next((each for each in windows if isinstance(each, Absence)), None):
        return gap, {}, None
    known = [each for each in windows if isinstance(each, Window)]
    if not are_the_same(known):
        return Absence("not comparable", "periods_differ"), {}, None
    sold = [sales(reader, each.name, view, of) for each, of in zip(brands, known, strict=True)]
    methods = {method for _, method in sold if method}
    return known[0], added(measures for measures, _ in sold), methods.pop() if len(methods) == 1 else "mixed"


def _within(brand: Brand, view: View, offered: Choices, target: Target) -> Window | Absence:
    of = window(brand, view, offered)
    if isinstance(of, Window) and of.since > target.bounds[0]:
        return Absence("not comparable", "begins", brand.label, day=of.since)
    return of
