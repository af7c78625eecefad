"""What is asked of deliveries' rows once they are read: how values are written, and what is in doubt."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from mergehouse.ingest.detection import detect_formats
from mergehouse.ingest.doubts import doubtful_rows
from mergehouse.ingest.formats import Formats, Written
from mergehouse.ingest.reader import Reader
from mergehouse.ingest.written_currencies import other_currencies
from mergehouse.ingest.written_shares import doubtful_shares
from mergehouse.ingest.written_values import written_values


def examined(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    readers: Sequence[Reader],
    before: list[str],
    batch: str | None = None,
) -> list[Formats]:
    """The formats of deliveries of one source, one a reader; what is in doubt is added to its `doubts`.

    `rows` are those of all of them, told apart by the values of the column `batch`, without which they are
    of one; `before` are the formats of earlier deliveries.

    >>> from types import SimpleNamespace
    >>> from mergehouse.ingest.header import Header
    >>> from mergehouse.project.sources import Source
    >>> source = Source(files="*", columns={"price": {"type": "number"}})
    >>> delivery = SimpleNamespace(source=source, brand=mh.project("shop").brands["shop"])
    >>> header = Header({"price": "Price"}, undeclared=[], drift=[])
    >>> reader = SimpleNamespace(delivery=delivery, delimiter=",", numbers=[], header=header, doubts=[])
    >>> prices = "FROM (VALUES ('5,00'), ('12.50'), ('abc')) AS t(price)"
    >>> [formats] = examined(duckdb.connect(), prices, [reader], [])
    >>> reader.doubts
    ['price: 1 cells such as `abc` cannot be read as a number and are empty...']
    """
    source = readers[0].delivery.source
    written = written_values(connection, rows, source.columns, batch)
    files = [Written(reader.delimiter, reader.numbers) for reader in readers]
    formats = detect_formats(connection, written, source, before, files)
    headers = [reader.header for reader in readers]
    doubts = doubtful_rows(connection, rows, written, source, headers, batch)
    others = other_currencies(connection, source, formats, readers[0].delivery.brand.currency)
    shares = doubtful_shares(connection, source, formats)
    for place, reader in enumerate(readers):
        reader.doubts += doubts.get(place, []) + formats[place].doubts
        reader.doubts += others.get(place, []) + shares.get(place, [])
    return formats
