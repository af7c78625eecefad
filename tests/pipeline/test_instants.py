"""Instants from files to orders: what a file says of a zone is heeded, and an hour that comes twice is told
apart.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop

REST = {
    "line": "1", "item": "P1", "title": "Mug", "qty": 1.125, "price": 1000.5, "customer": "77",
    "country": "DE", "currency": "EUR",
}  # fmt: skip
NOON = dt.datetime(2026, 2, 20, 23, 30)


def parquet(shop: Shop, order: str, when: pa.Array, **options: object) -> None:
    rest = {name: pa.array([value] * len(when)) for name, value in REST.items()}
    columns = {"order": pa.array([f"{order}{n}" for n in range(len(when))]), "when": when, **rest}
    table = pa.table({name: columns[name] for name in SHOP_HEADER.split(",")})
    pq.write_table(table, shop.raw / f"lines_{order}.parquet", **options)


@pytest.fixture(scope="module")
def delivered(open_shop: Callable[[], Shop]) -> Shop:
    """A brand in Berlin; its Parquet files hold one time in each way, and a text file tells the hour that
    comes twice, and one that never comes.
    """
    shop = open_shop()
    shop.configure(SHOP_BRAND.replace("    columns:", "    decimal_mark: ','\n    columns:", 1))
    parquet(shop, "LOCAL", pa.array([NOON], pa.timestamp("us")))
    parquet(shop, "ZONED", pa.array([NOON], pa.timestamp("us", tz="UTC")))
    parquet(shop, "INT96", pa.array([NOON], pa.timestamp("us")), use_deprecated_int96_timestamps=True)
    lines = ["FOLD1,1,2026-10-25T00:30:00Z", "FOLD2,1,2026-10-25T01:30:00Z", "GAP,1,2026-03-29 02:30:00"]
    shop.deliver_lines(*[f'{line},P1,Mug,"1,5","10,00",77,DE,EUR' for line in lines])
    assert not shop.run(until="silver", now=dt.datetime(2026, 11, 1, tzinfo=dt.UTC)).failed
    return shop


@pytest.mark.parametrize(
    ("order", "instant", "day"),
    [
        ("LOCAL0", "2026-02-20 22:30:00", "2026-02-20"),
        ("ZONED0", "2026-02-20 23:30:00", "2026-02-21"),
        ("INT960", "2026-02-20 23:30:00", "2026-02-21"),
        ("FOLD1", "2026-10-25 00:30:00", "2026-10-25"),
        ("FOLD2", "2026-10-25 01:30:00", "2026-10-25"),
        ("GAP", "2026-03-29 01:30:00", "2026-03-29"),  # the clocks go from two to three: half past three
    ],
)
def test_the_instant_of_an_order_and_its_day(delivered: Shop, order: str, instant: str, day: str) -> None:
    found = delivered.rows(
        "SELECT strftime(order_ts AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S'), order_date::VARCHAR FROM"
        f" silver.sales_clean WHERE order_id = '{order}'"
    )
    assert found == [(instant, day)]


def test_numbers_of_a_file_that_holds_numbers_have_a_point(delivered: Shop) -> None:
    """Whatever is declared for text: 1.125 is no thousand."""
    found = "SELECT DISTINCT quantity::DOUBLE, unit_price::DOUBLE FROM silver.sales_clean"
    assert delivered.rows(f"{found} WHERE order_id LIKE '%0'") == [(1.125, 1000.5)]
