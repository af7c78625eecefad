"""Every engine reads what is written in an export in the same way: numbers, days, instants, codes."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from tests.conftest import Shop
from tests.pipeline.test_lines_of_a_row import GIVEN, LISTED, with_items
from tests.unit.test_brand_sql import BEYOND_SAIL, SAID, of_spark

from mergehouse.engine.dialect import to_duckdb
from mergehouse.ingest.cells import typed_value
from mergehouse.ingest.detection import detect_formats
from mergehouse.ingest.written_values import written_values
from mergehouse.lakehouse.reader import connect
from mergehouse.project.sources import Column, Source
from mergehouse.transform.brand_queries import brand_queries

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ENGINES = [pytest.param("sail", marks=pytest.mark.sail), pytest.param("apache", marks=pytest.mark.apache)]
pytestmark = pytest.mark.long("Spark plans every query")

NUMBERS = [
    "1", "1.5", "1,000", "1.234,50", "1,234.50", "(3.00)", "7-", "-7", "+7", ".5", "5.", "\u00a3 12.50",
    "12,50 EUR", "EUR 12", "25.00%",
    "0x10", "NaN", "inf", "99999999999999", "999999999999999", "1 234,5", "1\u00a0234,5", "1'234.50", "--7",
    "1-2", "1.2.3", "", "-", " 3 ",
    "1,5", "12345678901234567890", "0.00005", "0.00004", "-0.00005", "$1.00", "US$ 3", "3 pcs", "1/2",
    "5.–", "-5,-- kr", "Fr. 1’234.—", "5.-7",
]  # fmt: skip
INSTANTS = [
    "2024-01-31", "2024-01-31 ", "2024-01-31T10:00", "2024-01-31 7:05", "2024-01-31 10:00:00.1",
    "2024-01-31 10:00:00.123456789",
    "2024-01-31T10:00:00Z", "2024-01-31 22:30:00 -0500", "2024-01-31 22:30:00-05",
    "2024-06-30T23:59:59.5+05:30", "2024-03-31 01:30:00 UTC",
    "2024-01-31T10:00:00+0100", "2024-10-27 02:30:00+01:00", "2024-01-31 10:00 CET", "2024-02-30T10:00:00Z",
    "2024-01-31 10:00:00 PM",
    "2024-01-31 24:00:00", "2024-02-29T24:00", "2024-02-30 24:00", "2024-01-31 24:01", "2016-12-31 23:59:60",
    "2024-01-31 24:00:00Z", "2024-01-31 25:00", "2024-01-31abc", "2024-01-31-05", "2024-13-01",
    "0000-00-00 00:00:00", "9999-12-31",
    "20240131", "31/01/2024", "31/1/24", "31/01/2024 5:07", "1/2/2024 10:00 AM", "29.02.2023",
    "31 Jan 2024", "31-JAN-24", "2024-1-5",
    "31.01.2024 10:00:00 UTC", "31/01/2024 10:00 -0530", "31/01/2024 10:15 p. m.", "31/01/2024  9:05am GMT+1",
    "03/21/2026, 10:00 PM", "20260301100000", "202603011000", "21.03.2026 10:00:00.123", "", " ", "NULL",
    "Mar-21-26", "21. 3. 2026 9:05", "2026. 03. 21.", "2026年3月21日 9:05", "2026년 3월 21일",
    "21/03/2026 14h05", "21/03/2026 14 H 05", "٢١/٠٣/٢٠٢٦ ١٤:٠٥", "２０２６／０３／２１", "2569-03-21",
    "2026-03-21 14h05", "01MAR2026:10:05:22", "01MAR2026", "31/12/75", "31/12/68", "31-JAN-99",
]  # fmt: skip
IN_ZONES = [  # beside times of the brand's clock
    "2026-03-20 23:30 America/New_York", "2026-10-25T02:30:00+01:00[Europe/Berlin]",
    "31/03/2026 10:15 PM Asia/Tokyo",
    "2026-03-20 23:30", "2026-03-20", "9999-12-31",
]  # fmt: skip
WORDS = [
    "1",
    "0",
    "true",
    "FALSE",
    "Yes",
    "n",
    "ja",
    "nein",
    "x",
    "",
    "2",
    "1.0",
    "13085.0",
    "ab1 ",
    "  x",
    "0042",
    "1e5",
    "\u00e9",
    "\t7",
    "wei\u00df",
]
COLUMNS = {
    "number": ("number", NUMBERS),
    "percent": ("percent", NUMBERS),
    "timestamp": ("timestamp", INSTANTS),
    "date": ("date", INSTANTS),
    "timestamp in zones": ("timestamp", IN_ZONES),
    "date in zones": ("date", IN_ZONES),
} | {kind: (kind, WORDS) for kind in ("boolean", "code", "text")}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("kind", "written"), COLUMNS.values(), ids=COLUMNS)
def test_values_are_read_alike(
    engine: str, kind: str, written: list[str], request: pytest.FixtureRequest
) -> None:
    session: SparkSession = request.getfixturevalue(engine)
    source = Source(files="*", columns={"v": Column(type=kind)})
    alone: dict[str, list[str]] = defaultdict(list)
    for value in written:
        alone[_formats([value], source)].append(value)
    for batch in (written, *alone.values()):
        read = typed_value("v", source, json.loads(_formats(batch, source)), "Europe/Berlin")
        sql = f"SELECT i, CAST({read} AS STRING) AS value FROM given"
        session.createDataFrame(list(enumerate(batch)), "i INT, v STRING").createOrReplaceTempView("given")
        by_spark = {batch[row.i]: _plain(row.value) for row in session.sql(sql).collect()}
        by_duckdb = {batch[i]: _plain(value) for i, value in _given(batch).execute(to_duckdb(sql)).fetchall()}
        assert by_spark == by_duckdb


@pytest.mark.parametrize("engine", ENGINES)
def test_quotients_come_out_alike(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Of decimals a quotient is a decimal for Spark and a float for DuckDB, and a third of a price ends
    nowhere.
    """
    session: SparkSession = request.getfixturevalue(engine)
    brand = Shop(tmp_path / "project").project.brands["shop"]
    (brand.folder / "order_lines.sql").write_text(
        "SELECT qty, CAST(price / qty / (1 - 0.2) AS DECIMAL(18, 4)) AS unit_price FROM lines"
    )
    query = brand_queries(brand, brand.folder / "order_lines.sql")[0].sql(dialect="spark")
    sql = f"SELECT qty, unit_price FROM ({query.replace('typed.shop_lines', 'given')}) AS lines"
    pairs = [(price, quantity) for price in range(1, 3000, 7) for quantity in (0, 1, 2, 3, 7, 8, 9)]
    embedded = connect()
    embedded.execute("CREATE TABLE pairs (p INT, q INT)")
    embedded.executemany("INSERT INTO pairs VALUES (?, ?)", pairs)
    typed = "SELECT CAST(p * 0.0001 AS DECIMAL(18, 4)) AS price, CAST(q AS DECIMAL(18, 4)) AS qty FROM pairs"
    embedded.execute(f"CREATE TABLE given AS {typed}")
    session.createDataFrame(pairs, "p INT, q INT").createOrReplaceTempView("pairs")
    session.sql(typed).createOrReplaceTempView("given")
    by_spark = sorted(map(str, ((row.qty, row.unit_price) for row in session.sql(sql).collect())))
    assert by_spark == sorted(map(str, embedded.execute(to_duckdb(sql)).fetchall()))


@pytest.mark.parametrize("engine", ENGINES)
def test_functions_of_a_brand_are_those_of_spark(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    said = SAID if engine == "sail" else SAID | BEYOND_SAIL
    [found] = request.getfixturevalue(engine).sql(of_spark(tmp_path, said)).collect()
    assert dict(zip(said, found, strict=True)) == said


@pytest.mark.parametrize("engine", ENGINES)
def test_items_in_a_cell_are_lines_alike(engine: str, shop: Shop, request: pytest.FixtureRequest) -> None:
    session: SparkSession = request.getfixturevalue(engine)
    with_items(shop)
    brand = shop.project.brands["shop"]
    [query] = brand_queries(brand, brand.folder / "order_lines.sql")
    session.createDataFrame(GIVEN, "number STRING, items STRING").createOrReplaceTempView("given")
    columns = "CAST(NULL AS TIMESTAMP) AS when, 'b' AS batch_id, 1 AS source_row, 'now' AS ingest_ts"
    given = f"(SELECT *, {columns}, CAST(NULL AS TIMESTAMP) AS when_utc FROM given)"
    sql = query.sql(dialect="spark").replace("typed.shop_orders", given)
    rows = session.sql(f"SELECT order_id, line_part, product_code, quantity FROM ({sql}) AS l").collect()
    assert sorted(map(tuple, rows), key=str) == sorted(LISTED, key=str)


def _given(values: list[str]) -> duckdb.DuckDBPyConnection:
    connection = connect()
    connection.execute(
        "CREATE TABLE given AS SELECT unnest(range(len(?::VARCHAR[]))) AS i, unnest(?::VARCHAR[]) AS v",
        [values, values],
    )
    return connection


def _formats(batch: list[str], source: Source) -> str:
    connection = _given(batch)
    written = written_values(connection, "SELECT * FROM given", source.columns)
    [formats] = detect_formats(connection, written, source, [])
    return formats.as_json()


def _plain(value: str | None) -> str | None:
    """Without the zeros at the end of a fraction, and words of one case: engines print them in their own
    ways.
    """
    return value and (value.rstrip("0").rstrip(".") if "." in value else value.lower())
