"""The figures of released tables, measured with DuckDB on their Parquet files."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import numpy as np

from mergehouse.contracts.types import of_duckdb
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.release.manifest.statistics import facts_sql, partitions_sql

KEYS_AT_ONCE = 2**24  # 128 MB of hashes
Row = dict[str, Any]


def open_table(connection: duckdb.DuckDBPyConnection, name: str, files: list[str]) -> None:
    """A view of the name over Parquet files of this machine."""
    layer, table = name.split(".")
    paths = ", ".join(text(file) for file in files)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(layer)}")
    connection.execute(
        f"CREATE OR REPLACE VIEW {relation(name)} AS FROM read_parquet([{paths}], hive_partitioning = false)"
    )


def relation(name: str) -> str:
    return ".".join(quoted(part) for part in name.split("."))


def facts(connection: duckdb.DuckDBPyConnection, table: Row) -> Row:
    """The row of `facts_sql`. DuckDB answers from the files' statistics where these say it."""
    return rows(connection, facts_sql(table, relation(table["name"]), '"'))[0]


def partition_rows(connection: duckdb.DuckDBPyConnection, table: Row) -> list[Row]:
    return (
        rows(connection, partitions_sql(table, relation(table["name"]), '"')) if table["partition_by"] else []
    )


def distinct_keys(connection: duckdb.DuckDBPyConnection, table: Row, count: int) -> int:
    """Different keys of a table of `count` rows. Hashes that all differ prove that keys do: sorting these
    takes half the time of DuckDB's own count. Where two agree, keys are counted.
    """
    columns = ", ".join(quoted(name) for name in table["key"])
    source, parts = relation(table["name"]), max(1, math.ceil(count / KEYS_AT_ONCE))
    different = 0
    for part in range(parts):
        hashes = f"SELECT hash({columns}) AS h FROM {source}"
        kept = f"SELECT h FROM ({hashes}) WHERE h % {parts} = {part}" if parts > 1 else hashes
        found = np.sort(connection.sql(kept).fetchnumpy()["h"])
        different += np.count_nonzero(found[1:] != found[:-1]) + 1 if len(found) else 0
    if different < count:
        return connection.execute(
            f"SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {source})"
        ).fetchall()[0][0]
    return int(different)


def file_rows(connection: duckdb.DuckDBPyConnection, file: str) -> int:
    return connection.execute(f"SELECT num_rows FROM parquet_file_metadata({text(file)})").fetchall()[0][0]


def columns_of(connection: duckdb.DuckDBPyConnection, file: str) -> list[tuple[str, str]]:
    """Names and types, in Spark's words, of a file's columns."""
    found = connection.execute(
        f"DESCRIBE FROM read_parquet({text(file)}, hive_partitioning = false)"
    ).fetchall()
    return [(name, of_duckdb(kind)) for name, kind, *_ in found]


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    cursor = connection.execute(sql)
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
