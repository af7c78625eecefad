"""Which version of each table readers see: one set, written last by whoever publishes.

Tables are published one after the other, each in a commit of its own. `_published.json`, at the lakehouse's
root, names the versions that belong together; it is replaced whole, so that a reader gets one set or the
next. Where there is none, or none that can be read, the newest versions are read.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mergehouse.errors import LakehouseError
from mergehouse.machine import unreadable
from mergehouse.storage import storage_errors, write_failure

if TYPE_CHECKING:
    from mergehouse.lakehouse.delta import Lakehouse

FILE = "_published.json"
LOGS_AT_ONCE = 4  # of an object store each takes a moment, all of it waiting
_VERSION = re.compile(r"(\d{20})\.(?:json$|checkpoint\.)")  # a commit's file in the log


def published_versions(lakehouse: Lakehouse) -> dict[str, int] | None:
    """The versions that readers see, by table; None where nobody has written down which.

    Whoever removes files keeps those that these versions name: they are not the newest while a run publishes,
    or after one was killed.

    >>> published_versions(mh.open("shop"))
    {'bronze.batches': 0, ..., 'gold.sales_daily': 0, ...}
    """
    try:
        tables = json.loads(_read(lakehouse) or "")["tables"]
        return {str(name): int(version) for name, version in tables.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def publish(lakehouse: Lakehouse) -> None:
    """From now on readers see the newest version of every table. The caller holds the lakehouse.

    >>> import duckdb
    >>> from mergehouse.lakehouse.writing import append
    >>> from mergehouse.lakehouse.delta import Lakehouse
    >>> from mergehouse.lakehouse.lock import exclusive
    >>> lakehouse = Lakehouse("new")
    >>> with exclusive(lakehouse):
    ...     append(lakehouse, "gold.notes", duckdb.sql("SELECT 'first' AS note"))
    ...     publish(lakehouse)
    ...     append(lakehouse, "gold.notes", duckdb.sql("SELECT 'second' AS note"))
    >>> lakehouse.query("FROM gold.notes").fetchall()
    [('first',)]
    """
    before = published_versions(lakehouse)
    _write(lakehouse, before, _newest(lakehouse, before or {}))


@contextmanager
def republishing(lakehouse: Lakehouse) -> Iterator[None]:
    """Readers see what is done within to tables that they saw at their newest version before. Those of a run
    that was killed wait for the next run. The caller holds the lakehouse.

    >>> import duckdb
    >>> from mergehouse.lakehouse.writing import append
    >>> from mergehouse.lakehouse.delta import Lakehouse
    >>> from mergehouse.lakehouse.lock import exclusive
    >>> lakehouse = Lakehouse("new")
    >>> with exclusive(lakehouse):
    ...     publish(lakehouse)
    ...     with republishing(lakehouse):
    ...         append(lakehouse, "gold.notes", duckdb.sql("SELECT 'first' AS note"))
    >>> lakehouse.query("FROM gold.notes").fetchall()
    [('first',)]
    """
    before = published_versions(lakehouse)
    with lakehouse.pinned(newest=True):
        if before is None:
            yield
            return
        ahead = {name for name, version in _newest(lakehouse, before).items() if before.get(name) != version}
        try:
            yield
        finally:
            level = {n: v for n, v in _newest(lakehouse, before).items() if n not in ahead}
            _write(lakehouse, before, level | {n: v for n, v in before.items() if n in ahead})


def _newest(lakehouse: Lakehouse, known: dict[str, int]) -> dict[str, int]:
    """The newest version of every table, whoever of a run has written it."""
    names = lakehouse.folders()
    with ThreadPoolExecutor(LOGS_AT_ONCE) as pool:
        each = pool.map if lakehouse.is_remote else map
        found = each(lambda name: _newest_of(lakehouse, name, known.get(name)), names)
        return {name: version for name, version in zip(names, found, strict=True) if version is not None}


def _newest_of(lakehouse: Lakehouse, name: str, known: int | None) -> int | None:
    """From the names of the log's files. A log may be long: it is looked at from the `known` version on."""
    log = f"{name.replace('.', '/')}/_delta_log"
    if lakehouse.is_remote:
        start = f"{log}/{known:020}" if known is not None else None
        with storage_errors(lakehouse.location, name):
            files = [file["path"] for batch in lakehouse.store.list(log, offset=start) for file in batch]
    else:
        folder = lakehouse.root / log
        if known is not None and (folder / f"{known:020}.json").exists():
            while (folder / f"{known + 1:020}.json").exists():
                known += 1
            return known
        files = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    found = max((int(match[1]) for file in files if (match := _VERSION.search(file))), default=None)
    return found if found is not None or known is None else _newest_of(lakehouse, name, None)


def _read(lakehouse: Lakehouse) -> str | None:
    if lakehouse.is_remote:
        with storage_errors(lakehouse.location):
            try:
                return lakehouse.store.get(FILE).bytes().to_bytes().decode(errors="replace")
            except FileNotFoundError:
                return None
    try:
        return (lakehouse.root / FILE).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LakehouseError(
            f"{unreadable(lakehouse.root / FILE, error)} It says which versions of tables belong together."
        ) from None


def _write(lakehouse: Lakehouse, before: dict[str, int] | None, versions: dict[str, int]) -> None:
    """Whole or not at all. In a folder it is on the disk before it is seen."""
    if versions == before:
        return
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    content = json.dumps({"published": now, "tables": dict(sorted(versions.items()))}, indent=1).encode()
    if lakehouse.is_remote:
        with storage_errors(lakehouse.location):
            lakehouse.store.put(FILE, content)
        return
    unfinished = lakehouse.root / f".{FILE}"
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(lakehouse.root / FILE)
    except OSError as error:
        raise LakehouseError(write_failure(FILE, lakehouse.root, error)) from None
    folder = os.open(lakehouse.root, os.O_RDONLY)
    with suppress(OSError):  # not every file system can do that for a folder
        os.fsync(folder)
    os.close(folder)
