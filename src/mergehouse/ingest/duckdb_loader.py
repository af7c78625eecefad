"""Loads deliveries with DuckDB and delta-rs: a large file is streamed into Bronze, small ones are read
together; what they hold is committed only if the counts reconcile.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from mergehouse.errors import MergehouseError, SourceError
from mergehouse.ingest.brand_source import BrandSource
from mergehouse.ingest.bronze import REJECTED, Batch, Earlier
from mergehouse.ingest.delivery import Delivery, deliveries
from mergehouse.ingest.examination import examined
from mergehouse.ingest.inspection import beginnings, inspect
from mergehouse.ingest.landing import LandedFile, check_unchanged, looked_at, named, readable
from mergehouse.ingest.opening import opened
from mergehouse.ingest.reader import Reader
from mergehouse.ingest.together import BATCH, ROW, Arrived
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import files_with
from mergehouse.lakehouse.reader import connect, quoted, select, settings, text
from mergehouse.lakehouse.writing import append, held_batches
from mergehouse.project.settings import Limits

NOT_KEPT = "(not kept: it may say what undeclared columns say, which this source drops)"


class EmbeddedLoader:
    """Deliveries are read by cursors of one DuckDB, several at a time. It keeps rows in order: `source_row`
    is their place.
    """

    at_once = 1000

    def __init__(self, limits: Limits, lakehouse: Lakehouse, scratch: Path):
        self.limits, self.lakehouse, self.scratch = limits, lakehouse, scratch
        self.one_writer = Lock()  # bronze.rejected is shared by all sources
        self.one_opener = Lock()  # so is the DuckDB, whose limits hold for all of them

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Opened for the first delivery: most runs have none, and a DuckDB takes 30 ms."""
        return connect(**settings(self.limits, self.scratch))

    def open(self, of: BrandSource, file: LandedFile) -> list[Delivery]:
        file, path = looked_at(file), readable(file, self.scratch / of.bronze)
        with named(file, path):
            return list(deliveries(of, file, path, inspect(path, of.source.encoding)))

    def beginnings(self, delivery: Delivery, lengths: Collection[int]) -> dict[int, str]:
        return beginnings(delivery.path, lengths)

    def load(self, arrived: Sequence[tuple[Delivery, Batch]], earlier: Earlier) -> list[Batch]:
        """A ledger entry lost to a kill is made again: rows that Bronze has are read and not written."""
        bronze = arrived[0][0].bronze
        held = set[str]()
        if self.lakehouse.exists(bronze) and self.lakehouse.rows(bronze) != earlier.rows:
            held = held_batches(self.lakehouse, bronze, [batch.batch_id for _, batch in arrived])
        with self._cursor() as cursor:
            moments = _loaded_at(self.lakehouse, cursor, bronze, held)
            read = self._streamed if len(arrived) == 1 else self._together
            readers, rows, by = read(cursor, arrived, earlier.columns, held)
            with self.one_writer:
                torn = _keep_rejected(cursor, readers, arrived, self.lakehouse)
            counted = f"SELECT {quoted(by) if by else 0}, count(*) FROM ({rows}) GROUP BY 1"
            counts = dict(cursor.execute(counted).fetchall())
            formats = examined(cursor, rows, readers, earlier.formats, by)
        loaded = []
        for place, (reader, (_, batch)) in enumerate(zip(readers, arrived, strict=True)):
            count = counts.get(place, 0)
            empty = [] if count else ["the file holds a header and no rows"]
            batch = replace(
                batch,
                rows=count,
                rejected_rows=torn.get(batch.batch_id, 0),
                delimiter=reader.delimiter,
                encoding=reader.encoding,
                formats=formats[place].as_json(),
                drift=json.dumps(reader.notes + formats[place].doubts + formats[place].notes + empty),
                ingest_ts=moments.get(batch.batch_id, batch.ingest_ts),
            )
            loaded.append(batch.doubting(file=reader.doubts, values=formats[place].doubts))
        return loaded

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self.one_opener:
            cursor = self.connection.cursor()
        self.scratch.mkdir(parents=True, exist_ok=True)
        try:
            yield cursor
        finally:
            cursor.close()

    def _streamed(
        self,
        cursor: duckdb.DuckDBPyConnection,
        arrived: Sequence[tuple[Delivery, Batch]],
        columns: Sequence[str],
        held: Collection[str],
    ) -> tuple[list[Reader], str, str | None]:
        """One delivery, whatever its size; its rows are those in Bronze."""
        [(delivery, batch)] = arrived
        copy = self._copy(batch)
        try:
            with named(delivery.file, delivery.path):
                reader = opened(delivery, cursor, copy, columns)
                if held:  # a run died after this commit and before the ledger's, or that was lost
                    reader.read_to_the_end()
                else:
                    _write(reader, batch, self.lakehouse, cursor)
        except SourceError:
            check_unchanged(delivery.file)
            raise
        finally:
            copy.unlink(missing_ok=True)
        delta = self.lakehouse.delta(delivery.bronze)
        in_bronze = select(cursor, delta, among=files_with(delta, "batch_id", batch.batch_id))
        return [reader], f"SELECT * FROM ({in_bronze}) WHERE batch_id = {text(batch.batch_id)}", None

    def _together(
        self,
        cursor: duckdb.DuckDBPyConnection,
        arrived: Sequence[tuple[Delivery, Batch]],
        columns: Sequence[str],
        held: Collection[str],
    ) -> tuple[list[Reader], str, str | None]:
        """Small deliveries, in one commit; their rows are those that were read, by the column BATCH."""
        copies = [self._copy(batch) for _, batch in arrived]
        try:
            together = Arrived(cursor, columns)
            for (delivery, _), copy in zip(arrived, copies, strict=True):
                together.add(delivery, copy)
            together.read()
        finally:
            for copy in copies:
                copy.unlink(missing_ok=True)
        for delivery, _ in arrived:
            check_unchanged(delivery.file)
        new = {place: batch for place, (_, batch) in enumerate(arrived) if batch.batch_id not in held}
        if new:
            append(
                self.lakehouse,
                arrived[0][0].bronze,
                cursor.sql(_bronze_rows(together, new)),
                [batch.batch_id for batch in new.values()],
            )
        return together.readers, f"SELECT * FROM {together.rows}", BATCH

    def _copy(self, batch: Batch) -> Path:
        """Where a copy in UTF-8 of its file may be."""
        return self.scratch / f"{batch.batch_id}.csv"


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
        check_unchanged(reader.delivery.file)

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
        append(
            lakehouse,
            reader.delivery.bronze,
            RecordBatchReader.from_batches(stream.schema, guarded()),
            [batch.batch_id],
        )
    except MergehouseError:
        if failure:
            raise failure[0] from None
        raise


def _bronze_rows(together: Arrived, batches: dict[int, Batch]) -> str:
    """SELECT over the rows of some batches, by their places, as they enter Bronze."""
    columns = ", ".join(f"r.{quoted(name)}" for name in together.columns)
    listed = ", ".join(
        f"({place}, TIMESTAMPTZ {text(batch.ingest_ts.isoformat())}, {text(batch.source_system)},"
        f" {text(batch.source_file)}, {text(batch.batch_id)})"
        for place, batch in batches.items()
    )
    return (
        f"SELECT {columns}, b.ingest_ts, b.source_system, b.source_file, r.{quoted(ROW)} AS source_row,"
        f" b.batch_id FROM {together.rows} AS r JOIN (VALUES {listed})"
        f" AS b(place, ingest_ts, source_system, source_file, batch_id) ON b.place = r.{quoted(BATCH)}"
    )


def _keep_rejected(
    cursor: duckdb.DuckDBPyConnection,
    readers: Sequence[Reader],
    arrived: Sequence[tuple[Delivery, Batch]],
    lakehouse: Lakehouse,
) -> dict[str, int]:
    """Appends the rows that could not be split to `bronze.rejected` and returns their number by batch."""
    batches = [batch for _, batch in arrived]
    found = [sql for pair in zip(readers, batches, strict=True) if (sql := rejected_rows(*pair))]
    if not found:
        return {}
    cursor.execute(f"CREATE TEMP TABLE torn AS {' UNION ALL '.join(f'({sql})' for sql in found)}")
    counted = cursor.execute("SELECT batch_id, count(*) FROM torn GROUP BY 1").fetchall()
    there = held_batches(lakehouse, REJECTED, [batch for batch, _ in counted])
    if new := [batch for batch, _ in counted if batch not in there]:
        among = ", ".join(map(text, new))
        append(lakehouse, REJECTED, cursor.sql(f"FROM torn WHERE batch_id IN ({among})"), new)
    return dict(counted)


def _loaded_at(
    lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection, bronze: str, batches: Collection[str]
) -> dict[str, dt.datetime]:
    """When the rows of batches that are in Bronze came there, as they say themselves."""
    if not batches:
        return {}
    rows, among = select(cursor, lakehouse.delta(bronze)), ", ".join(map(text, batches))
    found = cursor.execute(
        f"SELECT batch_id, max(ingest_ts) AT TIME ZONE 'UTC' FROM ({rows}) WHERE batch_id IN ({among})"
        " GROUP BY 1"
    ).fetchall()
    return {batch: moment.replace(tzinfo=dt.UTC) for batch, moment in found}
