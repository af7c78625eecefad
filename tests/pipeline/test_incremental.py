"""Deliveries bring tables up to date: what they touch is exchanged, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlglot import exp
from tests.conftest import (
    HEADED_BRAND,
    HEADED_LINES,
    SHOP_BRAND,
    SHOP_HEADER,
    SHOP_ORDER_LINES,
    Shop,
    prepared_shop,
)
from tests.pipeline.rebuilds import differences, line

from mergehouse.contracts.contract import load_contract
from mergehouse.contracts.registry import contract_of
from mergehouse.engine import Relation
from mergehouse.engine import duckdb as duckdb_engine
from mergehouse.engine.dialect import parsed
from mergehouse.errors import ConfigError
from mergehouse.ingest.bronze import read_batches
from mergehouse.pipeline.results import RunResult
from mergehouse.project.config import load_project
from mergehouse.project.mapping_files import mapping_tables
from mergehouse.transform.incremental import Change
from mergehouse.transform.incremental.plan import plan
from mergehouse.transform.model_graph import build_graph

pytestmark = pytest.mark.slow("several deliveries, and rebuilds to compare with")

LONG = pytest.mark.long("several deliveries, and a rebuild to compare them with")


@pytest.fixture(autouse=True)
def from_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are read as large ones are; of a few rows, as here, runs would hold them in memory."""
    monkeypatch.setattr(duckdb_engine, "FEW_ROWS", -1)


@pytest.fixture
def began(tmp_path: Path) -> Shop:
    """A shop with two orders, run to Gold."""
    return prepared_shop("began", two_orders, tmp_path / "project")


def two_orders(shop: Shop) -> None:
    shop.deliver_lines(line("A1", day=1, quantity=2), line("A2", day=20, quantity=1))
    assert not shop.run().failed


def changed(result: RunResult) -> dict[str, int]:
    return {t.table: t.changed_rows or 0 for t in result.tables if t.status != "fresh"}


def test_a_delivery_adds_its_rows_and_leaves_the_files_alone(shop: Shop) -> None:
    shop.deliver_lines(*(line(f"A{n}", day=1 + n % 20, customer=str(n)) for n in range(50)))
    shop.run()
    before = set(shop.lakehouse.delta("silver.sales_clean").file_uris())
    shop.deliver_lines(line("B1", day=25, customer="B"), name="lines_2.csv")
    result = shop.run()
    assert changed(result)["silver.sales_clean"] == 1 and changed(result)["silver.orders"] == 1
    assert changed(result)["gold.sales_daily"] == 1 and changed(result)["silver.customers_clean"] == 1
    assert "silver.products_clean" not in changed(result) and "silver.quarantine" not in changed(result)
    assert before < set(shop.lakehouse.delta("silver.sales_clean").file_uris())
    assert differences(shop.lakehouse, shop.folder) == {}


def test_a_correction_replaces_its_line_and_the_old_version_stays_readable(began: Shop) -> None:
    first = began.lakehouse.table("silver.sales_clean").version
    began.deliver_lines(line("A1", quantity=7), name="lines_2.csv")
    began.run()
    assert began.rows("SELECT order_id, quantity FROM silver.sales_clean ORDER BY order_id") == [
        ("A1", 7),
        ("A2", 1),
    ]
    assert began.rows("SELECT kind FROM silver.duplicates") == [("superseded",)]
    assert began.lakehouse.table("silver.sales_clean", version=first).polars()["quantity"].sum() == 3
    assert differences(began.lakehouse, began.folder) == {}


def sold_of(shop: Shop) -> list[tuple]:
    return shop.rows(
        "SELECT month_start::VARCHAR, product_id, gmv_eur::INT, returns_eur::INT, units::INT"
        " FROM gold.category_perf ORDER BY ALL"
    )


def test_months_take_in_what_came_and_are_counted_anew_where_something_went(began: Shop) -> None:
    """Lines cost 5.00: March had three of P1."""
    assert sold_of(began) == [("2026-03-01", "shop:P1", 15, 0, 3)]
    began.deliver_lines(
        line("A3", day=21, quantity=4), line("A4", day=22, quantity=-1), line("A5", day=23, item="P2"),
        name="lines_2.csv",
    )  # fmt: skip
    began.run()
    assert sold_of(began) == [("2026-03-01", "shop:P1", 35, 5, 7), ("2026-03-01", "shop:P2", 10, 0, 2)]
    assert began.rows("SELECT product_code, sales FROM silver.product_months ORDER BY ALL") == [
        ("P1", 3),
        ("P2", 1),
    ]
    began.deliver_lines(line("A3", day=21, quantity=9), line("A6", day=24), name="lines_3.csv")
    began.run()
    assert sold_of(began) == [("2026-03-01", "shop:P1", 70, 5, 14), ("2026-03-01", "shop:P2", 10, 0, 2)]
    assert differences(began.lakehouse, began.folder) == {}


@pytest.mark.parametrize(
    "rest",
    [
        "inputs: {silver.a: [month]}\n  lookups: {silver.b: {of: silver.a, by: {code: code}}}\n"
        "  merge: {sales: SUM(sales)}",
        "inputs: {silver.a: [month]}\n  merge: {sold: SUM(sold)}",
    ],
)
def test_what_cannot_be_merged_is_refused(tmp_path: Path, rest: str) -> None:
    file = tmp_path / "months.yml"
    file.write_text(
        "table: gold.months\ngrain: a month\nmeaning: Sales.\nkey: [month]\ncolumns:\n"
        "  month: {type: date, meaning: Month}\n  sales: {type: bigint, meaning: Sales}\n"
        f"incremental:\n  slice: [month]\n  {rest}\n"
    )
    with pytest.raises(ConfigError, match="merge is for some columns of a table without lookups"):
        load_contract(file)


@pytest.mark.long("a delivery, and a rebuild")
def test_codes_that_are_written_otherwise_than_before_are_the_same(began: Shop) -> None:
    began.deliver_lines(
        line(" a1", day=1, quantity=6, item="p1 "), line("A3", day=2, customer="77.0"), name="lines_2.csv"
    )
    result = began.run()
    assert not result.failed, (result.ingest.failures, [t for t in result.tables if t.reason])
    assert began.rows(
        "SELECT order_id, product_id, source_customer_id, quantity::INT FROM silver.sales_clean ORDER BY ALL"
    ) == [("A1", "shop:P1", "77", 6), ("A2", "shop:P1", "77", 1), ("A3", "shop:P1", "77", 2)]
    assert differences(began.lakehouse, began.folder) == {}


@LONG
@pytest.mark.parametrize("numbered", [True, False])
def test_a_key_of_the_lines_source_numbers_them(shop: Shop, numbered: bool) -> None:
    """Versions that do not count are duplicates, as with numbers of the brand's own: none vanishes."""
    shop.configure(SHOP_BRAND.replace("    columns:", "    key: [order, line]\n    columns:", 1))
    if not numbered:
        (shop.brand / "order_lines.sql").write_text(SHOP_ORDER_LINES.replace("line AS line_id, ", ""))
    shop.deliver_lines(
        line("A1", quantity=2), line("A1", n=2, quantity=3), line("A2", quantity=1), line("A2", quantity=1)
    )
    assert not shop.run().failed
    shop.deliver_lines(line("A1", quantity=7), line("A1", n=2, quantity=3), name="lines_2.csv")
    result = shop.run()
    assert {t.table: t.status for t in result.tables}["silver.order_lines"] == "updated"
    assert shop.rows("SELECT order_id, quantity FROM silver.sales_clean ORDER BY ALL") == [
        ("A1", 3),
        ("A1", 7),
        ("A2", 1),
    ]
    assert shop.rows("SELECT kind, count(*) FROM silver.duplicates GROUP BY ALL ORDER BY ALL") == [
        ("across_deliveries", 1), ("superseded", 1), ("within_delivery", 1),
    ]  # fmt: skip
    assert differences(shop.lakehouse, shop.folder) == {}


@pytest.mark.long("a run, two deliveries, and a rebuild")
def test_a_day_delivered_again_changes_no_figure(shop: Shop) -> None:
    day = [line(f"A{n}", day=3) for n in range(5)]
    shop.deliver_lines(line("Z", day=1), *day)
    shop.run()
    shop.deliver_lines(*day, name="lines_again.csv")
    result = shop.run()
    touched = {"order_lines", "duplicates", "sales_clean", "product_months"}
    assert set(changed(result)) == {f"silver.{name}" for name in touched} | {"gold.kpi_raw_vs_silver"}
    assert differences(shop.lakehouse, shop.folder) == {}


@LONG
def test_a_customer_keeps_the_last_country_that_was_named(shop: Shop) -> None:
    shop.deliver_lines(
        line("A1", day=1).replace("Germany", "France"),
        line("A2", day=2),
        line("A3", day=3).replace("Germany", ""),
    )
    shop.run()
    assert shop.rows("SELECT country_code, CAST(first_seen AS VARCHAR) FROM silver.customers_clean") == [
        ("DE", "2026-03-01")
    ]
    shop.deliver_lines(
        line("A4", day=4).replace("Germany", "Spain"),
        line("A5", day=5).replace("Germany", ""),
        name="lines_2.csv",
    )
    shop.run()
    assert shop.rows("SELECT country_code, CAST(first_seen AS VARCHAR) FROM silver.customers_clean") == [
        ("ES", "2026-03-01")
    ]
    assert differences(shop.lakehouse, shop.folder) == {}


@LONG
def test_deliveries_that_write_dates_in_turn_one_way_and_another_are_followed(shop: Shop) -> None:
    statuses = []
    for number, when in enumerate(
        ["2026-03-01 10:00:00", "2.3.2026 10:00", "2026-03-03 10:00:00", "4.3.2026 10:00"]
    ):
        shop.deliver_lines(
            line(f"A{number}").replace("2026-03-01 10:00:00", when), name=f"lines_{number}.csv"
        )
        statuses.append({t.table: t.status for t in shop.run().tables}["silver.sales_clean"])
        assert not shop.run().changed
    assert statuses == ["built", "updated", "updated", "updated"]
    assert shop.rows("SELECT DISTINCT day(order_date) FROM silver.sales_clean ORDER BY 1") == [
        (1,),
        (2,),
        (3,),
        (4,),
    ]
    assert differences(shop.lakehouse, shop.folder) == {}


def test_a_late_arrival_touches_its_own_day_and_month(began: Shop) -> None:
    began.deliver_lines(line("L", day=2).replace("2026-03", "2026-01"), name="lines_2.csv")
    result = began.run()
    assert changed(result)["gold.sales_daily"] == 1 and changed(result)["gold.category_perf"] == 1
    assert differences(began.lakehouse, began.folder) == {}


@pytest.mark.parametrize("followed", [pytest.param(True, marks=LONG), False])
def test_a_header_that_comes_later_reaches_its_lines(shop: Shop, followed: bool) -> None:
    shop.configure(HEADED_BRAND)
    sql = HEADED_LINES if followed else HEADED_LINES.replace("heads AS h", "(SELECT * FROM heads) AS h")
    (shop.brand / "order_lines.sql").write_text(sql)
    shop.deliver_lines(line("A1"), line("A2", n=2), line("A3", n=3))
    shop.deliver("number,customer\nA1,K1\nA3,K3\n", "heads.csv")
    shop.run()
    shop.deliver("number,customer\nA2,K2\nA3,K4\n", "heads_2.csv")
    result = shop.run()
    assert {t.table: t.status for t in result.tables}["silver.order_lines"] == (
        "updated" if followed else "built"
    )
    assert shop.rows("SELECT source_customer_id FROM silver.sales_clean ORDER BY order_id") == [
        ("K1",),
        ("K2",),
        ("K4",),
    ]
    assert differences(shop.lakehouse, shop.folder) == {}


@pytest.mark.long("three runs and a rebuild")
def test_a_delivery_with_a_column_gone_changes_nothing_until_it_is_delivered_right(shop: Shop) -> None:
    two_orders(shop)
    versions = {
        name: shop.lakehouse.delta(name).version()
        for name in shop.lakehouse.tables()
        if not name.startswith("monitor.")
    }
    gone = [
        ",".join(row.split(",")[:8] + row.split(",")[9:]) for row in (line("A3", day=3), line("A4", day=4))
    ]
    shop.deliver_lines(*gone, name="lines_2.csv", header=SHOP_HEADER.replace("country,", ""))
    result = shop.run()
    message = str(result.ingest.failures["bronze.shop_lines"])
    assert result.failed and "lines_2.csv" in message and "`country`" in message
    assert {name: shop.lakehouse.delta(name).version() for name in versions} == versions
    shop.deliver_lines(line("A3", day=3), line("A4", day=4), name="lines_2.csv")
    assert changed(shop.run())["silver.sales_clean"] == 2
    assert differences(shop.lakehouse, shop.folder) == {}


@LONG
def test_what_a_killed_run_left_half_done_heals(began: Shop) -> None:
    began.deliver_lines(line("A3", day=4), name="lines_2.csv")
    began.run(select="silver.order_lines silver.duplicates")  # then the power went
    assert began.rows("SELECT count(*) FROM silver.sales_clean") == [(2,)]
    result = began.run()
    assert {t.table: t.status for t in result.tables}["silver.sales_clean"] == "built"
    assert began.rows("SELECT count(*) FROM silver.sales_clean") == [(3,)]
    assert differences(began.lakehouse, began.folder) == {}


def test_a_table_built_on_a_stale_one_is_not_taken_for_current(began: Shop) -> None:
    began.deliver_lines(line("A3"), name="lines_2.csv")
    began.run(select="silver.orders")
    began.run()
    assert began.rows("SELECT count(*) FROM silver.orders") == [(3,)]


@pytest.mark.parametrize(
    ("lookup", "read"),
    [
        ("silver.customer_xref", {"source_system", "source_customer_id", "customer_id"}),
        ("silver.products_clean", set(contract_of("silver.products_clean").columns)),  # beside a `*`
    ],
)
def test_a_changed_row_of_a_lookup_touches_only_who_reads_what_changed(
    sold: Shop, lookup: str, read: set[str]
) -> None:
    project = load_project(sold.folder)
    graph = build_graph(project, read_batches(sold.lakehouse), mapping_tables(project), "", lambda _: "")
    rows, gone, now = (Relation(kind, lookup) for kind in ("changed", "deleted", "computed"))
    steps = plan(graph.tables["silver.sales_clean"], graph, {lookup: Change(rows, gone, now)})
    [stays] = [part for part in parsed(steps.affected).find_all(exp.Except)]
    for side, relation in ((stays.left, gone), (stays.right, now)):
        assert {column.name for column in side.expressions} == read
        assert side.find(exp.Table).sql() == str(relation)
