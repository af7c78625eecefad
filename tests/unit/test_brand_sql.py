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

SAID: dict[str, str | None] = {
    "CAST(12.7 AS INT)": "12",
    "CAST(-12.7 AS BIGINT)": "-12",
    "INT(qty / 6)": "2",
    "CAST(TRUE AS INT)": "1",
    "SUBSTRING('20260131', 0, 4)": "2026",
    "DATE_ADD(DATE'2026-01-31', 1)": "2026-02-01",
    "CONCAT(DATE_SUB(DATE_ADD('2026-01-31', 2), 1), ' 10:00')": "2026-02-01 10:00",
    "DAYOFWEEK(DATE'2026-11-29')": "1",  # a Sunday
    "EXTRACT(DOW FROM DATE'2026-11-29')": "1",
    "DATE_PART('DAYOFWEEK', DATE'2026-11-29')": "1",
    "DAYNAME(DATE'2026-11-29')": "Sun",
    "TRUNC(DATE'2026-11-29', 'MM')": "2026-11-01",
    "CONCAT(ADD_MONTHS(DATE'2026-01-31', 1), ' 10:00')": "2026-02-28 10:00",
    "DATEDIFF(HOUR, TIMESTAMP'2026-01-31 10:59:00', TIMESTAMP'2026-01-31 11:00:00')": "0",
    "TO_UTC_TIMESTAMP(TIMESTAMP_NTZ'2026-10-25 02:30:00', 'Europe/Berlin')": "2026-10-25 00:30:00",
    "TO_UTC_TIMESTAMP(TIMESTAMP_NTZ'2026-10-25 03:30:00', 'Europe/Berlin')": "2026-10-25 02:30:00",
    "TO_UTC_TIMESTAMP(TIMESTAMP_NTZ'2026-07-01 00:30:00', 'Europe/Berlin')": "2026-06-30 22:30:00",
    "TRY_TO_TIMESTAMP('2026-01-31T10:15:30', \"yyyy-MM-dd'T'HH:mm:ss\")": "2026-01-31 10:15:30",
    "DATE_FORMAT(DATE'2026-01-31', \"yyyy'w'MM\")": "2026w01",
    "DATE_FORMAT(DATE'2026-01-31', \"d 'day' MM\")": "31 day 01",
    "REGEXP_REPLACE('a1b2', '([a-z])', '$1-')": "a-1b-2",
    "REGEXP_REPLACE('AB-12', '^([A-Z]+)-([0-9]+)$', '$2/$1')": "12/AB",
    "REGEXP_EXTRACT('AB-12', '([A-Z]+)-')": "AB",
    "SUBSTRING_INDEX('a.b.c', '.', 2)": "a.b",
    "SUBSTRING_INDEX('a.b.c', '.', -1)": "c",
    "REPLACE('a-b', '-')": "ab",
    "BTRIM(' a ')": "a",
    "FIND_IN_SET('b', 'a,b')": "2",
    "MAKE_TIMESTAMP_NTZ(2026, 3, 17, 10, 5, 0)": "2026-03-17 10:05:00",
    "BIGINT('12')": "12",
    "ISNULL(qty)": "false",
    "'a_c' LIKE 'a\\_c'": "true",
    "'abc' LIKE 'a\\_c'": "false",
    "'abc' NOT LIKE 'a\\_c'": "true",
    "SUBSTRING('abc', 2, INSTR('abc', '-') - 1)": "",
    "LEFT('abc', INSTR('abc', '-') - 1)": "",
    "RIGHT('abc', LENGTH('abc') - 1)": "bc",
    "LPAD(CAST(qty AS INT), 5, '0')": "00017",
    "FORMAT_STRING('%05d', 12)": "00012",
    "SPLIT('a,b', ',')[1]": "b",
    "SPLIT('a', ',')[1]": None,
    "CAST('n/a' AS DECIMAL(9, 2))": None,
    "qty DIV 2.5": "6",
    "-7 DIV 2": "-3",
    "qty DIV 0": None,
    "qty % (qty - qty)": None,
    "PMOD(-7, 3)": "2",
    "1 / 1.19": "0.840336134",
    "CAST(AVG(1.005) OVER () AS DECIMAL(9, 2))": "1.01",
    "sku = 17": None,  # `A17` is no number
    "number = 17": "true",
    "number > 9": "true",
    "number BETWEEN 9 AND 100": "true",
    "number IN (16, 17)": "true",
    "sku IN (16, 17) OR sku = 'A17'": "true",
    "CASE TRIM(number) WHEN 17 THEN 'yes' END": "yes",
    "number + 1": "18.000000000",
    "COALESCE(number, 0)": "17",
    "COALESCE(number, 0) = 17": "true",
    "UPPER('weiß')": "WEISS",
    "TRY_TO_TIMESTAMP('31.12.75', 'dd.MM.yy')": "1975-12-31 00:00:00",
    "TRY_TO_TIMESTAMP('31.12.68', 'dd.MM.yy')": "2068-12-31 00:00:00",
    "NANVL(CAST('NaN' AS DOUBLE), 1.5D)": "1.5",
    "GET_JSON_OBJECT(sku, '$.a')": None,  # it is no JSON
    "GET_JSON_OBJECT(NULLIF('', ''), '$.a')": None,
    """GET_JSON_OBJECT('{"a": {"b": ["x", "y"]}}', '$.a.b[1]')""": "y",
    "FROM_JSON(sku, 'a INT').a": None,
    """FROM_JSON('{"a": 7, "b": "x"}', 'a INT, b STRING').a""": "7",
    """FROM_JSON('[{"sku": "P1", "q": 2.5}]', 'ARRAY<STRUCT<sku: STRING, q: DECIMAL(9, 2)>>')[0].q""": "2.50",
    """FROM_JSON('["x", "y"]', 'ARRAY<STRING>')[CAST(qty AS INT) - 16]""": "y",
    "SPLIT('a,b', ',')[CAST(qty AS INT) - 17]": "a",
    "JSON_ARRAY_LENGTH(sku)": None,
    "JSON_ARRAY_LENGTH('[1, 2]')": "2",
    "(SELECT MAX_BY(y, x) FROM VALUES (1, 'a'), (2, NULL) AS v(x, y))": None,
    "(SELECT LAST(y, TRUE) FROM VALUES (1, 'a'), (2, NULL) AS v(x, y))": "a",
    "(SELECT FIRST(y) IGNORE NULLS FROM VALUES (1, NULL), (2, 'a') AS v(x, y))": "a",
    "(SELECT MAX(z) FROM (SELECT x, LAST(y, TRUE) OVER (ORDER BY x) AS z FROM VALUES (1, 'b'), (2, NULL),"
    " (3, 'a') AS v(x, y)) AS w WHERE x = 2)": "b",
    "(SELECT PERCENTILE(x, 0.3) FROM VALUES (0), (10) AS v(x))": "3.0",
    "(SELECT PERCENTILE_CONT(0.3) WITHIN GROUP (ORDER BY x DESC) FROM VALUES (0), (10) AS v(x))": "7.0",
    "(SELECT STRING_AGG(x) WITHIN GROUP (ORDER BY x) FROM VALUES ('b'), ('a') AS v(x))": "ab",
    "DATEDIFF(DAY, TIMESTAMP_NTZ'2026-01-31 12:00:00', DATE'2026-01-01')": "-30",
    "CAST(TIMESTAMP_SECONDS(1772359200) AS DATE)": "2026-03-01",
    "TRANSFORM(SPLIT('a,b', ','), (x, i) -> CONCAT(x, CAST(i AS STRING)))[1]": "b1",
    "FILTER(SPLIT('a,b', ','), (x, i) -> i < 1)[0]": "a",
    """FROM_JSON('{"q": 2.5}', 'q INT').q""": None,  # which is no whole number
    """FROM_JSON('[{"q": 2.5, "s": "x"}, {"q": 3}]', 'ARRAY<STRUCT<q: INT, s: STRING>>')[1].q""": "3",
    """FROM_JSON('{"q": 2}', 'ARRAY<STRUCT<q: INT>>')[0].q""": "2",  # one object is a list of one
    "EXTRACT(HOUR FROM CAST('2026-03-01T10:15:30' AS TIMESTAMP))": "10",
}
BEYOND_SAIL = {  # which has no such function, or another one
    "BROUND(2.5, 0)": "2",
    """GET_JSON_OBJECT('{"a": {"b": 7}}', '$.a')""": '{"b":7}',
    "TRY_TO_DATE('31.01.2026', 'dd.MM.yyyy')": "2026-01-31",
    "WEEKDAY(DATE'2026-11-29')": "6",
}


COLUMNS = {"qty": {"type": "number"}, "sku": {}, "number": {"type": "code"}, "kind": {"type": "code"}}


def query(folder: Path, select: str) -> object:
    brand = Brand(
        label="Shop",
        currency="EUR",
        sources={"lines": Source(files="*", columns=COLUMNS)},
    )
    file = folder / "order_lines.sql"
    file.write_text(f"SELECT {select} FROM lines")
    return resolved(brand.model_copy(update={"name": "shop"}), file)


def of_spark(folder: Path, functions: Iterable[str]) -> str:
    said = ", ".join(f"CAST({sql} AS STRING) AS `{place}`" for place, sql in enumerate(functions))
    given = "(SELECT CAST(17 AS DECIMAL(20, 9)) AS qty, 'A17' AS sku, '17' AS number) AS lines"
    return to_spark(query(folder, said)).replace("typed.shop_lines AS lines", given)  # type: ignore[arg-type]


def test_functions_mean_what_they_mean_on_spark(tmp_path: Path) -> None:
    said = SAID | BEYOND_SAIL
    [found] = duckdb.sql(to_duckdb(of_spark(tmp_path, said))).fetchall()
    assert dict(zip(said, found, strict=True)) == said


@pytest.mark.parametrize("pattern", ["yyyy-Q", "yyyy-MM-dd HH:mm Z", "EEEE"])
def test_a_pattern_that_engines_read_in_their_own_ways_is_refused(tmp_path: Path, pattern: str) -> None:
    letter = pattern.split("-")[-1].split()[-1]
    with pytest.raises(ConfigError, match=f"`{letter}` in a pattern of dates is not read alike"):
        query(tmp_path, f"TRY_TO_TIMESTAMP(sku, '{pattern}') AS order_local_ts")


def test_hashes_that_another_engine_gives_otherwise_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`HASH"):
        query(tmp_path, "HASH(sku) AS product_code")


@pytest.mark.parametrize(
    ("select", "says"),
    [
        ("AGGREGATE(SPLIT(sku, ','), '', (a, x) -> a || x, a -> UPPER(a))", "'finish' is not supported"),
        ("PERCENTILE_APPROX(qty, 0.5) OVER ()", "PERCENTILE_APPROX"),
        ("APPROX_COUNT_DISTINCT(sku) OVER ()", "APPROX_COUNT_DISTINCT"),
        ("SKEWNESS(qty) OVER ()", "SKEWNESS"),
    ],
)
def test_what_an_engine_would_leave_out_or_work_out_in_its_own_way_is_refused(
    tmp_path: Path, select: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        query(tmp_path, f"{select} AS product_code")


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
