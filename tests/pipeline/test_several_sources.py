"""Order lines from several sources: what a delivery takes the place of is of its own source, an order's
header may stop giving a line, and a refund that comes alone is no later version of the order.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.conftest import Shop
from tests.pipeline.rebuilds import differences

from mergehouse.pipeline.results import RunResult

pytestmark = pytest.mark.slow("several deliveries, and rebuilds to compare with")

BRAND = """
label: Shop
currency: EUR
quarantine: {stop: 100 %}
sources:
  lines:
    files: "lines*"
    columns: &lines
      number: {type: code}
      sold_at: {type: timestamp}
      item: {type: code}
      pieces: {type: number}
      price: {type: number}
"""
REFUNDS = "  refunds: {files: 'refunds*', optional: true, columns: *lines}\n"
HEADS = """
  heads:
    files: "heads*"
    key: [number]
    columns:
      number: {type: code}
      shipped_on: {type: date}
      postage: {type: number}
"""
LINES = """
SELECT number AS order_id, sold_at AS order_local_ts, item AS product_code, pieces AS quantity,
  price AS unit_price, CAST(NULL AS STRING) AS line_class, batch_id, source_row, ingest_ts
FROM lines
"""
HEADED = """
SELECT l.number AS order_id, l.sold_at AS order_local_ts, l.item AS product_code, l.pieces AS quantity,
  l.price AS unit_price, CAST(NULL AS STRING) AS line_class, l.batch_id, l.source_row, l.ingest_ts
FROM lines AS l LEFT JOIN heads AS h ON h.number = l.number
UNION ALL
SELECT h.number, CAST(h.shipped_on AS TIMESTAMP), 'POST', 1, h.postage, 'postage', h.batch_id, h.source_row,
  h.ingest_ts
FROM heads AS h WHERE h.postage <> 0
"""


def of_brand(shop: Shop, rules: str, sources: str, sql: str) -> Shop:
    shop.configure(rules + BRAND + sources)
    (shop.brand / "order_lines.sql").write_text(sql)
    return shop


def deliver(shop: Shop, name: str, *rows: str) -> None:
    header = "number,shipped_on,postage" if name.startswith("heads") else "number,sold_at,item,pieces,price"
    shop.deliver_lines(*rows, name=f"{name}.csv", header=header)


def sums(shop: Shop) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """GMV, returns, what is no goods, of each brand."""
    no_goods = "SUM(CASE WHEN line_type = 'non_merchandise' THEN amount_eur ELSE 0 END)"
    totals = f"SUM(gmv_eur), SUM(returns_eur), {no_goods}"
    rows = shop.rows(f"SELECT source_system, {totals} FROM silver.sales_clean GROUP BY 1")
    return {brand: (gmv, returns, others) for brand, gmv, returns, others in rows}


def found(result: RunResult, check: str) -> list[str]:
    [of_check] = [c for c in result.checks if c.check == check]
    return [row["order_id"] for row in of_check.sample]


def test_a_delivery_replaces_none_of_another_source(shop: Shop) -> None:
    """20 + 10 are sold, 10 and 4 come back; then 6 more of A2, on the day on which those 4 came back. Brands
    are called as what a delivery of theirs replaces.
    """
    rules = ("line", "order", "day", "period")
    brands = dict(zip(rules, shop.brands(*rules), strict=True))
    for replaces, brand in brands.items():
        sql = f"{LINES} UNION ALL {LINES.replace('lines', 'refunds')}"
        of_brand(brand, f"replaces: {replaces}", REFUNDS, sql)
        deliver(brand, "lines", "A1,2026-03-01,P1,2,10", "A2,2026-03-03,P2,1,10")
        deliver(brand, "refunds_1", "A1,2026-03-02,P1,-1,10", "A2,2026-03-03,P2,-1,4")
    shop.run(until="silver")
    assert sums(shop) == dict.fromkeys(rules, (30, 14, 0))
    for brand in brands.values():
        deliver(brand, "refunds_2", "A2,2026-03-03,P2,-1,6")
    assert found(shop.run(until="silver"), "is_of_one_delivery") == []
    assert sums(shop) == dict.fromkeys(rules, (30, 16, 0)) | {"line": (30, 20, 0)}
    assert not differences(shop.lakehouse, shop.folder)


def test_orders_of_two_sources_did_not_come_twice(shop: Shop) -> None:
    of_brand(shop, "", REFUNDS, f"{LINES} UNION ALL {LINES.replace('lines', 'refunds')}")
    deliver(shop, "lines_1", "A1,2026-03-01,P1,2,10", "A2,2026-03-01,P2,1,10")
    deliver(shop, "refunds", "A1,2026-03-02,P1,1,5")  # money for the same order, with the sign of a sale
    deliver(shop, "lines_2", "A2,2026-03-01,P2,3,10")
    # guests' receipts: B1 of two tills, B3 of two shops; B2 is corrected, at the other till
    tills = f"SELECT '1' AS line_id, {LINES.strip().removeprefix('SELECT')}"
    numbered = of_brand(
        shop.another("numbered"), "", REFUNDS, f"{tills} UNION ALL {tills.replace('lines', 'refunds')}"
    )
    deliver(
        numbered, "lines_1", "B1,2026-03-01,P1,2,10", "B2,2026-03-01,P1,2,10", "B3,2026-03-01 10:00,P1,1,1"
    )
    deliver(numbered, "lines_2", "B3,2026-03-01 15:00,P2,1,1")
    deliver(numbered, "refunds", "B1,2026-03-01,P2,1,5", "B2,2026-03-01,P1,2,11")
    result = shop.run(until="silver")
    assert found(result, "is_of_one_delivery") == ["A2"]
    assert sorted(found(result, "counts_in_its_own_order")) == ["B1", "B3"]


def test_postage_that_is_corrected_to_nothing_is_gone(shop: Shop) -> None:
    """Whether a delivery replaces nothing, or its orders."""
    brands = nothing, order = shop.brands("nothing", "order")
    of_brand(nothing, "", HEADS, HEADED)
    of_brand(order, "replaces: order", HEADS, HEADED)
    for brand in brands:
        deliver(brand, "lines", "A1,2026-03-01,P1,2,10", "A2,2026-03-02,P1,1,10")
        deliver(brand, "heads_1", "A1,2026-03-02,4.90", "A2,2026-03-03,3.00", "A3,2026-03-03,0")
    shop.run(until="silver")
    assert sums(shop) == dict.fromkeys(("nothing", "order"), (30, 0, Decimal("7.90")))
    for brand in brands:
        deliver(brand, "heads_2", "A1,2026-03-02,0", "A3,2026-03-03,1.50")
    shop.run(until="silver")
    assert sums(shop) == dict.fromkeys(("nothing", "order"), (30, 0, Decimal("4.50")))
    unusable = "SELECT source_system, order_id, reason_code FROM silver.quarantine ORDER BY 1"
    assert shop.rows(unusable) == [("nothing", "A1", "left_out"), ("order", "A1", "left_out")]
    assert not differences(shop.lakehouse, shop.folder)


def test_a_refund_that_takes_the_place_of_its_order_is_named(shop: Shop) -> None:
    """The sale of A1 is gone, and the first refund of A4, which was on another day. A2 came again whole, and
    A3 is a return that was corrected.
    """
    of_brand(shop, "replaces: order", "", LINES)
    deliver(shop, "lines_1", "A1,2026-03-01,P1,2,10", "A2,2026-03-01,P1,2,10", "A3,2026-03-01,P1,-1,10",
            "A4,2026-03-01,P1,-1,3")  # fmt: skip
    deliver(shop, "lines_2", "A1,2026-03-09,P1,-1,10", "A2,2026-03-01,P1,2,10", "A2,2026-03-09,P1,-1,10",
            "A3,2026-03-01,P1,-1,9", "A4,2026-03-09,P1,-1,3")  # fmt: skip
    assert found(shop.run(until="silver"), "a_return_replaces_no_sale") == ["A1", "A4"]
    assert sums(shop) == {"shop": (20, 32, 0)}


def test_an_order_that_two_sources_have_is_named(shop: Shop) -> None:
    """An old till and a new one both export 2 March; a refund in a file of its own is no second order."""
    of_brand(
        shop,
        "",
        REFUNDS.replace("refunds", "later"),
        LINES + LINES.replace("FROM lines", "FROM later").replace("SELECT", "UNION ALL SELECT"),
    )
    deliver(shop, "lines_1", "A1,2026-03-01 10:00,P1,1,10", "A2,2026-03-02 10:00:00,P1,1,20")
    deliver(
        shop,
        "later_1",
        "A2,2026-03-02 10:00:17,P1,1,20",
        "A3,2026-03-03 10:00,P1,1,40",
        "A1,2026-03-03 10:00,P1,-1,10",
    )
    result = shop.run(until="silver")
    assert found(result, "is_of_one_source") == ["A2"]
    assert sums(shop)["shop"] == (90, 10, 0)


def test_a_file_of_a_day_that_comes_again_empty_is_named(shop: Shop) -> None:
    """That of 2 March took its order back; `lines` without a day may have had nothing new."""
    for brand, replaces in zip(
        shop.brands("days", "orders"), ("replaces: day", "replaces: order"), strict=True
    ):
        of_brand(brand, replaces, "", LINES)
        deliver(brand, "lines_20260301", "A1,2026-03-01 10:00,P1,1,10")
        deliver(brand, "lines_20260302", "A2,2026-03-02 10:00,P1,1,20")
        deliver(brand, "lines", "A3,2026-03-03 10:00,P1,1,40")
    shop.run(until="silver")
    for brand in ("days", "orders"):
        for name in ("lines_20260302", "lines"):
            (shop.raw.parent / brand / f"{name}.csv").write_text("number,sold_at,item,pieces,price\n")
    result = shop.run(until="silver")
    [check] = [c for c in result.checks if c.check == "lines_are_still_delivered"]
    told = sorted((row["source_system"], row["source_file"], row["amount_eur"]) for row in check.sample)
    assert told == [("days", "lines_20260302.csv", 20), ("orders", "lines_20260302.csv", 20)]
