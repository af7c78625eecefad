"""How numbers and dates are written in a batch, found from its values where brand.yml does not say."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import duckdb

from mergehouse.engine.dialect import to_duckdb
from mergehouse.ingest.cells import BLANKS, SHORTENED, UNSEEN, cell, typed_value
from mergehouse.ingest.date_formats import date_formats
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.config import Source

RARE = ("undecided", "nulls", "numbers", "cleaned", "shortened")

# What can only be a decimal comma, and what can only be a decimal point. `1,000` and `1.000` decide nothing.
_DECIMALS = (
    r"^[^0-9]*([0-9{group}]*{mark}([0-9]{{1,2}}|[0-9]{{4,}})|0{mark}[0-9]+|[0-9]{{4,}}{mark}[0-9]{{3}}"
    r"|[0-9]{{1,3}}({group}[0-9]{{3}})+{mark}[0-9]{{3}}|[0-9]{{1,3}}({group}[0-9]{{2,3}}){{2,}})[^0-9]*$"
)
DECIMAL_COMMA = _DECIMALS.format(mark=",", group="[.]")
DECIMAL_POINT = _DECIMALS.format(mark="[.]", group=",")
UNDECIDED = r"^[^0-9]*[1-9][0-9]{0,2}[.,][0-9]{3}[^0-9]*$"
# What says "empty" in exports of databases and spreadsheets, in capital letters.
NULL_WORDS = (
    "NULL", "(NULL)", "\\N", "NAN", "NAT", "NONE", "N/A", "#N/A", "<NA>", "#NV", "#REF!", "#VALUE!",
    "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#WERT!", "#BEZUG!", "#ZAHL!", "#CALC!", "#SPILL!",
)  # fmt: skip
KINDS = {
    "number": "a number",
    "percent": "a number",
    "date": "a date",
    "timestamp": "a time",
    "boolean": "yes or no",
}


@dataclass(frozen=True)
class Formats:
    """How a batch is written: its decimal mark (`undecided` where nothing shows it); by column its patterns
    of dates (Spark's) besides ISO, and the words that mean "empty"; columns of `numbers` that the file itself
    holds as such, of cells to be `cleaned`, of codes that a spreadsheet `shortened`; and what was unclear.
    """

    decimal_mark: str
    dates: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)
    undecided: bool = False
    nulls: dict[str, list[str]] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    shortened: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """As the ledger keeps them.

        >>> Formats(",", {"day": ["d.M.yyyy"]}).as_json()
        '{"dates": {"day": ["d.M.yyyy"]}, "decimal_mark": ","}'
        """
        always = {"decimal_mark": self.decimal_mark, "dates": self.dates}
        rare = {name: found for name in RARE if (found := getattr(self, name))}
        return json.dumps(always | rare, sort_keys=True)


def detect_formats(
    connection: duckdb.DuckDBPyConnection,
    written: dict[str, str],
    source: Source,
    earlier: list[str],
    delimiter: str | None = None,
    numbers: Collection[str] = (),
) -> Formats:
    """Looks at every value of the declared columns of a batch, of which `written` names the tables.

    What the values leave open is read as in the source's `earlier` batches (their formats as JSON, oldest
    first): the delivery of a single day seldom shows whether its dates are day-first. `numbers` are columns
    that the file itself holds as numbers.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"price": {"type": "number"}, "day": {"type": "date"}})
    >>> rows = "FROM (VALUES ('1.234,50', '31.12.2025'), ('7,00', '1.2.2026')) AS t(price, day)"
    >>> connection = duckdb.connect()
    >>> found = detect_formats(connection, written_values(connection, rows, source.columns), source, [])
    >>> found.decimal_mark, found.dates
    (',', {'day': ['d.M.yyyy']})
    """
    notes: list[str] = []
    before = [json.loads(formats) for formats in earlier]
    cleaned = _with_odd_characters(connection, source)
    nulls = _null_words(connection, source, notes)
    mark, undecided = _decimal_mark(connection, written, source, before, delimiter, numbers, notes)
    dates = date_formats(connection, written, source, before, notes)
    shortened = _shortened(connection, written, source, notes)
    _note_spellings(connection, written, source, notes)
    formats = Formats(
        mark, dates, notes, undecided, nulls, [c for c in source.columns if c in numbers], cleaned, shortened
    )
    _note_unread(connection, written, source, formats)
    return formats


def _with_odd_characters(connection: duckdb.DuckDBPyConnection, source: Source) -> list[str]:
    odd = f"(strlen(value) <> length(value) AND regexp_matches(value, {text(f'[{UNSEEN}{BLANKS}]')}))"
    wrapped = "regexp_matches(value, '[\\t\\r\\n]') OR value LIKE '=%' OR trim(value) LIKE '=%'"
    names = list(source.columns)
    found = connection.execute(
        f"SELECT DISTINCT of_column FROM {ALL_WRITTEN} WHERE {odd} OR {wrapped} ORDER BY 1"
    ).fetchall()
    return [names[place] for (place,) in found]


def _null_words(
    connection: duckdb.DuckDBPyConnection, source: Source, notes: list[str]
) -> dict[str, list[str]]:
    """The words that mean "empty" which each column has. Where the brand declares its own, others are only
    named.
    """
    words: dict[str, list[str]] = {}
    mine = ", ".join(map(text, source.null_values or [""]))
    found = connection.execute(
        f"SELECT of_column, upper(trim(value)) AS word, sum({TIMES})::BIGINT FROM {ALL_WRITTEN} WHERE word IN"
        f" ({', '.join(map(text, NULL_WORDS))}) AND trim(value) NOT IN ({mine}) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for place, name in enumerate(source.columns):
        of_column = [(word, times) for column, word, times in found if column == place]
        if not of_column:
            continue
        listed = ", ".join(f"`{word}` ({times:,} cells)" for word, times in of_column)
        if source.null_values is None:
            words[name] = [word for word, _ in of_column]
            notes.append(f"{name}: {listed} read as empty")
        else:
            notes.append(f"{name}: {listed} are not among the declared `null_values`")
    return words


def _shortened(
    connection: duckdb.DuckDBPyConnection, written: dict[str, str], source: Source, notes: list[str]
) -> list[str]:
    """Columns of codes among which are some of which a spreadsheet has left the first digits."""
    found = []
    for name in (n for n, c in source.columns.items() if c.type in ("code", "id")):
        like = f"trim({quoted(name)}, ' =\"\t')"
        rows = connection.execute(
            f"SELECT min({like}), sum({TIMES})::BIGINT FROM {written[name]} WHERE"
            f" regexp_matches({like}, {text(SHORTENED)})"
        ).fetchall()
        if times := rows[0][1]:
            found.append(name)
            notes.append(
                f"{name}: {times:,} cells such as `{rows[0][0]}` are codes that a spreadsheet has shortened;"
                " they are empty. Have them delivered as text"
            )
    return found


def _note_spellings(
    connection: duckdb.DuckDBPyConnection, written: dict[str, str], source: Source, notes: list[str]
) -> None:
    """Codes of which capital and small letters occur, and which count as one."""
    for name in (n for n, c in source.columns.items() if c.type == "code"):
        code = f"trim({quoted(name)})"
        small = (
            f"SELECT DISTINCT upper({code}) AS word FROM {written[name]} WHERE {code} <> upper({code})"
            f" AND word NOT IN ({', '.join(map(text, NULL_WORDS))})"
        )
        ((joined, example),) = connection.execute(
            f"SELECT count(*), min([one, other]) FROM (SELECT min({code}) AS one, max({code}) AS other FROM"
            f" {written[name]} WHERE upper({code}) IN ({small}) GROUP BY upper({code})) WHERE one <> other"
        ).fetchall()
        if joined:
            notes.append(
                f"{name}: {joined:,} codes come in capital and in small letters, such as `{example[0]}` and"
                f" `{example[1]}`, and count as one. If they differ, declare `type: id`"
            )


def _note_unread(
    connection: duckdb.DuckDBPyConnection, written: dict[str, str], source: Source, formats: Formats
) -> None:
    """Cells that say something, and nothing that can be read as their column's type."""
    found = json.loads(formats.as_json())
    plain = _plain(connection, source, formats)
    for name, kind in ((n, c.type) for n, c in source.columns.items() if c.type in KINDS and n not in plain):
        says = f"COALESCE({cell(name, source, found)}, '') <> ''"
        unread = f"{typed_value(name, source, found, 'UTC')} IS NULL AND {says}"
        ((example, times),) = connection.execute(
            to_duckdb(
                f"SELECT MIN(`{name}`), CAST(SUM({TIMES}) AS BIGINT) FROM {written[name]} WHERE {unread}"
            )
        ).fetchall()
        if times:
            formats.notes.append(
                f"{name}: {times:,} cells such as `{example.strip()[:40]}` cannot be read as {KINDS[kind]}"
                f" and are empty{_hint(example.strip(), kind)}"
            )


def _plain(connection: duckdb.DuckDBPyConnection, source: Source, formats: Formats) -> set[str]:
    """Columns of which every value is plainly a number, or an ISO date: what any reading reads. Asked first,
    since an expression that reads all there is takes long to make.
    """
    plain = {"number": "TRY_CAST(value AS DECIMAL(20, 9))"} if formats.decimal_mark == "." else {}
    iso = "CASE WHEN regexp_full_match(value, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN TRY_CAST(value AS DATE) END"
    plain |= {"date": iso, "timestamp": iso}
    names = list(source.columns)
    asked = " UNION ALL ".join(
        f"SELECT {place} AS place WHERE NOT EXISTS"
        f" (FROM {ALL_WRITTEN} WHERE of_column = {place} AND value <> '' AND {plain[column.type]} IS NULL)"
        for place, column in enumerate(source.columns.values())
        if column.type in plain and not column.format and column.timezone is None
    )
    return {names[place] for (place,) in connection.execute(asked).fetchall()} if asked else set()


def _hint(example: str, kind: str) -> str:
    if kind not in ("date", "timestamp"):
        return ""
    hints = {
        r"[2-7][0-9]{4}([.,][0-9]+)?": "it looks like a day of a spreadsheet: declare `format: excel_serial`",
        r"1[0-9]{9}([.][0-9]+)?": "it looks like seconds since 1970: declare `format: epoch_seconds`",
        r"1[0-9]{12}": "it looks like milliseconds since 1970: declare `format: epoch_milliseconds`",
        r".*:[0-9.]+ ?[A-Z]{2,5}": "if the letters are a time zone, declare it under `zones`",
        r".*[^\W\d_]{3,}.*": "if it names a month, declare the `language`",
    }
    return next((f"; {hint}" for looks, hint in hints.items() if re.fullmatch(looks, example)), "")


def _decimal_mark(
    connection: duckdb.DuckDBPyConnection,
    written: dict[str, str],
    source: Source,
    before: list[dict[str, Any]],
    delimiter: str | None,
    plain: Collection[str],
    notes: list[str],
) -> tuple[str, bool]:
    """The mark most values show, and False; where none shows any the usual one, and True."""
    usual = next((b["decimal_mark"] for b in reversed(before) if not b.get("undecided")), None)
    numbers = [n for n, c in source.columns.items() if c.type in ("number", "percent") and n not in plain]
    if source.decimal_mark or not numbers:
        return source.decimal_mark or usual or ".", not source.decimal_mark
    commas, points = (
        sum(
            connection.execute(
                f"SELECT coalesce(sum({TIMES}), 0)::BIGINT FROM {written[name]} WHERE"
                f" regexp_matches({quoted(name)}, {text(pattern)})"
            ).fetchall()[0][0]
            for name in numbers
        )
        for pattern in (DECIMAL_COMMA, DECIMAL_POINT)
    )
    if commas and points:
        notes.append(f"numbers use both `,` ({commas} values) and `.` ({points} values) as decimal mark")
    if commas or points:
        return "," if commas > points else ".", False
    mark = usual or ("," if delimiter == ";" else ".")
    for name in [] if usual else numbers:
        found = connection.execute(
            f"SELECT min({quoted(name)}) FROM {written[name]} WHERE"
            f" regexp_matches({quoted(name)}, {text(UNDECIDED)})"
        ).fetchall()[0][0]
        if found:
            notes.append(
                f"{name}: nothing shows whether `{found.strip()}` has decimals; read with `{mark}` as the"
                " decimal mark. Declare `decimal_mark`"
            )
    return mark, True
