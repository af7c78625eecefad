"""Metric views and the Executive dashboard show the figures of the KPI catalogue."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import duckdb
import pytest
import sqlglot
from tests.platform.databricks_figures import catalogue_over, measured
from tests.platform.databricks_rights import Rights, on_duckdb
from tests.platform.databricks_suite import rights  # noqa: F401 - a fixture
from tests.platform.vendors import asked

from mergehouse.kpi.catalogue import catalogue, compute
from mergehouse.platform.databricks.lakeview import CARDS, dashboard
from mergehouse.platform.databricks.metric_views import definition, metric_views


@pytest.mark.parametrize("table", metric_views(catalogue()).values())
def test_metric_views_measure_as_the_catalogue_does(rights: Rights, table: str) -> None:
    assert measured(on_duckdb(rights.tables), table) == catalogue_over(rights.shop, table)


def test_measures_follow_what_they_are_cut_by(rights: Rights) -> None:
    """By region, against sums over the rows of the table itself."""
    run, sales = on_duckdb(rights.tables), rights.tables["gold.sales_daily"].to_pylist()
    view = definition("c", "gold.sales_daily", catalogue())
    gmv = next(measure["expr"] for measure in view["measures"] if measure["name"] == "gmv")
    assert "region" in [found["name"] for found in view["dimensions"]]
    by_region: dict[str, Decimal] = {}
    for row in sales:
        by_region[row["region"]] = by_region.get(row["region"], Decimal(0)) + row["gmv_eur"]
    assert dict(run(f"SELECT region, {gmv} FROM gold_sales_daily GROUP BY region")) == by_region
    assert len(by_region) > 1


def datasets(rights: Rights) -> dict[str, list[dict[str, Any]]]:
    """What each query of the dashboard gives over the shop's Gold, by the columns' names."""
    page = json.loads(dashboard("Retail", catalogue()))
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA gold")
    for name, rows in rights.tables.items():
        connection.register("rows", rows)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
    return {
        dataset["name"]: connection.sql(
            sqlglot.transpile(dataset["query"], read="databricks", write="duckdb")[0]
        )
        .to_arrow_table()
        .to_pylist()
        for dataset in page["datasets"]
    }


def test_the_dashboard_shows_the_catalogues_figures(rights: Rights) -> None:
    found, kpis = datasets(rights), compute(rights.shop.lakehouse)

    def exact(row: dict[str, Any]) -> dict[str, Decimal]:
        return {name: Decimal(str(row[name])).quantize(Decimal("0.000001")) for name in CARDS}

    assert [exact(row) for row in found["total"]] == [exact(kpis["group"])]
    assert {row["source_system"]: exact(row) for row in found["brands"]} == {
        brand: exact(kpis[brand]) for brand in rights.brands
    }
    for name in ("months", "regions", "departments"):  # each is all of the net revenue, cut
        assert sum(row["net_revenue"] for row in found[name]) == kpis["group"]["net_revenue"], name
    assert sum(row["margin"] for row in found["trust"]) == kpis["group"]["margin"]
    assert {row["source_system"]: row["label"] for row in found["trust"]} == {
        brand: rights.policy.labels[brand] for brand in rights.brands
    }


def test_years_are_by_each_brands_own_clock(rights: Rights) -> None:
    """Counted by hand: 364 days up to the day before the as-of date, and the 364 before those."""
    ends = {row["source_system"]: row["as_of_date"] for row in rights.tables["gold.dim_brand"].to_pylist()}
    years: dict[str, list[Decimal]] = {brand: [Decimal(0), Decimal(0)] for brand in ends}
    for row in rights.tables["gold.sales_daily"].to_pylist():
        ago = (ends[row["source_system"]] - row["order_date"]).days
        if 1 <= ago <= 728:
            years[row["source_system"]][(ago - 1) // 364] += row["net_revenue_eur"]
    found = {row["source_system"]: row for row in datasets(rights)["year"]}
    assert {b: [row["last_52_weeks"], row["earlier_52_weeks"]] for b, row in found.items()} == years
    for brand, (last, before) in years.items():
        assert last and before and found[brand]["change"] == pytest.approx(float(last / before - 1), abs=1e-6)


@pytest.mark.long("asks the vendors' own parsers")
def test_databricks_own_reader_gives_the_dashboard_back() -> None:
    """It ignores keys that it does not know, so what it writes must be what it has read."""
    text = dashboard('Größe 😀 "Läden"', catalogue())
    assert asked("lakeview", "lakeview.py", json.loads(text)) == json.loads(text)
