"""Exports that tell what was sold as a whole and as its parts, by rows that name another as their parent."""

from __future__ import annotations

from tests.conftest import SHOP_HEADER, SHOP_ORDER_LINES, Shop

# The columns, then for each row of an order what they say and its price.
SOLD: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "bundle": ("item_id,parent_item_id", [("1,", "50"), ("2,1", "30.01"), ("3,1", "20"), ("4,", "7")]),
    "article": ("sku,parent_sku", [("TEE,", "25"), ("TEE-L,TEE", "25")]),
    "nothing": ("item_id,parent_item_id", [("1,", "50"), ("2,1", "0")]),
    "extras": ("line_id,parent", [("1,", "4"), ("2,1", "0.50"), ("3,1", "0.50")]),
    "own": ("id,parent_id", [("1,1", "50"), ("2,2", "20")]),
    "read": ("item_id,parent_item_id", [("1,", "50"), ("2,1", "50")]),
}


def test_what_is_sold_as_a_whole_and_as_its_parts_is_said(shop: Shop) -> None:
    """Not parts that are free, or have a price of their own, and nothing where order_lines.sql decides it."""
    for brand, (columns, rows) in zip(shop.brands(*SOLD), SOLD.values(), strict=True):
        brand.deliver_lines(
            *(
                f"A{order},{n},2026-03-0{order} 10:00,{said},P{n},Mug,1,{price},77,DE,EUR"
                for order in (1, 2)
                for n, (said, price) in enumerate(rows, start=1)
            ),
            header=SHOP_HEADER.replace("when", f"when,{columns}"),
        )
    declared = "      parent_item_id: {type: code}\n      item:"
    brand.configure((brand.brand / "brand.yml").read_text().replace("      item:", declared))
    leave_out = "currency, CASE WHEN parent_item_id <> '' THEN 'left_out' END AS problem, batch_id"
    lines = SHOP_ORDER_LINES.replace("currency, batch_id", leave_out)
    (brand.brand / "order_lines.sql").write_text(lines)
    result = shop.run(until="silver")
    assert not result.failed, result.faults
    [check] = [check for check in result.checks if check.check == "parts_are_counted_once"]
    columns = ("source_system", "said_by", "parents", "amount_eur")
    assert [tuple(str(row[column]) for column in columns) for row in check.sample] == [
        ("article", "lines.parent_sku", "2", "50.00"),
        ("bundle", "lines.parent_item_id", "2", "100.02"),
    ]
