"""What order_lines.sql works out over several rows of its source - an order's status, the sum of its lines,
which of them is first - is told by the delivery that counts, not by earlier versions beside it.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.conftest import Shop
from tests.pipeline.rebuilds import differences

pytestmark = pytest.mark.slow("two deliveries, and a rebuild to compare them with")

BRAND = """
label: Shop
currency: EUR
replaces: order
leave_out: {status: [expired]}
sources:
  orders:
    files: "orders*"
    columns:
      number: {type: code}
      sold_at: {type: timestamp}
      item: {type: code}
      pieces: {type: number}
      price: {type: number}
      discount: {type: number}
      postage: {type: number}
      status: {type: text}
      customer: {type: code}
"""
# what only the first line of an order says, and the order's discount by each line's share
CARRIED = """
SELECT number AS order_id, MAX(sold_at) OVER (PARTITION BY number) AS order_local_ts, item AS product_code,
  pieces AS quantity, price AS unit_price,
  pieces * price * (1 - MAX(discount) OVER (PARTITION BY number)
    / SUM(pieces * price) OVER (PARTITION BY number)) AS amount,
  CAST(NULL AS STRING) AS line_class, MAX(customer) OVER (PARTITION BY number) AS customer_code,
  MAX(status) OVER (PARTITION BY number) AS status, CAST(NULL AS STRING) AS problem,
  batch_id, source_row, ingest_ts
FROM orders
UNION ALL
SELECT number, sold_at, 'POST', 1, postage, NULL, 'postage', customer, status,
  CASE WHEN ROW_NUMBER() OVER (PARTITION BY number ORDER BY source_row) > 1 THEN 'left_out' END,
  batch_id, source_row, ingest_ts
FROM orders
"""
THROUGH_A_CTE = """
WITH orders_of_all AS (
  SELECT *, MAX(status) OVER (PARTITION BY number) AS of_order, ROW_NUMBER() OVER same AS place FROM orders
  WINDOW same AS (PARTITION BY number ORDER BY source_row)
)
SELECT number AS order_id, place AS line_id, MAX(sold_at) OVER (PARTITION BY number) AS order_local_ts,
  item AS product_code, pieces AS quantity, price AS unit_price, of_order AS status,
  CASE WHEN item IS NULL THEN 'left_out' END AS problem, batch_id, source_row, ingest_ts
FROM orders_of_all
"""
GROUPED = """
SELECT o.number AS order_id, t.sold_at AS order_local_ts, o.item AS product_code, o.pieces AS quantity,
  o.price AS unit_price, o.pieces * o.price * (1 - t.discount / t.amount) AS amount, t.status,
  o.batch_id, o.source_row, o.ingest_ts
FROM orders AS o
LEFT JOIN (
  SELECT number, MAX(sold_at) AS sold_at, MAX(discount) AS discount, MAX(status) AS status,
    SUM(pieces * price) AS amount
  FROM orders GROUP BY number
) AS t ON t.number = o.number
"""
FIRST_LINES = """
WITH first_lines AS (
  SELECT number, sold_at, status, ROW_NUMBER() OVER (PARTITION BY number ORDER BY source_row) AS place
  FROM orders
)
SELECT o.number AS order_id, f.sold_at AS order_local_ts, o.item AS product_code, o.pieces AS quantity,
  o.price AS unit_price, f.status, o.batch_id, o.source_row, o.ingest_ts
FROM orders AS o LEFT JOIN first_lines AS f ON f.number = o.number AND f.place = 1
"""
RETURNED = """
SELECT o.number AS order_id, o.sold_at AS order_local_ts, o.item AS product_code, o.pieces AS quantity,
  o.price AS unit_price, COALESCE(o.customer, s.customer) AS customer_code,
  o.batch_id, o.source_row, o.ingest_ts
FROM orders AS o
LEFT JOIN (SELECT number, MAX(customer) AS customer FROM orders GROUP BY number) AS s ON s.number = o.status
"""
NEWEST = """
SELECT number AS order_id, sold_at AS order_local_ts, item AS product_code, pieces AS quantity,
  price AS unit_price, CASE WHEN ingest_ts < MAX(ingest_ts) OVER () THEN 'left_out' END AS problem,
  batch_id, source_row, ingest_ts
FROM orders
"""
HEADER = "number,sold_at,item,pieces,price,discount,postage,status,customer"
FIRST = [
    "A1,2026-03-01 10:00,P1,1,30,10,5,paid,77",  # 100 less 10: 27 and 63
    "A1,,P2,1,70,,,,",
    "A2,2026-03-02 10:00,P1,1,50,5,5,paid,78",
]
AGAIN = [
    "A1,2026-03-01 10:00,P1,1,30,10,5,Expired,77",  # a word before `paid`
    "A1,,P2,1,70,,,,",
    "A2,2026-03-02 10:00,P1,2,50,20,5,paid,76",  # 100 less 20, of a customer with a lower number
]
# other ways to say GROUPED: by USING, of a CTE that hands on no delivery, by what is made of the number, or
# asked row by row
BY_NUMBER = GROUPED[GROUPED.index("(\n") : GROUPED.index(" AS t ON")]
PAID = GROUPED.replace("t.status,", "CASE WHEN {} THEN 'paid' ELSE 'open' END AS status,")
OTHERWISE = {
    "using": GROUPED.replace("ON t.number = o.number", "USING (number)").replace("o.number", "number"),
    "using_a_cte": f"WITH t AS {BY_NUMBER} "
    + GROUPED.replace(BY_NUMBER + " AS t ON t.number = o.number", "t USING (number)"),
    "handed_on": "WITH o AS (SELECT number AS no, sold_at, item, pieces, price, discount, status FROM orders)"
    + GROUPED.replace("FROM orders GROUP", "FROM o GROUP")
    .replace("SELECT number,", "SELECT no AS number,")
    .replace("GROUP BY number", "GROUP BY no"),
    "made_of_it": GROUPED.replace("SELECT number,", "SELECT CONCAT(number, '-') AS number,")
    .replace("GROUP BY number", "GROUP BY CONCAT(number, '-')")
    .replace("ON t.number = o.number", "ON t.number <=> CONCAT(o.number, '-')"),
    "is_in": PAID.format("o.number IN (SELECT number FROM orders WHERE status = 'paid')"),
    "exists": PAID.format(
        "EXISTS (SELECT 1 FROM orders AS p WHERE p.number = o.number AND p.status = 'paid')"
    ),
    "distinct": PAID.format("p.number IS NOT NULL") + "LEFT JOIN"
    " (SELECT DISTINCT number FROM orders WHERE status = 'paid') AS p ON p.number = o.number",
}
TOTALS = "SUM(gmv_eur), SUM(amount_eur) - SUM(gmv_eur), MIN(customer_id), COUNT(*)"
SUMS = f"SELECT {TOTALS} FROM silver.sales_clean WHERE source_system = 'carried'"
BY_ITSELF = BRAND.replace("replaces: order\nleave_out: {status: [expired]}\n", "")
CASES = {
    "carried": (BRAND, CARRIED, FIRST, AGAIN),
    "through": (BRAND, THROUGH_A_CTE, FIRST, AGAIN),
    "grouped": (BRAND, GROUPED, FIRST, AGAIN),
    "first_lines": (BRAND, FIRST_LINES, FIRST, AGAIN),
    # a return says the number of its sale, which came before
    "returned": (BY_ITSELF, RETURNED, [FIRST[2]], ["R1,2026-03-05 10:00,P1,-1,50,,,A2,"]),
    "newest": (BY_ITSELF, NEWEST, [FIRST[2]], [AGAIN[2]]),
} | {name: (BRAND.replace("expired", "expired, open"), sql, FIRST, AGAIN) for name, sql in OTHERWISE.items()}


def test_windows_and_groups_see_the_rows_of_their_own_delivery(shop: Shop) -> None:
    brands = shop.brands(*CASES)
    for brand, (rules, sql, first, _) in zip(brands, CASES.values(), strict=True):
        brand.configure(rules)
        (brand.brand / "order_lines.sql").write_text(sql)
        brand.deliver_lines(*first, header=HEADER, name="orders_1.csv")
    assert not shop.run().failed
    assert shop.rows(SUMS) == [(135, 10, "carried:77", 5)]
    for brand, (*_, again) in zip(brands, CASES.values(), strict=True):
        brand.deliver_lines(*again, header=HEADER, name="orders_2.csv")
    assert not shop.run().failed
    assert shop.rows(SUMS) == [(80, 5, "carried:76", 2)]
    grouped = "SELECT COUNT(*), SUM(gmv_eur) FROM silver.sales_clean WHERE source_system = 'grouped'"
    assert shop.rows(grouped) == [(1, 80)]
    for name in OTHERWISE:
        assert (name, *shop.rows(grouped.replace("'grouped'", f"'{name}'"))) == (name, (1, 80))
    assert shop.rows(grouped.replace("'grouped'", "'first_lines'")) == [(1, 100)]
    returned = (
        "SELECT order_id, customer_id FROM silver.sales_clean WHERE source_system = 'returned' ORDER BY 1"
    )
    assert shop.rows(returned) == [("A2", "returned:78"), ("R1", "returned:78")]
    lines = "SELECT order_id, line_id, amount_eur FROM silver.sales_clean WHERE source_system = '{}'"
    assert shop.rows(lines.format("through")) == [("A2", "1", Decimal(100))]
    # a window that names deliveries says itself what it is about: the newest file alone counts
    assert shop.rows(lines.format("newest")) == [("A2", None, Decimal(100))]
    assert differences(shop.lakehouse, shop.folder) == {}
