"""What is asked of deliveries' rows once they are read: how values are written, and what is in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from mergehouse.ingest.brand_source import BrandSource
from mergehouse.ingest.date_formats import days_moved
from mergehouse.ingest.detection import detect_formats
from mergehouse.ingest.doubts import doubtful_rows
from mergehouse.ingest.emptied_columns import note_emptied
from mergehouse.ingest.formats import Formats, Written
from mergehouse.ingest.reader import Reader
from mergehouse.ingest.voiding_cells import voiding_columns
from mergehouse.ingest.written_currencies import other_currencies
from mergehouse.ingest.written_shares import doubtful_shares
from mergehouse.ingest.written_values import written_values
from mergehouse.project.sources import ADDED_COLUMNS


def examined(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    readers: Sequence[Reader],
    before: list[str],
    batch: str | None = None,
) -> list[Formats]:
    """The formats of deliveries of one source, one a reader, with what of their values is in doubt; what is
    of their rows is added to its `doubts`.

    `rows` are those of all of them, told apart by the values of the column `batch`, without which they are
    of one; `before` are the formats of earlier deliveries.

    >>> from types import SimpleNamespace
    >>> from mergehouse.ingest.header import Header
    >>> from mergehouse.project.sources import Source
    >>> source = Source(files="*", columns={"price": {"type": "number"}})
    >>> delivery = SimpleNamespace(of=BrandSource(mh.project("shop").brands["shop"], "lines", source))
    >>> header = Header({"price": "Price"}, undeclared=[], drift=[])
    >>> reader = SimpleNamespace(delivery=delivery, delimiter=",", numbers=[], header=header)
    >>> reader.doubts, reader.drops = [], []
    >>> prices = "FROM (VALUES ('5,00'), ('12.50'), ('abc')) AS t(price)"
    >>> [formats] = examined(duckdb.connect(), prices, [reader], [])
    >>> formats.doubts
    ['price: 1 cells such as `abc` cannot be read as a number and are empty...']
    """
    of = readers[0].delivery.of
    written = written_values(connection, rows, of.source.columns, batch)
    files = [Written(reader.delimiter, reader.numbers) for reader in readers]
    formats = _formats(connection, rows, written, of, before, files, batch)
    doubts = doubtful_rows(connection, rows, written, of.source, [reader.header for reader in readers], batch)
    for place, reader in enumerate(readers):
        reader.doubts += doubts.get(place, [])
        formats[place].others.extend(name for name in reader.header.undeclared if name not in reader.drops)
    return formats


def examined_again(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    of: BrandSource,
    files: Sequence[Written],
    before: list[str],
    batch: str,
) -> list[Formats]:
    """The same of deliveries in Bronze, of which only the values are read in another way than before.

    >>> from mergehouse.project.sources import Source
    >>> source = Source(files="*", decimal_mark=",", columns={"price": {"type": "number"}})
    >>> lines = BrandSource(mh.project("shop").brands["shop"], "lines", source)
    >>> prices = "FROM (VALUES (0, '1.000'), (1, '12,50')) AS t(delivery, price)"
    >>> found = examined_again(duckdb.connect(), prices, lines, [Written()] * 2, [], "delivery")
    >>> [formats.decimal_mark for formats in found]
    [',', ',']
    """
    written = written_values(connection, rows, of.source.columns, batch)
    found = _formats(connection, rows, written, of, before, files, batch)
    declared = {*of.source.columns, *ADDED_COLUMNS, batch}
    others = [n for n in connection.sql(f"SELECT * FROM ({rows}) LIMIT 0").columns if n not in declared]
    return [replace(formats, others=others) for formats in found]


def _formats(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    written: dict[str, str],
    of: BrandSource,
    before: list[str],
    files: Sequence[Written],
    batch: str | None,
) -> list[Formats]:
    found = detect_formats(connection, written, of.source, before, files)
    others = other_currencies(connection, of.source, found, of.brand.currency)
    shares = doubtful_shares(connection, of.source, found)
    days = days_moved(connection, of.source, of.brand.timezone)
    note_emptied(connection, of.source, found, before)
    voiding = voiding_columns(connection, rows, written, batch)
    for place, formats in enumerate(found):
        formats.doubts.extend(others.get(place, []) + shares.get(place, []) + days.get(place, []))
        formats.voiding.extend(voiding.get(place, []))
    return found
