"""Two brands, one with all that exports have wrong with them, and a model; the suite that serves them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.conftest import Shop, prepared_shop

from mergehouse.access.extract import write_extracts
from mergehouse.access.gateway import Gateway, Reader
from mergehouse.access.people import People, Person
from mergehouse.access.policy import load_policy
from mergehouse.app.server import create_app
from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.published import publish
from mergehouse.lakehouse.writing import append_rows, replace_brand
from mergehouse.science.cards.card import Card
from mergehouse.science.cards.tables import keep_cards
from mergehouse.science.evaluation.calibration import Calibrated

HTML = "<b>P9</b>"  # a product code
LINES = (
    "A1,1,2024-02-01 10:00:00,P1,Mug,2,10.00,C1,Germany,GBP",
    "A1,1,2024-02-01 10:00:00,P1,Mug,2,10.00,C1,Germany,GBP",  # delivered twice
    f"A2,1,2024-03-05 10:00:00,{HTML},Bowl,1,3.00,C2,Spain,GBP",
    "A3,1,2024-03-06 10:00:00,P1,Mug,-1,10.00,C1,Germany,GBP",
    f"A4,1,no day,{HTML},Mug,1,5.00,C1,Germany,GBP",
)
OTHER_LINES = (
    "SECRET1,1,2020-03-02 10:00:00,X1,Hidden lamp,1,99.00,K9,Germany,EUR",
    "SECRET2,1,2020-03-03 10:00:00,X1,Hidden lamp,1,1.00,K7,Spain,EUR",
)
CUTOFFS = (dt.date(2024, 1, 1), dt.date(2024, 2, 1))
TRAINED = dt.datetime(2024, 3, 7, 8, 30, tzinfo=dt.UTC)


@dataclass(frozen=True)
class House:
    shop: Shop
    app: FastAPI
    people: People

    def reader(self, role: str) -> Reader:
        policy = load_policy(self.shop.project)
        scope = policy.scope([role])
        assert scope
        return Gateway(self.shop.project, policy).reader(scope)

    def browser(self, role: str) -> TestClient:
        """Signed in as somebody with one role."""
        client = TestClient(self.app, base_url="http://localhost", follow_redirects=False)
        client.cookies.set("mergehouse", self.people.begin_session(self.person(role)))
        return client

    def program(self, role: str) -> TestClient:
        """With a token of somebody with one role."""
        token = self.people.make_token(self.person(role).name, 1)
        headers = {"Authorization": f"Bearer {token}"}
        return TestClient(self.app, base_url="http://localhost", headers=headers, follow_redirects=False)

    def person(self, role: str) -> Person:
        name = role.replace("_", "-")
        if name not in {user.name for user in self.people.users()}:
            self.people.add(name, f"Somebody {role}", [role], "a good long password")
        return Person(name, name, (role,))


def opened(folder: Path) -> House:
    shop = prepared_shop("trusted", fill, folder / "project")
    write_extracts(shop.project, load_policy(shop.project))
    return House(shop, create_app(shop.project), People(shop.project.folder))


def fill(shop: Shop) -> None:
    other = shop.another("zebra")
    other.configure((shop.brand / "brand.yml").read_text().replace("label: Shop", "label: Zebra"))
    brand = (shop.brand / "brand.yml").read_text()
    shop.configure(brand + "fresh_within_days: 2\n")
    shop.deliver_lines(*LINES)
    other.deliver_lines(*OTHER_LINES)
    assert not shop.run().failed
    lakehouse = Lakehouse(shop.project.lakehouse_location, newest=True)
    with exclusive(lakehouse):
        keep_cards(lakehouse, [card()])
        append_rows(lakehouse, contract_of("gold.model_metrics"), list(metrics()))
        for table, rows in survival().items():
            replace_brand(lakehouse, contract_of(f"gold.{table}"), rows, "shop")
        publish(lakehouse)


def card() -> Card:
    """Ten customers, of whom five left; the model finds three of them among the first four."""
    return Card(
        "shop",
        "churn_90d",
        "To rank <i>customers</i>.",
        "All.",
        "No purchase.",
        CUTOFFS[-1],
        TRAINED,
        method="logistic regression",
        name="shop-churn",
        version="2",
        standing="Champion.",
        customers=10,
        calibration=(Calibrated(0.2, 0.1, 0.05, 0.3, 5), Calibrated(0.7, 0.9, 0.6, 0.95, 5)),
        gains=((0.0, 0.0), (0.1, 0.2), (0.2, 0.4), (0.3, 0.5), (0.4, 0.6), (1.0, 1.0)),
        best_gains=((0.0, 0.0), (0.1, 0.2), (0.2, 0.4), (0.3, 0.6), (0.4, 0.8), (1.0, 1.0)),
        judged_at=CUTOFFS[-1],
        limits=("Knows purchases alone.",),
        not_for=("Single people.",),
    )


def metrics() -> Iterator[list[object]]:
    for method, values in {"logistic regression": (0.6, 0.7), "RFM rates": (0.5, 0.6)}.items():
        for day, value in zip(CUTOFFS, values, strict=True):
            yield [
                TRAINED,
                "shop",
                "churn_90d",
                "all",
                method,
                day,
                "1",
                10,
                "auc",
                value,
                value - 0.1,
                value + 0.1,
            ]


def survival() -> dict[str, pl.DataFrame]:
    """Half buy again by day 100, three quarters by day 400: of those silent for 35 days or less, none yet."""
    steps = ((0, 1.0, 40), (100, 0.5, 40), (400, 0.25, 8), (500, 0.2, 3))
    head = {"source_system": "shop", "clock": "purchase_to_purchase", "customer_group": "all"}
    curves = [
        head | {"day": d, "survival": s, "low": s, "high": s, "at_risk": n, "events": 0} for d, s, n in steps
    ]
    summary = head | {
        "as_of_date": CUTOFFS[-1],
        "customers": 40,
        "observations": 40,
        "events": 32,
        "lapsed_share": None,
        "median_days": 100,
        "median_low_days": 90,
        "median_high_days": None,
        "share_30d": 0.0,
        "share_60d": 0.0,
        "share_90d": 0.0,
        "share_365d": 0.5,
        "words": "Half buy again within 100 days.",
    }
    few = summary | {"customer_group": "segment: Few", "customers": 3, "words": "Too few to tell."}
    return {
        "survival_curves": pl.DataFrame(curves),
        "survival_summary": pl.DataFrame([summary, few], infer_schema_length=None),
    }
