"""How dates are written in a batch: the shapes of its values, and what their parts prove."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import duckdb

from mergehouse.ingest.instants import ISO_OFFSET, WITH_NAMES, numbers_for_names
from mergehouse.ingest.written_values import TIMES, batches_with
from mergehouse.lakehouse.reader import quoted
from mergehouse.project.sources import Column, Source

ISO_LIKE = "____-__-__%"
MAX_SHAPES = 20
# Values with every digit as 9 and every word as A, and the Spark datetime pattern that reads them.
DATE_SHAPES = {
    r"9{1,2}(?P<mark>[./-])9{1,2}(?P=mark)(?P<year>9{4}|9{2})": "{first}{mark}{second}{mark}{year}",
    r"9{4}(?P<mark>[./-])9{1,2}(?P=mark)9{1,2}": "yyyy{mark}M{mark}d",
    r"9{8}": "yyyyMMdd",
    r"9{12}": "yyyyMMddHHmm",
    r"9{14}": "yyyyMMddHHmmss",
    r"9{1,2}(?P<mark>[ -])A(?P=mark)(?P<year>9{4}|9{2})": "d{mark}{month}{mark}{year}",
    r"A 9{1,2}, 9{4}": "{month} d, yyyy",
}
TIME_SHAPES = {
    "": "", "9:9": " H:mm", "9:9:9": " H:mm:ss", "9:9:9.9": " H:mm:ss.SSSSSS", "9:9 A": " h:mm a",
    "9:9:9 A": " h:mm:ss a",
}  # fmt: skip


def date_formats(
    connection: duckdb.DuckDBPyConnection,
    written: dict[str, str],
    source: Source,
    before: list[dict[str, Any]],
    notes: list[list[str]],
) -> list[dict[str, list[str]]]:
    """By batch and column the patterns (Spark's), besides ISO, that its dates are written in; what is unclear
    is added to the `notes` of each batch. `written` names each column's table of values, `before` are the
    formats of earlier batches.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"day": {"type": "date"}})
    >>> connection, notes = duckdb.connect(), [[]]
    >>> written = written_values(connection, "SELECT '4/5/2026' AS day", ["day"])
    >>> date_formats(connection, written, source, [], notes), notes
    ([{'day': ['d/M/yyyy']}], [['day: nothing shows whether `4/5/2026` is day-first; read as d/M/yyyy. ...
    """
    columns = {n: c for n, c in source.columns.items() if c.type in ("date", "timestamp") and not c.format}
    shapes = {name: _shapes(connection, written[name], name) for name in columns}
    named = {name: _with_names(connection, written[name], name, columns[name]) for name in columns}
    iso = {
        name: batches_with(connection, f"FROM {written[name]} WHERE {quoted(name)} LIKE '{ISO_LIKE}'")
        for name in columns
    }
    with_offsets = {name: _with_offsets(connection, written[name], name) for name in columns}
    found: list[dict[str, list[str]]] = []
    usual = _usual_order(before)
    for batch, said in enumerate(notes):
        orders = [o for name in columns for s in shapes[name][batch] if (o := s.order) and o != "both"]
        seen = max(orders, key=orders.count) if orders else None
        order = source.date_order or seen or usual
        dates = {}
        for name in columns:
            patterns = _patterns(name, shapes[name][batch], source.date_order, order, said)
            patterns += named[name][batch]
            if patterns and (count := len(patterns) + (batch in iso[name])) > 1:
                said.append(f"{name}: dates are written in {count} different formats")
            if batch in with_offsets[name]:
                patterns.append(ISO_OFFSET)
            if patterns:
                dates[name] = patterns
        found.append(dates)
        usual = _usual_order([{"dates": dates}]) or usual
    return found


def _patterns(
    name: str, shapes: list[_Shape], declared: str | None, usual: str | None, notes: list[str]
) -> list[str]:
    """The patterns of a column's shapes. What a shape leaves open is read in the `usual` order."""
    patterns: list[str] = []
    for shape in shapes:
        pattern = shape.pattern(
            declared or (shape.order if shape.order in ("dmy", "mdy") else usual) or "dmy"
        )
        if pattern is None:
            continue
        if shape.order == "both":
            notes.append(
                f"{name}: `{shape.example}` and others mix day-first and month-first; read as {pattern}"
            )
        elif shape.order is None and usual is None and shape.is_day_or_month_first:
            notes.append(
                f"{name}: nothing shows whether `{shape.example}` is day-first; read as {pattern}."
                " Declare `date_order`"
            )
        if pattern not in patterns:
            patterns.append(pattern)
    return patterns


def _usual_order(earlier: list[dict[str, Any]]) -> str | None:
    """Day or month first, as in the last earlier batch with such dates."""
    patterns = (
        pattern for formats in reversed(earlier) for found in formats["dates"].values() for pattern in found
    )
    return next(
        ({"d": "dmy", "M": "mdy"}[p[0]] for p in patterns if re.match(r"[dM][./-][dM][./-]", p)), None
    )


def _with_names(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, column: Column
) -> dict[int, list[str]]:
    """By batch the patterns by which dates with names of months are read."""
    from mergehouse.engine.dialect import to_duckdb

    found: dict[int, list[str]] = defaultdict(list)
    dated = numbers_for_names(f"TRIM(`{name}`)", column)
    for pattern in WITH_NAMES if column.language else ():
        read = to_duckdb(
            f"SELECT DISTINCT batch FROM {table} WHERE TRY_TO_TIMESTAMP({dated}, '{pattern}') IS NOT NULL"
        )
        for (batch,) in connection.execute(read).fetchall():
            found[batch].append(pattern)
    return found


@dataclass(frozen=True)
class _Shape:
    """Values that look alike, digits aside: `9/9/9999 9:9`. `order` is what their parts prove."""

    shape: str
    example: str
    order: str | None

    @property
    def is_day_or_month_first(self) -> bool:
        return bool(re.match(r"^9{1,2}[./-]9{1,2}[./-]", self.shape))

    def pattern(self, order: str) -> str | None:
        """The Spark datetime pattern, or None where the shape is no date we know."""
        for date, letters in DATE_SHAPES.items():
            if match := re.fullmatch(date + "(?:(?P<comma>,?) (?P<time>.*))?", self.shape):
                parts = {"mark": "", "year": "", **match.groupdict()}
                first, second = ("d", "M") if order == "dmy" else ("M", "d")
                month = "MMMM" if re.search("[A-Za-z]{4}", self.example) else "MMM"
                year = "yy" if parts["year"] == "99" else "yyyy"
                time = TIME_SHAPES.get(re.sub("9+", "9", parts["time"] or ""))
                day = letters.format(first=first, second=second, mark=parts["mark"], month=month, year=year)
                return None if time is None else f"{day}{parts['comma'] or ''}{time}"
        return None


def _shapes(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> dict[int, list[_Shape]]:
    """By batch the shapes of values that are no ISO dates, or ISO dates with AM or PM, the most frequent
    first.
    """
    column = quoted(name)
    iso = f"trim({column}) LIKE '{ISO_LIKE}' AND NOT lower(right(trim({column}), 1)) = 'm'"
    rows = connection.execute(f"""
        WITH written AS (
            SELECT batch, trim({column}) AS value, sum({TIMES}) AS times FROM {table}
            WHERE trim({column}) <> '' AND NOT ({iso}) GROUP BY 1, 2
        ), parts AS (
            SELECT *,
                   regexp_replace(regexp_replace(value, '[A-Za-z]+', 'A', 'g'), '[0-9]', '9', 'g') AS shape,
                   TRY_CAST(regexp_extract(value, '^([0-9]{{1,2}})[./-]', 1) AS INT) AS first,
                   TRY_CAST(
                     regexp_extract(value, '^[0-9]{{1,2}}[./-]([0-9]{{1,2}})[./-]', 1) AS INT
                   ) AS second
            FROM written
        )
        SELECT batch, regexp_replace(shape, '^9{{1,2}}([./-])9{{1,2}}([./-])', '9\\19\\2') AS shape,
               min(value),
               coalesce(bool_or(first BETWEEN 13 AND 31), false),
               coalesce(bool_or(second BETWEEN 13 AND 31), false)
        FROM parts GROUP BY 1, 2
        QUALIFY row_number() OVER (PARTITION BY batch ORDER BY sum(times) DESC, 2) <= {MAX_SHAPES}
        ORDER BY batch, sum(times) DESC, 2
        """).fetchall()
    orders = {(True, False): "dmy", (False, True): "mdy", (True, True): "both", (False, False): None}
    shapes: dict[int, list[_Shape]] = defaultdict(list)
    for batch, shape, example, first, second in rows:
        shapes[batch].append(_Shape(shape, example, orders[first, second]))
    return shapes


def _with_offsets(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> set[int]:
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
