"""Brings a verified release into Delta tables, as the job on Fabric does: `<lakehouse>/Tables/gold/<table>`,
one commit a table.

A table that fails keeps what it had, and the others go on. `release_current` says which version of each table
belongs to the last release that came in whole, and `release_ingests` what every ingestion did.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.contracts.registry import contract_of
from mergehouse.engine import Relation, Staged, text_table
from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.errors import CheckFailed, LakehouseError, MergehouseError
from mergehouse.json_text import json_text
from mergehouse.kpi.catalogue import compute_over
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import Stamp, duckdb_types, types_of
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.reader import create_view, rows
from mergehouse.lakehouse.upkeep import sweep
from mergehouse.lakehouse.writing import append_rows, restore
from mergehouse.progress import Progress, silent
from mergehouse.project.settings import Limits
from mergehouse.quality.checks import check_table
from mergehouse.release.manifest.duckdb_statistics import open_table
from mergehouse.release.manifest.manifest import Manifest, ReleasedTable
from mergehouse.release.manifest.seal import Fault
from mergehouse.release.manifest.statistics import check_kpis
from mergehouse.release.manifest.version import Version
from mergehouse.release.verify import Verification, carried, expected_digest, verify_folder
from mergehouse.storage import RECEIVED, located, storage_errors

LOG, CURRENT = "release_ingests", "release_current"
REPORTS = "Files/release_reports"


@dataclass(frozen=True)
class TableIngest:
    """What became of one table: `loaded`, `merged`, `restored`, `unchanged` (this release is in it already)
    or `failed`.
    """

    table: str
    status: str
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    delta_version: int | None = None
    message: str = ""


@dataclass
class Ingestion:
    """`tables` is empty where the release did not pass verification. `faults` are KPIs of the tables that are
    not the release's.
    """

    lakehouse: str
    verification: Verification
    tables: list[TableIngest] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    current: str | None = None
    report: str = ""

    @property
    def failed(self) -> bool:
        return (
            not self.verification.passed
            or bool(self.faults)
            or any(t.status == "failed" for t in self.tables)
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "lakehouse": self.lakehouse,
            "ok": not self.failed,
            "current": self.current,
            "verification": self.verification.as_json(),
            "tables": self.tables,
            "faults": self.faults,
        }


def ingest(
    root: str,
    lakehouse: str,
    version: str | None = None,
    expected: str | None = None,
    progress: Progress = silent,
    now: dt.datetime | None = None,
) -> Ingestion:
    """Verifies the release below `root` and brings it into the tables below `lakehouse`; nothing is touched
    where it does not pass.

    `version` and `expected` as for `verify`. Ingesting the same release again changes nothing; one that was
    there before is restored from the tables' own history. Raises MergehouseError where there is no release or
    the lakehouse cannot be written.
    """
    place, expected = located(Path(), lakehouse), expected_digest(expected)
    with carried(root, version, progress) as folder:
        verification = verify_folder(folder, root, version, expected, progress)
        result = Ingestion(place, verification)
        manifest = verification.manifest
        if manifest is None or not verification.passed:
            return result
        _expect_no_other_place(place)
        target = Lakehouse(f"{place}/{RECEIVED}")
        with exclusive(target), tempfile.TemporaryDirectory(prefix="mergehouse-ingest-") as scratch:
            engine = DuckDBEngine(Limits(), target, Path(scratch), folder)
            stamp = Stamp(f"release {manifest.version} {verification.manifest_sha256}", manifest.version)
            for table in manifest.tables:
                progress(table.name)
                result.tables.append(_ingest_table(engine, folder, table, stamp))
            _conclude(engine, manifest, result, now or dt.datetime.now(dt.UTC))
    return result


def _expect_no_other_place(place: str) -> None:
    """Raises LakehouseError where tables of earlier versions would go on being read, and stay as they are."""
    if Lakehouse(f"{place}/Tables").exists(CURRENT):
        raise LakehouseError(
            f"{place}/Tables: an earlier version put a release's tables here; they belong in"
            f" {place}/{RECEIVED}, the schema that Power BI reads. Move the folder of each there, also"
            f" {CURRENT} and {LOG}, and run again; or remove them: the release brings them anew, without what"
            " they held before."
        )


def _ingest_table(engine: DuckDBEngine, folder: Path, table: ReleasedTable, stamp: Stamp) -> TableIngest:
    name = table_name(table)
    try:
        return _load(engine, folder, table, stamp)
    except MergehouseError as error:
        return TableIngest(name, "failed", message=str(error))


def _load(engine: DuckDBEngine, folder: Path, table: ReleasedTable, stamp: Stamp) -> TableIngest:
    target, name, contract = engine.lakehouse, table_name(table), _contract(table)
    sweep(target, name)  # of an ingestion that was killed
    if there := target.exists(name):
        history = target.stamped(name)
        if history[0][1] == stamp:
            return TableIngest(
                name, "unchanged", target.rows(name), delta_version=target.delta(name).version()
            )
        if history[0][1] is None:
            raise LakehouseError(
                f"`{name}`: the table at {target.address(name)} was last written by something other than a"
                " release. Rename it, or remove it, and ingest again."
            )
        if (earlier := next((number for number, found in history if found == stamp), None)) is not None:
            number = restore(target, name, earlier, stamp)
            return TableIngest(name, "restored", target.rows(name), delta_version=number)
        if table.mode == "merge" and Version.parse(history[0][1].delivered) > Version.parse(stamp.delivered):
            raise LakehouseError(
                f"`{name}`: holds release {history[0][1].delivered}, and what it held at {stamp.delivered}"
                " was never here. A table that is merged cannot go back to it: ingest that release or a"
                " later one."
            )
    open_table(engine.connection, table.name, [str(folder / file.path) for file in table.files])
    sql = f"SELECT * FROM {table.name}"
    if there and table.mode == "merge":
        sql = _merged(engine, table, contract)
    merges = there and table.mode == "merge" and _same_schema(target, contract)
    staged = engine.stage_changes(contract, sql, sliced=False) if merges else engine.stage(contract, sql)
    try:
        count = _check(engine, table, contract, staged)
        inserted, updated, deleted = _changes(engine, contract, staged) if merges else (count, 0, 0)
        number = engine.publish(staged, stamp)
    except MergehouseError:
        engine.discard(staged)
        raise
    return TableIngest(name, "merged" if merges else "loaded", count, inserted, updated, deleted, number)


def table_name(table: ReleasedTable) -> str:
    """The table's name in its schema."""
    return table.name.partition(".")[2]


def _contract(table: ReleasedTable) -> Contract:
    """The manifest's types, nullability and key, which the tables are written by."""
    columns = {
        c.name: ColumnContract(type=c.type, meaning=c.meaning, nullable=c.nullable, unit=c.unit, pii=c.pii)
        for c in table.columns
    }
    return Contract(
        table=table_name(table),
        grain=table.grain,
        meaning=table.meaning,
        key=table.key,
        partition_by=table.partition_by,
        columns=columns,
    )


def _merged(engine: DuckDBEngine, table: ReleasedTable, contract: Contract) -> str:
    """The release's rows, and those of the table whose key is not among them; columns that it has not yet are
    empty.
    """
    delta = engine.lakehouse.delta(contract.table)
    create_view(engine.connection, f"target.{contract.table}", delta)
    there = duckdb_types(delta)
    kept = ", ".join(f"t.`{name}`" if name in there else f"NULL AS `{name}`" for name in contract.columns)
    same = " AND ".join(f"t.`{name}` <=> r.`{name}`" for name in contract.key)
    columns = ", ".join(f"`{name}`" for name in contract.columns)
    old = f"SELECT {kept} FROM target.{contract.table} AS t LEFT ANTI JOIN {table.name} AS r ON {same}"
    return f"SELECT {columns} FROM {table.name} UNION ALL {old}"


def _same_schema(target: Lakehouse, contract: Contract) -> bool:
    """True where rows can be exchanged: a change of schema or partitioning writes the table anew."""
    delta = target.delta(contract.table)
    return (
        list(types_of(delta).items()) == list(contract.types.items())
        and delta.metadata().partition_columns == contract.partition_by
    )


def _check(engine: DuckDBEngine, table: ReleasedTable, contract: Contract, staged: Staged) -> int:
    """Rows of the table as it will be. Raises CheckFailed where it would not keep what the manifest says,
    before anybody sees it.
    """
    if staged.scope == "nothing":
        return engine.lakehouse.rows(contract.table)
    engine.attach_staged(staged)
    count, results = check_table(engine, contract, staged.files)
    if broken := next((result for result in results if not result.passed), None):
        raise CheckFailed(
            f"`{contract.table}`: {broken.check}: {broken.failures:,} rows fail. {broken.why} The table keeps"
            " what it had."
        )
    if table.mode == "overwrite" and count != table.rows:
        raise CheckFailed(
            f"`{contract.table}`: {count:,} rows were written instead of {table.rows:,}. The table keeps what"
            " it had."
        )
    return count


def _changes(engine: DuckDBEngine, contract: Contract, staged: Staged) -> tuple[int, int, int]:
    """Keys that are new, that have other values, that are gone."""
    inserted, deleted = Relation("inserted", contract.table), Relation("deleted", contract.table)
    both = f"SELECT count(*) AS n FROM {inserted} SEMI JOIN {deleted} USING ({', '.join(contract.key)})"
    updated = rows(engine.connection, both)[0]["n"]
    return staged.inserted - updated, updated, staged.deleted - updated


def _conclude(engine: DuckDBEngine, manifest: Manifest, result: Ingestion, now: dt.datetime) -> None:
    """Compares KPIs, points readers at a release that came in whole, and writes down what was done."""
    target = engine.lakehouse
    seal = result.verification.manifest_sha256
    if not any(t.status == "failed" for t in result.tables):
        result.faults = _kpi_faults(engine, manifest)
    known = {r["table_name"]: r for r in _current(target)}
    is_known = all(
        t.table in known and known[t.table]["delta_version"] == t.delta_version for t in result.tables
    ) and all(r["manifest_sha256"] == seal for r in known.values())
    if not result.failed and not is_known:
        contract = contract_of(CURRENT)
        lines = [
            [t.table, manifest.version, str(t.delta_version), str(t.rows), seal, now.isoformat()]
            for t in result.tables
        ]
        engine.load_frame("mapping.current_release", text_table(list(contract.columns), lines))
        engine.publish(
            engine.stage(contract, "SELECT * FROM mapping.current_release"),
            Stamp(f"release {manifest.version} {seal}"),
        )
    result.current = next((r["release_version"] for r in _current(target)), None)
    done = [t for t in result.tables if t.status != "unchanged"]
    log = [[now, manifest.version, *vars(t).values(), seal] for t in done]
    append_rows(target, contract_of(LOG), log)
    if done or not is_known:
        result.report = f"{result.lakehouse}/{REPORTS}/v{manifest.version}.json"
        with storage_errors(result.lakehouse):
            Lakehouse(result.lakehouse).store.put(
                f"{REPORTS}/v{manifest.version}.json",
                json_text(result.as_json(), indent=1).encode(),
            )


def _kpi_faults(engine: DuckDBEngine, manifest: Manifest) -> list[Fault]:
    """KPIs over the Delta tables as they are now, against the manifest's."""
    kpis = [kpi.model_dump(mode="json") for kpi in manifest.kpis]
    used = [table for table in manifest.tables if any(kpi["table"] == table.name for kpi in kpis)]
    for table in used:
        create_view(engine.connection, table.name, engine.lakehouse.delta(table_name(table)))
    return check_kpis({"kpis": kpis}, compute_over(engine.connection, [table.name for table in used], kpis))


def _current(target: Lakehouse) -> list[dict[str, Any]]:
    return target.table(CURRENT).polars().to_dicts() if target.exists(CURRENT) else []
