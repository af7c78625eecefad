"""Nobody is shown what is not theirs, through any door.

What an answer says is searched whole: body, headers, cookies, metadata of files. Doors come from the
application, so a page that is added tomorrow is among them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

import pytest
from tests.security.doors import OPEN, routes
from tests.security.merged import (
    ATTRIBUTES,
    IDENTITY,
    MARKS,
    PERSONS,
    SHOP,
    TOGETHER,
    ZEBRA,
    Merged,
    addresses,
    audit,
    numbers,
    same_headers,
    shown,
    shown_in,
    told,
)

OTHER = {SHOP: "zebra", ZEBRA: "shop"}
OWN = {SHOP: "shop", ZEBRA: "zebra"}


def leaks(answer: object, role: str, merged: Merged) -> object:
    """What an answer to a brand manager says of the other brand, of both together, or of there being
    another.
    """
    other = OTHER[role]
    return (
        shown(f"{MARKS[other]}|{TOGETHER}", answer) or numbers(told(answer)) & merged.amounts[other] or None
    )


@pytest.mark.parametrize("role", [SHOP, ZEBRA])
def test_nothing_of_another_brand_is_in_any_answer(merged: Merged, role: str) -> None:
    """The customer whom the doors are opened for buys at both."""
    person, total, before = merged.asks(role), 0, len(audit(merged))
    for address in addresses(merged, role, OWN[role]):
        answer = person.get(address)
        assert answer.status_code == 200, address
        assert leaks(answer, role, merged) is None, address
        total += bool(shown(MARKS[OWN[role]], answer))
    assert total > 20  # their own is there to be seen
    customer = person.get(f"/customers/{merged.own_key(role)}").text
    assert "Last purchase long ago" in customer
    lines = [line for line in audit(merged)[before:] if line["who"] == role.replace("_", "-")]
    assert lines and not shown_in(MARKS[OTHER[role]], json.dumps(lines))


def test_the_search_would_find_it(merged: Merged) -> None:
    """The executive's pages have the marks and amounts that a manager's must not have."""
    person = merged.asks("executive")
    customer = f"/customers/{merged.own_key('executive')}"
    for role, door in (
        (SHOP, "/customers/list"),
        (SHOP, customer),
        (ZEBRA, "/"),
        (ZEBRA, "/api/v1/kpis/values?by=brand"),
    ):
        assert leaks(person.get(door), role, merged), (role, door)
    text = told(person.get("/api/v1/kpis/values?by=brand"))
    assert numbers(text) & merged.amounts["shop"] and numbers(text) & merged.amounts["zebra"]


def test_who_may_see_no_persons_is_shown_none(merged: Merged) -> None:
    """Also with two roles, of which one may: rows are united, and what one of them masks stays masked."""
    for name in ("marketing", "two"):
        person = merged.asks(name)
        for address in addresses(merged, name):
            answer = person.get(address)
            assert answer.status_code in (200, 403) and not shown(PERSONS, answer), (name, address)
        for door in ("/customers/list", "/customers/list.csv", "/campaign/contacts.csv", "/api/v1/customers"):
            for asked in ("", "?sort=email", "?q=C1", "?columns=customer_id&group_by=email&filter[email]=x"):
                assert person.get(door + asked).status_code in (403, 422 if asked else 403)


def test_whom_no_role_allows_anything_is_told_nothing(merged: Merged) -> None:
    nobody, told_there = merged.asks("nobody"), set()
    for address in addresses(merged, "nobody"):
        answer = nobody.get(address)
        assert answer.status_code == 403, address
        told_there.add(answer.content)
    assert len(told_there) == 2  # one page, one for programs


def test_without_a_session_nothing_is_told(merged: Merged) -> None:
    """Doors that are open to all are among them, and pages of errors."""
    stranger = merged.anybody()
    asked = addresses(merged, "nobody") + [
        "/nowhere",
        "/api/v1/nowhere",
        "/customers/" + merged.own_key(SHOP),
    ]
    bundle = merged.app.state.suite.bundle.path("app.js")
    for address in [*asked, *(path.replace("/static/{digest}/{name}", bundle) for path in OPEN)]:
        answer = stranger.get(address)
        said = told(answer).replace(address, "")
        assert answer.status_code in (200, 303, 401, 404, 405), address
        pattern = "|".join(
            [MARKS["zebra"], "alder", "ALDORD", "serving", "lakehouse", str(merged.shop.folder)]
        )
        assert not shown_in(pattern, said), address


def test_personal_attributes_are_not_in_a_release(merged: Merged) -> None:
    answer = merged.asks("admin").get(IDENTITY)
    assert bool(shown(ATTRIBUTES, answer)) == (merged.release is None)
    assert ("Not in a release" in answer.text) == (merged.release is not None)


def test_every_route_is_a_door(merged: Merged) -> None:
    known = {door.path for door in merged.doors} | OPEN
    assert {route.path for route in routes(merged.app)} == known and len(merged.doors) > 30


@pytest.mark.parametrize(
    "asked",
    [
        "brand=zebra", "brand=ZEBRA", "brand=Zebra%00", "brand=shop%00", "brand=shop&brand=zebra",
        "brand=zebra&brand=shop", "brand=*", "brand=", "brand[]=zebra", "brand=shop%26region%3DSpain",
        "brand=%73hop%20",
        "brand=group", "brand=shop,zebra", "brand=%EF%BC%B3hop", "X-Brand=zebra", "view_as=",
        "scope=executive",
    ],
)  # fmt: skip
def test_another_brand_cannot_be_asked_for(merged: Merged, asked: str) -> None:
    """What is not among a filter's choices is refused, and what is no filter changes nothing."""
    person = merged.asks(SHOP)
    tried = merged.doors if asked == "brand=zebra" else merged.doors[len(asked) % 3 :: 3]
    for door in tried:
        if door.method != "GET":
            continue
        address = door.addresses(merged.own_key(SHOP))[0].split("?")[0]
        answer = person.get(f"{address}?{asked}")
        assert answer.status_code in (200, 403, 404, 422), address
        said = told(answer).replace(asked, "")
        assert (
            not shown_in(f"SECRET|VEILPRD|{TOGETHER}", said) and not numbers(said) & merged.amounts["zebra"]
        )
        if answer.status_code == 200 and asked.startswith("brand="):
            assert "brand" not in door.names or asked.endswith("brand=shop"), address


def test_a_foreign_brand_is_answered_as_one_that_never_was(merged: Merged) -> None:
    person = merged.asks(SHOP)
    for door in merged.doors:
        if door.method == "GET":
            address = door.addresses(merged.own_key(SHOP))[0].split("?")[0]
            there, never = (person.get(f"{address}?brand={name}") for name in ("zebra", "nevar"))
            assert there.status_code == never.status_code, address
            if there.status_code != 200:
                assert there.content == never.content and same_headers(there, never), address


def test_only_the_address_says_what_is_asked(merged: Merged) -> None:
    """Headers, cookies and a body that name another brand or role change nothing."""
    person = merged.asks(SHOP)
    more = {
        "X-Brand": "zebra",
        "X-View-As": "executive",
        "X-Original-URL": "/api/v1/brands",
        "X-Request-Id": "1",
    }
    for address in addresses(merged, SHOP)[::3]:
        plain = person.get(address)
        cookies = f"mergehouse={person.cookies['mergehouse']}; brand=zebra; view_as=executive; scope=all"
        other = person.request(
            "GET",
            address,
            headers=more | {"Cookie": cookies},
            content=b'{"brand": "zebra", "view_as": "executive"}',
        )
        assert other.status_code == plain.status_code == 200
        assert other.content == plain.content or address.endswith("parquet"), address


def test_nobody_but_an_admin_looks_on(merged: Merged) -> None:
    asked = cycle(
        ("view_as=admin", "view_as=executive", f"view_as={SHOP}", "view_as=", "view_as=a&view_as=b")
    )
    for role in ("executive", SHOP, "marketing"):
        person = merged.asks(role)
        for address, more in zip(addresses(merged, role), asked, strict=False):
            both = f"{address}{'&' if '?' in address else '?'}{more}"
            assert person.get(both).status_code == 403, both


def test_an_admin_who_looks_on_is_shown_what_the_role_is(merged: Merged) -> None:
    """Pages and files, with nothing left in them of what the admin has seen before; a token looks on as
    nobody.
    """
    admin = merged.asks("admin")
    for address in addresses(merged, SHOP):
        if merged.own_key(SHOP) in address:
            continue
        own, seen = admin.get(address), admin.get(f"{address}{'&' if '?' in address else '?'}view_as={SHOP}")
        assert own.status_code == 200
        assert seen.status_code == (403 if address.startswith("/api/") else 200), address
        # the banner and the choice of a role name all roles there are
        text = told(seen).replace(ZEBRA, "").replace('Brand manager =Zebra"><svg onload=alert(1)>', "")
        assert not shown_in(f"{MARKS['zebra']}|{TOGETHER}", text), address
        assert not numbers(text) & merged.amounts["zebra"], address
    for asked in (f"view_as={SHOP}&view_as=executive", "view_as=unheard_of", "view_as="):
        assert admin.get(f"/?{asked}").status_code == 422
    for door in merged.doors:
        if door.method != "GET":
            assert admin.request(door.method, f"{door.path}?view_as={SHOP}").status_code == 403
    line = audit(merged)[-1]
    assert (line["who"], line["outcome"]) == ("admin", 403)


def test_a_policy_that_gets_narrower_holds_from_the_next_request_on(merged: Merged) -> None:
    """Within a session, and with what was kept of before. The analyst gets the scope of one brand."""
    person, file = merged.asks("analyst"), merged.shop.folder / "access.yml"
    before = file.read_text()
    assert leaks(person.get("/"), SHOP, merged)
    narrow = "analyst: {label: Analyst, rows: [{column: brand, values: [shop]}], persons: true}"
    try:
        with changed(
            file, before, "analyst: {label: Analyst, rows: all, group: true, persons: true}", narrow
        ):
            for address in addresses(merged, SHOP):
                answer = person.get(address)
                assert answer.status_code == 200 and leaks(answer, SHOP, merged) is None, address
        with changed(file, before, "analyst:", "analysts:"):
            assert person.get("/").status_code == 403
        file.write_text(before + "  typo: {label: T, rows: [{column: brnd, values: [shop]}]}\n")
        assert person.get("/").status_code == 503 and person.get("/api/v1/brands").status_code == 503
    finally:
        file.write_text(before)
    assert person.get("/").status_code == 200


@contextmanager
def changed(file: object, before: str, old: str, new: str) -> Iterator[None]:
    assert old in before
    file.write_text(before.replace(old, new))  # type: ignore[attr-defined]
    yield
    file.write_text(before)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name",
    ["gold.customer_360", "dim_customer", "customer_360", "silver.customers_clean", "silver.customer_hub",
     "monitor.runs",
     "quarantine", "bronze.shop_lines", "published", "cube.overlap"],
)  # fmt: skip
def test_tables_are_no_doors(merged: Merged, name: str) -> None:
    for person in (merged.asks(SHOP), merged.asks("executive")):
        for path in ("/api/v1/{}", "/api/v1/tables/{}", "/customers/{}", "/kpis/{}", "/{}"):
            there, never = person.get(path.format(name)), person.get(path.format("nothing_like_it"))
            assert there.status_code == never.status_code == 404 and there.content == never.content
        there, never = (person.get(f"/api/v1/kpis/{each}") for each in (name, "nothing_like_it"))
        assert there.status_code == 422 and there.content == never.content


def test_a_region_is_the_whole_world(merged: Merged) -> None:
    """Totals of a role that sees a region are those of the region, worked out from the lakehouse."""
    south = merged.asks("south")
    sql = "SELECT SUM(gmv_eur) FROM silver.sales_clean WHERE country_code IN ('ES', 'MT')"
    ((expected,),) = merged.shop.rows(sql)
    (row,) = south.get("/api/v1/kpis/values?by=all&kpi=gmv").json()["rows"]
    assert row["gmv"] == str(expected)
    for address in addresses(merged, "south"):
        answer = south.get(address)
        assert not shown(r"\bgermany\b|\bfrance\b|north europe", answer), address
        assert not shown("another brand, too", answer), address
