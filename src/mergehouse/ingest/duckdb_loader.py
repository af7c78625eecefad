"""Loads a delivery with DuckDB and delta-rs: streamed into Bronze, committed only if the counts reconcile."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from mergehouse.errors import MergehouseError, SourceError
from mergehouse.ingest.bronze import REJECTED, Batch, Earlier
from mergehouse.ingest.delivery import Delivery, Reader, bronze_table, deliveries
from mergehouse.ingest.doubts import doubtful_rows
from mergehouse.ingest.formats import detect_formats
from mergehouse.ingest.inspection import inspect
from mergehouse.ingest.landing import LandedFile, named, readable
from mergehouse.ingest.written_values import written_values
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import connect, quoted, select, settings, text
from mergehouse.project.config import Brand, Limits, Source

NOT_KEPT = "(not kept: it may say what undeclared columns say, which this source drops)"


class EmbeddedLoader:
    """Deliveries are read by cursors of one DuckDB, several at a time. It keeps rows in order: `source_row`
    is their place.
    """

    def __init__(self, limits: Limits, lakehouse: Lakehouse, scratch: Path):
        self.limits, self.lakehouse, self.scratch = limits, lakehouse, scratch
        self.one_writer = Lock()  # bronze.rejected is shared by all sources
        self.one_opener = Lock()  # so is the DuckDB, whose limits hold for all of them

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Opened for the first delivery: most runs have none, and a DuckDB takes 30 ms."""
        return connect(**settings(self.limits, self.scratch))

    def open(self, brand: Brand, table: str, source: Source, file: LandedFile) -> list[Delivery]:
        path = readable(file, self.scratch / bronze_table(brand.name, table))
        with named(file, path):
            return list(deliveries(brand, table, source, file, path, inspect(path, source.encoding)))

    def load(self, delivery: Delivery, batch: Batch, earlier: Earlier) -> tuple[Batch, list[str]]:
        """A ledger entry lost to a kill is made again from Bronze."""
        in_bronze = self.lakehouse.holds_batch(delivery.bronze, batch.batch_id)
        with self.one_opener:
            cursor = self.connection.cursor()
        self.scratch.mkdir(parents=True, exist_ok=True)
        as_utf8 = self.scratch / f"{batch.batch_id}.csv"
        try:
            with (
                named(delivery.file, delivery.path),
                Reader(delivery, cursor, as_utf8, earlier.columns) as reader,
            ):
                if in_bronze:  # a run died after this commit and before the ledger's, or that was lost
                    reader.read_to_the_end()
                    batch = replace(batch, ingest_ts=_loaded_at(self.lakehouse, cursor, delivery, batch))
                else:
                    _write(reader, batch, self.lakehouse, cursor)
                with self.one_writer:
                    rejected = _keep_rejected(reader, batch, self.lakehouse, cursor)
                rows = (
                    f"SELECT * FROM ({select(cursor, self.lakehouse.delta(delivery.bronze))}) WHERE batch_id"
                    f" = {text(batch.batch_id)}"
                )
                written = written_values(cursor, rows, delivery.source.columns)
                formats = detect_formats(
                    cursor, written, delivery.source, earlier.formats, reader.delimiter, reader.numbers
                )
                reader.doubts += doubtful_rows(cursor, rows, written, delivery.source, reader.header)
                loaded = _count(self.lakehouse, cursor, delivery.bronze, batch.batch_id)
                empty = [] if loaded else ["the file holds a header and no rows"]
                loaded_batch = replace(
                    batch,
                    rows=loaded,
                    rejected_rows=rejected,
                    delimiter=reader.delimiter,
                    encoding=reader.encoding,
                    formats=formats.as_json(),
                    drift=json.dumps(reader.notes + formats.notes + empty),
                )
                return loaded_batch, reader.doubts
        finally:
            as_utf8.unlink(missing_ok=True)
            cursor.close()


def bronze_rows(reader: Reader, batch: Batch) -> str:
    """SELECT over a delivery's rows as they enter Bronze, numbered in file order."""
    columns = ", ".join(map(quoted, reader.columns))
    return (
        f"SELECT {columns}, TIMESTAMPTZ {text(batch.ingest_ts.isoformat())} AS ingest_ts, "
        f"{text(batch.source_system)} AS source_system, {text(batch.source_file)} AS source_file, "
        f"row_number() OVER () AS source_row, {text(batch.batch_id)} AS batch_id FROM {reader.relation}"
    )


def rejected_rows(reader: Reader, batch: Batch) -> str:
    """SELECT over what could not be split, as it enters `bronze.rejected`. Empty where that is nothing."""
    rejected = reader.rejected()
    if not rejected:
        return ""
    origin = {
        "source_system": batch.source_system,
        "source_table": batch.source_table,
        "source_file": batch.source_file,
    }
    named = ", ".join(f"{text(value)} AS {name}" for name, value in origin.items())
    stamp = (
        f"{text(batch.batch_id)} AS batch_id, TIMESTAMPTZ {text(batch.ingest_ts.isoformat())} AS ingest_ts"
    )
    if reader.drops:
        rejected = f"SELECT * REPLACE ({text(NOT_KEPT)} AS raw_text) FROM ({rejected})"
    return f"SELECT {named}, *, {stamp} FROM ({rejected}) ORDER BY source_line"


def _write(reader: Reader, batch: Batch, lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection) -> None:
    """Streams the rows into Bronze; the commit happens only if the counts reconcile."""
    from arro3.core import RecordBatchReader

    stream = RecordBatchReader.from_stream(cursor.sql(bronze_rows(reader, batch)))

    def counted() -> Iterator[Any]:
        accepted = 0
        for chunk in stream:
            accepted += chunk.num_rows
            yield chunk
        reader.reconcile(accepted)

    failure: list[SourceError] = []

    def guarded() -> Iterator[Any]:
        try:
            yield from counted()
        except SourceError as error:  # delta-rs reports any error of a stream as its own: keep ours
            failure.append(error)
            raise
        except duckdb.Error as error:
            failure.append(
                SourceError(f"{reader.delivery.path}: cannot be parsed ({str(error).splitlines()[0]}).")
            )
            raise

    try:
        lakehouse.append(
            reader.delivery.bronze, RecordBatchReader.from_batches(stream.schema, guarded()), batch.batch_id
        )
    except MergehouseError:
        if failure:
            raise failure[0] from None
        raise


def _keep_rejected(
    reader: Reader, batch: Batch, lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection
) -> int:
    """Appends the rows that could not be split to `bronze.rejected` and returns their number."""
    rejected = rejected_rows(reader, batch)
    if rejected and not lakehouse.holds_batch(REJECTED, batch.batch_id):
        lakehouse.append(REJECTED, cursor.sql(rejected), batch.batch_id)
    return _count(lakehouse, cursor, REJECTED, batch.batch_id)


def _loaded_at(
    lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection, delivery: Delivery, batch: Batch
) -> dt.datetime:
    """When the rows of a batch that is in Bronze came there, as they say themselves."""
    rows = select(cursor, lakehouse.delta(delivery.bronze))
    asked = f"SELECT max(ingest_ts) AT TIME ZONE 'UTC' FROM ({rows}) WHERE batch_id = {text(batch.batch_id)}"
    found: dt.datetime | None = cursor.execute(asked).fetchall()[0][0]
    return found.replace(tzinfo=dt.UTC) if found else batch.ingest_ts


def _count(lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection, name: str, batch_id: str) -> int:
    if not lakehouse.exists(name):
        return 0
    relation = select(cursor, lakehouse.delta(name))
    return cursor.execute(f"SELECT count(*) FROM ({relation}) WHERE batch_id = {text(batch_id)}").fetchall()[
        0
    ][0]
