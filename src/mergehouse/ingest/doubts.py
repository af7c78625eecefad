"""Rows that look like something else than data: the header once more, totals."""

from __future__ import annotations

import duckdb

from mergehouse.ingest.header import Header
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
    """What rows of `relation` (a SELECT over one batch) seem not to be data, in words.

    >>> source = Source(files="*", columns={"order": {"type": "code"}, "price": {}})
    >>> rows = "FROM (VALUES ('A1', '5'), ('Order', 'Price'), ('Total:', '5')) AS t(\\"order\\", price)"
    >>> header = Header({"order": "Order", "price": "Price"}, undeclared=[], drift=[])
    >>> doubtful_rows(duckdb.connect(), rows, source, header)
    ['1 row(s) say what the header says', '1 row(s) look like a total']
    """
    again = " AND ".join(
        f"trim({quoted(name)}, ' ' || chr(65279)) = {text(header.delivered[name].strip())}"
        for name in source.columns
    )
    marked = [n for n, column in source.columns.items() if column.type in MARKED]
    total = " OR ".join(f"{quoted(name)} IN ({', '.join(map(text, _WRITTEN))})" for name in marked)
    found = {"say what the header says": again, "look like a total": total or "false"}
    said = []
    for words, condition in found.items():  # as WHERE each, which looks at few values of a row
        ((count,),) = connection.execute(f"SELECT count(*) FROM ({relation}) WHERE {condition}").fetchall()
        said += [f"{count:,} row(s) {words}"] if count else []
    return said
