"""How old each brand's data is: told by every run, and a finding where the brand says what is too old."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from mergehouse.ingest.bronze import Batch
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import rows
from mergehouse.project.config import Project
from mergehouse.quality.checks import CheckResult

BRANDS = "gold.dim_brand"


def freshness(
    lakehouse: Lakehouse, project: Project, batches: Iterable[Batch], today: dt.date
) -> tuple[list[dict[str, Any]], list[CheckResult]]:
    """(a record per brand, a check per brand with `fresh_within_days`). `batches` are the deliveries.

    A record holds source_system, last_order_date, last_delivery_ts and days_behind: whole days from the last
    order to `today`.

    >>> records, _ = freshness(mh.open("shop"), mh.project("shop"), [], dt.date(2026, 3, 31))
    >>> [(record["source_system"], record["days_behind"]) for record in records]
    [('shop', 26)]
    """
    if not lakehouse.exists(BRANDS):
        return [], []
    delivered: dict[str, dt.datetime] = {}
    for batch in batches:
        last = delivered.get(batch.source_system, batch.ingest_ts)
        delivered[batch.source_system] = max(last, batch.ingest_ts)
    days = rows(
        lakehouse.reading(BRANDS),
        f"SELECT source_system, last_order_date FROM {BRANDS} ORDER BY source_system",
    )
    records = [
        day
        | {
            "last_delivery_ts": delivered.get(day["source_system"]),
            "days_behind": day["last_order_date"] and (today - day["last_order_date"]).days,
        }
        for day in days
    ]
    checks = []
    for record in records:
        brand = project.brands.get(record["source_system"])
        if brand and brand.fresh_within_days is not None and record["days_behind"] is not None:
            late = max(0, record["days_behind"] - brand.fresh_within_days)
            why = (
                f"{brand.label}'s last order is of {record['last_order_date']}; it must be no older than"
                f" {brand.fresh_within_days} days."
            )
            checks.append(CheckResult(f"{brand.name}.freshness", "fresh_enough", "warn", late, why, [record]))
    return records, checks
