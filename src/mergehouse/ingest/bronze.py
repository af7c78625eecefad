"""Loads deliveries into Bronze: one commit per delivered file (or sheet), recognised by content, reconciled
by count.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple, Protocol

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import MergehouseError, SourceError
from mergehouse.ingest.delivery import Delivery, bronze_table
from mergehouse.ingest.file_order import later_by_name
from mergehouse.ingest.landing import LandedFile, find_files, unread
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import select, shared
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Brand, Project, Source

REJECTED, BATCHES = "bronze.rejected", "bronze.batches"
SOURCES_AT_ONCE = 2  # parsing a file keeps more than one core busy, but not two


@dataclass(frozen=True)
class Batch:
    """A delivered file or sheet and what became of it. `status`: `loaded`, or `repeat` for known content."""

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


class Earlier(NamedTuple):
    """Of a source's earlier batches: their formats as JSON, oldest first, and the columns of its table."""

    formats: list[str]
    columns: list[str]


@dataclass
class IngestResult:
    """`new` are the batches of this run, `failures` maps a Bronze table to why its source stopped, `sources`
    names all Bronze tables. `doubts` has by Bronze table and file what may be missing in it or be no data,
    `unread` by brand what lies among its exports and no source reads. `clock` is what the machine's clock
    showed, where that was before the newest batch.
    """

    new: list[Batch] = field(default_factory=list)
    known: list[Batch] = field(default_factory=list)
    failures: dict[str, MergehouseError] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    doubts: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    unread: dict[str, list[str]] = field(default_factory=dict)
    clock: dt.datetime | None = None

    @property
    def batches(self) -> list[Batch]:
        return self.known + self.new


class Loader(Protocol):
    """Reads delivered files into Bronze: embedded, or on the executors of a Spark cluster."""

    def open(self, brand: Brand, table: str, source: Source, file: LandedFile) -> list[Delivery]:
        """What a file holds: itself, or the fitting sheets of a workbook."""

    def load(self, delivery: Delivery, batch: Batch, earlier: Earlier) -> tuple[Batch, list[str]]:
        """Appends a delivery's rows in one commit, unless it is in the table already, and keeps what could
        not be split.

        Returns the batch with counts, formats and drift, and what is in doubt about it. Raises SourceError,
        having written nothing, where the rows do not reconcile with the file.
        """


def load_deliveries(
    project: Project,
    lakehouse: Lakehouse,
    loader: Loader,
    now: dt.datetime,
    progress: Progress = silent,
    known: list[Batch] | None = None,
    unsound: Mapping[str, MergehouseError] | None = None,
) -> IngestResult:
    """Loads every file that is new. A source that fails is reported in `failures`; the others go on.

    Of a file with several sheets the ledger has all or none, so that it is read again where one failed.
    Batches of one run were loaded `now`, or where the clock was set back, after all that the ledger has; the
    files of a source a microsecond after one another, earlier ones first by their names. `known` is the
    ledger, where it has been read; of Bronze tables that are `unsound`, and why, no file is looked at.
    """
    result = IngestResult(known=read_batches(lakehouse) if known is None else known)
    shown, now = now, just_after(now, (batch.ingest_ts for batch in result.known))
    unsound = unsound or {}
    sources = [
        (brand, table, source) for brand in project.brands.values() for table, source in brand.sources.items()
    ]
    result.sources = [bronze_table(brand.name, table) for brand, table, _ in sources]

    def load(
        inspector: ThreadPoolExecutor, named: tuple[Brand, str, Source]
    ) -> tuple[list[Batch], MergehouseError | None]:
        brand, table, source = named
        new: list[Batch] = []
        path = ""
        if why := unsound.get(bronze_table(brand.name, table)):
            return new, why
        try:
            for delivery in _new_deliveries(brand, table, source, lakehouse, loader, result.known, inspector):
                progress(f"{delivery.bronze} < {delivery.label}", "bronze")
                path = delivery.file.location
                of_source = [
                    b for b in result.known + new if (b.source_system, b.source_table) == (brand.name, table)
                ]
                batch, doubts = _load(
                    delivery, loader, lakehouse, of_source, now + dt.timedelta(microseconds=len(new))
                )
                new.append(batch)
                if doubts:
                    result.doubts.setdefault(delivery.bronze, {})[delivery.label] = doubts
        except MergehouseError as error:
            return [b for b in new if b.path != path], error
        except Exception as error:  # what nobody foresaw in one file must not stop the other brands
            said = next(iter(str(error).strip().splitlines()), "")
            stopped = SourceError(
                f"{brand.label}, source `{table}`: {path or 'its files'}: {type(error).__name__}: {said}"
            )
            return [b for b in new if b.path != path], stopped
        return new, None

    with ThreadPoolExecutor(SOURCES_AT_ONCE) as inspector, ThreadPoolExecutor(SOURCES_AT_ONCE) as pool:
        for name, (new, error) in zip(
            result.sources, pool.map(partial(load, inspector), sources), strict=True
        ):
            result.new += new
            if error:
                result.failures[name] = error
    if result.new and shown < now:
        result.clock = shown
    for brand in project.brands.values():
        with suppress(MergehouseError):  # then its sources have failed for the same reason
            if names := unread(brand, project.brands.values()):
                result.unread[brand.name] = names
    lakehouse.append_rows(contract_of(BATCHES), [list(vars(b).values()) for b in result.new])
    return result


def just_after(now: dt.datetime, earlier: Iterable[dt.datetime]) -> dt.datetime:
    """`now`, or where the clock was set back, what comes after all that was `earlier`: which of two
    deliveries is the later must not depend on a clock.

    >>> noon = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    >>> just_after(noon, [noon - dt.timedelta(hours=1)]).isoformat()
    '2026-03-01T12:00:00+00:00'
    >>> just_after(noon, [noon + dt.timedelta(hours=1)]).isoformat()
    '2026-03-01T13:00:00.000001+00:00'
    """
    last = max(earlier, default=None)
    return max(now, last + dt.timedelta(microseconds=1)) if last else now


def read_batches(lakehouse: Lakehouse) -> list[Batch]:
    """The ledger of all deliveries so far, in the order in which they came: the SQL of the typed views
    follows it.

    >>> [(batch.source_file, batch.rows, batch.status) for batch in read_batches(mh.open("shop"))]
    [('lines.csv', 4, 'loaded')]
    """
    if not lakehouse.exists(BATCHES):
        return []
    connection = shared()
    columns = ", ".join(
        c if c != "ingest_ts" else "ingest_ts AT TIME ZONE 'UTC'" for c in Batch.__dataclass_fields__
    )
    ledger = (
        f"({select(connection, lakehouse.delta(BATCHES))}) ORDER BY ingest_ts, source_system, source_table"
    )
    rows = connection.execute(f"SELECT {columns} FROM {ledger}").fetchall()
    return [replace(Batch(*row), ingest_ts=row[-1].replace(tzinfo=dt.UTC)) for row in rows]


def _new_deliveries(
    brand: Brand,
    table: str,
    source: Source,
    lakehouse: Lakehouse,
    loader: Loader,
    known: list[Batch],
    inspector: ThreadPoolExecutor,
) -> Iterator[Delivery]:
    """What the source's files hold, files left out that the ledger has last seen with the same size and time.

    While one file is loaded, the next is inspected.
    """
    of_source = [b for b in known if (b.source_system, b.source_table) == (brand.name, table)]
    loaded = {_content(b) for b in of_source if b.status == "loaded"}  # a ledger may have lost entries
    # the last of each path
    seen = {b.path: (b.size_bytes, b.modified_ns) for b in of_source if _content(b) in loaded}
    found = find_files(brand, table, source, loaded_before=lakehouse.exists(bronze_table(brand.name, table)))
    new = [f for f in found if seen.get(f.location) != (f.size_bytes, f.modified_ns)]
    for opened in [inspector.submit(loader.open, brand, table, source, file) for file in new]:
        yield from opened.result()


def _load(
    delivery: Delivery, loader: Loader, lakehouse: Lakehouse, before: list[Batch], now: dt.datetime
) -> tuple[Batch, list[str]]:
    """Loads one delivery, or recognises it among the source's batches.

    A file that says again what it said before it said something else is a delivery of its own: the later.
    """
    file = delivery.file
    batch = Batch(
        batch_id=delivery.batch_id, source_system=delivery.brand.name, source_table=delivery.table,
        source_file=delivery.label, path=file.location, size_bytes=file.size_bytes,
        modified_ns=file.modified_ns, status="loaded", rows=0, rejected_rows=0, delimiter=None, encoding=None,
        formats="{}", drift="[]", ingest_ts=now,
    )  # fmt: skip
    loaded = sorted((b for b in before if b.status == "loaded"), key=lambda b: b.ingest_ts)
    if copies := [b for b in loaded if _content(b) == batch.batch_id]:
        of_path = [b for b in before if (b.path, b.source_file) == (batch.path, batch.source_file)]
        if not of_path or _content(of_path[-1]) == batch.batch_id:
            return replace(batch, status="repeat"), []
        batch = replace(batch, batch_id=f"{batch.batch_id}-{len(copies) + 1}")
    columns = [f.name for f in lakehouse.delta(delivery.bronze).schema().fields] if loaded else []
    batch, doubts = loader.load(delivery, batch, Earlier([b.formats for b in loaded], columns))
    others, source = [b.source_file for b in loaded], delivery.source
    if not source.updated_at and (later := later_by_name(batch.source_file, others, source.date_order)):
        doubts = [*doubts, f"by its name it is older than {later}, but came after it and counts as the later"]
    return batch, doubts


def _content(batch: Batch) -> str:
    return batch.batch_id.split("-")[0]
