"""What columns say that order_lines.sql does not read is found alike on Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import SHOP_HEADER, SHOP_ORDER_LINES, Shop

from mergehouse.pipeline.results import RunResult

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOUND = {
    "parts_are_counted_once": "parts",
    "discounts_are_read": "discounts",
    "taxes_are_told": "taxes",
    "repeated_rows_are_alike": "notes",
}
COLUMNS = {  # more columns of a brand, and what six rows of one price say there
    "parts": ("item_id,parent_item_id", ["1,", "2,1", "3,", "4,3", "5,", "6,5"]),
    "discounts": ("Discount", ["0", "0.1", "", "0.2", "0.1", "0"]),
    "taxes": ("VAT", ["19"] * 6),
    "notes": ("note", ["a", "b", "c", "d", "e", "f"]),
}


@pytest.mark.long("Spark plans every query")
@pytest.mark.parametrize(
    "engine", [pytest.param("sail", marks=pytest.mark.sail), pytest.param("apache", marks=pytest.mark.apache)]
)
def test_what_nobody_reads_is_found(engine: str, shop: Shop, request: pytest.FixtureRequest) -> None:
    session: SparkSession = request.getfixturevalue(engine)
    for brand, (columns, said) in zip(shop.brands(*COLUMNS), COLUMNS.values(), strict=True):
        numbers = [1] * 6 if brand.brand.name == "notes" else range(1, 7)
        rows = (
            f"A1,{n},2026-03-02 10:00,{more},P1,Mug,1,119,77,DE,EUR"
            for n, more in zip(numbers, said, strict=True)
        )
        brand.deliver_lines(*rows, header=SHOP_HEADER.replace("when", f"when,{columns}"))
    unnumbered = SHOP_ORDER_LINES.replace("line AS line_id, ", "")
    (brand.brand / "order_lines.sql").write_text(unnumbered)
    embedded = found(shop.run("silver"))
    assert {check: [row["source_system"] for row in rows] for check, rows in embedded.items()} == {
        check: [brand] for check, brand in FOUND.items()
    }
    assert found(shop.run("silver", full=True, spark=session)) == embedded


def found(result: RunResult) -> dict[str, list[dict[str, object]]]:
    assert not result.failed, result.faults
    return {check.check: check.sample for check in result.checks if check.check in FOUND}
