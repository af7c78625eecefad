"""The days that a figure is of: for each brand a window of its own, and the one it is compared with.

The rules are those of comparing brands whose data lie years apart: windows of the same length in whole weeks,
each by its brand's own clock; what a brand has not delivered is said, never filled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from mergehouse.app.view import ALL, DAY, DEFAULT_PERIOD, RECENT, WEEK, Brand, Choices, View
from mergehouse.app.writing import Absent
from mergehouse.kpi.periods import calendar_period

YEAR = 52 * WEEK  # days: the same weekdays a year before


@dataclass(frozen=True)
class Absence:
    """Why there is no figure: one of the words for it, and which sentence says more, about whom."""

    word: Absent
    reason: str
    brand: str = ""
    have: int | None = None
    need: int | None = None
    day: dt.date | None = None


@dataclass(frozen=True)
class Window:
    """Days from `since` to `until`, both in it. `is_all`: whatever there is, outside of them, too.

    >>> Window(dt.date(2026, 1, 1), dt.date(2026, 1, 7)).days
    7
    """

    since: dt.date
    until: dt.date
    is_partial: bool = False  # a period of the calendar that has days without data
    is_all: bool = False

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    @property
    def bounds(self) -> dict[str, dt.date | None]:
        """As queries take them."""
        return {"since": None if self.is_all else self.since, "until": None if self.is_all else self.until}


def weeks_of(view: View, offered: Choices) -> int | None:
    """How many whole weeks the period has; None where it is not of weeks."""
    if view.period in RECENT:
        return RECENT[view.period]
    if calendar_period(view.period) or is_all(view, offered):
        return None
    return min(offered.weeks, offered.common_weeks) if on_one_calendar(view, offered) else offered.weeks


def is_all(view: View, offered: Choices) -> bool:
    """Whether the period is all data: as asked for, or since no brand has a whole week."""
    return view.period == ALL or view.period == DEFAULT_PERIOD and not offered.weeks


def on_one_calendar(view: View, offered: Choices) -> bool:
    """Whether all brands are looked at on the same days."""
    return view.clock == "calendar" and offered.have_common_weeks


def window(brand: Brand, view: View, offered: Choices) -> Window | Absence:
    """The days of a brand that a view is about, or why it has none."""
    if not (brand.first and brand.as_of and brand.last) or not brand.days:
        return Absence("no data", "no_sales", brand.label)
    if is_all(view, offered):
        return Window(brand.first, max(brand.last, brand.last_sale or brand.last), is_all=True)
    if named := calendar_period(view.period):
        return _within(brand, *named)
    weeks = weeks_of(view, offered)
    if not weeks:
        return Absence("not observable yet", "weeks", brand.label, brand.weeks, 1)
    if view.clock == "season":
        return _season(brand, weeks, offered)
    end = offered.common_end if on_one_calendar(view, offered) else brand.as_of
    assert end
    since = end - dt.timedelta(days=weeks * WEEK)
    if since < brand.first:
        return Absence("not observable yet", "weeks", brand.label, (end - brand.first).days // WEEK, weeks)
    return Window(since, end - DAY)


def compared_with(brand: Brand, of: Window, view: View) -> Window | Absence:
    """The earlier days that a window is compared with, as long as it is; or why there are none."""
    if view.compare == "off":
        return Absence("not comparable", "off")
    if of.is_all:
        return Absence("not comparable", "all")
    if of.is_partial:
        return Absence("not comparable", "so_far", brand.label, day=of.until)
    before = _before(of, view)
    if not brand.first or before.since < brand.first:
        return Absence("not comparable", "nothing_before", brand.label, day=brand.first)
    return before


def season_reference(offered: Choices) -> Brand | None:
    """The brand whose days of the year the others are looked at on: the one with the least data."""
    return min(offered.with_sales, key=lambda brand: (brand.days, brand.label), default=None)


def _season(brand: Brand, weeks: int, offered: Choices) -> Window | Absence:
    """The days of the year that the brand with the least data has last, in this one's last year that has
    them.
    """
    reference = season_reference(offered)
    assert reference and reference.as_of and brand.first and brand.last
    since = reference.as_of - dt.timedelta(days=weeks * WEEK)
    if reference.first and since < reference.first:
        return Absence("not observable yet", "weeks", reference.label, reference.weeks, weeks)
    years = [since.year] if brand == reference else range(brand.last.year, brand.first.year - 1, -1)
    for year in years:
        start = in_year(since, year)
        end = start + dt.timedelta(days=weeks * WEEK - 1)
        if start >= brand.first and end <= brand.last:
            return Window(start, end)
    return Absence("not comparable", "season", brand.label, day=since)


def _within(brand: Brand, start: dt.date, after: dt.date) -> Window | Absence:
    assert brand.first and brand.last
    since, until = max(start, brand.first), min(after - DAY, brand.last)
    if since > until:
        return Absence("no data", "period", brand.label)
    return Window(since, until, is_partial=(since, until) != (start, after - DAY))


def _before(of: Window, view: View) -> Window:
    if named := calendar_period(view.period):
        if view.compare == "last_year":
            start, after = (day.replace(year=day.year - 1) for day in named)
        else:
            after = named[0]
            start = _period_ending(after, view.period)
        return Window(start, after - DAY)
    if view.clock == "season" and view.compare == "last_year":
        since = in_year(of.since, of.since.year - 1)
        return Window(since, since + dt.timedelta(days=of.days - 1))
    back = dt.timedelta(days=YEAR if view.compare == "last_year" else of.days)
    return Window(of.since - back, of.until - back)


def _period_ending(after: dt.date, period: str) -> dt.date:
    """The first day of the month, quarter or year that ends where another of its kind begins."""
    months = 3 if "q" in period else 1 if "-" in period else 12
    back = after.year * 12 + after.month - 1 - months
    return dt.date(back // 12, back % 12 + 1, 1)


def in_year(day: dt.date, year: int) -> dt.date:
    """The same day of another year; 28 for 29 February.

    >>> in_year(dt.date(2024, 2, 29), 2023)
    datetime.date(2023, 2, 28)
    """
    try:
        return day.replace(year=year)
    except ValueError:
        return dt.date(year, 2, 28)


def are_the_same(windows: Iterable[Window]) -> bool:
    """Whether all are of the same days, so that their figures may be added up.

    >>> are_the_same([]), are_the_same([Window(dt.date(2026, 1, 1), dt.date(2026, 1, 7))])
    (False, True)
    """
    return len({(each.since, each.until) for each in windows}) == 1
