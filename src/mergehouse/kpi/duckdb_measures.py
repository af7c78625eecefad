"""The measures of a table with DuckDB. Each row counts, less those that repeat a value which another has:
`COUNT(DISTINCT ...)` would put all values into a hash table, for every measure and scope anew.
"""

from __future__ import annotations

from typing import Any

import duckdb

from mergehouse.kpi.formula import GROUP, kpi_sql, measure_sql
from mergehouse.lakehouse.reader import rows
from mergehouse.lakehouse.repeats import suspects

Kpi = dict[str, Any]


def measures(connection: duckdb.DuckDBPyConnection, table: str, kpis: list[Kpi]) -> list[dict[str, Any]]:
    """The rows of `kpi_sql`.

    >>> connection = duckdb.connect()
    >>> sold = "CREATE TABLE sold AS FROM (VALUES ('a', 7), ('b', 7), ('b', 8)) AS t(source_system, id)"
    >>> _ = connection.execute(sold)
    >>> buyers = {"name": "buyers", "count_distinct": "id", "where": {}}
    >>> {row["scope"]: row["buyers"] for row in measures(connection, "sold", [buyers])}
    {'a': 1, 'b': 2, 'group': 2}
    """
    found = rows(connection, kpi_sql(table, kpis, _rows_sql))
    for column in dict.fromkeys(kpi["count_distinct"] for kpi in kpis if kpi["count_distinct"]):
        counts = [kpi for kpi in kpis if kpi["count_distinct"] == column]
        with suspects(connection, table, [column]) as some:
            repeats = {row.pop("scope"): row for row in rows(connection, _repeats_sql(some, column, counts))}
        for row in found:
            row |= {name: row[name] - n for name, n in repeats.get(row["scope"], {}).items()}
    return found


def _rows_sql(kpi: Kpi) -> str:
    """As `measure_sql`, but each row counts. Of a value it only asks whether there is one, which a file's
    statistics may say.
    """
    if not kpi["count_distinct"]:
        return measure_sql(kpi)
    tests = [*kpi["where"].items(), (kpi["count_distinct"], "IS NOT NULL")]
    return f"COUNT(CASE WHEN {' AND '.join(f'{column} {test}' for column, test in tests)} THEN 1 END)"


def _repeats_sql(table: str, column: str, counts: list[Kpi]) -> str:
    """By scope, the rows beyond the first of each value of the column."""
    of_each = ", ".join(f"{_rows_sql(kpi)} AS {kpi['name']}" for kpi in counts)
    beyond = ", ".join(f"SUM(GREATEST({kpi['name']} - 1, 0)) AS {kpi['name']}" for kpi in counts)
    return (
        f"SELECT scope, {beyond} FROM (SELECT COALESCE(source_system, '{GROUP}') AS scope, {of_each} FROM"
        f" {table} GROUP BY GROUPING SETS ((source_system, {column}), ({column}))) GROUP BY scope"
    )
