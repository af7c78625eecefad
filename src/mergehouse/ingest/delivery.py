"""What a file holds that is to be loaded: itself, or sheets of a workbook."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mergehouse.errors import SourceError
from mergehouse.ingest.brand_source import BrandSource
from mergehouse.ingest.inspection import Inspection
from mergehouse.ingest.landing import LandedFile, kind_of
from mergehouse.ingest.workbook import sheets
from mergehouse.project.sources import Source

SIGNATURES = {  # how files begin that are no text
    b"PK\x03\x04": "a workbook or zip file",
    b"\xd0\xcf\x11\xe0": "a workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
}


@dataclass(frozen=True)
class Delivery:
    """A text, JSON or Parquet file or one sheet of a workbook, to be loaded. `path` is where to read it.

    `left_out` are sheets that are not read, of the first that is.
    """

    of: BrandSource
    file: LandedFile
    path: Path
    inspection: Inspection
    sheet: str | None = None
    left_out: list[str] = field(default_factory=list)

    @property
    def source(self) -> Source:
        return self.of.source

    @property
    def bronze(self) -> str:
        return self.of.bronze

    @property
    def label(self) -> str:
        return f"{self.file.label}#{self.sheet}" if self.sheet else self.file.label

    @property
    def batch_id(self) -> str:
        """Content decides, and the table it is for: one file may feed two sources. So do the columns that its
        folders are named after.
        """
        return self.batch_of(self.inspection.sha256)

    def batch_of(self, sha256: str) -> str:
        """The batch that it would be if its content had this hash."""
        parts = [self.bronze, sha256, self.sheet or ""]
        parts += [f"{name}={value}" for name, value in self.file.partitions.items()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def keeps_undeclared(self) -> bool:
        return (self.source.undeclared or self.of.brand.undeclared) == "keep"


def deliveries(of: BrandSource, file: LandedFile, path: Path, inspection: Inspection) -> Iterator[Delivery]:
    """What one file holds: itself, or the sheets of a workbook that have the source's columns.

    Raises SourceError where a workbook cannot be read or a declared sheet is not there.
    """
    content = next((what for mark, what in SIGNATURES.items() if inspection.head.startswith(mark)), None)
    if content and kind_of(path.name) in ("text", "json"):
        raise SourceError(f"{path}: no text, but {content}. Give the file the ending of what it is.")
    if kind_of(path.name) != "workbook":
        yield Delivery(of, file, path, inspection)
        return
    read, left_out = sheets(path, of.source)
    for sheet in read:
        yield Delivery(of, file, path, inspection, sheet, left_out if sheet == read[0] else [])
