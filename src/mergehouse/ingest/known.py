"""What the ledger knows of one source: which file was seen, what repeats another, what begins as another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mergehouse.ingest.landing import LandedFile, kind_of

if TYPE_CHECKING:
    from mergehouse.ingest.bronze import Batch
    from mergehouse.ingest.delivery import Delivery

GROWING = ("text", "json")  # kinds of files to whose end more can be written


class Known:
    """A source's batches, in the order in which they came. `formats` are theirs as JSON, each once, in the
    order in which they were last met.
    """

    def __init__(self, batches: Iterable[Batch] = ()):
        self.formats: dict[str, None] = {}
        self._seen: dict[str, tuple[int, int, str]] = {}
        self._said: dict[tuple[str, str], str] = {}
        self._times: Counter[str] = Counter()
        self._by_name: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for batch in batches:
            self.add(batch)

    def add(self, batch: Batch) -> None:
        content = content_of(batch.batch_id)
        self._seen[batch.path] = batch.size_bytes, batch.modified_ns, content
        self._said[batch.path, batch.source_file] = content
        if batch.status == "repeat":
            return
        self._times[content] += 1
        self.formats.pop(batch.formats, None)
        self.formats[batch.formats] = None
        if kind_of(batch.path) in GROWING and (size := _content_bytes(batch)):
            self._by_name[_name(batch.path)][size].add(batch.batch_id)
        for sizes in self._by_name[_name(batch.path)].values() if batch.replaces else ():
            sizes.discard(str(batch.replaces))

    def has_seen(self, file: LandedFile) -> bool:
        """True where the file is as it was when its path was last seen. A ledger may have lost the entry of
        what it repeats: then it was not.
        """
        size, moment, content = self._seen.get(file.location, (0, 0, ""))
        return (size, moment) == (file.size_bytes, file.modified_ns) and self._times[content] > 0

    def new_id(self, delivery: Delivery) -> str | None:
        """The id of a new batch; None of a delivery that only repeats another.

        A file that says again what it said before it said something else is a delivery of its own: the later.
        """
        content = delivery.batch_id
        if not (times := self._times[content]):
            return content
        said = self._said.get((delivery.file.location, delivery.label))
        return None if said in (None, content) else f"{content}-{times + 1}"

    def beginnings(self, delivery: Delivery) -> dict[int, set[str]]:
        """Batches of files of the same name that count and are shorter, by their length in bytes: a file that
        begins as one of them did takes its place.
        """
        if kind_of(delivery.file.name) not in GROWING:
            return {}
        of_name = self._by_name.get(_name(delivery.file.location), {})
        return {size: ids for size, ids in of_name.items() if ids and size < delivery.inspection.size}


def content_of(batch_id: str) -> str:
    """What tells content apart: batches of the same content are numbered.

    >>> content_of("9f86d081884c7d65-2")
    '9f86d081884c7d65'
    """
    return batch_id.split("-")[0]


def _content_bytes(batch: Batch) -> int | None:
    """Of ledgers of earlier versions the size of the file, where this is that of its content."""
    packed = batch.path.lower().endswith((".gz", ".bz2", ".xz"))
    return batch.content_bytes or (None if packed else batch.size_bytes)


def _name(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1]
