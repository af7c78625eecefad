"""Exports that say by a column which rows are returns, with values that order_lines.sql does not name."""

from __future__ import annotations

import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Shop

KINDS = ["Invoice"] * 4 + ["Refund", "Storno", "Proforma"]
NUMBERS = {"Invoice": 1, "Refund": 2, "Storno": 3, "Proforma": 4}
COLUMNS = "      kind: {type: text}\n      type: {type: number}\n      code: {type: code}\n      item:"
SIGN = "CASE WHEN UPPER(kind) = 'REFUND' THEN -qty ELSE qty END AS quantity"
ASKED = {  # how brands tell what a row is, and the kinds that nobody has thought of
    "cancellation": ("kind = 'Refund' AS is_cancellation", ["Proforma", "Storno"]),
    "several": ("kind IN ('Refund', 'Storno') AS is_cancellation", ["Proforma"]),
    "listed": (
        "CASE kind WHEN 'Invoice' THEN FALSE WHEN 'Refund' THEN TRUE END AS is_cancellation",
        ["Proforma", "Storno"],
    ),
    "sign": (SIGN, ["Proforma", "Storno"]),
    "left_out": ("kind = 'Refund' AS is_cancellation", ["Storno"]),
    "whole": ("kind IN ('Refund', 'Storno') AND kind <> 'Proforma' AS is_cancellation", []),
    "otherwise": ("CASE WHEN kind = 'Invoice' THEN FALSE ELSE TRUE END AS is_cancellation", []),
    "signed": ("CASE WHEN kind = 'Invoice' THEN price ELSE -price END AS amount", []),
    "a_problem": (
        "kind = 'Refund' AS is_cancellation,"
        " CASE WHEN kind IN ('Invoice', 'Refund') THEN NULL ELSE 'left_out' END AS problem",
        [],
    ),
    "rest": ("NOT (kind = 'Invoice') AS is_cancellation", []),
    "handed_on": ("kind = 'Refund' AS is_cancellation, kind AS channel", []),
    "no_direction": ("CASE WHEN kind = 'Refund' THEN 'fee' END AS line_class", []),
    "beginning": ("kind LIKE 'Ref%' OR LEFT(kind, 4) = 'Stor' AS is_cancellation", ["Proforma"]),
    "with_a_word": ("kind = 'Refund' OR kind LIKE '%tor%' AS is_cancellation", []),
    "numbers": ("type = 2 AS is_cancellation", ["3", "4"]),
    "several_numbers": ("type IN (2, 3) AS is_cancellation", ["4"]),
    "listed_numbers": ("CASE type WHEN 1 THEN qty WHEN 2 THEN -qty ELSE qty END AS quantity", ["3", "4"]),
    "numbers_as_codes": ("code = 2 OR CAST(code AS INT) = 3 AS is_cancellation", ["4"]),
    "above_a_number": ("type >= 2 AS is_cancellation", []),
    "a_measure": ("type = 2 AS is_cancellation, type * price AS amount", []),
}


def test_kinds_that_no_branch_names_are_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the commonest is what the rest is: nobody need name it."""
    monkeypatch.setattr("mergehouse.quality.checks.SAMPLE_ROWS", 100)
    brands = shop.brands(*ASKED)
    for brand, (name, (sql, _)) in zip(brands, ASKED.items(), strict=True):
        rule = "leave_out: {kind: [proforma]}\n" if name == "left_out" else ""
        brand.configure(SHOP_BRAND.replace("      item:", COLUMNS, 1) + rule)
        lines = SHOP_ORDER_LINES.replace("currency, batch_id", f"currency, {sql}, batch_id")
        if "AS quantity" in sql:
            lines = lines.replace("qty AS quantity, ", "")
        (brand.brand / "order_lines.sql").write_text(lines)
        rows = (
            f"A{n},1,2026-03-02 10:00,{kind},{NUMBERS[kind]},{NUMBERS[kind]},P1,Mug,1,5,77,DE,EUR"
            for n, kind in enumerate(KINDS)
        )
        brand.deliver_lines(*rows, header=SHOP_HEADER.replace("when", "when,kind,type,code"))
    result = shop.run(until="silver")
    assert not result.failed
    [check] = [check for check in result.checks if check.check == "every_kind_is_told"]
    expected = [(name, value) for name, (_, values) in sorted(ASKED.items()) for value in values]
    assert [(row["source_system"], row["value"]) for row in check.sample] == expected
    assert {row["compared"] for row in check.sample} == {"lines.kind", "lines.type", "lines.code"}
    assert {row["delivered_rows"] for row in check.sample} == {1}
