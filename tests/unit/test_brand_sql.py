"""A brand's SQL is Spark's on every engine: what its functions give is what Spark's documentation says."""

from __future__ import annotations

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


def of_spark(folder: Path) -> str:
    said = ", ".join(f"CAST({sql} AS STRING) AS `{place}`" for place, sql in enumerate(SAID))
    given = "(SELECT CAST(17 AS DECIMAL(20, 9)) AS qty) AS lines"
    return to_spark(query(folder, said)).replace("typed.shop_lines AS lines", given)  # type: ignore[arg-type]


def test_functions_mean_what_they_mean_on_spark(tmp_path: Path) -> None:
    [found] = duckdb.sql(to_duckdb(of_spark(tmp_path))).fetchall()
    assert dict(zip(SAID, found, strict=True)) == SAID
    assert duckdb.sql(to_duckdb("SELECT WEEKDAY(DATE'2026-11-29')")).fetchall() == [(6,)]


def test_a_column_in_double_quotes_is_a_text_and_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='"sku" is a text in Spark SQL, not the column'):
        query(tmp_path, '"sku" AS product_code')
    query(tmp_path, "'sku' AS product_code -- a text")


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
