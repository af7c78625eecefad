"""What is to be said of some rows, as a finding of a table."""

from __future__ import annotations

import polars as pl

from mergehouse.quality.checks import SAMPLE_ROWS, CheckResult


def finding(table: str, name: str, rows: pl.DataFrame, why: str, counted: str = "") -> CheckResult:
    """A check that holds where there are no rows. `counted` names the column that says how many each is.

    >>> rows = pl.DataFrame({"rule": ["email"], "customers": [12]})
    >>> finding("silver.notes", "keys_are_compared", rows, "Why.", "customers").failures
    12
    """
    failures = int(rows[counted].sum()) if counted else rows.height
    return CheckResult(table, name, "warn", failures, why, rows.head(SAMPLE_ROWS).to_dicts())
