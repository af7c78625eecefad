"""Exports that say what belongs to the order on its first line alone, as shops write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.conftest import SHOP_BRAND, SHOP_ORDER_LINES, Shop

from mergehouse.pipeline.results import RunResult

pytestmark = pytest.mark.slow("several deliveries")

HEADER = "order,when,item,title,qty,price,customer,country,currency,status"
# three orders of 50, 30 and 20 in pounds; the second is void
LINES = (
    "A1,2026-03-02 10:00,P1,Cup,2,20,77,Germany,GBP,paid",
    "A1,2026-03-02 10:00,P2,Jug,1,10,,,,",
    "A2,2026-03-02 11:00,P1,Cup,1,20,78,Germany,GBP,void",
    "A2,2026-03-02 11:00,P2,Jug,1,10,,,,",
    "A3,2026-03-02 12:00,P1,Cup,1,20,79,Germany,GBP,paid",
)
BRAND = (
    SHOP_BRAND.replace("      line: {type: code}\n", "      status: {type: text}\n")
    + "leave_out: {status: [void]}\n"
)
AS_WRITTEN = SHOP_ORDER_LINES.replace("line AS line_id", "status")
CARRIED_DOWN = {"status": "status", "customer": "customer_code", "country": "country", "currency": "currency"}
OF_THE_ORDER = f"""
SELECT `order` AS order_id, `when` AS order_local_ts, item AS product_code, qty AS quantity,
  price AS unit_price,
  {", ".join(f"MAX({c}) OVER (PARTITION BY `order`) AS {name}" for c, name in CARRIED_DOWN.items())},
  batch_id, source_row, ingest_ts
FROM lines
"""


def delivered(shop: Shop, sql: str) -> tuple[RunResult, dict[str, int]]:
    """A run, and how many rows each warning of orders found."""
    shop.configure(BRAND)
    (shop.brand / "order_lines.sql").write_text(sql)
    shop.deliver_lines(*LINES, header=HEADER)
    result = shop.run(until="silver")
    assert not result.failed
    names = ("is_one_order", "order_is_left_out_whole")
    return result, {check.check: check.failures for check in result.checks if check.check in names}


def test_what_only_the_first_line_says_is_found(shop: Shop) -> None:
    """A1 is half of nobody and in euros, and half of A2, which is void, counts."""
    result, found = delivered(shop, AS_WRITTEN)
    assert found == {"is_one_order": 1, "order_is_left_out_whole": 1}
    [whole] = [check for check in result.checks if check.check == "order_is_left_out_whole"]
    assert whole.sample == [{"source_system": "shop", "order_id": "A2"}]
    assert "MAX(status) OVER (PARTITION BY order_no)" in whole.why


def test_it_is_carried_down_by_the_brands_sql(shop: Shop) -> None:
    """The same from one delivery, and after another one."""
    of_lines = (
        "SELECT count(*), count(DISTINCT order_id), count(customer_id), sum(amount_original)"
        " FILTER (currency = 'GBP') FROM silver.sales_clean"
    )
    _, found = delivered(shop, OF_THE_ORDER)
    assert found == {"is_one_order": 0, "order_is_left_out_whole": 0}
    assert shop.rows(of_lines) == [(3, 2, 3, Decimal(70))]
    shop.deliver_lines(
        "A4,2026-03-02 13:00,P1,Cup,1,20,77,Germany,GBP,paid",
        "A4,2026-03-02 13:00,P2,Jug,1,10,,,,",
        header=HEADER,
        name="lines_2.csv",
    )
    assert not shop.run(until="silver").failed
    assert shop.rows(of_lines) == [(5, 3, 5, Decimal(100))]


def test_lines_of_an_order_may_be_left_out_one_by_one(shop: Shop) -> None:
    """Where also others than the first are, it is the line's status."""
    shop.configure(BRAND)
    (shop.brand / "order_lines.sql").write_text(AS_WRITTEN)
    shop.deliver_lines(
        "A1,2026-03-02 10:00,P1,Cup,1,20,77,Germany,GBP,void",
        "A1,2026-03-02 10:00,P2,Jug,1,10,77,Germany,GBP,paid",
        "A2,2026-03-02 10:00,P1,Cup,1,20,77,Germany,GBP,paid",
        "A2,2026-03-02 10:00,P2,Jug,1,10,77,Germany,GBP,void",
        header=HEADER,
    )
    checks = shop.run(until="silver").checks
    assert [c.failures for c in checks if c.check == "order_is_left_out_whole"] == [0]


def test_a_summary_above_the_items_of_an_order_is_none_of_its_lines(shop: Shop) -> None:
    """As eBay's reports have it: the order with its buyer and sum, and below it what was bought."""
    shop.configure(BRAND.replace("leave_out: {status: [void]}\n", ""))
    without_status = AS_WRITTEN.replace(" status,", "")
    summed = "CASE WHEN item IS NULL THEN 'left_out' END AS problem, batch_id"
    (shop.brand / "order_lines.sql").write_text(without_status.replace("batch_id", summed))
    shop.deliver_lines(
        "A1,2026-03-02 10:00,,,3,40,77,Germany,GBP,",
        "A1,2026-03-02 10:00,P1,Cup,1,20,77,Germany,GBP,",
        "A1,2026-03-02 10:00,P2,Jug,2,10,77,Germany,GBP,",
        header=HEADER,
    )
    checks = shop.run(until="silver").checks
    assert [c.failures for c in checks if c.check == "order_is_left_out_whole"] == [0]
    assert shop.rows("SELECT SUM(quantity), SUM(amount_original) FROM silver.sales_clean") == [(3, 40)]
