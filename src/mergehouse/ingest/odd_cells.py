"""Cells that are no plain words: blanks and marks around them, words that mean "empty", shortened codes."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

import duckdb

from mergehouse.ingest.cells import BLANKS, MINOR_UNITS, OF_DATES, SHORTENED, UNSEEN
from mergehouse.ingest.numbers import DASHED
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES, places
from mergehouse.lakehouse.reader import text
from mergehouse.project.sources import TEXTS, Source

# A value of which nothing needs to be asked but what it says: capital letters and digits, parted by single
# marks, and none of NULL_WORDS. Nearly all codes and times are such, and one pattern is quicker than seven.
PLAIN_WORD = "[A-MO-Z0-9]([A-Z0-9/:_ -]*[A-Z0-9])?"
UNUSUAL = "temp.unusual"  # the other values, as ALL_WRITTEN has them
# What says "empty" in exports of databases and spreadsheets, in capital letters.
NULL_WORDS = (
    "NULL", "(NULL)", "\\N", "NAN", "NAT", "NONE", "N/A", "#N/A", "<NA>", "#NV", "#REF!", "#VALUE!",
    "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#WERT!", "#BEZUG!", "#ZAHL!", "#CALC!", "#SPILL!",
)  # fmt: skip
NA = "NA"  # says it, too, or is Namibia


def set_unusual_apart(connection: duckdb.DuckDBPyConnection) -> None:
    """Puts the values that are no plain words into UNUSUAL, which is asked for what is odd about them."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE unusual AS FROM {ALL_WRITTEN} WHERE NOT regexp_full_match(value,"
        f" '{PLAIN_WORD}')"
    )


def with_odd_characters(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[int, list[str]]:
    """By batch the columns of which some cell has characters to be cleaned of."""
    of_dates = f"of_column IN ({places(source, 'date', 'timestamp')})"
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


def accents_apart(
    connection: duckdb.DuckDBPyConnection, source: Source, notes: list[list[str]]
) -> dict[int, dict[str, list[str]]]:
    """By batch, of columns of texts and codes, the letters whose accents are characters of their own where
    one character says both, as macOS writes them: `e` and an accent for `é`.
    """
    found: dict[int, dict[str, list[str]]] = defaultdict(dict)
    names = list(source.columns)
    rows = connection.execute(
        "SELECT batch, of_column, list(DISTINCT letters), count(DISTINCT value) FROM (SELECT *,"
        f" unnest(regexp_extract_all(value, '\\P{{M}}\\p{{M}}+')) AS letters FROM {UNUSUAL} WHERE"
        f" strlen(value) <> length(value) AND of_column IN ({places(source, *TEXTS)})"
        " AND nfc_normalize(value) <> value) WHERE nfc_normalize(letters) <> letters GROUP BY ALL"
        " ORDER BY batch, of_column"
    ).fetchall()
    for batch, place, letters, values in rows:
        found[batch][names[place]] = sorted(letters, key=lambda each: (-len(each), each))
        example = unicodedata.normalize("NFC", min(letters))
        notes[batch].append(
            f"{names[place]}: in {values:,} values accents are characters of their own; they are read as"
            f" letters, such as `{example}`"
        )
    return found


def null_words(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    notes: list[list[str]],
    doubts: list[list[str]],
) -> dict[int, dict[str, list[str]]]:
    """By batch the words that mean "empty" which each column has. Where the brand declares its own, others
    are only named; NA, which may be Namibia, is in doubt.
    """
    words: dict[int, dict[str, list[str]]] = defaultdict(dict)
    mine = ", ".join(map(text, source.null_values or [""]))
    found = connection.execute(
        f"SELECT batch, of_column, upper(trim(value)) AS word, sum({TIMES})::BIGINT FROM {UNUSUAL} WHERE"
        f" word IN ({', '.join(map(text, (*NULL_WORDS, NA)))}) AND trim(value) NOT IN ({mine}) GROUP BY ALL"
        " ORDER BY ALL"
    ).fetchall()
    names, of_column = list(source.columns), defaultdict(list)
    for batch, place, word, times in found:
        if word != NA:
            of_column[batch, names[place]].append((word, times))
    if missing := [(batch, place, times) for batch, place, word, times in found if word == NA]:
        _say_missing(connection, source, missing, notes, doubts)
    for (batch, name), there in of_column.items():
        listed = ", ".join(f"`{word}` ({times:,} cells)" for word, times in there)
        if source.null_values is None:
            words[batch][name] = [word for word, _ in there]
            notes[batch].append(f"{name}: {listed} read as empty")
        else:
            notes[batch].append(f"{name}: {listed} are not among the declared `null_values`")
    return words


def _say_missing(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    missing: list[tuple[int, int, int]],
    notes: list[list[str]],
    doubts: list[list[str]],
) -> None:
    """Cells that say NA, by batch and column: among countries of two letters Namibia, unless other columns
    have it, too; else what R and spreadsheets write where there is nothing.
    """
    of_letters = connection.execute(
        f"SELECT batch, of_column FROM {ALL_WRITTEN} WHERE trim(value) <> '' GROUP BY ALL HAVING count(*) > 1"
        " AND bool_and(regexp_full_match(trim(value), '[A-Za-z]{2}'))"
    ).fetchall()
    names = list(source.columns)
    doubtful = {batch for batch, place, _ in missing if (batch, place) not in of_letters}
    for batch, place, times in missing:
        if source.columns[names[place]].type in TEXTS:
            said = doubts if batch in doubtful else notes
            said[batch].append(
                f"{names[place]}: `NA` ({times:,} cells) is read as it is written, which as a country is"
                " Namibia; if it means empty, name it in `null_values`"
            )


def shortened_codes(
    connection: duckdb.DuckDBPyConnection, source: Source, doubts: list[list[str]]
) -> dict[int, list[str]]:
    """By batch the columns of codes among which are some of which a spreadsheet has left the first digits.
    Columns of long codes that all have noughts behind the 15th digit are in doubt, too, where there are three
    such noughts: one in a thousand columns has these by chance.
    """
    found: dict[int, list[str]] = defaultdict(list)
    names, like = list(source.columns), "trim(value, ' =\"\t')"
    rows = connection.execute(
        f"SELECT batch, of_column, min({like}), sum({TIMES})::BIGINT FROM {UNUSUAL} WHERE"
        f" of_column IN ({places(source, 'code', 'id')}) AND regexp_matches({like}, {text(SHORTENED)})"
        " GROUP BY ALL ORDER BY of_column"
    ).fetchall()
    for batch, place, example, times in rows:
        found[batch].append(names[place])
        doubts[batch].append(
            f"{names[place]}: {times:,} cells such as `{example}` are codes that a spreadsheet has shortened;"
            " they are empty. Have them delivered as text"
        )
    long = connection.execute(
        f"SELECT batch, of_column, min(value), sum({TIMES})::BIGINT FROM {ALL_WRITTEN} WHERE"
        f" of_column IN ({places(source, 'code', 'id')}) AND length(value) > 15"
        " AND regexp_full_match(value, '[0-9]{16,}([.]0)?') GROUP BY batch, of_column"
        " HAVING bool_and(regexp_full_match(value, '[0-9]{15}0+([.]0)?')) AND (count(*) > 2 OR"
        " sum(length(split_part(value, '.', 1)) - 15) FILTER (value[15] <> '0') > 2) ORDER BY of_column"
    ).fetchall()
    for batch, place, example, times in long:
        doubts[batch].append(
            f"{names[place]}: {times:,} codes such as `{example}` have noughts behind their 15th digit: a"
            " spreadsheet keeps no more, and different ones may be the same. Have them delivered as text"
        )
    return found


def altered_texts(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[int, set[str]]:
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


def dashed_numbers(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[int, list[str]]:
    """By batch the columns of numbers of which some have dashes in the place of cents."""
    found: dict[int, list[str]] = defaultdict(list)
    for batch, place in connection.execute(
        f"SELECT DISTINCT batch, of_column FROM {UNUSUAL} WHERE of_column IN"
        f" ({places(source, 'number', 'percent')}) AND regexp_matches(value, {text(DASHED)}) ORDER BY ALL"
    ).fetchall():
        found[batch].append(list(source.columns)[place])
    return found


def minor_units(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[int, dict[str, list[str]]]:
    """By batch the pennies and cents that each column of codes has."""
    found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    names = list(source.columns)
    rows = connection.execute(
        f"SELECT DISTINCT batch, of_column, trim(value) FROM {UNUSUAL} WHERE"
        f" of_column IN ({places(source, 'code')}) AND trim(value) IN ({', '.join(map(text, MINOR_UNITS))})"
        " ORDER BY ALL"
    ).fetchall()
    for batch, place, unit in rows:
        found[batch][names[place]].append(unit)
    return found


def note_spellings(connection: duckdb.DuckDBPyConnection, source: Source, notes: list[list[str]]) -> None:
    """Codes of which capital and small letters occur, and which count as one."""
    among, names = f"of_column IN ({places(source, 'code')})", list(source.columns)
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
