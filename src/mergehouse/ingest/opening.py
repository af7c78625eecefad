"""The reader of a delivery, by what kind of file it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from mergehouse.ingest.delivery import Delivery
from mergehouse.ingest.json_reader import JsonReader
from mergehouse.ingest.landing import kind_of
from mergehouse.ingest.parquet_reader import ParquetReader
from mergehouse.ingest.reader import Reader
from mergehouse.ingest.sheet_reader import SheetReader
from mergehouse.ingest.text_reader import TextReader

READERS: dict[str, type[Reader]] = {
    "text": TextReader,
    "json": JsonReader,
    "parquet": ParquetReader,
    "workbook": SheetReader,
}


def opened(
    delivery: Delivery, cursor: duckdb.DuckDBPyConnection, readable: Path, earlier: Sequence[str] = ()
) -> Reader:
    """The delivery, opened: `readable` is where a copy in UTF-8 may be, `earlier` the columns of Bronze.

    Raises SourceError where the file cannot be read or lacks columns.
    """
    return READERS[kind_of(delivery.path.name) or "text"](delivery, cursor, readable, earlier)
