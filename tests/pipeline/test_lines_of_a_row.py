"""An export with a row for each order, with postage, discount and refund in columns of their own: one row
gives several order lines, and all are accounted for.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.conftest import Shop
from tests.pipeline.rebuilds import differences

from mergehouse.errors import ConfigError
from mergehouse.transform.brand_queries import ORDER_LINES, brand_queries, version_key

pytestmark = pytest.mark.slow("several deliveries, and rebuilds to compare with")

BRAND = """
label: Shop
currency: EUR
quarantine: {stop: 100 %}
timezone: Europe/Berlin
sources:
  orders:
    files: "orders*"
    columns:
      number: {type: code}
      when: {type: timestamp}
      item: {type: code}
      qty: {type: number}
      price: {type: number}
      shipping: {type: number}
      discount: {type: number}
      refunded: {type: number}
      customer: {type: code}
"""
GOODS = """
SELECT number AS order_id, `when` AS order_local_ts, item AS product_code, qty AS quantity,
  price AS unit_price, CAST(NULL AS STRING) AS line_class, customer AS customer_code,
  batch_id, source_row, ingest_ts FROM orders
"""
SEVERAL = f"""{GOODS}
UNION ALL
SELECT number, `when`, 'SHIPPING', 1, shipping, 'Postage', customer, batch_id, source_row, ingest_ts
FROM orders WHERE shipping <> 0
UNION ALL
SELECT number, `when`, 'DISCOUNT', 1, -discount, 'discount', customer, batch_id, source_row, ingest_ts
FROM orders WHERE discount <> 0
UNION ALL
SELECT number, `when`, item, 1, -refunded, NULL, customer, batch_id, source_row, ingest_ts
FROM orders WHERE refunded <> 0
"""
HEADER = "number,when,item,qty,price,shipping,discount,refunded,customer"
FIRST = (
    "A1,2026-03-01 10:00:00,P1,2,50,4.90,10,0,77",
    "A2,2026-03-01 11:00:00,P1,1,50,0,0,0,77",
    "A3,2026-03-01 12:00:00,P2,1,30,4.90,0,12.50,78",
    "A3,2026-03-01 12:00:00,P2,1,30,4.90,0,12.50,78",
    "A4,not a day,P2,1,30,4.90,0,0,78",
)
LINES = "SELECT order_id, line_part, line_type, line_class, amount_eur FROM silver.sales_clean ORDER BY 1, 2"


@pytest.fixture
def orders(shop: Shop) -> Shop:
    shop.configure(BRAND)
    (shop.brand / ORDER_LINES).write_text(SEVERAL)
    shop.deliver_lines(*FIRST, header=HEADER, name="orders_1.csv")
    return shop


def line(order: str, part: int, kind: str, cls: str | None, amount: str) -> tuple:
    return (order, part, kind, cls, Decimal(amount))


A2 = line("A2", 1, "sale", None, "50.00")
A3 = [
    line("A3", 1, "sale", None, "30.00"),
    line("A3", 2, "non_merchandise", "postage", "4.90"),
    line("A3", 4, "return", None, "-12.50"),
]


def test_every_line_of_a_row_counts_once(orders: Shop) -> None:
    result = orders.run()
    assert not result.failed
    a1 = [
        line("A1", 1, "sale", None, "100.00"),
        line("A1", 2, "non_merchandise", "postage", "4.90"),
        line("A1", 3, "non_merchandise", "discount", "-10.00"),
    ]
    assert orders.rows(LINES) == [*a1, A2, *A3]
    assert orders.rows("SELECT gmv_eur, returns_eur, non_merchandise_eur FROM gold.sales_daily") == [
        (Decimal("180.00"), Decimal("12.50"), Decimal("-0.20"))
    ]
    # the fourth row repeats the third with all its lines and counts in its place, the fifth has no date
    repeated = "SELECT line_part, kind FROM silver.duplicates WHERE source_row = 3 ORDER BY 1"
    assert orders.rows(repeated) == [(n, "within_delivery") for n in (1, 2, 4)]
    unusable = "SELECT line_part, reason_code FROM silver.quarantine ORDER BY 1"
    assert orders.rows(unusable) == [(1, "unreadable_date"), (2, "unreadable_date")]
    kinds = "SELECT product_code, line_class, category FROM silver.products_clean ORDER BY 1"
    assert orders.rows(kinds) == [
        ("DISCOUNT", "discount", "Non-merchandise"),
        ("P1", None, "Unmapped"),
        ("P2", None, "Unmapped"),
        ("SHIPPING", "postage", "Non-merchandise"),
    ]


def test_a_line_that_rows_share_which_differ_is_named(shop: Shop) -> None:
    """A1: the same goods, with other discounts; A2: one postage beside two products; A3 comes twice."""
    shop.configure(BRAND)
    (shop.brand / ORDER_LINES).write_text(SEVERAL)
    day = "2026-03-01 10:00:00"
    shop.deliver_lines(
        *(f"A1,{day},P1,1,50,0,{discount},0,77" for discount in (1, 2)),
        *(f"A2,{day},{item},1,50,4.90,0,0,77" for item in ("P1", "P2")),
        *(f"A3,{day},P1,1,50,4.90,3,0,77" for _ in range(2)),
        header=HEADER,
        name="orders_1.csv",
    )
    result = shop.run(until="silver")
    assert not result.failed
    assert "line_class_is_no_goods" not in {c.check for c in result.checks if c.failures}
    [said] = [c for c in result.checks if c.check == "a_row_repeats_as_a_whole"]
    assert [(row["order_id"], row["amount"]) for row in said.sample] == [("A1", 50), ("A2", Decimal("4.9"))]


def test_goods_that_have_a_kind_of_other_lines_are_named(shop: Shop) -> None:
    shop.configure(BRAND)
    kind = "CASE WHEN qty > 1 THEN 'Sale' END AS line_class"
    (shop.brand / ORDER_LINES).write_text(GOODS.replace("CAST(NULL AS STRING) AS line_class", kind))
    shop.deliver_lines(*FIRST[:2], header=HEADER, name="orders_1.csv")
    [said] = [c for c in shop.run(until="silver").checks if c.check == "line_class_is_no_goods"]
    assert said.sample == [
        {"source_system": "shop", "line_class": "sale", "order_lines": 1, "amount_eur": Decimal("100.00")}
    ]


def test_a_row_that_comes_again_replaces_all_lines_of_the_earlier_one(orders: Shop) -> None:
    """A1 comes again without postage and discount, A2 as it was, A3 twice in the first file."""
    orders.configure(BRAND.replace('files: "orders*"', 'files: "orders*"\n    key: [number]'))
    assert not orders.run("silver").failed
    again = ("A1,2026-03-01 10:00:00,P1,1,50,0,0,0,77", FIRST[1], "A5,2026-03-02 10:00:00,P1,1,50,0,5,0,77")
    orders.deliver_lines(*again, header=HEADER, name="orders_2.csv")
    result = orders.run("silver")
    assert not result.failed
    assert "updated" in {t.status for t in result.tables if t.table == "silver.order_lines"}
    a5 = [line("A5", 1, "sale", None, "50.00"), line("A5", 3, "non_merchandise", "discount", "-5.00")]
    assert orders.rows(LINES) == [line("A1", 1, "sale", None, "50.00"), A2, *A3, *a5]
    replaced = "SELECT order_id, line_part, kind FROM silver.duplicates WHERE order_id < 'A3' ORDER BY 1, 2"
    assert orders.rows(replaced) == [
        *(("A1", part, "superseded") for part in (1, 2, 3)),
        ("A2", 1, "across_deliveries"),
    ]
    assert differences(orders.lakehouse, orders.folder) == {}


def test_lines_that_an_earlier_version_of_a_row_alone_gives_are_named(shop: Shop) -> None:
    """Each line has a number of its own, so that A1's postage of 4.90 stays, which was taken off; of A2 all
    lines come again.
    """
    shop.configure(f"{BRAND}replaces: line\n")
    numbered = GOODS.replace("SELECT", "SELECT 'G' AS line_id,", 1) + SEVERAL.removeprefix(GOODS)
    for kind in ("SHIPPING", "DISCOUNT"):
        numbered = numbered.replace(
            f"SELECT number, `when`, '{kind}'", f"SELECT '{kind}', number, `when`, '{kind}'"
        )
    (shop.brand / ORDER_LINES).write_text(
        numbered.replace("SELECT number, `when`, item, 1", "SELECT 'R', number, `when`, item, 1")
    )
    first = ("A1,2026-03-01 10:00:00,P1,2,50,4.90,10,0,77", "A2,2026-03-01 11:00:00,P1,1,50,4.90,3,1,77")
    shop.deliver_lines(*first, header=HEADER, name="orders_1.csv")
    assert not shop.run("silver").failed
    again = ("A1,2026-03-01 10:00:00,P1,3,50,0,9,0,77", "A2,2026-03-01 11:00:00,P1,2,60,5.90,4,2,77")
    shop.deliver_lines(*again, header=HEADER, name="orders_2.csv")
    found = {
        c.check: c.sample
        for c in shop.run("silver").checks
        if not c.passed and c.table == "silver.duplicates"
    }
    assert {
        check: [(row["order_id"], row["line_id"], row["amount_original"]) for row in rows]
        for check, rows in found.items()
    } == {"a_row_is_replaced_as_a_whole": [("A1", "SHIPPING", Decimal("4.9"))]}


ITEMS_IN_A_CELL = """
SELECT COALESCE(pos, 0) + 1 AS line_part, number AS order_id, `when` AS order_local_ts,
  it.sku AS product_code, it.n AS quantity, 5 AS unit_price,
  CASE WHEN it.sku IS NULL THEN 'left_out' END AS problem, batch_id, source_row, ingest_ts
FROM orders LATERAL VIEW OUTER POSEXPLODE(FROM_JSON(items, 'ARRAY<STRUCT<sku: STRING, n: INT>>')) AS pos, it
"""
GIVEN = [("A1", '[{"sku": "P1", "n": 2}, {"sku": "P2", "n": 1}]'), ("A2", "none"), ("A3", "[]"), ("A4", None)]
LISTED = [("A1", 1, "P1", 2), ("A1", 2, "P2", 1), *((f"A{n}", 1, None, None) for n in (2, 3, 4))]


def with_items(shop: Shop) -> None:
    columns = "number: {type: code}, when: {type: timestamp}, items: {type: text}"
    shop.configure(f"{BRAND.split('columns:')[0]}columns: {{{columns}}}\n")
    (shop.brand / ORDER_LINES).write_text(ITEMS_IN_A_CELL)


def test_each_item_in_a_cell_is_a_line(shop: Shop) -> None:
    with_items(shop)
    rows = (f"{number};2026-03-01;{items or ''}" for number, items in GIVEN)
    shop.deliver_lines(*rows, header="number;when;items", name="orders.csv")
    assert not shop.run(until="silver").failed
    counted = "SELECT order_id, line_part, product_code, quantity::INT FROM silver.order_lines ORDER BY 1, 2"
    assert shop.rows(counted) == LISTED
    assert shop.rows("SELECT sum(gmv_eur) FROM silver.sales_clean") == [(Decimal("15.00"),)]


def test_rows_that_a_condition_leaves_out_are_an_error_that_says_what_to_do(orders: Shop) -> None:
    (orders.brand / ORDER_LINES).write_text(f"{GOODS} WHERE number <> 'A2'")
    result = orders.run(until="silver")
    assert result.failed
    finding = next(check for check in result.checks if check.check == "every_row_gives_a_line")
    assert [(row["delivered"], row["placed"]) for row in finding.sample] == [(5, 4)]
    assert "THEN 'left_out' END AS problem" in finding.why

    said = GOODS.replace("batch_id", "CASE WHEN number = 'A2' THEN 'left_out' END AS problem, batch_id", 1)
    (orders.brand / ORDER_LINES).write_text(said)
    assert not orders.run(until="silver").failed
    left_out = "SELECT order_id, reason_code FROM silver.quarantine WHERE reason_code <> 'unreadable_date'"
    assert orders.rows(left_out) == [("A2", "left_out")]


ITEMS = """
SELECT i.number AS order_id, o.`when` AS order_local_ts, i.item AS product_code, i.qty AS quantity,
  i.price AS unit_price,
  i.batch_id, i.source_row, i.ingest_ts
FROM items AS i LEFT JOIN orders AS o ON o.number = i.number
UNION ALL
SELECT number, `when`, 'SHIPPING', 1, shipping, batch_id, source_row, ingest_ts FROM orders
WHERE shipping <> 0
"""
TWO_SOURCES = """
label: Shop
currency: EUR
sources:
  items:
    files: "items*"
    key: [line]
    columns:
      line: {type: code}
      number: {type: code}
      item: {type: code}
      qty: {type: number}
      price: {type: number}
  orders:
    files: "orders*"
    key: [number]
    columns:
      number: {type: code}
      when: {type: timestamp}
      shipping: {type: number}
"""


def test_headers_that_give_lines_of_their_own_are_read_once_as_headers(shop: Shop) -> None:
    """Order 1 comes in two versions: its items belong to the later one, and count once. Line 1 and order 1
    have the same number and are two things. Order 2 has no postage, and need not have a line.
    """
    shop.configure(TWO_SOURCES)
    (shop.brand / ORDER_LINES).write_text(ITEMS)
    (shop.brand / "line_types.csv").write_text("match,pattern,line_class\ncode,SHIPPING,postage\n")
    shop.deliver("line,number,item,qty,price\n1,1,P1,2,50\n2,1,P2,1,30\n", "items.csv")
    shop.deliver("number,when,shipping\n1,2026-03-01,4.90\n", "orders_1.csv")
    shop.run(until="bronze")
    shop.deliver("number,when,shipping\n1,2026-03-02,5.90\n2,2026-03-02,0\n", "orders_2.csv")
    assert not shop.run("silver").failed
    found = "SELECT line_id, order_date::VARCHAR, amount_eur FROM silver.sales_clean ORDER BY 1"
    assert shop.rows(found) == [
        ("1", "2026-03-02", Decimal("100.00")),
        ("2", "2026-03-02", Decimal("30.00")),
        ("orders-1", "2026-03-02", Decimal("5.90")),
    ]
    assert shop.rows("SELECT line_part, kind FROM silver.duplicates") == [(2, "superseded")]
    assert version_key(shop.project.brands["shop"], "orders") == []


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (
            "price AS unit_price, qty AS quantity",
            "column 4 of SELECT 2 of the UNION ALL is `unit_price`, which is",
        ),
        ("1", "SELECT 2 of the UNION ALL has 7 columns, the first has 8"),
    ],
)
def test_columns_that_stand_below_others_are_named(shop: Shop, second: str, says: str) -> None:
    shop.configure(BRAND)
    file = shop.brand / ORDER_LINES
    first = GOODS.replace("CAST(NULL AS STRING) AS line_class, customer AS customer_code,", "")
    rest = "batch_id, source_row, ingest_ts FROM orders"
    file.write_text(f"{first} UNION ALL SELECT number, `when`, item, {second}, {rest}")
    with pytest.raises(ConfigError) as error:
        brand_queries(shop.project.brands["shop"], file)
    assert says in str(error.value)
