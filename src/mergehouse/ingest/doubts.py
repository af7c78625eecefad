"""Rows that look like something else than data: the header once more, totals."""

from __future__ import annotations

import duckdb

from mergehouse.ingest.header import Header
from mergehouse.ingest.written_values import any_row
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.config import Source

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
    header: Header,
) -> list[str]:
    """What rows of `relation` (a SELECT over one batch) seem not to be data, in words. `written` names each
    column's table of values, which is asked first: most batches have no such words.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"order": {"type": "code"}, "price": {}})
    >>> rows = "FROM (VALUES ('A1', '5'), ('Order', 'Price'), ('Total:', '5')) AS t(\\"order\\", price)"
    >>> header = Header({"order": "Order", "price": "Price"}, undeclared=[], drift=[])
    >>> connection = duckdb.connect()
    >>> written = written_values(connection, rows, source.columns)
    >>> doubtful_rows(connection, rows, written, source, header)
    ['1 row(s) say what the header says', '1 row(s) look like a total']
    """
    again = {
        name: f"trim({quoted(name)}, ' ' || chr(65279)) = {text(header.delivered[name].strip())}"
        for name in source.columns
    }
    totals = {
        name: f"{quoted(name)} IN ({', '.join(map(text, _WRITTEN))})"
        for name, column in source.columns.items()
        if column.type in MARKED
    }

    def occurs(name: str, condition: str) -> bool:
        return any_row(connection, f"FROM {written[name]} WHERE {condition}")

    def counted(condition: str, words: str) -> list[str]:
        ((count,),) = connection.execute(f"SELECT count(*) FROM ({relation}) WHERE {condition}").fetchall()
        return [f"{count:,} row(s) {words}"] if count else []

    said = []
    if all(occurs(name, condition) for name, condition in again.items()):
        said += counted(" AND ".join(again.values()), "say what the header says")
    if some := [condition for name, condition in totals.items() if occurs(name, condition)]:
        said += counted(" OR ".join(some), "look like a total")
    return said
