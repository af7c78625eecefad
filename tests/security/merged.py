"""Two brands with customers in common and names that are out to do harm: what the attacks are run against.

`shop` (Alder) and `zebra` share four customers. Everything of either brand carries a mark that nothing else
has, so that one look at an answer says whose rows were in it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import html
import io
import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.conftest import Shop
from tests.security.doors import Door, doors

from mergehouse.access.extract import write_extracts
from mergehouse.access.gateway import Gateway, Reader
from mergehouse.access.people import People, Person
from mergehouse.access.policy import Policy, load_policy
from mergehouse.access.secret import derived
from mergehouse.access.serving import serving_folder
from mergehouse.app.server import create_app
from mergehouse.contracts.registry import contract_of
from mergehouse.identity import guard, linkage
from mergehouse.identity.linkage import Candidates
from mergehouse.identity.model import LinkModel
from mergehouse.identity.models import keep
from mergehouse.lakehouse.published import republishing
from mergehouse.lakehouse.writing import replace_brand
from mergehouse.project.known_pairs import DECISION_COLUMNS, DECISIONS

ORIGIN = "http://localhost"
SHOP, ZEBRA = "brand_manager_shop", "brand_manager_zebra"
# Ids of requests, keys and digests: any mark and any amount may stand in one.
HASH = re.compile(r"\b[0-9a-f]{16,}\b")
ROLES = ("executive", SHOP, ZEBRA, "marketing", "analyst", "admin")
SOUTH = "  south: {label: South, rows: [{column: region, values: [South Europe]}], persons: true}\n"
SHARED = 4  # customers of both brands: C0 is K0, and so on
IDENTITY = "/identity"  # the one door to personal attributes, for an admin
PEOPLE = """
  people:
    files: "people*"
    key: [number]
    columns:
      number: {type: code}
      first: {type: text}
      last: {type: text}
      mail: {type: text}
      town: {type: text}
identity: [first_name, last_name, email, city]
"""
TARGETS = """\
kpi,brand,period,value
gmv,shop,2025,8123451
gmv,zebra,2025,8123452
gmv,group,2025,8123453
"""
ANNOTATIONS = """\
day,brand,who,text
2025-06-02,shop,ALDNOTE,"=ALDNOTE {{7*7}} <img src=x onerror=alert(1)>"
2025-06-02,zebra,VEILNOTE,"=VEILNOTE {{7*7}} <img src=x onerror=alert(1)>"
2025-06-02,group,Board,"GROUPNOTE <img src=x onerror=alert(1)>"
"""
NAMED = ("first_name", "last_name", "email", "city")
CUSTOMERS = """
SELECT number AS customer_code, first AS first_name, last AS last_name, mail AS email, town AS city
FROM people
"""
ATTRIBUTES = r"Zyxquil|Quvondar|zq@canary\.example|Canaryville"  # of persons
CANARY = 'Zyxquil,Quvondar,zq@canary.example,"Canaryville <img src=x onerror=alert(1)>"'
MARKUP = "<img src=x onerror=alert(1)>\"'</script>"
HOSTILE = (  # names of products, one after the other
    MARKUP,
    "=cmd|'/c calc'!A1",
    "{{7*7}}${7*7}<% 7*7 %>",
    "'); DROP TABLE gold.sales_daily;--",
    "\u202egnp.exe \u0627\u0644\u0645\u0646\u062a\u062c",
)
LABELS = {"shop": f"+Alder {MARKUP}", "zebra": '=Zebra"><svg onload=alert(1)>'}
COUNTRIES = ("Germany",) * 6 + ("France",) * 2 + ("Spain", "Malta")
PERSONS = r"\b[CK]\d+\b|ALDORD|SECRET"  # numbers of customers and orders
MARKS = {  # what no one but the brand's own people may be shown
    "shop": r"alder|ALDORD|ALDPRD|ALDNOTE|8,?123,?451|\bC\d+\b|(?<![a-z])shop(?![a-z])",
    "zebra": r"zebra|SECRET|VEILPRD|VEILNOTE|8,?123,?452|\bK\d+\b",
}
# nor that there are others
TOGETHER = r"another brand|no other brand|is_cross_brand|cross-brand|GROUPNOTE|8,?123,?453"
SCORES = """
SELECT * REPLACE (
  CAST(LEAST(0.99, recency_days / 400.0) AS DECIMAL(18, 8)) AS churn_probability_90d,
  CASE WHEN recency_days < 80 THEN 'low' WHEN recency_days < 200 THEN 'medium' ELSE 'high' END AS risk_band,
  CAST(GREATEST(monetary_eur, 0) / 4 AS DECIMAL(18, 2)) AS clv_12m_eur,
  CASE WHEN monetary_eur > 400 THEN 'top' WHEN monetary_eur > 200 THEN 'high' ELSE 'low' END AS clv_tier,
  'Last purchase long ago' AS reason_1, 'Buys at another brand, too' AS reason_2,
  'Buys at no other brand' AS reason_3, 'model' AS score_method
) FROM {table}
"""


def fill(shop: Shop) -> None:
    zebra = shop.another("zebra")
    brand = (shop.brand / "brand.yml").read_text()
    for each, name in ((shop, "shop"), (zebra, "zebra")):
        each.configure(brand.replace("label: Shop", f"label: {json.dumps(LABELS[name])}") + PEOPLE)
        (each.brand / "customers.sql").write_text(CUSTOMERS)
    pairs = "".join(f"C{number},zebra,K{number}\n" for number in range(SHARED))
    header = "source_customer_id,other_source_system,other_source_customer_id\n"
    (shop.brand / "customer_xref.csv").write_text(header + pairs)
    shop.deliver_lines(*_lines("ALDORD", "ALDPRD", "C", 30, 31), name="lines '=1+1' <b>.csv")
    zebra.deliver_lines(*_lines("SECRET", "VEILPRD", "K", 18, 4321), name="lines zebra.csv")
    # one customer of zebra who may be three of shop: of one it is decided, two wait
    header = "number,first,last,mail,town\n"
    shop.deliver(header + "".join(f"C{number},{CANARY}\n" for number in (20, 21, 22)), "people.csv")
    zebra.deliver(f"{header}K10,{CANARY}\n", "people.csv")
    decided = "shop,C20,zebra,K10,different,me,2026-05-01,"
    (shop.folder / "mappings" / DECISIONS).write_text(f"{','.join(DECISION_COLUMNS)}\n{decided}\n")
    for name, text in (("targets", TARGETS), ("annotations", ANNOTATIONS)):
        (shop.folder / "mappings" / f"{name}.csv").write_text(text)
    keep(shop.project, LinkModel(dt.datetime(2026, 1, 1), "0", NAMED, {}, 0.1, {}, {}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linkage, "candidates", may_be_one)
        assert not shop.run().failed
    with republishing(shop.lakehouse):
        for table in ("gold.customer_brand_360", "gold.customer_360"):
            scored = pl.DataFrame(shop.lakehouse.query(SCORES.format(table=table)).pl())
            for name in scored["source_system"].unique():
                of_brand = scored.filter(pl.col("source_system") == name)
                replace_brand(shop.lakehouse, contract_of(table), of_brand, name)
    access = shop.folder / "access.yml"
    access.write_text(access.read_text() + SOUTH)
    people = People(shop.folder)
    for role in (*ROLES, "south"):
        people.add(_name(role), f"Somebody {MARKUP}", [role], "a good long password")
    people.add("nobody", "Nobody", ["unheard_of"], "a good long password")
    people.add("two", "Two roles", [SHOP, "marketing"], "a good long password")


def may_be_one(customers: pl.DataFrame, model: object, limits: object = None) -> Candidates:
    """Stands for the model."""
    told = [
        {"attribute": "prior", "level": "", "weight": -9.5},
        {"attribute": "name", "level": "equal", "weight": 12.0},
    ]
    pairs = [
        ("shop", f"C{number}", "zebra", "K10", 1 - number / 100, "probabilistic", "review", "household", told)
        for number in (20, 21, 22)
    ]
    return Candidates(pl.DataFrame(pairs, linkage.SCHEMA, orient="row"), guard.LEFT_OUT.to_frame())


def _lines(order: str, product: str, customer: str, customers: int, price: int) -> list[str]:
    """Orders of two years, the more the lower a customer's number; a few go back, a few cannot be read."""
    first, rows = dt.date(2024, 1, 1), []
    for number in range(customers):
        for n in range(1 + 40 // (number + 2)):
            day = first + dt.timedelta((number * 37 + n * 19) % 700)
            title = HOSTILE[(number + n) % len(HOSTILE)].replace('"', '""')
            quantity = -1 if (number + n) % 11 == 10 else 1
            rows.append(
                f'{order}{number}x{n},1,{day} 10:00:00,{product}{n % 3},"{title}",{quantity},'
                f"{price + number}.17,{customer}{number},{COUNTRIES[number % 10]},EUR"
            )
    return [*rows, f"{order}99,1,no day,{product}<i>,Mug,1,5.00,{customer}1,Germany,EUR"]


def _name(role: str) -> str:
    return role.replace("_", "-")


@dataclass(frozen=True)
class Merged:
    """The project, the suite that serves it, and everybody who asks."""

    shop: Shop
    release: str | None = None  # where releases are that are served in the lakehouse's place
    asking: dict[str, TestClient] = field(default_factory=dict)

    @cached_property
    def policy(self) -> Policy:
        policy = load_policy(self.shop.project)
        both = policy.scope([SHOP, "marketing"])
        assert both
        write_extracts(self.shop.project, policy, [both], release=self.release)
        return policy

    @cached_property
    def app(self) -> FastAPI:
        assert self.policy
        return create_app(self.shop.project, release=self.release)

    @cached_property
    def people(self) -> People:
        return People(self.shop.folder)

    @cached_property
    def doors(self) -> list[Door]:
        return doors(self.app)

    @cached_property
    def gateway(self) -> Gateway:
        return Gateway(self.shop.project, self.policy, self.release)

    def reader(self, *roles: str) -> Reader:
        scope = self.policy.scope(roles)
        assert scope
        return self.gateway.reader(scope)

    def folder_of(self, *roles: str) -> Any:
        """The scope's files."""
        reader = self.reader(*roles)
        return serving_folder(self.shop.project, self.release) / reader.version / reader.scope.id

    def anybody(self, **options: Any) -> TestClient:
        """Who has not signed in."""
        return TestClient(
            self.app, base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=False, **options
        )

    def asks(self, role: str) -> TestClient:
        """Somebody with one role, or of that name, in a browser and with a token at once: each door takes
        its own.
        """
        if role not in self.asking:
            name = _name(role)
            client = self.asking[role] = self.anybody()
            client.cookies.set("mergehouse", self.people.begin_session(Person(name, name, (role,))))
            client.headers["Authorization"] = f"Bearer {self.people.make_token(name, 1)}"
        return self.asking[role]

    def opener(self, door: Door, role: str) -> TestClient:
        """Somebody of the role; at the door that is an admin's alone, an admin."""
        return self.asks("admin" if door.path == IDENTITY else role)

    @cached_property
    def keys(self) -> dict[str, dict[str, str]]:
        """By role, customers' keys by their numbers at the brands: worked out, since a release has no
        numbers.
        """
        sql = "SELECT DISTINCT source_system, customer_id FROM gold.customer_brand_360"
        numbers = self.shop.rows(
            "SELECT source_customer_id, source_system, customer_id FROM silver.customer_xref"
        )
        found = {}
        for role in (role for role in (*ROLES, "south") if role != "marketing"):
            reader = self.reader(role)
            salt, seen = (
                derived(self.shop.project, reader.scope.id).hex(),
                reader._connection.sql(sql).fetchall(),
            )
            keys = {n: (b, hashlib.sha256(f"{salt}{c}".encode()).hexdigest()[:16]) for n, b, c in numbers}
            found[role] = {number: key for number, (brand, key) in keys.items() if (brand, key) in seen}
        return found

    @cached_property
    def amounts(self) -> dict[str, set[Decimal]]:
        """By brand, what is its own or of both together, to the cent and to the euro, as the lakehouse has
        it.
        """
        sql = """
          SELECT SUM(gmv_eur), SUM(gmv_eur - returns_eur) FROM silver.sales_clean WHERE {} GROUP BY
          GROUPING SETS ((), (country_code), (order_date), (product_id), (order_id), (customer_id), (region))
        """
        found = {}
        for name, where in {
            "shop": "source_system = 'shop'",
            "zebra": "source_system = 'zebra'",
            "": "TRUE",
        }.items():
            values = {
                value for row in self.shop.rows(sql.format(where)) for value in row if value and value >= 100
            }
            found[name] = values | {value.quantize(1) for value in values if value >= 10_000}
        both = found.pop("")
        other = {"shop": "zebra", "zebra": "shop"}
        return {name: (found[name] | both) - found[other[name]] for name in found}

    def own_key(self, role: str) -> str:
        """A customer's, of a scope that may see them; else one that is nobody's."""
        known = self.keys.get(role, {})
        return known.get("C1") or known.get("K1") or next(iter(known.values()), "0" * 16)


def addresses(merged: Merged, role: str, brand: str = "shop") -> list[str]:
    """All that can be asked by reading, in every way that doors offer; of personal attributes, which are not
    there for others (test_identity_review.py), as an admin alone.
    """
    key = merged.own_key(role)
    return [
        address
        for door in merged.doors
        if door.method == "GET" and (door.path != IDENTITY or role == "admin")
        for address in door.addresses(key, brand=brand)
    ]


def told(answer: Any) -> str:
    """All that an answer says, to a person or to a program: body, headers, cookies, what a file knows of
    itself.
    """
    # but how long it is, which may be any number
    heads = "\n".join(
        f"{name}: {value}" for name, value in answer.headers.items() if name != "content-length"
    )
    body = answer.text
    if answer.content[:4] == b"PAR1":
        frame, held = pl.read_parquet(answer.content), pq.ParquetFile(io.BytesIO(answer.content)).metadata
        about = {name: value for name, value in (held.metadata or {}).items() if name != b"ARROW:schema"}
        body = f"{frame.columns} {frame.rows()} {about} {held.to_dict()}"
    return html.unescape(f"{heads}\n{body}")


def shown(pattern: str, answer: Any) -> set[str]:
    """What of a pattern there is in an answer."""
    return shown_in(pattern, told(answer))


def shown_in(pattern: str, text: str) -> set[str]:
    return set(re.findall(pattern, HASH.sub("", text), re.IGNORECASE))


def numbers(text: str) -> set[Decimal]:
    """Amounts in a text, however they are written: whole ones from ten thousand on, and those with cents
    from a hundred on. Smaller ones mean anything.
    """
    plain = HASH.sub("", text)
    found = {Decimal(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?:\.\d+)?", plain)}
    return {each for each in found if abs(each) >= (10_000 if each == each.to_integral() else 100)}


def same_headers(one: Any, other: Any) -> bool:
    return sorted(one.headers.items()) == sorted(other.headers.items())


def audit(merged: Merged) -> list[dict[str, Any]]:
    """The lines that were written, the latest last."""
    file = merged.shop.folder / "logs" / "audit.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
