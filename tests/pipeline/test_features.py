"""Features know nothing of what comes after their cut-off; outcomes know nothing of what was before."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from tests.conftest import SHOP_BRAND, Shop, prepared_shop

from mergehouse.contracts.registry import models
from mergehouse.engine.dialect import to_duckdb

pytestmark = [pytest.mark.science, pytest.mark.slow("features of several cut-offs")]

CUT_OFF = dt.date(2026, 6, 1)
LINE = "{order},{n},{day} 10:00:00,{item},Mug,{quantity},5.00,{customer},Germany,EUR"


def line(
    order: str, day: dt.date, quantity: int = 2, item: str = "P1", customer: str = "77", n: int = 1
) -> str:
    return LINE.format(order=order, n=n, day=day, quantity=quantity, item=item, customer=customer)


def years(seed: int = 3) -> list[tuple[dt.date, str]]:
    """Eight months of 15 customers; every sixth order is returned some days later, half of these whole."""
    draw = random.Random(seed)
    lines = []
    for number in range(240):
        day = dt.date(2026, 1, 1) + dt.timedelta(draw.randrange(240))
        customer = f"C{draw.randrange(15)}"
        items = draw.sample(["P1", "P2", "P3", "P4"], draw.randrange(1, 4))
        lines += [(day, line(f"A{number}", day, n + 1, item, customer, n)) for n, item in enumerate(items)]
        if number % 6 == 0:
            back = day + dt.timedelta(draw.randrange(1, 40))
            returned = items if number % 12 == 0 else items[:1]
            lines += [
                (back, line(f"R{number}", back, -n - 1, item, customer, n)) for n, item in enumerate(returned)
            ]
    return lines


def known(shop: Shop) -> dict[str, tuple]:
    """All features at CUT_OFF by customer."""
    rows = shop.rows(
        f"SELECT * EXCLUDE (is_as_of) FROM gold.customer_features WHERE cutoff_date = DATE '{CUT_OFF}' ORDER"
        " BY 1"
    )
    return {row[0]: row[1:] for row in rows}


def whole(shop: Shop) -> None:
    shop.with_science().deliver_lines(*(text for _, text in years()))
    assert not shop.run().failed


def cut(shop: Shop) -> None:
    """The same as it would have been on the day of the cut-off."""
    shop.with_science().deliver_lines(*(text for day, text in years() if day < CUT_OFF))
    shop.configure(SHOP_BRAND + f'as_of: "{CUT_OFF}"\n')
    assert not shop.run().failed


def test_features_are_the_same_with_the_future_deleted(tmp_path: Path) -> None:
    shops = {
        name: prepared_shop(name, fill, tmp_path / name) for name, fill in (("whole", whole), ("cut", cut))
    }
    found = {name: known(shop) for name, shop in shops.items()}
    assert len(found["whole"]) == 15 and found["whole"] == found["cut"]
    undone = "SELECT count(*), count_if(voided_on >= DATE '2026-06-01') FROM silver.order_voids"
    (all_voids, later_voids), (voids, _) = shops["whole"].rows(undone)[0], shops["cut"].rows(undone)[0]
    assert 0 < voids == all_voids - later_voids and later_voids > 0


def test_features_by_hand(shop: Shop) -> None:
    at = CUT_OFF - dt.timedelta(1)
    shop.deliver_lines(
        line("A0", dt.date(2026, 1, 2), customer="other"),
        line("A1", CUT_OFF - dt.timedelta(100), 4),
        line("A2", CUT_OFF - dt.timedelta(40), 1),
        line("A3", CUT_OFF - dt.timedelta(40), 3, item="P2"),
        line("A4", CUT_OFF - dt.timedelta(10), 6),
        line("R4", at, -6),  # A4 was never made
        line("A5", CUT_OFF, 1),
        line("A6", CUT_OFF + dt.timedelta(29), 1),
        line("A7", CUT_OFF + dt.timedelta(89), 2),
        line("A8", CUT_OFF + dt.timedelta(90), 1),
    )
    assert not shop.run().failed
    found = shop.rows(
        "SELECT purchases, purchases_30d, purchases_60d, purchases_90d, purchases_180d, recency_days,"
        " contact_recency_days, tenure_days, gap_mean_days, gap_longest_days, gap_deviation_days, gmv_eur,"
        " returns_eur, gmv_90d_eur, gmv_last_eur, return_days, trend_90d FROM gold.customer_features WHERE"
        f" cutoff_date = DATE '{CUT_OFF}' AND customer_id = 'shop:77'"
    )
    # GMV holds what was returned, beside the returns
    euros = [Decimal(n) for n in ("70.00", "30.00", "50.00", "20.00")]
    assert found == [
        (2, 0, 1, 1, 2, 40, 1, 100, Decimal(60), 60, None, euros[0], euros[1], euros[2], euros[3], 1, 0)
    ]
    outcome = shop.rows(
        "SELECT purchases_30d, purchases_60d, purchases_90d, net_revenue_90d_eur, net_revenue_365d_eur FROM"
        f" gold.customer_outcomes WHERE cutoff_date = DATE '{CUT_OFF}' AND customer_id = 'shop:77'"
    )
    assert outcome == [(2, 2, 3, Decimal("20.00"), None)]  # the year was not over at the as-of date


def test_who_never_came_back_has_zero_purchases_not_none(shop: Shop) -> None:
    shop.deliver_lines(line("A1", dt.date(2026, 1, 2)), line("A2", dt.date(2026, 8, 1), customer="other"))
    shop.run()
    found = shop.rows(
        "SELECT purchases_30d, purchases_90d, margin_90d_eur FROM gold.customer_outcomes "
        "WHERE cutoff_date = DATE '2026-04-01' AND customer_id = 'shop:77'"
    )
    assert found == [(0, 0, Decimal(0))]


def test_a_project_can_do_without(shop: Shop) -> None:
    shop.with_science(False).deliver_lines(line("A1", dt.date(2026, 1, 2)), line("A2", dt.date(2026, 8, 1)))
    result = shop.run()
    assert not result.failed and {t.table for t in result.tables} >= {
        "gold.customer_360",
        "gold.customer_brand_360",
    }
    left_out = {
        "silver.order_voids",
        "gold.feature_cutoffs",
        "gold.customer_features",
        "gold.customer_outcomes",
    }
    assert not left_out & set(shop.lakehouse.tables())
    assert {t.table for t in shop.with_science().run().tables if t.status == "built"} == left_out


def test_training_looks_at_some_fifty_thousand_customers() -> None:
    connection = duckdb.connect()
    connection.execute("""
        CREATE SCHEMA gold; CREATE SCHEMA silver;
        CREATE TABLE silver.customers_clean AS
          SELECT 'big' AS source_system, 'c' || i AS customer_id FROM range(400000) t(i)
          UNION ALL SELECT 'small', 's' || i FROM range(50000) t(i);
        CREATE TABLE gold.dim_brand AS
          SELECT name AS source_system, DATE '2026-01-01' AS first_order_date, DATE '2026-06-15' AS as_of_date
          FROM (VALUES ('big'), ('small')) v(name);
        CREATE TABLE gold.dim_date AS
          SELECT d::DATE AS date, day(d) AS day FROM range(DATE '2026-01-01', DATE '2027-01-01', INTERVAL 1
          DAY) t(d);
        """)
    connection.execute(f"CREATE TABLE cutoffs AS {to_duckdb(models()['gold.feature_cutoffs'])}")
    looked_at = connection.execute("""
        SELECT source_system, CAST(cutoff_date AS VARCHAR), is_as_of, count(*)
        FROM cutoffs JOIN silver.customers_clean USING (source_system)
        WHERE substr(md5(customer_id), 1, 4) < hashes_below GROUP BY ALL ORDER BY ALL
        """).fetchall()
    # the first once there were 60 days of history
    days = ["2026-04-01", "2026-05-01", "2026-06-01", "2026-06-15"]
    assert [row[:3] for row in looked_at] == [
        (brand, d, d == days[3]) for brand in ("big", "small") for d in days
    ]
    assert all(49_000 < count < 51_000 for *_, is_as_of, count in looked_at if not is_as_of)
    assert [count for *_, is_as_of, count in looked_at if is_as_of] == [400_000, 50_000]
