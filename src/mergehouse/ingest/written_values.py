"""The values of a column as they are written, each once: what is asked of them is asked of fewer rows."""

from __future__ import annotations

import duckdb

from mergehouse.lakehouse.reader import quoted

TIMES = "times_written"


def written_values(connection: duckdb.DuckDBPyConnection, relation: str, name: str, number: int) -> str:
    """A table of the column's values and how many times each is written; one for each `number`.

    >>> connection = duckdb.connect()
    >>> rows = "FROM (VALUES ('5'), ('5'), (NULL)) AS t(qty)"
    >>> connection.sql(f"FROM {written_values(connection, rows, 'qty', 1)}").fetchall()
    [('5', 2)]
    """
    table = f"temp.written_{number}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE written_{number} AS SELECT {quoted(name)}, count(*) AS {TIMES} FROM"
        f" ({relation}) WHERE {quoted(name)} IS NOT NULL GROUP BY 1"
    )
    return table


def any_row(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    """True where there is one.

    >>> any_row(duckdb.connect(), "FROM (VALUES (1)) AS t(qty) WHERE qty > 1")
    False
    """
    return bool(connection.execute(f"SELECT 1 {rows} LIMIT 1").fetchall())
