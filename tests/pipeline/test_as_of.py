"""The day that customer figures are told for: the calendar holds it, and nothing later is counted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, Shop, prepared_shop

from mergehouse.pipeline.results import RunResult

pytestmark = pytest.mark.slow("several runs")

LINE = "{order},1,{day} 10:00:00,P1,Mug,1,{price},{customer},Germany,EUR"
YEAR_END = dt.date(2025, 12, 31)


def lines(*orders: tuple[dt.date, str]) -> list[str]:
    """Orders of a mug each, dearer one by one."""
    return [
        LINE.format(order=f"A{n}", day=day, price=f"{n + 1}.00", customer=customer)
        for n, (day, customer) in enumerate(orders)
    ]


def as_of(shop: Shop, day: str) -> None:
    shop.configure(f"as_of: {day}\n{SHOP_BRAND}" if day else SHOP_BRAND)


def findings(result: RunResult) -> dict[str, list]:
    return {c.check: c.sample for c in result.checks if not c.passed}


@pytest.fixture
def yearly(tmp_path: Path) -> Shop:
    return prepared_shop("yearly", three_customers, tmp_path / "project")


def three_customers(shop: Shop) -> None:
    """One buys on the first of every month but one, one on the last day of the year too, one only then."""
    months = [(dt.date(2025, month, 1), "1") for month in range(1, 12)]
    days = [*months, (YEAR_END, "2"), (YEAR_END, "3"), (dt.date(2025, 12, 30), "2")]
    shop.with_science().deliver_lines(*lines(*days))
    assert not shop.run().failed


def test_the_calendar_holds_the_day_after_a_last_day_of_the_year(yearly: Shop) -> None:
    assert yearly.rows("SELECT max(date) FROM gold.dim_date") == [(dt.date(2026, 12, 31),)]
    assert yearly.rows("SELECT cutoff_date FROM gold.feature_cutoffs WHERE is_as_of") == [
        (dt.date(2026, 1, 1),)
    ]
    assert yearly.rows("SELECT count(*) FROM gold.customer_features WHERE is_as_of") == [(3,)]


@pytest.mark.parametrize("day", ["2028-02-29", "2024-05-05"])
def test_the_calendar_holds_an_as_of_date_of_another_year(yearly: Shop, day: str) -> None:
    """One that nothing was delivered of yet is a finding."""
    as_of(yearly, day)
    result = yearly.run(select="+gold.feature_cutoffs")
    assert not result.failed
    assert ("as_of_is_not_ahead" in findings(result)) is (day > "2027")
    assert yearly.rows(f"SELECT count(*) FROM gold.dim_date WHERE date = '{day}'") == [(1,)]
    assert yearly.rows("SELECT cutoff_date FROM gold.feature_cutoffs WHERE is_as_of") == [
        (dt.date.fromisoformat(day),)
    ]


def test_an_as_of_date_in_the_past_tells_what_was_known_then(yearly: Shop) -> None:
    """Customer figures count nothing of that day or later; sales are all there; the run says so."""
    as_of(yearly, "2025-03-01")
    result = yearly.run()
    assert not result.failed
    known = "SELECT frequency, gmv_eur, recency_days, last_order_date, segment = 'Prospects', categories"
    for table in ("customer_brand_360", "customer_360"):
        assert sorted(yearly.rows(f"{known} FROM gold.{table}"), key=str) == [
            (0, 0, None, None, True, 0),
            (0, 0, None, None, True, 0),
            (2, 3, 28, dt.date(2025, 2, 1), False, 1),
        ]
    assert yearly.rows("SELECT sum(orders), sum(gmv_eur) FROM gold.sales_daily") == [(14, 14 * 15 / 2)]
    [said] = findings(result)["no_orders_after_as_of"]
    assert (said["orders"], said["last_order_date"]) == (12, YEAR_END)
    as_of(yearly, "")
    later = yearly.run()
    assert "no_orders_after_as_of" not in findings(later)
    assert yearly.rows("SELECT sum(frequency) FROM gold.customer_360") == [(14,)]


def swapped(day: dt.date) -> dt.date:
    return day.replace(month=day.day, day=day.month)


def test_a_last_day_far_after_all_others_is_said(shop: Shop) -> None:
    """Orders of half a year, twenty a day; of some of them spreadsheets have day and month swapped."""
    days = [dt.date(2025, 1, 1) + dt.timedelta(n) for n in range(181)]
    orders = [(day, f"{n}") for day in days for n in range(20)]
    right = lines(*orders)
    shop.deliver_lines(*right)
    brands = "+gold.dim_brand"
    assert "last_day_follows_the_others" not in findings(shop.run(select=brands))
    wrong = [(swapped(day) if n == "0" and day.day in (10, 11, 12) else day, n) for day, n in orders]
    shop.deliver_lines(*lines(*wrong))
    [said] = findings(shop.run(select=brands))["last_day_follows_the_others"]
    assert said["last_day"] == dt.date(2025, 12, 6) and said["most_orders_until"] == dt.date(2025, 6, 29)
    as_of(shop, "2025-07-01")  # who looks at it can say the day
    assert "last_day_follows_the_others" not in findings(shop.run(select=brands))


def test_of_few_orders_none_is_far_behind_the_others(shop: Shop) -> None:
    """The third order of a shop may well come two months later, the twentieth, of one a day, may not."""
    for name, orders in (("few", 3), ("more", 20)):
        brand = shop.another(name)
        days = [dt.date(2026, 1, 1) + dt.timedelta(n) for n in range(orders - 1)]
        brand.deliver_lines(*lines(*((day, "1") for day in [*days, days[-1] + dt.timedelta(60)])))
    said = findings(shop.run(select="+gold.dim_brand"))["last_day_follows_the_others"]
    assert [row["source_system"] for row in said] == ["more"]


def test_a_return_with_its_orders_number_is_of_its_own_day(shop: Shop) -> None:
    """Also where it is dated before its sale: the order, and the as-of date, are of the sale."""
    line = "{},{},2026-{} 10:00:00,P1,Mug,{},50.00,{},Germany,EUR"
    shop.deliver_lines(
        line.format("A1", 1, "01-10", 2, 77), line.format("A1", 2, "03-10", -1, 77),
        line.format("A2", 1, "03-09", 2, 78), line.format("A2", 2, "03-02", -1, 78),
    )  # fmt: skip
    told = "SELECT last_order_date::VARCHAR, gmv_eur, returns_eur FROM gold.customer_brand_360 ORDER BY 1"
    as_of(shop, "2026-03-10")
    assert not shop.run().failed
    assert shop.rows(told) == [("2026-01-10", 100, 0), ("2026-03-09", 100, 50)]
    as_of(shop, "")
    assert not shop.run().failed
    assert shop.rows("SELECT as_of_date::VARCHAR FROM gold.dim_brand") == [("2026-03-10",)]
    shop.deliver_lines(line.format("A3", 1, "03-20", 2, 79), name="lines_2.csv")  # only what it touches
    shop.run()
    assert shop.rows(told) == [("2026-01-10", 100, 50), ("2026-03-09", 100, 50), ("2026-03-20", 100, 0)]
    days = "SELECT order_date::VARCHAR, orders, gmv_eur, returns_eur FROM silver.customer_days ORDER BY 1"
    assert shop.rows(days) == [
        ("2026-01-10", 1, 100, 0), ("2026-03-02", 0, 0, 50), ("2026-03-09", 1, 100, 0),
        ("2026-03-10", 0, 0, 50), ("2026-03-20", 1, 100, 0),
    ]  # fmt: skip
