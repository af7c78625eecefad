"""Between Bronze and Silver: typed views of the sources, and each brand's staging SQL stacked into one view.

Everything here is generated Spark SQL text; nothing is written. A typed view reads a Bronze table with the
formats found for each batch; text that cannot be read as its type becomes NULL and later a reason code.
"""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from mergehouse.contract import Contract
from mergehouse.errors import ConfigError
from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.formats import ISO_OFFSET
from mergehouse.ingest.reader import bronze_table
from mergehouse.project import Brand, Source, nearest

TRUE_WORDS = "'1', '1.0', 'true', 't', 'yes', 'y', 'ja', 'oui', 'si', 'sí', 'wahr', 'x'"
FALSE_WORDS = "'0', '0.0', 'false', 'f', 'no', 'n', 'nein', 'non', 'falsch'"
_SPARK_TYPES = {
    "text": "STRING", "code": "STRING", "number": "DECIMAL(18, 4)", "percent": "DECIMAL(18, 4)", "boolean": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP_NTZ",
}  # fmt: skip
ORDER_LINES = "order_lines.sql"
ROW_COLUMNS = ("batch_id", "source_row", "ingest_ts")

# Numbers with group separators, a sign behind or in brackets, a currency or unit of up to four letters: `1,234.50`,
# `£ 12.50`, `12,50 EUR`, `(3.00)`, `7-`. Anything else stays unread.
_BEFORE = "^[^0-9A-Za-z]*([A-Za-z]{1,4}[.]?)?[^0-9A-Za-z.,]*"
_AFTER = "[^0-9A-Za-z.,]*([A-Za-z]{1,4}[.]?)?[^0-9A-Za-z]*$"
_GROUPS = "([0-9]{1,3}([%s \u00a0\u202f\u2019'][0-9]{3})+|[0-9]+)"
POINT_NUMBER = _BEFORE + _GROUPS % "," + "([.][0-9]+)?" + _AFTER
COMMA_NUMBER = _BEFORE + _GROUPS % "." + "(,[0-9]+)?" + _AFTER
NEGATIVE = "^[^0-9]*[(\u2212-]|-[^0-9]*$"

# `2026-02-20T10:00:00Z`, `2026-02-20 10:00:00 -0500`. Other names of zones say too little: EST is not the same everywhere.
_TIME = "[0-9-]{10}[T ]([01]?[0-9]|2[0-3]):[0-9:.]+"
_OFFSET = "[+-][0-9]{2}(:?[0-9]{2})?"
_OFFSET_PARTS = ("([0-9]{2})(?::?[0-9]{2})?", "[0-9]{2}:?([0-9]{2})")  # hours, minutes
INSTANT = f"^{_TIME} ?(Z|UTC|GMT|{_OFFSET})$"
LOCAL = f"^[0-9-]{{10}}$|^{_TIME}$"


def typed_view(brand: Brand, table: str, batches: list[Batch]) -> str:
    """SQL of `typed.<brand>_<table>`: declared columns in their types and the row's origin.

    Where the source has a key, only the latest delivery of each key is kept. An optional source that was
    never delivered has no rows.
    """
    source = brand.sources[table]
    if source.optional and not batches:
        nulls = ", ".join(f"CAST(NULL AS {_SPARK_TYPES[c.type]}) AS `{name}`" for name, c in source.columns.items())
        origin = "CAST(NULL AS STRING) AS batch_id, CAST(NULL AS BIGINT) AS source_row, CAST(NULL AS TIMESTAMP) AS ingest_ts"
        return f"SELECT {nulls}, {origin} WHERE FALSE"
    return latest(version_key(brand, table), typed_rows(brand, table, batches))


def version_key(brand: Brand, table: str) -> list[str]:
    """The columns by which only the latest delivery of a row counts.

    Of the source that order lines come from all versions are read: `silver.duplicates` keeps account of those that do not count.
    """
    key = brand.sources[table].key
    return [] if key and line_source(_resolved(brand, brand.folder / ORDER_LINES), brand)[0] == table else key


def typed_rows(brand: Brand, table: str, batches: list[Batch], where: str = "") -> str:
    """SQL of every delivered row of a source in its types, or of those that meet a condition on the Bronze columns."""
    columns = [f"{typed_column(brand, table, name, batches)} AS `{name}`" for name in brand.sources[table].columns]
    condition = f" WHERE {where}" if where else ""
    return f"SELECT {', '.join(columns)}, {', '.join(ROW_COLUMNS)} FROM {bronze_table(brand.name, table)}{condition}"


def typed_column(brand: Brand, table: str, name: str, batches: list[Batch]) -> str:
    """The expression over Bronze that reads one declared column, each batch in the formats found in it."""
    groups: dict[str, list[str]] = defaultdict(list)
    for batch in batches:
        groups[batch.formats].append(batch.batch_id)
    return _by_batch({formats: typed_value(name, brand.sources[table], json.loads(formats), brand.timezone) for formats in groups}, groups)


def typed_value(name: str, source: Source, formats: dict[str, Any], timezone: str) -> str:
    """The expression over Bronze that reads one declared column in the formats of a batch; NULL where it cannot be read."""
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
        return f"CASE WHEN LOWER({value}) IN ({TRUE_WORDS}) THEN TRUE WHEN LOWER({value}) IN ({FALSE_WORDS}) THEN FALSE END"
    if kind in ("number", "percent"):
        digits = f"REPLACE({value}, '%', '')" if kind == "percent" else value
        return _number(digits, formats.get("decimal_mark", "."))
    return _instant(value, kind, patterns, timezone)


def latest(key: list[str], rows: str) -> str:
    """Where there is a key, only the latest delivery of each."""
    if not key:
        return rows
    columns = ", ".join(f"`{name}`" for name in key)
    return (
        f"SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {columns} ORDER BY ingest_ts DESC, source_row DESC) "
        f"AS delivery_rank FROM ({rows}) AS typed) AS ranked WHERE delivery_rank = 1"
    )


def raw_rows_view(sources: list[tuple[Brand, str]]) -> str:
    """SQL of `staging.raw_rows`: the Bronze row, as JSON, of every order line that cannot be used."""
    unusable = "SELECT batch_id, source_row FROM silver.order_lines WHERE reason_code IS NOT NULL"
    parts = []
    for brand, table in sources:
        raw = ", ".join(f"b.`{name}`" for name in brand.sources[table].columns)
        parts.append(
            f"SELECT b.batch_id, b.source_row, TO_JSON(STRUCT({raw})) AS raw_row FROM {bronze_table(brand.name, table)} AS b "
            f"LEFT SEMI JOIN ({unusable}) AS q ON q.batch_id = b.batch_id AND q.source_row = b.source_row"
        )
    nothing = "SELECT CAST(NULL AS STRING) AS batch_id, CAST(NULL AS BIGINT) AS source_row, CAST(NULL AS STRING) AS raw_row WHERE FALSE"
    return " UNION ALL ".join(parts) or nothing


def stacked_view(contract: Contract, brands: list[Brand], file_name: str) -> str:
    """SQL of `staging.<name>`: every brand's query of that name, cast to the contract and stacked.

    Raises ConfigError where a query lacks a required column, returns an unknown one or reads an unknown table.
    """
    files = {brand.name: brand.folder / file_name for brand in brands}
    return stacked(contract, [(b, brand_query(b, files[b.name]), files[b.name]) for b in brands if files[b.name].exists()])


def stacked(contract: Contract, queries: list[tuple[Brand, exp.Expression, Path]]) -> str:
    """The brands' queries, each from its file, cast to the contract and stacked."""
    parts = []
    for brand, query, file in queries:
        given = _named_columns(query, contract, file)
        columns = ", ".join(
            f"{_cast(column.type)}({name if name in given else 'NULL'} AS {_view_type(name, column.type)}) AS {name}"
            for name, column in contract.columns.items()
        )
        parts.append(
            f"SELECT '{brand.name}' AS source_system, '{brand.timezone}' AS timezone, "
            f"'{brand.currency}' AS brand_currency, {columns} FROM ({query.sql(dialect='spark')}) AS `{brand.name}`"
        )
    return " UNION ALL ".join(parts) or _empty(contract)


def brand_query(brand: Brand, file: Path) -> exp.Expression:
    """A brand's staging query with its source names resolved to typed views, and its quotients to nine decimals.

    Order lines without numbers have those of their source's key, where it has one.
    """
    query = _resolved(brand, file)
    table, alias = line_source(query, brand) if file.name == ORDER_LINES else (None, "")
    if table is None or not brand.sources[table].key or "line_id" in query.named_selects:
        return query
    number = " || '-' || ".join(f"CAST({alias}.`{column}` AS STRING)" for column in brand.sources[table].key)
    return query.select(f"{number} AS line_id", dialect="spark")


def line_source(query: exp.Expression, brand: Brand) -> tuple[str | None, str]:
    """The source whose rows are the order lines, and its alias: that of `batch_id`. None where the query has another shape."""
    if not isinstance(query, exp.Select) or query.args.get("group") or not query.args.get("from_"):
        return None, ""
    joined = [join.this for join in query.args.get("joins") or []]
    tables = {t.alias_or_name: t for t in (query.args["from_"].this, *joined) if isinstance(t, exp.Table) and t.db == "typed"}
    origin = next((e.find(exp.Column) for e in query.selects if e.alias_or_name == "batch_id"), None)
    alias = origin and (origin.table or (not joined and next(iter(tables), "")))
    return (tables[alias].name.removeprefix(f"{brand.name}_"), str(alias)) if alias in tables else (None, "")


@functools.lru_cache(maxsize=256)
def _parsed(text: str, file: Path) -> exp.Query:
    try:
        query = sqlglot.parse_one(text, read="spark")
    except sqlglot.errors.ParseError as error:
        first: Any = error.errors[0] if error.errors else {}
        raise ConfigError(f"{file}, line {first.get('line', '?')}: not valid Spark SQL: {first.get('description', error)}.") from None
    if not isinstance(query, exp.Query):
        raise ConfigError(f"{file}: expected one SELECT, found {query.key.upper()}.")
    return query


def _resolved(brand: Brand, file: Path) -> exp.Query:
    query = _parsed(file.read_text(encoding="utf-8"), file).copy()
    local = {cte.alias_or_name for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if table.db or table.name in local:
            continue
        if table.name not in brand.sources:
            best = nearest(table.name, brand.sources)
            hint = f"did you mean `{best}`?" if best else f"brand.yml declares: {', '.join(brand.sources)}."
            raise ConfigError(f"{file}: reads `{table.name}`, which is no source of {brand.label}; {hint}")
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(f"{brand.name}_{table.name}"))
        table.set("db", exp.to_identifier("typed"))
    for quotient in reversed(list(query.find_all(exp.Div))):  # of decimals, DuckDB's is a float; by zero, Spark's is an error
        quotient.set("expression", exp.Nullif(this=quotient.expression, expression=exp.Literal.number(0)))
        quotient.replace(exp.TryCast(this=quotient.copy(), to=exp.DataType.build("DECIMAL(28, 9)")))
    return query


def _named_columns(query: exp.Expression, contract: Contract, file: Path) -> set[str]:
    given = set(query.named_selects)
    if "*" in given:
        raise ConfigError(f"{file}: `SELECT *` is not allowed; name the columns of {contract.table}.")
    for name in given - set(contract.columns):
        best = nearest(name, contract.columns)
        hint = f"did you mean `{best}`?" if best else f"expected: {', '.join(contract.columns)}."
        raise ConfigError(f"{file}: column `{name}` is not part of {contract.table}; {hint}")
    for name, column in contract.columns.items():
        if not column.nullable and name not in given:
            raise ConfigError(f"{file}: column `{name}` is missing. It is: {column.meaning}.")
    return given


def _view_type(name: str, kind: str) -> str:
    return "TIMESTAMP_NTZ" if name.endswith("_local_ts") else kind


def _cast(kind: str) -> str:
    """A number too large for its column must become NULL, and its line go to quarantine, not stop the run."""
    return "TRY_CAST" if kind.startswith("decimal") else "CAST"


def _empty(contract: Contract) -> str:
    nulls = ", ".join(f"CAST(NULL AS {_view_type(n, c.type)}) AS {n}" for n, c in contract.columns.items())
    return (
        "SELECT CAST(NULL AS STRING) AS source_system, CAST(NULL AS STRING) AS timezone, "
        f"CAST(NULL AS STRING) AS brand_currency, {nulls} WHERE FALSE"
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
    cases = " ".join(f"WHEN batch_id IN ({', '.join(repr(b) for b in ids)}) THEN {expression}" for expression, ids in by_expression.items())
    return f"CASE {cases} END"


def _number(value: str, mark: str) -> str:
    """DECIMAL(18,4), or NULL. Group separators, signs and currencies are read only where they are unmistakable."""
    plain = f"TRY_CAST({value} AS DECIMAL(18, 4))"
    bare = f"REGEXP_REPLACE({value}, '^[^0-9]+|[^0-9]+$', '')"
    sign = f"CASE WHEN {value} RLIKE {literal(NEGATIVE)} THEN '-' ELSE '' END"
    point = f"TRY_CAST(CONCAT({sign}, REGEXP_REPLACE({bare}, '[^0-9.]', '')) AS DECIMAL(18, 4))"
    comma = f"TRY_CAST(CONCAT({sign}, REPLACE(REGEXP_REPLACE({bare}, '[^0-9,]', ''), ',', '.')) AS DECIMAL(18, 4))"
    if mark == ".":
        return (
            f"COALESCE({plain}, CASE WHEN {value} RLIKE {literal(POINT_NUMBER)} THEN {point} "
            f"WHEN {value} RLIKE '^-?[0-9]+,[0-9]{{1,2}}$' THEN {comma} END)"
        )
    return f"CASE WHEN {value} RLIKE {literal(COMMA_NUMBER)} THEN {comma} WHEN {value} RLIKE '^-?[0-9]+[.][0-9]{{1,2}}$' THEN {plain} END"


def _instant(value: str, kind: str, patterns: list[str], timezone: str) -> str:
    """DATE or TIMESTAMP_NTZ in local time, or NULL: ISO first, then the patterns found in the batch."""
    target = "DATE" if kind == "date" else "TIMESTAMP_NTZ"
    iso = f"TRY_CAST(SUBSTRING({value}, 1, 10) AS DATE)" if kind == "date" else f"TRY_CAST({value} AS TIMESTAMP_NTZ)"
    tests = [f"WHEN {value} LIKE '____-__-__%' THEN {iso}"]
    if ISO_OFFSET in patterns:
        there = f"CAST(FROM_UTC_TIMESTAMP({_in_utc(value)}, {literal(timezone)}) AS {target})"
        tests = [f"WHEN {value} RLIKE {literal(INSTANT)} THEN {there}", f"WHEN {value} RLIKE {literal(LOCAL)} THEN {iso}"]
    tries = [f"CASE {' '.join(tests)} END"]
    others = sorted((p for p in patterns if p != ISO_OFFSET), key=lambda p: "yyyy" in p)  # else DuckDB reads 24 as the year 24
    tries += [f"CAST(TRY_TO_TIMESTAMP({value}, '{pattern}') AS {target})" for pattern in others]
    return tries[0] if len(tries) == 1 else f"COALESCE({', '.join(tries)})"


def _in_utc(value: str) -> str:
    """TIMESTAMP_NTZ, in UTC, of an ISO instant that says how far its clock is from it."""
    time = f"TRY_CAST(REGEXP_EXTRACT({value}, '^({_TIME})', 1) AS TIMESTAMP_NTZ)"
    hours, minutes = (f"COALESCE(TRY_CAST(REGEXP_EXTRACT({value}, '[+-]{part}$', 1) AS INT), 0)" for part in _OFFSET_PARTS)
    ahead = f"CASE WHEN {value} RLIKE '-[0-9]{{2}}(:?[0-9]{{2}})?$' THEN 1 ELSE -1 END"
    return f"{time} + {ahead} * ({hours} * 60 + {minutes}) * INTERVAL 1 MINUTE"


def literal(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
