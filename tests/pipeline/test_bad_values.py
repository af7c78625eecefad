"""Values and rows that cannot be used: kept as torn rows, quarantined with a reason, or read and reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.conftest import SHOP_HEADER, Shop

from mergehouse.ingest.bronze import Batch
from mergehouse.pipeline.results import RunResult

GOOD = "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"
DATES = ("2026-02-20 10:00:00", "21/02/2026 10:00", "22.02.2026 10:00:00")
EUROPEAN = """A1;1;2026-03-01 10:00;P1;Mug;2;5,25;77;DE;EUR
A1;2;2026-03-01 10:00;P2;Cup;1;1.234,50;77;DE;EUR
"""
ODD: dict[str, str | bytes | list[str]] = {  # by the brand that it is delivered to: a file, or its lines
    "semicolons": f"{SHOP_HEADER.replace(',', ';')}\n{EUROPEAN}",
    "torn": [GOOD, "A2,1,broken", GOOD.replace("A1", "A3") + ",extra,cells"],
    "bad_bytes": "\n".join(
        [
            SHOP_HEADER,
            *(GOOD.replace("A1", f"G{n}").replace("Mug", "Crème brûlée") for n in range(5)),
            GOOD.replace("Mug", "M@g") + "\n",
        ]
    )
    .encode()
    .replace(b"@", b"\xff\xfe"),
    "long_line": [
        GOOD, GOOD.replace("A1", "A2").replace("Mug", "M" * 10_000_000), GOOD.replace("A1", "A3"),
    ],
    "three_formats": [
        GOOD.replace("A1", f"A{n}").replace("2026-03-01 10:00:00", day) for n, day in enumerate(DATES)
    ],
    "day_or_month_first": [
        GOOD.replace("2026-03-01 10:00:00", "21/02/2026 10:00"),
        GOOD.replace("A1", "A2").replace("2026-03-01 10:00:00", "02/21/2026 10:00"),
    ],
    "unknown_country": [GOOD.replace("Germany", "Atlantis")],
}  # fmt: skip


@dataclass(frozen=True)
class Delivered:
    """What came of one brand of ODD."""

    brand: str
    shop: Shop
    result: RunResult

    @property
    def batch(self) -> Batch:
        [batch] = [batch for batch in self.result.ingest.new if batch.source_system == self.brand]
        return batch

    def rows(self, columns: str, table: str, order: str = "1") -> list[tuple]:
        of_brand = f"FROM {table} WHERE source_system = '{self.brand}'"
        return self.shop.rows(f"SELECT {columns} {of_brand} ORDER BY {order}")


@pytest.fixture(scope="module")
def odd(open_shop: Callable[[], Shop]) -> Callable[[str], Delivered]:
    """Each of ODD at a brand of its own, run to Silver."""
    shop = open_shop()
    for brand, content in zip(shop.brands(*ODD), ODD.values(), strict=True):
        brand.deliver_lines(*content) if isinstance(content, list) else brand.deliver(content)
    result = shop.run(until="silver")
    assert not result.failed
    return lambda brand: Delivered(brand, shop, result)


def test_decimal_comma_and_semicolon(odd: Callable[[str], Delivered]) -> None:
    found = odd("semicolons")
    assert found.batch.delimiter == ";"
    amounts = found.rows("amount_eur", "silver.sales_clean", "line_id")
    assert [str(amount) for (amount,) in amounts] == ["10.50", "1234.50"]


def test_rows_with_wrong_column_counts_are_kept(odd: Callable[[str], Delivered]) -> None:
    found = odd("torn")
    assert (found.batch.rows, found.batch.rejected_rows) == (1, 2)
    assert found.rows("reason_code, source_line, raw_text", "bronze.rejected", "source_line") == [
        ("too_few_columns", 3, "A2,1,broken"),
        ("too_many_columns", 4, GOOD.replace("A1", "A3") + ",extra,cells"),
    ]


def test_bad_bytes_are_kept(odd: Callable[[str], Delivered]) -> None:
    found = odd("bad_bytes")
    assert found.rows("reason_code, source_line", "bronze.rejected") == [("bad_bytes", 7)]
    assert found.batch.rows == 5


def test_ten_megabyte_field_is_kept_out_with_its_text(odd: Callable[[str], Delivered]) -> None:
    found = odd("long_line")
    assert found.rows("order_id", "silver.sales_clean") == [("A1",), ("A3",)]
    assert found.rows("reason_code, length(raw_text) > 9_000_000", "bronze.rejected") == [
        ("line_too_long", True)
    ]


def test_three_date_formats_in_one_column(odd: Callable[[str], Delivered]) -> None:
    found = odd("three_formats")
    assert "3 different formats" in found.batch.drift
    days = found.rows("strftime(order_date, '%d')", "silver.sales_clean", "order_id")
    assert days == [("20",), ("21",), ("22",)]


def test_day_and_month_first_mixed_is_reported(odd: Callable[[str], Delivered]) -> None:
    found = odd("day_or_month_first")
    assert "mix day-first and month-first" in found.batch.drift
    assert found.rows("reason_code, order_id", "silver.quarantine") == [("unreadable_date", "A2")]


def test_unknown_country_is_kept_and_reported(odd: Callable[[str], Delivered]) -> None:
    found = odd("unknown_country")
    assert found.rows("country_code, region", "silver.sales_clean") == [("ZZ", "Rest of world")]
    [check] = [c for c in found.result.checks if c.check == "country_is_known"]
    assert check.failures == 1 and check.sample[0]["country"] == "ATLANTIS"


DAYS = [
    "20260221", "21-02-2026", "2026/02/21", "2026-2-21 7:05", "21 Feb 2026", "21-Feb-26", "February 21, 2026",
    "Feb 21, 2026 9:30 PM",
    "21.2.26 14:05", "02/21/2026, 9:30 PM", "20260221093000", "202602210930", "21.02.2026 09:30:00.123",
]  # fmt: skip


@pytest.fixture(scope="module")
def dated(open_shop: Callable[[], Shop]) -> Shop:
    """The same day written in each way, a file each."""
    return each_in_a_file(
        open_shop(), [GOOD.replace("2026-03-01 10:00:00", f'"{written}"') for written in DAYS]
    )


@pytest.mark.parametrize("written", DAYS)
def test_ways_to_write_a_day(dated: Shop, written: str) -> None:
    days = dated.rows(f"SELECT order_date FROM silver.sales_clean WHERE order_id = 'A1{DAYS.index(written)}'")
    assert [str(d) for (d,) in days] == ["2026-02-21"]


def each_in_a_file(shop: Shop, lines: list[str]) -> Shop:
    """Runs a shop to Silver that got each line in a file of its own, which stands alone in how it is read:
    order A1 becomes A10, A11...
    """
    for n, line in enumerate(lines):
        shop.deliver_lines(line.replace("A1,", f"A1{n},"), name=f"lines_{n}.csv")
    assert not shop.run(until="silver").failed
    return shop


UNUSABLE = [
    (GOOD.replace("2026-03-01", "2025-02-29"), "unreadable_date"),
    (GOOD.replace("2026-03-01", "2099-03-01"), "future_date"),
    (GOOD.replace("2026-03-01", "9999-12-31"), "future_date"),
    (GOOD.replace("2026-03-01 10:00:00", "infinity"), "unreadable_date"),
    (GOOD.replace("2026-03-01 10:00:00", "epoch"), "unreadable_date"),
    (GOOD.replace("2026-03-01", "1970-01-01"), "placeholder_date"),
    (GOOD.replace("2026-03-01", "0001-01-01"), "placeholder_date"),
    (GOOD.replace("2026-03-01", "1980-01-01"), "placeholder_date"),
    (GOOD.replace("2026-03-01 10:00:00", ""), "unreadable_date"),
    (GOOD.replace(",2,5.00", ",NaN,5.00"), "unreadable_quantity"),
    (GOOD.replace(",2,5.00", ",two,5.00"), "unreadable_quantity"),
    (GOOD.replace(",2,5.00", ",2,inf"), "unreadable_price"),
    (GOOD.replace(",2,5.00", ",2,nan"), "unreadable_price"),
    (GOOD.replace(",EUR", ",XYZ"), "no_fx_rate"),
    (GOOD.replace("2026-03-01", "1998-03-02").replace(",EUR", ",GBP"), "no_fx_rate"),
    (GOOD.replace(",P1,", ", ,"), "missing_product_code"),
    (GOOD.replace("A1,1", " ,1"), "missing_order_id"),
]


@pytest.fixture(scope="module")
def unusable(open_shop: Callable[[], Shop]) -> Shop:
    """Each of the lines in a file of its own, below a good one."""
    shop = open_shop()
    for n, (written, _) in enumerate(UNUSABLE):
        shop.deliver_lines(
            GOOD.replace("A1", f"A0{n}"), written.replace("A1,", f"A1{n},"), name=f"lines_{n}.csv"
        )
    result = shop.run(until="silver")
    assert [c.check for c in result.checks if c.stops_publication] == ["rate_is_known"]
    return shop


@pytest.mark.parametrize("n", range(len(UNUSABLE)), ids=[",".join(case) for case in UNUSABLE])
def test_unusable_lines_go_to_quarantine(unusable: Shop, n: int) -> None:
    in_file = f"SEMI JOIN (FROM bronze.batches WHERE source_file LIKE '%lines_{n}.csv') USING (batch_id)"
    assert unusable.rows(f"SELECT order_id FROM silver.sales_clean {in_file}") == [(f"A0{n}",)]
    found = unusable.rows(
        f"SELECT reason_code, source_row, raw_row LIKE '%\"qty\"%' FROM silver.quarantine {in_file}"
    )
    assert found == [(UNUSABLE[n][1], 2, True)]


QUANTITIES = {
    '"1,000"': 1000,
    '"1,000,000"': 1_000_000,
    '"-1,000"': -1000,
    "007": 7,
    "3.0": 3,
    "1.5": 1.5,
    " 12 ": 12,
}


@pytest.fixture(scope="module")
def grouped(open_shop: Callable[[], Shop]) -> Shop:
    """Each quantity in a file of its own."""
    return each_in_a_file(
        open_shop(), [GOOD.replace(",2,5.00", f",{written},5.00") for written in QUANTITIES]
    )


@pytest.mark.parametrize("written", QUANTITIES)
def test_grouped_quantities(grouped: Shop, written: str) -> None:
    quantities = grouped.rows(
        f"SELECT quantity FROM silver.sales_clean WHERE order_id = 'A1{list(QUANTITIES).index(written)}'"
    )
    assert [float(q) for (q,) in quantities] == [QUANTITIES[written]]
