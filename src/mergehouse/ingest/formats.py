"""How numbers and dates are written in a batch, found from its values where brand.yml does not say."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from mergehouse.ingest.cells import (
    BLANKS,
    MINOR_UNITS,
    OF_DATES,
    SHORTENED,
    UNSEEN,
    cell,
    typed_value,
)
from mergehouse.ingest.date_formats import date_formats
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.sources import Source

RARE = ("undecided", "marks", "nulls", "numbers", "plain", "cleaned", "shortened", "verbatim", "minor_units")

# What can only be a decimal comma, and what can only be a decimal point. `1,000` and `1.000` decide nothing.
_DECIMALS = (
    r"^[^0-9]*([0-9{group}'’\s\x{{a0}}\x{{202f}}]*[{mark}]([0-9]{{1,2}}|[0-9]{{4,}})|0[{mark}][0-9]+"
    r"|[0-9]{{4,}}[{mark}][0-9]{{3}}|[0-9]{{1,3}}([{group}][0-9]{{3}})+[{mark}][0-9]{{3}}"
    r"|[0-9]{{1,3}}([{group}][0-9]{{2,3}}){{2,}})[^0-9]*$"
)
DECIMAL_COMMA = _DECIMALS.format(mark=",", group=".")
DECIMAL_POINT = _DECIMALS.format(mark=".", group=",")
# A number that any engine's cast reads, and reads as everything else does; of whole ones by any decimal mark.
_WHOLE, _PLAIN = "-?[0-9]{1,11}", "-?[0-9]{1,11}([.][0-9]{1,9})?"
# A value of which nothing needs to be asked but what it says: capital letters and digits, parted by single
# marks, and none of NULL_WORDS. Nearly all codes and times are such, and one pattern is quicker than seven.
PLAIN_WORD = "[A-MO-Z0-9]([A-Z0-9/:_ -]*[A-Z0-9])?"
UNUSUAL = "temp.unusual"  # the other values, as ALL_WRITTEN has them
UNDECIDED = r"^[^0-9]*[1-9][0-9]{0,2}[.,][0-9]{3}[^0-9]*$"
# What says "empty" in exports of databases and spreadsheets, in capital letters.
NULL_WORDS = (
    "NULL", "(NULL)", "\\N", "NAN", "NAT", "NONE", "N/A", "#N/A", "<NA>", "#NV", "#REF!", "#VALUE!",
    "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#WERT!", "#BEZUG!", "#ZAHL!", "#CALC!", "#SPILL!",
)  # fmt: skip
TEXTS = ("text", "code", "id")
ERAS = (  # years of other calendars, and those that nobody means
    (2400, 2700, "one of the Buddhist era, 543 years ahead"),
    (1300, 1500, "one of the Persian or Islamic calendar"),
    (2, 199, "one of an era, as in Taiwan and Japan, or one without its century"),
)
KINDS = {
    "number": "a number",
    "percent": "a number",
    "date": "a date",
    "timestamp": "a time",
    "boolean": "yes or no",
}


@dataclass(frozen=True)
class Formats:
    """How a batch is written: its decimal mark (`undecided` where nothing shows it), and the `marks` of
    columns that have another; by column its patterns of dates (Spark's) besides ISO, and the words that mean
    "empty"; columns of `numbers` that the file itself holds as such, of which every cell is a `plain` one, of
    cells to be `cleaned`, of codes that a spreadsheet `shortened`, of which every cell is read `verbatim`;
    the `minor_units` of currencies among codes; `notes` on what was unclear, `doubts` on what seems wrong.
    """

    decimal_mark: str
    dates: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)
    undecided: bool = False
    nulls: dict[str, list[str]] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    shortened: list[str] = field(default_factory=list)
    verbatim: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    minor_units: dict[str, list[str]] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """As the ledger keeps them.

        >>> Formats(",", {"day": ["d.M.yyyy"]}).as_json()
        '{"dates": {"day": ["d.M.yyyy"]}, "decimal_mark": ","}'
        """
        always = {"decimal_mark": self.decimal_mark, "dates": self.dates}
        rare = {name: found for name in RARE if (found := getattr(self, name))}
        return json.dumps(always | rare, sort_keys=True)


@dataclass(frozen=True)
class Written:
    """What a file itself says of how it is written: its delimiter, if it is text, and the columns that it
    holds as numbers.
    """

    delimiter: str | None = None
    numbers: Collection[str] = ()


def detect_formats(
    connection: duckdb.DuckDBPyConnection,
    written: dict[str, str],
    source: Source,
    earlier: list[str],
    files: Sequence[Written] = (Written(),),
) -> list[Formats]:
    """Looks at every value of the declared columns of some batches, of which `written` names the tables.

    What the values leave open is read as in the source's `earlier` batches (their formats as JSON, oldest
    first) and those before it: the delivery of a single day seldom shows whether its dates are day-first.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"price": {"type": "number"}, "day": {"type": "date"}})
    >>> rows = "FROM (VALUES ('1.234,50', '31.12.2025'), ('7,00', '1.2.2026')) AS t(price, day)"
    >>> connection = duckdb.connect()
    >>> [found] = detect_formats(connection, written_values(connection, rows, source.columns), source, [])
    >>> found.decimal_mark, found.dates
    (',', {'day': ['d.M.yyyy']})
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE unusual AS FROM {ALL_WRITTEN} WHERE NOT regexp_full_match(value,"
        f" '{PLAIN_WORD}')"
    )
    notes: list[list[str]] = [[] for _ in files]
    before = [json.loads(formats) for formats in earlier]
    cleaned = _with_odd_characters(connection, source)
    nulls = _null_words(connection, source, notes)
    doubts: list[list[str]] = [[] for _ in files]
    marks = _decimal_marks(connection, written, source, before, files, notes, doubts)
    odd = {name for names in cleaned.values() for name in names}
    dates = date_formats(connection, written, source, before, notes, doubts, odd)
    plain = _plain_numbers(connection, source)
    shortened = _shortened(connection, source, notes)
    altered, minor_units = _altered(connection, source), _minor_units(connection, source)
    texts = [name for name, column in source.columns.items() if column.type in TEXTS]
    read_otherwise = [{*altered[b], *nulls[b], *cleaned[b], *shortened[b]} for b in range(len(files))]
    _note_spellings(connection, source, notes)
    found = [
        Formats(
            *marks[batch][:1], dates[batch], notes[batch], marks[batch][1], nulls[batch],
            [c for c in source.columns if c in file.numbers],
            [
                name for name in plain
                if marks[batch][2].get(name, marks[batch][0]) in plain[name].get(batch, ".,")
            ],
            cleaned[batch], shortened[batch],
            [name for name in texts if name not in read_otherwise[batch]], marks[batch][2],
            minor_units[batch], doubts[batch],
        )
        for batch, file in enumerate(files)
    ]  # fmt: skip
    _note_unread(connection, written, source, found)
    return found


def _with_odd_characters(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[int, list[str]]:
    of_dates = f"of_column IN ({_places(source, 'date', 'timestamp')})"
    odd = (
        f"(strlen(value) <> length(value) AND (regexp_matches(value, {text(f'[{UNSEEN}{BLANKS}]')})"
        f" OR {of_dates} AND regexp_matches(value, {text(f'[{OF_DATES}]')})))"
    )
    wrapped = "regexp_matches(value, '[\\t\\r\\n]') OR value LIKE '=%' OR trim(value) LIKE '=%'"
    names = list(source.columns)
    found: dict[int, list[str]] = defaultdict(list)
    for batch, place in connection.execute(
        f"SELECT DISTINCT batch, of_column FROM {UNUSUAL} WHERE {odd} OR {wrapped} ORDER BY ALL"
    ).fetchall():
        found[batch].append(names[place])
    return found


def _plain_numbers(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[str, dict[int, str]]:
    """By column of numbers and batch the decimal marks by which all of its cells are plain ones, but for
    those that say "empty"; a batch that has no others is left out.
    """
    kinds = ("number", "percent")
    columns = {place: name for place, (name, c) in enumerate(source.columns.items()) if c.type in kinds}
    if not columns:
        return {}
    percents = ", ".join(
        str(place) for place, name in columns.items() if source.columns[name].type != kinds[0]
    )
    digits = (
        f"CASE WHEN of_column IN ({percents}) THEN rtrim(word, '%') ELSE word END" if percents else "word"
    )
    whole, plain = (f"bool_and(regexp_full_match({digits}, '{p}'))" for p in (_WHOLE, _PLAIN))
    said, words = ("upper(word)", NULL_WORDS) if source.null_values is None else ("word", source.null_values)
    rows = connection.execute(
        f"SELECT batch, of_column, CASE WHEN {whole} THEN '.,' WHEN {plain} THEN '.' ELSE '' END FROM"
        f" (SELECT batch, of_column, trim(value) AS word FROM {ALL_WRITTEN} WHERE of_column IN"
        f" ({', '.join(map(str, columns))})) WHERE {said} NOT IN ({', '.join(map(text, ['', *words]))})"
        " GROUP BY ALL"
    ).fetchall()
    found: dict[str, dict[int, str]] = {name: {} for name in columns.values()}
    for batch, place, marks in rows:
        found[columns[place]][batch] = marks
    return found


def _altered(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[int, set[str]]:
    """By batch the columns of texts and codes of which some cell is trimmed, empty, or a code that is made a
    whole number or put in capitals.
    """
    kinds = [column.type for column in source.columns.values()]
    texts, codes, capitals = (
        f"of_column IN ({', '.join(str(place) for place, kind in enumerate(kinds) if kind in of) or 'NULL'})"
        for of in (TEXTS, ("code", "id"), ("code",))
    )
    declared = ", ".join(map(text, source.null_values or [])) or "NULL"
    found: dict[int, set[str]] = defaultdict(set)
    for batch, place in connection.execute(
        f"SELECT DISTINCT batch, of_column FROM {UNUSUAL} WHERE {texts} AND (value <> trim(value)"
        f" OR value = '' OR ({codes} AND value LIKE '%.0')"
        f" OR ({capitals} AND (value <> upper(value) OR strlen(value) <> length(value))))"
        f" UNION SELECT DISTINCT batch, of_column FROM {ALL_WRITTEN} WHERE {texts} AND value IN ({declared})"
    ).fetchall():
        found[batch].add(list(source.columns)[place])
    return found


def _minor_units(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[int, dict[str, list[str]]]:
    """By batch the pennies and cents that each column of codes has."""
    found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    names = list(source.columns)
    rows = connection.execute(
        f"SELECT DISTINCT batch, of_column, trim(value) FROM {UNUSUAL} WHERE"
        f" of_column IN ({_places(source, 'code')}) AND trim(value) IN ({', '.join(map(text, MINOR_UNITS))})"
        " ORDER BY ALL"
    ).fetchall()
    for batch, place, unit in rows:
        found[batch][names[place]].append(unit)
    return found


def _null_words(
    connection: duckdb.DuckDBPyConnection, source: Source, notes: list[list[str]]
) -> dict[int, dict[str, list[str]]]:
    """By batch the words that mean "empty" which each column has. Where the brand declares its own, others
    are only named.
    """
    words: dict[int, dict[str, list[str]]] = defaultdict(dict)
    mine = ", ".join(map(text, source.null_values or [""]))
    found = connection.execute(
        f"SELECT batch, of_column, upper(trim(value)) AS word, sum({TIMES})::BIGINT FROM {UNUSUAL} WHERE"
        f" word IN ({', '.join(map(text, NULL_WORDS))}) AND trim(value) NOT IN ({mine}) GROUP BY ALL"
        " ORDER BY ALL"
    ).fetchall()
    names, of_column = list(source.columns), defaultdict(list)
    for batch, place, word, times in found:
        of_column[batch, names[place]].append((word, times))
    for (batch, name), there in of_column.items():
        listed = ", ".join(f"`{word}` ({times:,} cells)" for word, times in there)
        if source.null_values is None:
            words[batch][name] = [word for word, _ in there]
            notes[batch].append(f"{name}: {listed} read as empty")
        else:
            notes[batch].append(f"{name}: {listed} are not among the declared `null_values`")
    return words


def _shortened(
    connection: duckdb.DuckDBPyConnection, source: Source, notes: list[list[str]]
) -> dict[int, list[str]]:
    """By batch the columns of codes among which are some of which a spreadsheet has left the first digits."""
    found: dict[int, list[str]] = defaultdict(list)
    names, like = list(source.columns), "trim(value, ' =\"\t')"
    rows = connection.execute(
        f"SELECT batch, of_column, min({like}), sum({TIMES})::BIGINT FROM {UNUSUAL} WHERE"
        f" of_column IN ({_places(source, 'code', 'id')}) AND regexp_matches({like}, {text(SHORTENED)})"
        " GROUP BY ALL ORDER BY of_column"
    ).fetchall()
    for batch, place, example, times in rows:
        found[batch].append(names[place])
        notes[batch].append(
            f"{names[place]}: {times:,} cells such as `{example}` are codes that a spreadsheet has shortened;"
            " they are empty. Have them delivered as text"
        )
    return found


def _places(source: Source, *kinds: str) -> str:
    """The places of the columns of some types, as SQL lists them."""
    places = (str(place) for place, column in enumerate(source.columns.values()) if column.type in kinds)
    return ", ".join(places) or "NULL"


def _note_spellings(connection: duckdb.DuckDBPyConnection, source: Source, notes: list[list[str]]) -> None:
    """Codes of which capital and small letters occur, and which count as one."""
    among, names = f"of_column IN ({_places(source, 'code')})", list(source.columns)
    small = (
        f"SELECT DISTINCT batch, of_column, upper(trim(value)) AS word FROM {UNUSUAL} WHERE {among} AND"
        f" trim(value) <> word AND word NOT IN ({', '.join(map(text, NULL_WORDS))})"
        f" AND trim(value) NOT IN ({', '.join(map(text, MINOR_UNITS))})"
    )
    rows = connection.execute(
        "SELECT batch, of_column, count(*), min([one, other]) FROM ("
        "SELECT batch, of_column, min(trim(value)) AS one, max(trim(value)) AS other FROM"
        f" {ALL_WRITTEN} WHERE {among} AND (batch, of_column, upper(trim(value))) IN ({small})"
        " GROUP BY batch, of_column, upper(trim(value))"
        ") WHERE one <> other GROUP BY ALL ORDER BY of_column"
    ).fetchall()
    for batch, place, joined, example in rows:
        notes[batch].append(
            f"{names[place]}: {joined:,} codes come in capital and in small letters, such as `{example[0]}`"
            f" and `{example[1]}`, and count as one. If they differ, declare `type: id`"
        )


def _note_unread(
    connection: duckdb.DuckDBPyConnection, written: dict[str, str], source: Source, formats: list[Formats]
) -> None:
    """Cells that say something, and nothing that can be read as their column's type."""
    from mergehouse.engine.dialect import to_duckdb

    alike: dict[str, list[int]] = defaultdict(list)
    for batch, of_batch in enumerate(formats):
        alike[replace(of_batch, plain=[], verbatim=[]).as_json()].append(batch)
    for words, batches in alike.items():
        found = json.loads(words)
        among = f"batch IN ({', '.join(map(str, batches))})" if len(alike) > 1 else "TRUE"
        plain = _iso_days(connection, source, among)
        plain |= set(source.columns).intersection(*(formats[batch].plain for batch in batches))
        asked = ((n, c.type) for n, c in source.columns.items() if c.type in KINDS and n not in plain)
        for name, kind in asked:
            says = f"COALESCE({cell(name, source, found)}, '') <> ''"
            odd = "CASE WHEN typed IS NULL THEN CASE WHEN says THEN 'unread' END"
            if kind in ("date", "timestamp"):
                odd += "".join(
                    f" WHEN YEAR(typed) BETWEEN {first} AND {last} THEN '{looks}'"
                    for first, last, looks in ERAS
                )
            typed = typed_value(name, source, found, "UTC")
            read = (
                f"SELECT batch, `{name}` AS value, {TIMES} AS times, {says} AS says, {typed} AS typed"
                f" FROM {written[name]} WHERE {among}"
            )
            rows = connection.execute(
                to_duckdb(
                    f"SELECT batch, odd, MIN(value), CAST(SUM(times) AS BIGINT) FROM (SELECT batch, value,"
                    f" times, {odd} END AS odd FROM ({read}) AS cells) AS judged WHERE odd IS NOT NULL"
                    " GROUP BY batch, odd ORDER BY batch, odd"
                )
            ).fetchall()
            for batch, said, example, times in rows:
                example = example.strip()
                formats[batch].doubts.append(
                    f"{name}: {times:,} cells such as `{example[:40]}` cannot be read as"
                    f" {KINDS[kind]} and are empty{_hint(example, kind)}"
                    if said == "unread"
                    else f"{name}: the year of {times:,} cells such as `{example[:40]}` looks like {said}:"
                    " declare the column as `text`, and have the brand's SQL count its years anew"
                )


def _iso_days(connection: duckdb.DuckDBPyConnection, source: Source, among: str) -> set[str]:
    """Columns of which every value is an ISO date: what any reading reads. Asked first, since an expression
    that reads all there is takes long to make.
    """
    day = "(1[6-9]|2[0-3])[0-9]{2}-[0-9]{2}-[0-9]{2}"  # of a year that is none of other calendars
    iso = f"CASE WHEN regexp_full_match(value, '{day}') THEN TRY_CAST(value AS DATE) END"
    names = list(source.columns)
    asked = " UNION ALL ".join(
        f"SELECT {place} AS place WHERE NOT EXISTS (FROM {ALL_WRITTEN} WHERE of_column = {place} AND {among}"
        f" AND value <> '' AND {iso} IS NULL)"
        for place, column in enumerate(source.columns.values())
        if column.type in ("date", "timestamp") and not column.format and column.timezone is None
    )
    return {names[place] for (place,) in connection.execute(asked).fetchall()} if asked else set()


def _hint(example: str, kind: str) -> str:
    if re.fullmatch(r"[-\u2010-\u2015\u2212.*/]+", example):
        return "; if that means empty, name it in `null_values`"
    if kind not in ("date", "timestamp"):
        return ""
    hints = {
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?": "no calendar or clock has it;"
        " if its parts stand in another order, declare its `format`",
        r"[2-7][0-9]{4}([.,][0-9]+)?": "it looks like a day of a spreadsheet: declare `format: excel_serial`",
        r"1[0-9]{9}([.][0-9]+)?": "it looks like seconds since 1970: declare `format: epoch_seconds`",
        r"1[0-9]{12}": "it looks like milliseconds since 1970: declare `format: epoch_milliseconds`",
        r".*:[0-9.]+ ?[A-Z]{2,5}": "if the letters are a time zone, declare it under `zones`",
        r".*[^\W\d_]{3,}.*": "if it names a month, declare the `language`, else read it in the brand's SQL",
        ".*": "declare its `format`, such as `dd.MM.yyyy HH.mm`, or read it in the brand's SQL",
    }
    return next(f"; {hint}" for looks, hint in hints.items() if re.fullmatch(looks, example))


def _decimal_marks(
    connection: duckdb.DuckDBPyConnection,
    written: dict[str, str],
    source: Source,
    before: list[dict[str, Any]],
    files: Sequence[Written],
    notes: list[list[str]],
    doubts: list[list[str]],
) -> list[tuple[str, bool, dict[str, str]]]:
    """By batch the mark most values show, and False; where none shows any the usual one, and True. Then the
    marks of columns of which all values show the other.
    """
    numbers = [n for n, c in source.columns.items() if c.type in ("number", "percent")]
    usual = next((b["decimal_mark"] for b in reversed(before) if not b.get("undecided")), None)
    shown = {} if source.decimal_mark else _marks(connection, source)
    open_values: dict[tuple[str, int], str] | None = None
    found: list[tuple[str, bool, dict[str, str]]] = []
    for batch, file in enumerate(files):
        texts = [name for name in numbers if name not in file.numbers]
        others: dict[str, str] = {}
        if source.decimal_mark or not texts:
            mark, undecided = source.decimal_mark or usual or ".", not source.decimal_mark
        else:
            counts = [shown.get((name, batch), (0, 0)) for name in texts]
            commas, points = sum(c for c, _ in counts), sum(p for _, p in counts)
            if any(c and p for c, p in counts):
                notes[batch].append(
                    f"numbers use both `,` ({commas} values) and `.` ({points} values) as decimal mark"
                )
            undecided = not (commas or points)
            mark = ("," if commas > points else ".") if not undecided else usual or _likely(file)
            for name, (comma, point) in zip(texts, counts, strict=True) if commas and points else ():
                if mark != (own := "," if comma else ".") and not (comma and point) and comma + point:
                    others[name] = own
                    notes[batch].append(
                        f"{name}: written with `{own}` as the decimal mark, unlike the others"
                    )
            if undecided and not usual:
                if open_values is None:
                    open_values = _undecided(connection, written, numbers)
                doubts[batch] += [
                    f"{name}: nothing shows whether `{value.strip()}` has decimals; read with `{mark}` as the"
                    " decimal mark. Declare `decimal_mark`"
                    for name in texts
                    if (value := open_values.get((name, batch)))
                ]
        found.append((mark, undecided, others))
        usual = usual if undecided else mark
    return found


def _likely(file: Written) -> str:
    return "," if file.delimiter == ";" else "."


def _marks(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[tuple[str, int], tuple[int, int]]:
    """By column of numbers and batch how many values can only have a decimal comma, and how many a point."""
    names = list(source.columns)
    commas, points = (
        f"coalesce(sum({TIMES}) FILTER (regexp_matches(value, {text(pattern)})), 0)::BIGINT"
        for pattern in (DECIMAL_COMMA, DECIMAL_POINT)
    )
    rows = connection.execute(
        f"SELECT batch, of_column, {commas}, {points} FROM {ALL_WRITTEN} WHERE"
        f" of_column IN ({_places(source, 'number', 'percent')}) GROUP BY ALL"
    ).fetchall()
    return {(names[place], batch): (comma, point) for batch, place, comma, point in rows}


def _undecided(
    connection: duckdb.DuckDBPyConnection, written: dict[str, str], names: list[str]
) -> dict[tuple[str, int], str]:
    """By column and batch a value that may be a thousand or have decimals."""
    found: dict[tuple[str, int], str] = {}
    for name in names:
        rows = connection.execute(
            f"SELECT batch, min({quoted(name)}) FROM {written[name]} WHERE"
            f" regexp_matches({quoted(name)}, {text(UNDECIDED)}) GROUP BY batch"
        ).fetchall()
        found |= {(name, batch): value for batch, value in rows}
    return found
