"""Both worlds of other limits, against counts of the customers themselves."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from tests.app.shared_customers import browser, reader, rows
from tests.conftest import Shop

from mergehouse.access.gateway import Gateway
from mergehouse.app.figures.what_if import Change, Limits, what_if
from mergehouse.app.view import View, choices
from mergehouse.kpi.catalogue import compute

BRAND, GROUP = "gold.customer_brand_360", "gold.customer_360"


def counted(changes: tuple[Change, ...]) -> tuple[dict, dict]:
    """Customers and net revenue of each part, as it is and with the limits."""
    return tuple(  # type: ignore[return-value]
        {e.name: (w.customers, w.net_revenue) for e in changes if (w := getattr(e, world)).customers}
        for world in ("now", "then")
    )


def states(house: Shop, table: str, where: str, silent: str, chance: float) -> dict:
    sql = f"""
      SELECT CASE WHEN {silent} THEN 'silent' WHEN churn_probability_90d >= {chance} THEN 'at_risk'
      ELSE 'active' END, count(*), sum(monetary_eur) FROM {table} WHERE frequency > 0 AND {where} GROUP BY 1
    """
    return {row[0]: row[1:] for row in rows(house, sql)}


@pytest.mark.parametrize("days", [60, 85, 120, 180])
@pytest.mark.parametrize("chance", [35, 70])
def test_who_is_silent_or_at_risk_by_other_limits(
    gateway: Gateway, house: Shop, days: int, chance: int
) -> None:
    executive = reader(gateway, "executive")
    for view, table, where in (
        (View(), GROUP, "TRUE"),
        (View(brand="zebra", country="DE"), BRAND, "source_system = 'zebra' AND country_code = 'DE'"),
    ):
        found = what_if(executive, view, choices(executive), Limits(days=days, chance=chance)).silence
        assert found
        now, then = counted(found.changes)
        assert now == states(house, table, where, "is_churned", 0.7)
        assert then == states(house, table, where, f"recency_days > {days}", chance / 100)


def test_silent_by_the_own_limit_is_who_is_not_active_in_the_catalogue(gateway: Gateway, house: Shop) -> None:
    executive = reader(gateway, "executive")
    found = what_if(executive, View(brand="shop"), choices(executive), Limits(days=90)).silence
    kpis = compute(house.lakehouse)["shop"]
    assert found and kpis["customers"] and kpis["active_customers"]
    silent = found.changes[0]
    assert silent.now.customers == silent.then.customers == kpis["customers"] - kpis["active_customers"]
    assert not found.is_changed


def test_brands_with_too_little_data_are_named(gateway: Gateway) -> None:
    executive = reader(gateway, "executive")
    offered = choices(executive)
    found = what_if(executive, View(), offered, Limits(days=180)).silence
    assert found and not found.unobserved  # both have a year and a half


def test_tiers_move_by_euros(gateway: Gateway, house: Shop) -> None:
    """Top from 500 on; the other bounds stay those of today."""
    executive = reader(gateway, "executive")
    found = what_if(executive, View(), choices(executive), Limits(value=(100, None, None))).tiers
    assert found
    sql = "SELECT CASE WHEN clv_12m_eur >= 100 THEN 'top' WHEN clv_tier = 'top' THEN 'high' ELSE clv_tier END"
    expected = f"{sql}, count(*), sum(monetary_eur) FROM {GROUP} WHERE clv_tier IS NOT NULL GROUP BY 1"
    today = f"SELECT clv_tier, count(*), sum(monetary_eur) FROM {GROUP} WHERE clv_tier IS NOT NULL GROUP BY 1"
    assert counted(found.changes) == tuple(
        {row[0]: row[1:] for row in rows(house, sql)} for sql in (today, expected)
    )


def test_segments_move_by_cut_points(gateway: Gateway, house: Shop) -> None:
    executive = reader(gateway, "executive")
    limits = Limits(recency=(30, 60, 90, 180), orders=(11, 6, 4, 2))
    found = what_if(executive, View(brand="shop"), choices(executive), limits).cuts
    assert found and not found.is_mixed_up
    sql = f"""
      WITH scored AS (
        SELECT monetary_eur, CASE WHEN recency_days <= 30 THEN 5 WHEN recency_days <= 60 THEN 4
        WHEN recency_days <= 90 THEN 3 WHEN recency_days <= 180 THEN 2 ELSE 1 END AS r,
        CASE WHEN frequency >= 11 THEN 5 WHEN frequency >= 6 THEN 4 WHEN frequency >= 4 THEN 3 WHEN
        frequency >= 2 THEN 2 ELSE 1 END AS f
        FROM {BRAND} WHERE source_system = 'shop' AND frequency > 0
      )
      SELECT CASE WHEN r = 5 AND f >= 4 THEN 'Champions' WHEN r = 1 AND f <= 2 THEN 'Lost' ELSE 'others' END,
      count(*), sum(monetary_eur) FROM scored GROUP BY 1
    """
    then = counted(found.changes)[1]
    expected = {row[0]: row[1:] for row in rows(house, sql)}
    assert {name: then.get(name) for name in ("Champions", "Lost")} == {
        n: expected.get(n) for n in ("Champions", "Lost")
    }
    assert sum(each[0] for each in then.values()) == sum(each[0] for each in expected.values())


def test_as_it_is_segments_are_those_of_other_pages(gateway: Gateway, house: Shop) -> None:
    executive = reader(gateway, "executive")
    found = what_if(executive, View(brand="shop"), choices(executive), Limits()).cuts
    assert found and not any(each.customers for each in found.changes)
    where = "source_system = 'shop' AND frequency > 0"
    today = dict(rows(house, f"SELECT segment, count(*) FROM {BRAND} WHERE {where} GROUP BY 1"))
    assert {each.name: each.now.customers for each in found.changes} == today


def test_as_it_is_who_sees_no_persons_is_told_the_same(gateway: Gateway, house: Shop) -> None:
    """Of groups of five or more; segments below are told together, as on the page of customers."""
    marketing = reader(gateway, "marketing")
    found = what_if(marketing, View(), choices(marketing), Limits())
    assert found.silence and found.cuts
    expected = states(house, GROUP, "TRUE", "is_churned", 0.7)
    assert min(customers for customers, _ in expected.values()) >= 5
    assert counted(found.silence.changes)[0] == expected
    segments = rows(house, f"SELECT segment, count(*) FROM {GROUP} WHERE frequency > 0 GROUP BY 1")
    told = {each.name: each.now.customers for each in found.cuts.changes if each.name}
    assert told and told.items() <= dict(segments).items()
    assert sum(each.now.customers for each in found.cuts.changes) == sum(size for _, size in segments)


def test_what_is_not_moved_stays(gateway: Gateway) -> None:
    """With more days nobody else is at risk but who is silent no more; scores keep their own cut-points."""
    for role in ("executive", "marketing"):
        sees = reader(gateway, role)
        found = what_if(sees, View(), choices(sees), Limits(days=180, recency=(None, None, None, 730)))
        assert found.silence and found.cuts
        silent, risky, active = found.silence.changes
        assert silent.customers < 0 <= min(risky.customers, active.customers)
        moved = {each.name: each.customers for each in found.cuts.changes if each.customers}
        assert moved["Lost"] < 0 and "Champions" not in moved and sum(moved.values()) == 0


def test_whoever_sees_no_persons_moves_five_or_none(gateway: Gateway) -> None:
    """Of all customers together: the steps of the slider are groups of five."""
    marketing = reader(gateway, "marketing")
    steps = []
    for days in range(60, 181, 5):
        found = what_if(marketing, View(), choices(marketing), Limits(days=days)).silence
        assert found
        steps.append(found.changes[0].then.customers)
    moves = {before - after for before, after in zip(steps, steps[1:], strict=False)}
    assert len(moves) > 2 and all(move == 0 or move >= 5 for move in moves)


def test_the_address_is_the_state(app: FastAPI) -> None:
    client = browser(app, "executive")
    page = client.get("/what-if?brand=shop&days=120&chance=50&top=100").text
    assert "You changed 3 limits" in page and 'name="days"' in page and 'value="120"' in page
    assert 'name="brand" value="shop"' in page and "with limits" in page
    assert "As it is. Move a limit" in client.get("/what-if").text


@pytest.mark.parametrize(
    "query",
    [
        "days=91",
        "days=55",
        "days=185",
        "chance=51",
        "chance=NaN",
        "chance=1e-1",
        "top=1",
        "r5=7",
        "f5=7",
        "days=-0",
        "days=90&days=95",
    ],
)
def test_limits_off_the_grid_are_refused(app: FastAPI, query: str) -> None:
    assert browser(app, "marketing").get(f"/what-if?{query}").status_code == 422
