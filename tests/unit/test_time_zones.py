"""Functions of time zones in a brand's SQL, on DuckDB: the clock shows what it shows on Spark."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from tests.conftest import Shop

from mergehouse.engine.dialect import to_duckdb
from mergehouse.errors import ConfigError
from mergehouse.lakehouse.reader import connect
from mergehouse.transform.brand_queries import brand_queries

# 22:30 UTC on 31 May is half past midnight in Berlin, and 18:30 in New York
UTC, BERLIN, NEW_YORK = "2026-05-31 22:30:00", "2026-06-01 00:30:00", "2026-05-31 18:30:00"
GIVEN = f"SELECT TIMESTAMP_NTZ '{UTC}' AS clock, CAST('{UTC}' AS TIMESTAMP) AS instant, '{UTC}' AS written"
SHOWN = {
    **{
        f"FROM_UTC_TIMESTAMP({given}, 'Europe/Berlin')": BERLIN
        for given in (
            "clock", "instant", "written", "CAST(clock AS TIMESTAMP)", "TO_TIMESTAMP(written)",
            "clock + INTERVAL 0 HOURS", "CAST(CAST(clock AS STRING) AS TIMESTAMP_NTZ)",
        )
    },
    "FROM_UTC_TIMESTAMP('2026-06-01T00:30:00+02:00', 'Europe/Berlin')": BERLIN,
    "TO_UTC_TIMESTAMP(clock, 'America/New_York')": "2026-06-01 02:30:00",
    "TO_UTC_TIMESTAMP(instant, 'America/New_York')": "2026-06-01 02:30:00",
    "TO_UTC_TIMESTAMP(CAST(clock AS TIMESTAMP), 'America/New_York')": "2026-06-01 02:30:00",
    "FROM_UTC_TIMESTAMP(TO_UTC_TIMESTAMP(clock, 'America/New_York'), 'Europe/Berlin')": "2026-06-01 04:30:00",
    "CONVERT_TIMEZONE('UTC', 'Europe/Berlin', clock)": BERLIN,
    "CONVERT_TIMEZONE('Europe/Berlin', 'UTC', clock)": "2026-05-31 20:30:00",
    "CONVERT_TIMEZONE('America/New_York', clock)": NEW_YORK,
    "DATE_TRUNC('DAY', FROM_UTC_TIMESTAMP(clock, 'Europe/Berlin'))": "2026-06-01 00:00:00",
    "CAST(CAST(FROM_UTC_TIMESTAMP(clock, 'Europe/Berlin') AS DATE) AS TIMESTAMP_NTZ)": "2026-06-01 00:00:00",
}  # fmt: skip


@pytest.mark.parametrize("expression", SHOWN)
def test_what_the_clock_shows_in_a_brands_sql(expression: str, tmp_path: Path) -> None:
    brand = Shop(tmp_path / "project").project.brands["shop"]
    file = brand.folder / "order_lines.sql"
    file.write_text(f"SELECT CAST({expression} AS TIMESTAMP_NTZ) AS order_local_ts FROM lines")
    sql = brand_queries(brand, file)[0].sql(dialect="spark").replace("typed.shop_lines", f"({GIVEN})")
    ((shown, *_),) = connect().execute(to_duckdb(sql)).fetchall()
    assert shown == dt.datetime.fromisoformat(SHOWN[expression])


def test_a_function_that_would_lose_an_argument_is_named(tmp_path: Path) -> None:
    brand = Shop(tmp_path / "project").project.brands["shop"]
    file = brand.folder / "order_lines.sql"
    file.write_text("SELECT TO_CHAR(qty, '999') AS order_id FROM lines")
    with pytest.raises(ConfigError, match="Argument 'format' is not supported for expression 'ToChar'"):
        brand_queries(brand, file)[0]
