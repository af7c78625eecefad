"""What was delivered and is in no figure, by brand and reason: counted and summed up by every run."""

from __future__ import annotations

from typing import Any

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import rows

# where it is kept: the columns that say why and how much
KEPT_IN = {
    "silver.quarantine": ("reason_code", "sum(amount_original)", "currency"),
    "silver.duplicates": ("kind", "sum(amount_original)", "currency"),
    "bronze.rejected": ("reason_code", "CAST(NULL AS DECIMAL(38, 4))", "CAST(NULL AS VARCHAR)"),
}


def left_out(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    """A row per brand, table, reason and currency: source_system, kept_in (the table), reason, rows, amount
    (of the order lines, in `currency`; None of rows that could not be split).

    >>> left_out(mh.open("shop"))
    []
    """
    there = [name for name in KEPT_IN if lakehouse.exists(name)]
    if not there:
        return []
    parts = [
        f"SELECT source_system, '{name}' AS kept_in, {reason} AS reason, count(*) AS rows,"
        f" {amount} AS amount, {currency} AS currency FROM {name} GROUP BY ALL"
        for name, (reason, amount, currency) in KEPT_IN.items()
        if name in there
    ]
    return rows(
        lakehouse.reading(*there),
        f"{' UNION ALL '.join(parts)} ORDER BY source_system, kept_in DESC, rows DESC, reason, currency",
    )
