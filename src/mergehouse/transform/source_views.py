"""A source as its brand declares it: SQL that reads Bronze text in its types, each batch in the formats found
in it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.delivery import bronze_table
from mergehouse.ingest.formats import ISO_OFFSET
from mergehouse.project.config import Brand, Source

TRUE_WORDS = "'1', '1.0', 'true', 't', 'yes', 'y', 'ja', 'oui', 'si', 'sí', 'wahr', 'x'"
FALSE_WORDS = "'0', '0.0', 'false', 'f', 'no', 'n', 'nein', 'non', 'falsch'"
ROW_COLUMNS = ("batch_id", "source_row", "ingest_ts")
# Numbers with group separators, a sign behind or in brackets, a currency or unit of up to four letters:
# `1,234.50`, `£ 12.50`, `12,50 EUR`, `(3.00)`, `7-`. Anything else stays unread.
_BEFORE = "^[^0-9A-Za-z]*([A-Za-z]{1,4}[.]?)?[^0-9A-Za-z.,]*"
_AFTER = "[^0-9A-Za-z.,]*([A-Za-z]{1,4}[.]?)?[^0-9A-Za-z]*$"
_GROUPS = "([0-9]{1,3}([%s \u00a0\u202f\u2019'][0-9]{3})+|[0-9]+)"
POINT_NUMBER = _BEFORE + _GROUPS % "," + "([.][0-9]+)?" + _AFTER
COMMA_NUMBER = _BEFORE + _GROUPS % "." + "(,[0-9]+)?" + _AFTER
NEGATIVE = "^[^0-9]*[(\u2212-]|-[^0-9]*$"
# `2026-02-20T10:00:00Z`, `2026-02-20 10:00:00 -0500`. Other names of zones say too little: EST is not the
# same everywhere.
_TIME = "[0-9-]{10}[T ]([01]?[0-9]|2[0-3]):[0-9:.]+"
_OFFSET = "[+-][0-9]{2}(:?[0-9]{2})?"
_OFFSET_PARTS = ("([0-9]{2})(?::?[0-9]{2})?", "[0-9]{2}:?([0-9]{2})")  # hours, minutes
INSTANT = f"^{_TIME} ?(Z|UTC|GMT|{_OFFSET})$"
LOCAL = f"^[0-9-]{{10}}$|^{_TIME}$"


def typed_rows(brand: Brand, table: str, batches: list[Batch], where: str = "") -> str:
    """SQL of every delivered row of a source in its types, or of those that meet a condition on the Bronze
    columns.

    >>> from mergehouse.engine.dialect import to_duckdb
    >>> from mergehouse.ingest.bronze import read_batches
    >>> lakehouse, brand = mh.open("shop"), mh.project("shop").brands["shop"]
    >>> sql = typed_rows(brand, "lines", read_batches(lakehouse), where="source_row = 2")
    >>> lakehouse.query(to_duckdb(sql)).project("title, price").fetchall()
    [('Lamp', Decimal('30.000000000'))]
    """
    columns = [
        f"{typed_column(brand, table, name, batches)} AS `{name}`" for name in brand.sources[table].columns
    ]
    condition = f" WHERE {where}" if where else ""
    return (
        f"SELECT {', '.join(columns)}, {', '.join(ROW_COLUMNS)} FROM"
        f" {bronze_table(brand.name, table)}{condition}"
    )


def typed_column(brand: Brand, table: str, name: str, batches: list[Batch]) -> str:
    """The expression over Bronze that reads one declared column, each batch in the formats found in it.

    >>> brand = mh.project("shop").brands["shop"]
    >>> typed_column(brand, "lines", "price", batches=[])  # nothing was delivered, so nothing can be read
    'NULL'
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for batch in batches:
        groups[batch.formats].append(batch.batch_id)
    return _by_batch(
        {
            formats: typed_value(name, brand.sources[table], json.loads(formats), brand.timezone)
            for formats in groups
        },
        groups,
    )


def among_batches(batches: list[Batch]) -> str:
    """The condition that rows of these batches meet.

    >>> from types import SimpleNamespace
    >>> among_batches([SimpleNamespace(batch_id="b1"), SimpleNamespace(batch_id="b2")])
    "batch_id IN ('b1', 'b2')"
    """
    return f"batch_id IN ({', '.join(literal(b.batch_id) for b in batches)})"


def typed_value(name: str, source: Source, formats: dict[str, Any], timezone: str) -> str:
    """The expression over Bronze that reads one declared column in the formats of a batch; NULL where it
    cannot be read.

    >>> source = mh.project("shop").brands["shop"].sources["lines"]
    >>> print(typed_value("title", source, {}, "UTC"))
    NULLIF(TRIM(`title`), '')
    >>> import duckdb
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> price = to_duckdb(f"SELECT {typed_value('price', source, {'decimal_mark': ','}, 'UTC')} FROM given")
    >>> duckdb.sql(f"WITH given AS (SELECT '1.234,50 EUR' AS price) {price}").fetchall()
    [(Decimal('1234.500000000'),)]
    """
    kind = source.columns[name].type
    nulls = ", ".join(literal(v) for v in ["", *source.null_values])
    column = f"`{name}`"
    value = f"TRIM({column})"
    if source.null_values:
        value = f"CASE WHEN TRIM({column}) IN ({nulls}) THEN NULL ELSE TRIM({column}) END"
    patterns = formats.get("dates", {}).get(name, [])
    if kind == "text":
        return f"NULLIF({value}, '')"
    if kind == "code":
        whole = f"{column} LIKE '%.0' AND {value} RLIKE '^[0-9]+[.]0$'"
        return f"NULLIF(CASE WHEN {whole} THEN SPLIT_PART({value}, '.', 1) ELSE UPPER({value}) END, '')"
    if kind == "boolean":
        return (
            f"CASE WHEN LOWER({value}) IN ({TRUE_WORDS}) THEN TRUE WHEN LOWER({value}) IN ({FALSE_WORDS})"
            " THEN FALSE END"
        )
    if kind in ("number", "percent"):
        digits = f"REPLACE({value}, '%', '')" if kind == "percent" else value
        return _number(digits, formats.get("decimal_mark", "."))
    return _instant(value, kind, patterns, timezone)


def latest(key: list[str], rows: str) -> str:
    """Where there is a key, only the latest delivery of each.

    >>> import duckdb
    >>> columns = "item, ingest_ts, source_row, price"
    >>> rows = f"SELECT * FROM (VALUES ('P1', 1, 1, 5), ('P1', 2, 1, 6)) AS t({columns})"
    >>> duckdb.sql(latest(["item"], rows).replace("`", '"')).project("item, price").fetchall()
    [('P1', 6)]
    >>> latest([], rows) == rows
    True
    """
    if not key:
        return rows
    columns = ", ".join(f"`{name}`" for name in key)
    return (
        f"SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {columns} ORDER BY ingest_ts DESC,"
        f" source_row DESC) AS delivery_rank FROM ({rows}) AS typed) AS ranked WHERE delivery_rank = 1"
    )


def _by_batch(expressions: dict[str, str], groups: dict[str, list[str]]) -> str:
    """One expression where all batches are written alike, else a CASE over the batches."""
    if not expressions:
        return "NULL"
    by_expression: dict[str, list[str]] = defaultdict(list)
    for formats, expression in expressions.items():
        by_expression[expression] += groups[formats]
    if len(by_expression) == 1:
        return next(iter(by_expression))
    cases = " ".join(
        f"WHEN batch_id IN ({', '.join(map(literal, ids))}) THEN {expression}"
        for expression, ids in by_expression.items()
    )
    return f"CASE {cases} END"


def _number(value: str, mark: str) -> str:
    """DECIMAL(18,4), or NULL. Group separators, signs and currencies are read only where they are
    unmistakable.
    """
    plain = f"TRY_CAST({value} AS DECIMAL(20, 9))"
    bare = f"REGEXP_REPLACE({value}, '^[^0-9]+|[^0-9]+$', '')"
    sign = f"CASE WHEN {value} RLIKE {literal(NEGATIVE)} THEN '-' ELSE '' END"
    point = f"TRY_CAST(CONCAT({sign}, REGEXP_REPLACE({bare}, '[^0-9.]', '')) AS DECIMAL(20, 9))"
    comma = (
        f"TRY_CAST(CONCAT({sign}, REPLACE(REGEXP_REPLACE({bare}, '[^0-9,]', ''), ',', '.')) AS"
        " DECIMAL(20, 9))"
    )
    if mark == ".":
        return (
            f"COALESCE({plain}, CASE WHEN {value} RLIKE {literal(POINT_NUMBER)} THEN {point} "
            f"WHEN {value} RLIKE '^-?[0-9]+,[0-9]{{1,2}}$' THEN {comma} END)"
        )
    return (
        f"CASE WHEN {value} RLIKE {literal(COMMA_NUMBER)} THEN {comma} WHEN {value} RLIKE"
        f" '^-?[0-9]+[.][0-9]{{1,2}}$' THEN {plain} END"
    )


def _instant(value: str, kind: str, patterns: list[str], timezone: str) -> str:
    """DATE or TIMESTAMP_NTZ in local time, or NULL: ISO first, then the patterns found in the batch."""
    target = "DATE" if kind == "date" else "TIMESTAMP_NTZ"
    iso = (
        f"TRY_CAST(SUBSTRING({value}, 1, 10) AS DATE)"
        if kind == "date"
        else f"TRY_CAST({value} AS TIMESTAMP_NTZ)"
    )
    tests = [f"WHEN {value} LIKE '____-__-__%' THEN {iso}"]
    if ISO_OFFSET in patterns:
        there = f"CAST(FROM_UTC_TIMESTAMP({_in_utc(value)}, {literal(timezone)}) AS {target})"
        tests = [
            f"WHEN {value} RLIKE {literal(INSTANT)} THEN {there}",
            f"WHEN {value} RLIKE {literal(LOCAL)} THEN {iso}",
        ]
    tries = [f"CASE {' '.join(tests)} END"]
    # else DuckDB reads 24 as the year 24
    others = sorted((p for p in patterns if p != ISO_OFFSET), key=lambda p: "yyyy" in p)
    tries += [f"CAST(TRY_TO_TIMESTAMP({value}, '{pattern}') AS {target})" for pattern in others]
    return tries[0] if len(tries) == 1 else f"COALESCE({', '.join(tries)})"


def _in_utc(value: str) -> str:
    """TIMESTAMP_NTZ, in UTC, of an ISO instant that says how far its clock is from it."""
    time = f"TRY_CAST(REGEXP_EXTRACT({value}, '^({_TIME})', 1) AS TIMESTAMP_NTZ)"
    hours, minutes = (
        f"COALESCE(TRY_CAST(REGEXP_EXTRACT({value}, '[+-]{part}$', 1) AS INT), 0)" for part in _OFFSET_PARTS
    )
    ahead = f"CASE WHEN {value} RLIKE '-[0-9]{{2}}(:?[0-9]{{2}})?$' THEN 1 ELSE -1 END"
    return f"{time} + {ahead} * ({hours} * 60 + {minutes}) * INTERVAL 1 MINUTE"


def literal(value: str) -> str:
    r"""A text as Spark SQL has it.

    >>> print(literal("Ann's"))
    'Ann\'s'
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
