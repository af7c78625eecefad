"""Releases: what is in them, which version they get, and that readers see a whole one or none."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from tests.command import call
from tests.conftest import Demo, Shop
from tests.pipeline.faults import file_of, flip

import mergehouse.release.export.export
from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.errors import CheckFailed, LakehouseError, MergehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import Stamp
from mergehouse.lakehouse.published import publish
from mergehouse.project.settings import Limits
from mergehouse.release.export.evidence import bands, scoring_models
from mergehouse.release.export.export import release, released_contracts
from mergehouse.release.manifest.changes import changes, propose, widens
from mergehouse.release.manifest.manifest import (
    SCHEMA,
    Manifest,
    ManifestError,
    ReleasedTable,
    manifest_schema,
    parse_manifest,
)
from mergehouse.release.manifest.seal import CURRENT, MANIFEST, RELEASES, SUCCESS
from mergehouse.release.manifest.version import Version
from mergehouse.release.store import Shelf, copy_release
from mergehouse.release.verify import verify

pytestmark = pytest.mark.slow("releases are made, and made again")

ROOT = Path(__file__).parents[2]
NOW = dt.datetime(2026, 11, 25, 8, 30, 15, tzinfo=dt.UTC)
LINE = "A{n},1,2026-03-{n:02} 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"


def manifest_of(root: Path) -> Manifest:
    found = Shelf(str(root)).latest()
    assert found is not None
    return found


def test_files_are_where_the_layout_says_and_typed_by_the_contract(demo: Demo, tmp_path: Path) -> None:
    made = release(demo[0], to=str(tmp_path), now=NOW)
    file = tmp_path / "gold/sales_daily/2026-11-25/v1.0.0/part-00000.parquet"
    contract = next(
        c for c in released_contracts(Lakehouse(demo[0].lakehouse_location)) if c.table == "gold.sales_daily"
    )
    described = duckdb.sql(f"DESCRIBE FROM '{file}'").fetchall()
    assert [name for name, *_ in described] == list(contract.columns)
    assert {kind for name, kind, *_ in described if name.endswith("_eur")} == {"DECIMAL(18,2)"}
    assert duckdb.sql(f"SELECT DISTINCT compression FROM parquet_metadata('{file}')").fetchall() == [
        ("ZSTD",)
    ]
    there = {
        f.relative_to(tmp_path).as_posix() for f in tmp_path.rglob("*") if f.is_file() and f.name != ".lock"
    }
    listed = {f.path for t in made.manifest.tables for f in t.files}
    assert there == listed | {
        f"{RELEASES}/{CURRENT}",
        f"{RELEASES}/v1.0.0/{MANIFEST}",
        f"{RELEASES}/v1.0.0/{SUCCESS}",
    }


def test_every_gold_table_is_released_but_those_whose_contract_says_no(demo: Demo, released: Path) -> None:
    names = {t.name for t in manifest_of(released).tables}
    assert {
        "gold.sales_daily",
        "gold.category_perf",
        "gold.customer_360",
        "gold.customer_brand_360",
        "gold.kpi_raw_vs_silver",
    } <= names
    assert {"gold.dim_date", "gold.dim_product", "gold.dim_customer", "gold.dim_brand"} <= names
    published = {name for name in Lakehouse(demo[0].lakehouse_location).tables() if name.startswith("gold.")}
    assert published - names == {"gold.customer_features", "gold.customer_outcomes", "gold.feature_cutoffs"}


def test_manifest_against_figures_worked_out_elsewhere(demo: Demo, released: Path) -> None:
    project, truth, result = demo
    manifest = manifest_of(released)
    kpis = {k.name: k.values for k in manifest.kpis}
    for brand, figures in truth["brands"].items():
        assert Decimal(kpis["gmv"][brand] or 0) == Decimal(figures["kpis"]["gmv"])
        assert int(kpis["orders"][brand] or 0) == figures["kpis"]["orders"]
    assert (manifest.quality.run_id, manifest.quality.verdict) == (result.run_id, "passed")
    sales = manifest.table("gold.sales_daily")
    lakehouse = Lakehouse(project.lakehouse_location)
    rows = lakehouse.table("gold.sales_daily").polars()
    assert (
        sales is not None
        and sales.rows == rows.height
        and sales.delta_version == lakehouse.delta("gold.sales_daily").version()
    )
    found = {c.name: c for c in sales.columns}
    assert (found["order_date"].min, found["order_date"].max) == (
        str(rows["order_date"].min()),
        str(rows["order_date"].max()),
    )
    assert (
        found["gmv_eur"].max == str(rows["gmv_eur"].max())
        and found["aov_eur"].nulls == rows["aov_eur"].null_count()
    )
    counts = dict(rows.group_by("source_system").len().iter_rows())
    assert {p.values["source_system"]: p.rows for p in sales.partitions} == counts


def test_nobodys_value_is_in_the_manifest(released: Path) -> None:
    columns = [c for t in manifest_of(released).tables if t.rows for c in t.columns]
    tagged = [c for c in columns if c.pii != "none"]
    assert {c.pii for c in tagged} == {"pseudonym", "personal"} and all(
        c.min is None and c.max is None for c in tagged
    )
    assert all(c.min is not None for c in columns if c.pii == "none" and not c.nullable)


def test_the_same_version_of_the_tables_gives_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    one, other = (release(demo[0], to=str(tmp_path / name)).manifest for name in ("one", "other"))
    assert [f.sha256 for t in one.tables for f in t.files] == [
        f.sha256 for t in other.tables for f in t.files
    ]


def test_large_tables_become_several_files(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mergehouse.release.export.export, "SORTED_ROWS", 100)
    monkeypatch.setattr(mergehouse.release.export.export, "SOURCE_BYTES", 1)
    table = release(demo[0], to=str(tmp_path)).manifest.table("gold.sales_daily")
    assert table is not None and [f.path[-12:] for f in table.files] == [
        "0000.parquet"[-12:],
        "0001.parquet"[-12:],
    ]
    assert verify(str(tmp_path)).passed


def test_nothing_new_is_no_release_unless_a_version_is_said(demo: Demo, tmp_path: Path) -> None:
    first = release(demo[0], to=str(tmp_path))
    again = release(demo[0], to=str(tmp_path))
    assert first.is_new and not again.is_new and again.manifest_sha256 == first.manifest_sha256
    said = release(demo[0], version="1.0.7", to=str(tmp_path)).manifest
    assert (said.version, said.previous, said.changes) == ("1.0.7", "1.0.0", [])
    for version in ("1.0.7", "1.0.6"):
        with pytest.raises(MergehouseError, match="the last release is 1.0.7"):
            release(demo[0], version=version, to=str(tmp_path))
    with pytest.raises(MergehouseError, match="expected three numbers such as 1.4.0"):
        release(demo[0], version="1.1", to=str(tmp_path))


def test_other_rows_are_a_patch(sold: Shop) -> None:
    assert release(sold.project).manifest.version == "1.0.0"
    sold.deliver_lines(LINE.format(n=9), name="lines2.csv")
    sold.run()
    made = release(sold.project)
    assert made.is_new and made.manifest.version == "1.0.1" and made.manifest.changes == []
    assert verify(made.root).passed and [r.version for r in Shelf(made.root).list()] == ["1.0.0", "1.0.1"]


def without(contracts: list[Contract], table: str, *columns: str) -> list[Contract]:
    return [
        (
            c.model_copy(update={"columns": {n: k for n, k in c.columns.items() if n not in columns}})
            if c.table == table
            else c
        )
        for c in contracts
    ]


def test_a_breaking_change_needs_a_major_version_and_names_the_columns(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = released_contracts(Lakehouse(demo[0].lakehouse_location))
    fewer = without(contracts, "gold.dim_product", "color", "size")
    monkeypatch.setattr(mergehouse.release.export.export, "released_contracts", lambda _: fewer)
    assert release(demo[0], to=str(tmp_path)).manifest.version == "1.0.0"
    monkeypatch.setattr(mergehouse.release.export.export, "released_contracts", lambda _: contracts)
    with pytest.raises(
        MergehouseError, match=r"gold.dim_product.color is new; gold.dim_product.size is new.*--version 1.1.0"
    ):
        release(demo[0], version="1.0.1", to=str(tmp_path))
    made = release(demo[0], to=str(tmp_path)).manifest
    assert made.version == "1.1.0" and [(c.level, c.what) for c in made.changes] == [
        ("minor", "gold.dim_product.color"),
        ("minor", "gold.dim_product.size"),
    ]
    monkeypatch.setattr(mergehouse.release.export.export, "released_contracts", lambda _: fewer)
    for version in (None, "1.2.0", "1.9.9"):
        with pytest.raises(
            MergehouseError, match=r"would break readers.*gold.dim_product.color is gone.*--version 2.0.0"
        ):
            release(demo[0], version=version, to=str(tmp_path))
    assert str(Shelf(str(tmp_path)).current()) == "1.1.0" and not (tmp_path / "gold/_staging").exists()
    assert release(demo[0], version="2.0.0", to=str(tmp_path)).manifest.changes[0].level == "major"


def test_levels_of_changes(released: Path) -> None:
    before = manifest_of(released)
    tables, kpis = before.tables, before.kpis

    def level(
        edit_column: dict | None = None, edit_table: dict | None = None, column: str = "units"
    ) -> tuple[str, str]:
        changed = [
            (
                t.model_copy(
                    update={
                        "columns": [
                            c.model_copy(update=edit_column or {}) if c.name == column else c
                            for c in t.columns
                        ],
                        **(edit_table or {}),
                    }
                )
                if t.name == "gold.sales_daily"
                else t
            )
            for t in tables
        ]
        found = changes(before, changed, kpis)
        assert len(found) == 1
        return found[0].level, found[0].how

    assert level({"type": "decimal(20,3)"}) == ("minor", "is decimal(20,3) instead of decimal(18,3)")
    assert level({"type": "decimal(18,2)"})[0] == "major" and level({"type": "string"})[0] == "major"
    assert (
        level({"nullable": True})[0] == "minor" and level({"nullable": False}, column="aov_eur")[0] == "major"
    )
    assert level({"unit": "USD"}, column="gmv_eur") == ("major", "is in USD instead of EUR")
    assert level({"pii": "personal"}) == ("minor", "is tagged personal instead of none")
    assert level(edit_table={"key": ["order_date", "source_system"]})[0] == "major"
    assert (
        level(edit_table={"mode": "merge"})[0] == "minor"
        and level(edit_table={"partition_by": []})[0] == "minor"
    )
    gmv = [k.model_copy(update={"sum": "net_revenue_eur"}) if k.name == "gmv" else k for k in kpis]
    assert [(c.level, c.what) for c in changes(before, tables, gmv)] == [("major", "KPI gmv")]
    assert propose(before, tables[1:], kpis)[0] == Version(2, 0, 0) and propose(before, tables, kpis[1:])[
        0
    ] == Version(2, 0, 0)
    assert propose(before, tables, kpis)[0] == Version(1, 0, 1) and propose(None, tables, kpis)[0] == Version(
        1, 0, 0
    )


@pytest.mark.parametrize(
    ("then", "now", "wider"),
    [
        ("int", "bigint", True),
        ("bigint", "int", False),
        ("int", "decimal(10,0)", True),
        ("int", "decimal(11,2)", False),
        ("decimal(18,2)", "decimal(18,4)", False),
        ("decimal(18,2)", "decimal(20,4)", True),
        ("date", "timestamp", False),
        ("string", "date", False),
    ],
)
def test_widening_keeps_every_value(then: str, now: str, wider: bool) -> None:
    assert widens(then, now) is wider


def test_published_schema_is_the_models(released: Path) -> None:
    assert SCHEMA.read_text() == manifest_schema() == (ROOT / "docs/release_manifest.schema.json").read_text()
    schema = json.loads(SCHEMA.read_text())
    manifest = json.loads((released / RELEASES / "v1.0.0" / MANIFEST).read_text())
    assert set(schema["required"]) == set(manifest) and schema["additionalProperties"] is False
    for name, part in (
        ("ReleasedTable", manifest["tables"][0]),
        ("ReleasedColumn", manifest["tables"][0]["columns"][0]),
    ):
        assert set(schema["$defs"][name]["required"]) == set(part)


def test_a_killed_release_is_not_seen_and_the_next_takes_its_place(
    sold: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(release(sold.project).root)
    sold.deliver_lines(LINE.format(n=9), name="lines2.csv")
    sold.run()
    program = f"""
import os
from pathlib import Path
from mergehouse.project.config import load_project
from mergehouse.release.export.export import release
rename, done = Path.rename, []
def stop(self, target):
    done.append(1)
    if len(done) == 4:
        os._exit(9)
    return rename(self, target)
Path.rename = stop
release(load_project({str(sold.folder)!r}))
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 9
    assert len(list(root.glob("gold/*/*/v1.0.1"))) == 3 and (root / "gold/_staging").exists()
    assert (
        verify(str(root)).version == "1.0.0"
        and verify(str(root)).passed
        and [r.version for r in Shelf(str(root)).list()] == ["1.0.0"]
    )
    made = release(sold.project)
    assert (
        made.manifest.version == "1.0.1"
        and verify(str(root)).passed
        and not (root / "gold/_staging").exists()
    )


def test_rollback_and_copy(demo: Demo, tmp_path: Path) -> None:
    shelf, other = Shelf(str(tmp_path / "one")), Shelf(str(tmp_path / "other"))
    for version in ("1.0.0", "1.1.0"):
        release(demo[0], version=version, to=shelf.root)
    shelf.point_at(Version(1, 0, 0))
    assert [r.current for r in shelf.list()] == [True, False] and verify(shelf.root).version == "1.0.0"
    with pytest.raises(MergehouseError, match="there is no release 3.0.0; there are: 1.0.0, 1.1.0"):
        shelf.point_at(Version(3, 0, 0))
    assert (
        copy_release(shelf, Version(1, 1, 0), other)
        == shelf.list()[1].manifest_sha256
        == copy_release(shelf, Version(1, 1, 0), other)
    )
    assert verify(other.root).passed and [r.version for r in other.list()] == ["1.1.0"]
    files = {f.relative_to(other.root): f.read_bytes() for f in Path(other.root).rglob("*.parquet")}
    assert files and all((Path(shelf.root) / name).read_bytes() == content for name, content in files.items())


def test_a_broken_release_is_not_copied(demo: Demo, tmp_path: Path) -> None:
    release(demo[0], to=str(tmp_path / "one"))
    flip(file_of(tmp_path / "one", "gold.sales_daily"))
    with pytest.raises(CheckFailed, match="release 1.0.0 is not copied. gold/sales_daily/"):
        copy_release(Shelf(str(tmp_path / "one")), Version(1, 0, 0), Shelf(str(tmp_path / "other")))
    assert (
        not list((tmp_path / "other").rglob("*.parquet")) and Shelf(str(tmp_path / "other")).versions() == []
    )


def test_what_breaks_the_contract_is_not_released(sold: Shop) -> None:
    contract = next(c for c in released_contracts(sold.lakehouse) if c.table == "gold.dim_brand")
    engine = DuckDBEngine(Limits(), sold.lakehouse, sold.folder / "spill")
    twice = "SELECT * FROM gold.dim_brand UNION ALL SELECT * FROM gold.dim_brand"
    engine.attach("gold.dim_brand")
    engine.publish(engine.stage(contract, twice), Stamp("by hand"))
    publish(sold.lakehouse)
    with pytest.raises(CheckFailed, match="`gold.dim_brand`: 1 rows repeat a key"):
        release(sold.project)
    engine.publish(engine.stage(contract,
        "SELECT 'shop' AS source_system, NULL AS label, 'EUR' AS currency, 'UTC' AS timezone, "
        "NULL AS first_order_date, NULL AS last_order_date, NULL AS as_of_date"),
            Stamp("by hand"))  # fmt: skip
    publish(sold.lakehouse)
    with pytest.raises(CheckFailed, match=r"gold.dim_brand.label: 1 empty values, and it must have none"):
        release(sold.project)
    assert not list(Path(sold.lakehouse.location, "release").rglob("*.parquet"))


def test_a_lakehouse_of_an_earlier_version_is_named(sold: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = released_contracts(sold.lakehouse)
    more = [
        c.model_copy(
            update={"columns": {**c.columns, "vat_eur": ColumnContract(type="decimal(18,2)", meaning="VAT")}}
        )
        for c in contracts
    ]
    monkeypatch.setattr(mergehouse.release.export.export, "released_contracts", lambda _: more)
    with pytest.raises(
        LakehouseError, match="column `vat_eur` of its contract is not there yet; `mergehouse run` builds it"
    ):
        release(sold.project)


def test_nothing_published_yet(shop: Shop) -> None:
    with pytest.raises(LakehouseError, match="no Gold table is published yet"):
        release(shop.project)


def test_models_and_bands_of_scores() -> None:
    connection = duckdb.connect()
    connection.execute("""
        CREATE SCHEMA gold; CREATE TABLE gold.scores AS SELECT * FROM (VALUES
          ('a', 'x', DATE '2026-11-01', 'model', 'logistic', 3, '2', 'low', 0.10::DECIMAL(18,8), 'top',
          90.00::DECIMAL(18,2)),
          ('b', 'x', DATE '2026-11-01', 'model', 'logistic', 3, '2', 'low', 0.39::DECIMAL(18,8), 'low',
          10.00::DECIMAL(18,2)),
          ('c', 'x', DATE '2026-11-01', 'model', 'logistic', 3, '2', 'high', 0.70::DECIMAL(18,8), 'low',
          12.00::DECIMAL(18,2)),
          ('d', 'y', DATE '2026-11-01', 'too_new', NULL, NULL, NULL, NULL, NULL, NULL, NULL)
        ) AS t(customer_id, source_system, as_of_date, method, model_name, model_version, feature_version,
        risk_band,
          churn_probability_90d, clv_tier, clv_12m_eur)
    """)
    kinds = {
        "as_of_date": "date",
        "model_version": "int",
        "churn_probability_90d": "decimal(18,8)",
        "clv_12m_eur": "decimal(18,2)",
    }
    columns = [name for name, *_ in connection.execute("DESCRIBE gold.scores").fetchall()]
    table = ReleasedTable.model_validate({
        "name": "gold.scores", "grain": "", "meaning": "", "delta_id": "", "delta_version": 0,
        "mode": "merge", "key": ["customer_id"],
        "key_unique": True, "partition_by": [], "rows": 4, "partitions": [],
        "files": [{"path": "", "bytes": 0, "rows": 4, "sha256": "0" * 64}],
        "columns": [{"name": name, "type": kinds.get(name, "string"), "nullable": True, "pii": "none",
            "unit": None, "meaning": "",
                     "nulls": 0, "min": None, "max": None} for name in columns],
    })  # fmt: skip
    assert [
        (m.source_system, m.method, m.model_name, m.model_version, m.rows)
        for m in scoring_models(connection, [table])
    ] == [
        ("x", "model", "logistic", "3", 3),
        ("y", "too_new", None, None, 1),
    ]
    assert [(b.band, b.of, b.low, b.high, b.rows) for b in bands(connection, [table])] == [
        ("low", "churn_probability_90d", "0.10000000", "0.39000000", 2),
        ("high", "churn_probability_90d", "0.70000000", "0.70000000", 1),
        ("low", "clv_12m_eur", "10.00", "12.00", 2),
        ("top", "clv_12m_eur", "90.00", "90.00", 1),
    ]


def test_a_manifest_changed_after_the_release_stops_the_next_one(sold: Shop) -> None:
    root = Path(release(sold.project).root)
    file = root / RELEASES / "v1.0.0" / MANIFEST
    file.write_bytes(file.read_bytes().replace(b"merged-retail", b"merged-detail"))
    with pytest.raises(MergehouseError, match="was changed after the release"):
        release(sold.project)
    with pytest.raises(ManifestError, match="key `dataset`"):
        parse_manifest(file.read_bytes().replace(b'"merged-detail"', b"7"), "here")


def test_commands(sold: Shop, tmp_path: Path) -> None:
    assert "No release yet" in call("releases", "-C", sold.folder).stdout
    text = call("release", "-C", sold.folder).stdout
    root = f"{sold.project.lakehouse_location}/release"
    assert "Release  1.0.0" in text and f"Where    {root}" in text and "gold.sales_daily" in text
    assert "Nothing has changed since release 1.0.0" in call("release", "-C", sold.folder).stdout
    made = json.loads(call("release", "-C", sold.folder, "--version", "1.2.0", "--json").stdout)
    assert made["is_new"] and made["manifest"]["previous"] == "1.0.0"
    assert [r["current"] for r in json.loads(call("releases", "-C", sold.folder, "--json").stdout)] == [
        False,
        True,
    ]
    assert "current is 1.0.0, it was 1.2.0" in call("releases", "rollback", "1.0.0", "--at", root).stdout
    assert "there is no release 9.0.0" in call("releases", "rollback", "9.0.0", "--at", root, code=2).stderr
    assert (
        made["manifest_sha256"]
        in call("releases", "copy", "1.2.0", "--at", root, "--to", "carried", folder=tmp_path).stdout
    )
    call("verify", "carried", folder=tmp_path)
    assert (
        "carries no key" in call("release", "-C", sold.folder, "--to", "az://x/y?sig=secret", code=2).stderr
    )
