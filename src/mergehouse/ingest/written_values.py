"""The values of columns as they are written, each once: what is asked of them is asked of fewer rows."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from mergehouse.lakehouse.reader import quoted
from mergehouse.project.sources import Source

TIMES = "times_written"
ALL_WRITTEN = "temp.written"  # batch, of_column: the column's place among the names, value, times_written


def written_values(
    connection: duckdb.DuckDBPyConnection, relation: str, names: Iterable[str], batch: str | None = None
) -> dict[str, str]:
    """By column a relation of its values and how many times each is written, by `batch`: a column of whole
    numbers, without which all rows are of batch 0. All are in one table of the connection, ALL_WRITTEN, until
    it is asked again.

    >>> connection = duckdb.connect()
    >>> rows = "FROM (VALUES ('5'), ('5'), (NULL)) AS t(qty)"
    >>> connection.sql(f"FROM {written_values(connection, rows, ['qty'])['qty']}").fetchall()
    [(0, '5', 2)]
    """
    columns = dict(enumerate(names))
    by, groups = (quoted(batch), "2, 3") if batch else ("0", "3")
    counted = " UNION ALL ".join(
        f"SELECT {place} AS of_column, {by} AS batch, {quoted(name)} AS value, count(*) AS {TIMES} FROM"
        f" ({relation}) WHERE {quoted(name)} IS NOT NULL GROUP BY {groups}"
        for place, name in columns.items()
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE written AS {counted}")
    return {
        name: f"(SELECT batch, value AS {quoted(name)}, {TIMES} FROM {ALL_WRITTEN} WHERE of_column = {place})"
        for place, name in columns.items()
    }


def batches_with(connection: duckdb.DuckDBPyConnection, rows: str) -> set[int]:
    """The batches of which there are such rows.

    >>> rows = "FROM (VALUES (0, 1), (1, 2)) AS t(batch, qty) WHERE qty > 1"
    >>> batches_with(duckdb.connect(), rows)
    {1}
    """
    return {batch for (batch,) in connection.execute(f"SELECT DISTINCT batch {rows}").fetchall()}


def places(source: Source, *kinds: str) -> str:
    """The places of the columns of some types, as SQL lists them.

    >>> source = Source(files="*", columns={"day": {"type": "date"}, "qty": {"type": "number"}})
    >>> places(source, "number", "percent")
    '1'
    """
    found = (str(place) for place, column in enumerate(source.columns.values()) if column.type in kinds)
    return ", ".join(found) or "NULL"
