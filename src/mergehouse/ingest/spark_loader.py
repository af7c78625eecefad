"""Loads deliveries on a Spark cluster: files are read by the same reader, each by a task of its own on an
executor.

The driver sees counts, formats and headers, never rows. The executors need mergehouse installed and the files
in reach.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from mergehouse.contracts.registry import contract_of
from mergehouse.contracts.types import spark_schema
from mergehouse.engine.spark.errors import spark_errors
from mergehouse.errors import MergehouseError, SourceError
from mergehouse.ingest.brand_source import BrandSource
from mergehouse.ingest.bronze import REJECTED, Batch, Earlier
from mergehouse.ingest.delivery import Delivery, deliveries
from mergehouse.ingest.duckdb_loader import bronze_rows, rejected_rows
from mergehouse.ingest.examination import examined
from mergehouse.ingest.inspection import Inspection, beginnings, inspect
from mergehouse.ingest.landing import LandedFile, check_unchanged, looked_at, named, readable
from mergehouse.ingest.opening import opened
from mergehouse.ingest.reader import Reader
from mergehouse.lakehouse.reader import connect, quoted

if TYPE_CHECKING:
    from mergehouse.engine.spark.engine import SparkEngine


class SparkLoader:
    """Two passes over a delivery: one that counts, reconciles and detects, one that brings its rows into
    Bronze.
    """

    at_once = 1  # a task reads a file

    def __init__(self, engine: SparkEngine):
        self.engine = engine
        self.one_writer = Lock()  # bronze.rejected is shared by all sources

    def open(self, of: BrandSource, file: LandedFile) -> list[Delivery]:
        file = looked_at(file)
        found = self._on_executor(file.location, _open, of, file)
        return [_delivery(of, file, each) for each in found["deliveries"]]

    def beginnings(self, delivery: Delivery, lengths: Collection[int]) -> dict[int, str]:
        found = self._on_executor(delivery.file.location, _begin, delivery.file, list(lengths))
        return {int(length): sha256 for length, sha256 in found.items()}

    def load(self, deliveries: Sequence[tuple[Delivery, Batch]], earlier: Earlier) -> list[Batch]:
        """One after another: of a workbook with several sheets some may be in Bronze where one fails."""
        formats, columns, loaded = list(earlier.formats), list(earlier.columns), []
        for delivery, batch in deliveries:
            loaded.append(self._load(delivery, batch, earlier._replace(formats=formats, columns=columns)))
            formats.append(loaded[-1].formats)
        return loaded

    def _load(self, delivery: Delivery, batch: Batch, earlier: Earlier) -> Batch:
        try:
            seen = self._on_executor(delivery.file.location, _examine, delivery, batch, earlier)
        finally:
            check_unchanged(delivery.file)
        if not self._holds(delivery.bronze, batch):
            columns = ", ".join(f"`{name}` STRING" for name in seen["columns"])
            schema = (
                f"{columns}, ingest_ts TIMESTAMP, source_system STRING, source_file STRING, source_row"
                " BIGINT, batch_id STRING"
            )
            self.engine.append(delivery.bronze, self._task(_rows, schema, delivery, batch), batch.batch_id)
        with self.one_writer:
            if seen["rejected"] and not self._holds(REJECTED, batch):
                schema = spark_schema(contract_of(REJECTED).types)
                self.engine.append(REJECTED, self._task(_rejected, schema, delivery, batch), batch.batch_id)
        loaded = self._count(delivery.bronze, batch)
        if loaded != seen["rows"]:
            raise SourceError(
                f"{delivery.file.location}: {seen['rows']:,} rows were counted and {loaded:,} loaded; it"
                " changed meanwhile. Run again."
            )
        empty = [] if loaded else ["the file holds a header and no rows"]
        return replace(
            batch,
            rows=loaded,
            rejected_rows=seen["rejected"],
            delimiter=seen["delimiter"],
            encoding=seen["encoding"],
            formats=seen["formats"],
            drift=json.dumps(seen["notes"] + empty),
        ).doubting(**seen["doubts"])

    def _task(self, function: Callable[..., Iterator[Any]], schema: str, *arguments: Any) -> Any:
        """A frame of what the function yields on one executor, as Arrow batches."""

        def task(batches: Iterable[Any]) -> Iterator[Any]:
            # a worker whose input is read to the end serves the next task; else each starts its own Python
            for _ in batches:
                pass
            yield from function(*arguments)

        return self.engine.session.range(0, 1, 1, 1).mapInArrow(task, schema)

    def _on_executor(
        self, file: str, function: Callable[..., dict[str, Any]], *arguments: Any
    ) -> dict[str, Any]:
        """A small result of one task at work on a file; errors of ours come back as they are."""

        def answered() -> Iterator[Any]:
            import pyarrow

            try:
                answer = function(*arguments)
            except MergehouseError as error:
                answer = {"error": str(error)}
            yield pyarrow.RecordBatch.from_pydict({"answer": [json.dumps(answer)]})

        with spark_errors(file):
            answer = json.loads(self._task(answered, "answer STRING").collect()[0]["answer"])
        if "error" in answer:
            raise SourceError(answer["error"])
        return answer

    def _holds(self, name: str, batch: Batch) -> bool:
        return self._count(name, batch) > 0

    def _count(self, name: str, batch: Batch) -> int:
        if not self.engine.lakehouse.exists(name):
            return 0
        return self.engine.read(name).where(f"batch_id = '{batch.batch_id}'").count()


def _open(of: BrandSource, file: LandedFile) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = readable(file, Path(folder))
        with named(file, path):
            found = deliveries(of, file, path, inspect(path, of.source.encoding))
            return {"deliveries": [_as_json(d) for d in found]}


def _begin(file: LandedFile, lengths: list[int]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        return {str(length): sha for length, sha in beginnings(readable(file, Path(folder)), lengths).items()}


def _as_json(found: Delivery) -> dict[str, Any]:
    seen = {**asdict(found.inspection), "head": base64.b64encode(found.inspection.head).decode()}
    return {"sheet": found.sheet, "left_out": found.left_out, "inspection": seen}


def _delivery(of: BrandSource, file: LandedFile, found: dict[str, Any]) -> Delivery:
    seen = found["inspection"]
    inspection = Inspection(**{**seen, "head": base64.b64decode(seen["head"])})
    return Delivery(of, file, Path(file.location), inspection, found["sheet"], found["left_out"])


def _examine(delivery: Delivery, batch: Batch, earlier: Earlier) -> dict[str, Any]:
    """Counts, reconciles and detects; keeps nothing."""
    with _reader(delivery, batch, earlier.columns) as reader:
        every = ", ".join(f"count({quoted(name)})" for name in reader.columns)
        accepted = reader.cursor.execute(f"SELECT count(*), {every} FROM {reader.relation}").fetchall()[0][0]
        reader.reconcile(accepted)
        rejected = rejected_rows(reader, batch)
        torn = reader.cursor.execute(f"SELECT count(*) FROM ({rejected})").fetchall()[0][0] if rejected else 0
        rows = f"SELECT * FROM {reader.accepted}"
        [formats] = examined(reader.cursor, rows, [reader], earlier.formats)
        return {
            "rows": accepted,
            "rejected": torn,
            "columns": reader.columns,
            "delimiter": reader.delimiter,
            "encoding": reader.encoding,
            "formats": formats.as_json(),
            "notes": reader.notes + formats.doubts + formats.notes,
            "doubts": {"file": reader.doubts, "values": formats.doubts},
        }


def _rows(delivery: Delivery, batch: Batch) -> Iterator[Any]:
    with _reader(delivery, batch) as reader:
        yield from _arrow(reader, bronze_rows(reader, batch))


def _rejected(delivery: Delivery, batch: Batch) -> Iterator[Any]:
    with _reader(delivery, batch) as reader:
        reader.read_to_the_end()
        columns = ", ".join(contract_of(REJECTED).columns)
        yield from _arrow(reader, f"SELECT {columns} FROM ({rejected_rows(reader, batch)})")


@contextmanager
def _reader(delivery: Delivery, batch: Batch, earlier: Sequence[str] = ()) -> Iterator[Reader]:
    """The delivery, open on this executor; a file of an object store is copied here for as long."""
    with tempfile.TemporaryDirectory() as folder:
        path = readable(delivery.file, Path(folder) / "landed")
        copied, connection = replace(delivery, path=path), connect(temp_directory=folder)
        with named(delivery.file, path):
            yield opened(copied, connection, Path(folder) / f"{batch.batch_id}.csv", earlier)


def _arrow(reader: Reader, sql: str) -> Iterator[Any]:
    import pyarrow

    yield from pyarrow.RecordBatchReader.from_stream(reader.cursor.sql(sql))
