"""The notebook for Fabric, executed as it is written, on Apache Spark with Delta Lake: it does what
`mergehouse ingest` does.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from tests.pipeline.faults import BRANDS, CARRIED, DATES, FORGED, PERF, SALES, Case, forge, table_in
from tests.pipeline.test_ingest import Demo, merged_dates

import mergehouse.release.export.export
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.writing import append
from mergehouse.platform.fabric.notebook import notebook
from mergehouse.release.export.export import release
from mergehouse.release.load import ingest

LONG = pytest.mark.long("Spark plans every query")

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# every job on Spark takes its second: those with faults and KPIs
MARTS = {SALES, PERF, DATES, BRANDS, "gold.customer_brand_360"}
# Of the faults every fourth: the command meets all of them (test_ingest.py), by the same code that the
# notebook holds.
NOT_LOOKED_AT = {"unknown key in the manifest"}  # the notebook reads what it needs and leaves the rest


class Fabric:
    """A lakehouse as Fabric mounts it: Files and Tables below one folder. `run` executes the notebook."""

    def __init__(self, spark: SparkSession, folder: Path):
        self.spark, self.folder = spark, folder
        (folder / "Files/dropzone").mkdir(parents=True)

    def carry(self, root: Path, name: str = "retail") -> None:
        target = self.folder / "Files/dropzone" / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(root, target)

    def run(self, **parameters: str) -> dict[str, Any]:
        places = {
            "mount": f"{self.folder}/Files",
            "spark_files": f"file:{self.folder}/Files",
            "tables": f"file:{self.folder}/Tables/gold",
        }
        code = notebook({})
        cell = code.split("# PARAMETERS CELL")[1].split("# METADATA")[0]
        own = "\n".join(f"{name} = {value!r}" for name, value in (places | parameters).items())
        # as Fabric does: a cell of the caller's values after the one of the defaults
        code = code.replace(cell, f"{cell}\n{own}\n")
        scope = {"spark": self.spark, "__name__": "__main__"}
        try:
            exec(compile(code, "notebook-content.py", "exec"), scope)
        except RuntimeError as error:
            assert "was not ingested whole" in str(error) and not scope["result"]["ok"]
        name = parameters.get("release", "retail")
        report = json.loads((self.folder / f"Files/release_reports/{name}.json").read_text())
        assert (report["ok"], report["environment"]) == (scope["result"]["ok"], "")
        return scope["result"]

    @property
    def tables(self) -> Lakehouse:
        return Lakehouse(self.folder / "Tables/gold")

    def versions(self) -> dict[str, int]:
        names = [
            folder.name
            for folder in (self.folder / "Tables/gold").glob("*")
            if folder.name != "release_ingests"
        ]
        return {name: self.tables.delta(name).version() for name in names}


@pytest.fixture(autouse=True)
def marts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Releases of a few tables."""
    every = mergehouse.release.export.export.released_contracts
    monkeypatch.setattr(
        mergehouse.release.export.export,
        "released_contracts",
        lambda lakehouse: [c for c in every(lakehouse) if c.table in MARTS],
    )


@pytest.fixture
def carried(demo: Demo, tmp_path: Path) -> Path:
    release(demo[0], to=str(tmp_path / "carried"))
    return tmp_path / "carried"


@pytest.fixture
def fabric(apache: SparkSession, tmp_path: Path) -> Fabric:
    return Fabric(apache, tmp_path / "fabric")


def statuses(result: dict[str, Any]) -> set[str]:
    return {table["status"] for table in result["tables"]}


@LONG
@pytest.mark.apache
def test_the_notebook_and_the_command_make_the_same_tables(
    fabric: Fabric, carried: Path, tmp_path: Path
) -> None:
    fabric.carry(carried)
    result = fabric.run()
    assert result["ok"] and result["current"] == "1.0.0" and statuses(result) == {"loaded"}
    ours = ingest(str(carried), str(tmp_path / "ours"))
    manifest = ours.verification.manifest
    assert manifest is not None and result["manifest_sha256"] == ours.verification.manifest_sha256
    other = Lakehouse(tmp_path / "ours/Tables/gold")
    for table in manifest.tables:
        name = table.name.split(".")[1]
        rows, expected = (
            lakehouse.table(name).polars().sort(table.key) for lakehouse in (fabric.tables, other)
        )
        assert rows.equals(expected), name
        fields, wanted = (
            [
                (f.name, f.type.type, f.nullable, f.metadata["comment"])
                for f in lakehouse.delta(name).schema().fields
            ]
            for lakehouse in (fabric.tables, other)
        )
        assert fields == wanted
        assert fabric.tables.delta(name).metadata().partition_columns == table.partition_by
    before = fabric.versions()
    again = fabric.run()
    assert again["ok"] and statuses(again) == {"unchanged"} and fabric.versions() == before
    handed_over = ingest(str(carried), str(fabric.folder))
    assert not handed_over.failed and {t.status for t in handed_over.tables} == {"unchanged"}
    kept = ["table_name", "release_version", "row_count", "manifest_sha256"]
    pointers = [
        lakehouse.table("release_current").polars().select(kept).sort("table_name")
        for lakehouse in (fabric.tables, other)
    ]
    assert pointers[0].equals(pointers[1])


@LONG
@pytest.mark.apache
def test_the_notebook_goes_on_where_the_command_left_off(fabric: Fabric, carried: Path, demo: Demo) -> None:
    assert not ingest(str(carried), str(fabric.folder)).failed
    fabric.carry(carried)
    assert statuses(fabric.run()) == {"unchanged"}
    release(demo[0], version="1.1.0", to=str(carried))
    fabric.carry(carried)
    forward = fabric.run()
    assert forward["ok"] and statuses(forward) == {"loaded"} and forward["current"] == "1.1.0"
    assert fabric.tables.delta("sales_daily").schema().fields[0].nullable is False
    back = fabric.run(version="1.0.0")
    assert back["ok"] and statuses(back) == {"restored"} and back["current"] == "1.0.0"
    assert statuses(fabric.run(version="1.0.0")) == {"unchanged"}


@LONG
@pytest.mark.apache
def test_merge_on_spark(fabric: Fabric, carried: Path) -> None:
    fabric.carry(carried)
    fabric.run()
    before = fabric.tables.table("dim_date").polars().sort("date")
    first, last = before["date"][0], before["date"][-1]
    select = (
        f"SELECT * REPLACE ('a day' AS weekday_name) FROM {{t}} WHERE date = '{first}' UNION ALL "
        f"SELECT * FROM {{t}} WHERE date = '{first}'::DATE + 1 UNION ALL "
        f"SELECT * REPLACE (date + 1 AS date) FROM {{t}} WHERE date = '{last}'"
    )
    merged_dates(carried, select, 3)
    fabric.carry(carried)
    result = fabric.run()
    done = next(t for t in result["tables"] if t["table"] == "dim_date")
    assert result["ok"] and (done["status"], done["inserted"], done["updated"]) == ("merged", 1, 1)
    after = fabric.tables.table("dim_date").polars().sort("date")
    assert (
        after["weekday_name"][0] == "a day"
        and after[1:-1].equals(before[1:])
        and len(after) == len(before) + 1
    )
    assert statuses(fabric.run()) == {"unchanged"}


@LONG
@pytest.mark.apache
def test_columns_come_and_types_widen_on_spark(fabric: Fabric, carried: Path) -> None:
    fabric.carry(carried)
    fabric.run()

    def change(manifest: dict) -> None:
        columns = table_in(manifest, DATES)["columns"]
        next(c for c in columns if c["name"] == "year")["type"] = "bigint"
        columns.append(
            columns[0]
            | {"name": "half", "type": "int", "meaning": "Half of the year", "min": "1", "max": "2"}
        )

    forge(
        carried,
        DATES,
        "SELECT * REPLACE (year::BIGINT AS year), (1 + (month > 6)::INT)::INT AS half FROM {t}",
        change,
    )
    fabric.carry(carried)
    assert fabric.run()["ok"]
    fields = {f.name: f.type.type for f in fabric.tables.delta("dim_date").schema().fields}
    assert (fields["year"], fields["half"]) == ("long", "integer")


@LONG
@pytest.mark.apache
def test_a_table_of_somebody_else_is_left_alone_on_spark(fabric: Fabric, carried: Path) -> None:
    append(fabric.tables, "sales_daily", duckdb.sql("SELECT 1 AS mine"))
    fabric.carry(carried)
    result = fabric.run()
    failed = [t for t in result["tables"] if t["status"] == "failed"]
    assert [t["table"] for t in failed] == ["sales_daily"] and "something other than a release" in failed[0][
        "message"
    ]
    assert not result["ok"] and result["current"] is None and statuses(result) == {"failed", "loaded"}
    assert fabric.tables.table("sales_daily").polars().to_dicts() == [{"mine": 1}]


@LONG
@pytest.mark.apache
@pytest.mark.parametrize(
    "case", [c for c in (CARRIED + FORGED)[::4] if c.name not in NOT_LOOKED_AT], ids=lambda case: case.name
)
def test_no_fault_reaches_a_table_on_spark(fabric: Fabric, carried: Path, case: Case) -> None:
    case.inject(carried)
    fabric.carry(carried)
    result = fabric.run()
    assert not result["ok"] and result["tables"] == [] and not (fabric.folder / "Tables").exists()
    assert result["faults"] and all(f["where"] and f["message"] for f in result["faults"])
    if case.what != "manifest":  # there the notebook may stumble over another key first
        assert [
            f for f in result["faults"] if f["what"] == case.what and case.where.split(".")[0] in f["where"]
        ], result["faults"]
