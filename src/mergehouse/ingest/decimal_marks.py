"""The decimal mark of numbers, found from how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import duckdb

from mergehouse.ingest.formats import Written
from mergehouse.ingest.numbers import DASHES
from mergehouse.ingest.odd_cells import NULL_WORDS
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES, places
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.sources import Source

# What can only be a decimal comma, and what can only be a decimal point. `1,000` and `1.000` decide nothing.
_DECIMALS = (
    r"^[^0-9]*([0-9{group}'’\s\x{{a0}}\x{{202f}}]*[{mark}]([0-9]{{1,2}}|[0-9]{{4,}}|{dashes})|0[{mark}][0-9]+"
    r"|[0-9]{{4,}}[{mark}][0-9]{{3}}|[0-9]{{1,3}}([{group}][0-9]{{3}})+[{mark}][0-9]{{3}}"
    r"|[0-9]{{1,3}}([{group}][0-9]{{2,3}}){{2,}})[^0-9]*$"
)
DECIMAL_COMMA = _DECIMALS.format(mark=",", group=".", dashes=DASHES)
DECIMAL_POINT = _DECIMALS.format(mark=".", group=",", dashes=DASHES)
# A number that any engine's cast reads, and reads as everything else does; of whole ones by any decimal mark.
_WHOLE, _PLAIN = "-?[0-9]{1,11}", "-?[0-9]{1,11}([.][0-9]{1,9})?"
UNDECIDED = r"^[^0-9]*[1-9][0-9]{0,2}[.,][0-9]{3}[^0-9]*$"


class Shown(NamedTuple):
    """Of a column's values in a batch how many can only have a decimal comma, and how many a point; the mark
    behind which every one of them has three noughts; one of them.
    """

    commas: int
    points: int
    thousands: str
    example: str


NOTHING_SHOWN = Shown(0, 0, "", "")


def decimal_marks(
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
    decided = {b["decimal_mark"] for b in before if not b.get("undecided")}
    shown = {} if source.decimal_mark else _marks(connection, source)
    open_values: dict[tuple[str, int], str] | None = None
    found: list[tuple[str, bool, dict[str, str]]] = []
    for batch, file in enumerate(files):
        texts = [name for name in numbers if name not in file.numbers]
        others: dict[str, str] = {}
        if source.decimal_mark or not texts:
            mark, undecided = source.decimal_mark or usual or ".", not source.decimal_mark
        else:
            seen = [shown.get((name, batch), NOTHING_SHOWN) for name in texts]
            counts = [(each.commas, each.points) for each in seen]
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
            if not undecided:
                group = "," if mark == "." else "."
                doubts[batch] += [
                    f"{name}: every number, such as `{each.example.strip()}`, is read as thousands; where"
                    " these are decimals, declare the column as `text`, and read it in the brand's SQL"
                    for name, each in zip(texts, seen, strict=True)
                    if group in each.thousands
                ]
            if undecided and len(decided) != 1:  # none before shows it, or they differ
                if open_values is None:
                    open_values = _undecided(connection, written, numbers)
                doubts[batch] += [
                    f"{name}: nothing shows whether `{value.strip()}` has decimals; read with `{mark}` as the"
                    " decimal mark. Declare `decimal_mark`"
                    for name in texts
                    if (value := open_values.get((name, batch)))
                ]
        found.append((mark, undecided, others))
        if not undecided:
            usual = mark
            decided.add(mark)
    return found


def plain_numbers(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[str, dict[int, str]]:
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


def _likely(file: Written) -> str:
    return "," if file.delimiter == ";" else "."


def _marks(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[tuple[str, int], Shown]:
    """What the values of each column of numbers show, by batch."""
    names = list(source.columns)
    commas, points = (
        f"coalesce(sum({TIMES}) FILTER (regexp_matches(value, {text(pattern)})), 0)::BIGINT"
        for pattern in (DECIMAL_COMMA, DECIMAL_POINT)
    )
    in_commas, in_points = (
        f"CASE WHEN bool_and(rtrim(value, ' )-') LIKE '%{mark}000') FILTER (trim(value) <> '') THEN '{mark}'"
        " ELSE '' END"
        for mark in ",."
    )
    rows = connection.execute(
        f"SELECT batch, of_column, {commas}, {points}, {in_commas} || {in_points}, max(value)"
        f" FROM {ALL_WRITTEN} WHERE of_column IN ({places(source, 'number', 'percent')}) GROUP BY ALL"
    ).fetchall()
    return {(names[place], batch): Shown(*shown) for batch, place, *shown in rows}


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
