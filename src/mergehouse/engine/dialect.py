"""Spark SQL as a tree, and as DuckDB and Spark read it: SQLGlot's translation, and what it would get wrong.

A text is parsed once. What is made of it is passed on as a tree: a text written from one and parsed again may
mean something else.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import sqlglot

# here: loaded at first use, by two threads at once, one of them meets a dialect half made
import sqlglot.dialects.duckdb
from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.expressions.core import POSITION_META_KEYS

from mergehouse.engine.spark_functions import (
    WITH_PATTERNS,
    in_duckdb,
    in_letters_of_duckdb,
    quotes_as_written,
)

PATTERN_LETTERS = (  # of dates, that Spark and DuckDB read alike
    "yyyy", "yy", "MMMM", "MMM", "MM", "M", "dd", "d", "HH", "H", "hh", "h", "mm", "m", "ss", "s", "SSSSSS",
    "SSS", "a",
)  # fmt: skip
READING_TIMES = {"TRY_TO_TIMESTAMP": "TIMESTAMPNTZ", "TRY_TO_DATE": "DATE"}

CASTS = ("BIGINT", "DECIMAL", "SMALLINT", "TINYINT")  # which SQLGlot takes for functions, unlike INT(x)

LACKING = r"[A-Z_]+( function)? is not supported (in|by) DuckDB"  # what SQLGlot says of a whole function

Sql = str | exp.Query  # Spark SQL as somebody has written it, or a tree made of such


def parsed(sql: str) -> Any:
    """The tree of Spark SQL. A cast is the same, however it is written: `INT(x)` and `CAST(x AS INT)`.

    Raises sqlglot's ParseError.

    >>> parsed("SELECT DATE(sold) AS day FROM lines").sql("spark")
    'SELECT CAST(sold AS DATE) AS day FROM lines'
    """
    return _tree(sql).copy()


@functools.lru_cache(maxsize=1024)
def _tree(sql: str) -> Any:
    return plain(sqlglot.parse_one(sql, read="spark"))


def plain(tree: exp.Expr) -> Any:
    """A tree as SQLGlot has read it, each cast in the one way that it is passed on in.

    >>> plain(sqlglot.parse_one("SELECT x::INT", read="spark")).sql("spark")
    'SELECT CAST(x AS INT)'
    """
    for node in tree.walk():  # where it stands in the text: no one asks, and a copy takes twice as long
        if node._meta and "start" in node._meta:
            node._meta = {k: v for k, v in node._meta.items() if k not in POSITION_META_KEYS} or None
    return tree.transform(_plain, copy=False)


def reading(sql: str, **queries: exp.Query) -> exp.Query:
    """Spark SQL that reads queries where it names them as tables.

    >>> reading("SELECT * FROM lines AS l", lines=parsed("SELECT 1 AS n")).sql("spark")
    'SELECT * FROM (SELECT 1 AS n) AS l'
    """
    tree: exp.Query = parsed(sql)
    for table in list(tree.find_all(exp.Table)):
        if not table.db and table.name in queries:
            alias = table.args.get("alias") or exp.TableAlias(this=table.this)
            table.replace(exp.Subquery(this=queries[table.name].copy(), alias=alias))
    return tree


def with_values(template: str, **values: exp.Expr) -> exp.Expr:
    """An expression of Spark SQL with values in the places of `:name`.

    >>> with_values("COALESCE(:it, 0)", it=exp.column("price")).sql("spark")
    'COALESCE(price, 0)'
    """
    return exp.replace_placeholders(parsed(template), **values).copy()


def to_duckdb(sql: Sql) -> str:
    """Spark SQL as DuckDB SQL.

    >>> to_duckdb("SELECT CAST(price AS STRING) AS price FROM lines")
    'SELECT TRY_CAST(price AS TEXT) AS price FROM lines'
    """
    return _translated(sql) if isinstance(sql, str) else _for_duckdb(sql.copy())


def expect_written(query: exp.Query) -> None:
    """Raises sqlglot's UnsupportedError where an engine's SQL would be written without a part of a query. A
    function that DuckDB lacks is written, and told where it runs.

    >>> expect_written(parsed("SELECT price FROM lines"))
    >>> expect_written(parsed("SELECT AGGREGATE(prices, 0, (a, x) -> a + x, a -> a * 2) FROM orders"))
    Traceback (most recent call last):
    sqlglot.errors.UnsupportedError: Argument 'finish' is not supported for expression 'Reduce' ...
    """
    query.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    try:
        _for_duckdb(query.copy(), unsupported_level=sqlglot.ErrorLevel.RAISE, max_unsupported=100)
    except sqlglot.errors.UnsupportedError as error:
        if left_out := [said for said in str(error).split("\n\n") if not re.fullmatch(LACKING, said)]:
            raise sqlglot.errors.UnsupportedError(left_out[0]) from None


def to_spark(sql: Sql) -> str:
    """Spark SQL as text: as it was written, where it was.

    >>> to_spark("SELECT  price::INT FROM lines"), to_spark(parsed("SELECT  price::INT FROM lines"))
    ('SELECT  price::INT FROM lines', 'SELECT CAST(price AS INT) FROM lines')
    """
    if isinstance(sql, str):
        return sql
    # `generate` would move all CTEs to the top, as Hive wants it, where two may have one name
    return Spark().generator().sql(sql.copy())


@functools.lru_cache(maxsize=1024)
def _translated(sql: str) -> str:
    return _for_duckdb(parsed(sql))


def _for_duckdb(tree: exp.Expr, **options: Any) -> str:
    return tree.transform(_rewrite, copy=False).sql(dialect="duckdb", copy=False, comments=False, **options)


def _plain(node: exp.Expr) -> exp.Expr:
    """What SQLGlot reads two ways, as it reads what it writes."""
    if type(node) is exp.Cast:
        kind = node.to
        if kind.is_type(exp.DType.TIMESTAMP):  # an instant: Spark's TIMESTAMP has a zone
            kind = exp.DataType(this=exp.DType.TIMESTAMPTZ, nested=False)
        return exp.TryCast(this=node.this, to=kind)
    if isinstance(node, exp.Anonymous) and node.name.upper() in CASTS and len(node.expressions) == 1:
        return exp.TryCast(this=node.expressions[0], to=exp.DataType.build(node.name))
    if isinstance(node, WITH_PATTERNS):
        node.set("format", quotes_as_written(node.args.get("format")))
    if isinstance(node, exp.GroupConcat) and not node.args.get("separator"):
        node.set("separator", exp.Literal.string(""))  # nothing, which SQLGlot writes as a comma
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont):
        return _percentile(node)
    return node


def _percentile(node: exp.WithinGroup) -> exp.Expr:
    """PERCENTILE_CONT as PERCENTILE, which is as exact; SQLGlot writes an approximation for Spark."""
    [by], share = node.expression.expressions, node.this.this
    return exp.Quantile(this=by.this, quantile=1 - share if by.args.get("desc") else share)


def _rewrite(node: exp.Expr) -> exp.Expr:
    """What SQLGlot leaves as Spark wrote it, or lets mean something else."""
    if isinstance(node, exp.JSONFormat):  # Spark leaves NULLs out
        return exp.Anonymous(
            this="JSON_MERGE_PATCH",
            expressions=[exp.Literal.string("{}"), exp.Anonymous(this="TO_JSON", expressions=[node.this])],
        )
    if isinstance(node, exp.AtTimeZone):
        # FROM_UTC_TIMESTAMP shifts what a clock shows, with or without a zone of its own: DuckDB's AT TIME
        # ZONE goes one way with the one and the other way with the other
        clock = exp.TryCast(this=node.this, to=exp.DataType.build("TIMESTAMPNTZ"))
        node.set("this", exp.Anonymous(this="TIMEZONE", expressions=[exp.Literal.string("UTC"), clock]))
    if isinstance(node, exp.TsOrDsAdd):  # DATE_ADD: a day, where DuckDB makes it a time
        for name in ("this", "expression"):
            node.set(name, node.args[name].transform(_rewrite))
        return exp.TryCast(this=node.copy(), to=exp.DataType.build("DATE"))
    if isinstance(node, exp.ConvertTimezone) and not node.args.get(
        "source_tz"
    ):  # of the session, which is UTC
        node.set("source_tz", exp.Literal.string("UTC"))
    if isinstance(node, exp.TryCast) and node.to.is_type("TIMESTAMPTZ") and _is_of_microseconds(node.this):
        number = node.this.expressions[0].transform(_rewrite)  # an instant, not what a clock shows
        return exp.Anonymous(this="MAKE_TIMESTAMPTZ", expressions=[number])
    if isinstance(node, exp.Anonymous) and (kind := READING_TIMES.get(node.name.upper())):
        return _read_time(node, kind)
    if in_duckdb(node):
        for given in list(node.iter_expressions()):
            given.replace(given.transform(_rewrite))
        return in_duckdb(node) or node
    return node


def _is_of_microseconds(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() == "TIMESTAMP_MICROS"


def _read_time(node: exp.Anonymous, kind: str) -> exp.Expr:
    """TRY_TO_TIMESTAMP or TRY_TO_DATE, with a pattern or without."""
    value, *patterns = (given.transform(_rewrite) for given in node.expressions)
    if patterns:
        letters = in_letters_of_duckdb(Spark.format_time(patterns[0]))
        value = exp.Anonymous(this="TRY_STRPTIME", expressions=[value, letters])
    return exp.TryCast(this=value, to=exp.DataType.build(kind))
