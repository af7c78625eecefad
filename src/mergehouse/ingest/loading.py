"""Loads deliveries into Bronze: each file (or sheet) recognised by content and reconciled by count, small
files in groups of one commit.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from mergehouse.errors import LakehouseError, MergehouseError, SourceError
from mergehouse.ingest.brand_source import BrandSource, brand_sources
from mergehouse.ingest.bronze import Batch, Earlier, IngestResult, Loader
from mergehouse.ingest.delivery import Delivery
from mergehouse.ingest.file_order import LatestNames
from mergehouse.ingest.groups import Group, grouped, halves
from mergehouse.ingest.known import Known, content_of
from mergehouse.ingest.landing import LandedFile, StillWritten, find_files, is_gone, unread
from mergehouse.ingest.ledger import Ledger
from mergehouse.ingest.read_as import Reading
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.machine import refused
from mergehouse.progress import Progress
from mergehouse.project.config import Project

SOURCES_AT_ONCE = 2  # parsing a file keeps more than one core busy, but not two
INSPECTED_AHEAD = 256  # files of which the first bytes wait in memory


def load_deliveries(
    project: Project,
    lakehouse: Lakehouse,
    loader: Loader,
    now: dt.datetime,
    progress: Progress,
    known: list[Batch],
    unsound: Mapping[str, MergehouseError],
    meanwhile: Callable[[], object],
) -> IngestResult:
    """Loads every file that is new. A source that fails is reported in `failures`; the others go on.

    Of a file with several sheets all are loaded or none.
    Batches of one run were loaded `now`, or where the clock was set back, after all that the ledger has; the
    files of a source a microsecond after one another, earlier ones first by their names. `known` is the
    ledger; of Bronze tables that are `unsound`, and why, no file is looked at. `meanwhile` is called where
    the largest source begins to be loaded, which leaves a core to others; to look at its files does not.
    """
    result = IngestResult(known=known)
    shown, now = now, just_after(now, (batch.ingest_ts for batch in result.known))
    brands = [brand for brand in project.brands.values() if not brand.fault]
    sources = brand_sources(project)
    result.sources = [source.bronze for source in sources]
    ledger = Ledger(lakehouse, result.known)

    def load(arrivals: _Arrivals) -> tuple[list[Batch], MergehouseError | None]:
        if why := unsound.get(arrivals.bronze):
            return [], why
        try:
            for batches in arrivals.load(inspector):
                ledger.add(batches)
        except MergehouseError as error:
            return arrivals.new, error
        except Exception as error:  # what nobody foresaw must not stop the other brands
            return arrivals.new, arrivals.unforeseen("its files", error)
        return arrivals.new, None

    with ThreadPoolExecutor(SOURCES_AT_ONCE) as inspector, ThreadPoolExecutor(SOURCES_AT_ONCE) as pool:
        arriving = [_Arrivals(source, lakehouse, loader, result, now, progress) for source in sources]
        sizes = pool.map(lambda a: 0 if a.bronze in unsound else a.bytes, arriving)
        # the largest first: loaded last, it would keep one core busy
        order = sorted(zip(sizes, arriving, strict=True), key=lambda found: -found[0])
        for _, largest in order[:1]:
            largest.meanwhile = meanwhile
        loaded = {arrivals.bronze: pool.submit(load, arrivals) for _, arrivals in order}
        for name in result.sources:
            new, error = loaded[name].result()
            result.new += new
            if error:
                result.failures[name] = error
    if result.new and shown < now:
        result.clock = shown
    failed = {source.brand.name for source in sources if source.bronze in result.failures}
    result.gone = [brand.name for brand in brands if brand.name not in failed and is_gone(brand)]
    for brand in brands:
        with suppress(MergehouseError):  # then its sources have failed for the same reason
            if names := unread(brand, project.brands.values()):
                result.unread[brand.name] = names
    ledger.close()
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


class _Arrivals:
    """What is new of one source; `new` are the batches loaded so far."""

    def __init__(
        self,
        of: BrandSource,
        lakehouse: Lakehouse,
        loader: Loader,
        result: IngestResult,
        now: dt.datetime,
        progress: Progress,
    ):
        self.of, self.source, self.bronze, self.reading = of, of.source, of.bronze, Reading(of)
        self.lakehouse, self.loader, self.now, self.progress = lakehouse, loader, now, progress
        self.before = [b for b in result.known if (b.source_system, b.source_table) == of.names]
        self.new: list[Batch] = []
        self.result = result
        self.meanwhile: Callable[[], object] | None = None

    @cached_property
    def files(self) -> list[LandedFile]:
        """Those that are not in the ledger with the size and time that they have."""
        known, there = Known(self.before), self.lakehouse.exists(self.bronze)
        found = find_files(self.of, loaded_before=there)
        self.result.there.update(file.location for file in found)
        return [file for file in found if not known.has_seen(file)]

    @property
    def bytes(self) -> int:
        """Of its files; 0 where they cannot be listed, which is said when they are to be loaded."""
        with suppress(Exception):
            return sum(file.size_bytes for file in self.files)
        return 0

    @cached_property
    def names(self) -> LatestNames:
        loaded = [b.source_file for b in self.before if b.status != "repeat"]
        return LatestNames([] if self.source.updated_at else loaded, self.source.date_order)

    def load(self, inspector: ThreadPoolExecutor) -> Iterator[list[Batch]]:
        """Loads group after group. Where one cannot be loaded, its halves are, up to the file on whose
        account it cannot.
        """
        for group in grouped(self._opened(inspector), self.loader.at_once):
            todo = [group]
            while todo:
                files = todo.pop(0)
                try:
                    yield self._load(files)
                except LakehouseError:
                    raise
                except Exception as error:
                    if len(files) > 1:
                        todo[:0] = halves(files)
                    elif isinstance(error, StillWritten):
                        self.result.waiting.setdefault(self.bronze, []).append(files[0][0].label)
                    elif isinstance(error, MergehouseError):
                        raise
                    else:
                        raise self.unforeseen(files[0][0].file.location, error) from error

    def unforeseen(self, place: str, error: Exception) -> SourceError:
        said = next(iter(str(error).strip().splitlines()), "")
        what = refused(error) or f"{type(error).__name__}: {said}"
        return SourceError(f"{self.of}: {place}: {what}")

    def _opened(self, inspector: ThreadPoolExecutor) -> Iterator[list[Delivery]]:
        """What the source's files hold. While some are loaded, the next are inspected."""
        ahead: deque[tuple[LandedFile, Future[list[Delivery]]]] = deque()
        for file in self.files:
            ahead.append((file, inspector.submit(self.loader.open, self.of, file)))
            if len(ahead) > INSPECTED_AHEAD:
                yield self._opened_file(*ahead.popleft())
        while ahead:
            yield self._opened_file(*ahead.popleft())

    def _opened_file(self, file: LandedFile, opened: Future[list[Delivery]]) -> list[Delivery]:
        try:
            return opened.result()
        except MergehouseError:
            raise
        except Exception as error:
            raise self.unforeseen(file.location, error) from error

    def _load(self, files: Group) -> list[Batch]:
        """Loads a group's deliveries, or recognises them among the source's batches."""
        known = Known(self.before + self.new)
        formats = list(known.formats)
        batches: list[tuple[Delivery, Batch]] = []
        for delivery in (d for file in files for d in file):
            batch = self._batch(delivery, known, len(self.new) + len(batches))
            known.add(batch)
            batches.append((delivery, batch))
        to_load = [(d, batch) for d, batch in batches if batch.status == "loaded"]
        loaded = iter(self._loaded(to_load, formats))
        found = [next(loaded) if b.status == "loaded" else b for _, b in batches]
        called = {b.batch_id: b.source_file for b in (*self.before, *self.new, *(b for _, b in batches))}
        for place, batch in enumerate(found):
            doubts = []
            if batch.replaces:
                said = (
                    f"it begins as {called[batch.replaces]} did when it was loaded, and counts in its place"
                )
                batch = replace(batch, drift=json.dumps([said, *json.loads(batch.drift)]))
            if batch.status == "loaded" and not self.source.updated_at:
                if later := self.names.later_than(batch.source_file):
                    doubts = [
                        f"by its name it is older than {later}, but came after it and counts as the later"
                    ]
                self.names.add(batch.source_file)
            if followed := self._followed_by(batch):
                doubts = [
                    f"it holds what {followed[0]} does, which came before {followed[1]}, and is not loaded"
                    " again; deliver it under that name if it takes back what came since"
                ]
            found[place] = batch.doubting(order=doubts) if doubts else batch
        self.new += found
        return found

    def _followed_by(self, repeat: Batch) -> tuple[str, str] | None:
        """Of a file that repeats one of another name: that one's, and the first that came between."""
        if repeat.status != "repeat":
            return None
        known = [b for b in self.before if b.status == "loaded" and b.rows]
        said = [b for b in known if content_of(b.batch_id) == content_of(repeat.batch_id)]
        if not said or repeat.source_file in (b.source_file for b in said):
            return None
        between = [b for b in known if b.ingest_ts > said[-1].ingest_ts]
        return (said[-1].source_file, between[0].source_file) if between else None

    def _loaded(self, batches: list[tuple[Delivery, Batch]], formats: list[str]) -> list[Batch]:
        if not batches:
            return []
        more = f" and {len(batches) - 1} more" if len(batches) > 1 else ""
        self.progress(f"{self.bronze} < {batches[0][0].label}{more}", "bronze")
        if self.meanwhile:
            self.meanwhile()
        rows = sum(batch.rows for batch in self.before + self.new if batch.status != "repeat")
        columns = [f.name for f in self.lakehouse.delta(self.bronze).schema().fields] if formats else []
        return self.loader.load(batches, Earlier(formats, rows, columns))

    def _batch(self, delivery: Delivery, known: Known, place: int) -> Batch:
        file, batch_id, (system, table) = delivery.file, known.new_id(delivery), self.of.names
        batch = Batch(
            batch_id=batch_id or delivery.batch_id, source_system=system, source_table=table,
            source_file=delivery.label, path=file.location, size_bytes=file.size_bytes,
            modified_ns=file.modified_ns, status="loaded" if batch_id else "repeat", rows=0, rejected_rows=0,
            delimiter=None, encoding=None, formats="{}", drift="[]",
            ingest_ts=self.now + dt.timedelta(microseconds=place), content_bytes=delivery.inspection.size,
            read_as=str(self.reading.of(file.location)),
        )  # fmt: skip
        shorter = known.beginnings(delivery) if batch_id else {}
        hashes = self.loader.beginnings(delivery, shorter) if shorter else {}
        for length in sorted(hashes, reverse=True):
            content = delivery.batch_of(hashes[length])
            if same := [b for b in shorter[length] if content_of(b) == content]:
                return replace(batch, replaces=same[0])
        return batch
