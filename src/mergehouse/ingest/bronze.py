"""Loads deliveries into Bronze: one commit per delivered file (or sheet), recognised by content, reconciled by count."""

from __future__ import annotations

import datetime as dt
import fnmatch
import hashlib
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
from mergehouse.ingest.header import Header, detect_delimiter, first_record, match_header
from mergehouse.ingest.inspection import Inspection, blank_lines, inspect, transcode
from mergehouse.lakehouse import Lakehouse
from mergehouse.project import Brand, Project, Source

REJECTED, BATCHES = "bronze.rejected", "bronze.batches"
TEXT_SUFFIXES = (".csv", ".txt", ".tsv", ".csv.gz", ".txt.gz", ".tsv.gz")
SUFFIXES = (*TEXT_SUFFIXES, ".xlsx", ".xlsm", ".xls", ".parquet")
SOURCES_AT_ONCE = 2  # parsing a file keeps more than one core busy, but not two
MAX_LINE_BYTES = 2 * 2**20
MAX_REJECTED_TEXT = 16 * 2**20
REASONS = {
    "MISSING COLUMNS": "too_few_columns",
    "TOO MANY COLUMNS": "too_many_columns",
    "UNQUOTED VALUE": "broken_quotes",
    "LINE SIZE OVER MAXIMUM": "line_too_long",
    "INVALID ENCODING": "bad_bytes",
    "INVALID STATE": "broken_quotes",
}


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
    """`new` are the batches of this run, `failures` maps a Bronze table to why its source stopped."""

    new: list[Batch] = field(default_factory=list)
    known: list[Batch] = field(default_factory=list)
    failures: dict[str, MergehouseError] = field(default_factory=dict)

    @property
    def batches(self) -> list[Batch]:
        return self.known + self.new


@dataclass(frozen=True)
class _Delivery:
    """One thing to load: a text file, a Parquet file or one sheet of a workbook."""

    brand: Brand
    table: str
    source: Source
    path: Path
    inspection: Inspection
    sheet: str | None = None

    @property
    def bronze(self) -> str:
        return bronze_table(self.brand.name, self.table)

    @property
    def label(self) -> str:
        return f"{self.path.name}#{self.sheet}" if self.sheet else self.path.name

    @property
    def batch_id(self) -> str:
        """Content decides, and the table it is for: one file may feed two sources."""
        return hashlib.sha256(f"{self.bronze}\0{self.inspection.sha256}\0{self.sheet or ''}".encode()).hexdigest()[:16]


def bronze_table(brand: str, table: str) -> str:
    return f"bronze.{brand}_{table}"


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

    def load(brand: Brand, table: str, source: Source) -> tuple[list[Batch], MergehouseError | None]:
        new: list[Batch] = []
        try:
            for delivery in _new_deliveries(brand, table, source, lakehouse, result.known, progress):
                new.append(_load(delivery, lakehouse, connection, result.known + new, one_writer))
        except MergehouseError as error:
            return new, error
        return new, None

    with ThreadPoolExecutor(SOURCES_AT_ONCE) as pool:
        for (brand, table, _), (new, error) in zip(sources, pool.map(lambda s: load(*s), sources), strict=True):
            result.new += new
            if error:
                result.failures[bronze_table(brand.name, table)] = error
    if result.new:
        _append(lakehouse, connection, BATCHES, [_row(b) for b in result.new])
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
    brand: Brand, table: str, source: Source, lakehouse: Lakehouse, known: list[Batch], progress: Callable[[str], None]
) -> Iterator[_Delivery]:
    """What the source's files hold, files left out that are in the ledger with the same path, size and time."""
    name = bronze_table(brand.name, table)
    seen = {(b.source_system, b.source_table, b.path, b.size_bytes, b.modified_ns) for b in known}
    for path in find_files(brand, table, source, loaded_before=lakehouse.exists(name)):
        stat = path.stat()
        if (brand.name, table, str(path), stat.st_size, stat.st_mtime_ns) not in seen:
            progress(f"{name} < {path.name}")
            yield from _deliveries(brand, table, source, path)


def _deliveries(brand: Brand, table: str, source: Source, path: Path) -> Iterator[_Delivery]:
    inspection = inspect(path, source.encoding)
    if path.name.lower().endswith((*TEXT_SUFFIXES, ".parquet")):
        yield _Delivery(brand, table, source, path, inspection)
        return
    names = _workbook(path).sheet_names
    unknown = [s for s in source.sheets if s not in names]
    if unknown:
        raise SourceError(f"{path}: sheet `{unknown[0]}` not found; the workbook has: {', '.join(names)}.")
    for sheet in source.sheets or names:
        yield _Delivery(brand, table, source, path, inspection, sheet)


def _load(
    delivery: _Delivery, lakehouse: Lakehouse, connection: duckdb.DuckDBPyConnection, before: list[Batch], one_writer: Lock
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
    cursor.execute("SET preserve_insertion_order = true")
    scratch = lakehouse.root / ".tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    readable = scratch / f"{batch.batch_id}.csv"
    try:
        with _Reader(delivery, cursor, readable) as reader:
            rejected = _read_again(reader, batch, cursor) if in_bronze else _write(reader, batch, lakehouse, cursor)
            with one_writer:
                if rejected and not lakehouse.holds_batch(REJECTED, batch.batch_id):
                    _append(lakehouse, cursor, REJECTED, rejected, batch.batch_id)
            rows = f"SELECT * FROM ({select(cursor, lakehouse.delta(delivery.bronze))}) WHERE batch_id = {text(batch.batch_id)}"
            formats = detect_formats(cursor, rows, delivery.source)
            loaded = _count(lakehouse, cursor, delivery.bronze, batch.batch_id)
            empty = [] if loaded else ["the file holds a header and no rows"]
            return replace(
                batch,
                rows=loaded,
                rejected_rows=len(rejected),
                delimiter=reader.delimiter,
                encoding=reader.encoding,
                formats=formats.as_json(),
                drift=json.dumps(reader.header.drift + formats.notes + empty),
            )
    finally:
        readable.unlink(missing_ok=True)
        cursor.execute("RESET preserve_insertion_order")
        cursor.close()


class _Reader:
    """A delivery as a DuckDB relation of text columns in file order, with an independent count of its rows."""

    def __init__(self, delivery: _Delivery, cursor: duckdb.DuckDBPyConnection, readable: Path):
        self.delivery, self.cursor, self.readable = delivery, cursor, readable
        self.delimiter: str | None = None
        self.encoding: str | None = None

    def __enter__(self) -> _Reader:
        path = self.delivery.path
        if path.suffix == ".parquet":
            self._open_parquet(path)
        elif self.delivery.sheet:
            self._open_sheet(path)
        else:
            self._open_text(path)
        return self

    def __exit__(self, *_: object) -> None:
        self.cursor.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")

    def _open_text(self, path: Path) -> None:
        seen = self.delivery.inspection
        if seen.encoding != "utf-8" or seen.carriage_returns_only:
            transcode(path, seen.encoding, self.readable)
            path, self.encoding = self.readable, seen.encoding
            seen = inspect(path)
        self.encoding = self.encoding or "utf-8"
        self._lines, self._path = seen.lines, path
        head = seen.head.decode("utf-8", errors="replace")
        self.delimiter = detect_delimiter(head, self.delivery.source)
        self.header = match_header(first_record(head, self.delimiter), self.delivery.source, self.delivery.path)
        columns = ", ".join(f"{text(name)}: 'VARCHAR'" for name in self.header.columns)
        self.relation = (
            f"read_csv({text(str(path))}, auto_detect = false, header = true, columns = {{{columns}}}, "
            f"delim = {text(self.delimiter)}, quote = '\"', escape = '\"', store_rejects = true, rejects_limit = 0, "
            f"rejects_line_size_limit = {MAX_REJECTED_TEXT}, max_line_size = {MAX_LINE_BYTES}"
            f"{', compression = ' + text('gzip') if path.suffix == '.gz' else ''})"
        )

    def _open_parquet(self, path: Path) -> None:
        try:
            described = self.cursor.execute(f"DESCRIBE FROM read_parquet({text(str(path))})").fetchall()
            (self._expected,) = self.cursor.execute(
                f"SELECT sum(num_rows) FROM parquet_file_metadata({text(str(path))})"
            ).fetchone() or (0,)
        except duckdb.Error as error:
            raise SourceError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]}).") from None
        self.header = match_header([d[0] for d in described], self.delivery.source, path)
        casts = ", ".join(
            f"CAST({quoted(d[0])} AS VARCHAR) AS {quoted(name)}" for d, name in zip(described, self.header.columns, strict=True)
        )
        self.relation = f"(SELECT {casts} FROM read_parquet({text(str(path))}))"

    def _open_sheet(self, path: Path) -> None:
        sheet = _workbook(path).load_sheet(self.delivery.sheet, dtypes="string")
        names = [c.name for c in sheet.selected_columns]
        self.header = match_header(names, self.delivery.source, f"{path}, sheet {self.delivery.sheet}")
        self._expected = sheet.total_height
        view = f"sheet_{self.delivery.batch_id}"
        self.cursor.register(view, sheet)
        renames = ", ".join(f"{quoted(old)} AS {quoted(new)}" for old, new in zip(names, self.header.columns, strict=True))
        self.relation = f"(SELECT {renames} FROM {view})"

    def reconcile(self, accepted: int, rejected: list[dict[str, Any]], embedded_newlines: Callable[[], int]) -> None:
        """Raises SourceError unless every line of the file is accounted for.

        Text: line ends counted in the bytes = header + accepted rows + line ends inside their values +
        lines of rejected rows + blank lines. Parquet and workbooks carry their own row count.
        """
        if self.delimiter is None:
            if accepted != self._expected:
                raise self._mismatch(f"the file says it has {self._expected:,} rows, {accepted:,} were read")
            return
        torn = next((r for r in rejected if r["reason_code"] == "broken_quotes" and "\n" in r["raw_text"]), None)
        if torn:
            swallowed = torn["raw_text"].count("\n")
            raise self._mismatch(f"a quote opened on line {torn['source_line']:,} is not closed and swallows {swallowed:,} lines.")
        lines = self._lines - 1
        counted = accepted + sum(1 + r["raw_text"].count("\n") for r in rejected)
        if lines == counted:
            return
        unexplained = lines - counted - embedded_newlines()
        if not 0 <= unexplained <= blank_lines(self._path):
            raise self._mismatch(f"{lines:,} lines follow the header, {lines - unexplained:,} were accounted for.")

    def _mismatch(self, found: str) -> SourceError:
        return SourceError(
            f"{self.delivery.path}: row counts do not reconcile: {found} Nothing of this file was loaded. "
            "Check the file for unbalanced quotes or have it delivered again."
        )


def _write(reader: _Reader, batch: Batch, lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Streams the rows into Bronze; the commit happens only if the counts reconcile. Returns the rejected rows."""
    from arro3.core import RecordBatchReader

    columns = ", ".join(map(quoted, reader.header.columns))
    rows = cursor.sql(
        f"SELECT {columns}, TIMESTAMPTZ {text(batch.ingest_ts.isoformat())} AS ingest_ts, "
        f"{text(batch.source_system)} AS source_system, {text(batch.source_file)} AS source_file, "
        f"row_number() OVER () AS source_row, {text(batch.batch_id)} AS batch_id FROM {reader.relation}"
    )
    stream = RecordBatchReader.from_stream(rows)
    rejected: list[dict[str, Any]] = []

    def counted() -> Iterator[Any]:
        accepted = 0
        for chunk in stream:
            accepted += chunk.num_rows
            yield chunk
        rejected.extend(_rejected_rows(reader, batch, cursor))
        reader.reconcile(accepted, rejected, lambda: _embedded_newlines(reader, cursor))

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
    return rejected


def _read_again(reader: _Reader, batch: Batch, cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rejected rows of a batch whose run died after its Bronze commit and before its ledger entry."""
    every = ", ".join(f"count({quoted(name)})" for name in reader.header.columns)
    cursor.execute(f"SELECT {every} FROM {reader.relation}")
    return _rejected_rows(reader, batch, cursor)


def _rejected_rows(reader: _Reader, batch: Batch, cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """What the CSV parser could not split, one entry per line of the file."""
    if reader.delimiter is None:
        return []
    try:
        found = cursor.execute(
            "SELECT line, arg_min(error_type::VARCHAR, place), arg_min(csv_line, place), arg_min(error_message, place) "
            "FROM (SELECT *, coalesce(column_idx, 0) AS place FROM reject_errors) GROUP BY line ORDER BY line"
        ).fetchall()
    except duckdb.CatalogException:
        return []
    return [
        {
            "source_system": batch.source_system,
            "source_table": batch.source_table,
            "source_file": batch.source_file,
            "source_line": line,
            "reason_code": REASONS.get(kind, kind.lower().replace(" ", "_")),
            "detail": message.splitlines()[0],
            "raw_text": raw.strip("\r\n"),
            "batch_id": batch.batch_id,
            "ingest_ts": batch.ingest_ts,
        }
        for line, kind, raw, message in found
    ]


def _embedded_newlines(reader: _Reader, cursor: duckdb.DuckDBPyConnection) -> int:
    """Line ends inside quoted values of the accepted rows."""
    each = " + ".join(f"coalesce(length({c}) - length(replace({c}, chr(10), '')), 0)" for c in map(quoted, reader.header.columns))
    relation = reader.relation.replace("store_rejects = true", "ignore_errors = true").replace("rejects_limit = 0, ", "")
    relation = relation.replace(f"rejects_line_size_limit = {MAX_REJECTED_TEXT}, ", "")
    return int(cursor.execute(f"SELECT coalesce(sum({each}), 0) FROM {relation}").fetchone()[0])


def _count(lakehouse: Lakehouse, cursor: duckdb.DuckDBPyConnection, name: str, batch_id: str) -> int:
    if not lakehouse.exists(name):
        return 0
    relation = select(cursor, lakehouse.delta(name))
    return cursor.execute(f"SELECT count(*) FROM ({relation}) WHERE batch_id = {text(batch_id)}").fetchone()[0]


_TYPES = {"size_bytes": "BIGINT", "modified_ns": "BIGINT", "rows": "BIGINT", "rejected_rows": "BIGINT", "source_line": "BIGINT"}


def _append(lakehouse: Lakehouse, cursor: Any, name: str, rows: list[dict[str, Any]], batch_id: str | None = None) -> None:
    """Appends a few records, typed by name."""
    names = list(rows[0])
    kinds = [_TYPES.get(n, "TIMESTAMPTZ" if n.endswith("_ts") else "VARCHAR") for n in names]
    target = cursor.cursor()
    target.execute(f"CREATE TEMP TABLE records ({', '.join(f'{n} {k}' for n, k in zip(names, kinds, strict=True))})")
    target.executemany(f"INSERT INTO records VALUES ({', '.join('?' * len(names))})", [list(r.values()) for r in rows])
    lakehouse.append(name, target.sql("FROM records"), batch_id)
    target.execute("DROP TABLE records")
    target.close()


def _row(batch: Batch) -> dict[str, Any]:
    return {name: getattr(batch, name) for name in Batch.__dataclass_fields__}


def _workbook(path: Path) -> Any:
    import fastexcel

    try:
        return fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        raise SourceError(f"{path}: not a readable workbook ({str(error).splitlines()[0]}).") from None
