"""What is done for a table's files without changing a row: compaction, vacuum, sweeping."""

from __future__ import annotations

from functools import partial
from typing import Any

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import data_files, writer_properties
from mergehouse.lakehouse.published import published_versions
from mergehouse.lakehouse.staging import discard
from mergehouse.lakehouse.writing import write_errors
from mergehouse.storage import folder_of

MAINTAINED_FILE_SIZE = 128 * 2**20


def compact(lakehouse: Lakehouse, name: str, z_order: list[str]) -> tuple[int, int]:
    """Compacts or orders a table; returns its files before and after. A table ordered since its last
    change, or of a single file, is left as it is.

    >>> import duckdb
    >>> from mergehouse.lakehouse.writing import append
    >>> lakehouse = Lakehouse("new")
    >>> for n in range(3):
    ...     append(lakehouse, "bronze.notes", duckdb.sql(f"SELECT {n} AS note"))
    >>> compact(lakehouse, "bronze.notes", [])
    (3, 1)
    """
    delta = lakehouse.delta(name)
    before = len(delta.file_uris())
    with write_errors(lakehouse, name):
        ordered = next(
            (c["operation"] == "OPTIMIZE" for c in delta.history(20) if c["operation"] != "VACUUM END"),
            False,
        )
        if before > 1 and not ordered:
            properties: dict[str, Any] = {
                "writer_properties": writer_properties(),
                "target_size": MAINTAINED_FILE_SIZE,
            }
            if z_order:
                delta.optimize.z_order(z_order, **properties)
            else:
                delta.optimize.compact(**properties)
    return before, len(delta.file_uris())


def vacuum(lakehouse: Lakehouse, name: str, keep_hours: int) -> tuple[int, int]:
    """Removes files that no version of the last hours has, nor the one that readers see; writes a
    checkpoint. Returns the number of files removed, and their bytes.

    >>> import duckdb
    >>> from mergehouse.lakehouse.writing import append
    >>> lakehouse = Lakehouse("new")
    >>> for n in range(3):
    ...     append(lakehouse, "bronze.notes", duckdb.sql(f"SELECT {n} AS note"))
    >>> _ = compact(lakehouse, "bronze.notes", [])
    >>> vacuum(lakehouse, "bronze.notes", keep_hours=168), vacuum(lakehouse, "bronze.notes", keep_hours=0)
    ((0, 0), (3, ...))
    """
    delta = lakehouse.delta(name)
    with write_errors(lakehouse, name):
        sizes = {
            file["path"]: file["size"]
            for batch in lakehouse.store.list(name.replace(".", "/"))
            for file in batch
        }
        removing = partial(
            delta.vacuum,
            keep_hours,
            enforce_retention_duration=False,
            full=True,
            keep_versions=_also_read(lakehouse, name, delta.version()),
        )
        gone = removing(dry_run=True)
        freed = sum(sizes.get(f"{name.replace('.', '/')}/{file}", 0) for file in gone)
        removing(dry_run=False)
        delta.create_checkpoint()
    sweep(lakehouse, name)
    return len(gone), freed


def sweep(lakehouse: Lakehouse, name: str) -> None:
    """Removes files of this machine that nobody will read: what runs staged that died before their
    commit, and copies of what neither the newest version holds nor the one that readers see. Older
    versions stay readable.

    >>> from mergehouse.lakehouse.staging import staging_folder
    >>> lakehouse = Lakehouse("new")
    >>> left_by_a_killed_run = staging_folder(lakehouse, "gold.notes")
    >>> sweep(lakehouse, "gold.notes")
    >>> left_by_a_killed_run.exists()
    False
    """
    root = lakehouse.path(name)
    if lakehouse.is_remote:
        current = set()
        if lakehouse.exists(name):
            newest = lakehouse.delta(name)
            earlier = [lakehouse.delta(name, v) for v in _also_read(lakehouse, name, newest.version())]
            current = {str(folder_of(file)) for read in [newest, *earlier] for file in data_files(read)}
        for file in root.rglob("*.parquet"):
            if str(file) not in current:
                file.unlink(missing_ok=True)
        return
    folders = [f for f in root.glob("part-*") if f.is_dir()]
    if not folders:
        return
    logged = "".join(log.read_text(encoding="utf-8") for log in (root / "_delta_log").glob("*.json"))
    # a checkpoint may be all that names them
    logged += "".join(data_files(lakehouse.delta(name))) if lakehouse.exists(name) else ""
    for folder in folders:
        if f"{folder.name}/" not in logged:
            discard(lakehouse, folder)


def _also_read(lakehouse: Lakehouse, name: str, newest: int) -> list[int]:
    """Versions of a table whose files stay besides those of the newest: the one that readers see."""
    version = (published_versions(lakehouse) or {}).get(name, newest)
    return [version] if version < newest else []
