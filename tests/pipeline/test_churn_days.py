"""Days of silence after which a customer has churned: the brand's own, and said where they say nothing."""

from __future__ import annotations

import datetime as dt

import pytest
from tests.conftest import SHOP_BRAND, Shop
from tests.pipeline.test_as_of import findings, lines

pytestmark = pytest.mark.slow("scores two brands")

LAST = dt.date(2025, 12, 31)


def set_days(shop: Shop, days: int) -> None:
    shop.configure(f"churn_after_days: {days}\n{SHOP_BRAND}")


def test_each_brand_has_its_own_and_who_left_the_group_left_every_brand(shop: Shop) -> None:
    """Two brands, of 30 and of the project's 90 days; as-of date is 31 January."""
    other = shop.another("other")
    set_days(shop, 30)
    day = {ago: dt.date(2026, 1, 31) - dt.timedelta(ago) for ago in (1, 40, 60, 200)}
    shop.deliver_lines(*lines((day[1], "now"), (day[40], "A"), (day[40], "B"), (day[200], "C")))
    other.deliver_lines(*lines((day[1], "now"), (day[60], "a"), (day[60], "b"), (day[200], "c")))
    (other.brand / "customer_xref.csv").write_text(
        "source_customer_id,other_source_system,other_source_customer_id\na,shop,A\nc,shop,C\n"
    )
    assert not shop.run().failed
    churned = "SELECT source_system, recency_days FROM gold.customer_brand_360 WHERE is_churned ORDER BY ALL"
    assert shop.rows(churned) == [("other", 200), ("shop", 40), ("shop", 40), ("shop", 200)]
    # A has left the shop, not the other brand; C has left both; b is of the other brand alone
    group = "SELECT is_cross_brand, recency_days, is_churned FROM gold.customer_360 ORDER BY ALL"
    assert shop.rows(group) == [
        (False, 1, False), (False, 1, False), (False, 40, True), (False, 60, False),
        (True, 40, False), (True, 200, True),
    ]  # fmt: skip
    assert (shop.project.churn_after_days("shop"), shop.project.churn_after_days("other")) == (30, 90)


def visits(every: int, stay: int) -> list[tuple[dt.date, str]]:
    """120 customers who come every so many days over three years; all but the first `stay` of them stay away
    from a day of their own on.
    """
    found = [(LAST, "last")]
    for n in range(120):
        until = 1095 if n < stay else 200 + n * 4
        found += [(LAST - dt.timedelta(1095 - day), f"{n}") for day in range(n * every // 120, until, every)]
    return found


def test_a_definition_that_tells_nobody_apart_is_said_with_a_better_one(shop: Shop) -> None:
    """Of those who sell some of each it tells who stays and who has gone."""
    cases = {"bicycles": (360, 60, 10), "groceries": (7, 120, 90), "some_of_each": (7, 60, 90)}
    for brand, (every, stay, days) in zip(shop.brands(*cases), cases.values(), strict=True):
        set_days(brand, days)
        brand.deliver_lines(*lines(*visits(every, stay)))
    found = findings(shop.run())["churn_tells_customers_apart"]
    suggested = {said["source_system"]: said["suggested_days"] for said in found}
    assert set(suggested) == {"bicycles", "groceries"}
    assert 300 <= suggested["bicycles"] <= 370 and suggested["groceries"] == 10
