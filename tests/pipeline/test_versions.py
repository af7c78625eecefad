"""Of two versions of what a brand delivers the later counts, by the rules that its brand.yml declares; whatever is
delivered in turn equals one full rebuild.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.conftest import Shop
from tests.pipeline.test_incremental import differences

from mergehouse.pipeline.results import RunResult

COLUMNS = {
    "number": "code", "line": "code", "sold_at": "timestamp", "item": "code", "pieces": "number", "price": "number",
    "customer": "code", "shop": "code", "status": "text", "changed_at": "timestamp", "gone": "boolean",
    "operation": "code",
}  # fmt: skip
BRAND = """
label: {name}
currency: EUR
{rules}
sources:
  lines:
    files: "lines*"
    {of_source}
    columns:
{columns}
"""
UNNUMBERED = """
SELECT number AS order_id, sold_at AS order_local_ts, item AS product_code, pieces AS quantity, price AS unit_price,
  customer AS customer_code, status, batch_id, source_row, ingest_ts
FROM lines
"""
NUMBERED = UNNUMBERED.replace("SELECT", "SELECT line AS line_id,")


def line(number: str = "A1", n: int = 1, day: int = 1, pieces: int = 1, **others: str) -> str:
    """A line of an order: so many mugs at 5 euros, of a product that has the line's number."""
    cells = {
        "number": number, "line": n, "sold_at": f"2026-03-{day:02} 10:00:00", "item": f"P{n}", "pieces": pieces,
        "price": "5.00", "customer": "77", **others,
    }  # fmt: skip
    return ",".join(str(cells.get(name, "")) for name in COLUMNS)


Deliveries = list[dict[str, list[str]]]
# brand: rules, what its source says, its SQL, deliveries (files by name) in turn
BRANDS: dict[str, tuple[str, str, str, Deliveries]] = {
    "undeclared": ("", "", UNNUMBERED, [
        {"lines_1": [line("A1", pieces=2), line("A2", pieces=1)]},
        {"lines_2": [line("A1", pieces=3), line("A2", pieces=1)]},
    ]),
    "by_line": ("replaces: line", "", NUMBERED, [
        {"lines_1": [line("A1", n=1, pieces=2), line("A1", n=2, pieces=4)]},
        {"lines_2": [line("A1", n=1, pieces=3)]},
    ]),
    "by_order": ("replaces: order", "", UNNUMBERED, [
        {"lines_1": [line("A1", n=1, pieces=2), line("A1", n=2, pieces=4), line("A2", pieces=1)]},
        {"lines_2": [line("A1", n=1, pieces=3), line("A3", pieces=7)]},
    ]),
    "by_day": ("replaces: day", "", UNNUMBERED, [
        {"lines_1": [line("A1", day=1), line("A2", day=1, pieces=2), line("A3", day=2, pieces=4), line("A4", day=3)]},
        {"lines_2": [line("A1", day=1, pieces=3), line("A9", day=3, pieces=9)]},
    ]),
    "by_period": ("replaces: period", "", UNNUMBERED, [
        {"lines_1": [line("A1", day=1), line("A2", day=2, pieces=2), line("A3", day=3), line("A4", day=4, pieces=4)]},
        {"lines_2": [line("A1", day=1, pieces=3), line("A3", day=3, pieces=9)]},
    ]),
}  # fmt: skip
# brand: order, pieces of what counts after all deliveries
COUNTS = {
    "undeclared": [("A1", 2), ("A1", 3), ("A2", 1)],
    "by_line": [("A1", 3), ("A1", 4)],
    "by_order": [("A1", 3), ("A2", 1), ("A3", 7)],
    "by_day": [("A1", 3), ("A3", 4), ("A9", 9)],
    "by_period": [("A1", 3), ("A3", 9), ("A4", 4)],
}


@pytest.fixture(scope="module")
def delivered(open_shop: Callable[[], Shop]) -> tuple[Shop, RunResult]:
    """All brands after all their deliveries, and the last run."""
    shop = open_shop()
    rounds = max(len(deliveries) for *_, deliveries in BRANDS.values())
    brands = {name: shop.another(name) for name in BRANDS}
    for file in shop.brand.iterdir():
        file.unlink()
    shop.brand.rmdir()
    for name, (rules, of_source, sql, _) in BRANDS.items():
        columns = "\n".join(f"      {column}: {{type: {kind}}}" for column, kind in COLUMNS.items())
        brands[name].configure(BRAND.format(name=name, rules=rules, of_source=of_source, columns=columns))
        (brands[name].brand / "order_lines.sql").write_text(sql)
    for number in range(rounds):
        for name, (*_, deliveries) in BRANDS.items():
            for file, lines in (deliveries[number] if number < len(deliveries) else {}).items():
                brands[name].deliver_lines(*lines, name=f"{file}.csv", header=",".join(COLUMNS))
        result = shop.run()
        assert not result.failed, (result.ingest.failures, [t for t in result.tables if t.reason])
    return shop, result


@pytest.mark.parametrize("brand", BRANDS)
def test_what_counts(brand: str, delivered: tuple[Shop, RunResult]) -> None:
    shop, _ = delivered
    assert COUNTS[brand] == shop.rows(
        f"SELECT order_id, quantity::INT FROM silver.sales_clean WHERE source_system = '{brand}' ORDER BY ALL"
    )


def test_deliveries_in_turn_equal_a_rebuild(delivered: tuple[Shop, RunResult]) -> None:
    shop, result = delivered
    assert {t.table: t.status for t in result.tables}["silver.duplicates"] == "updated"
    assert differences(shop.lakehouse, shop.folder) == {}
