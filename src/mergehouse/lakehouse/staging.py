"""Data files staged by an engine, and the one commit by which they become a version of their table.

Files are written first; a run killed before its commit leaves files that no version names, removed by the
next `sweep`.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mergehouse.contracts.contract import Contract
from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.commits import metadata
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import StagedFile, Stamp
from mergehouse.lakehouse.schema import delta_schema
from mergehouse.lakehouse.writing import conflict, write_errors
from mergehouse.storage import delta_options, storage_errors, upload

COMMITS_PER_CHECKPOINT = 20
_CAMEL = {
    "partition_values": "partitionValues",
    "modification_time": "modificationTime",
    "data_change": "dataChange",
}


def staging_folder(lakehouse: Lakehouse, name: str) -> Path:
    """A new folder for files that are not yet published.

    >>> staging_folder(Lakehouse("new"), "gold.sales_daily").name
    'part-...'
    """
    folder = lakehouse.path(name) / f"part-{uuid.uuid4().hex[:12]}"
    with write_errors(lakehouse, name):
        folder.mkdir(parents=True)
    return folder


def overwrite(lakehouse: Lakehouse, contract: Contract, files: Sequence[StagedFile], stamp: Stamp) -> int:
    """Makes staged files the table's whole content in one commit and returns the new version.

    >>> from mergehouse.contracts.registry import contract_of
    >>> from mergehouse.lakehouse.writing import append_rows
    >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
    >>> append_rows(lakehouse, contract, [["shop", "Shop", "EUR", "UTC", None, None, None]])
    >>> overwrite(lakehouse, contract, [], Stamp("closed"))
    1
    >>> lakehouse.rows("gold.dim_brand"), lakehouse.stamp("gold.dim_brand")
    (0, Stamp(fingerprint='closed', delivered=''))
    """
    from deltalake import CommitProperties
    from deltalake.transaction import AddAction, create_table_with_add_actions

    if not lakehouse.exists(contract.table):
        return _first(lakehouse, contract, files, stamp)
    actions = [AddAction(**_add(lakehouse, contract, file)) for file in files]
    properties = CommitProperties(custom_metadata=metadata(stamp))
    schema = delta_schema(contract)
    with write_errors(lakehouse, contract.table):
        _upload(lakehouse, files)
        if lakehouse.delta(contract.table).metadata().partition_columns != contract.partition_by:
            # a version of its own: only this changes the partitioning of a table
            create_table_with_add_actions(
                lakehouse.address(contract.table),
                schema,
                actions,
                mode="overwrite",
                partition_by=contract.partition_by,
                name=contract.table,
                description=contract.meaning.strip()[:1000],
                commit_properties=properties,
                storage_options=delta_options(lakehouse.location),
            )
        else:
            lakehouse.delta(contract.table).create_write_transaction(
                [*actions],  # asked for is a list of any kinds of actions
                "overwrite",
                schema,
                partition_by=contract.partition_by,
                commit_properties=properties,
            )
    return lakehouse.delta(contract.table).version()


def exchange(
    lakehouse: Lakehouse,
    contract: Contract,
    files: Sequence[StagedFile],
    stamp: Stamp,
    replaced: frozenset[str],
    base: int | None = None,
) -> int:
    """Makes staged files take the place of some published ones (paths), in one commit on top of version
    `base`.

    delta-rs offers this for whole partitions only. Source: Delta transaction log protocol, actions
    `commitInfo`, `add` and `remove`; a commit is the creation of the next numbered log file, which fails
    where another writer made it first. Returns the new version. Raises LakehouseError where somebody else
    has committed since `base`.

    >>> from mergehouse.contracts.registry import contract_of
    >>> from mergehouse.lakehouse.writing import append_rows
    >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
    >>> append_rows(lakehouse, contract, [["a", "A", "EUR", "UTC", None, None, None]])
    >>> append_rows(lakehouse, contract, [["b", "B", "EUR", "UTC", None, None, None]])
    >>> replaced = files_in(lakehouse, "gold.dim_brand", [{"source_system": "a"}])
    >>> exchange(lakehouse, contract, [], Stamp("a is gone"), replaced)
    2
    >>> lakehouse.query("SELECT label FROM gold.dim_brand").fetchall()
    [('B',)]
    """
    root, now = lakehouse.path(contract.table), int(time.time() * 1000)
    version = (lakehouse.delta(contract.table).version() if base is None else base) + 1
    removed = [Path(file).relative_to(root).as_posix() for file in sorted(replaced)]
    gone = [{"remove": {"path": path, "deletionTimestamp": now, "dataChange": True}} for path in removed]
    _commit(lakehouse, contract, version, "MERGE", stamp, gone, files)
    if version % COMMITS_PER_CHECKPOINT == 0:
        with write_errors(lakehouse, contract.table):
            lakehouse.delta(contract.table).create_checkpoint()
    return version


def files_in(lakehouse: Lakehouse, name: str, partitions: list[dict[str, Any]]) -> frozenset[str]:
    """Paths, on this machine, of the files of some partitions, each given as its columns and values.

    >>> lakehouse = mh.open("shop")
    >>> len(files_in(lakehouse, "gold.sales_daily", [{"source_system": "shop"}]))
    1
    >>> files_in(lakehouse, "gold.sales_daily", [{"source_system": "other"}])
    frozenset()
    """
    delta = lakehouse.delta(name)
    wanted = {tuple(partition.items()) for partition in partitions}
    columns = delta.metadata().partition_columns
    actions = delta.get_add_actions(flatten=True)
    values = zip(*(actions.column(f"partition.{column}").to_pylist() for column in columns), strict=True)
    root = lakehouse.path(name)
    paths = actions.column("path").to_pylist()
    return frozenset(
        str(root / p)
        for p, v in zip(paths, values, strict=True)
        if tuple(zip(columns, v, strict=True)) in wanted
    )


def discard(lakehouse: Lakehouse, folder: Path) -> None:
    """Removes files of a folder under `root` that will not be published, also where they are in the
    object store.

    >>> lakehouse = Lakehouse("new")
    >>> folder = staging_folder(lakehouse, "gold.notes")
    >>> discard(lakehouse, folder)
    >>> folder.exists()
    False
    """
    shutil.rmtree(folder, ignore_errors=True)
    if lakehouse.is_remote:
        with (
            suppress(LakehouseError),
            storage_errors(lakehouse.location),
        ):  # what is left is removed by the next `maintain`
            found = lakehouse.store.list(f"{folder.relative_to(lakehouse.root).as_posix()}/")
            lakehouse.store.delete([file["path"] for files in found for file in files])


def _first(lakehouse: Lakehouse, contract: Contract, files: Sequence[StagedFile], stamp: Stamp) -> int:
    """Makes a table that is not there yet: delta-rs takes thirty times as long for it, and a first run
    makes one after another. Columns of contracts need no feature of a newer protocol.
    """
    described = {
        "id": str(uuid.uuid4()),
        "name": contract.table,
        "description": contract.meaning.strip()[:1000],
        "format": {"provider": "parquet", "options": {}},
        "schemaString": delta_schema(contract).to_json(),
        "partitionColumns": contract.partition_by,
        "createdTime": int(time.time() * 1000),
        "configuration": {},
    }
    protocol = {"minReaderVersion": 1, "minWriterVersion": 2}
    actions: list[dict[str, Any]] = [{"protocol": protocol}, {"metaData": described}]
    _commit(lakehouse, contract, 0, "CREATE OR REPLACE TABLE", stamp, actions, files)
    return 0


def _commit(
    lakehouse: Lakehouse,
    contract: Contract,
    version: int,
    operation: str,
    stamp: Stamp,
    actions: list[dict[str, Any]],
    files: Sequence[StagedFile],
) -> None:
    """Writes the log file of a version: the `actions`, and that `files` came."""
    from obstore.exceptions import AlreadyExistsError

    now = int(time.time() * 1000)
    info = {"timestamp": now, "operation": operation, "operationParameters": {}, **metadata(stamp)}
    added = [
        {_CAMEL.get(key, key): value for key, value in _add(lakehouse, contract, file).items()}
        for file in files
    ]
    lines = [{"commitInfo": info}, *actions, *({"add": action} for action in added)]
    commit = f"{contract.table.replace('.', '/')}/_delta_log/{version:020}.json"
    with write_errors(lakehouse, contract.table):
        _upload(lakehouse, files)
        try:
            lakehouse.store.put(commit, "\n".join(map(json.dumps, lines)).encode(), mode="create")
        except AlreadyExistsError:
            raise LakehouseError(conflict(contract.table)) from None


def _upload(lakehouse: Lakehouse, files: Sequence[StagedFile]) -> None:
    if lakehouse.is_remote:
        upload(lakehouse.store, lakehouse.root, [file.path for file in files])


def _add(lakehouse: Lakehouse, contract: Contract, file: StagedFile) -> dict[str, Any]:
    """A staged file as a Delta add action."""
    return {
        "path": file.path.relative_to(lakehouse.path(contract.table)).as_posix(),
        "size": file.bytes,
        "partition_values": file.partition,
        "modification_time": int(file.path.stat().st_mtime * 1000),
        "data_change": True,
        "stats": json.dumps({"numRecords": file.rows, **file.stats}),
    }
