"""Landing zones: a source's delivered files, in a folder or an object store, and a copy to read.

What is delivered may lie in folders (Spark writes a folder of parts, with `month=1` in their paths) and in
zip files, which are folders to us.
"""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from mergehouse.errors import SourceError
from mergehouse.ingest.archive import members, unpack
from mergehouse.ingest.brand_source import BrandSource
from mergehouse.ingest.file_order import in_time_order
from mergehouse.ingest.links import expect_within
from mergehouse.project.brand import Brand
from mergehouse.project.sources import Source
from mergehouse.storage import download, expect_utf8, is_url, open_store, storage_errors

KINDS = {
    "text": (".csv", ".txt", ".tsv"),
    "json": (".json", ".jsonl", ".ndjson"),
    "workbook": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    "parquet": (".parquet",),
}
COMPRESSED = {"text": (".gz", ".bz2", ".xz"), "json": (".gz", ".bz2", ".xz")}  # kinds, and by what
ARCHIVE = ".zip"
# what is no delivery: hidden files, the lock of an open workbook, what macOS adds to zip files
HIDDEN = (".", "~$", "__MACOSX")
UNFINISHED, DELTA_LOG = "_temporary", "_delta_log"
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
NAMED = 8  # names in a message


@dataclass(frozen=True)
class LandedFile:
    """A delivered file as its landing zone lists it: a path or URL, its bytes, and when it was last written
    (ns since 1970).

    `place` is its path below the zone. Of a member of a zip file, `archive` says where that lies.
    """

    location: str
    size_bytes: int
    modified_ns: int
    place: str = ""
    archive: str = ""

    @property
    def name(self) -> str:
        place = self.location.replace("\\", "/") if self.archive else self.location  # zip files of Windows
        return place.rsplit("/", 1)[-1]

    @property
    def label(self) -> str:
        """Its name, and before it the folders below the zone.

        >>> LandedFile("/raw/sales/month=1/part-0.parquet", 10, 0, "sales/month=1/part-0.parquet").label
        'sales/month=1/part-0.parquet'
        """
        return self.place or self.name

    @property
    def partitions(self) -> dict[str, str | None]:
        """Columns that its folders are named after, as Hive and Spark name them.

        >>> LandedFile("/raw/sales/month=1/part-0.parquet", 10, 0, "sales/month=1/part-0.parquet").partitions
        {'month': '1'}
        """
        pairs = (folder.split("=", 1) for folder in self.label.split("/")[:-1] if "=" in folder)
        return {name: None if value == NO_VALUE else unquote(value) for name, value in pairs}


def kind_of(name: str) -> str | None:
    """What a file is by the ending of its name, whatever its case: a key of KINDS; None where it is not read.

    >>> kind_of("LINES.CSV.GZ"), kind_of("lines.xlsb"), kind_of("lines.pdf"), kind_of("lines.xlsx.gz")
    ('text', 'workbook', None, None)
    """
    return next((kind for kind in KINDS if name.lower().endswith(endings(kind))), None)


@functools.cache
def endings(kind: str) -> tuple[str, ...]:
    """Endings of a kind of file, bare and compressed.

    >>> endings("parquet")
    ('.parquet',)
    """
    return tuple(e + packed for e in KINDS[kind] for packed in ("", *COMPRESSED.get(kind, ())))


class StillWritten(SourceError):
    """A file changed while it was read. It waits for the next run; the others of its source go on."""


@dataclass(frozen=True)
class Listing:
    """What lies directly in a landing zone. `folders` are locations, too."""

    files: list[LandedFile]
    folders: list[str]


def list_zone(location: str) -> Listing | None:
    """Files and folders by name, hidden ones left out; None where the folder does not exist.

    Raises LakehouseError where it cannot be listed.

    >>> [file.name for file in list_zone("shop/raw/shop").files]
    ['lines.csv']
    >>> list_zone("nowhere") is None
    True
    """
    if not is_url(location):
        zone = Path(location)
        with storage_errors(location):
            if not zone.is_dir():
                return None
            with os.scandir(zone) as entries:  # 10,000 paths would take a second
                there = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
            for entry in there:
                expect_utf8(entry.path)
                if entry.is_symlink():
                    entry.stat()  # one that leads nowhere is no delivery that nobody sent
            stats = [(entry.path, entry.stat()) for entry in there if entry.is_file()]
            folders = [entry.path for entry in there if entry.is_dir()]
        return Listing([LandedFile(p, s.st_size, s.st_mtime_ns) for p, s in stats], folders)
    with storage_errors(location):
        found = open_store(location).list_with_delimiter()
    objects = sorted((o for o in found["objects"] if o["path"][:1] not in ("", ".")), key=lambda o: o["path"])
    files = [
        LandedFile(f"{location}/{o['path']}", o["size"], round(o["last_modified"].timestamp() * 1e9))
        for o in objects
    ]
    return Listing(files, [f"{location}/{prefix}" for prefix in sorted(found["common_prefixes"])])


def fitting(files: list[LandedFile], source: Source) -> list[LandedFile]:
    """Those of a readable kind that one of the source's patterns names.

    >>> files = [LandedFile(name, 10, 0) for name in ("raw/lines_1.csv", "raw/lines.pdf", "raw/stock.csv")]
    >>> [file.name for file in fitting(files, Source(files="LINES*", columns={}))]
    ['lines_1.csv']
    """
    return [file for file in _meant(files, source.files) if kind_of(file.name)]


def find_files(of: BrandSource, loaded_before: bool) -> list[LandedFile]:
    """The files of one source, earlier ones first. Raises SourceError where there is none and never was one.

    >>> brand = mh.project("shop").brands["shop"]
    >>> lines = BrandSource(brand, "lines", brand.sources["lines"])
    >>> [file.name for file in find_files(lines, loaded_before=False)]
    ['lines.csv']
    """
    brand, source = of.brand, of.source
    listing = list_zone(brand.landing_zone)
    landed = list(_below(listing, source.files)) if listing else []
    found = fitting(landed, source)
    expect_within(brand, {file.archive or file.location for file in found})
    if found or source.optional or loaded_before:
        return in_time_order(found, source.date_order)
    if meant := _meant(landed, source.files):
        raise SourceError(
            f"{meant[0].location}: files of this kind are not read; expected one of"
            f" {', '.join(e for kind in KINDS.values() for e in kind)}, {ARCHIVE}. Convert or unpack it."
        )
    there = _names(listing) if listing else []
    state = (
        f"it holds: {', '.join(there[:NAMED])}"
        if there
        else "it is empty"
        if listing
        else "that folder does not exist"
    )
    raise SourceError(
        f"{of}: no file matches {', '.join(source.files)} in {brand.landing_zone}"
        f" ({state}). Put the export there, or change `sources.{of.table}.files` in"
        f" {brand.folder / 'brand.yml'}."
    )


def is_gone(brand: Brand) -> bool:
    """True where the folder of a brand's exports does not exist. An object store knows no empty folders, so
    that none is missing there.

    >>> is_gone(mh.project("shop").brands["shop"])
    False
    """
    return not is_url(brand.landing_zone) and not Path(brand.landing_zone).is_dir()


def unread(brand: Brand, brands: Iterable[Brand] = ()) -> list[str]:
    """Names of what lies in a brand's landing zone and nobody reads: files of other kinds, and files and
    folders that no pattern names. `brands` are those whose exports may lie there as well.

    >>> unread(mh.project("shop").brands["shop"])
    []
    """
    zone, brands = brand.landing_zone, [brand, *brands]
    listing = list_zone(zone)
    if listing is None:
        return []
    sources = [s for b in brands if b.landing_zone == zone for s in b.sources.values()]
    landed = list(_below(listing, [pattern for s in sources for pattern in s.files]))
    read = {file.label for s in sources for file in fitting(landed, s)}
    zones = [b.landing_zone for b in brands if b.landing_zone.startswith(f"{zone}/")]
    passed = {place[len(zone) + 1 :].split("/")[0] for place in zones}
    inside = defaultdict(list)
    for file in landed:
        inside[file.label.split("/")[0]].append(file.label)
    names: list[str] = []
    for entry in _names(listing):
        there = inside[entry.rstrip("/")]
        if not read.isdisjoint(there):
            names += [label for label in there if label not in read]
        elif not entry.startswith(HIDDEN) and not _is_mark(entry) and entry.rstrip("/") not in passed:
            names.append(entry)
    return [name for name in names if not _is_named(name, brand.ignore)]


def _names(listing: Listing) -> list[str]:
    return [f.name for f in listing.files] + [f"{f.rsplit('/', 1)[-1]}/" for f in listing.folders]


def _below(listing: Listing, patterns: Sequence[str], place: str = "") -> Iterator[LandedFile]:
    """The files of a listing, the members of its zip files, and what is below the folders that a pattern
    leads to.
    """
    for file in listing.files:
        landed = replace(file, place=place + file.name)
        if file.name.lower().endswith(ARCHIVE):
            yield from _unpacked(landed, patterns)
        elif not file.name.startswith(HIDDEN) and not (place and _is_mark(file.name)):
            yield landed
    for folder in listing.folders:
        name = folder.rsplit("/", 1)[-1]
        if name in (UNFINISHED, DELTA_LOG):
            raise SourceError(_no_parts(folder))
        if _is_named(place + name, patterns, partly=True) and not (place and name.startswith("_")):
            yield from _below(list_zone(folder) or Listing([], []), patterns, f"{place}{name}/")


def _is_mark(name: str) -> bool:
    """What Spark's writers leave beside their parts: `_SUCCESS` and its like."""
    return name.startswith("_") and not kind_of(name)


def _no_parts(folder: str) -> str:
    if folder.endswith(DELTA_LOG):
        return (
            f"{folder.removesuffix('/' + DELTA_LOG)}: a Delta table; its folder also holds files that no"
            " longer count. Export it as Parquet files."
        )
    return (
        f"{folder}: the job that writes these files has not ended. Run again when it has, or remove what a"
        " broken one has left."
    )


def _unpacked(archive: LandedFile, patterns: Sequence[str]) -> Iterator[LandedFile]:
    """The members of a zip file as if it were a folder; itself where it is unsound and not named."""
    try:
        found = members(archive.location)
    except SourceError:
        if _is_named(archive.label, patterns):
            raise
        found = []
        yield archive
    for path, size in found:
        names = [name for name in path.split("/") if name not in (".", "..")]
        if not any(name.startswith(HIDDEN) or _is_mark(name) for name in names):
            yield LandedFile(
                location=f"{archive.location}/{path}",
                size_bytes=size,
                modified_ns=archive.modified_ns,
                place=f"{archive.label}/{path}",
                archive=archive.location,
            )


def _meant(files: list[LandedFile], patterns: Sequence[str]) -> list[LandedFile]:
    """Files that a pattern names, whatever their kind: by their place, or by a folder or zip file that they
    are in. A zip file is seen through: where a pattern names members, it is these alone.
    """
    members_named = {file.archive for file in files if file.archive and _is_named(file.name, patterns)}
    return [
        file
        for file in files
        if _is_named(file.name if file.archive in members_named else file.label, patterns)
    ]


def _is_named(place: str, patterns: Sequence[str], partly: bool = False) -> bool:
    """True where a pattern names a place or a folder above it. `partly`: or where it leads on from there."""
    parts = place.lower().strip("/").split("/")
    return any(_fits(p.lower().strip("/").split("/"), parts, partly) for p in patterns)


def _fits(pattern: list[str], parts: list[str], partly: bool) -> bool:
    if not pattern:
        return True
    if pattern[0] == "**" and _fits(pattern[1:], parts, partly):
        return True
    if not parts:
        return partly
    if pattern[0] == "**":
        return _fits(pattern, parts[1:], partly)
    return fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(pattern[1:], parts[1:], partly)


def readable(file: LandedFile, folder: Path) -> Path:
    """The file on this machine: itself, or a copy in `folder`, made once, of what lies in an object store or
    a zip file.

    >>> readable(LandedFile("raw/lines.csv", 10, 0), Path("copies"))
    PosixPath('raw/lines.csv')
    """
    if not file.archive and not is_url(file.location):
        return Path(file.location)
    target = folder / hashlib.sha256(file.location.encode()).hexdigest()[:16] / file.name
    if not target.exists():
        if file.archive:
            unpack(file.archive, file.location[len(file.archive) + 1 :], target)
        else:
            download(file.location, target)
    return target


@contextmanager
def named(file: LandedFile, path: Path) -> Iterator[None]:
    """What is wrong with a copy is wrong with the file it was made of.

    >>> with named(LandedFile("s3://bucket/lines.csv", 10, 0), Path("copies/lines.csv")):
    ...     raise SourceError("copies/lines.csv: the file is empty.")
    Traceback (most recent call last):
    mergehouse.errors.SourceError: s3://bucket/lines.csv: the file is empty.
    """
    try:
        yield
    except StillWritten:
        raise
    except SourceError as error:
        raise SourceError(str(error).replace(str(path), file.location)) from None


def looked_at(file: LandedFile) -> LandedFile:
    """The file as it is now; in an object store, as it was listed: what is written there is there at once.

    >>> _ = Path("lines.csv").write_text("order")
    >>> looked_at(LandedFile("lines.csv", 10, 0)).size_bytes
    5
    """
    with suppress(OSError):
        if not is_url(file.location):
            state = Path(file.archive or file.location).stat()
            size = file.size_bytes if file.archive else state.st_size
            return replace(file, size_bytes=size, modified_ns=state.st_mtime_ns)
    return file


def check_unchanged(file: LandedFile) -> None:
    """Raises StillWritten where the file is not as it was when it was looked at.

    >>> _ = Path("lines.csv").write_text("order")
    >>> check_unchanged(LandedFile("lines.csv", 4, 0))
    Traceback (most recent call last):
    mergehouse.ingest.landing.StillWritten: lines.csv: it changed while it was read. ...
    """
    if looked_at(file) != file:
        raise StillWritten(f"{file.location}: it changed while it was read. Run again when it is whole.")
