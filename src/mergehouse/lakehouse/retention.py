"""How long a table's old versions stay: their files, and the entries of the log about them.

They go by age, and by size where they take more than they may, the oldest first. What never goes are the
versions from `needed` on, which readers may be at. The log then begins at the oldest version that is left,
with a checkpoint: a version is there whole or not at all.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from mergehouse.lakehouse.files import live_files

if TYPE_CHECKING:
    from mergehouse.lakehouse.delta import Lakehouse

FLOOR = 64 * 2**10  # bytes that old versions and the log may take of any table, be it ever so small
COMMITS = 10  # what a log holds before it is worth a checkpoint
_ENTRY = re.compile(r"_delta_log/(\d{20})\.(json|crc|checkpoint\.parquet)")


class File(NamedTuple):
    """What is known of a file without reading it."""

    bytes: int
    changed: dt.datetime


@dataclass(frozen=True)
class Gone:
    """Files that were removed for good, the bytes that they held, and the oldest version that is left."""

    files: int
    bytes: int
    oldest: int


def let_go(
    lakehouse: Lakehouse,
    name: str,
    hours: int,
    copies: float,
    needed: int | None = None,
    at_once: bool = False,
) -> Gone | None:
    """Removes versions that were replaced more than `hours` ago, and older ones, too, where what they and the
    log take is more than the table itself takes, times `copies`. None where nothing is due: of a short log,
    unless `at_once`, nothing is for its age alone.

    Versions from `needed` on stay, without it the last two. Files that no version named are not touched.

    >>> import duckdb
    >>> from mergehouse.lakehouse.writing import append
    >>> from mergehouse.lakehouse.delta import Lakehouse
    >>> lakehouse = Lakehouse("new")
    >>> for n in range(30):
    ...     append(lakehouse, "gold.notes", duckdb.sql(f"SELECT {n} AS note"))
    >>> let_go(lakehouse, "gold.notes", hours=0, copies=1)
    Gone(files=0, bytes=0, oldest=28)
    >>> lakehouse.rows("gold.notes"), lakehouse.table("gold.notes", version=28).polars().height
    (30, 29)
    """
    files = files_below(lakehouse, name)
    log = {path: int(match[1]) for path in files if (match := _ENTRY.fullmatch(path))}
    commits = _commits(files)
    if len(commits) < 2:
        return None
    oldest, newest = min(commits), max(commits)
    needed = newest - 1 if needed is None else min(needed, newest)
    live = {path: f.bytes for f in live_files(lakehouse.delta(name)) for path in (f.path, f.place)}
    out_of_use = {
        path: file.bytes
        for path, file in files.items()
        if path.endswith(".parquet") and not path.startswith("_") and path not in live
    }
    may_take = copies * sum(file.bytes for path, file in files.items() if path in live) + FLOOR
    # tables that the same runs write are not to be due at once
    is_long = newest - oldest >= COMMITS + zlib.crc32(name.encode()) % COMMITS
    if oldest >= needed or not (at_once or is_long or sum(out_of_use.values()) > may_take):
        return None
    kept = {path for version in range(needed + 1, newest + 1) for path in _removed(lakehouse, name, version)}
    taken = sum(out_of_use.values()) + sum(files[path].bytes for path in log)
    allowed = may_take if taken <= may_take else may_take / 2  # so that it is not due again at once
    expired = dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
    first, gone = oldest, list[str]()
    while first < needed and (taken > allowed or commits[first + 1] <= expired):
        dead = [p for p in _removed(lakehouse, name, first + 1) if p in out_of_use and p not in kept]
        taken -= sum(out_of_use.pop(path) for path in dead)
        taken -= sum(files[path].bytes for path, version in log.items() if version == first)
        gone += dead
        first += 1
    if first == oldest:
        return None
    lakehouse.delta(name, first).create_checkpoint()
    _remove(lakehouse, name, gone)
    _remove(lakehouse, name, [path for path, version in log.items() if version < first])
    lakehouse.forget(name)
    return Gone(len(gone), sum(files[path].bytes for path in gone), first)


def versions(lakehouse: Lakehouse, name: str) -> dict[int, dt.datetime]:
    """The versions that a table's log still knows, and when each was made.

    >>> list(versions(mh.open("shop"), "gold.sales_daily"))
    [0]
    """
    return _commits(files_below(lakehouse, name))


def files_below(lakehouse: Lakehouse, name: str) -> dict[str, File]:
    """All files of a table by their paths in its folder, those of no version, too.

    >>> sorted(files_below(mh.open("shop"), "gold.sales_daily"))
    ['_delta_log/00000000000000000000.json', 'part-.../source_system=shop/data_0.parquet']
    """
    folder = name.replace(".", "/")
    if lakehouse.is_remote:
        found = (file for batch in lakehouse.store.list(f"{folder}/") for file in batch)
        return {
            file["path"].removeprefix(f"{folder}/"): File(file["size"], file["last_modified"])
            for file in found
        }
    root = lakehouse.path(name)
    return {
        Path(file.path).relative_to(root).as_posix(): File(
            file.stat().st_size, dt.datetime.fromtimestamp(file.stat().st_mtime, dt.UTC)
        )
        for file in _files(root)
    }


def _files(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            else:
                yield entry


def _commits(files: dict[str, File]) -> dict[int, dt.datetime]:
    """Those that follow one another without a gap, the newest first."""
    found = {
        int(m[1]): file.changed
        for path, file in files.items()
        if (m := _ENTRY.fullmatch(path)) and m[2] == "json"
    }
    newest = max(found, default=-1)
    there = takewhile(found.__contains__, range(newest, -1, -1))
    return {version: found[version] for version in there}


def _commit(version: int) -> str:
    return f"_delta_log/{version:020}.json"


def _removed(lakehouse: Lakehouse, name: str, version: int) -> set[str]:
    """What a version no longer has that the one before it had."""
    path = f"{name.replace('.', '/')}/{_commit(version)}"
    if lakehouse.is_remote:
        log = lakehouse.store.get(path).bytes().to_bytes().decode()
    else:
        log = (lakehouse.root / path).read_text(encoding="utf-8")
    actions = [json.loads(line) for line in log.splitlines() if '"remove"' in line or '"add"' in line]
    # of a file that gets a deletion vector both are said
    added = {action["add"]["path"] for action in actions if "add" in action}
    removed = {action["remove"]["path"] for action in actions if "remove" in action}
    return {unquote(path) for path in removed - added}


def _remove(lakehouse: Lakehouse, name: str, paths: Iterable[str]) -> None:
    """Files, and the folders that are empty without them."""
    if lakehouse.is_remote:
        keys = [f"{name.replace('.', '/')}/{path}" for path in paths]
        if keys:
            lakehouse.store.delete(keys)
        return
    root, folders = lakehouse.path(name), set[Path]()
    for path in paths:
        (root / path).unlink(missing_ok=True)
        folders |= set((root / path).relative_to(root).parents) - {Path(), Path("_delta_log")}
    for folder in sorted(folders, key=lambda f: len(f.parts), reverse=True):
        if not any((root / folder).iterdir()):
            (root / folder).rmdir()
