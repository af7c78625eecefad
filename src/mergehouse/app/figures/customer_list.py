"""Customers one by one: the list, and one of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mergehouse.access.gateway import Reader, Row
from mergehouse.app.figures.whose import GROUP, whose
from mergehouse.app.view import View

SIZE, MOST = 50, 10_000  # a page; what is paged through and downloaded
SORTS = ("revenue", "orders", "days", "churn", "value")
RECENCIES = ("0-30", "31-90", "91-180", "181-365", "366-")  # days since the last purchase
NO_SCORE = "none"
MOST_ORDERS = 200


@dataclass(frozen=True)
class Asked:
    """What a list is of, beside the filters of all pages; None: all."""

    segment: str | None = None
    risk: str | None = None
    tier: str | None = None
    recency: str | None = None
    search: str | None = None
    sort: str = "revenue"
    descending: bool = True
    page: int = 1

    @property
    def days(self) -> dict[str, int | None]:
        """From so many days on, and below so many."""
        if self.recency is None:
            return {"days_from": None, "days_below": None}
        first, last = self.recency.split("-")
        return {"days_from": int(first), "days_below": int(last) + 1 if last else None}


@dataclass(frozen=True)
class CustomerList:
    """A page of a list. `together`: one line for a customer of all brands; else one for each brand."""

    rows: tuple[Row, ...]
    found: int
    net_revenue: Decimal
    clv_12m: Decimal | None
    together: bool


def customer_list(reader: Reader, view: View, asked: Asked, size: int = SIZE) -> CustomerList:
    """The rows of one page, and how many there are in all. Only for scopes that may see persons."""
    given = _given(reader, view, asked)
    count = reader.rows("customer_count", **given)[0]
    rows = reader.rows(
        "customer_list",
        **given,
        order=f"{asked.sort}_{'desc' if asked.descending else 'asc'}",
        size=size,
        after=(asked.page - 1) * size,
    )
    return CustomerList(
        rows=tuple(rows),
        found=count["customers"],
        net_revenue=count["net_revenue"] or Decimal(0),
        clv_12m=count["clv_12m"],
        together=given["whole"] == "all",
    )


def _given(reader: Reader, view: View, asked: Asked) -> dict[str, Any]:
    of = whose(reader, view.brand)
    return {
        "whole": "all" if of == GROUP else "brand",
        "brand": None if of == GROUP else of,
        **view.places,
        "segment": asked.segment,
        "risk": asked.risk,
        "tier": asked.tier,
        "search": asked.search,
        **asked.days,
    }


@dataclass(frozen=True)
class Customer:
    """One customer. `whole`: at all brands together, or at the only one; `brands`: at each brand of the
    scope.
    """

    key: str
    whole: Row
    brands: tuple[Row, ...]
    numbers: tuple[tuple[str, str], ...]
    orders: tuple[Row, ...]
    has_more_orders: bool

    @property
    def reasons(self) -> tuple[str, ...]:
        """What moves the score, the strongest first."""
        return tuple(
            self.whole[name] for name in ("reason_1", "reason_2", "reason_3") if self.whole.get(name)
        )

    @property
    def by_month(self) -> tuple[tuple[dt.date, dict[str, Decimal]], ...]:
        """The timeline: net revenue of each month from the first order here to the last, by brand; a
        month without an order has none.
        """
        if not self.orders:
            return ()
        months: dict[dt.date, dict[str, Decimal]] = {}
        month, last = (self.orders[place]["order_date"].replace(day=1) for place in (-1, 0))
        while month <= last:
            months[month] = {}
            month = (month + dt.timedelta(days=31)).replace(day=1)
        for order in self.orders:
            sums = months[order["order_date"].replace(day=1)]
            sums[order["source_system"]] = (
                sums.get(order["source_system"], Decimal(0)) + order["net_revenue_eur"]
            )
        return tuple(months.items())


def customer(reader: Reader, key: str) -> Customer | None:
    """One customer by the scope's key; None where the scope has none of that name, whatever others have."""
    brands = reader.rows("customer", customer=key)
    if not brands:
        return None
    together = reader.rows("customer_together", customer=key) if reader.scope.group else []
    orders = reader.rows("customer_orders", customer=key, most=MOST_ORDERS + 1)
    numbers = reader.rows("customer_numbers", customer=key)
    return Customer(
        key=key,
        whole=_whole(together, brands),
        brands=tuple(brands),
        numbers=tuple((row["source_system"], row["source_customer_id"]) for row in numbers),
        orders=tuple(orders[:MOST_ORDERS]),
        has_more_orders=len(orders) > MOST_ORDERS,
    )


def _whole(together: Sequence[Row], brands: Sequence[Row]) -> Row:
    """At several brands of a scope without the group: where the customer was last."""
    if together:
        return together[0]
    return max(brands, key=lambda row: (row["frequency"] > 0, -(row["recency_days"] or 0)))
