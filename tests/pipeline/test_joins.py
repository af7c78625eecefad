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
