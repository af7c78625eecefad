"""The Customers page: who they are by segment, risk and value, who comes back, and who is shared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mergehouse.access.gateway import Reader, Row
from mergehouse.app.figures.overlap import Overlap, overlap
from mergehouse.app.figures.whose import source, whose
from mergehouse.app.view import Brand, Choices, View

RISKS = ("high", "medium", "low")
TIERS = ("top", "high", "medium", "low")
PROSPECTS = "Prospects"
COHORTS, MONTHS = 24, 12  # the newest ones, and so many months on
MOST_TRIANGLES = 3  # with more brands one is chosen


@dataclass(frozen=True)
class Segment:
    """One segment; without a name those that are told together, each of fewer than five customers.
    `churned` is None for who may not see persons: of most segments fewer than five have, or have not.
    """

    name: str | None
    customers: int
    net_revenue: Decimal
    clv_12m: Decimal
    churned: int | None
    orders: int
    share: Decimal | None
    revenue_share: Decimal | None

    @property
    def each(self) -> Decimal | None:
        """Net revenue of a customer, on average."""
        return self.net_revenue / self.customers if self.customers else None

    @property
    def churned_share(self) -> Decimal | None:
        """Of its customers, those who are silent for longer than their brand's limit."""
        return None if self.churned is None or not self.customers else Decimal(self.churned) / self.customers


@dataclass(frozen=True)
class Cell:
    """Customers of one band of risk and one tier of value; None where it is not told."""

    risk: str
    tier: str
    customers: int | None
    net_revenue: Decimal | None
    clv_12m: Decimal | None


@dataclass(frozen=True)
class Cohort:
    """Customers whose first purchase was in one month. `kept`: the share that bought so many months
    later, None where it is not told or not there yet; `open_from`: the first of these months that has
    not ended.
    """

    month: dt.date
    customers: int
    kept: tuple[Decimal | None, ...]
    open_from: int


@dataclass(frozen=True)
class Triangle:
    """The cohorts of a brand, the oldest first. `left_out`: older ones that are not shown."""

    brand: Brand
    cohorts: tuple[Cohort, ...]
    left_out: int
    months: int


@dataclass(frozen=True)
class Overview:
    """All that the page shows. `kpis`: customer KPIs of the catalogue, None where they are of fewer than
    five. `buyers`: all segments together; `prospects` have not bought. `is_of_each`:
    the customers of each brand, added up: one of two brands is two. `scored`: customers with scores.
    """

    is_of_each: bool
    kpis: Row | None
    segments: tuple[Segment, ...]
    buyers: Segment
    prospects: int
    prospects_revenue: Decimal
    matrix: tuple[tuple[Cell, ...], ...]
    scored: int
    triangles: tuple[Triangle, ...]
    overlap: Overlap | None
    unobserved: tuple[Brand, ...]

    @property
    def best(self) -> Segment | None:
        """The segment that brought most for its size."""
        named = [
            each for each in self.segments if each.name not in (None, PROSPECTS) and each.net_revenue > 0
        ]
        return max(named, key=lambda each: each.each or 0, default=None)

    @property
    def endangered(self) -> Segment | None:
        """Valuable customers who stay away."""
        names = ("At risk", "Cannot lose")
        found = [each for each in self.segments if each.name in names]
        return _sum(found, self.buyers) if found else None


def segment_names(reader: Reader) -> tuple[str, ...]:
    """Of those who have bought, by the project's mapping."""
    return tuple(sorted({row["segment"] for row in reader.rows("rfm_segments")}))


def overview(reader: Reader, view: View, offered: Choices) -> Overview:
    """What a scope sees of its customers, each brand as of its own date."""
    asked = source(reader, view)
    rows = reader.rows("segments", by="segment", segment=None, **asked)
    buyers = _segment("", rows, None)
    prospects = reader.rows("prospects", **asked)[0]
    scored, matrix = _matrix(reader.rows("risk", by="risk_and_tier", **asked))
    brands = [brand for brand in offered.brands if view.brand in (None, brand.name) and brand.days]
    return Overview(
        is_of_each=asked["brand"] is None,
        kpis=_kpis(reader, view, offered),
        segments=tuple(sorted((_segment(row["part"], [row], buyers) for row in rows), key=_order)),
        buyers=buyers,
        prospects=prospects["customers"] or 0,
        prospects_revenue=prospects["net_revenue"] or Decimal(0),
        matrix=matrix,
        scored=scored,
        triangles=tuple(_triangle(reader, brand) for brand in brands)
        if len(brands) <= MOST_TRIANGLES
        else (),
        overlap=overlap(reader, view, offered),
        unobserved=tuple(b for b in brands if b.churn_after_days is not None and not b.is_churn_observable),
    )


def _kpis(reader: Reader, view: View, offered: Choices) -> Row | None:
    """Of a country they are within its region's."""
    of = whose(reader, view.brand)
    if of is None:
        return None
    region = offered.region_of(view.country) or view.region
    return reader.one("customer_kpis", brand=of, region=region, country=view.country)


def _segment(name: str | None, rows: Sequence[Row], buyers: Segment | None) -> Segment:
    total = {
        key: sum(row[key] or 0 for row in rows) for key in ("customers", "net_revenue", "clv_12m", "orders")
    }
    churned = [row["churned"] for row in rows]
    return Segment(
        name=name,
        customers=int(total["customers"]),
        net_revenue=Decimal(total["net_revenue"]),
        clv_12m=Decimal(total["clv_12m"]),
        churned=None if None in churned else sum(churned),
        orders=int(total["orders"]),
        share=_share(total["customers"], buyers.customers) if buyers else None,
        revenue_share=_share(total["net_revenue"], buyers.net_revenue) if buyers else None,
    )


def _sum(segments: Sequence[Segment], buyers: Segment) -> Segment:
    keys = ("customers", "net_revenue", "clv_12m", "churned", "orders")
    return _segment("", [{key: getattr(each, key) for key in keys} for each in segments], buyers)


def _share(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return Decimal(part) / Decimal(whole) if whole > 0 else None


def _order(segment: Segment) -> tuple[int, Decimal]:
    """The most valuable first; those told together last."""
    return int(segment.name is None), -segment.net_revenue


def _matrix(rows: Sequence[Row]) -> tuple[int, tuple[tuple[Cell, ...], ...]]:
    """How many have scores, and how many of each kind."""
    known = {(row["risk_band"], row["clv_tier"]): row for row in rows if row["part"]}
    cells = tuple(
        tuple(
            Cell(
                risk,
                tier,
                *(known.get((risk, tier), {}).get(key) for key in ("customers", "net_revenue", "clv_12m")),
            )
            for tier in TIERS
        )
        for risk in RISKS
    )
    return sum(row["customers"] for row in rows), cells


def _triangle(reader: Reader, brand: Brand) -> Triangle:
    by_month: dict[dt.date, dict[int, Row]] = {}
    for row in reader.rows("cohorts", brand=brand.name):
        by_month.setdefault(row["cohort_month"], {})[row["month_no"]] = row
    started = {month: rows for month, rows in by_month.items() if 0 in rows}
    shown = sorted(started)[-COHORTS:]
    reach = {month: _months(month, brand.last) for month in shown if brand.last}
    months = min(max(reach.values(), default=0), MONTHS)
    cohorts = tuple(
        _cohort(month, started[month], reach[month], brand, reader.scope.persons) for month in shown
    )
    return Triangle(brand, cohorts, len(started) - len(shown), months)


def _cohort(month: dt.date, rows: dict[int, Row], reach: int, brand: Brand, sees_all: bool) -> Cohort:
    size = rows[0]["customers"]
    nobody = Decimal(0) if sees_all else None  # fewer than five are not told, nor that it is nobody
    kept = tuple(
        _share(rows[no]["customers"], size) if no in rows else nobody
        for no in range(1, min(reach, MONTHS) + 1)
    )
    ended = (
        brand.as_of is not None and brand.as_of.day == 1
    )  # the last month, when it has been delivered to its end
    return Cohort(month, size, kept, reach + 1 if ended else reach)


def _months(since: dt.date, until: dt.date) -> int:
    return 12 * (until.year - since.year) + until.month - since.month
