"""Customers of several brands: how many, in which order, of what segment and country, whose spend moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from mergehouse.access.gateway import Reader, Row
from mergehouse.access.small_cells import LEAST
from mergehouse.app.view import Brand, Choices, View
from mergehouse.kpi.formula import GROUP

LONG, APART = dt.timedelta(days=730), dt.timedelta(days=182)
TOP = 8  # countries that are shown; the others are one line
NOT_TOLD = {"not_comparable", "unknown"}


@dataclass(frozen=True)
class Part:
    """Shared customers with one thing in common. `names`: brands in order, where spend moved from and to, a
    segment, a country; none: told together, each of fewer than five. `others`: countries that are in it.
    """

    names: tuple[str, ...]
    customers: int
    net_revenue: Decimal
    first_brand: Decimal
    clv_12m: Decimal
    moved: Decimal
    others: int = 0


@dataclass(frozen=True)
class Overlap:
    """Customers of more than one brand. `share`: of all that are known; None where it is not told.
    `has_times_to_compare`: whether two brands' data are of one time, so that spend could be seen to move.
    """

    share: Decimal | None
    orders: tuple[Part, ...]
    movements: tuple[Part, ...]
    segments: tuple[Part, ...]
    countries: tuple[Part, ...]
    has_times_to_compare: bool

    @property
    def whole(self) -> Part:
        """All of them."""
        return _sum(self.orders)

    @property
    def tells_movement(self) -> bool:
        """Whether spend can have been seen to move."""
        return any(not NOT_TOLD.intersection(part.names) for part in self.movements)


def overlap(reader: Reader, view: View, offered: Choices) -> Overlap | None:
    """Of a view's place, as of each brand's own date; None where a brand is chosen, or for a scope that has
    one or may not see all together.
    """
    if not reader.scope.group or view.brand or len(offered.with_sales) < 2:
        return None
    orders, movements, segments, countries = (
        tuple(_part(row, between) for row in reader.rows("overlap", by=by, **view.places))
        for by, between in (("brands", ", "), ("movement", " > "), ("segment", None), ("country", None))
    )
    shared, known = sum(part.customers for part in orders), _known(reader, view)
    is_told = reader.scope.persons or known is not None and known - shared >= LEAST
    share = Decimal(shared) / known if known and is_told else None
    return Overlap(share, orders, movements, segments, _largest(countries), _of_one_time(offered.with_sales))


def _of_one_time(brands: Sequence[Brand]) -> bool:
    """Whether the data of two of them are as gold.cross_brand_customers takes them to be comparable."""
    ends = sorted(
        brand.as_of for brand in brands if brand.as_of and brand.first and brand.as_of - brand.first >= LONG
    )
    return any(after - before <= APART for before, after in pairwise(ends))


def _known(reader: Reader, view: View) -> int | None:
    """All customers, those who never bought included; None where small groups of them are not told."""
    if any(view.places.values()) and not reader.scope.persons:
        return None
    buyers = reader.rows("segments", by="all", brand=GROUP, segment=None, **view.places)
    prospects = reader.rows("prospects", brand=GROUP, **view.places)
    if prospects[0]["customers"] is None and not reader.scope.persons:
        return None
    return sum(row["customers"] or 0 for row in (*buyers, *prospects))


def _part(row: Row, between: str | None) -> Part:
    name = row["part"]
    names = () if name is None else tuple(name.split(between)) if between else (name,)
    return Part(names, *(row[key] for key in ("customers", "net_revenue", "first_brand", "clv_12m", "moved")))


def _largest(parts: Sequence[Part]) -> tuple[Part, ...]:
    named = [part for part in parts if part.names]
    rest = named[TOP:] if len(named) > TOP + 1 else []
    joined = [part for part in parts if not part.names]
    return (*named[: len(named) - len(rest)], *([_sum(rest)] if rest else []), *joined)


def _sum(parts: Sequence[Part]) -> Part:
    zero = Decimal(0)
    return Part(
        (),
        sum(part.customers for part in parts),
        sum((part.net_revenue for part in parts), zero),
        sum((part.first_brand for part in parts), zero),
        sum((part.clv_12m for part in parts), zero),
        sum((part.moved for part in parts), zero),
        len(parts),
    )
