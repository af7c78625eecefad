"""What is true about the generated exports, summed up in whole cents while they are written."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from mergehouse.project.ecb_rates import carried_file

SALE, RETURN, NON_MERCHANDISE, ADJUSTMENT = range(4)
LINE_TYPES = ("sale", "return", "non_merchandise", "adjustment")
ACTIVE_DAYS = 90
GUEST = -1
RATE_SCALE = 10**8
MONEY = ("gmv", "returns", "margin", "guest_gmv")


@dataclass
class Lines:
    """A chunk of true order lines, one array element each. Money is in cents; `order` counts from 0 within
    the chunk.
    """

    order: np.ndarray
    customer: np.ndarray
    day: np.ndarray
    line_type: np.ndarray
    units: np.ndarray
    amount_eur: np.ndarray
    cost_eur: np.ndarray

    def where(self, mask: np.ndarray) -> Lines:
        return Lines(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))


@dataclass
class BrandTruth:
    """Running totals of one brand. Customers are 0 ... n-1; their number in the export is `first_customer` +
    index. `left` of them never come back.
    """

    brand: str
    first_customer: int
    orders_of_customer: np.ndarray
    last_sale_day: np.ndarray
    left: int
    totals: Counter = field(default_factory=Counter)
    lines_by_type: Counter = field(default_factory=Counter)
    duplicates: int = 0
    rejected: Counter = field(default_factory=Counter)
    quarantine: Counter = field(default_factory=Counter)
    last_day: int = -1

    @classmethod
    def of(cls, brand: str, first_customer: int, customers: int, left: int) -> BrandTruth:
        return cls(
            brand, first_customer, np.zeros(customers, np.int32), np.full(customers, -1, np.int32), left
        )

    def add(self, lines: Lines) -> None:
        """Adds a chunk. Orders must not continue in the next one."""
        for number, name in enumerate(LINE_TYPES):
            self.lines_by_type[name] += int((lines.line_type == number).sum())
        sales, returns = (lines.where(lines.line_type == kind) for kind in (SALE, RETURN))
        self.totals["gmv"] += int(sales.amount_eur.sum())
        self.totals["returns"] -= int(returns.amount_eur.sum())
        self.totals["units"] += int(sales.units.sum())
        self.totals["margin"] += sum(
            int((part.amount_eur - part.cost_eur).sum()) for part in (sales, returns)
        )
        self.totals["guest_gmv"] += int(sales.amount_eur[sales.customer == GUEST].sum())
        _, first = np.unique(sales.order, return_index=True)
        self.totals["orders"] += len(first)
        buyers = sales.customer[first]
        known = buyers != GUEST
        np.add.at(self.orders_of_customer, buyers[known], 1)
        np.maximum.at(self.last_sale_day, buyers[known], sales.day[first][known])
        self.last_day = max(self.last_day, int(sales.day.max(initial=-1)))

    @property
    def buyers(self) -> np.ndarray:
        return self.orders_of_customer > 0

    @property
    def active(self) -> np.ndarray:
        as_of = self.last_day + 1
        return self.buyers & (as_of - self.last_sale_day <= ACTIVE_DAYS)

    @property
    def repeat(self) -> np.ndarray:
        return self.orders_of_customer >= 2

    def kpis(self) -> dict[str, Any]:
        counts = {name: int(getattr(self, name).sum()) for name in ("buyers", "active", "repeat")}
        return _kpis(self.totals, counts["buyers"], counts["active"], counts["repeat"])

    def as_dict(self) -> dict[str, Any]:
        return {
            "kpis": self.kpis(),
            "customers_left": self.left,
            "order_lines": dict(self.lines_by_type),
            "duplicates": self.duplicates,
            "quarantine": dict(self.quarantine),
            "rejected": dict(self.rejected),
        }


def group_kpis(a: BrandTruth, b: BrandTruth, pairs: np.ndarray) -> dict[str, Any]:
    """The group's KPIs: sums, and customers of both brands counted once. `pairs` are (index in b, index in
    a).
    """

    def together(name: str) -> int:
        of_a, of_b = getattr(a, name), getattr(b, name)
        return int(of_a.sum() + of_b.sum() - (of_b[pairs[:, 0]] & of_a[pairs[:, 1]]).sum())

    return _kpis(a.totals + b.totals, together("buyers"), together("active"), together("repeat"))


def _kpis(totals: Counter, customers: int, active: int, repeat: int) -> dict[str, Any]:
    money = {name: str(Decimal(totals[name]) / 100) for name in MONEY}
    return {
        **money,
        "net_revenue": str(Decimal(totals["gmv"] - totals["returns"]) / 100),
        "orders": totals["orders"],
        "units": totals["units"],
        "customers": customers,
        "active_customers": active,
        "repeat_customers": repeat,
    }


def euro_rates(currency: str, start: dt.date, days: int) -> np.ndarray:
    """Euros for one unit of `currency`, in 1e-8 euro, for `days` days from `start`. Shape (days,), int64.

    The ECB publishes units for one euro on business days; other days take the last one published before.

    >>> euro_rates("USD", dt.date(1999, 1, 4), days=1)  # 1 / 1.1789
    array([84824837])
    """
    published = _published(currency)
    rates = np.empty(days, np.int64)
    for n in range(days):
        day = start + dt.timedelta(days=n)
        while day not in published:
            day -= dt.timedelta(days=1)
        units = int(published[day] * RATE_SCALE)
        rates[n] = (2 * RATE_SCALE**2 + units) // (2 * units)
    return rates


def half_up(numerator: np.ndarray, denominator: int) -> np.ndarray:
    """numerator / denominator as whole numbers, halves away from zero. int64 in, int64 out.

    >>> half_up(np.array([5, -5, 4]), 10)
    array([ 1, -1,  0])
    """
    return np.sign(numerator) * ((2 * np.abs(numerator) + denominator) // (2 * denominator))


def _published(currency: str) -> dict[dt.date, Decimal]:
    with zipfile.ZipFile(carried_file()) as archive:
        text = archive.read(archive.namelist()[0]).decode("utf-8")
    reader = csv.DictReader(io.StringIO(text))
    return {
        dt.date.fromisoformat(row["Date"]): Decimal(row[currency])
        for row in reader
        if row.get(currency) not in (None, "", "N/A")
    }
