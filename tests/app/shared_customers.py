"""Two brands with a year of orders, some customers of both, and scores that are made up: what pages of
customers are tested on. Expected figures are worked out by other queries on the lakehouse.
"""

from __future__ import annotations

import datetime as dt
import functools
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.conftest import Shop
from tests.prepared import prepared
from tests.suite import PASSWORD, at_once

from mergehouse.access.extract import write_extracts
from mergehouse.access.gateway import Gateway, Reader
from mergehouse.access.people import People
from mergehouse.access.policy import load_policy
from mergehouse.app.server import create_app
from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.published import republishing
from mergehouse.lakehouse.writing import replace_brand

ROLES = ("executive", "marketing", "brand_manager_shop")
SHARED = 8  # customers of both brands
PLACES = (("Germany", 5), ("France", 2), ("Spain", 2), ("Malta", 1))  # of ten customers
SCORES = """
SELECT * REPLACE (
  CAST(LEAST(0.99, recency_days / 200.0) AS DECIMAL(18, 8)) AS churn_probability_90d,
  CASE WHEN recency_days < 80 THEN 'low' WHEN recency_days < 140 THEN 'medium' ELSE 'high' END AS risk_band,
  CAST(GREATEST(monetary_eur, 0) / 4 AS DECIMAL(18, 2)) AS clv_12m_eur,
  CASE WHEN monetary_eur > 400 THEN 'top' WHEN monetary_eur > 200 THEN 'high'
  WHEN monetary_eur > 80 THEN 'medium' ELSE 'low' END AS clv_tier, 'Last purchase long ago' AS
  reason_1, 'Buys at another brand, too' AS reason_2,
  'model' AS score_method
) FROM {table} WHERE frequency > 0 UNION ALL FROM {table} WHERE frequency = 0
"""


def lines(seed: int, customers: int, letter: str, years: int = 0) -> list[str]:
    """Orders of a year and a half, `years` earlier, the more and the larger the lower a customer's number;
    some come back late.
    """
    random, first, rows = np.random.default_rng(seed), dt.date(2024 - years, 1, 1), []
    places = [place for place, count in PLACES for _ in range(count)]
    for customer in range(customers):
        day = float(random.integers(0, 300))
        gap = random.uniform(15, 45) * (1 + customer / 20)
        while day < 540:
            when = first + dt.timedelta(int(day))
            price = round(float(random.uniform(8, 60)) * (1 + 20 / (customer + 4)), 2)
            head = f"{letter}{len(rows)},1,{when} 10:00:00,P1,Mug,1,{price}"
            rows.append(f"{head},{letter}{customer},{places[customer % 10]},EUR")
            day += 1 + random.exponential(gap)
    return rows


def make(folder: Path) -> None:
    shop = Shop(folder).with_science()
    other = shop.another("zebra")
    other.configure((shop.brand / "brand.yml").read_text().replace("label: Shop", "label: Zebra"))
    pairs = "".join(f"C{number},zebra,K{number}\n" for number in range(SHARED))
    header = "source_customer_id,other_source_system,other_source_customer_id\n"
    (shop.brand / "customer_xref.csv").write_text(header + pairs)
    shop.deliver_lines(*lines(1, 90, "C"))
    other.deliver_lines(*lines(2, 50, "K", years=10))
    assert not shop.run().failed
    with republishing(shop.lakehouse):
        for name in ("gold.customer_brand_360", "gold.customer_360"):
            scored = pl.DataFrame(shop.lakehouse.query(SCORES.format(table=name)).pl())
            for brand in scored["source_system"].unique():
                of_brand = scored.filter(pl.col("source_system") == brand)
                replace_brand(shop.lakehouse, contract_of(name), of_brand, brand)
    with_people(folder, *ROLES)


def with_people(folder: Path, *roles: str) -> None:
    people = People(folder)
    for role in roles:
        people.add(role, role, [role], PASSWORD)


@pytest.fixture(scope="session")
def house(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    with at_once(bundled):
        return Shop(prepared("shared_customers", make, tmp_path_factory.mktemp("house") / "shop"))


@pytest.fixture(scope="session")
def gateway(house: Shop) -> Gateway:
    policy = load_policy(house.project)
    write_extracts(house.project, policy)
    return Gateway(house.project, policy)


@pytest.fixture(scope="session")
def app(house: Shop, gateway: Gateway, bundled: Path) -> FastAPI:
    with at_once(bundled):
        return create_app(house.project)


def reader(gateway: Gateway, role: str) -> Reader:
    scope = gateway.policy.scope([role])
    assert scope
    return gateway.reader(scope)


@functools.cache  # who signs in too often is held back
def browser(app: FastAPI, role: str) -> TestClient:
    client = TestClient(app, base_url="http://localhost", follow_redirects=False)
    signed_in = client.post(
        "/sign-in", data={"name": role, "password": PASSWORD}, headers={"Origin": "http://localhost"}
    )
    assert signed_in.status_code == 303
    return client


def rows(house: Shop, sql: str) -> list[tuple]:
    return house.lakehouse.query(sql).fetchall()
