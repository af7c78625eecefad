"""The embedded engine: Spark SQL models through SQLGlot on DuckDB, written as Parquet beside their table."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.types import duckdb_type
from mergehouse.engine import RELATIONS, SCHEMAS, Relation, Staged
from mergehouse.engine.duckdb_errors import sql_errors
from mergehouse.engine.parquet_files import copied, partitioned
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import (
    LAYERS,
    StagedFile,
    Stamp,
    data_files,
    live_files,
    needs_safe_reader,
)
from mergehouse.lakehouse.folding import folded_with
from mergehouse.lakehouse.reader import connect, create_view, load, read_files, rows, select, settings
from mergehouse.lakehouse.repeats import distinct_keys
from mergehouse.lakehouse.staging import discard, exchange, files_in, overwrite, staging_folder
from mergehouse.project.settings import Limits
from mergehouse.storage import fetch

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from mergehouse.engine.dialect import Sql

FEW_ROWS = 10_000  # delivered in all: to open the files of so many takes longer than what is asked of them
SAMPLE_ROWS, FEW = 2048, 100  # of each file, what DuckDB reads at a time; one in so many is few


class DuckDBEngine:
    """One in-memory DuckDB that spills to `temp_folder` above `limits.memory`. It touches no file but those
    there, the lakehouse's, and those in folders it is `given`: brands' own SQL runs in it.
    """

    tables_at_once = 2  # one query's last steps keep one core busy; another table's query takes the rest

    def __init__(self, limits: Limits, lakehouse: Lakehouse, temp_folder: Path, *given: Path):
        self.lakehouse = lakehouse
        self._folders, self._settings = (lakehouse.root, temp_folder, *given), settings(limits, temp_folder)
        self._opening = threading.Lock()
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._sessions = _Sessions()
        # SELECT over the files of a table, with each row's place in them
        self._published: dict[str, str] = {}
        # tables that differ from that by the rows `inserted` and `deleted`
        self._changed: dict[str, Contract] = {}
        self._is_small = False
        self._held: set[str] = set()  # tables that are read from memory, not through a view of their files

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Opened when it is first needed: a run that finds nothing to do needs none, and it takes 30 ms."""
        with self._opening:
            if self._opened is None:
                self._opened = connect(*self._folders, **self._settings, preserve_insertion_order=False)
                for schema in (*LAYERS, *SCHEMAS, *RELATIONS):
                    self._opened.execute(f"CREATE SCHEMA {schema}")
                # Spark's xxhash64 finds candidates only (rows that agree are then compared in full), so any
                # 64-bit hash will do.
                self._opened.execute("CREATE MACRO xxhash64(value) AS CAST(hash(value) >> 1 AS BIGINT)")
            return self._opened

    @property
    def _session(self) -> duckdb.DuckDBPyConnection:
        """This thread's own connection to the same database: tables may be built side by side, and DuckDB
        refuses one connection to two threads.
        """
        if self._sessions.connection is None:
            self._sessions.connection = self.connection.cursor()
        return self._sessions.connection

    def expect(self, rows: int) -> None:
        self._is_small = rows <= FEW_ROWS

    def attach(self, name: str) -> None:
        delta = self.lakehouse.delta(name)
        if self._show(name, delta, Relation("published", name, "whole")) and not self._is_small:
            self._published[name] = select(self._session, delta, with_place=True)

    def attach_earlier(self, name: str, version: int) -> None:
        earlier = Relation("earlier", name)
        self._show(earlier, self.lakehouse.delta(name, version), Relation("earlier", name, "whole"))

    def _show(self, name: str | Relation, delta: DeltaTable, whole: Relation) -> bool:
        """Makes a version readable. False where delta-rs had to read it `whole`: what is temporary would be
        seen by this thread alone.
        """
        if needs_safe_reader(delta):
            self.load_frame(whole, delta.scan())
            self._define(name, f"FROM {whole}")
            return False
        with sql_errors(name):
            if isinstance(name, Relation):
                create_view(self._session, str(name), delta)
            else:
                self._show_files(name, select(self._session, delta), delta)
        return True

    def define(self, name: str | Relation, sql: Sql) -> None:
        self._define(name, _translated(sql))

    def load_frame(self, name: str | Relation, frame: Any) -> None:
        """An Arrow-compatible frame as a table."""
        load(self._session, f"TABLE {name}", frame)

    def keep(self, name: str | Relation, sql: Sql) -> None:
        self._keep(name, _translated(sql))

    def slice(self, name: Relation, source: str | Relation, affected: Relation, on: dict[str, str]) -> None:
        rows = _matching(source, affected, on)
        if isinstance(source, str) and source in self._published:
            found = self._find(Relation("found", name.of, name.part), self._published[source], affected, on)
            if found:
                rows = f"SELECT * EXCLUDE (file, row) FROM ({found})"
            if found and (contract := self._changed.get(source)):
                gone, came = Relation("deleted", source), Relation("inserted", source)
                rows = (
                    f"{rows} ANTI JOIN {gone} USING ({', '.join(contract.key)}) UNION ALL"
                    f" {_matching(came, affected, on)}"
                )
        self._define(name, rows)

    def stage(self, contract: Contract, sql: Sql) -> Staged:
        folder, rows = staging_folder(self.lakehouse, contract.table), _typed(contract, sql)
        if self._is_small:
            count = self._hold(contract.table, rows)
            files = partitioned(self._session, contract, contract.table, count, folder)
        else:
            files = self._write(contract, rows, folder)
        return Staged(contract, "table", folder, files)

    def stage_partitions(self, contract: Contract, sql: Sql) -> Staged:
        folder = staging_folder(self.lakehouse, contract.table)
        base = self.lakehouse.delta(contract.table).version()
        replaced = files_in(
            self.lakehouse, contract.table, self.rows(f"SELECT * FROM {Relation('affected', contract.table)}")
        )
        return Staged(
            contract,
            "partitions",
            folder,
            self._write(contract, _typed(contract, sql), folder),
            replaced,
            base=base,
        )

    def stage_changes(self, contract: Contract, sql: Sql, sliced: bool) -> Staged:
        table, columns, key = contract.table, ", ".join(contract.columns), ", ".join(contract.key)
        before, inserted, deleted = (Relation(kind, table) for kind in ("published", "inserted", "deleted"))
        computed = self._keep(Relation("computed", table), _typed(contract, sql))
        delta = self.lakehouse.delta(table)
        published = self._published[table] = select(self._session, delta, with_place=True)
        if sliced and contract.incremental:
            on, affected = {c: c for c in contract.incremental.slice}, Relation("affected", table)
            few = self._find(Relation("found", table, "published"), published, affected, on)
            published = few or _matching(f"({published})", affected, on)
        came, went = self._compare(contract, computed, self._keep(before, published))
        self._define(Relation("changed", table), f"FROM {inserted} UNION ALL FROM {deleted}")
        if not came and not went:
            return Staged(contract, "nothing")
        replaced: frozenset[str] = frozenset()
        if went:
            old = f"SELECT DISTINCT file FROM {before} SEMI JOIN {deleted} USING ({key})"
            replaced = frozenset(file for (file,) in self._session.execute(old).fetchall())
        replaced |= self._folded(contract, replaced, came)
        rows = f"SELECT {columns} FROM {inserted}"
        if replaced:
            kept = (
                f"SELECT {columns} FROM {read_files(sorted(replaced), _hive(contract))} ANTI JOIN {deleted}"
                f" USING ({key})"
            )
            rows = f"{kept} UNION ALL {rows}"
        folder = staging_folder(self.lakehouse, contract.table)
        return Staged(
            contract,
            "rows",
            folder,
            self._write(contract, rows, folder),
            replaced,
            came,
            went,
            delta.version(),
        )

    def _folded(self, contract: Contract, replaced: frozenset[str], came: int) -> frozenset[str]:
        """Small files that `inserted` rows, and what stays of the replaced files, are to be written with."""
        columns, root = ", ".join(contract.partition_by), self.lakehouse.path(contract.table)
        partitions: set[tuple[str, ...]] = set() if columns or not came else {()}
        if columns:
            found = f"SELECT DISTINCT {columns} FROM {Relation('inserted', contract.table)}"
            partitions = {tuple(map(str, row)) for row in self._session.execute(found).fetchall()}
        files = {str(root / f.place): f for f in live_files(self.lakehouse.delta(contract.table))}
        gone = [file for path, file in files.items() if path in replaced]
        staying = [file for path, file in files.items() if path not in replaced]
        return frozenset(str(root / f.place) for f in folded_with(staying, gone, came, partitions))

    def attach_staged(self, staged: Staged) -> None:
        contract = staged.contract
        if staged.scope == "table" and contract.table in self._held:
            return
        paths = [str(f.path) for f in staged.files]
        delta = None if staged.scope == "table" else self.lakehouse.delta(contract.table)
        if delta:
            paths += [file for file in fetch(data_files(delta)) if file not in staged.replaced]
        if paths:
            source = read_files(paths, _hive(contract), with_place=True)
        else:
            nulls = ", ".join(f"NULL::{duckdb_type(kind)} AS {name}" for name, kind in contract.types.items())
            source = f"(SELECT {nulls}, NULL AS filename, NULL AS file_row_number WHERE false)"
        columns = ", ".join(contract.columns)
        self._show_files(contract.table, f"SELECT {columns} FROM {source}", delta, staged.files)
        if staged.scope == "rows":
            self._changed[contract.table] = contract
        else:
            self._published[contract.table] = (
                f"SELECT {columns}, filename AS file, file_row_number AS row FROM {source}"
            )

    def publish(self, staged: Staged, stamp: Stamp) -> int:
        if staged.scope == "table":
            return overwrite(self.lakehouse, staged.contract, staged.files, stamp)
        return exchange(self.lakehouse, staged.contract, staged.files, stamp, staged.replaced, staged.base)

    def discard(self, staged: Staged) -> None:
        if staged.folder:
            discard(self.lakehouse, staged.folder)

    def _compare(self, contract: Contract, came: int, there: int) -> tuple[int, int]:
        """Keeps the rows `inserted` and `deleted` that tell a table's `computed` rows, of which so many
        `came`, from the `published` ones that are `there`; returns how many of each.

        Rows of one key are compared: half of what EXCEPT takes, which knows no key. New slices are not
        compared with nothing.
        """
        columns, key = ", ".join(contract.columns), ", ".join(contract.key)
        computed, published, inserted, deleted = (
            Relation(kind, contract.table) for kind in ("computed", "published", "inserted", "deleted")
        )
        if not there:
            self._define(inserted, f"FROM {computed}")
            self._define(deleted, f"SELECT {columns} FROM {published}")
            return came, 0
        same = " AND ".join(
            f"t.{c} = p.{c}" if c in contract.key else f"t.{c} IS NOT DISTINCT FROM p.{c}"
            for c in contract.columns
        )
        came = self._keep(inserted, f"FROM {computed} AS t ANTI JOIN {published} AS p ON {same}")
        stays = f"SELECT {key} FROM {computed} ANTI JOIN {inserted} USING ({key})"
        went = self._keep(deleted, f"SELECT {columns} FROM {published} ANTI JOIN ({stays}) USING ({key})")
        return came, went

    def _find(self, places: Relation, rows: str, affected: Relation, on: dict[str, str]) -> str:
        """SQL of the few `rows` of a table that are affected, by their `places`, so that readers skip all
        others; empty where they are many, or there are few in all.

        No columns are read but those of `on`; the first rows of each file tell few from many.
        """
        if self._is_small:
            return ""
        sample = f"WITH t AS MATERIALIZED (SELECT {', '.join(on)} FROM ({rows}) WHERE row < {SAMPLE_ROWS})"
        hits = f"SELECT count(*) FROM t SEMI JOIN {affected} AS a ON {_equal(on)}"
        if not self._session.execute(
            f"{sample} SELECT ({hits}) * {FEW} <= (SELECT count(*) FROM t)"
        ).fetchall()[0][0]:
            return ""
        self._keep(places, _matching(f"({rows})", affected, on, "file, row"))
        return f"SELECT * FROM ({rows}) SEMI JOIN {places} USING (file, row)"

    def _write(self, contract: Contract, rows: str, folder: Path) -> tuple[StagedFile, ...]:
        if not contract.partition_by and not self._is_small:
            return copied(self._session, contract, rows, folder, {})
        kept = Relation("merged", contract.table)
        files = partitioned(self._session, contract, kept, self._keep(kept, rows), folder)
        self._session.execute(f"DROP TABLE {kept}")
        return files

    def _keep(self, name: str | Relation, sql: str) -> int:
        """A table in memory, spilled where it is too large; returns its number of rows."""
        with sql_errors(name):
            made = self._session.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}").fetchall()
        return int(made[0][0])

    def _show_files(
        self, name: str, sql: str, delta: DeltaTable | None, staged: Sequence[StagedFile] = ()
    ) -> None:
        """Makes what `sql` reads of the files of a version, and of `staged` ones, readable under a name."""
        if (
            self._is_small
            and sum(f.rows for f in (*(live_files(delta) if delta else ()), *staged)) <= FEW_ROWS
        ):
            self._hold(name, sql)
        else:
            self._define(name, sql)

    def _hold(self, name: str, sql: str) -> int:
        """A table in memory that models name."""
        if name not in self._held:
            self._session.execute(f"DROP VIEW IF EXISTS {name}")
        count = self._keep(name, sql)
        self._held.add(name)
        return count

    def _define(self, name: str | Relation, sql: str) -> None:
        with sql_errors(name):
            if name in self._held:
                self._session.execute(f"DROP TABLE {name}")
                self._held.discard(str(name))
            self._session.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with sql_errors("query"):
            return rows(self._session, _translated(sql))

    def distinct_keys(self, contract: Contract, columns: Sequence[str]) -> int:
        return distinct_keys(self._session, contract.table, columns)


class _Sessions(threading.local):
    connection: duckdb.DuckDBPyConnection | None = None


def _translated(sql: Sql) -> str:
    """SQLGlot is loaded with the first query: a run that finds nothing to do has none, and it takes long."""
    from mergehouse.engine.dialect import to_duckdb

    return to_duckdb(sql)


def _typed(contract: Contract, sql: Sql) -> str:
    """A model as DuckDB SQL, every column in its contract's type."""
    columns = ", ".join(
        f"CAST({name} AS {duckdb_type(kind)}) AS {name}" for name, kind in contract.types.items()
    )
    return f"SELECT {columns} FROM ({_translated(sql)})"


def _matching(rows: object, affected: Relation, on: dict[str, str], columns: str = "t.*") -> str:
    return f"SELECT {columns} FROM {rows} AS t SEMI JOIN {affected} AS a ON {_equal(on)}"


def _equal(on: dict[str, str]) -> str:
    return " AND ".join(f"t.{column} = a.{key}" for column, key in on.items())


def _hive(contract: Contract) -> dict[str, str]:
    """Partition columns, which are in a file's path, and their DuckDB types."""
    return {name: duckdb_type(contract.types[name]) for name in contract.partition_by}
