"""What was made for one is never another's: not from memory, not from a proxy, not after the data has
changed.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.security.merged import (
    PERSONS,
    SHOP,
    TOGETHER,
    ZEBRA,
    Merged,
    addresses,
    numbers,
    shown,
    told,
)

from mergehouse.access.gateway import Gateway, Reader, Row
from mergehouse.access.people import Person

PEOPLE, LEAST = 20, 3  # who ask at once, and how many pages each at least, however slow the machine
FORBIDDEN = {  # by role, what its answers must not have
    "executive": "$^",
    "admin": "$^",
    SHOP: f"SECRET|VEILPRD|{TOGETHER}",
    ZEBRA: f"ALDORD|ALDPRD|{TOGETHER}",
    "marketing": PERSONS,
    "south": r"\bgermany\b|\bfrance\b",
}


def interleaved(merged: Merged, seconds: float) -> tuple[int, list[str]]:
    """Twenty people of six roles ask for the same pages at once. Returns how many answers there were, and
    the wrong ones.
    """
    pages = [
        address
        for address in addresses(merged, "nobody")
        if "/customers/0" not in address and "/models" not in address
    ]
    until, wrong, counted = time.monotonic() + seconds, [], []
    begin = threading.Barrier(PEOPLE)

    def ask(role: str, client: TestClient, offset: int) -> None:
        begin.wait()
        for times, address in enumerate(cycle(pages[offset:] + pages[:offset])):
            if times >= LEAST and time.monotonic() > until:
                return
            answer = client.get(address)
            counted.append(answer.status_code)
            if answer.status_code == 200:
                own = {SHOP: "zebra", ZEBRA: "shop"}.get(role)
                amounts = numbers(told(answer)) & merged.amounts[own] if own else set()
                if amounts or shown(FORBIDDEN[role], answer):
                    wrong.append(f"{role} {address}")
            elif answer.status_code not in (403, 422, 503):
                wrong.append(f"{role} {address}: {answer.status_code}")

    threads = []
    for number, role in zip(range(PEOPLE), cycle(FORBIDDEN), strict=False):
        name = f"p{number}"
        if name not in {user.name for user in merged.people.users()}:
            merged.people.add(name, name, [role], "a good long password")
        client = merged.anybody()
        client.cookies.set("mergehouse", merged.people.begin_session(Person(name, name, (role,))))
        client.headers["Authorization"] = f"Bearer {merged.people.make_token(name, 1)}"
        threads.append(threading.Thread(target=ask, args=(role, client, number // len(FORBIDDEN))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted.count(200) > len(counted) / 2
    return len(counted), wrong


@pytest.mark.slow("twenty people ask for three seconds")
def test_twenty_people_at_once_get_each_their_own(merged: Merged) -> None:
    answers, wrong = interleaved(merged, 3)
    assert not wrong and answers >= PEOPLE * LEAST


@pytest.mark.long("twenty people ask for half a minute")
def test_twenty_people_for_half_a_minute(merged: Merged) -> None:
    answers, wrong = interleaved(merged, 30)
    assert not wrong and answers > PEOPLE * LEAST


def test_nothing_of_a_request_is_part_of_what_is_kept(merged: Merged) -> None:
    """The executive warms an address; a manager asks for it with the executive's ids and validators."""
    executive, manager = merged.asks("executive"), merged.asks(SHOP)
    for address in (
        "/",
        "/customers",
        "/api/v1/kpis/values?by=brand",
        "/first-look/export?of=files&kind=csv",
    ):
        warm = executive.get(address, headers={"X-Request-Id": "7"})
        plain = manager.get(address)
        assert "etag" not in warm.headers and "last-modified" not in warm.headers
        headers = {
            "X-Request-Id": "7",
            "If-None-Match": '"7", W/"7", *',
            "If-Modified-Since": "Fri, 01 Jan 2038 00:00:00 GMT",
        }
        asked = f"{address}{'&' if '?' in address else '?'}load_id=7&cache=1&_=2"
        answer = manager.get(asked, headers=headers)
        assert answer.status_code == (422 if address.startswith("/api/") else 200)
        assert not shown(FORBIDDEN[SHOP], answer)
        assert manager.get(address, headers=headers).content == plain.content != warm.content


def test_no_answer_is_kept_on_the_way(merged: Merged) -> None:
    person = merged.asks("executive")
    for address in [*addresses(merged, "executive"), "/nowhere", f"/customers/{'0' * 16}", "/?brand=none"]:
        headers = person.get(address).headers
        assert headers.get_list("cache-control") == ["private, no-store"], address
        assert "cookie" in headers["vary"].lower() and "hx-request" in headers["vary"].lower(), address


def test_a_part_of_a_page_is_the_page(merged: Merged) -> None:
    """htmx takes from it what it needs: there is nothing that a proxy could mix up."""
    person = merged.asks(SHOP)
    for door in merged.doors:
        if door.method == "GET" and not door.is_for_programs:
            address = door.addresses(merged.own_key(SHOP))[0]
            part = person.get(address, headers={"HX-Request": "true", "HX-Target": "main"})
            assert part.content == person.get(address).content or address.endswith("parquet"), address


def test_an_answer_is_of_one_version(merged: Merged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page asks once which data there is, and reads that to the end, whatever is published meanwhile."""
    opened, reader = [], Gateway.reader

    def noted(gateway: Gateway, scope: object) -> object:
        opened.append(scope)
        return reader(gateway, scope)  # type: ignore[arg-type]

    monkeypatch.setattr(Gateway, "reader", noted)
    for door in merged.doors:
        if door.method == "GET":
            opened.clear()
            person = merged.opener(door, "executive")
            assert person.get(door.addresses(merged.own_key("executive"))[0]).status_code == 200
            assert len(opened) <= 1, door.path


def test_what_is_kept_is_by_all_that_it_depends_on(merged: Merged) -> None:
    """Two scopes with the same rows that differ in a mask, or in a right, or in the policy, share nothing."""
    scopes = [merged.policy.scope([role]) for role in ("executive", "marketing", "admin", SHOP)]
    assert len({scope.id for scope in scopes if scope}) == 4
    keys = {merged.reader(role)._key for role in ("executive", "marketing", "admin", SHOP)}
    assert len(keys) == 4 and all(merged.policy.version in key for key in keys)
    reader = merged.reader("executive")
    given = dict.fromkeys(("brand", "region", "country", "since", "until"))

    def by(brand: str) -> list[Row]:
        return reader.rows("sales", by="brand", **given | {"brand": brand})

    assert by("shop") and by("zebra") and by("shop") != by("zebra")
    assert by("shop', 'region': 'x") == [] == by("ｓhop") == by("shop&region=x")


def test_a_scope_is_opened_once_and_others_do_not_wait(
    merged: Merged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of one scope are opened while another's are still being opened."""
    slow, quick = merged.policy.scope(["executive"]), merged.policy.scope([SHOP])
    gateway, opened, other_is_open = (
        Gateway(merged.shop.project, merged.policy, merged.release),
        [],
        threading.Event(),
    )

    class Slow(Reader):
        def __init__(self, scope: Any, *rest: Any) -> None:
            opened.append(scope.id)
            if scope.id == slow.id:
                assert other_is_open.wait(10)
            super().__init__(scope, *rest)

    monkeypatch.setattr("mergehouse.access.gateway.Reader", Slow)
    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(gateway.reader, slow) for _ in range(4)]
        assert pool.submit(gateway.reader, quick).result(10).scope == quick
        other_is_open.set()
        assert len({id(one.result(10)) for one in waiting}) == 1
    assert sorted(opened) == sorted([slow.id, quick.id])
