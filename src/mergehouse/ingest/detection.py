"""How numbers and dates are written in a batch, found from its values where brand.yml does not say."""

from __future__ import annotations

import json
from collections.abc import Sequence

import duckdb

from mergehouse.ingest.date_formats import date_formats
from mergehouse.ingest.decimal_marks import decimal_marks, plain_numbers
from mergehouse.ingest.formats import Formats, Written
from mergehouse.ingest.odd_cells import (
    accents_apart,
    altered_texts,
    dashed_numbers,
    minor_units,
    note_spellings,
    null_words,
    set_unusual_apart,
    shortened_codes,
    with_odd_characters,
)
from mergehouse.ingest.unread_cells import note_unread
from mergehouse.project.sources import TEXTS, Source


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
    set_unusual_apart(connection)
    notes: list[list[str]] = [[] for _ in files]
    doubts: list[list[str]] = [[] for _ in files]
    before = [json.loads(formats) for formats in earlier]
    cleaned = with_odd_characters(connection, source)
    composed = accents_apart(connection, source, notes)
    nulls = null_words(connection, source, notes, doubts)
    marks = decimal_marks(connection, written, source, before, files, notes, doubts)
    odd = {name for names in cleaned.values() for name in names}
    dates = date_formats(connection, written, source, before, notes, doubts, odd)
    plain = plain_numbers(connection, source)
    shortened = shortened_codes(connection, source, doubts)
    altered, units = altered_texts(connection, source), minor_units(connection, source)
    dashed = dashed_numbers(connection, source)
    note_spellings(connection, source, notes)
    found = []
    for batch, file in enumerate(files):
        mark, undecided, of_columns = marks[batch]
        otherwise = {*altered[batch], *nulls[batch], *cleaned[batch], *composed[batch], *shortened[batch]}
        found.append(
            Formats(
                mark,
                dates[batch],
                notes[batch],
                undecided,
                nulls[batch],
                numbers=[name for name in source.columns if name in file.numbers],
                plain=[n for n in plain if of_columns.get(n, mark) in plain[n].get(batch, ".,")],
                cleaned=cleaned[batch],
                composed=composed[batch],
                shortened=shortened[batch],
                verbatim=[n for n, c in source.columns.items() if c.type in TEXTS and n not in otherwise],
                marks=of_columns,
                minor_units=units[batch],
                dashed=dashed[batch],
                doubts=doubts[batch],
            )
        )
    note_unread(connection, written, source, found)
    return found
