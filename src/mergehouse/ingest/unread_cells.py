"""Cells that say something which cannot be read as the type of their column, or which reads oddly."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import replace

import duckdb

from mergehouse.ingest.cells import cell, typed_value
from mergehouse.ingest.formats import Formats
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES
from mergehouse.project.sources import Source

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


def note_unread(
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
        r"0000-00-00.*": "if that means empty, name it in `null_values`",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?": "no calendar or clock has it;"
        " if its parts stand in another order, declare its `format`",
        r"[2-7][0-9]{4}([.,][0-9]+)?": "it looks like a day of a spreadsheet: declare `format: excel_serial`",
        r"1[0-9]{9}([.][0-9]+)?": "it looks like seconds since 1970: declare `format: epoch_seconds`",
        r"1[0-9]{12}": "it looks like milliseconds since 1970: declare `format: epoch_milliseconds`",
        r".*:[0-9.]+ ?[A-Z]{2,5}": "if the letters are a time zone, declare it under `zones`",
        r".*[A-Z][a-z]+/[A-Z][A-Za-z_]+\]?": "if the words are a time zone, declare the column as `text`, and"
        " have the brand's SQL give `TO_UTC_TIMESTAMP(SUBSTRING(at, 1, 19), SUBSTRING(at, 21)) AS"
        " order_instant`",
        r"/Date\(.*": "it is in milliseconds since 1970: declare the column as `text`, and have the brand's"
        " SQL read them, `TIMESTAMP_MILLIS(CAST(REGEXP_EXTRACT(at, '[0-9]+', 0) AS BIGINT))`",
        r".*[^\W\d_]{3,}.*": "if it names a month, declare the `language`, else read it in the brand's SQL",
        ".*": "declare its `format`, such as `dd.MM.yyyy HH.mm`, or read it in the brand's SQL",
    }
    return next(f"; {hint}" for looks, hint in hints.items() if re.fullmatch(looks, example))
