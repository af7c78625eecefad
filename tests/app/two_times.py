"""Two brands whose data lie 14 years apart, each with the same sale on every day: what comparing them must
not be fooled by. And two that trade at the same time, with returns, regions and categories.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.conftest import SHOP_BRAND, Shop
from tests.suite import PASSWORD

from mergehouse.access.extract import write_extracts
from mergehouse.access.gateway import Gateway, Reader
from mergehouse.access.people import People, Person
from mergehouse.access.policy import Policy, load_policy
from mergehouse.app.server import create_app
from mergehouse.app.view import Choices, View, choices, read_view

LONG, SHORT = dt.date(2009, 12, 1), dt.date(2025, 4, 4)  # first days
LONG_DAYS, SHORT_DAYS = 739, 75
ROLES = ("executive", "marketing", "brand_manager_shop", "brand_manager_zebra", "north")
NORTH = "  north: {label: North, rows: [{column: region, values: [North Europe]}], persons: true}\n"
COUNTRIES = ("Germany", "Germany", "Spain", "United States")
TARGETS = """\
kpi,brand,period,value
net_revenue,shop,2009,1
net_revenue,shop,2009-12,310
net_revenue,shop,2010,3650
gmv,shop,2010,3650.01
orders,shop,2010-q1,91
net_revenue,shop,2011,3650
gmv,shop,2011,3430
aov,shop,2011,10
margin_rate,shop,2011,1
return_rate,shop,2011,0
net_revenue,shop,2012,1
net_revenue,zebra,2025-05,620
net_revenue,zebra,2025-q2,1
net_revenue,group,2011,77777
"""
HARM = "<img src=x onerror=alert(1)>"
ANNOTATIONS = f"""\
day,brand,who,text
2011-11-28,shop,Ann,Catalogue {HARM}
2010-11-30,shop,Ben,"=1+1, a year before"
2025-06-02,zebra,Cat,Portal opened
2025-06-03,group,Board,Merger announced
2030-01-01,shop,Ann,Not yet
"""
PRICES = (10, 25, 40, 55, 85, 120, 15)


def apart(folder: Path) -> None:
    """`shop` sells for 10 EUR a day for 739 days up to 9 December 2011, `zebra` for 75 to 17 June 2025."""
    shop, zebra = _two(folder)
    shop.deliver_lines(*(_line(f"A{n}", LONG, n, "C1") for n in range(LONG_DAYS)))
    zebra.deliver_lines(*(_line(f"B{n}", SHORT, n, "K1") for n in range(SHORT_DAYS)))
    _finish(shop)


def together(folder: Path) -> None:
    """Both sell for 505 days up to the end of 2025, to several countries; `shop` takes some goods back."""
    shop, zebra = _two(folder)
    first = dt.date(2024, 8, 14)
    for brand, letter, every in ((shop, "A", 1), (zebra, "B", 2)):
        rows = []
        for n in range(0, 505, every):
            price, country = PRICES[n % 7] + n // 100, COUNTRIES[n % 4]
            rows.append(_line(f"{letter}{n}", first, n, f"{letter}{n % 40}", price, country))
            if n % 9 == 0 and letter == "A":
                rows.append(_line(f"R{n}", first, n, f"{letter}{n % 40}", price, country, quantity=-1))
        brand.deliver_lines(*rows)
    _finish(shop)


def say(folder: Path) -> None:
    """Targets and annotations of the brands that are apart."""
    (folder / "mappings" / "targets.csv").write_text(TARGETS)
    (folder / "mappings" / "annotations.csv").write_text(ANNOTATIONS)


class Open:
    """A project's suite, and its readers."""

    def __init__(self, folder: Path) -> None:
        self.shop = Shop(folder)
        self.policy: Policy = load_policy(self.shop.project)
        write_extracts(self.shop.project, self.policy)
        self.gateway = Gateway(self.shop.project, self.policy)
        self.app: FastAPI = create_app(self.shop.project)

    def reader(self, role: str = "executive") -> Reader:
        scope = self.policy.scope([role])
        assert scope
        return self.gateway.reader(scope)

    def view(self, role: str = "executive", **parameters: str) -> tuple[Reader, View, Choices]:
        reader = self.reader(role)
        offered = choices(reader)
        return reader, read_view(parameters.items(), offered), offered

    def visitor(self, role: str) -> TestClient:
        client = TestClient(self.app, base_url="http://localhost", raise_server_exceptions=False)
        people = People(self.shop.folder)  # not by the form, which takes so many a minute
        client.cookies.set("mergehouse", people.begin_session(Person(role, role, (role,))))
        return client


def _two(folder: Path) -> tuple[Shop, Shop]:
    shop = Shop(folder)
    shop.configure(SHOP_BRAND.replace("label: Shop", "label: Long <b>& old</b>"))
    zebra = shop.another("zebra")
    zebra.configure(SHOP_BRAND.replace("label: Shop", "label: Zebra"))
    return shop, zebra


def _line(
    order: str,
    first: dt.date,
    n: int,
    customer: str,
    price: int = 10,
    country: str = "Germany",
    quantity: int = 1,
) -> str:
    day = first + dt.timedelta(n)
    return f"{order},1,{day} 18:00:00,P{n % 3},Mug {n % 3},{quantity},{price}.00,{customer},{country},EUR"


def _finish(shop: Shop) -> None:
    assert not shop.run().failed
    file = shop.folder / "access.yml"
    file.write_text(file.read_text() + NORTH)
    people = People(shop.folder)
    for role in ROLES:
        people.add(role, role, [role], PASSWORD)
