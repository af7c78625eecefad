"""Functions of Spark SQL in DuckDB's words, where SQLGlot passes on a name that means something else there,
or nothing.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.time import format_time

# by what SQLGlot makes of letters in a pattern the fewest that it makes it of
_AS_WRITTEN = {
    Spark.TIME_MAPPING[said]: said for said in sorted(Spark.TIME_MAPPING, key=lambda s: (-len(s), s))
}
WITH_PATTERNS = (exp.StrToTime, exp.StrToUnix, exp.TimeToStr, exp.TsOrDsToDate, exp.UnixToStr)
_UNITS = {"MM": "MONTH", "MON": "MONTH", "YY": "YEAR", "YYYY": "YEAR"}  # of TRUNC


def in_duckdb(node: exp.Expr) -> exp.Expr | None:
    """What DuckDB calls what a function of Spark gives; None where SQLGlot says it rightly.

    >>> in_duckdb(exp.Dayname(this=exp.column("sold"))).sql("duckdb")
    'LEFT(DAYNAME(sold), 3)'
    """
    if isinstance(node, exp.Anonymous):
        said = _BY_NAME.get(node.name.upper())
        if said and len(node.expressions) == 1:
            said = _OF_ONE.get(node.name.upper(), said)
        return _said(said, **dict(zip("abcdef", node.expressions, strict=False))) if said else None
    rule = _BY_KIND.get(type(node))
    return rule(node) if rule else None


def _said(sql: str, **given: exp.Expr) -> exp.Expr:
    """An expression of DuckDB, in which given ones stand for names."""
    tree = _parsed(sql).copy()
    for column in list(tree.find_all(exp.Column)):
        if column.name in given:
            column.replace(given[column.name].copy())
    return tree


@functools.cache
def _parsed(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, read="duckdb")


def _with(node: exp.Expr, name: str, value: exp.Expr) -> exp.Expr:
    """The same, given another value."""
    changed = node.copy()
    changed.set(name, value)
    return changed


def _substring(node: exp.Expr) -> exp.Expr | None:
    is_zero = node.args["start"] == exp.Literal.number(0)
    return _with(node, "start", exp.Literal.number(1)) if is_zero else None


def _pattern(node: exp.Expr) -> exp.Expr | None:
    r"""A backslash in a pattern of LIKE says that what follows stands for itself."""
    pattern = node.expression
    if isinstance(node.parent, exp.Escape) or not (pattern.is_string and "\\" in pattern.name):
        return None
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def _replaced(node: exp.Expr) -> exp.Expr | None:
    r"""Groups in what REGEXP_REPLACE puts in are `$1`, in DuckDB `\1`."""
    new = node.args["replacement"]
    if not new.is_string or not re.search(r"[$\\]", new.name):
        return None
    parts = re.findall(r"\\(.)|\$(\d)|(.)", new.name, flags=re.DOTALL)
    text = "".join(
        rf"\{group}" if group else (own or other).replace("\\", r"\\") for own, group, other in parts
    )
    return _with(node, "replacement", exp.Literal.string(text))


def _whole_units(node: exp.Expr) -> exp.Expr | None:
    """Hours and days that have passed whole; DuckDB's DATE_DIFF counts how often one begins."""
    if not node.args.get("unit"):
        return None
    clock = "TRY_CAST(n AS TIMESTAMP)"
    times = (n.this if isinstance(n, exp.TsOrDsToDate) else n for n in (node.expression, node.this))
    start, end = (_said(clock, n=n) for n in times)
    return _said(f"DATE_SUB('{node.args['unit'].name}', a, b)", a=start, b=end)


def _part_of_instant(node: exp.Expr) -> exp.Expr | None:
    """In UTC, in which every session is: SQLGlot warns of a part of an instant, not of a clock's."""
    instant = node.expression
    if not (isinstance(instant, exp.Cast) and instant.to.is_type("TIMESTAMPTZ")):
        return None
    return _with(node, "expression", exp.TryCast(this=instant.copy(), to=exp.DataType.build("TIMESTAMPNTZ")))


def _first_day(node: exp.Expr) -> exp.Expr | None:
    unit = node.args["unit"].name.upper()
    day = f"CAST(DATE_TRUNC('{_UNITS.get(unit, unit)}', TRY_CAST(a AS DATE)) AS DATE)"
    return _said(day, a=node.this)


def _months_later(node: exp.Expr) -> exp.Expr:
    return _said("CAST(TRY_CAST(a AS DATE) + TO_MONTHS(b) AS DATE)", a=node.this, b=node.expression)


def _instant(node: exp.Expr) -> exp.Expr:
    """TO_UTC_TIMESTAMP shifts what a clock shows, with or without a zone of its own. An hour that comes twice
    is meant the first time, in DuckDB the second.
    """
    clock, zone = _said("TRY_CAST(a AS TIMESTAMP)", a=node.this), node.args["zone"]
    last = _said("TIMEZONE('UTC', TIMEZONE(z, c))", c=clock, z=zone)
    first = _said("TIMEZONE('UTC', TIMEZONE(z, c - INTERVAL 1 HOUR)) + INTERVAL 1 HOUR", c=clock, z=zone)
    shown = "CASE WHEN TIMEZONE(z, TIMEZONE('UTC', f)) = c THEN f ELSE l END"
    return _said(shown, f=first, l=last, c=clock, z=zone)


def _microseconds(node: exp.Expr) -> exp.Expr | None:
    """Of what a clock in UTC shows, which to make an instant of first takes DuckDB ten times as long."""
    match node.this:
        case exp.Cast(this=exp.Cast() as clock) as instant:
            is_clock = instant.to.is_type("TIMESTAMPTZ") and clock.to.is_type("TIMESTAMPNTZ")
            return _said("EPOCH_US(a)", a=clock) if is_clock else None
    return None


def quotes_as_written(pattern: Any) -> Any:
    """A pattern of dates as SQLGlot has read it from Spark, but that what stands in quotes stands for itself:
    letters there become what they were.

    >>> quotes_as_written(Spark.format_time(exp.Literal.string("d 'day'"))).name
    "%-d 'day'"
    """
    if not (isinstance(pattern, exp.Literal) and "'" in pattern.name):
        return pattern
    said = re.sub("'([^']+)'", lambda part: f"'{format_time(part[1], _AS_WRITTEN)}'", pattern.name)
    return exp.Literal.string(said)


def in_letters_of_duckdb(pattern: Any) -> Any:
    """The same without the quotes, and `SSS`, of which SQLGlot knows nothing, as milliseconds.

    >>> in_letters_of_duckdb(Spark.format_time(exp.Literal.string("HH'h' ss.SSS"))).name
    '%Hh %S.%g'
    """
    if not pattern.is_string:
        return pattern

    def said(part: re.Match[str]) -> str:
        if part[0].startswith("'"):
            return part[1] or "'"
        return "%g" if part[0] == "SSS" else ""

    written = quotes_as_written(pattern).name
    return exp.Literal.string(re.sub("'([^']*)'|SSS|strict", said, written))


def _format(node: exp.Expr) -> exp.Expr | None:
    """What SQLGlot reads a pattern as, where it is not that."""
    written = node.args.get("format")
    if not isinstance(written, exp.Literal) or not re.search("'|SSS", written.name):
        return None
    return _with(node, "format", in_letters_of_duckdb(written))


def _padded(node: exp.Expr) -> exp.Expr | None:
    if node.this.is_string:
        return None
    return _with(node, "this", exp.TryCast(this=node.this.copy(), to=exp.DataType.build("TEXT")))


def _replaced_text(node: exp.Expr) -> exp.Expr | None:
    """What is replaced by nothing."""
    if node.args.get("replacement"):
        return None
    return _said("REPLACE(a, b, '')", a=node.this, b=node.expression)


def _parts(node: exp.Expr) -> exp.Expr:
    """SUBSTRING_INDEX: what stands before the c-th separator, below nought behind it from the end."""
    return _said(
        "ARRAY_TO_STRING(CASE WHEN c > 0 THEN LIST_SLICE(STR_SPLIT(a, b), 1, c) WHEN c < 0 THEN"
        " LIST_REVERSE(LIST_SLICE(LIST_REVERSE(STR_SPLIT(a, b)), 1, -c)) ELSE [] END, b)",
        a=node.this,
        b=node.args["delimiter"],
        c=node.args["count"],
    )


def _json(text: exp.Expr) -> exp.Expr:
    """A text as JSON; none where it is not, as where Spark reads it."""
    return exp.TryCast(this=text.copy(), to=exp.DataType.build("JSON"))


def _from_json(node: exp.Expr) -> exp.Expr | None:
    """FROM_JSON by the names and types that it is given, as JSON_TRANSFORM wants them: types within lists and
    objects. One object is a list of one; of what is to be whole DuckDB would round what is not.
    """
    written = node.expression.name
    is_nested = re.match(r"(?i)\s*(array|struct|map)\s*<", written)
    kind = exp.DataType.build(written if is_nested else f"STRUCT<{written}>", dialect="spark")
    given = _json(node.this)
    if kind.is_type(exp.DType.ARRAY):
        given = _said("CASE WHEN JSON_TYPE(a) = 'OBJECT' THEN JSON_ARRAY(a) ELSE a END", a=given)
    shape = exp.Literal.string(json.dumps(_shape(kind)))
    read = exp.Anonymous(this="JSON_TRANSFORM", expressions=[given, shape])
    whole = _whole("e0", kind, 1)
    return _said(f"LIST_TRANSFORM([a], LAMBDA e0 : {whole})[1]", a=read) if whole else read


def _whole(value: str, kind: exp.DataType, depth: int) -> str | None:
    """A value with what is to be whole as such, and empty where it is not; None where nothing is to be."""
    if kind.is_type(*exp.DataType.INTEGER_TYPES):
        return f"CASE WHEN {value} = TRUNC({value}) THEN TRY_CAST({value} AS {kind.sql('duckdb')}) END"
    if kind.is_type(exp.DType.ARRAY):
        each = _whole(f"e{depth}", kind.expressions[0], depth + 1)
        return f"LIST_TRANSFORM({value}, LAMBDA e{depth} : {each})" if each else None
    if kind.is_type(exp.DType.STRUCT):
        fields = {field.this.sql("duckdb", identify=True): field.args["kind"] for field in kind.expressions}
        values = {name: f"{value}.{name}" for name in fields}
        whole = {name: _whole(values[name], of, depth) for name, of in fields.items()}
        packed = ", ".join(f"{name} := {whole[name] or values[name]}" for name in fields)
        is_there = f"CASE WHEN {value} IS NOT NULL THEN STRUCT_PACK({packed}) END"
        return is_there if any(whole.values()) else None
    return None


def _shape(kind: exp.DataType) -> object:
    if kind.is_type(exp.DType.STRUCT):
        return {field.name: _shape(field.args["kind"]) for field in kind.expressions}
    if kind.is_type(exp.DType.ARRAY):
        return [_shape(kind.expressions[0])]
    return "DECIMAL(38, 9)" if kind.is_type(*exp.DataType.INTEGER_TYPES) else kind.sql("duckdb")


def _by(name: str) -> Callable[[exp.Expr], exp.Expr | None]:
    """MAX_BY and MIN_BY: the row of the greatest counts where what is asked of it is empty, too."""
    return lambda node: _said(f"{name}(a, b)", a=node.this, b=node.expression)


def _without_nulls(node: exp.Expr) -> exp.Expr | None:
    """FIRST and LAST of what is filled. DuckDB says it of FIRST_VALUE and LAST_VALUE, over a window; of the
    aggregates by a filter.
    """
    kind = {exp.First: exp.FirstValue, exp.Last: exp.LastValue}.get(type(node.this))
    if not kind:
        return None
    if isinstance(node.parent, exp.Window):
        return _with(node, "this", kind(this=node.this.this.copy()))
    return _said(f"{node.this.key}(a) FILTER (WHERE NOT a IS NULL)", a=node.this.this)


def _counted_from_zero(node: exp.Expr) -> exp.Expr | None:
    """The function of an element and its place, which DuckDB counts from one."""
    given = node.expression
    if not (isinstance(given, exp.Lambda) and len(given.expressions) == 2):
        return None
    place = given.expressions[1].name

    def earlier(part: exp.Expr) -> exp.Expr:
        is_place = isinstance(part, exp.Identifier) and part.name == place
        return exp.paren(part.copy() - 1) if is_place and not isinstance(part.parent, exp.Dot) else part

    return _with(node, "expression", _with(given, "this", given.this.transform(earlier)))


def _of_one(sql: str) -> Callable[[exp.Expr], exp.Expr | None]:
    return lambda node: _said(sql, a=node.this)


_BY_KIND: dict[type, Callable[[exp.Expr], exp.Expr | None]] = {
    exp.Substring: _substring,
    exp.Like: _pattern,
    exp.ILike: _pattern,
    exp.RegexpReplace: _replaced,
    exp.DateDiff: _whole_units,
    exp.TimestampDiff: _whole_units,
    exp.Extract: _part_of_instant,
    exp.DayOfWeek: _of_one("(DAYOFWEEK(TRY_CAST(a AS DATE)) + 1)"),
    exp.DateTrunc: _first_day,
    exp.AddMonths: _months_later,
    exp.DateFromUnixDate: _of_one("CAST(DATE'1970-01-01' + TO_DAYS(a) AS DATE)"),
    exp.FromTimeZone: _instant,
    exp.StrToTime: _format,
    exp.StrToUnix: _format,
    exp.TimeToStr: _format,
    exp.TsOrDsToDate: _format,
    exp.Dayname: _of_one("LEFT(DAYNAME(a), 3)"),
    exp.Monthname: _of_one("LEFT(MONTHNAME(a), 3)"),
    exp.FromJson: _from_json,
    exp.JSONExtractScalar: lambda node: _with(node, "this", _json(node.this)),
    exp.JSONKeys: lambda node: _with(node, "this", _json(node.this)),
    exp.UnixMicros: _microseconds,
    exp.UnixSeconds: _of_one("CAST(FLOOR(EPOCH(a)) AS BIGINT)"),
    exp.Pad: _padded,
    exp.Nanvl: lambda node: _said(
        "CASE WHEN ISNAN(CAST(a AS DOUBLE)) THEN b ELSE a END", a=node.this, b=node.expression
    ),
    exp.RegexpSubstr: lambda node: _said("NULLIF(REGEXP_EXTRACT(a, b), '')", a=node.this, b=node.expression),
    exp.Replace: _replaced_text,
    exp.SubstringIndex: _parts,
    exp.IgnoreNulls: _without_nulls,
    exp.Transform: _counted_from_zero,
    exp.ArrayFilter: _counted_from_zero,
    exp.Quantile: lambda node: _said("QUANTILE_CONT(a, b)", a=node.this, b=node.args["quantile"]),
    exp.ArgMax: _by("ARG_MAX_NULL"),
    exp.ArgMin: _by("ARG_MIN_NULL"),
    exp.Format: lambda node: exp.Anonymous(
        this="PRINTF", expressions=[node.this.copy(), *(e.copy() for e in node.expressions)]
    ),
}
_BY_NAME = {
    "BROUND": "ROUND_EVEN(a, b)",
    "BTRIM": "TRIM(a, b)",
    "EVERY": "BOOL_AND(a)",
    "FIND_IN_SET": "COALESCE(LIST_POSITION(STR_SPLIT(b, ','), a), 0)",
    "FORMAT_NUMBER": "FORMAT('{:,.' || b || 'f}', CAST(a AS DOUBLE))",
    "GET": "a[b + 1]",
    "ISNOTNULL": "(a IS NOT NULL)",
    "ISNULL": "(a IS NULL)",
    "JSON_ARRAY_LENGTH": (
        "CASE WHEN JSON_TYPE(TRY_CAST(a AS JSON)) = 'ARRAY' THEN JSON_ARRAY_LENGTH(TRY_CAST(a AS JSON)) END"
    ),
    "MAKE_TIMESTAMP_NTZ": "MAKE_TIMESTAMP(a, b, c, d, e, f)",
    "NEGATIVE": "(-a)",
    "NULLIFZERO": "NULLIF(a, 0)",
    "OCTET_LENGTH": "STRLEN(a)",
    "PMOD": "(((a % b) + b) % b)",
    "SOME": "BOOL_OR(a)",
    "TIMESTAMP_MICROS": "MAKE_TIMESTAMP(a)",
    "TIMESTAMP_MILLIS": "MAKE_TIMESTAMP_MS(a)",
    "TIMESTAMP_SECONDS": "MAKE_TIMESTAMP(CAST(ROUND(a * 1e6) AS BIGINT))",
    "WEEKDAY": "(ISODOW(a) - 1)",
    "ZEROIFNULL": "COALESCE(a, 0)",
}
_OF_ONE = {"BROUND": "ROUND_EVEN(a, 0)", "BTRIM": "TRIM(a)"}  # that may be given less
