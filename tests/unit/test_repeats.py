"""Different values of large tables are counted by sorted hashes, exactly, also where hashes are few."""

from __future__ import annotations

import duckdb
import pytest

from mergehouse.kpi.duckdb_measures import measures
from mergehouse.kpi.formula import kpi_sql
from mergehouse.lakehouse import repeats
from mergehouse.lakehouse.reader import connect, rows
from mergehouse.lakehouse.repeats import distinct_keys, suspects
from mergehouse.release.manifest.duckdb_statistics import facts, facts_as_written, open_table
from mergehouse.release.manifest.statistics import facts_sql

COUNTS = [
    {"name": "customers", "count_distinct": "id", "where": {}},
    {"name": "buyers", "count_distinct": "id", "where": {"orders": "> 0"}},
    {"name": "orders_placed", "count_distinct": None, "sum": "orders", "where": {}},
    {"name": "kinds", "count_distinct": "orders", "where": {"orders": ">= 2"}},
]
# 300 ids of one brand, every third of them of the other as well; one in seven has none
SOLD = """
CREATE TABLE sold AS
SELECT 'a' AS source_system, CASE WHEN i % 7 > 0 THEN 'c' || i END AS id, i % 5 AS orders FROM range(300) t(i)
UNION ALL SELECT 'b', CASE WHEN i % 7 > 0 THEN 'c' || i END, i % 4 FROM range(0, 300, 3) t(i)
"""


@pytest.fixture
def sold(monkeypatch: pytest.MonkeyPatch) -> duckdb.DuckDBPyConnection:
    """As of a large table, whose hashes are sorted in several parts."""
    monkeypatch.setattr(repeats, "FEW", 10)
    monkeypatch.setattr(repeats, "HASHES_AT_ONCE", 64)
    connection = connect()
    connection.execute(SOLD)
    return connection


def test_measures_are_those_of_count_distinct(sold: duckdb.DuckDBPyConnection) -> None:
    found = {row["scope"]: row for row in measures(sold, "sold", COUNTS)}
    assert found["a"]["customers"] == 300 - 43  # 0, 7, ... 294
    assert found["b"]["customers"] == 100 - 15  # 0, 21, ... 294
    assert found["group"]["customers"] == 257
    assert found["group"]["buyers"] == sum(
        i % 7 > 0 and (i % 5 > 0 or (i % 3 == 0 and i % 4 > 0)) for i in range(300)
    )
    assert found == {row["scope"]: row for row in rows(sold, kpi_sql("sold", COUNTS))}


def test_nothing_stays_behind(sold: duckdb.DuckDBPyConnection) -> None:
    measures(sold, "sold", COUNTS)
    with pytest.raises(ValueError), suspects(sold, "sold", ["id"]):
        raise ValueError
    assert sold.sql("SHOW TABLES").fetchall() == [("sold",)]


def test_keys_that_repeat_are_counted(sold: duckdb.DuckDBPyConnection) -> None:
    sold.execute("CREATE SCHEMA gold; CREATE TABLE gold.sold AS FROM sold WHERE id IS NOT NULL")
    assert distinct_keys(sold, "gold.sold", ["source_system", "id"]) == 257 + 85
    assert distinct_keys(sold, "gold.sold", ["id"]) == 257
    sold.execute("INSERT INTO gold.sold FROM gold.sold LIMIT 2")
    assert distinct_keys(sold, "gold.sold", ["source_system", "id"]) == 342


def test_what_was_written_has_the_figures_of_what_is_read(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergehouse.release.manifest.duckdb_statistics.FEW", 1)
    types = {
        "day": "date", "at": "timestamp", "is_new": "boolean", "n": "int", "many": "bigint",
        "eur": "decimal(18,2)", "wide": "decimal(38,4)",
        "name": "string", "long": "string", "none": "string",
        "who": "string",
    }  # fmt: skip
    select = """SELECT DATE '2020-02-28' + i::INT AS day, TIMESTAMPTZ '2020-01-01 00:00:00.123456+00'
    - to_days(i::INT) AS at, i > 40 AS is_new, (i - 50)::INT AS n,
    CASE WHEN i % 3 > 0 THEN i * 10000000000 END AS many, (50.25 - i)::DECIMAL(18,2) AS eur,
    (i - 7)::DECIMAL(38,4) * 123456789012345678901234 AS wide,
    CASE WHEN i % 4 > 0 THEN 'Ä''"b, {x=' || i || '}' END AS name, repeat('ü', 400) || i AS long,
    NULL::VARCHAR AS none, 'id' || i AS who FROM range({0}) t(i) WHERE i >= {1}"""
    connection, written, files = connect(), [], [str(tmp_path / f"{n}.parquet") for n in range(3)]
    for file, (end, begin) in zip(files, ((60, 0), (90, 60), (60, 60)), strict=True):
        copy = (
            f"COPY ({select.replace('{0}', str(end)).replace('{1}', str(begin))}) TO '{file}' (RETURN_STATS)"
        )
        written.append(rows(connection, copy)[0]["column_statistics"])
    open_table(connection, "gold.t", files)
    columns = [
        {"name": name, "type": kind, "pii": "pseudonym" if name == "who" else "none", "nulls": 1}
        for name, kind in types.items()
    ]
    table = {"name": "gold.t", "key": ["who"], "rows": 90, "columns": columns}
    read = rows(connection, facts_sql(table, "gold.t", '"'))[0]
    assert (read["row_count"], read["filled_4"], read["high_8"][-2:], "low_10" in read) == (
        90,
        60,
        "ü9",
        False,
    )
    assert facts_as_written(connection, table, written) == read
    assert facts(connection, table) == read
    assert facts_as_written(connection, table, written[2:])["row_count"] == 0
