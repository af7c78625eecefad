"""A brand's SQL is Spark's on every engine: what its functions give is what Spark's documentation says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

from mergehouse.engine.dialect import to_duckdb, to_spark
from mergehouse.errors import ConfigError
from mergehouse.project.brand import Brand
from mergehouse.project.sources import Source
from mergehouse.transform.brand_sql import resolved

SAID = {
    "CAST(12.7 AS INT)": "12",
    "CAST(-12.7 AS BIGINT)": "-12",
    "INT(qty / 6)": "2",
    "CAST(TRUE AS INT)": "1",
    "SUBSTRING('20260131', 0, 4)": "2026",
    "DATE_ADD(DATE'2026-01-31', 1)": "2026-02-01",
    "CONCAT(DATE_SUB(DATE_ADD('2026-01-31', 2), 1), ' 10:00')": "2026-02-01 10:00",
    "DAYOFWEEK(DATE'2026-11-29')": "1",  # a Sunday
    "REGEXP_REPLACE('AB-12', '^([A-Z]+)-([0-9]+)$', '$2/$1')": "12/AB",
    "REGEXP_EXTRACT('AB-12', '([A-Z]+)-')": "AB",
    "SUBSTRING_INDEX('a.b.c', '.', 2)": "a.b",
    "SUBSTRING_INDEX('a.b.c', '.', -1)": "c",
    "CONCAT('<', RIGHT('AB', LENGTH('AB') - 5), '>')": "<>",
    "LPAD(7, 3, '0')": "007",
    "BTRIM(' a ')": "a",
    "PMOD(-5, 3)": "1",
    "'a_c' LIKE 'a\\_c'": "true",
    "'abc' LIKE 'a\\_c'": "false",
    "FIND_IN_SET('b', 'a,b')": "2",
    "FORMAT_STRING('%05d', 42)": "00042",
    "TRUNC(DATE'2026-03-17', 'MM')": "2026-03-01",
    "TRY_TO_TIMESTAMP('2026-03-17T10:05:00', \"yyyy-MM-dd'T'HH:mm:ss\")": "2026-03-17 10:05:00",
    "MAKE_TIMESTAMP_NTZ(2026, 3, 17, 10, 5, 0)": "2026-03-17 10:05:00",
    "BIGINT('12')": "12",
    "ISNULL(qty)": "false",
}
BEYOND_SAIL = {  # which has no such function, or not of such a value
    "EXTRACT(DAYOFWEEK FROM DATE'2026-11-29')": "1",
    "CONCAT('<', LEFT('AB', INSTR('AB', '-') - 1), '>')": "<>",  # there is no dash
    "CONCAT('<', SUBSTRING('AB', 1, INSTR('AB', '-') - 1), '>')": "<>",
    "TRY_TO_DATE('17.03.2026', 'dd.MM.yyyy')": "2026-03-17",
}


def query(folder: Path, select: str) -> object:
    brand = Brand(
        label="Shop",
        currency="EUR",
        sources={"lines": Source(files="*", columns={"qty": {}, "sku": {}, "kind": {"type": "code"}})},
    )
    file = folder / "order_lines.sql"
    file.write_text(f"SELECT {select} FROM lines")
    return resolved(brand.model_copy(update={"name": "shop"}), file)


def of_spark(folder: Path, functions: Iterable[str]) -> str:
    said = ", ".join(f"CAST({sql} AS STRING) AS `{place}`" for place, sql in enumerate(functions))
    given = "(SELECT CAST(17 AS DECIMAL(20, 9)) AS qty) AS lines"
    return to_spark(query(folder, said)).replace("typed.shop_lines AS lines", given)  # type: ignore[arg-type]


def test_functions_mean_what_they_mean_on_spark(tmp_path: Path) -> None:
    said = SAID | BEYOND_SAIL
    [found] = duckdb.sql(to_duckdb(of_spark(tmp_path, said))).fetchall()
    assert dict(zip(said, found, strict=True)) == said
    assert duckdb.sql(to_duckdb("SELECT WEEKDAY(DATE'2026-11-29')")).fetchall() == [(6,)]


def test_a_column_in_double_quotes_is_a_text_and_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='"sku" is a text in Spark SQL, not the column'):
        query(tmp_path, '"sku" AS product_code')
    query(tmp_path, "'sku' AS product_code -- a text")


@pytest.mark.parametrize("cast", ["CAST(qty AS DECIMAL)", "DECIMAL(qty)"])
def test_a_decimal_without_digits_is_refused(tmp_path: Path, cast: str) -> None:
    """To Spark it is a whole number: 12.50 euros would be 13."""
    with pytest.raises(ConfigError, match="is a whole number in Spark SQL; say its digits"):
        query(tmp_path, f"{cast} AS quantity")
    query(tmp_path, "CAST(qty AS DECIMAL(18, 2)) AS quantity")


@pytest.mark.parametrize(
    "condition",
    [
        "kind = 'Return'",
        "l.kind <> 'Return'",
        "kind IN ('SALE', 'Return')",
        "kind LIKE 'Return%'",
        "CASE kind WHEN 'Return' THEN 1 END = 1",
    ],
)
def test_a_code_is_compared_in_capitals(tmp_path: Path, condition: str) -> None:
    """It is read so: a return would be a sale without a word."""
    select = f"{condition} AS is_cancellation FROM lines AS l --"
    with pytest.raises(ConfigError, match="'Return%?' is no value of `kind`: a `code` is read in capitals"):
        query(tmp_path, select)
    query(tmp_path, select.replace("Return", "RETURN"))
    query(tmp_path, select.replace("kind", "sku"))
    query(tmp_path, select.replace("kind", "LOWER(kind)").replace("l.LOWER(kind)", "LOWER(l.kind)"))
