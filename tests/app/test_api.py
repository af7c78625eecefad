"""The API tells a token's user what pages would, and nobody anything else."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import uvicorn
from tests.app.served import served
from tests.app.trusted import House

import mergehouse as mh
from mergehouse.app.api.cursor import BadCursor, after, cursor
from mergehouse.errors import AccessError
from mergehouse.kpi.catalogue import compute

API = "/api/v1"


def rows(trusted: House, role: str, path: str) -> list[dict[str, Any]]:
    answer = trusted.program(role).get(API + path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def test_kpis_are_those_of_the_command_line(trusted: House) -> None:
    expected = compute(trusted.shop.lakehouse)
    told = {row["part"]: row for row in rows(trusted, "executive", "/kpis/values?by=brand")}
    told["group"] = rows(trusted, "executive", "/kpis/values?by=all")[0]
    for scope, values in expected.items():
        for name, value in values.items():
            found = told[scope][name]
            if name in ("active_customers", "active_rate"):
                assert found is None  # neither brand has 90 days of data, so that nobody can have churned
                continue
            assert (found if found is None else Decimal(found)) == value, (scope, name)


def test_figures_are_cut_and_filtered(trusted: House) -> None:
    march = rows(trusted, "executive", "/kpis/values?by=month&brand=zebra&kpi=gmv")
    assert march == [{"part": "2020-03-01", "gmv": "100.00"}]
    spain = rows(trusted, "executive", "/kpis/values?by=all&brand=zebra&country=ES&kpi=gmv&kpi=customers")
    assert spain == [{"part": "all", "gmv": "1.00", "customers": 1}]
    countries = rows(trusted, "executive", "/kpis/values?by=country&brand=zebra&kpi=customers")
    assert countries == [{"part": "DE", "customers": 1}, {"part": "ES", "customers": 1}]
    first = rows(trusted, "executive", "/kpis/values?brand=zebra&until=2020-03-02&kpi=gmv")
    assert first == [{"part": "all", "gmv": "99.00"}]


def test_a_scope_has_its_own_figures_alone(trusted: House) -> None:
    manager = trusted.program("brand_manager_shop")
    for path in (
        "/brands",
        "/dimensions",
        "/kpis",
        "/kpis/values?by=brand",
        "/kpis/gmv",
        "/segments",
        "/categories",
        "/risk-and-value",
        "/customers",
        "/cleaning",
        "/left-out",
        "/freshness",
        "/models?brand=shop",
        "/openapi.json",
    ):
        answer = manager.get(API + path)
        assert answer.status_code == 200, (path, answer.text)
        assert not {"zebra", "SECRET", "K9", "99.00"} & set(answer.text.replace('"', " ").split()), path
    for path in (
        "/kpis/values?brand=zebra",
        "/segments?brand=zebra",
        "/models?brand=zebra",
        "/left-out?brand=zebra",
    ):
        refused, unknown = manager.get(API + path), manager.get(API + path.replace("zebra", "nobody"))
        assert refused.status_code == 422 and refused.content == unknown.content


def test_only_a_token_opens_it(trusted: House) -> None:
    signed_in = trusted.browser("executive")
    for headers in (
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Bearer"},
    ):
        answer = signed_in.get(f"{API}/brands", headers=headers)
        assert answer.status_code == 401 and "error" in answer.json()
    assert signed_in.get(f"{API}/brands?token=x").status_code == 401
    program = trusted.program("analyst")
    assert program.get(f"{API}/brands").status_code == 200
    trusted.people.disable("analyst")
    assert program.get(f"{API}/brands").status_code == 401
    trusted.people.enable("analyst")


def test_persons_are_for_those_who_may_see_them(trusted: House) -> None:
    assert trusted.program("marketing").get(f"{API}/customers").status_code == 403
    assert len(rows(trusted, "executive", "/customers")) == 4


def test_a_list_goes_on_where_it_ended(trusted: House) -> None:
    program = trusted.program("executive")
    keys, way_on, pages = [], "", 0
    while way_on is not None:
        page = program.get(f"{API}/customers?size=1{way_on and '&cursor='}{way_on}").json()
        keys += [row["customer_id"] for row in page["rows"]]
        way_on, pages = page["next"], pages + 1
    assert pages == 4 and keys == [row["customer_id"] for row in rows(trusted, "executive", "/customers")]
    first = program.get(f"{API}/customers?size=1").json()["next"]
    assert program.get(f"{API}/customers?size=1&brand=shop&cursor={first}").status_code == 422
    assert trusted.program("brand_manager_shop").get(f"{API}/customers?cursor={first}").status_code == 422
    assert program.get(f"{API}/customers?cursor={first[:-2]}xx").status_code == 422


def test_a_cursor_cannot_be_made_elsewhere() -> None:
    question = {"version": "1"}
    token = cursor(b"key", question, ["c", "shop"])
    for made, asked, key in (
        (token, {"version": "2"}, b"key"),
        (token, question, b"other"),
        ("", question, b"key"),
        ("!", question, b"key"),
        ("A" * 2000, question, b"key"),
    ):
        with pytest.raises(BadCursor):
            after(key, asked, made)
    assert after(b"key", question, token) == ["c", "shop"]


@pytest.mark.parametrize(
    "query",
    [
        "by=1;select",
        "by=brand&by=region",
        "brand=shop' OR '1'='1",
        "country=de",
        "since=2024-13-01",
        "since=infinity",
        "since=2024-02-02&until=2024-02-01",
        "kpi=password",
        "kpi=gmv' --",
        "region=%",
        "by=day&kpi=customers",
        "brnd=shop",
        "brand[]=shop",
        "brand=shop&brand=zebra",
        "segment=Lost",
        "since=2024-01-01&kpi=customers",
    ],
)
def test_what_cannot_be_asked_is_refused_without_an_echo(query: str, trusted: House) -> None:
    answer = trusted.program("executive").get(f"{API}/kpis/values?{query}")
    assert answer.status_code == 422
    assert "OR '1'" not in answer.text and "--" not in answer.text and "password" not in answer.text


def test_the_description_is_complete(trusted: House) -> None:
    described = trusted.program("executive").get(f"{API}/openapi.json").json()
    assert described["security"] == [{"token": []}]
    assert set(described["paths"]) >= {f"{API}/kpis/values", f"{API}/customers", f"{API}/segments"}
    assert all(path.startswith(API) for path in described["paths"])


@pytest.fixture(scope="module")
def address(trusted: House) -> Iterator[str]:
    with served(uvicorn.Config(trusted.app, log_level="warning")) as at:
        yield at


def test_a_notebook_gets_frames(trusted: House, address: str) -> None:
    there = mh.connect(address, trusted.people.make_token(trusted.person("executive").name, 1))
    told = there.kpis("gmv", by="brand", brand="zebra")
    assert told.to_dict(as_series=False) == {"part": ["zebra"], "gmv": [Decimal("100.00")]}
    assert there.customers()["monetary_eur"].sum() == sum(
        Decimal(row["monetary_eur"]) for row in rows(trusted, "executive", "/customers")
    )
    assert there.kpis(by="month", brand="zebra")["part"].dtype.is_temporal()
    with pytest.raises(AccessError, match="brand: expected one of shop, zebra"):
        there.kpis(brand="nobody")
    with pytest.raises(AccessError, match="the token does not hold"):
        mh.connect(address, "mh_no").brands()
    with pytest.raises(AccessError, match="cannot be read"):
        mh.connect("http://127.0.0.1:9", "mh_no").brands()


@pytest.mark.parametrize(
    "token", ["", " ", "mh_", "mh_a b", "mh_secret\n", "Bearer mh_secret", "secret", None]
)
def test_what_is_no_token_is_said_before_anything_is_asked(token: str) -> None:
    with pytest.raises(AccessError, match="one begins with `mh_` and has no spaces") as said:
        mh.connect("https://bi.example.com", token)
    assert "secret" not in str(said.value)


@pytest.mark.parametrize("rest", ["?token=mh_1", "#mh_1"])
def test_an_address_has_nothing_beside_it(rest: str) -> None:
    for url in (f"https://bi.example.com/{rest}", "https://ann:mh_1@bi.example.com"):
        with pytest.raises(AccessError, match="without a user") as said:
            mh.connect(url, "mh_ok")
        assert "mh_1" not in str(said.value)
