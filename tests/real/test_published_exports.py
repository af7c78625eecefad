"""Both published exports, whole: published totals, and KPIs worked out by separate queries on the raw files
and the ECB's own CSV.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pandas
import pytest
from tests.real.conftest import DATA, FASHION, RETAIL

from mergehouse.kpi.catalogue import compute
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.results import RunResult
from mergehouse.profile.profiling import profile
from mergehouse.project.config import load_project

Real = tuple[Lakehouse, RunResult]
RAW = (
    f"read_csv('{RETAIL}', all_varchar = true, header = true, "
    "names = ['invoice', 'code', 'name', 'quantity', 'date', 'price', 'customer', 'country'])"
)
NOT_GOODS = (
    "upper(trim(code)) IN ('POST', 'DOT', 'C2', 'C3', 'M', 'D', 'S', 'B', 'BANK CHARGES', 'AMAZONFEE',"
    " 'CRUK', '23444', '23574', '22016') OR upper(trim(code)) LIKE 'ADJUST%' OR upper(trim(code)) LIKE"
    " 'GIFT%' OR upper(trim(code)) LIKE 'TEST%'"
)

pytestmark = pytest.mark.long("a million lines")


@pytest.fixture(scope="module")
def raw() -> duckdb.DuckDBPyConnection:
    """`lines`: the wide export, each different line once, in euros at the ECB's rates, by none of the
    project's code.
    """
    connection = duckdb.connect()
    published = pandas.read_csv(
        DATA / "ecb" / "eurofxref-hist.csv", usecols=["Date", "GBP"], dtype=str
    ).dropna()
    published["rate"] = [
        str((1 / Decimal(units)).quantize(Decimal("1e-8"), ROUND_HALF_UP)) for units in published.GBP
    ]
    connection.register("published", published)
    connection.execute(f"""
        CREATE TABLE rates AS SELECT "Date"::DATE AS day, rate::DECIMAL(18, 8) AS rate FROM published;
        CREATE TABLE delivered AS FROM {RAW};
        CREATE TABLE lines AS
        SELECT l.*, rate, round(amount::DECIMAL(38, 4) * rate::DECIMAL(18, 8), 2)::DECIMAL(18, 2) AS
        amount_eur,
          CASE WHEN {NOT_GOODS} THEN 'non_merchandise' WHEN amount = 0 OR price < 0 THEN 'adjustment'
               WHEN quantity < 0 THEN 'return' ELSE 'sale' END AS kind
        FROM (
          SELECT DISTINCT upper(trim(invoice)) AS invoice, upper(trim(code)) AS code, upper(trim(name)) AS
          name,
            quantity::INT AS quantity, date::TIMESTAMP AS time, price::DECIMAL(18, 4) AS price, customer,
            country,
            quantity::INT * price::DECIMAL(18, 4) AS amount
          FROM delivered
        ) AS l ASOF JOIN rates ON l.time::DATE >= rates.day
        """)
    return connection


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> object:
    return connection.sql(sql).fetchall()[0][0]


def test_everything_is_published(real: Real) -> None:
    _, result = real
    assert not result.failed
    assert {t.status for t in result.tables} == {"built"} and len(result.tables) == 37


def test_bronze_holds_the_published_totals(real: Real) -> None:
    lakehouse, _ = real
    assert lakehouse.query(
        "SELECT count(*), count(*) FILTER (customer_id IS NULL), count(DISTINCT customer_id), count(DISTINCT"
        " invoice), sum(quantity::INT * price::DECIMAL(18, 4))::DECIMAL(18, 3) FROM bronze.eurostyle_sales"
    ).fetchall()[0] == (1_067_371, 243_007, 5_942, 53_628, Decimal("19287250.568"))
    assert lakehouse.query(
        "SELECT count(*), sum(total_amount::DECIMAL(18, 2)) FROM bronze.contoso_sales"
    ).fetchall()[0] == (
        905,
        Decimal("324236.66"),
    )
    assert lakehouse.query("SELECT count(*) FROM bronze.contoso_salesitems").fetchall()[0] == (2_253,)


def test_repeats_are_the_published_number(real: Real) -> None:
    lakehouse, _ = real
    assert lakehouse.query("SELECT source_system, count(*) FROM silver.duplicates GROUP BY 1").fetchall() == [
        ("eurostyle", 34_335)
    ]
    assert lakehouse.query("SELECT count(*) FROM silver.quarantine").fetchall()[0] == (0,)
    assert lakehouse.query(
        "SELECT count(*) FROM silver.sales_clean WHERE source_system = 'eurostyle'"
    ).fetchall()[0] == (1_067_371 - 34_335,)


def test_order_product_customer_is_no_key(raw: duckdb.DuckDBPyConnection) -> None:
    """It would lose 11,615 genuine lines; everything but the name would still lose two."""
    kept = one(raw, "SELECT count(*) FROM lines")
    assert kept == 1_033_036
    assert (
        kept - one(raw, "SELECT count(*) FROM (SELECT DISTINCT invoice, code, customer FROM lines)") == 11_615
    )
    assert (
        kept
        - one(
            raw,
            "SELECT count(*) FROM (SELECT DISTINCT invoice, code, customer, quantity, price, time, country"
            " FROM lines)",
        )
        == 2
    )


def test_kpis_of_the_wide_export_to_the_cent(real: Real, raw: duckdb.DuckDBPyConnection) -> None:
    found = compute(real[0])["eurostyle"]
    sales = "FROM lines WHERE kind = 'sale'"
    assert found["gmv"] == one(raw, f"SELECT sum(amount_eur) {sales}") == Decimal("22729534.98")
    assert (
        found["returns"]
        == one(raw, "SELECT -sum(amount_eur) FROM lines WHERE kind = 'return'")
        == Decimal("835398.71")
    )
    assert found["net_revenue"] == found["gmv"] - found["returns"]
    assert found["orders"] == one(raw, f"SELECT count(DISTINCT invoice) {sales}") == 39_516
    assert found["units"] == one(raw, f"SELECT sum(quantity) {sales}") == 11_187_967
    assert found["customers"] == one(raw, f"SELECT count(DISTINCT customer) {sales}") == 5_852
    assert found["guest_gmv"] == one(raw, f"SELECT sum(amount_eur) {sales} AND customer IS NULL")
    assert found["repeat_customers"] == one(
        raw,
        f"SELECT count(*) FROM (SELECT customer {sales} AND customer IS NOT NULL GROUP BY 1 HAVING"
        " count(DISTINCT invoice) > 1)",
    )
    active = (
        f"SELECT count(DISTINCT customer) {sales} AND time::DATE >= (SELECT max(time)::DATE + 1 - 90 {sales})"
    )
    assert found["active_customers"] == one(raw, active)


def test_kpis_of_the_multitable_export_to_the_cent(real: Real) -> None:
    found = compute(real[0])["contoso"]
    items, sales, products = (
        pandas.read_csv(FASHION / f"dataset_fashion_store_{t}.csv")
        for t in ("salesitems", "sales", "products")
    )
    cents = (items.item_total * 100).round().astype(int)
    cost = (items.merge(products, on="product_id").eval("quantity * cost_price") * 100).round().astype(int)
    assert found["gmv"] == Decimal(int(cents.sum())) / 100 == Decimal("324236.66")
    assert found["margin"] == Decimal(int(cents.sum() - cost.sum())) / 100
    assert found["orders"] == sales.sale_id.nunique() == 905
    assert found["customers"] == sales.customer_id.nunique() == 580
    assert found["units"] == int(items.quantity.sum())
    assert found["returns"] == 0


def test_waterfall_explains_every_cent(real: Real, raw: duckdb.DuckDBPyConnection) -> None:
    steps = dict(
        real[0]
        .query(
            "SELECT step, value FROM gold.kpi_raw_vs_silver WHERE source_system = 'eurostyle' AND kpi ="
            " 'gmv_eur'"
        )
        .fetchall()
    )
    assert steps["raw"] == Decimal("19287250.568")
    assert steps["duplicates"] == one(
        raw,
        "SELECT (SELECT sum(amount) FROM lines) - (SELECT sum(quantity::INT * price::DECIMAL(18, 4)) FROM"
        " delivered)",
    )
    for step, kind in {
        "returns": "return",
        "non_merchandise": "non_merchandise",
        "adjustments": "adjustment",
    }.items():
        assert steps[step] == -one(raw, f"SELECT sum(amount) FROM lines WHERE kind = '{kind}'"), step  # type: ignore[operator]
    assert steps["fx"] == one(raw, "SELECT sum(amount_eur) - sum(amount) FROM lines WHERE kind = 'sale'")
    assert sum(v for s, v in steps.items() if s != "clean") == steps["clean"] == Decimal("22729534.98")


def test_dates_of_87_headers_are_found_wrong(real: Real) -> None:
    lakehouse, result = real
    finding = next(c for c in result.checks if c.table == "contoso.sale_date")
    items, sales = (
        pandas.read_csv(FASHION / f"dataset_fashion_store_{t}.csv") for t in ("salesitems", "sales")
    )
    both = items.merge(sales, on="sale_id")
    differing = both[both.sale_date_x != both.sale_date_y]
    assert finding.failures == differing.sale_id.nunique() == 87
    swapped = pandas.to_datetime(differing.sale_date_y, format="%Y-%d-%m")
    assert (swapped == pandas.to_datetime(differing.sale_date_x)).all()
    last = lakehouse.query(
        "SELECT max(order_date) FROM silver.sales_clean WHERE source_system = 'contoso'"
    ).fetchall()[0]
    assert str(last[0]) == items.sale_date.max()


def test_categories_cover_the_wide_export(real: Real) -> None:
    share = (
        real[0]
        .query(
            "SELECT sum(gmv_eur) FILTER (category <> 'Unmapped') / sum(gmv_eur), count(DISTINCT category)"
            " FROM gold.category_perf WHERE source_system = 'eurostyle'"
        )
        .fetchall()[0]
    )
    assert share[0] > 0.99 and share[1] > 30


def test_every_country_is_known(real: Real) -> None:
    assert next(c for c in real[1].checks if c.check == "country_is_known").passed
    spelled = dict(
        real[0]
        .query(
            "SELECT DISTINCT b.country, s.country_code FROM silver.sales_clean AS s "
            "JOIN bronze.eurostyle_sales AS b USING (batch_id, source_row) "
            "WHERE b.country IN ('EIRE', 'RSA', 'USA', 'Channel Islands', 'United Kingdom', 'Unspecified')"
        )
        .fetchall()
    )
    assert {k: spelled[k] for k in ("EIRE", "RSA", "USA", "United Kingdom")} == {
        "EIRE": "IE",
        "RSA": "ZA",
        "USA": "US",
        "United Kingdom": "GB",
    }


def test_local_orders_of_summer_are_an_hour_earlier_in_utc(real: Real) -> None:
    row = (
        real[0]
        .query(
            "SELECT b.invoice_date, strftime(s.order_ts AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S') FROM"
            " silver.sales_clean AS s JOIN bronze.eurostyle_sales AS b USING (batch_id, source_row) WHERE"
            " s.order_date = DATE '2010-07-01' ORDER BY s.source_row LIMIT 1"
        )
        .fetchall()[0]
    )
    assert row and row[0][:10] == row[1][:10] and int(row[0][11:13]) == int(row[1][11:13]) + 1


def test_silent_customers_by_the_raw_export(real: Real, raw: duckdb.DuckDBPyConnection) -> None:
    """The inactivity curve and the cohorts, off the raw lines: days on which a known customer bought."""
    bought = "SELECT DISTINCT customer, time::DATE AS day FROM lines WHERE kind = 'sale' AND customer <> ''"
    raw.execute(f"CREATE OR REPLACE TEMP TABLE bought AS {bought}")
    # a whole year ahead of 10 December 2010
    assert one(raw, "SELECT max(day) FROM bought") == dt.date(2011, 12, 9)
    raw.execute(
        "CREATE OR REPLACE TEMP TABLE silent AS SELECT customer FROM bought WHERE day < DATE '2010-12-10'"
        " GROUP BY customer HAVING max(day) < DATE '2010-12-10' - 90"
    )
    back = (
        "SELECT count(DISTINCT customer) FROM bought SEMI JOIN silent USING (customer) WHERE day >= DATE"
        " '2010-12-10'"
    )
    customers = {
        p.brand: p.customers for p in profile(load_project(Path(real[0].location).parent), "gold").pages
    }
    curve = customers["eurostyle"].inactivity
    assert (curve.at_churn.customers, curve.at_churn.came_back) == (
        one(raw, "SELECT count(*) FROM silent"),
        one(raw, back),
    )
    new = (
        "SELECT customer FROM bought GROUP BY customer HAVING min(day) BETWEEN '2010-01-01' AND '2010-01-31'"
    )
    later = (
        "SELECT count(DISTINCT customer) FROM bought WHERE day BETWEEN '2010-03-01' AND '2010-03-31' AND"
        f" customer IN ({new})"
    )
    january = next(c for c in customers["eurostyle"].cohorts if c.month == dt.date(2010, 1, 1))
    assert (january.customers, january.active[2]) == (
        one(raw, f"SELECT count(*) FROM ({new})"),
        one(raw, later),
    )
    short = customers["contoso"].inactivity
    assert short.points == () and "The data cover 75 days" in short.words


def test_columns_of_the_raw_export(real: Real, raw: duckdb.DuckDBPyConnection) -> None:
    """Published: 243,007 lines without a customer. Outer fences of the quantity: quartiles 1 and 10, on ln(1
    + q) up to 1829.
    """
    found = profile(load_project(Path(real[0].location).parent), "bronze", "eurostyle").pages[0].tables[0]
    columns = {c.name: c for c in found.columns}
    assert (columns["customer_id"].missing, columns["customer_id"].distinct) == (243_007, 5_942)
    quantity = columns["quantity"].numbers
    far = one(raw, "SELECT count(*) FROM delivered WHERE quantity::INT > exp(4 * ln(11) - 3 * ln(2)) - 1")
    far += one(raw, "SELECT count(*) FROM delivered WHERE quantity::INT < 1 - exp(3 * ln(11) - 4 * ln(2))")
    assert (quantity.median, quantity.outliers) == (
        one(raw, "SELECT quantile_disc(quantity::INT, 0.5) FROM delivered"),
        far,
    )
