"""Delta tables in a folder or an object store: read, append, publish, history. The only file that knows
Delta.

A table is `<location>/<layer>/<table>/`. Data files are written first and become visible in one atomic
commit; a run killed in between leaves files that no version names, removed by the next `sweep`.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.types import delta_type, duckdb_type
from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.files import (
    DELIVERED,
    FINGERPRINT,
    LAYERS,
    PLAIN_READER_FEATURES,
    StagedFile,
    Stamp,
    data_files,
    duckdb_types,
)
from mergehouse.lakehouse.reader import connect, create_view, text
from mergehouse.storage import (
    delta_options,
    failure,
    folder_of,
    is_url,
    open_store,
    storage_errors,
    upload,
    write_failure,
)

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow
    from deltalake import DeltaTable
    from obstore.store import ObjectStore

ROW_GROUP_ROWS = 122_880  # what DuckDB scans per thread: one big row group would be read by one thread only
COMMITS_PER_CHECKPOINT = 20
CARE = ("OPTIMIZE", "VACUUM START", "VACUUM END")  # operations that change no row
MAINTAINED_FILE_SIZE = 128 * 2**20
_CAMEL = {
    "partition_values": "partitionValues",
    "modification_time": "modificationTime",
    "data_change": "dataChange",
}
READABLE_FEATURES = PLAIN_READER_FEATURES | {
    "deletionVectors",
    "columnMapping",
}  # these through delta-rs, see engine/reader.py


class Lakehouse:
    """The tables under one location: a folder, or a URL of an object store.

    `root` is the folder where this machine has their data files: the location itself, or copies of what is in
    the store.
    """

    def __init__(self, location: Path | str):
        self.location = str(location)
        self.root = folder_of(self.location)
        self.is_remote = is_url(self.location)
        self._opened: dict[str, tuple[DeltaTable, int]] | None = (
            None  # tables, and how many commits they have seen
        )
        self._commits: Counter[str] = Counter()

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Within, a table's log is read once, and its news after each commit of this object's or that
        `committed` tells of.
        """
        self._opened = {}
        try:
            yield
        finally:
            self._opened = None

    def committed(self, name: str) -> None:
        """What was read of the table's log is out of date."""
        self._commits[name] += 1

    @cached_property
    def store(self) -> ObjectStore:
        return open_store(self.location)

    def path(self, name: str) -> Path:
        """The folder of a table's data files on this machine."""
        return self.root / name.replace(".", "/")

    def address(self, name: str) -> str:
        """Where a table lies, as engines and delta-rs take it."""
        return f"{self.location}/{name.replace('.', '/')}"

    def exists(self, name: str) -> bool:
        if self._opened is not None and name in self._opened:
            return True
        if self.is_remote:
            from deltalake import DeltaTable

            with storage_errors(self.location, name):
                return DeltaTable.is_deltatable(self.address(name), delta_options(self.location))
        return (self.path(name) / "_delta_log").is_dir() and any(
            (self.path(name) / "_delta_log").glob("*.json")
        )

    def tables(self) -> list[str]:
        """Names of all tables, in layer order."""
        found = [f"{layer}.{folder}" for layer in LAYERS for folder in sorted(self._folders(layer))]
        return [name for name in found if self.exists(name)]

    def _folders(self, layer: str) -> list[str]:
        if self.is_remote:
            with storage_errors(self.location):
                return [
                    prefix.rsplit("/", 1)[-1]
                    for prefix in self.store.list_with_delimiter(f"{layer}/")["common_prefixes"]
                ]
        return [folder.name for folder in (self.root / layer).glob("*") if folder.is_dir()]

    def delta(self, name: str, version: int | None = None, as_of: datetime | str | None = None) -> DeltaTable:
        """The Delta table, optionally as of a version number or an instant.

        Raises LakehouseError naming the nearest existing table, or the versions there are.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        from mergehouse.project.config import nearest

        wants_latest = version is None and as_of is None
        opened = self._opened if wants_latest and self._opened is not None else {}
        table, seen = opened.get(name, (None, 0))
        commits = self._commits[name]
        if table and seen == commits:
            return table
        try:
            if table:
                table.update_incremental()
            else:
                table = DeltaTable(
                    self.address(name), version=version, storage_options=delta_options(self.location)
                )
            if as_of is not None:
                table.load_as_version(as_of)
        except TableNotFoundError:
            best = nearest(name, self.tables())
            hint = f"; did you mean `{best}`?" if best else "; `mergehouse run` builds the tables."
            raise LakehouseError(f"table `{name}` not found in {self.location}{hint}") from None
        except (DeltaError, ValueError) as error:
            if wants_latest:
                raise LakehouseError(
                    f"`{name}`: the table's log in {self.location} cannot be read"
                    f" ({str(error).splitlines()[0]})."
                ) from None
            latest = self.delta(name).version()
            wanted = f"version {version}" if version is not None else f"as of {as_of}"
            reason = str(error).splitlines()[0]
            raise LakehouseError(
                f"table `{name}` has no {wanted} (versions 0 to {latest}): {reason}"
            ) from None
        except OSError as error:
            raise LakehouseError(f"`{name}`: {failure(self.location, error)}") from None
        if unknown := set(table.protocol().reader_features or ()) - READABLE_FEATURES:
            raise LakehouseError(
                f"table `{name}` in {self.location} uses the Delta reader feature `{min(unknown)}`, which"
                " mergehouse cannot read. Have it written without, or read it with the engine that wrote it."
            )
        opened[name] = table, commits
        return table

    def stamp(self, name: str) -> Stamp | None:
        """What the published version was built from; None where unknown."""
        if not self.exists(name):
            return None
        for look_back in (1, 20):  # the last commit is of a run, as a rule; those of `maintain` are not
            commits = [c | _user_metadata(c) for c in self.delta(name).history(look_back)]
            if stamped := next((c for c in commits if FINGERPRINT in c), None):
                return Stamp(stamped[FINGERPRINT], stamped.get(DELIVERED, ""))
        return None

    def stamped(self, name: str) -> list[tuple[int, Stamp | None]]:
        """Versions of a table and their stamps, newest first; what only cares for the files (compaction,
        vacuum) is left out.
        """
        commits = [c | _user_metadata(c) for c in self.delta(name).history()]
        return [
            (c["version"], Stamp(c[FINGERPRINT], c.get(DELIVERED, "")) if FINGERPRINT in c else None)
            for c in commits
            if c.get("operation") not in CARE
        ]

    def restore(self, name: str, version: int, stamp: Stamp) -> int:
        """Makes the rows of an earlier version the table's content again, as a new version, which is
        returned.

        Raises LakehouseError where files of that version are gone.
        """
        from deltalake import CommitProperties

        with self._write_errors(name):
            self.delta(name).restore(
                version, commit_properties=CommitProperties(custom_metadata=_metadata(stamp))
            )
        return self.delta(name).version()

    def holds_batch(self, name: str, batch_id: str) -> bool:
        """True where a commit of this table has already brought in the batch (Delta app transaction)."""
        return self.exists(name) and self.delta(name).transaction_version(batch_id) is not None

    def append(
        self, name: str, stream: Any, batch_id: str | None = None, contract: Contract | None = None
    ) -> None:
        """Appends an Arrow stream in one commit; new columns widen the schema.

        With `batch_id` the commit records it, so that the same batch is never appended twice. With `contract`
        a table that is not there yet gets its properties. An error raised by the stream leaves the table as
        it was.
        """
        from deltalake import CommitProperties, Transaction, write_deltalake

        with self._write_errors(name):
            write_deltalake(
                self.address(name),
                stream,
                mode="append",
                storage_options=delta_options(self.location),
                schema_mode="merge",
                writer_properties=_writer_properties(),
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(batch_id, 1)] if batch_id else None
                ),
                **(_properties(contract) if contract else {}),
            )

    def append_rows(self, contract: Contract, rows: list[list[Any]]) -> None:
        """Appends a few rows, given as values in the order of a contract's columns; makes the table where it
        is not there. No rows, no commit.
        """
        from arro3.core import Schema, Table

        from mergehouse.lakehouse.reader import shared

        if not rows:
            return
        columns = [f'unnest(?::{duckdb_type(kind)}[]) AS "{name}"' for name, kind in contract.types.items()]
        values = [list(column) for column in zip(*rows, strict=True)]
        few = Table.from_arrow(shared().sql(f"SELECT {', '.join(columns)}", params=values))
        typed = few.with_schema(Schema.from_arrow(_delta_schema(contract)))
        self.append(contract.table, typed, contract=contract)

    def replace_brand(self, contract: Contract, rows: polars.DataFrame, brand: str) -> None:
        """Puts rows, by the names of their columns, in the place of a brand's, in one commit; makes the table
        where it is not there.
        """
        from deltalake import write_deltalake

        from mergehouse.lakehouse.reader import shared, text

        self.create(contract)
        types = duckdb_types(self.delta(contract.table))
        connection = shared()
        connection.register("given", rows)
        columns = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())
        with self._write_errors(contract.table):
            write_deltalake(
                self.address(contract.table),
                connection.sql(f"SELECT {columns} FROM given"),
                mode="overwrite",
                predicate=f"source_system = {text(brand)}",
                storage_options=delta_options(self.location),
                writer_properties=_writer_properties(),
            )

    def rows(self, name: str) -> int:
        """Number of rows, from the statistics in the log."""
        return sum(self.delta(name).get_add_actions().column("num_records").to_pylist())

    def files_in(self, name: str, partitions: list[dict[str, Any]]) -> frozenset[str]:
        """Paths, on this machine, of the files of some partitions, each given as its columns and values."""
        delta = self.delta(name)
        wanted = {tuple(partition.items()) for partition in partitions}
        columns = delta.metadata().partition_columns
        actions = delta.get_add_actions(flatten=True)
        values = zip(*(actions.column(f"partition.{column}").to_pylist() for column in columns), strict=True)
        root = self.path(name)
        paths = actions.column("path").to_pylist()
        return frozenset(
            str(root / p)
            for p, v in zip(paths, values, strict=True)
            if tuple(zip(columns, v, strict=True)) in wanted
        )

    def staging_folder(self, name: str) -> Path:
        """A new folder for files that are not yet published."""
        folder = self.path(name) / f"part-{uuid.uuid4().hex[:12]}"
        with self._write_errors(name):
            folder.mkdir(parents=True)
        return folder

    def create(self, contract: Contract) -> None:
        """Makes the table, without rows, where it is not there yet."""
        from deltalake import DeltaTable

        if not self.exists(contract.table):
            with self._write_errors(contract.table):
                DeltaTable.create(
                    self.address(contract.table),
                    _delta_schema(contract),
                    storage_options=delta_options(self.location),
                    **_properties(contract),
                )

    def overwrite(self, contract: Contract, files: Sequence[StagedFile], stamp: Stamp) -> int:
        """Makes staged files the table's whole content in one commit and returns the new version."""
        from deltalake import CommitProperties
        from deltalake.transaction import AddAction, create_table_with_add_actions

        actions = [AddAction(**self._add(contract, file)) for file in files]
        properties = CommitProperties(custom_metadata=_metadata(stamp))
        schema = _delta_schema(contract)
        with self._write_errors(contract.table):
            self._upload(files)
            if (
                not self.exists(contract.table)
                or self.delta(contract.table).metadata().partition_columns != contract.partition_by
            ):
                # a version of its own where the table is there: only this changes its partitioning
                create_table_with_add_actions(
                    self.address(contract.table),
                    schema,
                    actions,
                    mode="overwrite",
                    partition_by=contract.partition_by,
                    name=contract.table,
                    description=contract.meaning.strip()[:1000],
                    commit_properties=properties,
                    storage_options=delta_options(self.location),
                )
            else:
                self.delta(contract.table).create_write_transaction(
                    actions,
                    "overwrite",
                    schema,
                    partition_by=contract.partition_by,
                    commit_properties=properties,
                )
        return self.delta(contract.table).version()

    def exchange(
        self,
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
        """
        from obstore.exceptions import AlreadyExistsError

        root, now = self.path(contract.table), int(time.time() * 1000)
        version = (self.delta(contract.table).version() if base is None else base) + 1
        removed = [Path(file).relative_to(root).as_posix() for file in sorted(replaced)]
        added = [
            {_CAMEL.get(key, key): value for key, value in self._add(contract, file).items()}
            for file in files
        ]
        actions: list[dict[str, Any]] = [
            {
                "commitInfo": {
                    "timestamp": now,
                    "operation": "MERGE",
                    "operationParameters": {},
                    **_metadata(stamp),
                }
            },
            *({"remove": {"path": path, "deletionTimestamp": now, "dataChange": True}} for path in removed),
            *({"add": action} for action in added),
        ]
        commit = f"{contract.table.replace('.', '/')}/_delta_log/{version:020}.json"
        with self._write_errors(contract.table):
            self._upload(files)
            try:
                self.store.put(
                    commit, "\n".join(json.dumps(action) for action in actions).encode(), mode="create"
                )
            except AlreadyExistsError:
                raise LakehouseError(_conflict(contract.table)) from None
            self.committed(contract.table)
            if version % COMMITS_PER_CHECKPOINT == 0:
                self.delta(contract.table).create_checkpoint()
        return version

    def _upload(self, files: Sequence[StagedFile]) -> None:
        if self.is_remote:
            upload(self.store, self.root, [file.path for file in files])

    def _add(self, contract: Contract, file: StagedFile) -> dict[str, Any]:
        """A staged file as a Delta add action."""
        return {
            "path": file.path.relative_to(self.path(contract.table)).as_posix(),
            "size": file.bytes,
            "partition_values": file.partition,
            "modification_time": int(file.path.stat().st_mtime * 1000),
            "data_change": True,
            "stats": json.dumps({"numRecords": file.rows, **file.stats}),
        }

    def maintain(self, name: str, z_order: list[str], keep_hours: int) -> tuple[int, int, int, int, int]:
        """Compacts or orders a table, removes files out of use, writes a checkpoint.

        Returns files before and after, files removed, their bytes, and the version. A table ordered since its
        last change, or of a single file, is left as it is.
        """
        delta = self.delta(name)
        before = len(delta.file_uris())
        with self._write_errors(name):
            ordered = next(
                (c["operation"] == "OPTIMIZE" for c in delta.history(20) if c["operation"] != "VACUUM END"),
                False,
            )
            if before > 1 and not ordered:
                properties = {"writer_properties": _writer_properties(), "target_size": MAINTAINED_FILE_SIZE}
                if z_order:
                    delta.optimize.z_order(z_order, **properties)
                else:
                    delta.optimize.compact(**properties)
            sizes = {
                file["path"]: file["size"]
                for batch in self.store.list(name.replace(".", "/"))
                for file in batch
            }
            gone = delta.vacuum(keep_hours, dry_run=True, enforce_retention_duration=False, full=True)
            freed = sum(sizes.get(f"{name.replace('.', '/')}/{file}", 0) for file in gone)
            delta.vacuum(keep_hours, dry_run=False, enforce_retention_duration=False, full=True)
            delta.create_checkpoint()
        self.sweep(name)
        return before, len(delta.file_uris()), len(gone), freed, delta.version()

    def discard(self, folder: Path) -> None:
        """Removes files of a folder under `root` that will not be published, also where they are in the
        object store.
        """
        shutil.rmtree(folder, ignore_errors=True)
        if self.is_remote:
            with (
                suppress(LakehouseError),
                storage_errors(self.location),
            ):  # what is left is removed by the next `maintain`
                found = self.store.list(f"{folder.relative_to(self.root).as_posix()}/")
                self.store.delete([file["path"] for files in found for file in files])

    def sweep(self, name: str) -> None:
        """Removes files of this machine that nobody will read: what runs staged that died before their
        commit, and copies of what the published version no longer holds. Older versions stay readable.
        """
        root = self.path(name)
        if self.is_remote:
            current = (
                {str(folder_of(file)) for file in data_files(self.delta(name))}
                if self.exists(name)
                else set()
            )
            for file in root.rglob("*.parquet"):
                if str(file) not in current:
                    file.unlink(missing_ok=True)
            return
        folders = [f for f in root.glob("part-*") if f.is_dir()]
        if not folders:
            return
        logged = "".join(log.read_text(encoding="utf-8") for log in (root / "_delta_log").glob("*.json"))
        logged += (
            "".join(data_files(self.delta(name))) if self.exists(name) else ""
        )  # a checkpoint may be all that names them
        for folder in folders:
            if f"{folder.name}/" not in logged:
                self.discard(folder)

    @contextmanager
    def _write_errors(self, name: str) -> Iterator[None]:
        """Turns what the file system, the object store and delta-rs raise into one readable line."""
        from deltalake.exceptions import CommitFailedError, DeltaError
        from obstore.exceptions import BaseError

        try:
            yield
        except CommitFailedError as error:
            raise LakehouseError(f"{_conflict(name)} ({error})") from None
        except (OSError, DeltaError, BaseError) as error:
            if self.is_remote:
                raise LakehouseError(
                    f"`{name}`: {failure(self.location, error)} The published tables are unharmed."
                ) from None
            raise LakehouseError(write_failure(name, self.path(name), error)) from None
        finally:
            self.committed(name)

    def table(self, name: str, version: int | None = None, as_of: datetime | str | None = None) -> Table:
        """A handle on a table, optionally back in time: `version=3` or `as_of="2026-11-01T00:00:00Z"`."""
        return Table(name, self.delta(name, version, as_of))

    def query(self, sql: str) -> duckdb.DuckDBPyRelation:
        """Runs one SELECT over all tables (`silver.sales_clean`, `gold.sales_daily`, ...)."""

        return reader(self, sql).sql(sql)


class Table:
    """One version of one table, read into the frame of your choice."""

    def __init__(self, name: str, delta: DeltaTable):
        self.name = name
        self.version = delta.version()
        self._delta = delta

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """A lazy DuckDB relation: filters and columns are pushed down into the Parquet files."""
        from mergehouse.lakehouse.reader import connect, scan

        return scan(connect(), self._delta)

    def polars(self) -> polars.DataFrame:
        return self.duckdb().pl()

    def arrow(self) -> pyarrow.Table:
        return self.duckdb().to_arrow_table()

    def pandas(self) -> pandas.DataFrame:
        return self.duckdb().df()

    def __repr__(self) -> str:
        return f"Table({self.name!r}, version={self.version})"


def _writer_properties() -> Any:
    from deltalake import WriterProperties

    return WriterProperties(compression="SNAPPY", max_row_group_size=ROW_GROUP_ROWS)


def _delta_schema(contract: Contract) -> Any:
    from deltalake import Field, Schema
    from deltalake.schema import PrimitiveType

    return Schema(
        [
            Field(
                name,
                PrimitiveType(delta_type(column.type)),
                nullable=column.nullable,
                metadata={"comment": column.meaning},
            )
            for name, column in contract.columns.items()
        ]
    )


def _properties(contract: Contract) -> dict[str, Any]:
    """What a table is made with, besides its columns."""
    return {
        "partition_by": contract.partition_by,
        "name": contract.table,
        "description": contract.meaning.strip()[:1000],
        "configuration": {"delta.appendOnly": "true"} if contract.append_only else None,
    }


def _conflict(name: str) -> str:
    return f"`{name}`: another writer committed at the same time; nothing was written. Run again."


def _user_metadata(commit: dict[str, Any]) -> dict[str, Any]:
    """What Spark was given to write into a commit, where that is ours."""
    text = commit.get("userMetadata") or ""
    return json.loads(text) if text.startswith(f'{{"{FINGERPRINT}"') else {}


def _metadata(stamp: Stamp) -> dict[str, str]:
    """The stamp as delta-rs takes it, and as Spark shows it in a table's history."""
    return {FINGERPRINT: stamp.fingerprint, DELIVERED: stamp.delivered, "userMetadata": stamp.as_json()}


def reader(lakehouse: Lakehouse, sql: str) -> duckdb.DuckDBPyConnection:
    """A connection for one query, with every table as a view, that can read the lakehouse's files and nothing
    else.

    Of an object store only the tables whose names occur in the query are there: to be read they are copied.
    """
    connection = connect()
    names = lakehouse.tables()
    if (
        lakehouse.is_remote
    ):  # by text: DuckDB's get_table_names binds the query, and refuses USING over tables it does not know
        names = [
            name
            for name in names
            if re.search(r"\b" + name.replace(".", r'"?\s*\.\s*"?') + r"\b", sql, re.IGNORECASE)
        ]
    for name in names:
        create_view(connection, name, lakehouse.delta(name))
    connection.execute(f"SET allowed_directories = [{text(str(lakehouse.root.resolve()))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection
