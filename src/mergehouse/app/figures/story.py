"""What the first sentences of the Executive page tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from mergehouse.access.gateway import Reader
from mergehouse.app.figures.cards import Scoped, sales
from mergehouse.app.figures.windows import Absence, Window, in_year, on_one_calendar, window
from mergehouse.app.view import Choices, View

FEW = 4  # brands that are told one by one
RUN_UP = ((11, 15), (12, 24))  # to Christmas
SEASONS = ("winter", "spring", "summer", "autumn")  # from December


@dataclass(frozen=True)
class Season:
    """What a brand sold a day on another's days of the year."""

    label: str
    window: Window
    name: str  # spring 2011
    per_day: Decimal


@dataclass(frozen=True)
class Story:
    """Brands by what they sell a day, the largest first.

    Of the first two: how far apart their windows are (None where these share days), whether they are of
    different seasons, and which one alone has the weeks before Christmas.
    """

    brands: tuple[Scoped, ...]
    years_apart: int | None
    days_apart: int | None
    differ_in_season: bool
    before_christmas: str | None
    season: Season | None
    on_one_calendar: bool

    @property
    def changed(self) -> tuple[Scoped, ...]:
        """Of the largest few, those of which one knows what they sold in the days before."""
        return tuple(each for each in self.brands[:FEW] if each.card("net_revenue").change is not None)


def story(reader: Reader, brands: Sequence[Scoped], view: View, offered: Choices) -> Story:
    """Of the brands that have a window."""
    shown = [each for each in brands if each.window]
    shown.sort(key=lambda each: (-(each.card("net_revenue").per_day or 0), each.label))
    together = on_one_calendar(view, offered)
    if len(shown) < 2:
        return Story(tuple(shown), None, None, False, None, None, together)
    (first, second), (one, two) = (
        shown[:2],
        sorted((each.window for each in shown[:2] if each.window), key=_since),
    )
    gap = (two.since - one.until).days - 1
    is_apart = gap > 0
    differ = is_apart and not _share_days_of_the_year(one, two)
    advent = [each.label for each in (first, second) if each.window and _is_before_christmas(each.window)]
    return Story(
        tuple(shown),
        years_apart=int(gap / 365.25) if is_apart else None,
        days_apart=gap if is_apart else None,
        differ_in_season=differ,
        before_christmas=advent[0] if differ and len(advent) == 1 else None,
        season=_season(reader, shown[:2], view, offered) if differ else None,
        on_one_calendar=together,
    )


def _season(reader: Reader, brands: Sequence[Scoped], view: View, offered: Choices) -> Season | None:
    """The one whose days would have to move, on the other's days of the year."""
    for each in brands:
        assert each.brand
        of = window(each.brand, replace(view, clock="season"), offered)
        if isinstance(of, Absence) or of == each.window:
            continue
        net = sales(reader, each.name, view, of)[0]["net_revenue"] or Decimal(0)
        middle = of.since + (of.until - of.since) / 2
        name = f"{SEASONS[middle.month % 12 // 3]} {middle.year}"
        return Season(each.label, of, name, net / of.days)
    return None


def _share_days_of_the_year(one: Window, two: Window) -> bool:
    """Whether any day of one is, in some year, a day of the other."""
    if one.days >= 365 or two.days >= 365:
        return True
    starts = (in_year(one.since, two.since.year + shift) for shift in (-1, 0, 1))
    return any(
        start <= two.until and start + dt.timedelta(days=one.days - 1) >= two.since for start in starts
    )


def _is_before_christmas(of: Window) -> bool:
    years = range(of.since.year, of.until.year + 1)
    return any(
        dt.date(year, *RUN_UP[0]) <= of.until and dt.date(year, *RUN_UP[1]) >= of.since for year in years
    )


def _since(of: Window) -> dt.date:
    return of.since
