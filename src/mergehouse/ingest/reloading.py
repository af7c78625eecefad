"""Loads again what Bronze has lost, from delivered files that are still there.

The ledger decides what there has to be. A table is written anew with the batches that are whole, and each of
the others is loaded as it was delivered, under its own number and time: killed in between, the rows of a
batch are fewer than the ledger says, and the next run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import LakehouseError, MergehouseError
from mergehouse.ingest.brand_source import BrandSource, brand_sources
from mergehouse.ingest.bronze import BATCHES, Batch, Earlier, Loader
from mergehouse.ingest.bronze_rows import differing, loaded_into
from mergehouse.ingest.delivery import Delivery
from mergehouse.ingest.known import content_of
from mergehouse.ingest.landing import find_files
from mergehouse.ingest.read_as import Reading
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import data_files
from mergehouse.lakehouse.integrity import Fault, sound_files
from mergehouse.lakehouse.reader import read_files, select, shared, text
from mergehouse.lakehouse.repair import readable_files, set_aside, write_anew
from mergehouse.lakehouse.schema import arrow_rows
from mergehouse.progress import Progress
from mergehouse.project.config import Project
from mergehouse.storage import fetch

FROM_RAW = "`mergehouse run --full --from-raw`"
NAMED = 5  # files in a message


@dataclass
class Reloaded:
    """By Bronze table what was `mended`, in words, and why a source must not be read (`stopped`); the ledger
    as it is now.
    """

    ledger: list[Batch]
    mended: dict[str, str] = field(default_factory=dict)
    stopped: dict[str, MergehouseError] = field(default_factory=dict)


def reload_lost(
    project: Project,
    lakehouse: Lakehouse,
    loader: Loader,
    ledger: list[Batch],
    found: Mapping[str, Fault],
    from_raw: bool,
    progress: Progress,
) -> Reloaded:
    """Mends the sources in Bronze that are at fault or have other rows than the ledger says.

    What a delivered file says again is mended by itself. A source stops where somebody else has written to
    it, which may have been meant, and where files are gone: unless `from_raw`, which puts back what it can,
    keeps what is left of the others, and has the ledger say so.
    """
    result = Reloaded(ledger)
    loaded = loaded_into(project, ledger)
    for source in brand_sources(project):
        name = source.bronze
        batches, fault = loaded[name], found.get(name)
        never_loaded = not batches and not lakehouse.exists(name)  # what a killed run has left
        if never_loaded or (not fault and not _wrong(lakehouse, name, batches, from_raw)):
            continue
        progress(name, "bronze")
        lost = BronzeSource(source, lakehouse, loader, batches, fault)
        try:
            result.mended[name] = lost.mend(from_raw)
        except MergehouseError as error:
            result.stopped[name] = error
        if lost.corrected:
            result.ledger = corrected(lakehouse, result.ledger, lost.corrected)
    return result


def _wrong(lakehouse: Lakehouse, name: str, batches: Sequence[Batch], from_raw: bool) -> bool:
    """Rows of other batches may be a killed run's, whose ledger entry this run makes: they stay, unless what
    was delivered is all that is wanted. Those of a batch that another one replaces count no more.
    """
    known = {batch.batch_id for batch in batches if batch.status == "loaded"}
    missing = bool(known) and not lakehouse.exists(name)
    other = differing(lakehouse, name, batches, exactly=from_raw).keys()
    replaced = {batch.batch_id for batch in batches} - known
    return missing or bool(other - replaced if from_raw else known & other)


class BronzeSource:
    """A source as Bronze has it, and the files that it was loaded from. `corrected` are ledger entries by id
    as they must be from now on, None where there is nothing left of a batch.
    """

    def __init__(
        self,
        of: BrandSource,
        lakehouse: Lakehouse,
        loader: Loader,
        batches: Sequence[Batch],
        fault: Fault | None = None,
    ):
        self.of, self.name, self.reading = of, of.bronze, Reading(of)
        self.lakehouse, self.loader, self.fault = lakehouse, loader, fault
        self.batches = sorted(batches, key=lambda batch: batch.ingest_ts)
        self.corrected: dict[str, Batch | None] = {}

    def mend(self, from_raw: bool) -> str:
        """What was done, in words. Raises LakehouseError where nothing was."""
        if self.fault and self.fault.kind == "writer" and not from_raw:
            raise LakehouseError(
                f"`{self.name}`: {self.fault.said}: it is no longer what was delivered. {FROM_RAW} puts that"
                " back."
            )
        kept = self._kept()
        counts = self._counts(kept)
        loaded = [b for b in self.batches if b.status == "loaded"]
        wrong = [b for b in loaded if counts.get(b.batch_id, 0) != b.rows or not kept]
        unknown = [id_ for id_ in counts.keys() - {b.batch_id for b in self.batches} if id_]
        raw = self.in_raw(wrong, with_unknown=bool(unknown))
        gone = [b for b in wrong if content_of(b.batch_id) not in raw]
        if gone and not from_raw:
            why = f" ({self.fault.said})" if self.fault else ""
            raise LakehouseError(
                f"`{self.name}`: {self._said_of_lost(gone, counts)}{why}. Put them back and run again; or"
                f" {FROM_RAW} goes on with what is left."
            )
        whole = [b for b in self.batches if b not in wrong]
        partly = [b for b in gone if counts.get(b.batch_id)]
        # of a ledger that has lost entries, or of a killed run: what raw still has is loaded as new
        alone = [id_ for id_ in unknown if content_of(id_) not in raw and not from_raw]
        self.write(kept, [*(b.batch_id for b in (*whole, *partly)), *alone])
        for batch in wrong:
            if batch in gone:
                rows = counts.get(batch.batch_id, 0)
                self.corrected[batch.batch_id] = replace(batch, rows=rows) if rows else None
            else:
                self.load([(raw[content_of(batch.batch_id)], batch)])
        again = [b for b in wrong if b not in gone]
        said = [
            self.fault.said if self.fault else "it has not as many rows as were loaded",
            f"{_rows(again)} of {_files(again)} are loaded again" if again else "",
            self._said_of_lost(gone, counts) if gone else "",
            "" if wrong else "its rows are written anew as mergehouse loaded them",
        ]
        return " ".join(f"{part[0].upper()}{part[1:]}." for part in said if part)

    def _kept(self) -> str:
        """SELECT over the rows that can be kept; empty where there are none.

        Of a version whose files are as they were; without, of whatever files there are, each row once.
        """
        if not self.fault or self.fault.kind == "files":
            if not self.lakehouse.exists(self.name):
                return ""
            if not self.fault:
                return select(shared(), self.lakehouse.delta(self.name))
            files = fetch(sound_files(self.lakehouse, self.fault))
            return f"SELECT * FROM {read_files(files, {})}" if files else ""
        if self.fault.ours:
            ours = self.lakehouse.delta(self.name, self.fault.ours.version)
            if self.lakehouse.is_remote or all(Path(file).exists() for file in data_files(ours)):
                return select(shared(), ours)
        files = readable_files(self.lakehouse, self.name)
        return f"SELECT DISTINCT * FROM {read_files(files, {})}" if files else ""

    def _counts(self, kept: str) -> dict[str, int]:
        if not kept:
            return {}
        return dict(shared().execute(f"SELECT batch_id, count(*) FROM ({kept}) GROUP BY ALL").fetchall())

    def in_raw(self, batches: Sequence[Batch], with_unknown: bool) -> dict[str, Delivery]:
        """By content what delivered files still say: of the batches, or of all."""
        sizes = {batch.size_bytes for batch in batches}
        found: dict[str, Delivery] = {}
        for file in find_files(self.of, loaded_before=True):
            if with_unknown or file.size_bytes in sizes:
                with suppress(MergehouseError):  # loading says what is wrong with it
                    found |= {delivery.batch_id: delivery for delivery in self.loader.open(self.of, file)}
        return found

    def write(self, kept: str, ids: Sequence[str]) -> None:
        """The table with the rows of these batches alone, in one commit."""
        set_aside(self.lakehouse, self.name)
        if kept and ids:
            rows = f"SELECT * FROM ({kept}) WHERE batch_id IN ({', '.join(map(text, ids))})"
            write_anew(self.lakehouse, self.name, shared().sql(rows), ids)

    def load(self, deliveries: Sequence[tuple[Delivery, Batch]]) -> None:
        """Loads what these batches, which came one after the other, are of. Their entries say how it was
        read this time.
        """
        first = deliveries[0][1]
        earlier = [
            (self.corrected.get(b.batch_id) or b).formats
            for b in self.batches
            if b.ingest_ts < first.ingest_ts
        ]
        rows = sum(b.rows for b in self.batches)
        there = self.lakehouse.exists(self.name)
        columns = [f.name for f in self.lakehouse.delta(self.name).schema().fields] if there else []
        now = [(d, replace(b, read_as=str(self.reading.of(b.path)))) for d, b in deliveries]
        for loaded in self.loader.load(now, Earlier(earlier, rows, columns)):
            self.corrected[loaded.batch_id] = loaded

    def _said_of_lost(self, gone: Sequence[Batch], counts: Mapping[str, int]) -> str:
        there = sum(counts.get(batch.batch_id, 0) for batch in gone)
        return (
            f"of {_rows(gone)} of {_files(gone)} {there:,} are there, and the files are no longer in"
            f" {self.of.brand.landing_zone}"
        )


def _rows(batches: Sequence[Batch]) -> str:
    return f"{sum(b.rows for b in batches):,} rows"


def _files(batches: Sequence[Batch]) -> str:
    names = ", ".join(b.source_file for b in batches[:NAMED])
    return names + (f" and {len(batches) - NAMED:,} more files" if len(batches) > NAMED else "")


def corrected(lakehouse: Lakehouse, ledger: list[Batch], entries: Mapping[str, Batch | None]) -> list[Batch]:
    """The ledger with other entries, written in one commit."""
    changed = [entries.get(b.batch_id, b) if b.status == "loaded" else b for b in ledger]
    kept = [b for b in changed if b]
    rows = [list(vars(b).values()) for b in kept]
    write_anew(lakehouse, BATCHES, arrow_rows(contract_of(BATCHES), rows))
    return kept
