"""Zip files, on this machine or in an object store: what is in them, and a copy of one member."""

from __future__ import annotations

import io
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mergehouse.errors import SourceError
from mergehouse.storage import CHUNK, is_url, open_store, storage_errors


def members(archive: str) -> list[tuple[str, int]]:
    """(path, bytes) of each file in a zip file; of an object store, only its directory is read.

    Raises SourceError where it is no sound zip file.

    >>> with zipfile.ZipFile("export.zip", "w") as packed:
    ...     packed.writestr("march/lines.csv", "order")
    >>> members("export.zip")
    [('march/lines.csv', 5)]
    """
    with _opened(archive) as packed:
        return [(m.filename, m.file_size) for m in packed.infolist() if not m.is_dir()]


def unpack(archive: str, member: str, target: Path) -> None:
    """Copies one member; `target` is there whole or not at all. Raises SourceError where it cannot be read.

    >>> with zipfile.ZipFile("export.zip", "w") as packed:
    ...     packed.writestr("march/lines.csv", "order")
    >>> unpack("export.zip", "march/lines.csv", Path("copies/lines.csv"))
    >>> Path("copies/lines.csv").read_text()
    'order'
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}")
    with _opened(archive) as packed, packed.open(member) as content, unfinished.open("wb") as out:
        shutil.copyfileobj(content, out)
    unfinished.rename(target)


@contextmanager
def _opened(archive: str) -> Iterator[zipfile.ZipFile]:
    try:
        with storage_errors(archive):
            file = io.BufferedReader(_InStore(archive), CHUNK) if is_url(archive) else archive
            with zipfile.ZipFile(file) as packed:
                yield packed
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{archive}: not a sound zip file ({error}). Deliver it again.") from None
    except (RuntimeError, NotImplementedError) as error:  # a password, a method that Python does not know
        raise SourceError(
            f"{archive}: cannot be unpacked ({error}). Deliver it as a plain zip file."
        ) from None


class _InStore(io.RawIOBase):
    """A file of an object store, of which only those parts are fetched that are read."""

    def __init__(self, location: str):
        import obstore

        folder, _, name = location.rpartition("/")
        self.file = obstore.open_reader(open_store(folder), name)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def readinto(self, buffer: Any) -> int:
        read = bytes(self.file.read(len(buffer)))
        buffer[: len(read)] = read
        return len(read)
