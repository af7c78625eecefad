"""Functions of Spark SQL that DuckDB lacks, or that mean something else there, in DuckDB's words.

SQLGlot passes them on as they are written. What is not here and not in DuckDB ends a run with its message.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import sqlglot
from sqlglot import exp

UNITS = {"MM": "MONTH", "MON": "MONTH", "YYYY": "YEAR", "YY": "YEAR"}  # what Spark calls them, and DuckDB
OF_A_LENGTH = ("LEFT", "RIGHT", "SUBSTRING")  # as they are where it stands there as a number
LOOKED_AT = frozenset(
    (
        exp.Anonymous, exp.DateTrunc, exp.Extract, exp.Format, exp.Left, exp.Like, exp.Negative, exp.Pad,
        exp.RegexpReplace, exp.RegexpSubstr, exp.Replace, exp.Right, exp.Substring, exp.SubstringIndex,
    )
)  # fmt: skip
IN_DUCKDB = {  # by the name and the number of what it is given
    ("BTRIM", 1): "TRIM(:a)",
    ("BTRIM", 2): "TRIM(:a, :b)",
    ("FIND_IN_SET", 2): "COALESCE(LIST_POSITION(STR_SPLIT(:b, ','), :a), 0)",
    ("FORMAT_NUMBER", 2): "FORMAT('{:,.' || :b || 'f}', CAST(:a AS DOUBLE))",
    ("ISNOTNULL", 1): "(NOT :a IS NULL)",
    ("ISNULL", 1): "(:a IS NULL)",
    ("LEFT", 2): "LEFT(:a, GREATEST(:b, 0))",  # DuckDB counts what is below nought from the other end
    ("MAKE_TIMESTAMP_NTZ", 6): "MAKE_TIMESTAMP(:a, :b, :c, :d, :e, :f)",
    ("NEGATIVE", 1): "(-:a)",
    ("OCTET_LENGTH", 1): "STRLEN(:a)",
    ("PMOD", 2): "(((:a % :b) + :b) % :b)",
    ("REGEXP_SUBSTR", 2): "NULLIF(REGEXP_EXTRACT(:a, :b), '')",
    ("REPLACE", 2): "REPLACE(:a, :b, '')",
    ("RIGHT", 2): "RIGHT(:a, GREATEST(:b, 0))",
    ("SUBSTRING", 3): "SUBSTRING(:a, :b, GREATEST(:c, 0))",
    ("SUBSTRING_INDEX", 3): "ARRAY_TO_STRING(CASE WHEN :c > 0 THEN LIST_SLICE(STR_SPLIT(:a, :b), 1, :c) WHEN"
    " :c < 0 THEN LIST_REVERSE(LIST_SLICE(LIST_REVERSE(STR_SPLIT(:a, :b)), 1, -:c)) ELSE [] END, :b)",
    ("TIMESTAMP_MILLIS", 1): "MAKE_TIMESTAMP_MS(:a)",
    ("TIMESTAMP_SECONDS", 1): "MAKE_TIMESTAMP_MS(CAST(CAST(:a AS DECIMAL(20, 6)) * 1000 AS BIGINT))",
    ("TRY_TO_DATE", 1): "TRY_CAST(:a AS DATE)",
    ("TRY_TO_TIMESTAMP", 1): "TRY_CAST(:a AS TIMESTAMP)",
    ("WEEKDAY", 1): "(ISODOW(:a) - 1)",  # Monday is 0, in DuckDB Sunday
}


def in_duckdb(node: exp.Expr, inner: Callable[[exp.Expr], exp.Expr]) -> exp.Expr | None:
    """What DuckDB calls a function of Spark SQL, what is within it rewritten by `inner`; None where it is the
    same.

    >>> in_duckdb(sqlglot.parse_one("PMOD(x, 3)", read="spark"), lambda node: node).sql("duckdb")
    '(((x % 3) + 3) % 3)'
    """
    if type(node) not in LOOKED_AT:  # a plan has thousands of nodes
        return None
    match node:
        case exp.RegexpReplace(args={"replacement": exp.Literal() as put}):
            put.set("this", re.sub(r"\$(\d)", r"\\\1", put.name))  # a group is $1, in DuckDB \1
            return None
        case exp.Like() if "\\" in node.expression.name and not isinstance(node.parent, exp.Escape):
            return exp.Escape(this=_within(node, inner), expression=exp.Literal.string("\\"))
        case exp.Pad():
            node.set("this", exp.cast(node.this.transform(inner), "TEXT"))
            return None
        case exp.Format():
            return exp.Anonymous(this="PRINTF", expressions=[_within(e, inner) for e in _given(node)])
        case exp.DateTrunc():  # TRUNC: a day, where DuckDB makes it a time
            unit = node.text("unit").upper()
            start = exp.Anonymous(
                this="DATE_TRUNC",
                expressions=[exp.Literal.string(UNITS.get(unit, unit)), node.this.transform(inner)],
            )
            return exp.TryCast(this=start, to=exp.DataType.build("DATE"))
        case exp.Extract() if node.name.upper() in ("DOW", "DAYOFWEEK"):  # Sunday is 1, in DuckDB 0
            return _made("(DAYOFWEEK(:a) + 1)", [node.expression.transform(inner)])
        case exp.Func():
            name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
            given = _given(node)
            template = IN_DUCKDB.get((name.upper(), len(given)))
            if template and not (name.upper() in OF_A_LENGTH and isinstance(given[-1], exp.Literal)):
                return _made(template, [e.transform(inner) for e in given])
    return None


def _given(node: exp.Func) -> list[exp.Expr]:
    """What a function is given, in its order."""
    values = (node.args.get(name) for name in node.arg_types)
    return [e for v in values for e in (v if isinstance(v, list) else [v]) if isinstance(e, exp.Expr)]


def _made(template: str, values: list[exp.Expr]) -> exp.Expr:
    named = dict(zip("abcdef", values, strict=False))
    return exp.replace_placeholders(_parsed(template).copy(), **named)


def _within(node: exp.Expr, inner: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """A node as it is, and what is below it rewritten."""
    return node.transform(lambda each: each if each is node else inner(each), copy=False)


@functools.cache
def _parsed(template: str) -> exp.Expr:
    return sqlglot.parse_one(template, read="duckdb")
