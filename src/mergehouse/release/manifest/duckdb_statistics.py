"""The figures of released tables, measured with DuckDB on their Parquet files."""

from __future__ import annotations

from typing import Any

import duckdb

from mergehouse.contracts.types import duckdb_type, of_duckdb
from mergehouse.lakehouse.reader import quoted, rows, text
from mergehouse.lakehouse.repeats import FEW
from mergehouse.release.manifest.statistics import facts_sql, partitions_sql
from mergehouse.storage import one_file

Row = dict[str, Any]
Statistics = dict[str, dict[str, str]]  # by quoted column, as DuckDB's COPY returns them of a file


def open_table(connection: duckdb.DuckDBPyConnection, name: str, files: list[str]) -> None:
    """A view of the name over Parquet files of this machine.

    >>> connection = duckdb.connect()
    >>> connection.sql("SELECT 7 AS id").write_parquet("notes.parquet")
    >>> open_table(connection, "gold.notes", ["notes.parquet"])
    >>> connection.sql("FROM gold.notes").fetchall()
    [(7,)]
    """
    layer, table = name.split(".")
    paths = ", ".join(text(one_file(file)) for file in files)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(layer)}")
    connection.execute(
        f"CREATE OR REPLACE VIEW {relation(name)} AS FROM read_parquet([{paths}], hive_partitioning = false)"
    )


def relation(name: str) -> str:
    """A table's name as SQL has it, whatever its characters.

    >>> relation("gold.order")
    '"gold"."order"'
    """
    return ".".join(quoted(part) for part in name.split("."))


def facts(connection: duckdb.DuckDBPyConnection, table: Row) -> Row:
    """The row of `facts_sql`. DuckDB answers from the files' statistics where these say it. Where it reads
    all rows of a large table, texts are grouped, which it does by a file's dictionary in a quarter of the
    time.

    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE SCHEMA gold")
    >>> _ = connection.execute("CREATE TABLE gold.notes AS FROM (VALUES (1), (3), (NULL)) AS t(id)")
    >>> table = {"name": "gold.notes", "key": ["id"], "rows": 3}
    >>> table["columns"] = [{"name": "id", "type": "int", "pii": "none", "nulls": 1}]
    >>> facts(connection, table)
    {'row_count': 3, 'filled_0': 2, 'low_0': 1, 'high_0': 3}
    """
    source = relation(table["name"])
    is_read = table["rows"] > FEW and any(column["nulls"] for column in table["columns"])
    texts = {
        column["name"]: n
        for n, column in enumerate(table["columns"])
        if is_read
        and (column["type"], column["pii"]) == ("string", "none")
        and table["key"] != [column["name"]]
    }
    row = rows(connection, facts_sql(table, source, '"', without=texts))[0]
    for name, n in texts.items():
        each = f"SELECT {quoted(name)} AS value, count(*) AS n FROM {source} GROUP BY value"
        filled = "coalesce(sum(n) FILTER (value IS NOT NULL), 0)::BIGINT"
        bounds = f"min(value) AS low_{n}, max(value) AS high_{n}"
        row |= rows(connection, f"SELECT {filled} AS filled_{n}, {bounds} FROM ({each})")[0]
    return row


def facts_as_written(connection: duckdb.DuckDBPyConnection, table: Row, files: list[Statistics]) -> Row:
    """The row of `facts_sql`, from what `COPY ... (RETURN_STATS)` said of the table's files: their writer has
    seen every value. Only texts too long for that, whose bounds it shortens, are read again.

    >>> connection = duckdb.connect()
    >>> copy = "COPY (FROM (VALUES (1), (3), (NULL)) t(id)) TO 'notes.parquet' (RETURN_STATS)"
    >>> written = connection.execute(copy).fetchall()[0][4]
    >>> table = {"name": "gold.notes", "columns": [{"name": "id", "type": "int", "pii": "none"}]}
    >>> facts_as_written(connection, table, [written])
    {'row_count': 3, 'filled_0': 2, 'low_0': 1, 'high_0': 3}
    """
    row: Row = {"row_count": 0}
    bounds, shortened = [], []
    for n, column in enumerate(table["columns"]):
        of_files = [found for file in files if (found := file.get(quoted(column["name"])))]
        row["row_count"] = sum(int(found["num_values"]) for found in of_files)
        row[f"filled_{n}"] = row["row_count"] - sum(int(found["null_count"]) for found in of_files)
        if column["pii"] != "none":
            continue
        row |= {f"low_{n}": None, f"high_{n}": None}
        filled = [found for found in of_files if found["num_values"] != found["null_count"]]
        if any(found.get(f"{bound}_is_exact") != "true" for found in filled for bound in ("min", "max")):
            shortened += [
                f"min({quoted(column['name'])}) AS low_{n}, max({quoted(column['name'])}) AS high_{n}"
            ]
        elif filled:
            kind = duckdb_type(column["type"])
            for side, bound, of_all in (("low", "min", "least"), ("high", "max", "greatest")):
                values = ", ".join(f"CAST({text(found[bound])} AS {kind})" for found in filled)
                bounds.append(f"{of_all}({values}) AS {side}_{n}")
    if bounds:
        row |= rows(connection, f"SELECT {', '.join(bounds)}")[0]
    if shortened:
        row |= rows(connection, f"SELECT {', '.join(shortened)} FROM {relation(table['name'])}")[0]
    return row


def partition_rows(connection: duckdb.DuckDBPyConnection, table: Row) -> list[Row]:
    """The rows of `partitions_sql`; none where the table has no partitions.

    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE SCHEMA gold")
    >>> _ = connection.execute("CREATE TABLE gold.notes AS FROM (VALUES ('a'), ('b'), ('a')) AS t(brand)")
    >>> partition_rows(connection, {"name": "gold.notes", "partition_by": ["brand"]})
    [{'brand': 'a', 'row_count': 2}, {'brand': 'b', 'row_count': 1}]
    """
    return (
        rows(connection, partitions_sql(table, relation(table["name"]), '"')) if table["partition_by"] else []
    )


def file_rows(connection: duckdb.DuckDBPyConnection, file: str) -> int:
    """The rows of a Parquet file, from its footer.

    >>> connection = duckdb.connect()
    >>> connection.sql("FROM range(5)").write_parquet("five.parquet")
    >>> file_rows(connection, "five.parquet")
    5
    """
    footer = f"SELECT num_rows FROM parquet_file_metadata({text(one_file(file))})"
    return connection.execute(footer).fetchall()[0][0]


def columns_of(connection: duckdb.DuckDBPyConnection, file: str) -> list[tuple[str, str]]:
    """Names and types, in Spark's words, of a file's columns.

    >>> connection = duckdb.connect()
    >>> connection.sql("SELECT 'a' AS brand, 1.50 AS price, 7 AS id").write_parquet("types.parquet")
    >>> columns_of(connection, "types.parquet")
    [('brand', 'string'), ('price', 'decimal(3,2)'), ('id', 'int')]
    """
    found = connection.execute(
        f"DESCRIBE FROM read_parquet({text(one_file(file))}, hive_partitioning = false)"
    ).fetchall()
    return [(name, of_duckdb(kind)) for name, kind, *_ in found]
