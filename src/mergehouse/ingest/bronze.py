"""Loads deliveries into Bronze: one commit per delivered file (or sheet), recognised by content, reconciled by count."""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from mergehouse.engine.reader import quoted, select, text
from mergehouse.errors import MergehouseError, SourceError
from mergehouse.ingest.formats import detect_formats
from mergehouse.ingest.inspection import inspect
from mergehouse.ingest.reader import SUFFIXES, Delivery, Reader, bronze_table, deliveries
from mergehouse.lakehouse import Lakehouse
from mergehouse.project import Brand, Project, Source

REJECTED, BATCHES = "bronze.rejected", "bronze.batches"
LEDGER_TYPES = {
    "size_bytes": "BIGINT", "modified_ns": "BIGINT", "rows": "BIGINT", "rejected_rows": "BIGINT", "ingest_ts": "TIMESTAMPTZ",
}  # fmt: skip
SOURCES_AT_ONCE = 2  # parsing a file keeps more than one core busy, but not two


@dataclass(frozen=True)
class Batch:
    """One delivered file or sheet and what became of it. `status` is `loaded`, or `repeat` for known content."""

    batch_id: str
    source_system: str
    source_table: str
    source_file: str
    path: str
    size_bytes: int
    modified_ns: int
    status: str
    rows: int
    rejected_rows: int
    delimiter: str | None
    encoding: str | None
    formats: str
    drift: str
    ingest_ts: dt.datetime


@dataclass
class IngestResult:
    """`new` are the batches of this run, `failures` maps a Bronze table to why its source stopped, `sources` names all Bronze tables."""

    new: list[Batch] = field(default_factory=list)
    known: list[Batch] = field(default_factory=list)
    failures: dict[str, MergehouseError] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)

    @property
    def batches(self) -> list[Batch]:
        return self.known + self.new


def load_deliveries(
    project: Project,
    lakehouse: Lakehouse,
    connection: duckdb.DuckDBPyConnection,
    progress: Callable[[str], None] = lambda _: None,
) -> IngestResult:
    """Loads every file that is new. A source that fails is reported in `failures`; the others go on."""
    result = IngestResult(known=read_batches(lakehouse, connection))
    one_writer = Lock()  # bronze.rejected is shared by all sources
    sources = [(brand, table, source) for brand in project.brands.values() for table, source in brand.sources.items()]
    result.sources = [bronze_table(brand.name, table) for brand, table, _ in sources]

    def load(brand: Brand, table: str, source: Source, inspector: ThreadPoolExecutor) -> tuple[list[Batch], MergehouseError | None]:
        new: list[Batch] = []
        try:
            for delivery in _new_deliveries(brand, table, source, lakehouse, result.known, inspector):
                progress(f"{delivery.bronze} < {delivery.label}")
                new.append(_load(delivery, lakehouse, connection, result.known + new, one_writer))
        except MergehouseError as error:
            return new, error
        except duckdb.Error as error:
            return new, SourceError(f"{brand.label}, source `{table}`: {str(error).splitlines()[0]}")
        return new, None

    connection.execute("SET preserve_insertion_order = true")  # source_row is a row's place in its file
    try:
        with ThreadPoolExecutor(SOURCES_AT_ONCE) as inspector, ThreadPoolExecutor(SOURCES_AT_ONCE) as pool:
            for name, (new, error) in zip(result.sources, pool.map(lambda s: load(*s, inspector), sources), strict=True):
                result.new += new
                if error:
                    result.failures[name] = error
    finally:
        connection.execute("SET preserve_insertion_order = false")
    types = {name: LEDGER_TYPES.get(name, "VARCHAR") for name in Batch.__dataclass_fields__}
    lakehouse.append_rows(connection, BATCHES, types, [list(vars(b).values()) for b in result.new])
    return result


def find_files(brand: Brand, table: str, source: Source, loaded_before: bool) -> list[Path]:
    """The files of one source, by name. Raises SourceError where there is none and never was one."""
    if brand.raw_folder.is_dir():
        found = sorted(
            path
            for path in brand.raw_folder.iterdir()
            if path.is_file()
            and path.name.lower().endswith(SUFFIXES)
            and any(fnmatch.fnmatch(path.name.lower(), pattern.lower()) for pattern in source.files)
        )
        if found or source.optional or loaded_before:
            return found
        there = sorted(p.name for p in brand.raw_folder.iterdir() if not p.name.startswith("."))
        listing = f"it holds: {', '.join(there[:8])}" if there else "it is empty"
    else:
        if source.optional or loaded_before:
            return []
        listing = "that folder does not exist"
    raise SourceError(
        f"{brand.label}, source `{table}`: no file matches {', '.join(source.files)} in {brand.raw_folder} ({listing}). "
        f"Put the export there, or change `sources.{table}.files` in {brand.folder / 'brand.yml'}."
    )


def read_batches(lakehouse: Lakehouse, connection: duckdb.DuckDBPyConnection) -> list[Batch]:
    """The ledger of all deliveries so far."""
    if not lakehouse.exists(BATCHES):
        return []
    columns = ", ".join(c if c != "ingest_ts" else "ingest_ts AT TIME ZONE 'UTC'" for c in Batch.__dataclass_fields__)
    rows = connection.execute(f"SELECT {columns} FROM ({select(connection, lakehouse.delta(BATCHES))})").fetchall()
    return [replace(Batch(*row), ingest_ts=row[-1].replace(tzinfo=dt.UTC)) for row in rows]


def _new_deliveries(
    brand: Brand, table: str, source: Source, lakehouse: Lakehouse, known: list[Batch], inspector: ThreadPoolExecutor
) -> Iterator[Delivery]:
    """What the source's files hold, files left out that are in the ledger with the same path, size and time.

    While one file is loaded, the next is inspected.
    """
    seen = {(b.source_system, b.source_table, b.path, b.size_bytes, b.modified_ns) for b in known}
    found = find_files(brand, table, source, loaded_before=lakehouse.exists(bronze_table(brand.name, table)))
    stats = [(path, path.stat()) for path in found]
    new = [path for path, stat in stats if (brand.name, table, str(path), stat.st_size, stat.st_mtime_ns) not in seen]
    inspections = [inspector.submit(inspect, path, source.encoding) for path in new]
    for path, inspection in zip(new, inspections, strict=True):
        yield from deliveries(brand, table, source, path, inspection.result())


def _load(
    delivery: Delivery,
    lakehouse: Lakehouse,
    connection: duckdb.DuckDBPyConnection,
    before: list[Batch],
    one_writer: Lock,
) -> Batch:
    """Loads one delivery, or recognises it. A ledger entry lost to a kill is made again from Bronze."""
    stat = delivery.path.stat()
    batch = Batch(
        batch_id=delivery.batch_id, source_system=delivery.brand.name, source_table=delivery.table,
        source_file=delivery.label, path=str(delivery.path), size_bytes=stat.st_size, modified_ns=stat.st_mtime_ns,
        status="loaded", rows=0, rejected_rows=0, delimiter=None, encoding=None, formats="{}", drift="[]",
        ingest_ts=dt.datetime.now(dt.UTC),
    )  # fmt: skip
    if any(b.batch_id == batch.batch_id and b.status == "loaded" for b in before):
        return replace(batch, status="repeat")
    in_bronze = lakehouse.holds_batch(delivery.bronze, batch.batch_id)
    cursor = connection.cursor()
    scratch = lakehouse.root / ".tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    readable = scratch / f"{batch.batch_id}.csv"
    try:
        with Reader(delivery, cursor, readable) as reader:
            if in_bronze:  # a run died after this commit and before the ledger's
                reader.read_to_the_end()
            else:
                _write(reader, batch, lakehouse, cursor)
            with one_writer:
                rejected = _keep_rejected(reader, batch, lakehouse, cursor)
            rows = f"SELECT * FROM ({select(cursor, lakehouse.delta(delivery.bronze))}) WHERE batch_id = {text(batch.batch_id)}"
            same = [b for b in before if (b.source_system, b.source_table, b.status) == (batch.source_system, batch.source_table, "loaded")]
            formats = detect_formats(cursor, rows, delivery.source, [b.formats for b in sorted(same, key=lambda b: b.ingest_ts)])
            loaded = _count(lakehouse, cursor, delivery.bronze, batch.batch_id)
            empty = [] if loaded else ["the file holds a header and no rows"]
            return replace(
                batch,
                rows=loaded,
                rejected_rows=rejected,
                delimiter=reader.delimiter,
                encoding=reader.encoding,
                formats=formats.as_json(),
                drift=json.dumps(reader.header.drift + formats.notes + empty),
            )
    finally:
        readable.unlink(missing_ok=True)
        cursor.close()


def _write(reader: Reader, batch: Batch, lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection) -> None:
    """Streams the rows into Bronze; the commit happens only if the counts reconcile."""
    from arro3.core import RecordBatchReader

    columns = ", ".join(map(quoted, reader.header.columns))
    rows = cursor.sql(
        f"SELECT {columns}, TIMESTAMPTZ {text(batch.ingest_ts.isoformat())} AS ingest_ts, "
        f"{text(batch.source_system)} AS source_system, {text(batch.source_file)} AS source_file, "
        f"row_number() OVER () AS source_row, {text(batch.batch_id)} AS batch_id FROM {reader.relation}"
    )
    stream = RecordBatchReader.from_stream(rows)

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
            failure.append(SourceError(f"{reader.delivery.path}: cannot be parsed ({str(error).splitlines()[0]})."))
            raise

    try:
        lakehouse.append(reader.delivery.bronze, RecordBatchReader.from_batches(stream.schema, guarded()), batch.batch_id)
    except MergehouseError:
        if failure:
            raise failure[0] from None
        raise


def _keep_rejected(reader: Reader, batch: Batch, lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection) -> int:
    """Appends the rows that could not be split to `bronze.rejected` and returns their number."""
    rejected = reader.rejected()
    if rejected and not lakehouse.holds_batch(REJECTED, batch.batch_id):
        origin = ", ".join(
            f"{text(value)} AS {name}"
            for name, value in (
                ("source_system", batch.source_system),
                ("source_table", batch.source_table),
                ("source_file", batch.source_file),
            )
        )
        stamp = f"{text(batch.batch_id)} AS batch_id, TIMESTAMPTZ {text(batch.ingest_ts.isoformat())} AS ingest_ts"
        lakehouse.append(
            REJECTED,
            cursor.sql(f"SELECT {origin}, *, {stamp} FROM ({rejected}) ORDER BY source_line"),
            batch.batch_id,
        )
    return _count(lakehouse, cursor, REJECTED, batch.batch_id)


def _count(lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection, name: str, batch_id: str) -> int:
    if not lakehouse.exists(name):
        return 0
    relation = select(cursor, lakehouse.delta(name))
    return cursor.execute(f"SELECT count(*) FROM ({relation}) WHERE batch_id = {text(batch_id)}").fetchall()[0][0]
