"""How dates are written in a batch: the shapes of its values, and what their parts prove."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from mergehouse.ingest.cells import cell
from mergehouse.ingest.instants import (
    HALF_DAY,
    HOURS,
    ISO_OFFSET,
    LOOSE,
    NAMED_ZONE,
    WITH_NAMES,
    ZONE,
    ZONED,
    numbers_for_names,
    tidied,
    with_offsets,
    without_names,
    without_zone,
)
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES, batches_with
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.sources import Column, Source, is_timezone

ISO_LIKE = "____-__-__%"
MAX_SHAPES = 20
DAY = r"\d{4}-\d\d-\d\d([T ]00:00(:00([.]0+)?)? ?(Z|UTC|[+-]\d\d:?\d\d)?)?"  # without a time but midnight
# Values with every digit as 9 and every word as A, and the Spark datetime pattern that reads them.
DATE_SHAPES = {
    r"9{1,2}(?P<mark>[./-])9{1,2}(?P=mark)(?P<year>9{4}|9{2})": "{parts}",
    r"9{4}(?P<mark>[./-])9{1,2}(?P=mark)9{1,2}": "yyyy{mark}M{mark}d",
    r"9{8}": "yyyyMMdd",
    r"9{12}": "yyyyMMddHHmm",
    r"9{14}": "yyyyMMddHHmmss",
    r"9{1,2}(?P<mark>[ -]?)A(?P=mark)(?P<year>9{4}|9{2})": "d{mark}{month}{mark}{year}",
    r"A 9{1,2}, 9{4}": "{month} d, yyyy",
    r"A(?P<mark>[ -])9{1,2}(?P=mark)(?P<year>9{4}|9{2})": "{month}{mark}d{mark}{year}",
    r"9{1,2}[.] 9{1,2}[.] 9{4}": "d. M. yyyy",
    r"9{4}[.](?P<mark> ?)9{1,2}[.](?P=mark)9{1,2}[.]": "yyyy.{mark}M.{mark}d.",
    r"9{4}年9{1,2}月9{1,2}日": "yyyy年M月d日",
    r"9{4}년(?P<mark> ?)9{1,2}월(?P=mark)9{1,2}일": "yyyy년{mark}M월{mark}d일",
}
TIME_SHAPES = {
    "": "", "9:9": "H:mm", "9:9:9": "H:mm:ss", "9:9:9.9": "H:mm:ss.SSSSSS", "9:9 A": "h:mm a",
    "9:9:9 A": "h:mm:ss a",
}  # fmt: skip


def date_formats(
    connection: duckdb.DuckDBPyConnection,
    written: dict[str, str],
    source: Source,
    before: list[dict[str, Any]],
    notes: list[list[str]],
    doubts: list[list[str]],
    cleaned: Collection[str] = (),
) -> list[dict[str, list[str]]]:
    """By batch and column the patterns (Spark's), besides ISO, that its dates are written in; what is unclear
    is added to the `notes` of each batch, what seems wrong to its `doubts`. `written` names each column's
    table of values, `before` are the formats of earlier batches, `cleaned` the columns with odd characters.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"day": {"type": "date"}})
    >>> connection, notes, doubts = duckdb.connect(), [[]], [[]]
    >>> written = written_values(connection, "SELECT '4/5/2026' AS day", ["day"])
    >>> date_formats(connection, written, source, [], notes, doubts), doubts
    ([{'day': ['d/M/yyyy']}], [['day: nothing shows whether `4/5/2026` is day-first; read as d/M/yyyy. ...
    """
    columns = {n: c for n, c in source.columns.items() if c.type in ("date", "timestamp") and not c.format}
    odd = {name: _odd_times(connection, written[name], name, c) for name, c in columns.items()}
    zones = {name: _named_zones(connection, written[name], name) for name in columns}
    values = {
        name: without_names(cell(name, source, {"cleaned": cleaned}), {*chain(*zones[name].values())})
        for name in columns
    }
    values |= {name: _value(values[name], c) for name, c in columns.items() if any(odd[name].values())}
    shapes = {name: _shapes(connection, written[name], name, values[name]) for name in columns}
    named = {name: _with_names(connection, written[name], values[name], c) for name, c in columns.items()}
    iso = {
        name: batches_with(connection, f"FROM {written[name]} WHERE {quoted(name)} LIKE '{ISO_LIKE}'")
        for name in columns
    }
    iso_offsets = {name: _iso_offsets(connection, written[name], name) for name in columns}
    found: list[dict[str, list[str]]] = []
    usual = _usual_order(before)
    for batch, said in enumerate(notes):
        orders = [o for name in columns for s in shapes[name][batch] if (o := s.order) and o != "both"]
        seen = max(orders, key=orders.count) if orders else None
        order = source.date_order or seen or usual
        dates = {}
        for name in columns:
            odd_days = [] if seen else doubts[batch]
            patterns = _patterns(name, shapes[name][batch], source.date_order, order, said, odd_days)
            patterns += named[name][batch]
            if patterns and (count := len(patterns) + (batch in iso[name])) > 1:
                said.append(f"{name}: dates are written in {count} different formats")
            if batch in iso_offsets[name]:
                patterns.append(ISO_OFFSET)
            patterns += [mark for mark in (ZONED, LOOSE) if batch in odd[name][mark]]
            patterns += [f"[{zone}]" for zone in zones[name][batch]]
            if patterns:
                dates[name] = patterns
        found.append(dates)
        usual = _usual_order([{"dates": dates}]) or usual
    return found


def days_moved(connection: duckdb.DuckDBPyConnection, source: Source, timezone: str) -> dict[int, list[str]]:
    """By batch, in words, the columns of times of another zone than the brand's that are days, without a time
    or all at midnight there, which is of the day before here. The batches are those whose values are in
    ALL_WRITTEN.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"sold": {"type": "timestamp"}})
    >>> connection = duckdb.connect()
    >>> _ = written_values(connection, "FROM (VALUES ('2026-03-01T00:00:00Z')) AS t(sold)", source.columns)
    >>> days_moved(connection, source, "America/Lima")[0]
    ['sold: every value is a day at midnight of another zone, as 2026-03-01T00:00:00Z, which is of ...']
    >>> days_moved(connection, source, "Europe/Berlin")
    {}
    """
    said: dict[int, list[str]] = defaultdict(list)
    for place, (name, column) in enumerate(source.columns.items()):
        if column.type not in ("date", "timestamp") or column.format:
            continue
        is_day = "try_cast(substr(trim(value), 1, 10) AS DATE) BETWEEN '1970-01-02' AND '9998-12-31'"
        ends = f"min(trim(value)) FILTER ({is_day}), max(trim(value)) FILTER ({is_day})"
        rows = f"FROM {ALL_WRITTEN} WHERE of_column = {place} AND trim(value) <> ''"
        all_are = f"bool_and(regexp_full_match(trim(value), {text(DAY)}))"
        found = connection.execute(f"SELECT batch, {ends} {rows} GROUP BY batch HAVING {all_are}").fetchall()
        for batch, *values in found:
            days = [day for day in values if day and _is_moved(day, column, timezone)]
            if days and len(days[0]) <= 10:
                said[batch].append(
                    f"{name}: no value has a time of day, and midnight of {column.timezone} is of another day"
                    " here: declare it as `date`"
                )
            elif days:
                said[batch].append(
                    f"{name}: every value is a day at midnight of another zone, as {days[0]}, which is of"
                    f" another day here: declare it as `text`, and say CAST(SUBSTRING({name}, 1, 10) AS"
                    " TIMESTAMP)"
                )
    return dict(said)


def _is_moved(day: str, column: Column, timezone: str) -> bool:
    """True where midnight of a day, in the zone that it says or its column has, is of another day here."""
    date, zone = day[:10], re.sub("Z|UTC", "+00:00", day[10:].lstrip("T0:. "))
    if column.type == "date" and not zone:
        return False
    midnight = dt.datetime.fromisoformat(f"{date}T00:00:00{zone}")
    if not zone:
        midnight = midnight.replace(tzinfo=ZoneInfo(column.timezone or timezone))
    return midnight.astimezone(ZoneInfo(timezone)).date() != midnight.date()


def _patterns(
    name: str,
    shapes: list[_Shape],
    declared: str | None,
    usual: str | None,
    notes: list[str],
    doubts: list[str],
) -> list[str]:
    """The patterns of a column's shapes. What a shape leaves open is read in the `usual` order."""
    patterns: list[str] = []
    for shape in shapes:
        proven = shape.order if shape.order in ("dmy", "mdy", "ymd") else usual
        if proven == ("mdy" if shape.may_begin_with_year else "ymd"):  # it can be no such date
            proven = None
        pattern = shape.pattern(declared or proven or "dmy")
        if pattern is None:
            continue
        if shape.order == "ymd" and not declared:
            notes.append(f"{name}: `{shape.example}` seems to begin with the year; read as {pattern}")
        if shape.order == "both":
            notes.append(
                f"{name}: `{shape.example}` and others mix day-first and month-first; read as {pattern}"
            )
        elif shape.order is None and proven is None and shape.is_day_or_month_first:
            doubts.append(
                f"{name}: nothing shows whether `{shape.example}` is day-first; read as {pattern}."
                " Declare `date_order`"
            )
        if shape.order is None and not declared and pattern[0] == shape.stays:
            doubts.append(
                f"{name}: `{shape.example}` and all others, read as {pattern}, are one day of several months:"
                " if months are taken for days, declare `date_order`"
            )
        if pattern not in patterns:
            patterns.append(pattern)
    return patterns


def _usual_order(earlier: list[dict[str, Any]]) -> str | None:
    """Day, month or two digits of the year first, as in the last earlier batch with such dates."""
    patterns = (
        pattern for formats in reversed(earlier) for found in formats["dates"].values() for pattern in found
    )
    first = {"d": "dmy", "M": "mdy", "y": "ymd"}
    return next((first[p[0]] for p in patterns if re.match(r"([dM]|yy)[./-][dM][./-]", p)), None)


def _value(cell: str, column: Column) -> str:
    """What patterns read of a cell: without the zone of its time, where some cells have one."""
    return tidied(without_zone(with_offsets(cell, column)))


def _with_names(
    connection: duckdb.DuckDBPyConnection, table: str, value: str, column: Column
) -> dict[int, list[str]]:
    """By batch the patterns by which dates with names of months are read."""
    from mergehouse.engine.dialect import to_duckdb

    found: dict[int, list[str]] = defaultdict(list)
    dated = numbers_for_names(value, column)
    for pattern in WITH_NAMES if column.language else ():
        read = to_duckdb(
            f"SELECT DISTINCT batch FROM {table} WHERE TRY_TO_TIMESTAMP({dated}, '{pattern}') IS NOT NULL"
        )
        for (batch,) in connection.execute(read).fetchall():
            found[batch].append(pattern)
    return found


@dataclass(frozen=True)
class _Shape:
    """Values that look alike, digits aside: `9/9/9999 9:9`. `order` is what their parts prove. Part of them
    `stays` where it is the same of all, and no 1, while the other runs: a month's days rather than the same
    day of many months.
    """

    shape: str
    example: str
    order: str | None
    may_begin_with_year: bool = False  # 24-01-31
    stays: str | None = None  # `d`, the first part; `M`, the second one

    @property
    def is_day_or_month_first(self) -> bool:
        return bool(re.match(r"^9{1,2}[./-]9{1,2}[./-]", self.shape))

    def pattern(self, order: str) -> str | None:
        """The Spark datetime pattern, or None where the shape is no date we know."""
        for date, letters in DATE_SHAPES.items():
            if match := re.fullmatch(date + "(?:(?P<apart>,? |:)(?P<time>.*))?", self.shape):
                parts = {"mark": "", "year": "", **match.groupdict(default="")}
                year = "yy" if parts["year"] == "99" else "yyyy"
                ordered = ("M", "d", year) if order == "mdy" else ("d", "M", year)
                if order == "ymd" and year == "yy":
                    ordered = ("yy", "M", "d")
                month = "MMMM" if re.search("[A-Za-z]{4}", self.example) else "MMM"
                time = TIME_SHAPES.get(re.sub("9+", "9", parts["time"]))
                mark = parts["mark"]
                day = letters.format(parts=mark.join(ordered), mark=mark, month=month, year=year)
                return None if time is None else f"{day}{parts['apart']}{time}"
        return None


def _odd_times(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, column: Column
) -> dict[str, set[int]]:
    """The batches with times, other than ISO, that say their zone, and those with AM or PM, blanks or hours
    as few write them.
    """
    value, zones = f"trim({quoted(name)})", "|".join([ZONE, *column.zones])
    zoned = text(f":[0-9]{{2}}([.][0-9]+)?( ?{HALF_DAY})? ?({zones})$")
    usual, any_half = (text(f"[0-9]{half}( ?({zones}))?$") for half in (" [AaPp][Mm]", f" ?{HALF_DAY}"))
    loose = (
        f"(contains({value}, '  ') OR regexp_matches({value}, {any_half})"
        f" AND NOT regexp_matches({value}, {usual}) OR regexp_matches({value}, {text(HOURS)}))"
    )
    timed = (
        f"FROM {table} WHERE {value} NOT LIKE '{ISO_LIKE}'"
        f" AND (contains({value}, ':') OR contains(lower(right({value}, 5)), 'h'))"
    )
    hours = f"FROM {table} WHERE {value} LIKE '{ISO_LIKE}' AND contains(lower(right({value}, 5)), 'h')"
    of_iso = batches_with(connection, f"{hours} AND regexp_matches({value}, {text(HOURS)})")
    if not batches_with(connection, timed):
        return {ZONED: set(), LOOSE: of_iso}
    return {
        ZONED: batches_with(connection, f"{timed} AND regexp_matches({value}, {zoned})"),
        LOOSE: batches_with(connection, f"{timed} AND {loose}") | of_iso,
    }


def _named_zones(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> dict[int, list[str]]:
    """By batch the time zones that times name, as `2026-02-20 10:00 Europe/Berlin` does."""
    value, found = f"trim({quoted(name)})", defaultdict[int, list[str]](list)
    zone = f"regexp_extract({value}, {text(f'[ [](?:({NAMED_ZONE}))[]]?$')}, 1)"
    rows = f"FROM {table} WHERE NOT right({value}, 1) BETWEEN '0' AND '9' AND contains({value}, '/')"
    for batch, named in connection.execute(f"SELECT DISTINCT batch, {zone} {rows} ORDER BY ALL").fetchall():
        if is_timezone(named):
            found[batch].append(named)
    return found


def _shapes(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, read: str
) -> dict[int, list[_Shape]]:
    """By batch the shapes of values that are no ISO dates, or ISO dates with AM or PM, the most frequent
    first. `read` is what patterns read of a value.
    """
    column = quoted(name)
    iso = f"trim({column}) LIKE '{ISO_LIKE}' AND NOT lower(right(trim({column}), 1)) = 'm'"
    if read == f"TRIM(`{name}`)":
        values = f"SELECT batch, {TIMES} AS times, trim({column}) AS value FROM {table} WHERE NOT ({iso})"
    else:
        from mergehouse.engine.dialect import to_duckdb

        values = to_duckdb(f"SELECT batch, {TIMES} AS times, {read} AS value FROM {table}")
        values = f"SELECT * FROM ({values}) WHERE NOT ({iso.replace(column, 'value')})"
    rows = connection.execute(f"""
        WITH alike AS ( -- values of one day, at times of one shape: what is asked of the first is true of all
            SELECT batch, translate(value, '012345678', '999999999') AS digits, left(value, 9) AS day,
                   min(value) AS value, sum(times) AS times
            FROM ({values}) WHERE value <> '' GROUP BY 1, 2, 3
        ), parts AS (
            SELECT *,
                   regexp_replace(
                     regexp_replace(digits, '[A-Za-z]+', 'A', 'g'),
                     '^9{{1,2}}([./-])9{{1,2}}([./-])', '9\\19\\2'
                   ) AS shape,
                   TRY_CAST(regexp_extract(day, '^([0-9]{{1,2}})[./-]', 1) AS INT) AS first,
                   TRY_CAST(
                     regexp_extract(day, '^[0-9]{{1,2}}[./-]([0-9]{{1,2}})[./-]', 1) AS INT
                   ) AS second,
                   TRY_CAST(regexp_extract(
                     day, '^[0-9]{{1,2}}[./-][0-9]{{1,2}}[./-]([0-9]{{2}})([^0-9]|$)', 1
                   ) AS INT) AS third
            FROM alike
        )
        SELECT batch, shape, min(value),
               coalesce(bool_or(first BETWEEN 13 AND 31), false),
               coalesce(bool_or(second BETWEEN 13 AND 31), false),
               coalesce(bool_and(first >= 13 AND second <= 12 AND third <= 31), false),
               coalesce(bool_or(first > 31) OR count(DISTINCT third) > count(DISTINCT first), false),
               CASE WHEN count(DISTINCT first) = 1 AND count(DISTINCT second) > 2 AND min(first) > 1 THEN 'd'
                    WHEN count(DISTINCT second) = 1 AND count(DISTINCT first) > 2 AND min(second) > 1
                    THEN 'M' END
        FROM parts GROUP BY 1, 2
        QUALIFY row_number() OVER (PARTITION BY batch ORDER BY sum(times) DESC, shape) <= {MAX_SHAPES}
        ORDER BY batch, sum(times) DESC, shape
        """).fetchall()
    orders = {(True, False): "dmy", (False, True): "mdy", (True, True): "both", (False, False): None}
    shapes: dict[int, list[_Shape]] = defaultdict(list)
    for batch, shape, example, first, second, year_first, years, stays in rows:
        order = orders[first, second]
        if year_first and (years or "." not in shape):  # points are rare behind a year
            order = "ymd" if years else None
        shapes[batch].append(_Shape(shape, example, order, year_first, stays))
    return shapes


def _iso_offsets(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> set[int]:
    """The batches of which some ISO instant is more than date and time: `Z`, `+01:00`, the name of a zone.
    The hour 24 counts, too.
    """
    column = f"trim({quoted(name)})"
    after = (
        f"contains({column}, '+') OR contains(substring({column}, 12), '-') OR NOT right({column}, 1) BETWEEN"
        " '0' AND '9'"
    )
    odd = f"{column} LIKE '{ISO_LIKE}' AND ({after} OR substring({column}, 12, 2) = '24')"
    return batches_with(connection, f"FROM {table} WHERE {odd}")
