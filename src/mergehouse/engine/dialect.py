"""Spark SQL as DuckDB reads it: SQLGlot's translation, and what it would get wrong."""

from __future__ import annotations

import functools

import sqlglot
import sqlglot.dialects.duckdb

# both here: loaded at first use, by two threads at once, one of them meets a dialect half made
import sqlglot.dialects.spark
from sqlglot import exp

# Spark datetime pattern letters -> strptime. strptime's %d and %m take one or two digits, as Spark's single
# letters do.
_PATTERN = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d",
    "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "ss": "%S", "SSSSSS": "%f", "a": "%p",
}  # fmt: skip


@functools.lru_cache(maxsize=1024)
def to_duckdb(sql: str) -> str:
    """Spark SQL as DuckDB SQL.

    >>> to_duckdb("SELECT CAST(price AS STRING) AS price FROM lines")
    'SELECT TRY_CAST(price AS TEXT) AS price FROM lines'
    """
    tree = sqlglot.parse_one(sql, read="spark")
    return tree.transform(_rewrite, copy=False).sql(dialect="duckdb", copy=False)


def literal(value: str) -> str:
    r"""A text as Spark SQL has it.

    >>> print(literal("Ann's"))
    'Ann\'s'
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _rewrite(node: exp.Expression) -> exp.Expression:
    """What SQLGlot leaves as Spark wrote it, or lets mean something else."""
    if isinstance(node, exp.JSONFormat):  # Spark leaves NULLs out
        return exp.Anonymous(
            this="JSON_MERGE_PATCH",
            expressions=[exp.Literal.string("{}"), exp.Anonymous(this="TO_JSON", expressions=[node.this])],
        )
    if isinstance(node, (exp.AtTimeZone, exp.FromTimeZone)):
        # FROM_UTC_TIMESTAMP and TO_UTC_TIMESTAMP shift what a clock shows, with or without a zone of its own:
        # DuckDB's AT TIME ZONE goes one way with the one and the other way with the other
        clock: exp.Expression = exp.cast(node.this, "TIMESTAMPNTZ")
        if isinstance(node, exp.AtTimeZone):
            clock = exp.Anonymous(this="TIMEZONE", expressions=[exp.Literal.string("UTC"), clock])
        node.set("this", clock)
    if isinstance(node, exp.ConvertTimezone) and not node.args.get(
        "source_tz"
    ):  # of the session, which is UTC
        node.set("source_tz", exp.Literal.string("UTC"))
    if isinstance(node, exp.Anonymous) and node.name.upper() == "TIMESTAMP_MILLIS":
        return exp.Anonymous(this="MAKE_TIMESTAMP_MS", expressions=node.expressions)
    if isinstance(node, exp.Anonymous) and node.name.upper() == "TRY_TO_TIMESTAMP":
        value, pattern = node.expressions
        return exp.Anonymous(
            this="TRY_STRPTIME", expressions=[value, exp.Literal.string(_strptime(pattern.name))]
        )
    return node


def _strptime(pattern: str) -> str:
    result, i = "", 0
    while i < len(pattern):
        run = next((pattern[i : i + n] for n in (6, 4, 3, 2, 1) if pattern[i : i + n] in _PATTERN), None)
        result += _PATTERN[run] if run else pattern[i]
        i += len(run) if run else 1
    return result
