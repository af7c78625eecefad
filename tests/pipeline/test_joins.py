"""Joins of a brand's SQL, and lists of products and customers, whose keys are written differently."""

from __future__ import annotations

import pytest
from tests.conftest import HEADED_BRAND, HEADED_LINES, SHOP_BRAND, Shop
from tests.pipeline.test_as_exported import LINE, found

pytestmark = pytest.mark.slow("several deliveries")


def joined(shop: Shop, customers: list[str], heads: list[str], on: str = "") -> list[dict[str, object]]:
    """What is found of a JOIN of orders, one for each of these customers, to heads by the customer."""
    shop.configure(HEADED_BRAND)
    by_customer = HEADED_LINES.replace("h.number = l.`order`", on or "h.number = l.customer")
    (shop.brand / "order_lines.sql").write_text(by_customer)
    shop.deliver_lines(*(LINE.format(order=f"A{n}", item="P1", customer=c) for n, c in enumerate(customers)))
    shop.deliver("\n".join(["number,customer", *(f"{number},77" for number in heads)]) + "\n", "heads.csv")
    result = shop.run(until="silver")
    assert not result.failed
    return found(result, "joins_find_rows")


def test_a_join_that_finds_nothing_is_found(shop: Shop) -> None:
    """Keys that are written differently on both sides; who has none looks for nothing."""
    looked_up = {"source_system": "shop", "compared": "lines.customer = heads.number", "order_lines": 2}
    assert joined(shop, ["C-0123", "", "C-0124"], ["123", "124"]) == [looked_up | {"example": "C-0123"}]


def test_a_join_by_a_key_that_finds_nothing_for_most_lines_is_found(shop: Shop) -> None:
    [told] = joined(shop, ["123", "C-0123", "C-0124"], ["123", "124"], on="number = l.customer")
    assert (told["order_lines"], told["example"]) == (2, "C-0123")


def test_a_join_that_finds_what_there_is_is_none(shop: Shop) -> None:
    """Payments that are summed up are of some orders alone; a source without rows has nothing to find."""
    assert joined(shop, ["123", "", "123"], ["123", "9"]) == []
    paid = HEADED_LINES.replace(
        "heads AS h", "(SELECT number, MAX(customer) AS customer FROM heads GROUP BY number) AS h"
    )
    (shop.brand / "order_lines.sql").write_text(paid.replace("h.number = l.`order`", "h.number = l.customer"))
    shop.deliver_lines(
        *(LINE.format(order=f"B{n}", item="P1", customer=f"55{n}") for n in range(3)), name="lines_2.csv"
    )
    assert found(shop.run(until="silver"), "joins_find_rows") == []


def test_joins_are_seen_however_they_are_written(shop: Shop) -> None:
    written = {
        "above": "WITH l AS ({0}) SELECT {1} FROM l", "within": "SELECT {1} FROM ({0}) AS l", "alone": "{0}",
    }  # fmt: skip
    using = HEADED_LINES.replace("ON h.number = l.`order`", "USING (item)")
    names = "order_id, order_local_ts, product_code, quantity, unit_price, batch_id, source_row, ingest_ts"
    for brand, sql in zip(shop.brands(*written), written.values(), strict=True):
        brand.configure(
            HEADED_BRAND.replace("number: {type", "item: {header: number, type").replace("[number]", "[item]")
        )
        (brand.brand / "order_lines.sql").write_text(sql.format(using, names))
        brand.deliver_lines(LINE.format(order="A1", item="P1", customer=""))
        brand.deliver("number,customer\n1,77\n", "heads.csv")
    told = found(shop.run(until="silver"), "joins_find_rows")
    assert {row["source_system"] for row in told} == set(written) and len(told) == len(written)
    assert {(row["compared"], row["example"]) for row in told} == {("lines.item = heads.item", "P1")}


def test_a_list_that_names_some_lines_is_no_lookup(shop: Shop) -> None:
    """One of three orders is deleted: two lines find nothing, as it should be."""
    shop.configure(HEADED_BRAND)
    asks = "CASE WHEN h.number IS NOT NULL THEN 'left_out' END AS problem, h.customer AS customer_code"
    (shop.brand / "order_lines.sql").write_text(HEADED_LINES.replace("h.customer AS customer_code", asks))
    shop.deliver_lines(*(LINE.format(order=f"A{n}", item="P1", customer="") for n in range(3)))
    shop.deliver("number,customer\nA1,77\n", "heads.csv")
    assert found(shop.run(until="silver"), "joins_find_rows") == []
    assert shop.rows("SELECT COUNT(*) FROM silver.sales_clean") == [(2,)]


def test_rows_that_two_files_have_and_lines_add_up_are_found(shop: Shop) -> None:
    """A1 was paid with 20; the next payments have that again, and 5 more, thus 45 in the place of 25."""
    sql = HEADED_LINES.replace("price AS unit_price", "price AS unit_price, h.paid AS amount").replace(
        "h.customer AS", "CAST(NULL AS STRING) AS"
    )
    sums = "(SELECT number, SUM(CAST(customer AS DECIMAL(20, 9))) AS paid FROM heads GROUP BY number) AS h"
    keys = {"unkeyed": "", "keyed": "    key: [number, customer]\n"}
    brands = shop.brands(*keys)
    for brand, key in zip(brands, keys.values(), strict=True):
        brand.configure(HEADED_BRAND.replace("    key: [number]\n", key))
        (brand.brand / "order_lines.sql").write_text(sql.replace("heads AS h", sums))
        brand.deliver_lines(LINE.format(order="A1", item="P1", customer=""))
        brand.deliver("number,customer\nA1,20\n", "heads_1.csv")
    assert found(shop.run(until="silver"), "rows_are_added_up_once") == []
    for brand in brands:
        brand.deliver("number,customer\nA1,20\nA1,5\n", "heads_2.csv")
    told = {"source_table": "heads", "entries": 1, "earlier": "heads_1.csv", "later": "heads_2.csv"}
    result = shop.run(until="silver")
    assert found(result, "rows_are_added_up_once") == [{"source_system": "unkeyed", **told}]
    amounts = "SELECT source_system, amount_eur FROM silver.sales_clean ORDER BY 1"
    assert shop.rows(amounts) == [("keyed", 25), ("unkeyed", 45)]


LISTED = """
  listed:
    files: "listed*"
    key: [number]
    columns: {number: {type: code}, name: {type: text}}
"""


def test_lists_of_other_codes_than_lines_are_found(shop: Shop) -> None:
    """Most of both unknown to the other: a small catalogue, or one of much that is not sold, is none."""
    listed = {
        "none": "1 2 3", "a_third": "P-1 2 3", "small": "P-1 P-2", "large": "P-1 P-2 3 4 5 6", "one": "P-1",
    }  # fmt: skip
    for brand, codes in zip(shop.brands(*listed), listed.values(), strict=True):
        brand.configure(SHOP_BRAND + LISTED)
        for name, code in (("products", "product"), ("customers", "customer")):
            sql = f"SELECT number AS {code}_code{', name AS product_name' * (code == 'product')} FROM listed"
            (brand.brand / f"{name}.sql").write_text(sql)
        lines = (LINE.format(order=f"A{n}", item=f"P-{n}", customer=f"P-{n}") for n in (1, 2, 3))
        brand.deliver_lines(*lines)
        rows = "\n".join(["number,name", *(f"{code},Cup" for code in codes.split())])
        brand.deliver(f"{rows}\n", "listed.csv")
    result = shop.run(until="silver")
    for check, sold in (("catalogue_names_what_is_sold", "sold"), ("register_names_who_buys", "bought")):
        columns = ("source_system", "listed", sold, f"listed_and_{sold}")
        told = sorted(tuple(row[column] for column in columns) for row in found(result, check))
        assert told == [("a_third", 3, 3, 1), ("none", 3, 3, 0)]
