"""What a manifest says beyond rows: the quality verdict of the source, the models behind scores, and where
bands begin and end.
"""

from __future__ import annotations

from typing import Any

import duckdb

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import rows
from mergehouse.release.manifest.duckdb_statistics import relation
from mergehouse.release.manifest.manifest import Band, FailedCheck, Quality, ReleasedTable, ScoringModel
from mergehouse.release.manifest.statistics import exact_text

RESULTS = "monitor.quality_results"
SCORED = ("source_system", "as_of_date")
MODEL = ("method", "model_name", "model_version", "feature_version")
# a band and the figure that it is read from
BANDS = {"risk_band": "churn_probability_90d", "clv_tier": "clv_12m_eur"}


def quality(lakehouse: Lakehouse) -> Quality:
    """The last outcome of every check that runs recorded."""
    if not lakehouse.exists(RESULTS):
        return Quality(verdict="unknown", run_id=None, checked_ts=None, checks=0, failed=[])
    last = (
        f"SELECT * FROM {RESULTS} QUALIFY row_number() OVER (PARTITION BY table_name, check_name ORDER BY"
        " started DESC) = 1 ORDER BY started DESC, table_name, check_name"
    )
    checks = rows(lakehouse.reading(RESULTS), last)
    failed = [
        FailedCheck(
            table=c["table_name"], check=c["check_name"], severity=c["severity"], failures=c["failures"]
        )
        for c in checks
        if not c["passed"]
    ]
    first = checks[0] if checks else {"run_id": None, "started": None}
    return Quality(
        verdict="failed" if any(c.severity == "error" for c in failed) else "passed" if checks else "unknown",
        run_id=first["run_id"],
        checked_ts=first["started"],
        checks=len(checks),
        failed=failed,
    )


def scoring_models(connection: duckdb.DuckDBPyConnection, tables: list[ReleasedTable]) -> list[ScoringModel]:
    """Which edition of which model wrote how many rows, of every table that says so."""
    found = []
    for table in _with(tables, *SCORED, *MODEL):
        columns = ", ".join((*SCORED, *MODEL))
        sql = f"SELECT {columns}, count(*) AS rows FROM {relation(table.name)} GROUP BY ALL ORDER BY ALL"
        for row in rows(connection, sql):
            found.append(ScoringModel.model_validate({"table": table.name, **_written(row)}))
    return found


def bands(connection: duckdb.DuckDBPyConnection, tables: list[ReleasedTable]) -> list[Band]:
    """From where to where each band reaches, lowest first."""
    found = []
    for band, of in BANDS.items():
        for table in _with(tables, *SCORED, band, of):
            sql = (
                f"SELECT {', '.join(SCORED)}, {band} AS band, min({of}) AS low, max({of}) AS high, count(*)"
                f" AS rows FROM {relation(table.name)} WHERE {band} IS NOT NULL AND {of} IS NOT NULL GROUP BY"
                f" ALL ORDER BY {', '.join(SCORED)}, low"
            )
            for row in rows(connection, sql):
                found.append(Band.model_validate({"table": table.name, "of": of, **_written(row)}))
    return found


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """As a manifest has it: everything but the number of rows as text."""
    return {name: value if name == "rows" else exact_text(value) for name, value in row.items()}


def _with(tables: list[ReleasedTable], *columns: str) -> list[ReleasedTable]:
    return [table for table in tables if {c.name for c in table.columns}.issuperset(columns)]
