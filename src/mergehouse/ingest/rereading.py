"""Reads deliveries again where brand.yml says otherwise than when they were loaded, so that a key means the
same whenever it is declared.

How values are understood is asked of the rows in Bronze; for other rows or columns the file itself is loaded
again, as the delivery that it was. What no longer can be stays as it is, which every run says.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mergehouse.errors import MergehouseError
from mergehouse.ingest.brand_source import BrandSource, brand_sources, bronze_table
from mergehouse.ingest.bronze import REJECTED, Batch, IngestResult, Loader, counting
from mergehouse.ingest.delivery import Delivery
from mergehouse.ingest.examination import examined_again
from mergehouse.ingest.formats import Written
from mergehouse.ingest.groups import grouped
from mergehouse.ingest.known import content_of
from mergehouse.ingest.read_as import Reading, kept_as
from mergehouse.ingest.reloading import BronzeSource, corrected
from mergehouse.ingest.together import BATCH
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import quoted, select, shared, text
from mergehouse.lakehouse.repair import set_aside, write_anew
from mergehouse.progress import Progress
from mergehouse.project.config import Project
from mergehouse.storage import is_url

AT_ONCE = 1000  # batches that are asked about together


@dataclass
class Reread:
    """The ledger as it is now; by Bronze table why its source must not be read (`stopped`), and the files
    that count no more, since it takes them no more.
    """

    ledger: list[Batch]
    stopped: dict[str, MergehouseError]
    let_go: dict[str, list[str]] = field(default_factory=dict)


def read_again(
    project: Project,
    lakehouse: Lakehouse,
    loader: Loader,
    ledger: list[Batch],
    stopped: Mapping[str, MergehouseError],
    progress: Progress,
) -> Reread:
    """Reads again what was read by other settings than those of now, but of sources that are `stopped` and of
    brands that are as they last were: what is kept of these lies elsewhere.
    """
    result = Reread(ledger, dict(stopped))
    of_source = defaultdict[tuple[str, str], list[Batch]](list)
    for batch in ledger:
        of_source[batch.source_system, batch.source_table].append(batch)
    for source in brand_sources(project):
        name, entries, reading = source.bronze, of_source[source.names], Reading(source)
        if name in stopped or all(
            b.status != "loaded" or b.read_as == str(reading.of(b.path)) for b in entries
        ):
            continue
        again = _Again(source, lakehouse, loader, entries)
        progress(f"{name}: read again", "bronze")
        try:
            again.read()
        except MergehouseError as error:
            result.stopped[name] = error
        if again.let_go:
            result.let_go[name] = again.let_go
        if again.corrected:
            result.ledger = corrected(lakehouse, result.ledger, again.corrected)
    return result


def unlike_declared(project: Project, ingest: IngestResult) -> dict[str, list[str]]:
    """By Bronze table the files that count and were read by other settings than those of now, of sources that
    have not stopped.

    >>> unlike_declared(mh.project("shop"), IngestResult())
    {}
    """
    sources = [source for source in brand_sources(project) if source.bronze not in ingest.failures]
    readings = {source.bronze: Reading(source) for source in sources}
    found: dict[str, list[str]] = {}
    for batch in counting(ingest.batches):
        name = bronze_table(batch.source_system, batch.source_table)
        reading = readings.get(name)
        if reading and batch.read_as not in (None, str(reading.of(batch.path))):
            found.setdefault(name, []).append(batch.source_file)
    return found


class _Again(BronzeSource):
    """One source. `entries` are all that the ledger has of it, `let_go` its files that count no more."""

    def __init__(self, of: BrandSource, lakehouse: Lakehouse, loader: Loader, entries: Sequence[Batch]):
        kept = [batch for batch in entries if batch.status != "repeat"]
        super().__init__(of, lakehouse, loader, kept)
        self.loaded = [batch for batch in self.batches if batch.status == "loaded"]
        self.now = {b.batch_id: self.reading.of(b.path) for b in self.loaded}
        self.before = {
            b.batch_id: kept_as(b.read_as) if b.read_as else self.now[b.batch_id] for b in self.loaded
        }
        self.known = {content_of(batch.batch_id) for batch in entries}
        self.let_go: list[str] = []

    def read(self) -> None:
        """Raises SourceError where a file cannot be read as it is declared now."""
        anew = self._load_again() if self._other("files") or self._other("rows") else set()
        stay = [b for b in self.loaded if b.batch_id not in anew]
        for batch in stay:  # rows that no file can be asked for are as they were read
            said = self.now[batch.batch_id]._replace(rows=self.before[batch.batch_id].rows)
            self.corrected[batch.batch_id] = replace(batch, read_as=str(said))
        others = [b for b in self._other("values") if b.batch_id not in anew]
        if others and {*self.of.source.columns} <= {*self._columns()}:
            self._examine_again(others)

    def _other(self, part: str) -> list[Batch]:
        """The batches of which this part of the settings is another one now."""
        return [
            b
            for b in self.loaded
            if getattr(self.before[b.batch_id], part) != getattr(self.now[b.batch_id], part)
        ]

    def _load_again(self) -> set[str]:
        """Loads what has other rows now, and lets go of what is there and is not taken any more. Returns the
        batches of both.
        """
        raw = self.in_raw(self.loaded, with_unknown=True)
        there = {d.file.location: (d.file.size_bytes, d.file.modified_ns) for d in raw.values()}
        other_rows = self._other("rows")
        anew = [b for b in other_rows if content_of(b.batch_id) in raw]
        let_go = [  # such as a sheet of a file that is as it was
            b for b in other_rows if b not in anew and there.get(b.path) == (b.size_bytes, b.modified_ns)
        ]
        let_go += [
            b
            for b in self._other("files")
            if content_of(b.batch_id) not in raw and b.path not in there and _is_there(b.path)
        ]
        with_more = {d.file.location for content, d in raw.items() if content not in self.known}
        if out := {batch.batch_id for batch in (*anew, *let_go)}:
            self.lakehouse.salvaged.add(self.name)
            self._without_rejected(out)
            rows = select(shared(), self.lakehouse.delta(self.name))
            self.write(rows, [b.batch_id for b in self.batches if b.batch_id not in out])
            self.corrected |= dict.fromkeys((b.batch_id for b in let_go), None)
            self.let_go = [b.source_file for b in let_go]
            self._load(anew, raw, with_more)
        return out

    def _load(self, batches: list[Batch], raw: dict[str, Delivery], with_more: set[str]) -> None:
        """`with_more` are files that have sheets which nobody has read: they are to be opened once more."""
        waiting = iter(replace(b, modified_ns=0) if b.path in with_more else b for b in batches)
        for group in grouped(([raw[content_of(b.batch_id)]] for b in batches), self.loader.at_once):
            self.load([(delivery, next(waiting)) for file in group for delivery in file])

    def _without_rejected(self, batches: set[str]) -> None:
        """What could not be split is looked for anew."""
        if not self.lakehouse.exists(REJECTED):
            return
        rows = select(shared(), self.lakehouse.delta(REJECTED))
        found = {id_ for (id_,) in shared().execute(f"SELECT DISTINCT batch_id FROM ({rows})").fetchall()}
        if found & batches:
            kept = sorted(found - batches)
            among = ", ".join(map(text, kept)) or "NULL"
            set_aside(self.lakehouse, REJECTED)
            held = shared().sql(f"SELECT * FROM ({rows}) WHERE batch_id IN ({among})")
            write_anew(self.lakehouse, REJECTED, held, kept)

    def _examine_again(self, batches: list[Batch]) -> None:
        """How their values are written, found anew from the rows in Bronze."""
        connection, delta = shared().cursor(), self.lakehouse.delta(self.name)
        before = [b.formats for b in self.batches if b.ingest_ts < batches[0].ingest_ts]
        for first in range(0, len(batches), AT_ONCE):
            group = batches[first : first + AT_ONCE]
            places = ", ".join(f"({text(b.batch_id)}, {place})" for place, b in enumerate(group))
            rows = (
                f"SELECT r.*, b.{quoted(BATCH)} FROM ({select(connection, delta)}) AS r"
                f" JOIN (VALUES {places}) AS b(batch_id, {quoted(BATCH)}) ON b.batch_id = r.batch_id"
            )
            files = [Written(b.delimiter, json.loads(b.formats).get("numbers", [])) for b in group]
            found = examined_again(connection, rows, self.of, files, before, BATCH)
            for batch, formats in zip(group, found, strict=True):
                entry = self.corrected[batch.batch_id] or batch
                said = json.loads(entry.doubts or "{}").get("values", [])
                told = [note for note in json.loads(entry.drift) if note not in said]
                entry = replace(entry, formats=formats.as_json(), drift=json.dumps(told + formats.doubts))
                entry = entry.doubting(values=formats.doubts)
                self.corrected[batch.batch_id] = entry
                before.append(entry.formats)
        connection.close()

    def _columns(self) -> list[str]:
        return [field.name for field in self.lakehouse.delta(self.name).schema().fields]


def _is_there(path: str) -> bool:
    """True of a file on this machine, or of one in a zip file there."""
    return not is_url(path) and any(place.is_file() for place in (Path(path), *Path(path).parents))
