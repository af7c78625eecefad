"""Whether the figures can be trusted: how fresh they are, which checks hold, what the last runs came to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mergehouse.access.gateway import Reader

LAYERS, OTHER = ("bronze", "silver", "gold"), "other"
State = Literal["fresh", "stale", "no limit", "no data"]


@dataclass(frozen=True)
class Freshness:
    """How old a brand's data is. `days_behind` is counted to today, from its last order; `limit` is what the
    brand allows, None where it says nothing.
    """

    brand: str
    label: str
    last_order: dt.date | None
    last_delivery: dt.datetime | None
    days_behind: int | None
    limit: int | None

    @property
    def state(self) -> State:
        if self.days_behind is None:
            return "no data"
        if self.limit is None:
            return "no limit"
        return "stale" if self.days_behind > self.limit else "fresh"


@dataclass(frozen=True)
class Finding:
    """A check that does not hold. An `error` keeps its table from being published, a `warn` is told alone."""

    table: str
    check: str
    severity: Literal["error", "warn"]
    failures: int
    why: str


@dataclass(frozen=True)
class Checked:
    """The checks of one table."""

    table: str
    checks: int
    held: int
    errors: int
    warnings: int
    checked: dt.datetime

    @property
    def name(self) -> str:
        """Without its layer."""
        layer, _, name = self.table.partition(".")
        return name if layer in LAYERS else self.table


@dataclass(frozen=True)
class Run:
    id: str
    started: dt.datetime
    seconds: float
    ok: bool
    deliveries: int
    built: int
    failed: int
    findings: int


@dataclass(frozen=True)
class Quality:
    """`tables` is empty where the scope is of some brands or places: checks are of whole tables."""

    freshness: tuple[Freshness, ...]
    findings: tuple[Finding, ...]
    tables: tuple[Checked, ...]
    published: dt.datetime

    @property
    def checks(self) -> int:
        return sum(table.checks for table in self.tables)

    @property
    def held(self) -> int:
        return sum(table.held for table in self.tables)

    @property
    def layers(self) -> dict[str, tuple[Checked, ...]]:
        """Tables by layer, in the order of the data's way; what is no table under `other`."""
        layer = {t: t.table.partition(".")[0] if t.name != t.table else OTHER for t in self.tables}
        found = {name: tuple(t for t in self.tables if layer[t] == name) for name in (*LAYERS, OTHER)}
        return {name: tables for name, tables in found.items() if tables}

    @property
    def stale(self) -> tuple[Freshness, ...]:
        return tuple(one for one in self.freshness if one.state == "stale")


def quality(reader: Reader, brand: str | None, today: dt.date, limits: Mapping[str, int | None]) -> Quality:
    """Freshness of the scope's brands, or of one; and the checks that hold now, if the scope is of
    everything.
    """
    brands = [row for row in reader.rows("brands") if brand in (None, row["source_system"])]
    known = {row["source_system"]: row for row in reader.rows("freshness", brand=brand)}
    findings = [
        Finding(row["table_name"], row["check_name"], row["severity"], row["failures"], row["why"])
        for row in reader.rows("checks", of="findings")
    ]
    tables = [
        Checked(r["table_name"], r["checks"], r["held"], r["errors"], r["warnings"], r["checked"])
        for r in reader.rows("checks_by_table")
    ]
    return Quality(
        tuple(
            _freshness(row, known.get(row["source_system"], {}), today, limits.get(row["source_system"]))
            for row in brands
        ),
        tuple(findings),
        tuple(tables),
        reader.published,
    )


def last_runs(reader: Reader) -> tuple[Run, ...]:
    """The newest first. For administrators: they tell of all brands."""
    return tuple(
        Run(
            r["run_id"], r["started"], r["seconds"], r["ok"], r["new_batches"], r["tables_built"],
            r["tables_failed"], r["findings"],
        )
        for r in reader.rows("runs")
    )  # fmt: skip


def _freshness(brand: dict[str, Any], known: dict[str, Any], today: dt.date, limit: int | None) -> Freshness:
    last = known.get("last_order_date") or brand["last_order_date"]
    return Freshness(
        brand["source_system"],
        brand["label"],
        last,
        known.get("last_delivery_ts"),
        max((today - last).days, 0) if last else None,
        limit,
    )
