"""Rows of one file of which order_lines.sql makes the same: one line counts, though they may be several."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Shop

UNNUMBERED = SHOP_ORDER_LINES.replace("line AS line_id, ", "")
COSTED = UNNUMBERED.replace("currency,", "currency, line AS cost,")
# by brand: order_lines.sql, what else brand.yml says, what the two rows say as line and in a column that
# nobody declares, how many units another line has, and the columns in which the rows are said to differ
ASKED: dict[str, tuple[str, str, tuple[str, str], tuple[str, str], int, list[str]]] = {
    "numbered": (UNNUMBERED, "", ("1", "2"), ("", ""), 2, ["line"]),
    "undeclared": (UNNUMBERED, "", ("1", "1"), ("7", "8"), 2, ["row_id"]),
    "cost": (COSTED, "", ("1", "2"), ("", ""), 2, ["line"]),
    "units": (UNNUMBERED, "", ("1", "1"), ("", ""), 1, [""]),
    "alike": (UNNUMBERED, "", ("1", "1"), ("", ""), 2, []),
    "said": (UNNUMBERED, "repeats: duplicates\n", ("1", "2"), ("", ""), 1, []),
    "read": (SHOP_ORDER_LINES, "", ("1", "2"), ("7", "8"), 1, []),
}


def test_rows_that_count_once_though_they_differ_are_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And rows that are alike where each stands for one unit. One line of 5 euros gives way in each case."""
    monkeypatch.setattr("mergehouse.quality.checks.SAMPLE_ROWS", 100)
    for brand, (sql, says, lines, numbers, units, _) in zip(shop.brands(*ASKED), ASKED.values(), strict=True):
        brand.configure(says + SHOP_BRAND)
        (brand.brand / "order_lines.sql").write_text(sql)
        rows = [
            f"A,{line},2026-03-02 10:00,{number},P1,Mug,1,5,77,DE,EUR"
            for line, number in zip(lines, numbers, strict=True)
        ]
        other = f"B,1,2026-03-02 10:00,9,P1,Mug,{units},5,77,DE,EUR"
        brand.deliver_lines(*rows, other, header=SHOP_HEADER.replace("when", "when,Row ID"))
    result = shop.run(until="silver")
    [said] = [check for check in result.checks if check.check == "repeated_rows_are_alike"]
    assert [tuple(row.values()) for row in said.sample] == [
        (brand, column, 1, Decimal(5), "EUR")
        for brand, (*_, columns) in sorted(ASKED.items())
        for column in columns
    ]
