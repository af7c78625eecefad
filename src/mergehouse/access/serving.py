"""The folder of extracts: one in it for each version of the data, and which of them readers begin with."""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mergehouse import machine
from mergehouse.access.source import LAKEHOUSE, location
from mergehouse.errors import AccessError
from mergehouse.project.config import Project

FOLDER, CURRENT = "serving", "current.json"
KEPT = 2  # versions: whoever reads one while the next is published goes on


class Current(NamedTuple):
    """What readers begin with. `of`: `lakehouse`, or `release` and its version."""

    version: str
    written: dt.datetime
    of: str


def serving_folder(project: Project, release: str | None = None) -> Path:
    """Where the extracts of a project's lakehouse are, or of releases: those of environments do not meet.

    >>> serving_folder(mh.project("shop")) == serving_folder(mh.project("shop", "prod"))
    False
    """
    place = hashlib.sha256(location(project, release).encode()).hexdigest()[:8]
    return project.folder / FOLDER / place


def current(root: Path) -> Current | None:
    """What readers begin with; None where nothing has been written yet.

    >>> current(Path("nowhere")) is None
    True
    """
    try:
        found = json.loads((root / CURRENT).read_text(encoding="utf-8"))
        written = dt.datetime.fromisoformat(found["written"])
        return Current(str(found["version"]), written, found.get("of", LAKEHOUSE))
    except (OSError, ValueError, KeyError):
        return None


def current_version(root: Path) -> str | None:
    """Its version alone.

    >>> current_version(Path("nowhere")) is None
    True
    """
    found = current(root)
    return found.version if found else None


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """One at a time writes: who comes second finds what the first has written. Raises AccessError where the
    folder cannot be written.

    >>> with alone(Path("new")):
    ...     Path("new").is_dir()
    True
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = (root / ".lock").open("a")
    except OSError as error:
        raise unwritable(root, error) from None
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def unwritable(root: Path, error: OSError) -> AccessError:
    """What is raised where the folder cannot be written.

    >>> str(unwritable(Path("new"), OSError(28, "No space left on device")))
    'new: cannot be written: the disk is full (... MB free). Free some space.'
    """
    return AccessError(machine.unwritable(root, error))


def set_current(root: Path, version: str, of: str) -> None:
    """From now on readers begin with this version; all but the newest few others go.

    >>> with alone(Path("new")):
    ...     set_current(Path("new"), "0123456789ab", "lakehouse")
    >>> current_version(Path("new"))
    '0123456789ab'
    """
    if current_version(root) != version:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        unfinished = root / f".{CURRENT}"
        unfinished.write_text(json.dumps({"version": version, "written": now, "of": of}), encoding="utf-8")
        unfinished.replace(root / CURRENT)
    old = [path for path in root.iterdir() if path.is_dir() and path.name != version]
    for path in sorted(old, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT - 1 :]:
        remove(path)


def remove(folder: Path) -> None:
    """A folder of extracts: files are removed by writing to theirs, which nobody else may.

    >>> Path("old").mkdir(0o555)
    >>> remove(Path("old"))
    >>> Path("old").exists()
    False
    """
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        inner.chmod(0o755)
    shutil.rmtree(folder)
