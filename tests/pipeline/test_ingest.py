"""Ingestion: verified releases only, one commit a table, the same again changes nothing, and no fault leaves
half a table.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path

import duckdb
import polars
import pytest
from tests.command import call
from tests.conftest import Demo, broken_promises
from tests.pipeline.faults import DATES, FAULTS, PERF, Case, file_of, forge, table_in

from mergehouse.errors import LakehouseError, MergehouseError
from mergehouse.lakehouse import staging
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.writing import append
from mergehouse.platform.fabric.items import project_items
from mergehouse.platform.fabric.shortcuts import shortcut
from mergehouse.release.export.export import release
from mergehouse.release.load import Ingestion, ingest
from mergehouse.release.manifest.version import Version
from mergehouse.release.store import Shelf


def tables(lakehouse: Path) -> Lakehouse:
    return Lakehouse(lakehouse / "Tables/gold")


def versions(lakehouse: Path) -> dict[str, int]:
    """Every Delta table and its version, the log of ingestions left out."""
    found = sorted(
        folder.name for folder in (lakehouse / "Tables/gold").glob("*") if (folder / "_delta_log").is_dir()
    )
    return {name: tables(lakehouse).delta(name).version() for name in found if name != "release_ingests"}


def statuses(result: Ingestion) -> dict[str, str]:
    return {table.table: table.status for table in result.tables}


def current(lakehouse: Path) -> dict[str, tuple[str, int]]:
    rows = tables(lakehouse).table("release_current").polars().to_dicts()
    return {row["table_name"]: (row["release_version"], row["delta_version"]) for row in rows}


def test_tables_are_where_the_model_in_direct_lake_and_the_shortcuts_have_them(
    ingested: Path, demo: Demo
) -> None:
    project = demo[0]
    texts = project_items(project).texts.values()
    named = {pair for text in texts for pair in re.findall(r"entityName: (\S+)\n\t+schemaName: (\S+)", text)}
    assert {("sales_daily", "gold"), ("customer_360", "gold"), ("kpi_raw_vs_silver", "gold")} <= named
    for table, schema in named:
        assert (ingested / "Tables" / schema / table / "_delta_log").is_dir(), table
        body = shortcut("gs://house", f"{schema}.{table}", str(uuid.uuid4()))
        assert f"{body['path']}/{body['name']}" == f"Tables/{schema}/{table}"


def test_tables_of_an_earlier_layout_are_not_left_to_be_read(
    released: Path, ingested: Path, tmp_path: Path
) -> None:
    shutil.copytree(ingested / "Tables/gold", tmp_path / "Tables")
    with pytest.raises(LakehouseError, match=r"/Tables: an earlier version put .* Move the folder of each"):
        ingest(str(released), str(tmp_path))
    assert not (tmp_path / "Tables/gold").exists()
    shutil.copytree(tmp_path / "Tables", tmp_path / "Tables/gold")
    for log in (tmp_path / "Tables").glob("*/_delta_log"):
        shutil.rmtree(log.parent)
    assert {*statuses(ingest(str(released), str(tmp_path))).values()} == {"unchanged"}


def test_tables_are_typed_by_the_manifest_and_hold_its_rows(
    released: Path, ingested: Path, demo: Demo
) -> None:
    manifest = Shelf(str(released)).latest()
    assert manifest is not None
    source = Lakehouse(demo[0].lakehouse_location)
    words = {"integer": "int", "long": "bigint"}
    for table in manifest.tables:
        name = table.name.split(".")[1]
        delta = tables(ingested).delta(name)
        fields = {
            f.name: (words.get(f.type.type, f.type.type), f.nullable, f.metadata["comment"])
            for f in delta.schema().fields
        }
        assert fields == {c.name: (c.type, c.nullable, c.meaning) for c in table.columns}
        assert list(fields) == [c.name for c in table.columns]
        assert delta.metadata().partition_columns == table.partition_by
        assert (delta.protocol().min_reader_version, delta.protocol().min_writer_version) == (1, 2)
        rows = tables(ingested).table(name).polars().sort(table.key)
        assert rows.equals(source.table(table.name).polars().select(rows.columns).sort(table.key))


def test_money_arrives_to_the_cent(ingested: Path, demo: Demo) -> None:
    truth = demo[1]
    sales = (
        tables(ingested)
        .table("sales_daily")
        .polars()
        .group_by("source_system")
        .agg(polars.col("gmv_eur").sum())
    )
    expected = {brand: Decimal(figures["kpis"]["gmv"]) for brand, figures in truth["brands"].items()}
    assert dict(sales.iter_rows()) == expected


def test_the_same_release_again_changes_nothing(released: Path, fabric: Path) -> None:
    before = versions(fabric)
    log = tables(fabric).delta("release_ingests").version()
    again = ingest(str(released), str(fabric))
    assert not again.failed and set(statuses(again).values()) == {"unchanged"} and again.report == ""
    assert versions(fabric) == before and tables(fabric).delta("release_ingests").version() == log


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.name)
def test_no_fault_of_a_release_reaches_a_table(carried: Path, fabric: Path, case: Case) -> None:
    before = versions(fabric)
    case.inject(carried)
    result = ingest(str(carried), str(fabric))
    assert result.failed and not result.tables and result.verification.faults
    assert versions(fabric) == before and not (fabric / "Files/dropzone").exists()


def test_the_next_release_takes_the_place_of_rows_and_the_pointer_follows(
    carried: Path, fabric: Path, demo: Demo
) -> None:
    release(demo[0], version="1.1.0", to=str(carried))
    result = ingest(str(carried), str(fabric))
    # scores are merged
    assert {name for name, status in statuses(result).items() if status != "loaded"} == {
        "customer_scores_gold"
    }
    assert result.current == "1.1.0"
    assert {version for version, _ in current(fabric).values()} == {"1.1.0"}
    assert {name: number for name, (_, number) in current(fabric).items()} == {
        name: number for name, number in versions(fabric).items() if name != "release_current"
    }


def test_rolling_back_restores_each_table_from_its_own_history(
    carried: Path, fabric: Path, demo: Demo
) -> None:
    rows = tables(fabric).table("sales_daily").polars().sort("order_date", "source_system", "country_code")
    release(demo[0], version="1.1.0", to=str(carried))
    assert ingest(str(carried), str(fabric)).current == "1.1.0"
    Shelf(str(carried)).point_at(Version(1, 0, 0))
    result = ingest(str(carried), str(fabric))
    assert set(statuses(result).values()) == {"restored"} and result.current == "1.0.0"
    assert (
        tables(fabric)
        .table("sales_daily")
        .polars()
        .sort("order_date", "source_system", "country_code")
        .equals(rows)
    )
    assert set(statuses(ingest(str(carried), str(fabric))).values()) == {"unchanged"}


def merged_dates(root: Path, select: str, count: int) -> None:
    """The calendar as a table that is merged, with the rows of a query."""

    def change(manifest: dict) -> None:
        table = table_in(manifest, DATES)
        table["mode"] = "merge"
        file = file_of(root, DATES)
        table["rows"] = table["files"][0]["rows"] = count
        for column in table["columns"]:
            low, high, nulls = duckdb.sql(
                f"SELECT min({column['name']})::VARCHAR, max({column['name']})::VARCHAR, count(*) -"
                f" count({column['name']}) FROM '{file}'"
            ).fetchall()[0]
            column |= {"min": low, "max": high, "nulls": nulls}

    forge(root, DATES, select, change)


def test_merge_updates_and_adds_by_key_and_keeps_the_rest(carried: Path, fabric: Path) -> None:
    before = tables(fabric).table("dim_date").polars().sort("date")
    first, last = before["date"][0], before["date"][-1]
    select = (
        f"SELECT * REPLACE ('a day' AS weekday_name) FROM {{t}} WHERE date = '{first}' UNION ALL "
        f"SELECT * FROM {{t}} WHERE date = '{first}'::DATE + 1 UNION ALL "
        f"SELECT * REPLACE (date + 1 AS date) FROM {{t}} WHERE date = '{last}'"
    )
    merged_dates(carried, select, 3)
    result = ingest(str(carried), str(fabric))
    done = next(t for t in result.tables if t.table == "dim_date")
    assert (done.status, done.rows, done.inserted, done.updated, done.deleted) == (
        "merged",
        len(before) + 1,
        1,
        1,
        0,
    )
    after = tables(fabric).table("dim_date").polars().sort("date")
    assert (
        after["weekday_name"][0] == "a day"
        and after[1:-1].equals(before[1:])
        and after["date"][-1] == last.replace(year=last.year + 1, month=1, day=1)
    )
    assert not result.failed
    assert set(statuses(ingest(str(carried), str(fabric))).values()) == {"unchanged"}


def test_a_merge_that_changes_no_row_is_known_again(carried: Path, fabric: Path) -> None:
    merged_dates(carried, "FROM {t} LIMIT 5", 5)
    done = next(t for t in ingest(str(carried), str(fabric)).tables if t.table == "dim_date")
    assert (done.status, done.inserted, done.updated, done.deleted) == ("merged", 0, 0, 0)
    assert set(statuses(ingest(str(carried), str(fabric))).values()) == {"unchanged"}


def test_a_merged_table_does_not_go_back_to_what_it_never_held(
    carried: Path, fabric: Path, tmp_path: Path, demo: Demo
) -> None:
    older = Path(shutil.copytree(carried, tmp_path / "older"))
    merged_dates(older, "FROM {t} LIMIT 5", 5)
    release(demo[0], version="1.1.0", to=str(carried))
    ingest(str(carried), str(fabric))
    result = ingest(str(older), str(fabric))
    failed = [t for t in result.tables if t.status == "failed"]
    assert (
        sorted(t.table for t in failed) == ["customer_scores_gold", "dim_date"] and result.current == "1.1.0"
    )
    assert all("holds release 1.1.0" in t.message for t in failed)


def test_columns_come_and_types_widen(carried: Path, fabric: Path) -> None:
    def change(manifest: dict) -> None:
        columns = table_in(manifest, DATES)["columns"]
        next(c for c in columns if c["name"] == "year")["type"] = "bigint"
        columns.append(
            columns[0]
            | {
                "name": "half",
                "type": "int",
                "meaning": "Half of the year",
                "min": "1",
                "max": "2",
            }
        )

    forge(
        carried,
        DATES,
        "SELECT * REPLACE (year::BIGINT AS year), (1 + (month > 6)::INT)::INT AS half FROM {t}",
        change,
    )
    assert not ingest(str(carried), str(fabric)).failed
    fields = {f.name: (f.type.type, f.nullable) for f in tables(fabric).delta("dim_date").schema().fields}
    assert fields["year"] == ("long", False) and fields["half"] == ("integer", False)
    assert tables(fabric).table("dim_date").polars().filter(polars.col("month") == 7)[
        "half"
    ].unique().to_list() == [2]


def test_a_table_of_somebody_else_is_left_alone_and_the_others_go_on(released: Path, tmp_path: Path) -> None:
    lakehouse = tmp_path / "fabric"
    append(tables(lakehouse), "sales_daily", duckdb.sql("SELECT 1 AS mine"))
    result = ingest(str(released), str(lakehouse))
    failed = [t for t in result.tables if t.status == "failed"]
    assert [t.table for t in failed] == ["sales_daily"] and "something other than a release" in failed[
        0
    ].message
    assert len(result.tables) > 5 and all(t.status == "loaded" for t in result.tables if t not in failed)
    assert tables(lakehouse).table("sales_daily").polars().to_dicts() == [{"mine": 1}]
    assert result.current is None and "release_current" not in versions(lakehouse)
    shutil.rmtree(lakehouse / "Tables/gold/sales_daily")
    assert ingest(str(released), str(lakehouse)).current == "1.0.0"


def test_a_table_changed_by_hand_is_not_taken_for_the_release(released: Path, fabric: Path) -> None:
    tables(fabric).delta("dim_brand").delete("source_system = 'contoso'")
    result = ingest(str(released), str(fabric))
    assert [t.table for t in result.tables if t.status == "failed"] == ["dim_brand"]


@pytest.mark.parametrize("broken", ["dim_product", "sales_daily"])
def test_a_table_that_cannot_be_written_keeps_what_it_had(
    carried: Path,
    fabric: Path,
    demo: Demo,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    release(demo[0], version="1.1.0", to=str(carried))
    before, write = versions(fabric), staging.overwrite

    def overwrite(lakehouse: Lakehouse, contract, files, stamp):  # noqa: ANN001, ANN202
        if contract.table == broken:
            raise LakehouseError(f"`{broken}`: the disk is full")
        return write(lakehouse, contract, files, stamp)

    monkeypatch.setattr("mergehouse.engine.duckdb.overwrite", overwrite)
    result = ingest(str(carried), str(fabric))
    assert [(t.table, t.message) for t in result.tables if t.status == "failed"] == [
        (broken, f"`{broken}`: the disk is full")
    ]
    assert versions(fabric)[broken] == before[broken] and not list(
        (fabric / "Tables/gold" / broken).glob("part-*/*.tmp")
    )
    assert {version for version, _ in current(fabric).values()} == {"1.0.0"} == {result.current}
    monkeypatch.undo()
    later = ingest(str(carried), str(fabric))
    assert (
        statuses(later).pop(broken) == "loaded"
        and list(statuses(later).values()).count("unchanged") == len(later.tables) - 1
    )
    assert later.current == "1.1.0"


@pytest.mark.parametrize("commits", [0, 3, 7])
def test_killed_in_the_middle_and_run_again(released: Path, tmp_path: Path, commits: int) -> None:
    """The process dies at once, without any clean-up, when it is about to make a commit."""
    lakehouse = tmp_path / "fabric"
    program = f"""
import os
from mergehouse.engine import duckdb
from mergehouse.release.load import ingest
write, done = duckdb.overwrite, []
def overwrite(*arguments):
    if len(done) == {commits}:
        os._exit(9)
    done.append(1)
    return write(*arguments)
duckdb.overwrite = overwrite
ingest({str(released)!r}, {str(lakehouse)!r})
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 9
    there = versions(lakehouse)
    assert len(there) == commits and "release_current" not in there
    manifest = Shelf(str(released)).latest()
    assert manifest is not None
    for name in there:
        found = manifest.table(f"gold.{name}")
        assert found is not None and tables(lakehouse).rows(name) == found.rows
    result = ingest(str(released), str(lakehouse))
    assert not result.failed and list(statuses(result).values()).count("unchanged") == commits
    parts = {
        file.parts[len((lakehouse / "Tables/gold").parts) + 1]
        for file in (lakehouse / "Tables/gold").rglob("part-*/**/*.parquet")
    }
    logs = "".join(log.read_text() for log in (lakehouse / "Tables/gold").rglob("_delta_log/*.json"))
    assert all(f"{part}/" in logs for part in parts)  # nothing of the dead process is left


def test_a_log_that_cannot_be_read_stops_that_table_only(carried: Path, fabric: Path, demo: Demo) -> None:
    release(demo[0], version="1.1.0", to=str(carried))
    for log in (fabric / "Tables/gold/dim_date/_delta_log").iterdir():
        log.write_text("{")
    result = ingest(str(carried), str(fabric))
    assert [t.table for t in result.tables if t.status == "failed"] == [
        "dim_date"
    ] and result.current == "1.0.0"


def test_one_ingestion_at_a_time(released: Path, fabric: Path) -> None:
    with exclusive(tables(fabric)), pytest.raises(MergehouseError, match="another run is at work"):
        ingest(str(released), str(fabric))


def test_report_and_log_say_what_was_done(released: Path, tmp_path: Path) -> None:
    result = ingest(str(released), str(tmp_path / "fabric"))
    report = json.loads(Path(result.report).read_text())
    assert report["ok"] and report["current"] == "1.0.0" and len(report["tables"]) == len(result.tables)
    log = tables(tmp_path / "fabric").table("release_ingests").polars()
    assert log.height == len(result.tables) and set(log["manifest_sha256"]) == {
        result.verification.manifest_sha256
    }
    logged = {
        row["table_name"]: [row["status"], row["row_count"], row["inserted"], row["delta_version"]]
        for row in log.to_dicts()
    }
    assert logged == {t.table: [t.status, t.rows, t.inserted, t.delta_version] for t in result.tables}
    assert [
        broken_promises(tables(tmp_path / "fabric"), name) for name in ("release_ingests", "release_current")
    ] == [[], []]


def test_command(carried: Path, tmp_path: Path) -> None:
    assert "Current  1.0.0" in call("ingest", carried, "--lakehouse", tmp_path / "fabric").stdout
    again = json.loads(call("ingest", carried, "--lakehouse", tmp_path / "fabric", "--json").stdout)
    assert again["ok"] and {t["status"] for t in again["tables"]} == {"unchanged"}
    file_of(carried, PERF).unlink()
    assert "not carried whole" in call("ingest", carried, "--lakehouse", tmp_path / "fabric", code=1).stdout
    assert (
        "there is no release" in call("ingest", tmp_path, "--lakehouse", tmp_path / "fabric", code=2).stderr
    )
    assert "carries no key" in call("ingest", carried, "--lakehouse", "az://x/y?sig=secret", code=2).stderr
