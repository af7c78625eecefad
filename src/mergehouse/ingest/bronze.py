"""What Bronze keeps of deliveries: the ledger's entries, what a run loaded, and who loads."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from mergehouse.errors import MergehouseError
from mergehouse.ingest.brand_source import BrandSource, bronze_table
from mergehouse.ingest.delivery import Delivery
from mergehouse.ingest.landing import LandedFile
from mergehouse.ingest.ledger import BATCHES
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import select, shared

REJECTED = "bronze.rejected"


@dataclass(frozen=True)
class Batch:
    """A delivered file or sheet and what became of it. `status`: `loaded`, `repeat` for known content, or
    `replaced`. `replaces` is the batch that its file begins as, and whose rows count no more.
    """

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
    content_bytes: int | None = None
    replaces: str | None = None
    doubts: str | None = None
    read_as: str | None = None

    @property
    def doubted(self) -> list[str]:
        """What of it is in doubt, in words."""
        return [doubt for doubts in json.loads(self.doubts or "{}").values() for doubt in doubts]

    def doubting(self, **doubts: Sequence[str]) -> Batch:
        """The batch with what is in doubt: of its `file` and rows, of its `values`, of its `order` among
        others. What is not named stays.
        """
        found = {about: said for about, said in (json.loads(self.doubts or "{}") | doubts).items() if said}
        return replace(self, doubts=json.dumps(found) if found else None)


class Earlier(NamedTuple):
    """Of a source's earlier batches: their formats as JSON, oldest first, how many rows they have, and the
    columns of its table.
    """

    formats: list[str]
    rows: int
    columns: list[str]


@dataclass
class IngestResult:
    """`new` are the batches of this run, `failures` maps a Bronze table to why its source stopped, `sources`
    names all Bronze tables. `waiting` has by Bronze table the files that are left for the next run, `there`
    where the files are that were found, `let_go` the files that count no more, since their source takes them
    no more, `unread` by brand what lies among its exports and no source reads, `gone` are brands whose
    exports' folder does not exist. `clock` is what the machine's clock showed, where that was before the
    newest batch.
    """

    new: list[Batch] = field(default_factory=list)
    known: list[Batch] = field(default_factory=list)
    failures: dict[str, MergehouseError] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    waiting: dict[str, list[str]] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    let_go: dict[str, list[str]] = field(default_factory=dict)
    unread: dict[str, list[str]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    clock: dt.datetime | None = None

    @property
    def batches(self) -> list[Batch]:
        return self.known + self.new

    @property
    def doubts(self) -> dict[str, dict[str, list[str]]]:
        """By Bronze table and file what may be missing in it or be no data: of every file as it was last
        delivered, where that counts, and of copies that are still there.
        """
        latest = {(batch.path, batch.source_file): batch for batch in self.batches}
        counts = {batch.batch_id for batch in counting(self.batches)}
        found: dict[str, dict[str, list[str]]] = {}
        for batch in latest.values():
            if batch.path not in self.there if batch.status == "repeat" else batch.batch_id not in counts:
                continue
            table = bronze_table(batch.source_system, batch.source_table)
            if batch.doubts and table in self.sources:
                said = found.setdefault(table, {}).setdefault(batch.source_file, [])
                said += [doubt for doubt in batch.doubted if doubt not in said]
        for table, files in self.waiting.items():
            for file in files:
                found.setdefault(table, {}).setdefault(file, []).append(
                    "it changed while it was read, and is left for the next run"
                )
        return found


class Loader(Protocol):
    """Reads delivered files into Bronze: embedded, or on the executors of a Spark cluster. `at_once` files at
    most are loaded together.
    """

    at_once: int

    def open(self, of: BrandSource, file: LandedFile) -> list[Delivery]:
        """What a file holds: itself, or the fitting sheets of a workbook."""

    def beginnings(self, delivery: Delivery, lengths: Collection[int]) -> dict[int, str]:
        """The hash of the first bytes of its content, by how many."""

    def load(self, deliveries: Sequence[tuple[Delivery, Batch]], earlier: Earlier) -> list[Batch]:
        """Appends the rows of a source's deliveries, but of those that are in the table already, and keeps
        what could not be split. Returns the batches with their counts, formats, drift and doubts.

        Raises SourceError where the rows of one do not reconcile with its file: then none is loaded.
        """


def read_batches(lakehouse: Lakehouse) -> list[Batch]:
    """The ledger of all deliveries so far, in the order in which they came: the SQL of the typed views
    follows it.

    >>> [(batch.source_file, batch.rows, batch.status) for batch in read_batches(mh.open("shop"))]
    [('lines.csv', 4, 'loaded')]
    """
    if not lakehouse.exists(BATCHES):
        return []
    connection, delta = shared(), lakehouse.delta(BATCHES)
    there = {field.name for field in delta.schema().fields}  # fewer where an earlier version wrote the last
    names = [name for name in Batch.__dataclass_fields__ if name in there]
    columns = ", ".join(c if c != "ingest_ts" else "ingest_ts AT TIME ZONE 'UTC'" for c in names)
    ledger = f"({select(connection, delta)}) ORDER BY ingest_ts, source_system, source_table"
    rows = connection.execute(f"SELECT {columns} FROM {ledger}").fetchall()
    moment, batches = names.index("ingest_ts"), []
    for row in map(list, rows):
        row[moment] = row[moment].replace(tzinfo=dt.UTC)
        batches.append(Batch(**dict(zip(names, row, strict=True))))
    return batches


def counting(batches: Sequence[Batch]) -> list[Batch]:
    """Those whose rows count: loaded, and not replaced by another of these.

    >>> first, second = read_batches(mh.open("shop")) * 2
    >>> counting([first, replace(second, batch_id="b2", replaces=first.batch_id)])[0].batch_id
    'b2'
    """
    replaced = {batch.replaces for batch in batches}
    return [b for b in batches if b.status != "repeat" and b.batch_id not in replaced]


def replaced_among(batches: Sequence[Batch]) -> list[Batch]:
    """Those whose rows count no more, since another of these holds them.

    >>> [batch] = read_batches(mh.open("shop"))
    >>> replaced_among([batch, replace(batch, batch_id="b2", replaces=batch.batch_id)]) == [batch]
    True
    """
    replaced = {batch.replaces for batch in batches}
    return [b for b in batches if b.status != "repeat" and b.batch_id in replaced]
