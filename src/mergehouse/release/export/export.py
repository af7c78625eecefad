"""Makes a release: Gold marts as zstd Parquet, measured, hashed and described by a manifest, then put in
place whole.

DuckDB streams rows from Delta's files into those of the release; none pass through Python. The same version
of a table gives the same bytes: small tables are in the order of their key, large ones in that of their
files.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from mergehouse import __version__
from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import released
from mergehouse.contracts.types import duckdb_type
from mergehouse.errors import CheckFailed, LakehouseError
from mergehouse.kpi.catalogue import catalogue, compute_over
from mergehouse.kpi.formula import Values
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import data_files, duckdb_types, needs_safe_reader
from mergehouse.lakehouse.integrity import faults
from mergehouse.lakehouse.owner import expect_own
from mergehouse.lakehouse.reader import limited, quoted, read_files, rows, select, text
from mergehouse.lakehouse.repeats import distinct_keys
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project, load_project
from mergehouse.release.export.evidence import bands, quality, scoring_models
from mergehouse.release.manifest.changes import accept, propose
from mergehouse.release.manifest.duckdb_statistics import (
    Statistics,
    facts_as_written,
    open_table,
    partition_rows,
    relation,
)
from mergehouse.release.manifest.manifest import (
    FORMAT,
    KpiTotals,
    Manifest,
    ReleasedColumn,
    ReleasedFile,
    ReleasedTable,
    table_folder,
)
from mergehouse.release.manifest.seal import sha256
from mergehouse.release.manifest.statistics import check_facts, exact_text, measured, partitions
from mergehouse.release.manifest.version import Change, Version
from mergehouse.release.store import Shelf
from mergehouse.storage import fetch, located, write_failure

SORTED_ROWS = 2_000_000  # sorting more would double the time a release takes
SOURCE_BYTES = 400 * 2**20  # of a table's snappy files for one zstd file of 128 to 512 MB


@dataclass(frozen=True)
class _File:
    """A file as it was written; its hash is taken while the next one is."""

    path: Path
    rows: int
    statistics: Statistics
    sha256: Future[str]


@dataclass(frozen=True)
class Released:
    """`is_new` is False where nothing has changed since the last release, which `manifest` then is;
    `is_current`: readers see it.
    """

    root: str
    manifest: Manifest
    manifest_sha256: str
    is_new: bool
    is_current: bool


def releases_root(folder: str | Path, environment: str | None = None, elsewhere: str | None = None) -> str:
    """Where the releases of the project in `folder` are: `release/` in its lakehouse, so that each
    environment has its own, or elsewhere.

    Raises ConfigError on a place that cannot be one; without `elsewhere`, on a project that cannot be read.

    >>> releases_root("shop")
    '...shop/lakehouse/release'
    >>> releases_root("shop", elsewhere="s3://bucket/releases")
    's3://bucket/releases'
    """
    if elsewhere:
        return located(Path(), elsewhere)
    return releases_of(load_project(folder, environment))


def releases_of(project: Project) -> str:
    """Where a project's releases are when nobody says otherwise.

    >>> releases_of(mh.project("shop", "prod"))
    '...shop/lakehouse-prod/release'
    """
    return f"{project.lakehouse_location}/release"


def release(
    project: Project,
    version: str | None = None,
    to: str | None = None,
    progress: Progress = silent,
    now: dt.datetime | None = None,
) -> Released:
    """Releases every published Gold table whose contract allows it, as `version` or the one that the changes
    ask for.

    Raises MergehouseError on a version that is too low for the changes, CheckFailed where a key or an empty
    value breaks a contract or a table is not as mergehouse wrote it, LakehouseError where nothing is
    published or the place cannot be written.
    """
    lakehouse, shelf = (
        Lakehouse(project.lakehouse_location),
        Shelf(located(Path(), to) if to else releases_of(project)),
    )
    wanted = Version.parse(version) if version else None
    created = (now or dt.datetime.now(dt.UTC)).replace(microsecond=0)
    with lakehouse.pinned(), shelf.exclusive(progress):
        expect_own(lakehouse, project)
        contracts = released_contracts(lakehouse)
        _expect_as_written(lakehouse, contracts)
        previous = shelf.latest()
        with shelf.staging() as staged, limited(project.config.limits) as connection:
            return _Export(lakehouse, connection, shelf, staged, created, progress).make(
                project, contracts, previous, wanted
            )


def released_contracts(lakehouse: Lakehouse) -> list[Contract]:
    """Contracts of the Gold tables that are published and meant for readers. Raises LakehouseError where
    there are none.
    """
    found = [contract for contract in released() if lakehouse.exists(contract.table)]
    if not found:
        raise LakehouseError(
            f"{lakehouse.location}: no Gold table is published yet; `mergehouse run` builds them."
        )
    return found


def _expect_as_written(lakehouse: Lakehouse, contracts: list[Contract]) -> None:
    """Raises CheckFailed where a table that is to be released is not as mergehouse wrote it; also where that
    is not what readers see as yet.
    """
    names = [contract.table for contract in contracts]
    newest = faults(Lakehouse(lakehouse.location, newest=True), names)
    for name, fault in (faults(lakehouse, names, count_rows=True) | newest).items():
        raise CheckFailed(f"`{name}`: {fault.said}. Nothing was released; `mergehouse run` mends it.")


class _Export:
    """One release in the making. Tables are written below `staged` as the version they will have."""

    def __init__(
        self,
        lakehouse: Lakehouse,
        connection: duckdb.DuckDBPyConnection,
        shelf: Shelf,
        staged: Path,
        created: dt.datetime,
        progress: Progress,
    ):
        self.lakehouse, self.connection, self.shelf = lakehouse, connection, shelf
        self.staged, self.created, self.progress = staged, created, progress

    def make(
        self, project: Project, contracts: list[Contract], previous: Manifest | None, wanted: Version | None
    ) -> Released:
        described = [self._describe(contract) for contract in contracts]
        proposed, changes = propose(previous, described, _kpis({}))
        chosen = wanted or proposed
        accept(chosen, previous, changes, said=wanted is not None)
        if previous and wanted is None and not changes and _sources(previous.tables) == _sources(described):
            is_current = self.shelf.current() == previous.number
            return Released(
                self.shelf.root,
                previous,
                self.shelf.manifest(previous.number)[1],
                is_new=False,
                is_current=is_current,
            )
        with ThreadPoolExecutor(2) as hashing:
            written = [self._write(contract, str(chosen), hashing) for contract in contracts]
            tables = [
                self._measured(contract, table, files)
                for contract, table, files in zip(contracts, described, written, strict=True)
            ]
        manifest = self._manifest(project, tables, str(chosen), previous, changes)
        self.progress("putting it in place")
        seal = self.shelf.publish(self.staged, manifest.as_bytes())
        return Released(self.shelf.root, manifest, seal, is_new=True, is_current=True)

    def _describe(self, contract: Contract) -> ReleasedTable:
        """What of a table is known before it is written; enough to compare schemas."""
        delta = self.lakehouse.delta(contract.table)
        there = duckdb_types(delta)
        if missing := next((name for name in contract.columns if name not in there), None):
            raise LakehouseError(
                f"`{contract.table}`: column `{missing}` of its contract is not there yet; `mergehouse run`"
                " builds it."
            )
        columns = [
            ReleasedColumn(
                name=name, type=c.type, nullable=c.nullable, pii=c.pii, unit=c.unit, meaning=c.meaning,
                nulls=0, min=None, max=None,
            )
            for name, c in contract.columns.items()
        ]  # fmt: skip
        assert contract.release != "none"  # `released_contracts` are without these
        return ReleasedTable(
            name=contract.table, grain=contract.grain, meaning=" ".join(contract.meaning.split()),
            delta_id=str(delta.metadata().id), delta_version=delta.version(), mode=contract.release,
            key=contract.key, key_unique=True, partition_by=contract.partition_by, columns=columns, rows=0,
            partitions=[], files=[ReleasedFile(path="", bytes=0, rows=0, sha256="0" * 64)],
        )  # fmt: skip

    def _write(self, contract: Contract, version: str, hashing: ThreadPoolExecutor) -> list[_File]:
        """The table's rows as Parquet files."""
        self.progress(contract.table)
        folder = self.staged / table_folder(contract.table, self.created, version)
        folder.mkdir(parents=True)
        columns = ", ".join(
            f"CAST({quoted(name)} AS {duckdb_type(kind)}) AS {quoted(name)}"
            for name, kind in contract.types.items()
        )
        delta = self.lakehouse.delta(contract.table)
        written = []
        for number, source in enumerate(self._sources(contract, delta)):
            file = folder / f"part-{number:05}.parquet"
            try:
                copied = rows(
                    self.connection,
                    f"COPY (SELECT {columns} FROM {source}) TO {text(str(file))} (FORMAT parquet, COMPRESSION"
                    " zstd, RETURN_STATS)",
                )[0]
            except duckdb.OutOfMemoryException:
                raise LakehouseError(
                    f"`{contract.table}`: not enough memory. Raise `limits.memory` in mergehouse.yml."
                ) from None
            except duckdb.IOException as error:
                raise LakehouseError(write_failure(contract.table, file, error)) from None
            except duckdb.Error as error:
                reason = str(error).splitlines()[0]
                raise LakehouseError(
                    f"`{contract.table}`: its rows do not fit its contract ({reason}); `mergehouse run`"
                    " rebuilds it."
                ) from None
            digest = hashing.submit(sha256, file)
            written.append(_File(file, copied["count"], copied["column_statistics"], digest))
        open_table(self.connection, contract.table, [str(file.path) for file in written])
        return written

    def _sources(self, contract: Contract, delta) -> list[str]:
        """What each file of the release is selected from: all rows by key, or of a large table one group of
        Delta's files after another.
        """
        if needs_safe_reader(delta) or self.lakehouse.rows(contract.table) <= SORTED_ROWS:
            return [f"({select(self.connection, delta)}) ORDER BY {', '.join(map(quoted, contract.key))}"]
        types = {name: duckdb_types(delta)[name] for name in delta.metadata().partition_columns}
        groups: list[list[str]] = [[]]
        room = SOURCE_BYTES
        for file in fetch(sorted(data_files(delta))):
            size = Path(file).stat().st_size
            if groups[-1] and size > room:
                groups.append([])
                room = SOURCE_BYTES
            groups[-1].append(file)
            room -= size
        return [read_files(group, types) for group in groups]

    def _measured(self, contract: Contract, described: ReleasedTable, files: list[_File]) -> ReleasedTable:
        """The table with its figures. Raises CheckFailed where a key or an empty value breaks the
        contract.
        """
        self.progress(f"{contract.table}: figures")
        table = described.model_dump(mode="json")
        row = facts_as_written(self.connection, table, [file.statistics for file in files])
        table["rows"] = row["row_count"]
        found = measured(table, row)
        table["columns"] = [column | found[column["name"]] for column in table["columns"]]
        table["partitions"] = partitions(table, partition_rows(self.connection, table))
        table["files"] = [
            {
                "path": file.path.relative_to(self.staged).as_posix(),
                "bytes": file.path.stat().st_size,
                "rows": file.rows,
                "sha256": file.sha256.result(),
            }
            for file in files
        ]
        if faults := check_facts(table, row):
            raise CheckFailed(
                f"{faults[0].where}: {faults[0].message} Nothing was released; `mergehouse check` says more."
            )
        distinct = distinct_keys(self.connection, relation(contract.table), contract.key)
        if distinct != table["rows"]:
            raise CheckFailed(
                f"`{contract.table}`: {table['rows'] - distinct:,} rows repeat a key"
                f" ({', '.join(contract.key)}). Nothing was released; `mergehouse check` says more."
            )
        return ReleasedTable.model_validate(table)

    def _manifest(
        self,
        project: Project,
        tables: list[ReleasedTable],
        version: str,
        previous: Manifest | None,
        changes: list[Change],
    ) -> Manifest:
        return Manifest(
            manifest_format=FORMAT,
            dataset=project.config.name,
            version=version,
            created_ts=self.created,
            mergehouse_version=__version__,
            previous=previous.version if previous else None,
            changes=changes,
            quality=quality(self.lakehouse),
            kpis=_kpis(compute_over(self.connection, [table.name for table in tables])),
            models=scoring_models(self.connection, tables),
            bands=bands(self.connection, tables),
            tables=tables,
        )


def _kpis(values: Values) -> list[KpiTotals]:
    return [
        KpiTotals(
            **kpi.model_dump(), values={scope: exact_text(named[kpi.name]) for scope, named in values.items()}
        )
        for kpi in catalogue()
    ]


def _sources(tables: list[ReleasedTable]) -> list[tuple[str, str, int]]:
    return sorted((table.name, table.delta_id, table.delta_version) for table in tables)
