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
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from mergehouse import __version__
from mergehouse.contracts.contract import Contract
from mergehouse.contracts.types import delta_type, duckdb_type
from mergehouse.errors import LakehouseError, LogError
from mergehouse.lakehouse.commits import CARE, WRITER, Standing, commits, standing
from mergehouse.lakehouse.files import (
    DELIVERED,
    FINGERPRINT,
    LAYERS,
    PLAIN_READER_FEATURES,
    StagedFile,
    Stamp,
    data_files,
    duckdb_types,
    writer_properties,
)
from mergehouse.lakehouse.published import published_versions
from mergehouse.lakehouse.reader import create_view, database, frame, scan, shared, text
from mergehouse.lakehouse.retention import versions
from mergehouse.storage import (
    delta_options,
    expect_plain,
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

COMMITS_PER_CHECKPOINT = 20
OURS = {WRITER: __version__}
MAINTAINED_FILE_SIZE = 128 * 2**20
_CAMEL = {
    "partition_values": "partitionValues",
    "modification_time": "modificationTime",
    "data_change": "dataChange",
}
DAMAGED_LOG = (  # what delta-rs says of one, and not of a store that does not answer
    r"Json error|Invalid JSON|Parquet error|Arrow error|Invalid Checkpoint|commit files, but found gap"
    r"|No table metadata or protocol|Invalid table version"
)
STORE_FAULT = r"(?i)generic \w+ error|object.?store|http|connect|timed? ?out|permission|os error"
# what there is besides is read through delta-rs, see lakehouse/reader.py
READABLE_FEATURES = PLAIN_READER_FEATURES | {"deletionVectors", "columnMapping"}


class Lakehouse:
    """The tables under one location: a folder, or a URL of an object store.

    Read are the versions of the last published set, each time anew; with `newest` the newest ones, for who
    publishes. `root` is the folder where this machine has their data files: the location itself, or copies of
    what is in the store.

    >>> mh.open("shop")
    Lakehouse ...shop/lakehouse
      as of     shop 2026-03-06
      last run  ... UTC, ... s, ok (...)
      bronze    batches 1, ...
      silver    customer_categories 2, ...
      gold      category_perf 2, ...
      monitor   freshness 1, ...
    """

    def __init__(self, location: Path | str, newest: bool = False):
        self.location, self.newest = str(location), newest
        self.root = folder_of(self.location)
        self.is_remote = is_url(self.location)
        expect_plain(self.root.absolute(), "lakehouse")
        self._opened: dict[str, tuple[DeltaTable, int]] | None = (
            None  # tables, and how many commits they have seen
        )
        self._pinned: dict[str, int] | None = None
        self._commits: Counter[str] = Counter()
        self._standings: dict[str, tuple[tuple[int, int], Standing]] = {}
        # built tables whose files are not those that were published: runs build them again
        self.untrusted: set[str] = set()

    def __repr__(self) -> str:
        from mergehouse.lakehouse.summary import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from mergehouse.lakehouse.summary import as_html

        return as_html(self)

    @contextmanager
    def pinned(self, newest: bool | None = None) -> Iterator[Lakehouse]:
        """Within, one published set is read, or with `newest` what there is: a table's log once, and its news
        after each commit of this object's or that `committed` tells of.

        >>> with mh.open("shop").pinned() as lakehouse:
        ...     lakehouse.delta("gold.dim_brand") is lakehouse.delta("gold.dim_brand")
        True
        """
        before = self.newest, self._opened, self._pinned
        self.newest = self.newest if newest is None else newest
        self._pinned = None if self.newest else published_versions(self)
        self._opened = {}
        try:
            yield self
        finally:
            self.newest, self._opened, self._pinned = before

    def published(self) -> dict[str, int] | None:
        """The versions that are read, by table; None where these are the newest.

        >>> (mh.open("shop").published() or {})["gold.dim_brand"]
        0
        """
        if self.newest:
            return None
        return published_versions(self) if self._opened is None else self._pinned

    def _also_read(self, name: str, newest: int) -> list[int]:
        """Versions of a table whose files stay besides those of the newest: the one that readers see."""
        version = (published_versions(self) or {}).get(name, newest)
        return [version] if version < newest else []

    def at_once(self) -> AbstractContextManager[Lakehouse]:
        """A lakehouse of which all that is read is of one published set; threads may share this one.

        >>> with mh.open("shop").at_once() as lakehouse:
        ...     lakehouse.rows("gold.sales_daily"), lakehouse.rows("gold.dim_brand")
        (4, 1)
        """
        is_steady = self.newest or self._opened is not None
        return nullcontext(self) if is_steady else Lakehouse(self.location).pinned()

    def forget(self, name: str) -> None:
        """What was read of the table's log is of no use: the log has been exchanged.

        >>> lakehouse = mh.open("shop")
        >>> with lakehouse.pinned():
        ...     before = lakehouse.delta("gold.dim_brand")
        ...     lakehouse.forget("gold.dim_brand")
        ...     lakehouse.delta("gold.dim_brand") is before
        False
        """
        if self._opened is not None:
            self._opened.pop(name, None)

    def committed(self, name: str) -> None:
        """What was read of the table's log is out of date.

        >>> lakehouse = mh.open("shop")
        >>> with lakehouse.pinned():
        ...     before = lakehouse.delta("gold.dim_brand")
        ...     lakehouse.committed("gold.dim_brand")  # another engine has written to it
        ...     lakehouse.delta("gold.dim_brand").version()
        0
        """
        self._commits[name] += 1

    @cached_property
    def store(self) -> ObjectStore:
        """The files below the location, by key.

        >>> mh.open("shop").store.list_with_delimiter()["common_prefixes"]
        ['bronze', 'gold', 'monitor', 'silver']
        """
        return open_store(self.location)

    def path(self, name: str) -> Path:
        """The folder of a table's data files on this machine.

        >>> Lakehouse("house").path("gold.sales_daily")
        PosixPath('house/gold/sales_daily')
        """
        return self.root / name.replace(".", "/")

    def address(self, name: str) -> str:
        """Where a table lies, as engines and delta-rs take it.

        >>> Lakehouse("az://data/house").address("gold.sales_daily")
        'az://data/house/gold/sales_daily'
        """
        return f"{self.location}/{name.replace('.', '/')}"

    def exists(self, name: str) -> bool:
        """True where the table has a published version.

        >>> mh.open("shop").exists("gold.sales_daily"), mh.open("shop").exists("gold.sales_hourly")
        (True, False)
        """
        if self._opened is not None and name in self._opened:
            return True
        published = self.published()
        if published is not None and (name not in published or self.is_remote):
            return name in published
        if self.is_remote:
            from deltalake import DeltaTable

            with storage_errors(self.location, name):
                return DeltaTable.is_deltatable(self.address(name), delta_options(self.location))
        log = self.path(name) / "_delta_log"
        try:  # one that may not be read is no table that is not there
            return any(file.name.endswith(".json") for file in log.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise LakehouseError(f"`{name}`: {failure(str(log), error)}") from None

    def tables(self) -> list[str]:
        """Names of all tables, in layer order.

        >>> mh.open("shop").tables()[:3]
        ['bronze.batches', 'bronze.shop_lines', 'silver.customer_categories']
        """
        with self.at_once() as lakehouse:
            published = lakehouse.published()
            return [
                name
                for name in (lakehouse.folders() if published is None else sorted(published, key=_place))
                if lakehouse.exists(name)
            ]

    def folders(self) -> list[str]:
        """Names of all folders that may be tables, in layer order.

        >>> mh.open("shop").folders() == mh.open("shop").tables()
        True
        """
        return [f"{layer}.{folder}" for layer in LAYERS for folder in sorted(self._folders(layer))]

    def _folders(self, layer: str) -> list[str]:
        if self.is_remote:
            with storage_errors(self.location):
                found = self.store.list_with_delimiter(f"{layer}/")["common_prefixes"]
                return [prefix.rsplit("/", 1)[-1] for prefix in found]
        place = self.root / layer
        with storage_errors(str(place)):
            return [folder.name for folder in place.iterdir() if folder.is_dir()] if place.is_dir() else []

    def delta(self, name: str, version: int | None = None, as_of: datetime | str | None = None) -> DeltaTable:
        """The Delta table, optionally as of a version number or an instant.

        Raises LakehouseError naming the nearest existing table, or the versions there are.

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.delta("gold.sales_daily").metadata().partition_columns
        ['source_system']
        >>> lakehouse.delta("gold.sale_daily")
        Traceback (most recent call last):
        mergehouse.errors.LakehouseError: table `gold.sale_daily` not found in ...; did you mean ...
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        wants_latest = version is None and as_of is None
        published = self.published() if wants_latest else None
        if published is not None:
            version = published.get(name)
            if version is None:
                raise self._not_found(name)
        opened = self._opened if wants_latest and self._opened is not None else {}
        table, seen = opened.get(name, (None, 0))
        commits = self._commits[name]
        if table and (seen == commits or published is not None):
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
                self._expect_reached(name, as_of)
        except TableNotFoundError as error:
            if not wants_latest and name in self.folders():
                raise self._no_version(name, version, as_of, error) from None
            raise self._not_found(name) from None
        except (DeltaError, ValueError) as error:
            if wants_latest:
                said = str(error).splitlines()[0]
                is_damaged = re.search(DAMAGED_LOG, said) and not re.search(STORE_FAULT, str(error))
                kind = LogError if is_damaged else LakehouseError
                at = f" at version {version}, which is published" if published is not None else ""
                mend = " `mergehouse run` publishes anew." if published is not None else ""
                if kind is LogError:
                    mend = " `mergehouse run` mends it, or says what is lost."
                raise kind(
                    f"`{name}`: the table's log in {self.location} cannot be read{at} ({said}).{mend}"
                ) from None
            raise self._no_version(name, version, as_of, error) from None
        except OSError as error:
            raise LakehouseError(f"`{name}`: {failure(self.location, error)}") from None
        if unknown := set(table.protocol().reader_features or ()) - READABLE_FEATURES:
            raise LakehouseError(
                f"table `{name}` in {self.location} uses the Delta reader feature `{min(unknown)}`, which"
                " mergehouse cannot read. Have it written without, or read it with the engine that wrote it."
            )
        opened[name] = table, commits
        return table

    def _no_version(
        self, name: str, version: int | None, as_of: datetime | str | None, error: Exception
    ) -> LakehouseError:
        wanted = f"version {version}" if version is not None else f"as of {as_of}"
        there = versions(self, name)
        oldest, newest = min(there, default=0), max(there, default=0)
        gone = "; older ones have gone: `retention` in mergehouse.yml says when" if oldest else ""
        reason = str(error).splitlines()[0]
        return LakehouseError(
            f"table `{name}` has no {wanted} (versions {oldest} to {newest}{gone}): {reason}"
        )

    def _expect_reached(self, name: str, as_of: datetime | str) -> None:
        """Raises ValueError where the versions of an instant have gone: delta-rs gives the oldest that is
        left.
        """
        instant = datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of
        there = versions(self, name)
        if (
            there
            and min(there)
            and there[min(there)] > (instant if instant.tzinfo else instant.replace(tzinfo=UTC))
        ):
            raise ValueError("the oldest is younger than that")

    def _not_found(self, name: str) -> LakehouseError:
        from mergehouse.project.validation import nearest

        published = self.published()
        if (
            published is not None
            and name not in published
            and Lakehouse(self.location, newest=True).exists(name)
        ):
            return LakehouseError(
                f"table `{name}` in {self.location} is of no published set yet: it is being built, a run was"
                " killed, or another program made it. `mergehouse run` publishes it."
            )
        best = nearest(name, self.tables())
        hint = f"; did you mean `{best}`?" if best else "; `mergehouse run` builds the tables."
        return LakehouseError(f"table `{name}` not found in {self.location}{hint}")

    def stamp(self, name: str) -> Stamp | None:
        """What the newest version was built from; None where unknown, and where somebody else has written to
        the table since.

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.stamp("gold.sales_daily").delivered  # the instant of the last delivery that is in it
        '20...+00:00'
        >>> lakehouse.stamp("gold.sales_hourly") is None
        True
        """
        if name in self.untrusted or not self.exists(name):
            return None
        rows = self.standing(name).rows
        return rows.stamp if rows else None

    def standing(self, name: str) -> Standing:
        """The commits that decide whose a table's rows are.

        >>> str(mh.open("shop").standing("gold.dim_brand").ours)
        'version 0 (CREATE OR REPLACE TABLE, 20... UTC)'
        """
        delta = self.delta(name)
        seen, found = self._standings.get(name, (None, None))
        if found is None or seen != (delta.metadata().id, delta.version()):
            found = standing(delta)
        self._standings[name] = (delta.metadata().id, delta.version()), found
        return found

    def stamped(self, name: str) -> list[tuple[int, Stamp | None]]:
        """Versions of a table and their stamps, newest first; what only cares for the files (compaction,
        vacuum) is left out.

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.stamped("gold.dim_brand") == [(0, lakehouse.stamp("gold.dim_brand"))]
        True
        """
        return [(c.version, c.stamp) for c in commits(self.delta(name)) if c.operation not in CARE]

    def restore(self, name: str, version: int, stamp: Stamp | None) -> int:
        """Makes the rows of an earlier version the table's content again, as a new version, which is
        returned. Without `stamp` it is that of a table that no run builds.

        Raises LakehouseError where files of that version are gone.

        >>> import duckdb
        >>> lakehouse = Lakehouse("new")
        >>> lakehouse.append("gold.notes", duckdb.sql("SELECT 'right' AS note"))
        >>> lakehouse.append("gold.notes", duckdb.sql("SELECT 'wrong' AS note"))
        >>> lakehouse.restore("gold.notes", 0, Stamp("as it was"))
        2
        >>> lakehouse.query("FROM gold.notes").fetchall()
        [('right',)]
        """
        from deltalake import CommitProperties

        with self._write_errors(name):
            self.delta(name).restore(
                version,
                commit_properties=CommitProperties(custom_metadata=_metadata(stamp) if stamp else OURS),
            )
        return self.delta(name).version()

    def held_batches(self, name: str, batches: Sequence[str]) -> set[str]:
        """Those that a commit of this table has already brought in (Delta app transactions).

        >>> lakehouse = mh.open("shop")
        >>> ((batch,),) = lakehouse.query("SELECT batch_id FROM bronze.batches").fetchall()
        >>> lakehouse.held_batches("bronze.shop_lines", [batch, "other"]) == {batch}
        True
        """
        delta = self.delta(name) if batches and self.exists(name) else None
        return {b for b in batches if delta is not None and delta.transaction_version(b) is not None}

    def append(
        self, name: str, stream: Any, batches: Sequence[str] = (), contract: Contract | None = None
    ) -> None:
        """Appends an Arrow stream in one commit; new columns widen the schema.

        The commit records the `batches`, so that none is ever appended twice. With `contract`
        a table that is not there yet gets its properties. An error raised by the stream leaves the table as
        it was.

        >>> import duckdb
        >>> lakehouse = Lakehouse("new")
        >>> lakehouse.append("bronze.notes", duckdb.sql("SELECT 'first' AS note"), batches=["b1"])
        >>> lakehouse.append("bronze.notes", duckdb.sql("SELECT 'second' AS note, 2 AS page"))
        >>> lakehouse.query("FROM bronze.notes ORDER BY note").fetchall()
        [('first', None), ('second', 2)]
        """
        from deltalake import CommitProperties, Transaction, write_deltalake

        with self._write_errors(name):
            write_deltalake(
                self.address(name),
                stream,
                mode="append",
                storage_options=delta_options(self.location),
                schema_mode="merge",
                writer_properties=writer_properties(),
                commit_properties=CommitProperties(
                    custom_metadata=OURS,
                    app_transactions=[Transaction(batch, 1) for batch in batches] or None,
                ),
                **(_properties(contract) if contract else {}),
            )

    def append_rows(self, contract: Contract, rows: list[list[Any]]) -> None:
        """Appends a few rows, given as values in the order of a contract's columns; makes the table where it
        is not there. No rows, no commit.

        >>> from mergehouse.contracts.registry import contract_of
        >>> lakehouse = Lakehouse("new")
        >>> row = ["shop", "Shop", "EUR", "UTC", None, None, None]
        >>> lakehouse.append_rows(contract_of("gold.dim_brand"), [row])
        >>> lakehouse.rows("gold.dim_brand")
        1
        """
        if rows:
            self.append(contract.table, arrow_rows(contract, rows), contract=contract)

    def upsert_rows(self, contract: Contract, rows: list[list[Any]]) -> None:
        """The same in one commit, a row in the place of one with its key.

        >>> from mergehouse.contracts.registry import contract_of
        >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
        >>> lakehouse.append_rows(contract, [["shop", "Old", "EUR", "UTC", None, None, None]])
        >>> lakehouse.upsert_rows(contract, [["shop", "New", "EUR", "UTC", None, None, None]])
        >>> lakehouse.query("SELECT label FROM gold.dim_brand").fetchall()
        [('New',)]
        """
        from deltalake import CommitProperties

        same = " AND ".join(f"old.{name} = new.{name}" for name in contract.key)
        with self._write_errors(contract.table):
            merge = self.delta(contract.table).merge(
                arrow_rows(contract, rows),
                same,
                source_alias="new",
                target_alias="old",
                merge_schema=True,
                writer_properties=writer_properties(),
                commit_properties=CommitProperties(custom_metadata=OURS),
            )
            merge.when_matched_update_all().when_not_matched_insert_all().execute()

    def replace_brand(self, contract: Contract, rows: polars.DataFrame, brand: str) -> None:
        """Puts rows, by the names of their columns, in the place of a brand's, in one commit; makes the table
        where it is not there.

        >>> import polars
        >>> from mergehouse.contracts.registry import contract_of
        >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
        >>> empty = [None, None, None]
        >>> lakehouse.append_rows(contract, [[name, "Old", "EUR", "UTC", *empty] for name in "ab"])
        >>> new = polars.DataFrame([["a", "New", "EUR", "UTC", *empty]], list(contract.columns), orient="row")
        >>> lakehouse.replace_brand(contract, new, "a")
        >>> lakehouse.query("SELECT label FROM gold.dim_brand ORDER BY ALL").fetchall()
        [('New',), ('Old',)]
        """
        from deltalake import CommitProperties, write_deltalake

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
                writer_properties=writer_properties(),
                commit_properties=CommitProperties(custom_metadata=OURS),
            )

    def rows(self, name: str) -> int:
        """Number of rows, from the statistics in the log.

        >>> mh.open("shop").rows("silver.sales_clean")
        4
        """
        return sum(self.delta(name).get_add_actions().column("num_records").to_pylist())

    def files_in(self, name: str, partitions: list[dict[str, Any]]) -> frozenset[str]:
        """Paths, on this machine, of the files of some partitions, each given as its columns and values.

        >>> lakehouse = mh.open("shop")
        >>> len(lakehouse.files_in("gold.sales_daily", [{"source_system": "shop"}]))
        1
        >>> lakehouse.files_in("gold.sales_daily", [{"source_system": "other"}])
        frozenset()
        """
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
        """A new folder for files that are not yet published.

        >>> Lakehouse("new").staging_folder("gold.sales_daily").name
        'part-...'
        """
        folder = self.path(name) / f"part-{uuid.uuid4().hex[:12]}"
        with self._write_errors(name):
            folder.mkdir(parents=True)
        return folder

    def create(self, contract: Contract) -> None:
        """Makes the table, without rows, where it is not there yet.

        >>> from mergehouse.contracts.registry import contract_of
        >>> lakehouse = Lakehouse("new")
        >>> lakehouse.create(contract_of("gold.dim_brand"))
        >>> lakehouse.rows("gold.dim_brand"), lakehouse.table("gold.dim_brand").polars().columns[:2]
        (0, ['source_system', 'label'])
        """
        from deltalake import CommitProperties, DeltaTable

        if not self.exists(contract.table):
            with self._write_errors(contract.table):
                DeltaTable.create(
                    self.address(contract.table),
                    _delta_schema(contract),
                    storage_options=delta_options(self.location),
                    commit_properties=CommitProperties(custom_metadata=OURS),
                    **_properties(contract),
                )

    def overwrite(self, contract: Contract, files: Sequence[StagedFile], stamp: Stamp) -> int:
        """Makes staged files the table's whole content in one commit and returns the new version.

        >>> from mergehouse.contracts.registry import contract_of
        >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
        >>> lakehouse.append_rows(contract, [["shop", "Shop", "EUR", "UTC", None, None, None]])
        >>> lakehouse.overwrite(contract, [], Stamp("closed"))
        1
        >>> lakehouse.rows("gold.dim_brand"), lakehouse.stamp("gold.dim_brand")
        (0, Stamp(fingerprint='closed', delivered=''))
        """
        from deltalake import CommitProperties
        from deltalake.transaction import AddAction, create_table_with_add_actions

        if not self.exists(contract.table):
            return self._first(contract, files, stamp)
        actions = [AddAction(**self._add(contract, file)) for file in files]
        properties = CommitProperties(custom_metadata=_metadata(stamp))
        schema = _delta_schema(contract)
        with self._write_errors(contract.table):
            self._upload(files)
            if self.delta(contract.table).metadata().partition_columns != contract.partition_by:
                # a version of its own: only this changes the partitioning of a table
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
                    [*actions],  # asked for is a list of any kinds of actions
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

        >>> from mergehouse.contracts.registry import contract_of
        >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
        >>> lakehouse.append_rows(contract, [["a", "A", "EUR", "UTC", None, None, None]])
        >>> lakehouse.append_rows(contract, [["b", "B", "EUR", "UTC", None, None, None]])
        >>> replaced = lakehouse.files_in("gold.dim_brand", [{"source_system": "a"}])
        >>> lakehouse.exchange(contract, [], Stamp("a is gone"), replaced)
        2
        >>> lakehouse.query("SELECT label FROM gold.dim_brand").fetchall()
        [('B',)]
        """
        root, now = self.path(contract.table), int(time.time() * 1000)
        version = (self.delta(contract.table).version() if base is None else base) + 1
        removed = [Path(file).relative_to(root).as_posix() for file in sorted(replaced)]
        gone = [{"remove": {"path": path, "deletionTimestamp": now, "dataChange": True}} for path in removed]
        self._commit(contract, version, "MERGE", stamp, gone, files)
        if version % COMMITS_PER_CHECKPOINT == 0:
            with self._write_errors(contract.table):
                self.delta(contract.table).create_checkpoint()
        return version

    def _first(self, contract: Contract, files: Sequence[StagedFile], stamp: Stamp) -> int:
        """Makes a table that is not there yet: delta-rs takes thirty times as long for it, and a first run
        makes one after another. Columns of contracts need no feature of a newer protocol.
        """
        metadata = {
            "id": str(uuid.uuid4()),
            "name": contract.table,
            "description": contract.meaning.strip()[:1000],
            "format": {"provider": "parquet", "options": {}},
            "schemaString": _delta_schema(contract).to_json(),
            "partitionColumns": contract.partition_by,
            "createdTime": int(time.time() * 1000),
            "configuration": {},
        }
        protocol = {"minReaderVersion": 1, "minWriterVersion": 2}
        actions = [{"protocol": protocol}, {"metaData": metadata}]
        self._commit(contract, 0, "CREATE OR REPLACE TABLE", stamp, actions, files)
        return 0

    def _commit(
        self,
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
        info = {"timestamp": now, "operation": operation, "operationParameters": {}, **_metadata(stamp)}
        added = [
            {_CAMEL.get(key, key): value for key, value in self._add(contract, file).items()}
            for file in files
        ]
        lines = [{"commitInfo": info}, *actions, *({"add": action} for action in added)]
        commit = f"{contract.table.replace('.', '/')}/_delta_log/{version:020}.json"
        with self._write_errors(contract.table):
            self._upload(files)
            try:
                self.store.put(commit, "\n".join(map(json.dumps, lines)).encode(), mode="create")
            except AlreadyExistsError:
                raise LakehouseError(_conflict(contract.table)) from None

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

    def compact(self, name: str, z_order: list[str]) -> tuple[int, int]:
        """Compacts or orders a table; returns its files before and after. A table ordered since its last
        change, or of a single file, is left as it is.

        >>> import duckdb
        >>> lakehouse = Lakehouse("new")
        >>> for n in range(3):
        ...     lakehouse.append("bronze.notes", duckdb.sql(f"SELECT {n} AS note"))
        >>> lakehouse.compact("bronze.notes", [])
        (3, 1)
        """
        delta = self.delta(name)
        before = len(delta.file_uris())
        with self._write_errors(name):
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

    def vacuum(self, name: str, keep_hours: int) -> tuple[int, int]:
        """Removes files that no version of the last hours has, nor the one that readers see; writes a
        checkpoint. Returns the number of files removed, and their bytes.

        >>> import duckdb
        >>> lakehouse = Lakehouse("new")
        >>> for n in range(3):
        ...     lakehouse.append("bronze.notes", duckdb.sql(f"SELECT {n} AS note"))
        >>> _ = lakehouse.compact("bronze.notes", [])
        >>> lakehouse.vacuum("bronze.notes", keep_hours=168), lakehouse.vacuum("bronze.notes", keep_hours=0)
        ((0, 0), (3, ...))
        """
        delta = self.delta(name)
        with self._write_errors(name):
            sizes = {
                file["path"]: file["size"]
                for batch in self.store.list(name.replace(".", "/"))
                for file in batch
            }
            removing = partial(
                delta.vacuum,
                keep_hours,
                enforce_retention_duration=False,
                full=True,
                keep_versions=self._also_read(name, delta.version()),
            )
            gone = removing(dry_run=True)
            freed = sum(sizes.get(f"{name.replace('.', '/')}/{file}", 0) for file in gone)
            removing(dry_run=False)
            delta.create_checkpoint()
        self.sweep(name)
        return len(gone), freed

    def discard(self, folder: Path) -> None:
        """Removes files of a folder under `root` that will not be published, also where they are in the
        object store.

        >>> lakehouse = Lakehouse("new")
        >>> folder = lakehouse.staging_folder("gold.notes")
        >>> lakehouse.discard(folder)
        >>> folder.exists()
        False
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
        commit, and copies of what neither the newest version holds nor the one that readers see. Older
        versions stay readable.

        >>> lakehouse = Lakehouse("new")
        >>> left_by_a_killed_run = lakehouse.staging_folder("gold.notes")
        >>> lakehouse.sweep("gold.notes")
        >>> left_by_a_killed_run.exists()
        False
        """
        root = self.path(name)
        if self.is_remote:
            current = set()
            if self.exists(name):
                newest = self.delta(name)
                earlier = [self.delta(name, v) for v in self._also_read(name, newest.version())]
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
        logged += "".join(data_files(self.delta(name))) if self.exists(name) else ""
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
        """A handle on a table, optionally back in time: `version=3` or `as_of="2026-11-01T00:00:00Z"`.

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.table("gold.dim_brand")
        Table('gold.dim_brand', version=0)
        >>> lakehouse.table("gold.dim_brand", version=7)
        Traceback (most recent call last):
        mergehouse.errors.LakehouseError: table `gold.dim_brand` has no version 7 (versions 0 to 0): ...
        """
        return Table(name, self.delta(name, version, as_of))

    def reading(
        self, *names: str, connection: duckdb.DuckDBPyConnection | None = None
    ) -> duckdb.DuckDBPyConnection:
        """A connection, unless given to a database of its own, on which these tables are views as they are
        published now.

        Raises LakehouseError where one is not there.

        >>> connection = mh.open("shop").reading("gold.dim_brand", "gold.sales_daily")
        >>> joined = "gold.sales_daily JOIN gold.dim_brand USING (source_system)"
        >>> connection.sql(f"SELECT DISTINCT label, currency FROM {joined}").fetchall()
        [('Shop', 'EUR')]
        """
        connection = database() if connection is None else connection
        with self.at_once() as lakehouse:
            for name in names:
                create_view(connection, name, lakehouse.delta(name))
        return connection

    def query(self, sql: str) -> duckdb.DuckDBPyRelation:
        """Runs one SELECT over all tables (`silver.sales_clean`, `gold.sales_daily`, ...).

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.query("SELECT sum(gmv_eur) FROM gold.sales_daily WHERE country_code = 'DE'").fetchall()
        [(Decimal('40.00'),)]
        """

        return reader(self, sql).sql(sql)


class Table:
    """One version of one table, read into the frame of your choice.

    >>> table = mh.open("shop").table("gold.dim_brand")
    >>> table.name, table.version
    ('gold.dim_brand', 0)
    """

    def __init__(self, name: str, delta: DeltaTable):
        self.name = name
        self.version = delta.version()
        self._delta = delta

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """A lazy DuckDB relation: filters and columns are pushed down into the Parquet files.

        >>> sales = mh.open("shop").table("gold.sales_daily").duckdb()
        >>> sales.filter("returns_eur > 0").project("order_date, returns_eur").fetchall()
        [(datetime.date(2026, 3, 6), Decimal('5.00'))]
        """
        return scan(shared(), self._delta)

    def polars(self) -> polars.DataFrame:
        """All rows as a Polars frame.

        >>> mh.open("shop").table("gold.sales_daily").polars()["gmv_eur"].sum()
        Decimal('60.00')
        """
        return frame(self.duckdb())

    def arrow(self) -> pyarrow.Table:
        """All rows as an Arrow table; needs PyArrow.

        >>> mh.open("shop").table("gold.sales_daily").arrow().num_rows
        4
        """
        return self.duckdb().to_arrow_table()

    def pandas(self) -> pandas.DataFrame:
        """All rows as a pandas frame; needs pandas.

        >>> float(mh.open("shop").table("gold.sales_daily").pandas()["gmv_eur"].sum())
        60.0
        """
        return self.duckdb().df()

    def __repr__(self) -> str:
        return f"Table({self.name!r}, version={self.version})"


def _place(name: str) -> tuple[int, str]:
    """Where a table stands in layer order."""
    layer = name.split(".")[0]
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS), name


def arrow_rows(contract: Contract, rows: list[list[Any]]) -> Any:
    """A few rows, given as values in the order of a contract's columns, as an Arrow table of its types.

    >>> from mergehouse.contracts.registry import contract_of
    >>> arrow_rows(contract_of("gold.dim_brand"), [["shop", "Shop", "EUR", "UTC", None, None, None]]).num_rows
    1
    """
    from arro3.core import Schema, Table

    columns = [f'unnest(?::{duckdb_type(kind)}[]) AS "{name}"' for name, kind in contract.types.items()]
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    few = Table.from_arrow(shared().sql(f"SELECT {', '.join(columns)}", params=values))
    return few.with_schema(Schema.from_arrow(_delta_schema(contract)))


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


def _metadata(stamp: Stamp) -> dict[str, str]:
    """The stamp as delta-rs takes it, and as Spark shows it in a table's history."""
    return {FINGERPRINT: stamp.fingerprint, DELIVERED: stamp.delivered, "userMetadata": stamp.as_json()}


def reader(lakehouse: Lakehouse, sql: str) -> duckdb.DuckDBPyConnection:
    """A connection for one query that can read the lakehouse's files and nothing else.

    The tables whose names occur in the query are views: to open all of them takes a third of a second. Where
    none occurs all are there, so that DuckDB can name the nearest; not those of an object store, which would
    be copied.

    >>> connection = reader(mh.open("shop"), "SELECT label FROM gold.dim_brand")
    >>> connection.sql("SELECT label FROM gold.dim_brand").fetchall()
    [('Shop',)]
    >>> connection.sql("FROM read_text('/etc/hostname')")
    Traceback (most recent call last):
    _duckdb.PermissionException: ...
    """
    names = lakehouse.tables()
    # by text: DuckDB's get_table_names binds the query, and refuses USING over tables it does not know
    named = [
        name
        for name in names
        if re.search(r"\b" + name.replace(".", r'"?\s*\.\s*"?') + r"\b", sql, re.IGNORECASE)
    ]
    connection = database(lakehouse.root.resolve())
    if named or lakehouse.is_remote:
        return lakehouse.reading(*named, connection=connection)
    for name in names:
        with suppress(LakehouseError, duckdb.Error):  # what cannot be read stops no query without it
            lakehouse.reading(name, connection=connection)
    return connection
