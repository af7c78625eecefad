"""The values of columns as they are written, each once: what is asked of them is asked of fewer rows."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from mergehouse.lakehouse.reader import quoted

TIMES = "times_written"
ALL_WRITTEN = "temp.written"  # of_column: the column's place among the names, value, and how many times


def written_values(
    connection: duckdb.DuckDBPyConnection, relation: str, names: Iterable[str]
) -> dict[str, str]:
    """By column a relation of its values and how many times each is written. All are in one table of the
    connection, ALL_WRITTEN, until it is asked again.

    >>> connection = duckdb.connect()
    >>> rows = "FROM (VALUES ('5'), ('5'), (NULL)) AS t(qty)"
    >>> connection.sql(f"FROM {written_values(connection, rows, ['qty'])['qty']}").fetchall()
    [('5', 2)]
    """
    columns = dict(enumerate(names))
    counted = " UNION ALL ".join(
        f"SELECT {place} AS of_column, {quoted(name)} AS value, count(*) AS {TIMES} FROM ({relation}) WHERE"
        f" {quoted(name)} IS NOT NULL GROUP BY 2"
        for place, name in columns.items()
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE written AS {counted}")
    return {
        name: f"(SELECT value AS {quoted(name)}, {TIMES} FROM {ALL_WRITTEN} WHERE of_column = {place})"
        for place, name in columns.items()
    }


def any_row(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    """True where there is one.

    >>> any_row(duckdb.connect(), "FROM (VALUES (1)) AS t(qty) WHERE qty > 1")
    False
    """
    return bool(connection.execute(f"SELECT 1 {rows} LIMIT 1").fetchall())
