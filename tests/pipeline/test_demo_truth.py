"""The generated exports come with their truth, summed up while they were written: a run must find exactly
that.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from pathlib import Path

import pytest
from tests.conftest import Demo

from mergehouse.cli.scaffold import write_project
from mergehouse.demo import generate
from mergehouse.errors import ConfigError
from mergehouse.kpi.catalogue import compute
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import Project


def counts(project: Project, sql: str) -> dict:
    return dict(Lakehouse(project.lakehouse_location).query(sql).fetchall())


def test_run_publishes_everything(demo: Demo) -> None:
    _, _, result = demo
    assert not result.failed
    assert {t.status for t in result.tables} == {"built"}


@pytest.mark.parametrize("scope", ["eurostyle", "contoso", "group"])
def test_kpis_are_exact(demo: Demo, scope: str) -> None:
    project, truth, _ = demo
    wanted = truth["group"] if scope == "group" else truth["brands"][scope]["kpis"]
    found = compute(Lakehouse(project.lakehouse_location))[scope]
    assert {name: found[name] for name in wanted} == {name: Decimal(value) for name, value in wanted.items()}
    assert found["aov"] == (Decimal(wanted["gmv"]) / wanted["orders"]).quantize(
        Decimal("0.01"), "ROUND_HALF_UP"
    )


@pytest.mark.parametrize("brand", ["eurostyle", "contoso"])
def test_every_line_is_where_it_belongs(demo: Demo, brand: str) -> None:
    project, truth, result = demo
    of = truth["brands"][brand]
    where = f"WHERE source_system = '{brand}' GROUP BY 1"
    lines = counts(project, f"SELECT line_type, count(*) FROM silver.sales_clean {where}")
    assert lines == {kind: n for kind, n in of["order_lines"].items() if n}
    assert (
        counts(project, f"SELECT source_system, count(*) FROM silver.duplicates {where}").get(brand, 0)
        == of["duplicates"]
    )
    reasons = counts(project, f"SELECT reason_code, count(*) FROM silver.quarantine {where}")
    assert reasons == {reason: n for reason, n in of["quarantine"].items() if n}
    torn = counts(project, f"SELECT reason_code, count(*) FROM bronze.rejected {where}")
    assert torn == of["rejected"]
    delivered = sum(
        b.rows
        for b in result.ingest.new
        if (b.source_system, b.source_table) in {("eurostyle", "sales"), ("contoso", "salesitems")}
        and b.source_system == brand
    )
    assert delivered == sum(lines.values()) + of["duplicates"] + sum(reasons.values())


def test_shared_customers_are_one(demo: Demo) -> None:
    project, truth, _ = demo
    united = counts(
        project, "SELECT method, count(DISTINCT customer_id) FROM silver.customer_xref GROUP BY 1"
    )
    assert united["known_pair"] == truth["shared_customers"]["pairs"] > 5
    both = counts(project, "SELECT source_system, count(*) FROM gold.customer_360 GROUP BY 1")["both"]
    assert both == truth["shared_customers"]["pairs"]


def test_categories_follow_the_names(demo: Demo) -> None:
    """The generator says which noun means which category; ODDMENT and CURIO mean none."""
    project, _, _ = demo
    rows = Lakehouse(project.lakehouse_location).query(
        "SELECT DISTINCT regexp_extract(product_name, '(TEA TOWEL|LUNCH BOX|ODDMENT|CURIO|LANTERN)$') AS"
        " noun, category FROM gold.dim_product WHERE source_system = 'eurostyle' AND noun <> '' ORDER BY 1"
    )
    assert rows.fetchall() == [
        ("CURIO", "Unmapped"), ("LANTERN", "Candles & lighting"), ("LUNCH BOX", "Lunch & picnic"),
        ("ODDMENT", "Unmapped"), ("TEA TOWEL", "Kitchen textiles"),
    ]  # fmt: skip


def test_waterfall_adds_up_to_gmv(demo: Demo) -> None:
    project, truth, _ = demo
    for brand, of in truth["brands"].items():
        steps = counts(
            project,
            "SELECT step, value FROM gold.kpi_raw_vs_silver WHERE kpi = 'gmv_eur' AND source_system ="
            f" '{brand}'",
        )
        clean = steps.pop("clean")
        assert sum(steps.values()) == clean == Decimal(of["kpis"]["gmv"])


def test_overlap_of_the_yearly_files_is_found_across_deliveries(demo: Demo) -> None:
    project, _, _ = demo
    kinds = counts(
        project, "SELECT kind, count(*) FROM silver.duplicates WHERE source_system = 'eurostyle' GROUP BY 1"
    )
    assert kinds["across_deliveries"] > 0 and kinds["within_delivery"] > 0


@pytest.mark.parametrize(
    ("table", "filters"),
    [
        ("silver.sales_clean", [("order_date", ">=", dt.date(2011, 1, 1)), ("line_type", "=", "return")]),
        ("silver.sales_clean", [("amount_eur", ">", Decimal("500.00"))]),
        ("silver.sales_clean", [("order_ts", "<", dt.datetime(2010, 6, 1, tzinfo=dt.UTC))]),
        ("gold.sales_daily", [("source_system", "=", "contoso"), ("country_code", "=", "FR")]),
        ("gold.customer_360", [("m_score", "=", 5), ("is_churned", "=", False)]),
        ("gold.customer_brand_360", [("is_churned", "=", True)]),
        (
            "silver.sales_clean",
            [("line_type", "=", "sale"), ("is_cancellation", "=", False), ("currency", "=", "EUR")],
        ),
        ("silver.quarantine", [("reason_code", "=", "unreadable_price")]),
    ],
)
def test_other_readers_see_the_same_rows_through_file_statistics(
    demo: Demo, table: str, filters: list[tuple]
) -> None:
    """delta-rs and PyArrow skip files and row groups by the statistics in the log: wrong ones would lose
    rows.
    """
    lakehouse = Lakehouse(demo[0].lakehouse_location)
    where = " AND ".join(f"{column} {test} '{value}'" for column, test, value in filters)
    expected = lakehouse.query(f"SELECT count(*) FROM {table} WHERE {where}").fetchall()[0][0]
    assert lakehouse.delta(table).to_pyarrow_table(filters=filters).num_rows == expected > 0


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    def digest(name: str, seed: int) -> tuple[str, dict]:
        write_project(tmp_path / name)
        truth = generate(tmp_path / name, 3_000, seed)
        files = sorted((tmp_path / name / "raw").rglob("*.csv"))
        return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest(), truth

    assert digest("a", 1) == digest("b", 1)
    assert digest("c", 2)[0] != digest("a2", 1)[0]
    assert json.loads((tmp_path / "a" / "truth.json").read_text())["lines"] == 3_000


def test_demo_never_touches_other_exports(tmp_path: Path) -> None:
    write_project(tmp_path / "p")
    own = tmp_path / "p" / "raw" / "eurostyle" / "online_retail_II.csv"
    own.write_text("mine")
    with pytest.raises(ConfigError, match="exports are there already"):
        generate(tmp_path / "p", 1_000, 1)
    assert own.read_text() == "mine"
