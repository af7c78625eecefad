"""The raw exports before cleaning: what was delivered, and what a sum over it would say."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mergehouse.access.gateway import Reader

NOTHING = Decimal(0)


@dataclass(frozen=True)
class File:
    """A delivered file, or a sheet of one."""

    source: str
    name: str
    status: str  # loaded, repeat, replaced
    rows: int
    rejected: int
    size: int
    loaded: dt.datetime


@dataclass(frozen=True)
class RawLines:
    """Order lines as delivered, of one currency: `amount` is billed less returned."""

    currency: str
    lines: int
    negative_lines: int
    without_amount: int
    amount: Decimal
    billed: Decimal
    returned: Decimal


@dataclass(frozen=True)
class Month:
    """The lines of one month as delivered. `is_partial`: the data begin or end within it."""

    start: dt.date
    lines: int
    amounts: dict[str, Decimal]  # by currency
    is_partial: bool


@dataclass(frozen=True)
class BrandRaw:
    """`months` are those of the brand's own time without gaps left out; lines of other months, which are
    errors mostly, are in `lines_elsewhere`, those whose date cannot be read in `lines_undated`.
    """

    name: str
    label: str
    files: tuple[File, ...]
    raw: tuple[RawLines, ...]
    months: tuple[Month, ...]
    lines_elsewhere: int
    lines_undated: int

    @property
    def loaded(self) -> tuple[File, ...]:
        return tuple(file for file in self.files if file.status == "loaded")

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.loaded)

    @property
    def rejected(self) -> int:
        return sum(file.rejected for file in self.loaded)

    @property
    def size(self) -> int:
        return sum(file.size for file in self.loaded)

    @property
    def lines(self) -> int:
        return sum(raw.lines for raw in self.raw)

    @property
    def last_delivery(self) -> dt.datetime | None:
        return max((file.loaded for file in self.files), default=None)


def first_look(reader: Reader, brand: str | None) -> tuple[BrandRaw, ...]:
    """The brands of a scope, or one of them. Empty where the scope is told by places: raw lines are of whole
    brands.
    """
    brands = [row for row in reader.rows("brands") if brand in (None, row["source_system"])]
    files, lines, months = (
        _by_brand(rows)
        for rows in (
            reader.rows("deliveries", brand=brand),
            reader.rows("raw_lines", by="brand", brand=brand),
            reader.rows("raw_lines", by="month", brand=brand),
        )
    )
    return tuple(
        _brand(row, files[name], lines[name], months[name])
        for row in brands
        if files[name := row["source_system"]] or lines[name]
    )


def _brand(row: dict[str, Any], files: list, lines: list, months: list) -> BrandRaw:
    since, until = row["first_order_date"], row["last_order_date"]
    dated = [month for month in months if month["part"]]
    own = [m for m in dated if since and since.replace(day=1) <= m["part"] <= until]
    return BrandRaw(
        row["source_system"],
        row["label"],
        tuple(
            File(
                f["source_table"],
                f["source_file"],
                f["status"],
                f["rows"],
                f["rejected_rows"],
                f["size_bytes"],
                f["ingest_ts"],
            )
            for f in files
        ),
        tuple(
            RawLines(
                one["currency"],
                one["lines"],
                one["negative_lines"],
                one["lines_without_amount"],
                one["amount"] or NOTHING,
                one["billed"],
                one["returned"],
            )
            for one in lines
        ),
        _months(own, since, until),
        sum(m["lines"] for m in dated) - sum(m["lines"] for m in own),
        sum(m["lines"] for m in months if not m["part"]),
    )


def _months(rows: list[dict[str, Any]], since: dt.date | None, until: dt.date | None) -> tuple[Month, ...]:
    """Every month of a brand's time: one without lines has none, it is not left out."""
    if not rows or since is None or until is None:
        return ()
    found: dict[dt.date, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["part"]].append(row)
    months, start = [], since.replace(day=1)
    while start <= until:
        after = (start + dt.timedelta(days=31)).replace(day=1)
        of_month = found[start]
        amounts = {row["currency"]: row["amount"] or NOTHING for row in of_month}
        is_partial = since > start or until < after - dt.timedelta(days=1)
        months.append(Month(start, sum(row["lines"] for row in of_month), amounts, is_partial))
        start = after
    return tuple(months)


def _by_brand(rows: list[dict[str, Any]]) -> defaultdict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["source_system"]].append(row)
    return found
