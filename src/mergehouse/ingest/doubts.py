"""Rows that look like something else than data: the header once more, totals."""

from __future__ import annotations

import duckdb

from mergehouse.ingest.header import Header
from mergehouse.ingest.written_values import ALL_WRITTEN, any_row
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
    connection: duckdb.DuckDBPyConnection, relation: str, source: Source, header: Header
) -> list[str]:
    """What rows of `relation` (a SELECT over one batch) seem not to be data, in words. Its `written_values`
    are asked first: most batches have no such words.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"order": {"type": "code"}, "price": {}})
    >>> rows = "FROM (VALUES ('A1', '5'), ('Order', 'Price'), ('Total:', '5')) AS t(\\"order\\", price)"
    >>> header = Header({"order": "Order", "price": "Price"}, undeclared=[], drift=[])
    >>> connection = duckdb.connect()
    >>> _ = written_values(connection, rows, source.columns)
    >>> doubtful_rows(connection, rows, source, header)
    ['1 row(s) say what the header says', '1 row(s) look like a total']
    """
    called = {name: text(header.delivered[name].strip()) for name in source.columns}
    totals = ", ".join(map(text, _WRITTEN))
    marked = [name for name, column in source.columns.items() if column.type in MARKED]
    places = {name: place for place, name in enumerate(source.columns)}

    def occurs(name: str, condition: str) -> bool:
        return any_row(connection, f"FROM {ALL_WRITTEN} WHERE of_column = {places[name]} AND {condition}")

    def counted(condition: str, words: str) -> list[str]:
        ((count,),) = connection.execute(f"SELECT count(*) FROM ({relation}) WHERE {condition}").fetchall()
        return [f"{count:,} row(s) {words}"] if count else []

    said = []
    if all(occurs(name, f"{_bare('value')} = {word}") for name, word in called.items()):
        again = " AND ".join(f"{_bare(quoted(name))} = {word}" for name, word in called.items())
        said += counted(again, "say what the header says")
    if some := [name for name in marked if occurs(name, f"value IN ({totals})")]:
        said += counted(" OR ".join(f"{quoted(n)} IN ({totals})" for n in some), "look like a total")
    return said


def _bare(value: str) -> str:
    return f"trim({value}, ' ' || chr(65279))"
