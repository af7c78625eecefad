"""The filters that all pages share, as an address has them: each is one of what the visitor's scope has."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from mergehouse.access.gateway import Reader, Row
from mergehouse.errors import AccessError
from mergehouse.kpi.formula import GROUP

Clock = Literal["own", "season", "calendar"]
Comparison = Literal["last_year", "previous", "off"]
ALL = "all"  # no filter; no brand may be called so
DEFAULT_PERIOD = "weeks"
LONGEST, COMMON = 52, 8  # whole weeks: of the default period, and that brands must share for one calendar
RECENT = {"4w": 4, "13w": 13, "52w": 52}  # whole weeks
FILTERS = ("brand", "region", "country", "period", "clock", "compare")
DAY, WEEK = dt.timedelta(days=1), 7


class UnknownFilter(AccessError):
    """An address has a filter that is not one of the visitor's. Its value is not told: it may be anything."""


@dataclass(frozen=True)
class Brand:
    """A brand and its own clock: the days from its first sale to the day before its as-of date."""

    name: str
    label: str
    currency: str | None
    first: dt.date | None
    as_of: dt.date | None
    churn_after_days: int | None
    last_sale: dt.date | None = None
    last_order: dt.datetime | None = None  # by the brand's own clocks

    @property
    def last(self) -> dt.date | None:
        """The last day that counts: sales after it are of no full week."""
        return self.as_of - DAY if self.as_of else None

    @property
    def days(self) -> int:
        """From first to last; 0 of a brand without sales."""
        return max((self.as_of - self.first).days, 0) if self.first and self.as_of else 0

    @property
    def weeks(self) -> int:
        """Whole ones, counted back from the last day."""
        return self.days // WEEK

    @property
    def is_churn_observable(self) -> bool:
        """Whether a customer of its first day can have been silent for long enough."""
        return self.churn_after_days is not None and self.days > self.churn_after_days


@dataclass(frozen=True)
class Choices:
    """What the filters of a scope offer."""

    brands: tuple[Brand, ...]
    places: tuple[tuple[str, str], ...]  # region, country

    def region_of(self, country: str | None) -> str | None:
        """That a country is in; None without one."""
        return next((region for region, of in self.places if of == country), None) if country else None

    def label(self, brand: str) -> str:
        """What a brand is called; `group`: all of them together."""
        known = {each.name: each.label for each in self.brands} | {GROUP: "All brands"}
        return known.get(brand, brand)

    @property
    def regions(self) -> tuple[str, ...]:
        """North before South, the rest last."""
        named = {region for region, _ in self.places}
        return tuple(sorted(named, key=lambda name: (name.startswith("Rest"), name)))

    def countries(self, region: str | None = None) -> tuple[str, ...]:
        """Of a region, or all."""
        return tuple(sorted({country for of, country in self.places if region in (None, of)}))

    @property
    def with_sales(self) -> tuple[Brand, ...]:
        return tuple(brand for brand in self.brands if brand.days)

    @property
    def weeks(self) -> int:
        """Of the default period: the most whole weeks that every brand has, a year at most."""
        return min(LONGEST, min((brand.weeks for brand in self.brands if brand.weeks), default=0))

    @property
    def common_end(self) -> dt.date | None:
        """The first as-of date, up to which all brands have data; None without brands."""
        return min((brand.as_of for brand in self.with_sales if brand.as_of), default=None)

    @property
    def common_weeks(self) -> int:
        """Whole weeks that all brands have data of at once."""
        since = max((brand.first for brand in self.with_sales if brand.first), default=None)
        return max((self.common_end - since).days // WEEK, 0) if since and self.common_end else 0

    @property
    def have_common_weeks(self) -> bool:
        """Whether the brands' data overlap for so long that one calendar serves them all."""
        return len(self.with_sales) > 1 and self.common_weeks >= COMMON

    @property
    def clock(self) -> Clock:
        """The usual one: own, where the brands have no common time."""
        return "calendar" if self.have_common_weeks else "own"

    @property
    def years(self) -> tuple[str, ...]:
        """The newest first; such as `2011`."""
        return _named(self.with_sales, lambda day: f"{day.year}")

    @property
    def quarters(self) -> tuple[str, ...]:
        """Such as `2011-q4`."""
        return _named(self.with_sales, lambda day: f"{day.year}-q{(day.month + 2) // 3}")

    @property
    def months(self) -> tuple[str, ...]:
        """Such as `2011-12`."""
        return _named(self.with_sales, lambda day: f"{day:%Y-%m}")

    @property
    def periods(self) -> tuple[str, ...]:
        return (DEFAULT_PERIOD, ALL, *RECENT, *self.years, *self.quarters, *self.months)


@dataclass(frozen=True)
class View:
    """What is looked at. None: all. `usual_clock` is the one that stands in no address.

    >>> view = View(region="North Europe", period="13w")
    >>> view.query(), view.query(region=None, clock="season")
    ({'region': 'North Europe', 'period': '13w'}, {'period': '13w', 'clock': 'season'})
    """

    brand: str | None = None
    region: str | None = None
    country: str | None = None
    period: str = DEFAULT_PERIOD
    clock: Clock = "own"
    compare: Comparison = "last_year"
    usual_clock: Clock = "own"

    def query(self, **changed: str | None) -> dict[str, str]:
        """The address's parameters in one order, without those that say what holds anyway.

        Links between pages are made of it, so that filters stay.
        """
        usual = View(clock=self.usual_clock)
        wanted = {name: changed.get(name, getattr(self, name)) for name in FILTERS}
        return {name: value for name, value in wanted.items() if value and value != getattr(usual, name)}

    @property
    def places(self) -> dict[str, str | None]:
        """Region and country, as queries take them."""
        return {"region": self.region, "country": self.country}

    @property
    def active(self) -> tuple[str, ...]:
        """The names of filters that are set, for chips."""
        return tuple(self.query())


def choices(reader: Reader) -> Choices:
    """What a scope's filters offer.

    >>> from mergehouse.access.extract import write_extracts
    >>> from mergehouse.access.gateway import Gateway
    >>> from mergehouse.access.policy import load_policy
    >>> project = mh.project("shop")
    >>> policy = load_policy(project)
    >>> _ = write_extracts(project, policy)
    >>> found = choices(Gateway(project, policy).reader(policy.scope(["analyst"])))
    >>> found.regions, found.countries("North Europe"), found.months, found.brands[0].days
    (('North Europe',), ('DE', 'FR'), ('2026-03',), 5)
    """
    brands = tuple(_brand(row) for row in reader.rows("clocks"))
    return Choices(brands, tuple((row["region"], row["country_code"]) for row in reader.rows("regions")))


def read_view(parameters: Iterable[tuple[str, str]], offered: Choices) -> View:
    """The filters among an address's parameters; those of a page itself are left to it.

    Raises UnknownFilter on one that is given twice, or that the scope does not have. `all` takes a filter
    away: forms send it.

    >>> offered = Choices((Brand("shop", "Shop", "EUR", dt.date(2026, 1, 1), dt.date(2026, 3, 1), 90),), ())
    >>> read_view([("brand", "shop"), ("period", "2026-02"), ("sort", "name")], offered).query()
    {'brand': 'shop', 'period': '2026-02'}
    >>> read_view([("brand", "other")], offered)
    Traceback (most recent call last):
    mergehouse.app.view.UnknownFilter: ...
    """
    given = [(name, value) for name, value in parameters if name in FILTERS]
    if any(times > 1 for times in Counter(name for name, _ in given).values()):
        raise UnknownFilter("a filter is given twice.")
    takes: dict[str, tuple[str, ...]] = {
        "brand": tuple(brand.name for brand in offered.brands),
        "region": offered.regions,
        "country": offered.countries(),
        "period": offered.periods,
        "clock": get_args(Clock),
        "compare": get_args(Comparison),
    }
    view = View(clock=offered.clock, usual_clock=offered.clock)
    for name, value in given:
        is_free = value == ALL and name in ("brand", "region", "country")
        if not is_free and value not in takes[name]:
            raise UnknownFilter(f"{name} has a value that is not among those offered.")
        changed: dict[str, Any] = {name: None if is_free else value}
        view = replace(view, **changed)
    return view


def _brand(row: Row) -> Brand:
    stopped = row["last_order_ts"]
    if stopped and row["timezone"]:
        stopped = stopped.replace(tzinfo=dt.UTC).astimezone(zoneinfo.ZoneInfo(row["timezone"]))
    return Brand(
        row["source_system"],
        row["label"],
        row["currency"],
        row["first_day"],
        row["as_of_date"],
        row["churn_after_days"],
        row["last_day"],
        stopped,
    )


def _named(brands: Iterable[Brand], name: Callable[[dt.date], str]) -> tuple[str, ...]:
    """Periods that the brands' data touch, the newest first."""
    return tuple(sorted({name(day) for brand in brands for day in _month_starts(brand)}, reverse=True))


def _month_starts(brand: Brand) -> Iterator[dt.date]:
    assert brand.first and brand.last
    day = brand.first.replace(day=1)
    while day <= brand.last:
        yield day
        day = (day + dt.timedelta(days=31)).replace(day=1)
