"""How numbers and dates are written in a batch, found from its values where brand.yml does not say."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import duckdb

from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.config import Source

ISO_LIKE = "____-__-__%"
ISO_OFFSET = (  # after the time of some ISO instants comes how far their clock is from UTC
    "yyyy-MM-dd'T'HH:mm:ssXXX"
)
MAX_SHAPES = 20

# What can only be a decimal comma, and what can only be a decimal point. `1,000` and `1.000` decide nothing.
DECIMAL_COMMA = r"^[^0-9]*[0-9.]*,([0-9]{1,2}|[0-9]{4,})[^0-9]*$"
DECIMAL_POINT = r"^[^0-9]*[0-9,]*\.([0-9]{1,2}|[0-9]{4,})[^0-9]*$"

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


@dataclass(frozen=True)
class Formats:
    """A batch's decimal mark, by date column its patterns (Spark's) besides ISO, and what was unclear."""

    decimal_mark: str
    dates: dict[str, list[str]]
    notes: list[str]

    def as_json(self) -> str:
        """As the ledger keeps them.

        >>> Formats(",", {"day": ["d.M.yyyy"]}, notes=[]).as_json()
        '{"dates": {"day": ["d.M.yyyy"]}, "decimal_mark": ","}'
        """
        return json.dumps({"decimal_mark": self.decimal_mark, "dates": self.dates}, sort_keys=True)


def detect_formats(
    connection: duckdb.DuckDBPyConnection, relation: str, source: Source, earlier: list[str]
) -> Formats:
    """Looks at every value of the number and date columns of `relation` (a SELECT over one batch).

    What the values leave open is read as in the source's `earlier` batches (their formats as JSON, oldest
    first): the delivery of a single day seldom shows whether its dates are day-first.

    >>> source = Source(files="*", columns={"price": {"type": "number"}, "day": {"type": "date"}})
    >>> rows = "FROM (VALUES ('1.234,50', '31.12.2025'), ('7,00', '1.2.2026')) AS t(price, day)"
    >>> found = detect_formats(duckdb.connect(), rows, source, earlier=[])
    >>> found.decimal_mark, found.dates
    (',', {'day': ['d.M.yyyy']})
    """
    notes: list[str] = []
    before = [json.loads(formats) for formats in earlier]
    usual_mark = before[-1]["decimal_mark"] if before else "."
    mark = source.decimal_mark or _decimal_mark(connection, relation, source, usual_mark, notes)
    dates: dict[str, list[str]] = {}
    shapes = {
        name: _shapes(connection, relation, name)
        for name, column in source.columns.items()
        if column.type in ("date", "timestamp")
    }
    orders = [o for found in shapes.values() for shape in found if (o := shape.order) and o != "both"]
    seen = max(orders, key=orders.count, default=None)
    usual = source.date_order or seen or _usual_order(before)
    for name, found in shapes.items():
        patterns = []
        for shape in found:
            pattern = shape.pattern(
                source.date_order or (shape.order if shape.order in ("dmy", "mdy") else usual) or "dmy"
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
        if patterns and (count := len(patterns) + _has_iso(connection, relation, name)) > 1:
            notes.append(f"{name}: dates are written in {count} different formats")
        if _has_offsets(connection, relation, name):
            patterns.append(ISO_OFFSET)
        if patterns:
            dates[name] = patterns
    return Formats(mark, dates, notes)


def _usual_order(earlier: list[dict[str, Any]]) -> str | None:
    """Day or month first, as in the last earlier batch with such dates."""
    patterns = [
        pattern for formats in reversed(earlier) for found in formats["dates"].values() for pattern in found
    ]
    return next(
        ({"d": "dmy", "M": "mdy"}[p[0]] for p in patterns if re.match(r"[dM][./-][dM][./-]", p)), None
    )


def _decimal_mark(
    connection: duckdb.DuckDBPyConnection, relation: str, source: Source, usual: str, notes: list[str]
) -> str:
    """The mark most values show; the usual one where none shows any."""
    numbers = [name for name, column in source.columns.items() if column.type in ("number", "percent")]
    if not numbers:
        return usual
    with_comma = " OR ".join(f"contains({quoted(name)}, ',')" for name in numbers)
    if (
        usual == "."
        and not connection.execute(f"SELECT 1 FROM ({relation}) WHERE {with_comma} LIMIT 1").fetchall()
    ):
        return "."
    counts = ", ".join(
        f"count(*) FILTER (regexp_matches({quoted(name)}, {text(pattern)}))"
        for pattern in (DECIMAL_COMMA, DECIMAL_POINT)
        for name in numbers
    )
    found = connection.execute(f"SELECT {counts} FROM ({relation})").fetchall()[0]
    commas, points = sum(found[: len(numbers)]), sum(found[len(numbers) :])
    if commas and points:
        notes.append(f"numbers use both `,` ({commas} values) and `.` ({points} values) as decimal mark")
    if commas == points == 0:
        return usual
    return "," if commas > points else "."


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


def _shapes(connection: duckdb.DuckDBPyConnection, relation: str, name: str) -> list[_Shape]:
    """Shapes of the values that are no ISO dates, or ISO dates with AM or PM, the most frequent first."""
    column = quoted(name)
    iso = f"trim({column}) LIKE '{ISO_LIKE}' AND NOT lower(right(trim({column}), 1)) = 'm'"
    rows = connection.execute(f"""
        WITH written AS (
            SELECT trim({column}) AS value, count(*) AS times FROM ({relation})
            WHERE {column} IS NOT NULL AND trim({column}) <> '' AND NOT ({iso}) GROUP BY 1
        ), parts AS (
            SELECT *,
                   regexp_replace(regexp_replace(value, '[A-Za-z]+', 'A', 'g'), '[0-9]', '9', 'g') AS shape,
                   TRY_CAST(regexp_extract(value, '^([0-9]{{1,2}})[./-]', 1) AS INT) AS first,
                   TRY_CAST(
                     regexp_extract(value, '^[0-9]{{1,2}}[./-]([0-9]{{1,2}})[./-]', 1) AS INT
                   ) AS second
            FROM written
        )
        SELECT regexp_replace(shape, '^9{{1,2}}([./-])9{{1,2}}([./-])', '9\\19\\2') AS shape, min(value),
               coalesce(bool_or(first BETWEEN 13 AND 31), false),
               coalesce(bool_or(second BETWEEN 13 AND 31), false)
        FROM parts GROUP BY 1 ORDER BY sum(times) DESC, 1 LIMIT {MAX_SHAPES}
        """).fetchall()
    orders = {(True, False): "dmy", (False, True): "mdy", (True, True): "both", (False, False): None}
    return [_Shape(shape, example, orders[first, second]) for shape, example, first, second in rows]


def _has_iso(connection: duckdb.DuckDBPyConnection, relation: str, name: str) -> bool:
    return bool(
        connection.execute(
            f"SELECT 1 FROM ({relation}) WHERE {quoted(name)} LIKE '{ISO_LIKE}' LIMIT 1"
        ).fetchall()
    )


def _has_offsets(connection: duckdb.DuckDBPyConnection, relation: str, name: str) -> bool:
    """True where some ISO instant is more than date and time: `Z`, `+01:00`, the name of a zone. The hour 24
    counts, too.
    """
    column = f"trim({quoted(name)})"
    after = (
        f"contains({column}, '+') OR contains(substring({column}, 12), '-') OR NOT right({column}, 1) BETWEEN"
        " '0' AND '9'"
    )
    odd = f"{column} LIKE '{ISO_LIKE}' AND ({after} OR substring({column}, 12, 2) = '24')"
    return bool(connection.execute(f"SELECT 1 FROM ({relation}) WHERE {odd} LIMIT 1").fetchall())
