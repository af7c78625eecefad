"""Returns are written in many ways; each takes money and cost back, and none raises net revenue."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.conftest import SHOP_BRAND, Shop

pytestmark = pytest.mark.slow("a run for each case")

BRAND = (
    SHOP_BRAND.replace(
        "price: {type: number}", "price: {type: number}\n      amount: {type: number}"
    ).replace("currency: {type: code}", "currency: {type: code}\n      kind: {type: text}")
    + """
  catalogue:
    files: "catalogue*"
    columns:
      item: {type: code}
      cost: {type: number}
"""
)
ORDER_LINES = """
SELECT `order` AS order_id, line AS line_id, `when` AS order_local_ts, item AS product_code,
  title AS product_name,
  qty AS quantity, price AS unit_price, amount, customer AS customer_code, country, currency,
  kind = 'cancelled' AS is_cancellation, batch_id, source_row, ingest_ts
FROM lines
"""
# P1 costs 25 a piece. order, quantity, price, amount, kind -> line type, amount in euros, cost in euros
LINES = {
    "sale": ("20,40,,", ("sale", "800.00", "500.00")),
    "billed": ("2,40,75,", ("sale", "75.00", "50.00")),
    "negative_quantity": ("-2,40,,", ("return", "-80.00", "-50.00")),
    "negative_price": ("1,-40,,", ("return", "-40.00", "-25.00")),
    "negative_amount": ("1,,-40,", ("return", "-40.00", "-25.00")),
    "all_but_quantity": ("1,-40,-40,", ("return", "-40.00", "-25.00")),
    "amount_unsigned": ("-1,40,40,", ("return", "-40.00", "-25.00")),
    "amount_against_both": ("1,40,-40,", ("return", "-40.00", "-25.00")),
    "price_against_both": ("1,-40,40,", ("return", "-40.00", "-25.00")),
    "twice_negative": ("-1,-40,,", ("return", "-40.00", "-25.00")),
    "cancelled": ("3,40,,cancelled", ("return", "-120.00", "-75.00")),
    "cancelled_and_negative": ("-3,40,,cancelled", ("return", "-120.00", "-75.00")),
    "money_back_only": ("0,,-12.5,", ("return", "-12.50", "0.00")),
    "money_only": ("0,40,12.5,", ("sale", "12.50", "0.00")),
    "gift": ("1,0,,", ("adjustment", "0.00", None)),
    "lost": ("-1,0,,", ("adjustment", "0.00", None)),
    "given_away": ("1,40,0,", ("adjustment", "0.00", None)),
    "cancelled_gift": ("1,0,,cancelled", ("adjustment", "0.00", None)),
    "nothing": ("0,40,,", ("adjustment", "0.00", None)),
}
CONTRADICTIONS = {"amount_unsigned", "amount_against_both", "price_against_both", "twice_negative"}
HEADER = "order,line,when,item,title,qty,price,amount,kind,customer,country,currency"


@pytest.fixture
def sold(shop: Shop) -> Shop:
    shop.configure(BRAND)
    (shop.brand / "order_lines.sql").write_text(ORDER_LINES)
    (shop.brand / "products.sql").write_text("SELECT item AS product_code, cost AS unit_cost FROM catalogue")
    (shop.brand / "line_types.csv").write_text("match,pattern,line_class\ncode,FEE,fee\n")
    shop.deliver("item,cost\nP1,25\n", "catalogue.csv")
    lines = [
        f"{order},1,2026-03-01 10:00:00,P1,Mug,{written},77,Germany,EUR"
        for order, (written, _) in LINES.items()
    ]
    lines.append("fee,1,2026-03-01 10:00:00,FEE,Fee,1,-5,,cancelled,77,Germany,EUR")
    shop.deliver_lines(*lines, header=HEADER)
    return shop


def test_whatever_is_negative_about_a_line_makes_it_a_return(sold: Shop) -> None:
    result = sold.run()
    assert not result.failed
    found = {
        order: (kind, str(amount), None if cost is None else str(cost))
        for order, kind, amount, cost in sold.rows(
            "SELECT lower(order_id), line_type, amount_eur, cost_eur FROM silver.sales_clean"
        )
    }
    assert found.pop("fee") == ("non_merchandise", "-5.00", None)
    assert found == {order: expected for order, (_, expected) in LINES.items()}

    # GMV 800 + 75 + 12.50; returns 80 + 7 x 40 + 2 x 120 + 12.50; cost 500 + 50 - (50 + 7 x 25 + 2 x 75)
    totals = "gmv_eur, returns_eur, net_revenue_eur, cost_eur, margin_eur, units"
    assert sold.rows(f"SELECT {totals} FROM gold.sales_daily") == [
        tuple(map(Decimal, ("887.50", "612.50", "275.00", "175.00", "100.00", "22")))
    ]
    finding = next(check for check in result.checks if check.check == "signs_agree")
    assert (finding.severity, finding.failures) == ("warn", len(CONTRADICTIONS))
    assert {row["order_id"].lower() for row in finding.sample} <= CONTRADICTIONS
    raw = "SELECT value FROM gold.kpi_raw_vs_silver WHERE kpi = 'gmv_eur' AND step = 'raw'"
    # as delivered: the signs of returns do not matter to what the file adds up to
    as_written = sum(
        Decimal(amount or "0") if amount else Decimal(q) * Decimal(p or "0")
        for q, p, amount, _ in (written.split(",") for written, _ in LINES.values())
    )
    assert sold.rows(raw) == [(as_written - 5,)]


def test_what_says_something_and_is_not_read_is_not_taken_for_nothing(shop: Shop) -> None:
    """A mark of cancellations that is no yes or no made sales of them, an amount in words the list price."""
    shop.configure(BRAND.replace("amount: {type: number}", "amount: {type: text}"))
    sql = ORDER_LINES.replace("kind = 'cancelled'", "kind")
    (shop.brand / "order_lines.sql").write_text(sql)
    shop.deliver("item,cost\nP1,25\n", "catalogue.csv")
    cells = ["1,40,,storno", "1,40,,true", "1,40,,", "1,40,12 EUR,", "1,40,12.5,false"]
    shop.deliver_lines(
        *(f"A{n},1,2026-03-01 10:00:00,P1,Mug,{c},77,Germany,EUR" for n, c in enumerate(cells)), header=HEADER
    )
    shop.run(until="silver")
    kinds = "SELECT order_id, line_type, amount_eur FROM silver.sales_clean ORDER BY 1"
    assert shop.rows(kinds) == [
        ("A1", "return", Decimal(-40)), ("A2", "sale", Decimal(40)), ("A4", "sale", Decimal("12.5")),
    ]  # fmt: skip
    reasons = "SELECT order_id, reason_code FROM silver.quarantine ORDER BY 1"
    assert shop.rows(reasons) == [("A0", "unreadable_value"), ("A3", "unreadable_value")]


def test_an_export_with_all_signs_the_other_way_round_is_said(shop: Shop) -> None:
    lines = [f"A{n},1,2026-03-0{n} 10:00:00,P1,Mug,{n - 3},5.00,77,Germany,EUR" for n in (1, 2, 4)]
    lines += [
        f"{order},{line},2026-03-05 10:00:00,{said},77,Germany,EUR"
        for order, line, said in (
            ("A4", 2, "DISC,Discount,1,-1.00"),
            ("A5", 1, "P1,Mug,1,5.00"),
            ("A5", 2, "DISC,Discount,1,-1.00"),
            ("A5", 3, "P2,Cup,-1,3.00"),  # is taken in exchange, once
        )
    ]
    shop.deliver_lines(*lines)
    checks = shop.run(select="+gold.dim_brand +gold.category_perf").checks
    found = {check.check: (check.severity, check.sample) for check in checks if not check.passed}
    assert found["more_is_sold_than_returned"] == (
        "warn",
        [{"source_system": "shop", "gmv_eur": Decimal(10), "returns_eur": Decimal(20)}],
    )
    assert found["what_comes_back_was_sold"] == (
        "warn",
        [{"source_system": "shop", "product_id": "shop:DISC", "orders": 2, "returns_eur": Decimal(2)}],
    )


def test_a_cell_that_is_not_read_is_not_taken_for_an_empty_one(shop: Shop) -> None:
    """`40.00 CR` is a credit: it must not become quantity x price. An empty amount may."""
    sold = "A{},1,2026-03-01 10:00:00,P1,Mug,{},77,Germany,EUR"
    shop.configure(BRAND.replace("kind: {type: text}", "kind: {type: boolean}"))
    sql = ORDER_LINES.replace("kind = 'cancelled' AS", "kind AS").replace(
        " amount,", " amount + 0 AS amount,"
    )
    (shop.brand / "order_lines.sql").write_text(sql)
    shop.deliver("item,cost\nP1,25\n", "catalogue.csv")
    cells = ["1,40,40.00 CR,", "1,40,,", "1,40,38.5,no", "1,40,,perhaps", "x,40,38.5,no"]
    shop.deliver_lines(*(sold.format(n, c) for n, c in enumerate(cells)), header=HEADER)
    shop.run(until="silver")
    amounts = "SELECT order_id, line_type, amount_eur FROM silver.sales_clean ORDER BY 1"
    assert shop.rows(amounts) == [("A1", "sale", Decimal(40)), ("A2", "sale", Decimal("38.5"))]
    reasons = "SELECT order_id, reason_code FROM silver.quarantine ORDER BY 1"
    assert shop.rows(reasons) == [
        ("A0", "unreadable_value"), ("A3", "unreadable_value"), ("A4", "unreadable_quantity"),
    ]  # fmt: skip


def test_a_number_that_stands_for_all_who_gave_none_is_said(shop: Shop) -> None:
    """60 of 110 orders are customer 0's; the other ones have two each."""
    sold = "A{0},1,2026-03-01 10:00:00,P1,Mug,1,5.00,{1},Germany,EUR"
    shop.deliver_lines(*(sold.format(n, max(0, (n - 58) // 2)) for n in range(110)))
    [finding] = [check for check in shop.run().checks if check.check == "a_customer_is_one_person"]
    assert finding.sample == [
        {"source_system": "shop", "customer_id": "shop:0", "frequency": 60, "orders": 110}
    ]


def test_a_brand_that_takes_back_more_than_it_sells_is_a_finding_and_no_failure(shop: Shop) -> None:
    """10 are sold and 40 come back: a young brand, or one that has closed."""
    line = "A{0},1,2026-03-01 10:00:00,P1,Mug,{1},10.00,77,Germany,EUR"
    shop.deliver_lines(line.format(1, 1), line.format(2, -4))
    result = shop.run()
    assert not result.failed
    found = {check.check: check.sample for check in result.checks if not check.passed}
    assert found["return_rate_in_bounds"] == [
        {"scope": scope, "return_rate": "4.000000"} for scope in ("shop", "group")
    ]
    assert shop.rows("SELECT gmv_eur, returns_eur FROM gold.sales_daily") == [(10, 40)]
