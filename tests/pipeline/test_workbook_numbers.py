"""Numbers that a workbook holds as such: 25 % is 25, and 1.125 no thousand, whatever is declared for text."""

from __future__ import annotations

import json
from decimal import Decimal

import openpyxl
from tests.conftest import SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Shop


def test_a_cell_that_is_shown_as_percent_is_what_it_shows(shop: Shop) -> None:
    """4 x 10.00 less a discount of 25 %, of 7.5 % and of nothing; text beside them says it itself."""
    shop.configure(
        SHOP_BRAND.replace("price: {type: number}", "price: {type: number}\n      less: {type: percent}")
    )
    (shop.brand / "order_lines.sql").write_text(
        SHOP_ORDER_LINES.replace("price AS unit_price", "price * (100 - less) / 100 AS unit_price")
    )
    book = openpyxl.Workbook()
    page = book.active
    page.append(header := SHOP_HEADER.replace("price", "price,less").split(","))
    for n, less in enumerate([0.25, 0.075, 0, "12.5%"]):
        page.append([f"A{n}", "1", "2026-03-01 10:00:00", "P1", "Mug", 4, 10, less, "77", "DE", "EUR"])
        page.cell(n + 2, 8).number_format = ["0%", "0.00%", '0.0" %"%', "General"][n]
    book.save(shop.raw / "lines.xlsx")
    shop.deliver_lines("B1,1,2026-03-01 10:00:00,P1,Mug,4,10,25 %,77,DE,EUR", header=",".join(header))
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT order_id, amount_eur FROM silver.sales_clean ORDER BY 1") == [
        ("A0", Decimal("30.00")), ("A1", Decimal("37.00")), ("A2", Decimal("40.00")),
        ("A3", Decimal("35.00")),
        ("B1", Decimal("30.00")),
    ]  # fmt: skip
    assert ("25%",) in shop.rows("SELECT less FROM bronze.shop_lines")


def test_numbers_of_a_workbook_have_a_point(shop: Shop) -> None:
    """Beside a column of text with a declared decimal comma."""
    shop.configure(SHOP_BRAND.replace("    columns:", "    decimal_mark: ','\n    columns:", 1))
    book = openpyxl.Workbook()
    page = book.active
    page.append(SHOP_HEADER.split(","))
    page.append(["A1", "1", "2026-03-01 10:00:00", "P1", "Mug", 1.125, "1.000,50", "77", "DE", "EUR"])
    book.save(shop.raw / "lines.xlsx")
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT quantity, unit_price FROM silver.sales_clean") == [
        (Decimal("1.125"), Decimal("1000.5"))
    ]


def test_numbers_beside_texts_with_a_decimal_comma_are_no_thousands(shop: Shop) -> None:
    """A column that somebody filled in part by hand: 2 x 12.345 is 24.69, the text 1.234 a thousand and more,
    as the other texts of the column say.
    """
    book = openpyxl.Workbook()
    page = book.active
    page.append(SHOP_HEADER.split(","))
    prices: list[str | float] = ["12,50", "1.234,50", 12.345, -7.125, "1.234"]
    for n, price in enumerate(prices):
        page.append([f"A{n}", "1", "2026-03-01 10:00:00", "P1", "Mug", 2, price, "77", "DE", "EUR"])
    sheets, records = shop.brands("sheets", "records")
    book.save(sheets.raw / "lines.xlsx")
    rows = [[cell.value for cell in row] for row in page.iter_rows()]
    records.deliver(json.dumps([dict(zip(rows[0], row, strict=True)) for row in rows[1:]]), "lines.json")
    assert not shop.run(until="silver").failed
    amounts = [Decimal(amount) for amount in ("25.00", "2469.00", "24.69", "-14.25", "2468.00")]
    for brand in ("sheets", "records"):
        lines = f"silver.sales_clean WHERE source_system = '{brand}' ORDER BY order_id"
        assert shop.rows(f"SELECT amount_eur FROM {lines}") == [(amount,) for amount in amounts]
