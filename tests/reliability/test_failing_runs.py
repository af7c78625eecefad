"""A run that fails publishes nothing that depends on what failed."""

from __future__ import annotations

import pytest
from tests.conftest import SHOP_BRAND, Shop

from mergehouse.errors import LakehouseError, ModelError
from mergehouse.ingest.duckdb_loader import EmbeddedLoader
from mergehouse.pipeline import build
from mergehouse.transform.graph import Table

pytestmark = pytest.mark.slow("runs that fail, and runs that heal")

STOCK = """
  stock:
    files: "stock*"
    columns:
      item: {type: code}
"""
OF_2024 = "B1,1,2024-02-29 10:00:00,P1,Mug,1,5.00,77,Germany,EUR"
DAYS = "SELECT count(*) FROM gold.dim_date"


def versions(shop: Shop) -> dict[str, int]:
    return {name: shop.lakehouse.delta(name).version() for name in shop.lakehouse.tables() if name[0] in "sg"}


def test_what_depends_on_a_table_that_failed_waits(sold: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Straight, through a view, through a table that Python computes, and in its checks alone."""
    before = versions(sold)
    sold.deliver_lines(OF_2024, name="lines_2.csv")
    stage = build._stage
    for failing, waiting in {
        "silver.product_matches": ["silver.sales_clean", "silver.orders", "gold.dim_brand", "gold.dim_date"],
        "gold.dim_brand": ["gold.dim_date", "gold.sales_daily", "gold.category_perf", "gold.customer_360"],
    }.items():

        def fails_for_one(table: Table, *given: object, failing: str = failing) -> object:
            if table.name == failing:
                raise ModelError("the table cannot be computed")
            return stage(table, *given)  # type: ignore[arg-type]

        monkeypatch.setattr(build, "_stage", fails_for_one)
        result = sold.run()
        statuses = {t.table: t.status for t in result.tables}
        assert result.failed and statuses[failing] == "failed"
        assert {statuses[name] for name in waiting} == {"blocked"}
        now = versions(sold)
        assert [name for name in (failing, *waiting) if now[name] != before[name]] == []
        assert sold.rows(DAYS) == [(365,)]
    monkeypatch.undo()
    assert not sold.run().failed
    assert sold.rows(DAYS) == [(366 + 365 + 365,)]  # 2024 to 2026


def test_where_no_brand_is_left_nothing_that_reads_deliveries_is_built(shop: Shop) -> None:
    """No table reads what is missing; still the brand's deliveries count together or not at all."""
    shop.configure(SHOP_BRAND + STOCK)
    shop.deliver_lines(OF_2024)
    result = shop.run()
    assert result.failed and {t.status for t in result.tables} == {"fresh", "blocked"}  # rates are fresh
    assert "waits for bronze.shop_stock" in {t.reason for t in result.tables}
    assert list(versions(shop)) == ["silver.fx_rates_eur"]
    shop.deliver("item\nP1\n", "stock.csv")
    assert not shop.run().failed
    assert shop.rows(DAYS) == [(366,)]


def test_a_brand_that_could_not_be_written_is_not_left_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full, or the store does not answer: that is no fault of a brand."""
    other = shop.another("other")
    shop.deliver_lines(OF_2024, OF_2024.replace("B1,1,2024-02-29", "B1,2,2025-01-01"))
    other.deliver_lines(OF_2024.replace("2024", "2020"))
    load = EmbeddedLoader.load

    def full(loader, arrived, *given):  # type: ignore[no-untyped-def]
        if arrived[0][0].of.brand.name == "other":
            raise LakehouseError("the disk is full")
        return load(loader, arrived, *given)

    monkeypatch.setattr(EmbeddedLoader, "load", full)
    result = shop.run()
    assert result.failed and list(versions(shop)) == ["silver.fx_rates_eur"]
    assert "the disk is full" in str(result.ingest.failures["bronze.other_lines"])
    monkeypatch.undo()
    assert not shop.run().failed
    # 2020 to 2025, though the order of 2025's line is one of 2024
    assert shop.rows(DAYS) == [(366 + 3 * 365 + 366 + 365,)]
