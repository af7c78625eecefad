"""How old each brand's data is: recorded on every run, and a finding where the brand says what is too old."""

from __future__ import annotations

import datetime as dt
from typing import Any

from mergehouse.engine import Engine
from mergehouse.project.config import Project
from mergehouse.quality.checks import CheckResult

READS = frozenset({"gold.dim_brand", "bronze.batches"})


def freshness(
    engine: Engine, project: Project, today: dt.date
) -> tuple[list[dict[str, Any]], list[CheckResult]]:
    """(a record per brand, a check per brand with `fresh_within_days`). Reads gold.dim_brand and
    bronze.batches.

    A record holds source_system, last_order_date, last_delivery_ts and days_behind: whole days from the last
    order to `today`.
    """
    records = engine.rows(
        f"SELECT b.source_system, b.last_order_date, d.last_delivery_ts, DATEDIFF(DATE'{today}',"
        " b.last_order_date) AS days_behind FROM gold.dim_brand AS b LEFT JOIN (SELECT source_system,"
        " MAX(ingest_ts) AS last_delivery_ts FROM bronze.batches GROUP BY source_system) AS d ON"
        " d.source_system = b.source_system ORDER BY b.source_system"
    )
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
