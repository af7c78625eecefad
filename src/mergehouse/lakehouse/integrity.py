"""What is wrong with tables as they lie there: a log that cannot be read, a commit of somebody else, data
files that are not those of the log.

Sizes are told by the file system or the store, and are held against the log each time. Rows are counted in
the files' footers: where asked for, and where a file was written after its commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb

from mergehouse.contracts.registry import find, is_built
from mergehouse.errors import LakehouseError, LogError
from mergehouse.lakehouse.commits import Commit
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import LAYERS, LiveFile, live_files
from mergehouse.lakehouse.published import LOGS_AT_ONCE, published_versions
from mergehouse.lakehouse.reader import shared, text
from mergehouse.storage import storage_errors

LATER = 2.0  # seconds after its commit in which a file may have been written all the same


@dataclass(frozen=True)
class Fault:
    """What is wrong with a table, in words. `log`: it cannot be read; `writer`: somebody else has changed
    rows since `ours`, our last commit; `files`: those in `lost`, by their paths in the log, are not there
    or not as they were, with `rows` in them.
    """

    table: str
    kind: Literal["log", "writer", "files"]
    said: str
    ours: Commit | None = None
    lost: frozenset[str] = frozenset()
    rows: int = 0


class Written(NamedTuple):
    """A data file as it lies there."""

    bytes: int
    modified: float


def faults(
    lakehouse: Lakehouse, tables: Iterable[str] | None = None, count_rows: bool = False
) -> dict[str, Fault]:
    """The tables, of all or of these, with something wrong, by name.

    >>> faults(mh.open("shop"), count_rows=True)
    {}
    """
    there, published = _written(lakehouse), published_versions(lakehouse) or {}

    def one(name: str) -> Fault | None:
        written = there.get(name)
        return _fault(lakehouse, name, written, published.get(name), count_rows) if written else None

    with ThreadPoolExecutor(LOGS_AT_ONCE) as pool:
        found = pool.map(one, list(there if tables is None else tables))
        return {fault.table: fault for fault in found if fault}


def sound_files(lakehouse: Lakehouse, fault: Fault) -> list[str]:
    """The data files of the version that is published which are as the log has them, by their addresses.

    >>> fault = Fault("gold.dim_brand", "files", "one of them is gone", lost=frozenset(["part-0.parquet"]))
    >>> len(sound_files(mh.open("shop"), fault))
    1
    """
    return [
        lakehouse.address(fault.table) + "/" + file.place
        for file in _live_files(lakehouse, fault.table)
        if file.path not in fault.lost
    ]


Files = Callable[[Iterable[str]], dict[str, Written]]


def _written(lakehouse: Lakehouse) -> dict[str, Files]:
    """By table what looks up files. A folder is asked for each file, a store lists a layer at once."""
    if not lakehouse.is_remote:
        return {name: _in_folder(lakehouse.path(name)) for name in lakehouse.folders()}
    listed: dict[str, dict[str, Written]] = {}
    for layer in LAYERS:
        with storage_errors(lakehouse.location):
            for files in lakehouse.store.list(f"{layer}/"):
                for file in files:
                    _, folder, *rest = file["path"].split("/", 2)
                    if rest:
                        listed.setdefault(f"{layer}.{folder}", {})[rest[0]] = Written(file["size"], 0.0)
    return {name: _in_listing(files) for name, files in listed.items()}


def _in_folder(folder: Path) -> Files:
    def stat(paths: Iterable[str]) -> Iterator[tuple[str, Written]]:
        for path in paths:
            try:
                there = (folder / path).stat()
            except OSError:
                continue
            yield path, Written(there.st_size, there.st_mtime)

    return lambda paths: dict(stat(paths))


def _in_listing(files: dict[str, Written]) -> Files:
    return lambda paths: {path: files[path] for path in paths if path in files}


def _fault(
    lakehouse: Lakehouse, name: str, written: Files, published: int | None, count_rows: bool
) -> Fault | None:
    """`published` is the version that readers see, None where they see none yet."""
    if not lakehouse.exists(name):
        if published is not None:  # else a first run was killed
            return Fault(name, "log", "its log is gone")
        return None
    try:
        delta = lakehouse.delta(name)
        whose = lakehouse.standing(name)
        files = _live_files(lakehouse, name)
    except LogError as error:
        return Fault(name, "log", str(error).partition(": ")[2].partition(". `")[0])
    except LakehouseError:
        return None  # it is not to be read: who reads it says why
    if _is_empty(lakehouse, name, delta.version()):
        return Fault(name, "log", f"the last commit in its log, version {delta.version()}, is empty")
    if published is not None and delta.version() < published:
        end = f"its log ends with version {delta.version()}"
        return Fault(name, "log", f"{end}; version {published} was published")
    # what runs only add to may be older than our mark
    if whose.foreign and (whose.ours or _is_built(name)):
        return Fault(name, "writer", f"another program wrote {whose.foreign}", whose.ours)
    there = written(file.place for file in files)
    wrong = dict(_wrong_sizes(files, there))
    late = [f for f in files if f.place in there and there[f.place].modified > f.modified + LATER]
    if asked := [f for f in (files if count_rows else late) if f.path not in wrong]:
        wrong |= _wrong_rows(lakehouse, name, asked)
    if not wrong:
        return None
    more = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
    rows = sum(file.rows for file in files if file.path in wrong)
    return Fault(name, "files", next(iter(wrong.values())) + more, whose.ours, frozenset(wrong), rows)


def _is_built(name: str) -> bool:
    contract = find(name)
    return contract is not None and is_built(contract)


def _is_empty(lakehouse: Lakehouse, name: str, version: int) -> bool:
    """True where the last commit holds nothing, as a crash of the machine leaves it; a store writes whole."""
    commit = lakehouse.path(name) / "_delta_log" / f"{version:020}.json"
    return not lakehouse.is_remote and commit.exists() and not commit.stat().st_size


def _live_files(lakehouse: Lakehouse, name: str) -> list[LiveFile]:
    """Raises LogError where what the log says of files cannot be read."""
    from deltalake.exceptions import DeltaError

    try:
        files = live_files(lakehouse.delta(name))
    except (DeltaError, ValueError) as error:
        raise LogError(f"`{name}`: {str(error).splitlines()[0]}") from None
    return [file for file in files if "://" not in file.path]  # of another table, which a clone reads


def _wrong_sizes(files: list[LiveFile], there: dict[str, Written]) -> Iterator[tuple[str, str]]:
    for file in files:
        if file.place not in there:
            yield file.path, f"its file {file.place} is gone"
        elif there[file.place].bytes != file.bytes:
            size = there[file.place].bytes
            yield file.path, f"its file {file.place} has {size:,} bytes; the log says {file.bytes:,}"


def _wrong_rows(lakehouse: Lakehouse, name: str, files: list[LiveFile]) -> dict[str, str]:
    """Of files on this machine: those of a store that are not there are held against their sizes alone."""
    paths = {file.path: str(lakehouse.path(name) / file.place) for file in files}
    there = [path for path in paths.values() if not lakehouse.is_remote or Path(path).exists()]
    counted = rows_in_files(there)
    found = {}
    for file in files:
        rows = counted.get(paths[file.path], file.rows)
        if rows is None:
            found[file.path] = f"its file {file.place} is no Parquet file any more"
        elif rows != file.rows:
            found[file.path] = f"its file {file.place} has {rows:,} rows; the log says {file.rows:,}"
    return found


def rows_in_files(paths: list[str]) -> dict[str, int | None]:
    """Rows by file, from the footers; None where one cannot be read.

    >>> rows_in_files(["brand.yml"])
    {'brand.yml': None}
    """
    if not paths:
        return {}
    listed = ", ".join(map(text, paths))
    sql = f"SELECT file_name, num_rows FROM parquet_file_metadata([{listed}])"
    try:
        return dict(shared().execute(sql).fetchall())
    except duckdb.Error:
        if len(paths) == 1:
            return {paths[0]: None}
        return {path: rows for each in paths for path, rows in rows_in_files([each]).items()}
