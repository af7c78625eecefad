"""Rules of single values, worked out by hand: typing, UTC, FX, order of line types, quintiles."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import Shop

from mergehouse.engine.dialect import to_duckdb
from mergehouse.engine.parquet_files import bound
from mergehouse.ingest.numbers import number as reading

connection = duckdb.connect()


def read(written: list[str], mark: str) -> list[Decimal | None]:
    sql = to_duckdb(f"SELECT {reading('value', mark)} AS number FROM (SELECT EXPLODE(?) AS value)")
    return [number for (number,) in connection.execute(sql, [written]).fetchall()]


WRITTEN = [
    ("1,000", ".", "1000"), ("1,000.50", ".", "1000.5"), ("1.000", ".", "1"), ("12,50", ".", "12.5"),
    ("£12.50", ".", "12.5"),
    ("12.50 EUR", ".", "12.5"), ("Rs. 1,250.00", ".", "1250"), ("1'234.50", ".", "1234.5"),
    ("(12.50)", ".", "-12.5"),
    ("12.50-", ".", "-12.5"), ("-£3.10", ".", "-3.1"), ("\u22123", ".", "-3"), ("-3", ".", "-3"),
    ("1e3", ".", "1000"),
    ("1,00", ".", "1"), ("1,2,3", ".", None), ("", ".", None), ("nan", ".", None), ("inf", ".", None),
    ("12-5", ".", None),
    ("0x1F", ".", None), ("99999999999999999999", ".", None), ("number 5", ".", None),
    ("12/05/2024", ".", None),
    ("1.000", ",", "1000"), ("1.234,5", ",", "1234.5"), ("12,5", ",", "12.5"), ("12.5", ",", "12.5"),
    ("1 000,5", ",", "1000.5"),
    ("1\u202f000,50 €", ",", "1000.5"), ("12,50 zł", ",", "12.5"), ("(7,00)", ",", "-7"),
    ("-3", ",", "-3"),
    ("1,000.5", ",", None), ("abc", ",", None),
    # three digits behind nought are a fraction, whatever the file's mark
    ("0,750", ".", "0.75"), ("0.750", ",", "0.75"), ("-0,125", ".", "-0.125"),
    ("12.3456", ",", "12.3456"),
    ("12,3456", ".", "12.3456"), ("0.012345678", ".", "0.012345678"),
    # groups of India, Switzerland, Sweden and Arabia
    ("1,23,456.78", ".", "123456.78"), ("12,34,567", ".", "1234567"), ("1.23.456,78", ",", "123456.78"),
    ("1\u2019234.50", ".", "1234.5"), ("1\u00a0234,50", ",", "1234.5"), ("1\u2009234.5", ".", "1234.5"),
    ("\u0661\u066c\u0662\u0663\u0664\u066b\u0665", ".", "1234.5"),
    ("\uff11\uff12\uff0e\uff15", ".", "12.5"),
    ("12,3456,789", ".", None), ("1 2", ".", None), ("01,234", ".", None), ("1.234.567", ".", None),
    # one sign, of any kind and at any place
    ("£ -3.10", ".", "-3.1"), ("\u2013 3", ".", "-3"), ("12.50- EUR", ".", "-12.5"),
    ("EUR (5)", ".", "-5"),
    ("+7", ",", "7"), ("--7", ".", None), ("-(5)", ".", None), ("-5-", ".", None), ("5.-", ".", None),
    # currencies, and no other letters or signs
    ("12.50eur", ".", "12.5"), ("R$ 1.234,50", ",", "1234.5"), ("kr. 1.250,50", ",", "1250.5"),
    ("12,50 K\u010d", ",", "12.5"), ("Rs.1,250", ".", "1250"), ("40.00 CR", ".", None),
    ("CR 40.00", ".", None),
    ("40.00 DR", ".", None), ("3 kg", ".", None), ("12 x", ".", None), ("#5", ".", None),
    ("~5", ".", None),
    ("5*", ".", None), ("1$234", ".", None), ("1EUR234", ".", None), ("<5", ".", None),
    ("USDT 5", ".", None),
    # as spreadsheets shorten them
    ("1.2E3", ".", "1200"), ("1,2E3", ",", "1200"), ("1.2e-3", ".", "0.0012"), ("1.2E+03", ",", "1200"),
]  # fmt: skip


@pytest.mark.parametrize("mark", [".", ","])
def test_numbers(mark: str) -> None:
    expected = {w: number and Decimal(number) for w, of, number in WRITTEN if of == mark}
    assert dict(zip(expected, read(list(expected), mark), strict=True)) == expected


@settings(max_examples=5, deadline=None)
@given(st.lists(st.decimals(min_value=-(10**9), max_value=10**9, places=2), min_size=1))
def test_numbers_written_plainly_are_read_exactly(numbers: list[Decimal]) -> None:
    grouped = [f"{number:,f}" for number in numbers]
    assert read([f"{number:f}" for number in numbers], ".") == numbers
    assert read(grouped, ".") == numbers
    assert read([text.translate(str.maketrans(",.", ".,")) for text in grouped], ",") == numbers


@settings(max_examples=200, deadline=None)
@given(st.decimals(min_value=-(10**14) + 1, max_value=10**14 - 1, places=4))
def test_file_statistics_never_cut_a_decimal_off(number: Decimal) -> None:
    low, high = (Decimal(bound("decimal(18,4)", f"{number:f}", end)) for end in (-math.inf, math.inf))
    assert low <= number <= high and high - low <= abs(number) * Decimal("1e-14")


LOCAL = (
    "2026-01-15 00:30:00",
    "2026-07-15 00:30:00",
    "2026-03-29 01:59:00",
    "2026-03-29 03:01:00",
    "2026-03-29 23:00:00",
)
DAYS = ("2009-12-24", "2009-12-25", "2009-12-27", "2009-12-28")
KINDS = {
    "A1": "P1,Mug,2,5.00", "A2": "P1,Mug,-2,5.00", "A3": "P1,Mug,2,0.00", "A4": "P1,Mug,2,-5.00",
    "A5": "POST2,Postage,-1,5.00",
    "A6": "V1,gift voucher 20,1,20.00", "A7": "P1,Mug,0,5.00",
}  # fmt: skip
SPENT = (10, 20, 20, 20, 50, 60, 70, 80, 90, 100)
LINES = {  # by brand
    "local": [f"A{n},1,{time},P1,Mug,1,1.00,,DE,EUR" for n, time in enumerate(LOCAL)],
    "pounds": [f"A{n},1,{day} 10:00:00,P1,Mug,1,1000.00,,GB,GBP" for n, day in enumerate(DAYS)],
    "kinds": [f"{order},1,2026-03-01 10:00:00,{rest},77,DE,EUR" for order, rest in KINDS.items()],
    "huge": [
        "A1,1,2026-03-01 10:00:00,P1,Mug,1000000,5000.01,77,DE,EUR",
        "A2,1,2026-03-01 10:00:00,P1,Mug,999999999,99999999.99,77,DE,EUR",
        "A3,1,2026-03-01 10:00:00,P1,Mug,99999999999,1,77,DE,EUR",
    ],
    "average": [
        "A1,1,2026-03-01 10:00:00,P1,Mug,1,10.00,77,DE,EUR",
        "A2,1,2026-03-01 11:00:00,P1,Mug,1,5.01,78,DE,EUR",
        "A3,1,2026-03-02 10:00:00,P1,Mug,-1,5.00,77,DE,EUR",
    ],
    "spent": [f"A{n},1,2026-03-{n + 1:02} 10:00:00,P1,Mug,1,{s},{n},DE,EUR" for n, s in enumerate(SPENT)],
}


@pytest.fixture(scope="module")
def shop(open_shop: Callable[[], Shop]) -> Shop:
    """LINES at a brand each, run to Gold. Read only. Nothing is wrong; KPIs out of bounds are findings."""
    shop = open_shop()
    for brand, (name, lines) in zip(shop.brands(*LINES), LINES.items(), strict=True):
        if name == "kinds":
            rules = "match,pattern,line_class\ncode,POST*,postage\nname,GIFT VOUCHER*,voucher\n"
            (brand.brand / "line_types.csv").write_text(rules)
        brand.deliver_lines(*lines)
    assert not shop.run().failed
    return shop


def test_local_time_becomes_utc_also_when_the_clocks_change(shop: Shop) -> None:
    """Berlin: UTC+1 in winter, +2 in summer; on 29 March 2026 the clocks jump from 02:00 to 03:00."""
    sold = shop.rows(
        "SELECT strftime(order_ts AT TIME ZONE 'UTC', '%d %H:%M'), order_date FROM silver.sales_clean"
        " WHERE source_system = 'local' ORDER BY order_id"
    )
    assert [utc for utc, _ in sold] == ["14 23:30", "14 22:30", "29 00:59", "29 01:01", "29 21:00"]
    assert [str(day) for _, day in sold] == [time[:10] for time in LOCAL]


def test_rates_are_of_the_day_or_of_the_last_business_day_before(shop: Shop) -> None:
    """ECB, GBP for one euro: 0.9008 on Thu 2009-12-24, none on 25 - 27, 0.90143 on Mon 2009-12-28."""
    rows = shop.rows(
        "SELECT fx_rate_date, fx_rate, amount_eur FROM silver.sales_clean"
        " WHERE source_system = 'pounds' ORDER BY order_id"
    )
    assert [str(r[0]) for r in rows] == ["2009-12-24", "2009-12-24", "2009-12-24", "2009-12-28"]
    for (_, rate, amount), units in zip(rows, ["0.9008", "0.9008", "0.9008", "0.90143"], strict=True):
        assert rate == (1 / Decimal(units)).quantize(Decimal("1e-8"), "ROUND_HALF_UP")
        assert amount == (1000 * rate).quantize(Decimal("0.01"), "ROUND_HALF_UP")


def test_kinds_of_lines(shop: Shop) -> None:
    found = "SELECT order_id, line_type, line_class FROM silver.sales_clean WHERE source_system = 'kinds'"
    assert shop.rows(f"{found} ORDER BY 1") == [
        ("A1", "sale", None), ("A2", "return", None), ("A3", "adjustment", None), ("A4", "return", None),
        ("A5", "non_merchandise", "postage"), ("A6", "non_merchandise", "voucher"),
        ("A7", "adjustment", None),
    ]  # fmt: skip


def test_huge_amounts_are_exact_or_quarantined(shop: Shop) -> None:
    sold = "SELECT order_id, amount_eur FROM silver.sales_clean WHERE source_system = 'huge'"
    assert shop.rows(sold) == [("A1", Decimal("5000010000.00"))]
    unusable = "SELECT order_id, reason_code FROM silver.quarantine WHERE source_system = 'huge' ORDER BY 1"
    assert shop.rows(unusable) == [("A2", "amount_out_of_range"), ("A3", "unreadable_quantity")]


def test_an_average_order_is_rounded_half_up_and_empty_without_orders(shop: Shop) -> None:
    found = shop.rows(
        "SELECT gmv_eur, returns_eur, orders, aov_eur, margin_eur = net_revenue_eur - cost_eur"
        " FROM gold.sales_daily WHERE source_system = 'average' ORDER BY order_date"
    )
    assert found == [
        (Decimal("15.01"), Decimal(0), 2, Decimal("7.51"), True),  # 7.505
        (Decimal(0), Decimal("5.00"), 0, None, True),
    ]  # fmt: skip


def test_quintiles_give_equal_values_equal_scores(shop: Shop) -> None:
    """Ten buyers spending 10, 20, 20, 20, 50 ... 100: share ranked below 0, .1, .1, .1, .4, .5, .6, .7, .8,
    .9.
    """
    rows = shop.rows(
        "SELECT m_score, r_score, f_score, recency_days FROM gold.customer_brand_360"
        " WHERE source_system = 'spent' ORDER BY customer_id"
    )
    assert [r[0] for r in rows] == [1, 1, 1, 1, 3, 3, 4, 4, 5, 5]
    assert [r[1] for r in rows] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert {r[2] for r in rows} == {1}  # one order each
    assert [r[3] for r in rows] == list(range(10, 0, -1))  # to the day after the last order


def test_dialects_are_whole_before_threads_use_them() -> None:
    """SQLGlot names a dialect it loads before that is whole: a second thread writes DuckDB's SQL with
    functions that it does not have.
    """
    code = (
        "import sys, mergehouse.engine.dialect\nprint(*(name for name in sys.modules if"
        " name.startswith('sqlglot.dialects.')))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert {"sqlglot.dialects.spark", "sqlglot.dialects.duckdb"} <= set(loaded)
