"""Exports whose rows say that they are cancelled, deleted or no line at all, by columns that nobody reads."""

from __future__ import annotations

import pytest
from tests.conftest import HEADED_BRAND, HEADED_LINES, SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Shop

from mergehouse.pipeline.results import RunResult

READ = "CASE WHEN voided THEN NULL END AS problem"
ASKED: dict[str, tuple[str, list[str], str, str, list[str]]] = {
    # the column, what rows say, its type where it is declared, what else brand.yml or order_lines.sql say,
    # and what is found of it
    "status": ("Financial Status", ["paid", "Voided", "wc-cancelled"], "", "", ["VOIDED", "WC-CANCELLED"]),
    "airbyte": ("_ab_cdc_deleted_at", ["", "2026-03-02", "2026-03-03"], "", "", ["2026-03-02"]),
    "flag": ("voided", ["N", "Y", "0"], "boolean", "", ["Y"]),
    "amount": ("Refunded Amount", ["0.00", "12.50", "-"], "", "", ["12.50"]),
    "changes": ("op", ["c", "r", "d"], "code", "", ["D"]),
    "tender": ("row_type", ["ITEM", "ITEM", "TENDER"], "text", "", ["TENDER"]),
    "events": ("event_type", ["purchase", "View", "add_to_cart"], "", "", ["ADD_TO_CART", "VIEW"]),
    "german": ("Storniert am", ["", "", "01.03.2026"], "", "", ["01.03.2026"]),
    "paid": ("Transaction Type", ["payment", "payment", "charge"], "", "", []),
    "about": ("return_policy", ["30 days", "30 days", "none"], "", "", []),
    "halves": ("test_group", ["A", "B", "B"], "", "", []),
    "rule": ("status", ["paid", "void", "void"], "code", "leave_out: {status: [void]}", []),
    "empty": ("Cancelled at", ["NaT", "\\N", "nej"], "", "", []),
    "gone": ("gone", ["", "1", "1"], "boolean", "deleted", []),
    "named": ("voided", ["N", "Y", "Y"], "boolean", READ, []),
}


def found(result: RunResult) -> list[tuple[object, ...]]:
    [check] = [check for check in result.checks if check.check == "marks_of_rows_are_read"]
    columns = ("source_system", "value", "order_lines", "amount_eur")
    return [tuple(row[column] for column in columns) for row in check.sample]


def test_marks_that_nobody_reads_are_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how many sales have them, of which amount; each row here is one of 5 euros."""
    monkeypatch.setattr("mergehouse.quality.checks.SAMPLE_ROWS", 100)
    for brand, (column, values, kind, says, _) in zip(shop.brands(*ASKED), ASKED.values(), strict=True):
        name = column.lower()
        config = SHOP_BRAND.replace("      item:", f"      {name}: {{type: {kind}}}\n      item:", bool(kind))
        if says == "deleted":
            config = config.replace("    columns:", f"    key: [order]\n    deleted: {name}\n    columns:")
        brand.configure(config + (says if says.startswith("leave_out") else ""))
        if says == READ:
            lines = SHOP_ORDER_LINES.replace("currency, batch_id", f"currency, {says}, batch_id")
            (brand.brand / "order_lines.sql").write_text(lines)
        rows = (
            f"A{n},1,2026-03-02 10:00,{said},P1,Mug,1,5,77,DE,EUR"
            for n, said in enumerate([*values, values[0]])
        )
        brand.deliver_lines(*rows, header=SHOP_HEADER.replace("when", f"when,{column}"))
    result = shop.run(until="silver")
    assert not result.failed, result.faults
    twice = {"airbyte": 2}
    assert found(result) == [
        (name, value, twice.get(name, 1), 5 * twice.get(name, 1))
        for name, (_, _, _, _, expected) in sorted(ASKED.items())
        for value in expected
    ]


def test_returns_that_are_told_by_their_sign_need_no_mark(shop: Shop) -> None:
    """But a mark of what was cancelled does, until a later version of the line has none."""
    header = SHOP_HEADER.replace("when", "when,kind,refund_amount")
    rows = [
        f"A{n},1,2026-03-0{n},{said},P1,Mug,{qty},5,77,DE,EUR"
        for n, (said, qty) in enumerate([("Sale,5", 2), ("Return,0", -1), ("Cancelled,0", 3)], start=1)
    ]
    shop.deliver_lines(*rows, header=header)
    assert found(shop.run(until="silver")) == [("shop", "CANCELLED", 1, 15)]
    shop.deliver_lines(rows[2].replace("Cancelled", "Sale"), header=header, name="lines_2.csv")
    assert found(shop.run(until="silver")) == []


def test_marks_of_orders_that_lines_are_joined_to_are_said(shop: Shop) -> None:
    """Not those of what is looked up by anything but the order's number, as products are."""
    orders, products = shop.brands("orders", "products")
    for brand, number in ((orders, "`order`"), (products, "item")):
        brand.configure(HEADED_BRAND)
        lines = HEADED_LINES.replace("h.number = l.`order`", f"h.number = l.{number}")
        (brand.brand / "order_lines.sql").write_text(lines)
        brand.deliver_lines(*(f"A{n},1,2026-03-02 10:00,P{n},Mug,1,5,77,DE,EUR" for n in (1, 2)))
    orders.deliver("number,customer,Order Status\nA1,77,delivered\nA2,77,canceled\n", "heads.csv")
    products.deliver("number,customer,Status\nP1,77,deleted\nP2,77,\n", "heads.csv")
    [check] = [c for c in shop.run(until="silver").checks if c.check == "marks_of_rows_are_read"]
    assert [(row["source_system"], row["said_by"], row["value"], row["orders"]) for row in check.sample] == [
        ("orders", "heads.order_status", "CANCELED", 1)
    ]
