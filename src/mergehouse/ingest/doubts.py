"""Rows that look like something else than data: the header once more, totals, days taken for months."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import duckdb

from mergehouse.ingest.header import Header
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES, batches_with
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.sources import Source

TOTALS = (
    "total", "totals", "grand total", "subtotal", "sum", "summe", "gesamt", "gesamtsumme", "zwischensumme",
    "totale", "total general", "total général", "suma", "somme", "totaal", "razem", "celkem", "summa",
    "yhteensä", "összesen", "σύνολο",
)  # fmt: skip
MARKED = ("code", "id", "date", "timestamp")  # types of columns that hold no words
_WRITTEN = sorted(
    style(word) + end
    for word in TOTALS
    for style in (str.lower, str.upper, str.capitalize)
    for end in ("", ":")
)


def doubtful_rows(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    written: dict[str, str],
    source: Source,
    headers: Sequence[Header],
    batch: str | None = None,
) -> dict[int, list[str]]:
    """What rows of `relation` seem not to be data, in words, by batch: the values of its column `batch`,
    without which all rows are of one. `headers` are those of the batches; `written` names each column's
    table of values, which is asked first: most batches have no such words.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"order": {"type": "code"}, "price": {}})
    >>> rows = "FROM (VALUES ('A1', '5'), ('Order', 'Price'), ('Total:', '5')) AS t(\\"order\\", price)"
    >>> header = Header({"order": "Order", "price": "Price"}, undeclared=[], drift=[])
    >>> connection = duckdb.connect()
    >>> written = written_values(connection, rows, source.columns)
    >>> doubtful_rows(connection, rows, written, source, [header])[0]
    ['1 row(s) say what the header says', '1 row(s) look like a total']
    """
    said: dict[int, list[str]] = defaultdict(list)

    def batches_where(name: str, condition: str) -> set[int]:
        return batches_with(connection, f"FROM {written[name]} WHERE {condition}")

    def count(batches: set[int], condition: str, words: str) -> None:
        if not batches:
            return
        by, among = quoted(batch) if batch else "0", ", ".join(map(str, sorted(batches)))
        rows = f"SELECT {by}, count(*) FROM ({relation}) WHERE ({condition}) AND {by} IN ({among}) GROUP BY 1"
        for place, found in connection.execute(rows).fetchall():
            said[place].append(f"{found:,} row(s) {words}")

    alike: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for place, header in enumerate(headers):
        alike[tuple(header.delivered[name].strip() for name in source.columns)].add(place)
    few_first = _by_number_of_values(connection, list(source.columns))
    for called, places in alike.items():
        again = {
            name: f"trim({quoted(name)}, ' ' || chr(65279)) = {text(word)}"
            for name, word in zip(source.columns, called, strict=True)
        }
        for name in few_first:
            places &= batches_where(name, again[name]) if places else places
        count(places, " AND ".join(again.values()), "say what the header says")
    marked = {place: name for place, (name, c) in enumerate(source.columns.items()) if c.type in MARKED}
    total = f"IN ({', '.join(map(text, _WRITTEN))})"
    with_totals = batches_with(  # all are words: what begins with a digit needs not be looked for
        connection,
        f"FROM {ALL_WRITTEN} WHERE of_column IN ({', '.join(map(str, marked)) or 'NULL'})"
        f" AND value >= 'A' AND value {total}",
    )
    count(with_totals, " OR ".join(f"{quoted(c)} {total}" for c in marked.values()), "look like a total")
    for name, column in source.columns.items():
        if column.type in ("date", "timestamp") and not column.format:
            for place, swapped in _swapped_days(connection, written[name], name).items():
                said[place].append(
                    f"{name}: {swapped:,} row(s) up to the 12th of a month are dates and all later days are"
                    " texts: a spreadsheet seems to have taken days for months"
                )
    return said


def _by_number_of_values(connection: duckdb.DuckDBPyConnection, names: list[str]) -> list[str]:
    """Columns of few values first: these are asked at once, and most often decide."""
    counts = f"SELECT of_column, count(*) FROM {ALL_WRITTEN} GROUP BY of_column"
    values = dict(connection.execute(counts).fetchall())
    return [names[place] for place in sorted(range(len(names)), key=lambda place: values.get(place, 0))]


def _swapped_days(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> dict[int, int]:
    """By batch how many ISO dates there are beside texts such as 13/01/2026, where a spreadsheet has made
    dates of all texts that it could read, with the month first, and left the others as they were.
    """
    value, any_part, later_part = quoted(name), "[0-9]{1,2}", "(1[3-9]|[23][0-9])"
    day = f"substring({value}, 9, 2)"
    parts = f"({later_part}[./-]{any_part}|{any_part}[./-]{later_part})"
    later = f"regexp_matches({value}, '^{parts}[./-][0-9]{{4}}')"
    rows = connection.execute(
        f"SELECT batch, sum({TIMES}) FILTER (is_iso)::BIGINT FROM (SELECT *, regexp_matches({value},"
        f" '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') AS is_iso FROM {table} WHERE trim({value}) <> '')"
        f" GROUP BY batch HAVING count(DISTINCT substring({value}, 1, 10)) FILTER (is_iso) > 2"
        f" AND bool_and({day} <= '12') FILTER (is_iso) AND count(*) FILTER (NOT is_iso) > 0"
        f" AND bool_and({later}) FILTER (NOT is_iso)"
    ).fetchall()
    return dict(rows)
