"""The vault's SQL over rows that come in any order, against what it must say by a count of one's own: lines
that count against the lines that Silver counts without a vault, histories against a plain model in Python.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

import duckdb
import polars as pl
import pytest

from mergehouse.contracts.registry import contract_of, models
from mergehouse.contracts.types import duckdb_type
from mergehouse.engine.dialect import to_duckdb
from mergehouse.engine.literal import with_folds
from mergehouse.transform.delivered_rows import ADDED
from mergehouse.transform.hashing import with_hashes

pytestmark = pytest.mark.slow("a vault of lines in several orders")

VAULT = models("vault")
DELIVERIES = 4
LINES = [
    "source_system", "batch_id", "source_row", "line_part", "ingest_ts", "order_id", "line_id", "version",
    "order_ts", "order_date", "order_month", "product_code", "product_name", "customer_code", "channel",
    "is_cancellation", "quantity", "unit_price", "amount_original", "currency", "fx_rate", "fx_rate_date",
    "reason_code",
]  # fmt: skip
COUNTED = (
    "source_system, batch_id, source_row, line_part, order_id, line_id, order_ts, product_code,"
    " customer_code, channel, quantity, amount_original"
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("CREATE MACRO xxhash64(value) AS CAST(hash(value) >> 1 AS BIGINT)")
        for schema in ("bronze", "silver", "staging", "mapping", "direct"):
            con.execute(f"CREATE SCHEMA {schema}")
        yield con


def table(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], rows: list[tuple]) -> None:
    con.execute(f"CREATE OR REPLACE TABLE {name} ({', '.join(f'{n} {t}' for n, t in columns.items())})")
    frame = pl.DataFrame(rows, schema=list(columns), orient="row", infer_schema_length=None)
    con.register("given", frame.to_arrow())
    con.execute(f"INSERT INTO {name} FROM given")


def build(con: duckdb.DuckDBPyConnection, kind: str, name: str, sql: str, to: str = "") -> None:
    con.execute(f"CREATE OR REPLACE {kind} {to or name} AS {to_duckdb(with_hashes(with_folds(sql)))}")


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple]:
    return con.execute(sql).fetchall()


def some_lines(shop: str) -> tuple[list[tuple], tuple]:
    """Rows of order lines as up to four deliveries of a shop bring them, and what it says of deliveries."""
    pick = random.Random(shop)
    numbered, repeats = pick.random() < 0.5, pick.choice(["duplicates", "genuine"])
    replaces = pick.choice(["line", "line", "order", "day", "period"])
    versions = pick.random() < 0.3
    found: list[tuple] = []
    for batch in range(pick.randint(1, DELIVERIES)):
        for row in range(1, pick.randint(1, 6) + 1):
            day = pick.choice([dt.date(2026, 2, 1), dt.date(2026, 2, 1), dt.date(2026, 2, 2)])
            quantity, reason = pick.choice([1, 2]), pick.choice([None] * 8 + ["left_out", "unreadable_price"])
            price = None if reason == "unreadable_price" else 5
            said = dict(
                source_system=shop, batch_id=f"{shop}-{batch}", source_row=row, ingest_ts=loaded(batch),
                order_id=pick.choice(["A", "B"]), line_id=pick.choice(["1", "2"]) if numbered else None,
                version=pick.choice(["1", "2"]) if versions else None,
                order_ts=dt.datetime.combine(day, dt.time(9), dt.UTC), order_date=day,
                order_month=day.replace(day=1), product_code=pick.choice("PPQ"), product_name="Mug",
                customer_code=pick.choice(["X", "X", "Y", None]), channel=pick.choice([None, None, "WEB"]),
                is_cancellation=False, quantity=quantity, unit_price=price,
                amount_original=price and price * quantity,
                currency="EUR", fx_rate=1, fx_rate_date=day,
                reason_code=reason,
            )  # fmt: skip
            parts = [{"line_part": 1}, {"line_part": 2, "product_code": "POSTAGE"}]
            for part in parts[: pick.choice([1, 1, 1, 2])]:
                found.append(tuple((said | part)[name] for name in LINES))
    return found, (shop, replaces, repeats, "false")


def loaded(batch: int) -> dt.datetime:
    return dt.datetime(2026, 3, 1 + batch, 10, tzinfo=dt.UTC)


def load_lines(con: duckdb.DuckDBPyConnection, lines: list[tuple], rules: list[tuple]) -> None:
    types = contract_of("silver.order_lines").types
    columns = {name: duckdb_type(types[name]) for name in LINES}
    table(con, "silver.given", columns, lines)
    others = ", ".join(f"NULL::{duckdb_type(t)} AS {n}" for n, t in types.items() if n not in LINES)
    con.execute(f"CREATE OR REPLACE TABLE silver.order_lines AS SELECT *, {others} FROM silver.given")
    said = ("source_system", "replaces", "repeats", "marks_deletions")
    table(con, "mapping.order_rules", dict.fromkeys(said, "TEXT"), rules)
    con.execute(
        "CREATE OR REPLACE VIEW bronze.batches AS"
        " SELECT DISTINCT source_system, batch_id, 'lines' AS source_table, ingest_ts FROM silver.given"
    )
    for name in ("silver.day_deliveries", "silver.duplicates"):
        build(con, "TABLE", name, models()[name])
    for name in (
        "staging.genuine_repeats",
        "staging.sales_lines",
        "staging.sales_keys",
        "staging.sales_said_again",
        "staging.sales_new_lines",
    ):
        build(con, "VIEW", name, VAULT[name])
    for name in ("silver.sales_link", "silver.sales_satellite"):
        build(con, "TABLE", name, VAULT[name])
    counted = "staging.order_lines_counted"
    build(con, "VIEW", counted, VAULT[counted])
    build(con, "VIEW", counted, models()[counted], to="direct.order_lines_counted")


SATELLITE = (
    "SELECT source_system, sales_hk, load_ts, record_source, source_row, line_part, hashdiff"
    " FROM silver.sales_satellite"
)
LINK = "SELECT source_system, * FROM silver.sales_link"


def test_the_lines_that_count_are_those_that_count_without_a_vault(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Of 400 shops, whatever was said again, corrected, reverted or replaced; and no delivery takes a row
    away.
    """
    shops = [some_lines(f"shop{number}") for number in range(400)]
    lines, rules = [line for of_shop, _ in shops for line in of_shop], [rule for _, rule in shops]
    before: dict[str, set[tuple]] = {LINK: set(), SATELLITE: set()}
    for batch in range(DELIVERIES):
        load_lines(connection, [line for line in lines if line[4] <= loaded(batch)], rules)
        ours, theirs = (
            rows(connection, f"SELECT {COUNTED} FROM {schema}.order_lines_counted ORDER BY ALL")
            for schema in ("staging", "direct")
        )
        assert [one for one in zip(ours, theirs, strict=False) if one[0] != one[1]][:1] == []
        assert len(ours) == len(theirs) > 500
        links = rows(connection, LINK)
        assert len({link[1] for link in links}) == len(links)
        for sql, known in before.items():
            now = set(rows(connection, sql))
            assert known <= now
            before[sql] = now


RECORDS = ["country", "age_range", "gender", "signup_date"]
HISTORY = (
    f"SELECT source_system, effective_from, effective_to, is_deleted, {', '.join(RECORDS)}"
    " FROM staging.customer_history ORDER BY source_system, effective_from"
)


def some_records(brand: str) -> list[dict[str, Any]]:
    """Versions of one customer as they are delivered: late, back-dated, said again, reverted, on one day."""
    pick = random.Random(brand)
    dated, found = pick.random() < 0.6, []
    for batch in range(DELIVERIES):
        for row in range(1, pick.randint(0, 4) + 1):
            said = dt.datetime(2026, 1, pick.randint(1, 4), tzinfo=dt.UTC)
            found.append(
                {
                    "source_system": brand,
                    "customer_code": "X",
                    "country": pick.choice(["A", "B", "a ", None]),
                    "age_range": pick.choice(["", None, None, "^^"]),
                    "gender": None,
                    "signup_date": None,
                    "ingest_ts": loaded(batch),
                    "source_row": row,
                    "batch_id": f"{brand}-{batch}",
                    "effective_from": said if dated else loaded(batch),
                    "is_dated": dated,
                    "is_keyed": dated,
                    "is_deleted": pick.random() < 0.1,
                }
            )
    return found


def plain_history(records: list[dict[str, Any]]) -> list[tuple]:
    """A customer's history: of each moment what was said last, neighbours that say the same as one."""
    said: dict[dt.datetime, tuple] = {}
    for record in records:  # as they were loaded
        said[record["effective_from"]] = (record["is_deleted"], *(record[name] for name in RECORDS))
    moments = [
        moment
        for before, moment in zip([None, *sorted(said)], sorted(said), strict=False)
        if before is None or said[before] != said[moment]
    ]
    ends = [*moments[1:], None]
    brand = records[0]["source_system"]
    return [(brand, begin, end, *said[begin]) for begin, end in zip(moments, ends, strict=True)]


def load_records(con: duckdb.DuckDBPyConnection, records: list[dict[str, Any]]) -> None:
    types = contract_of("staging.customers").types | {name: kind for name, (kind, _) in ADDED.items()}
    columns = {name: duckdb_type(types.get(name, "string")) for name in records[0]}
    table(con, "staging.customers_delivered", columns, [tuple(record.values()) for record in records])
    build(con, "TABLE", "silver.customer_satellite", VAULT["silver.customer_satellite"])
    build(con, "VIEW", "staging.customer_history", VAULT["staging.customer_history"])


def test_histories_are_those_of_a_plain_model_and_no_delivery_takes_a_record_away(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    records = [record for number in range(500) for record in some_records(f"brand{number}")]
    of_brands = sorted({record["source_system"] for record in records})
    known: set[tuple] = set()
    for batch in range(DELIVERIES):
        there = [record for record in records if record["ingest_ts"] <= loaded(batch)]
        load_records(connection, there)
        expected = [
            row
            for brand in of_brands
            if (own := [record for record in there if record["source_system"] == brand])
            for row in plain_history(own)
        ]
        assert rows(connection, HISTORY) == sorted(expected, key=lambda row: (row[0], row[1]))
        now = set(rows(connection, "SELECT * FROM silver.customer_satellite"))
        assert known <= now
        known = now
    assert len(known) < len(records) - 100  # the others said nothing new
