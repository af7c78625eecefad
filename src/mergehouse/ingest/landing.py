"""Landing zones: a source's delivered files, in a folder or an object store, and a copy to read."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mergehouse.errors import SourceError
from mergehouse.ingest.file_order import in_time_order
from mergehouse.project.config import Brand, Source
from mergehouse.storage import download, is_url, open_store, storage_errors

TEXT_SUFFIXES = (".csv", ".txt", ".tsv", ".csv.gz", ".txt.gz", ".tsv.gz")
SUFFIXES = (*TEXT_SUFFIXES, ".xlsx", ".xlsm", ".xls", ".parquet")


@dataclass(frozen=True)
class LandedFile:
    """A delivered file as its landing zone lists it: a path or URL, its bytes, and when it was last written
    (ns since 1970).
    """

    location: str
    size_bytes: int
    modified_ns: int

    @property
    def name(self) -> str:
        return self.location.replace("\\", "/").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Listing:
    """What lies directly in a landing zone. `folders` are locations, too."""

    files: list[LandedFile]
    folders: list[str]


def list_zone(location: str) -> Listing | None:
    """Files and folders by name, hidden ones left out; None where the folder does not exist.

    Raises LakehouseError where an object store cannot be listed.

    >>> [file.name for file in list_zone("shop/raw/shop").files]
    ['lines.csv']
    >>> list_zone("nowhere") is None
    True
    """
    if not is_url(location):
        zone = Path(location)
        if not zone.is_dir():
            return None
        there = sorted(p for p in zone.iterdir() if not p.name.startswith("."))
        stats = [(p, p.stat()) for p in there if p.is_file()]
        return Listing(
            [LandedFile(str(p), s.st_size, s.st_mtime_ns) for p, s in stats],
            [str(p) for p in there if p.is_dir()],
        )
    with storage_errors(location):
        found = open_store(location).list_with_delimiter()
    objects = sorted((o for o in found["objects"] if not o["path"].startswith(".")), key=lambda o: o["path"])
    files = [
        LandedFile(f"{location}/{o['path']}", o["size"], round(o["last_modified"].timestamp() * 1e9))
        for o in objects
    ]
    return Listing(files, [f"{location}/{prefix}" for prefix in sorted(found["common_prefixes"])])


def fitting(files: list[LandedFile], source: Source) -> list[LandedFile]:
    """Those of a readable kind whose names match one of the source's patterns.

    >>> files = [LandedFile(name, 10, 0) for name in ("raw/lines_1.csv", "raw/lines.pdf", "raw/stock.csv")]
    >>> [file.name for file in fitting(files, Source(files="LINES*", columns={}))]
    ['lines_1.csv']
    """
    return [file for file in files if file.name.lower().endswith(SUFFIXES) and _is_meant(file, source)]


def _is_meant(file: LandedFile, source: Source) -> bool:
    return any(fnmatch.fnmatch(file.name.lower(), pattern.lower()) for pattern in source.files)


def find_files(brand: Brand, table: str, source: Source, loaded_before: bool) -> list[LandedFile]:
    """The files of one source, earlier ones first. Raises SourceError where there is none and never was one.

    >>> brand = mh.project("shop").brands["shop"]
    >>> [file.name for file in find_files(brand, "lines", brand.sources["lines"], loaded_before=False)]
    ['lines.csv']
    """
    listing = list_zone(brand.landing_zone)
    found = in_time_order(fitting(listing.files, source), source.date_order) if listing else []
    if found or source.optional or loaded_before:
        return found
    if listing and (unread := next((file for file in listing.files if _is_meant(file, source)), None)):
        raise SourceError(
            f"{unread.location}: files of this kind are not read; expected one of {', '.join(SUFFIXES)}."
            " Convert or unpack it."
        )
    there = (
        [f.name for f in listing.files] + [f"{f.rsplit('/', 1)[-1]}/" for f in listing.folders]
        if listing
        else []
    )
    state = (
        f"it holds: {', '.join(there[:8])}"
        if there
        else "it is empty"
        if listing
        else "that folder does not exist"
    )
    raise SourceError(
        f"{brand.label}, source `{table}`: no file matches {', '.join(source.files)} in {brand.landing_zone}"
        f" ({state}). Put the export there, or change `sources.{table}.files` in"
        f" {brand.folder / 'brand.yml'}."
    )


def readable(file: LandedFile, folder: Path) -> Path:
    """The file on this machine: itself, or a copy in `folder`, made once.

    >>> readable(LandedFile("raw/lines.csv", 10, 0), Path("copies"))
    PosixPath('raw/lines.csv')
    """
    if not is_url(file.location):
        return Path(file.location)
    target = folder / file.name
    if not target.exists():
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
    except SourceError as error:
        raise SourceError(str(error).replace(str(path), file.location)) from None
