"""The campaign planner: its list, its past and its sums."""

from __future__ import annotations

import csv
import html
import json
import math
import re
from decimal import Decimal

import numpy as np
import pytest
from fastapi import FastAPI
from tests.app.shared_customers import browser, reader, rows
from tests.conftest import Shop

from mergehouse.access.gateway import Gateway
from mergehouse.app.figures.campaign import Plan, _deviation, campaign, contacts
from mergehouse.app.view import View

RULE = "recency_days >= 31 AND recency_days < 271 AND frequency >= 2 AND monetary_eur >= 50"
PLAN = Plan(days_from=31, days_below=271, orders_from=2, eur_from=50)


def test_the_list_is_who_meets_the_rule(gateway: Gateway, house: Shop) -> None:
    executive = reader(gateway, "executive")
    for view, table, where in (
        (View(), "gold.customer_360", RULE),
        (
            View(brand="shop", region="South Europe"),
            "gold.customer_brand_360",
            f"{RULE} AND source_system = 'shop' AND region = 'South Europe'",
        ),
    ):
        found = campaign(executive, view, PLAN)
        (expected,) = rows(
            house, f"SELECT count(*), sum(monetary_eur), sum(margin_eur) FROM {table} WHERE {where}"
        )
        assert (found.chosen["customers"], found.chosen["net_revenue"], found.chosen["margin"]) == expected
        assert len(contacts(executive, view, PLAN, 10_000)) == found.listed == expected[0] > 3


def test_segment_and_risk_narrow_it(gateway: Gateway, house: Shop) -> None:
    executive = reader(gateway, "executive")
    plan = Plan(days_from=0, segment="Lost", risk="high")
    (expected,) = rows(
        house, "SELECT count(*) FROM gold.customer_360 WHERE segment = 'Lost' AND risk_band = 'high'"
    )
    assert (
        campaign(executive, View(), plan).listed
        == len(contacts(executive, View(), plan, 100))
        == expected[0]
        > 0
    )


def test_the_same_rule_at_past_cut_offs(gateway: Gateway, house: Shop) -> None:
    executive = reader(gateway, "executive")
    found = campaign(executive, View(brand="shop"), PLAN)
    sql = """
      SELECT cutoff_date, count(*), count(*) FILTER (o.purchases_90d > 0),
      sum(o.margin_90d_eur) FILTER (o.purchases_90d > 0)
      FROM gold.customer_features AS f
      JOIN gold.customer_outcomes AS o USING (customer_id, source_system, cutoff_date)
      WHERE source_system = 'shop' AND o.purchases_90d IS NOT NULL AND f.recency_days >= 31
      AND f.recency_days < 271 AND f.purchases >= 2 AND f.gmv_eur - f.returns_eur >= 50 GROUP BY 1 ORDER BY 1
    """
    expected = rows(house, sql)
    assert [(each.cutoff, each.customers, each.came_back) for each in found.replays] == [
        row[:3] for row in expected
    ]
    customers, came_back, margin = (sum(row[place] for row in expected) for place in (1, 2, 3))
    assert came_back >= 30 and found.own_share == pytest.approx(came_back / customers)
    assert found.margin_each == pytest.approx(float(margin) / came_back)


def test_sums_follow_from_the_terms(gateway: Gateway) -> None:
    """By hand: 10 % aside, the rest less who comes back anyway, a twentieth of them, at the past's margin."""
    executive = reader(gateway, "executive")
    found = campaign(executive, View(brand="shop"), PLAN)
    assert found.contacts + found.control == found.listed and found.control == round(found.listed * 0.1)
    assert found.own_share is not None and found.margin_each and found.profit is not None
    extra = found.contacts * (1 - found.own_share) * 0.05
    assert found.extra == pytest.approx(extra) and found.cost == found.contacts
    assert found.profit == pytest.approx(extra * found.margin_each - found.contacts)
    assert found.low is not None and found.high is not None and found.low < found.profit < found.high
    assert found.break_even is not None
    at_break_even = campaign(
        executive, View(brand="shop"), Plan(**vars(PLAN) | {"rate": Decimal(str(found.break_even))})
    )
    assert at_break_even.profit == pytest.approx(0, abs=1e-6)


def test_the_budget_is_kept(gateway: Gateway) -> None:
    executive = reader(gateway, "executive")
    for control in ("0", "0.1", "0.5"):
        plan = Plan(
            **vars(PLAN) | {"budget": Decimal(20), "cost": Decimal("1.50"), "control": Decimal(control)}
        )
        found = campaign(executive, View(), plan)
        assert found.cost <= 20 and found.contacts >= 12 and found.contacts + found.control == found.listed
        listed = contacts(executive, View(), plan, 10_000)
        assert sum(row["part"] == "contact" for row in listed) == 13  # at 1.50 each
        values = [row["clv_12m_eur"] for row in listed]
        assert values == sorted(values, reverse=True)


def test_the_interval_is_that_of_simulated_campaigns() -> None:
    """20,000 campaigns of 400 who stay; a twentieth comes back, with margins that are known from 50."""
    random, staying, rate, mean, deviation, known = np.random.default_rng(3), 400, 0.05, 40.0, 30.0, 50
    number = random.binomial(staying, rate, 20_000)
    shape = (mean / deviation) ** 2
    margins = random.gamma(shape * number, mean / shape)
    error = (random.gamma(shape, mean / shape, (20_000, known)).mean(axis=1) - mean) * staying * rate
    assert (margins - error).std() == pytest.approx(
        _deviation(staying, rate, mean, deviation, known), rel=0.03
    )


def test_who_is_set_aside_is_always_the_same(gateway: Gateway) -> None:
    executive, manager = reader(gateway, "executive"), reader(gateway, "brand_manager_shop")
    first, second = (
        contacts(executive, View(), Plan(days_from=0, control=Decimal("0.3")), 1000) for _ in range(2)
    )
    aside = {row["customer"] for row in first if row["part"] == "control"}
    assert first == second and 0.15 * len(first) < len(aside) < 0.45 * len(first)
    narrower = contacts(executive, View(), Plan(days_from=61, control=Decimal("0.3")), 1000)
    assert {row["customer"] for row in narrower if row["part"] == "control"} <= aside
    assert not {row["customer"] for row in contacts(manager, View(), Plan(days_from=0), 1000)} & {
        row["customer"] for row in first
    }


def test_nothing_to_go_by_is_said(app: FastAPI, gateway: Gateway) -> None:
    executive = reader(gateway, "executive")
    nobody = campaign(executive, View(), Plan(days_from=541, orders_from=21))
    assert nobody.listed == 0 and nobody.profit is None and nobody.break_even is None
    assert "No customer meets this rule" in browser(app, "executive").get("/campaign?from=541&orders=21").text
    rare = campaign(executive, View(country="MT"), Plan(days_from=181))
    assert rare.is_margin_of_orders


def test_contacts_are_saved_with_the_rule_and_their_numbers(app: FastAPI, house: Shop) -> None:
    answer = browser(app, "brand_manager_shop").get(
        "/campaign/contacts.csv?from=31&below=271&orders=2&spent=50"
    )
    text = answer.content.decode("utf-8-sig").splitlines()
    found = list(csv.DictReader(line for line in text if not line.startswith("#")))
    (expected,) = rows(
        house, f"SELECT count(*) FROM gold.customer_brand_360 WHERE {RULE} AND source_system = 'shop'"
    )
    assert len(found) == expected[0] and f"# rows: {expected[0]}" in text
    assert {"# from: 31", "# below: 271", "# orders: 2", "# spent: 50"} <= set(text)
    assert all(row["Numbers at the brands"].startswith("shop:C") for row in found)
    assert {row["Contact or control"] for row in found} <= {"contact", "control"}


def test_marketing_plans_without_a_list(app: FastAPI) -> None:
    client = browser(app, "marketing")
    page = client.get("/campaign?from=31")
    assert page.status_code == 200 and "no single customers" in page.text and "contacts.csv" not in page.text
    assert client.get("/campaign/contacts.csv").status_code == 403


def test_marketing_is_told_of_no_few_who_came_back(app: FastAPI, gateway: Gateway) -> None:
    marketing, executive = reader(gateway, "marketing"), reader(gateway, "executive")
    plans = [
        Plan(days_from=days, orders_from=orders) for days in (0, 31, 61, 91, 121) for orders in (1, 2, 3)
    ]
    found = [
        [
            (each.came_back, each.customers - each.came_back)
            for plan in plans
            for each in campaign(who, View(region=region), plan).replays
        ]
        for who in (marketing, executive)
        for region in (None, "South Europe")
    ]
    assert all(min(each) >= 5 for each in (*found[0], *found[1])) and len(found[0]) > 20
    assert any(min(each) < 5 for each in (*found[2], *found[3]))
    page = browser(app, "marketing").get("/campaign?from=31").text
    assert "of whom fewer than 5 came back, or fewer than 5 did not" in page


@pytest.mark.parametrize(
    "query",
    [
        "from=30",
        "below=0",
        "orders=7",
        "spent=1",
        "rate=0",
        "rate=101",
        "rate=1e1",
        "control=51",
        "cost=-1",
        "budget=0",
        "risk=none",
        "segment=x",
        "rate=５",
    ],
)
def test_terms_that_are_not_offered_are_refused(app: FastAPI, query: str) -> None:
    assert browser(app, "executive").get(f"/campaign?{query}").status_code == 422


def test_no_cost_breaks_even_at_once(gateway: Gateway) -> None:
    found = campaign(
        reader(gateway, "executive"), View(), Plan(**vars(PLAN) | {"cost": Decimal(0), "budget": Decimal(5)})
    )
    assert found.break_even == 0 and found.cost == 0 and not math.isnan(found.profit or 0)


def test_brands_years_apart_share_no_calendar(app: FastAPI, gateway: Gateway) -> None:
    """The other brand's data are ten years older: each is drawn by months before its own last cut-off."""
    found = campaign(reader(gateway, "executive"), View(), PLAN)
    last = {brand: max(e.cutoff for e in found.replays if e.brand == brand) for brand in ("shop", "zebra")}
    assert last["shop"].year - last["zebra"].year == 10
    page = browser(app, "executive").get("/campaign?from=31&below=271&orders=2&spent=50")
    (drawn,) = [
        json.loads(html.unescape(text))
        for text in re.findall(r'id="replays"[^>]*data-chart="([^"]*)"', page.text)
    ]
    ago = {
        e: (e.cutoff.year - last[e.brand].year, e.cutoff.month - last[e.brand].month) for e in found.replays
    }
    shares = {
        (e.brand, 12 * years + months): e.share if e.customers >= 10 else None
        for e, (years, months) in ago.items()
    }
    months = sorted({month for _, month in shares})
    assert drawn["labels"] == [str(month).replace("-", "\N{MINUS SIGN}") for month in months]
    assert drawn["labels"][-1] == "0" and len(months) < 24
    for line, brand in zip(drawn["series"], ("shop", "zebra"), strict=True):
        expected = [shares.get((brand, month)) for month in months]
        assert line["values"] == [None if each is None else pytest.approx(each) for each in expected]
    of_one = browser(app, "executive").get("/campaign?brand=shop").text
    few = sum(each.customers < 10 for each in found.replays)
    assert few > 1 and f" {few} cut-offs with fewer than 10 customers are in the table alone." in page.text
    assert "months before each brand" in page.text and "months before each brand" not in of_one
