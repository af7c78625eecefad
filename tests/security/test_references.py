"""An object of another scope is answered as one that never was: the same bytes, and as fast."""

from __future__ import annotations

import base64
import statistics
import time
import uuid

import pytest
from tests.security.merged import SHOP, ZEBRA, Merged, addresses, audit, same_headers, shown, told

from mergehouse.access.gateway import Reader

NEVER = "0123456789abcdef"


def test_whoever_is_not_mine_never_was(merged: Merged) -> None:
    """By the group's key, by the other brand's, by numbers at brands, and by what looks like a key."""
    person, mine = merged.asks(SHOP), merged.keys[SHOP]["C1"]
    assert person.get(f"/customers/{mine}").status_code == 200
    theirs = [
        merged.keys[role][number] for role, number in (("executive", "C1"), (ZEBRA, "K1"), (ZEBRA, "K9"))
    ]
    near = [f"{int(mine, 16) + step:016x}" for step in (-1, 1)]
    spelt = [
        mine.upper(), f"{mine}/", f"{mine}.", f"{mine}%2F", f"{mine}%00", f"{mine} ", f"{mine}.json",
        f" {mine}",
        base64.b64encode(bytes.fromhex(mine)).decode(), str(uuid.uuid4()), "C1", "K1", "shop:C1",
        "zebra:K1", "1", "-1",
        f"{mine}'", f"{mine},{theirs[0]}", f"{mine};x", "*", "%25",
    ]  # fmt: skip
    never = person.get(f"/customers/{NEVER}")
    assert never.status_code == 404
    for key in (*theirs, *near, *spelt):
        answer = person.get(f"/customers/{key}")
        assert answer.status_code == 404, key
        assert answer.content == never.content and same_headers(answer, never), key


def test_a_shared_customer_is_at_each_brand_its_own(merged: Merged) -> None:
    """C1 is K1: each manager sees what was bought there, the executive both, and no key is another's."""
    keys = {role: merged.keys[role] for role in (SHOP, ZEBRA, "executive", "south")}
    assert keys["executive"]["C1"] == keys["executive"]["K1"]
    assert len({keys[SHOP]["C1"], keys[ZEBRA]["K1"], keys["executive"]["C1"]}) == 3
    assert "K1" not in keys[SHOP] and "C1" not in keys[ZEBRA]
    everybody = [set(known.values()) for known in keys.values()]
    assert sum(map(len, everybody)) == len(set().union(*everybody))
    executive = merged.asks("executive").get(f"/customers/{keys['executive']['C1']}")
    if not merged.release:  # which has no single orders
        assert shown("SECRET1x", executive) and shown("ALDORD1x", executive)
    search = merged.asks(SHOP).get("/customers/list.csv?q=K1")
    assert search.status_code == 200 and keys[SHOP]["C1"] not in search.text


def test_links_of_others_lead_to_nothing_else(merged: Merged) -> None:
    """What the executive's pages link to, opened by others: their own rows, or nothing."""
    links = set()
    executive = merged.asks("executive")
    for address in addresses(merged, "executive"):
        answer = executive.get(address)
        if answer.headers["content-type"].startswith("text/html"):
            links |= {part.split('"')[0].replace("&amp;", "&") for part in answer.text.split('href="')[1:]}
    links = {link for link in links if link.startswith("/") and "/static/" not in link}
    assert len(links) > 50 and any(".csv" in link for link in links)
    some = sorted(links)[:: max(1, len(links) // 30)]
    manager, marketing, stranger = merged.asks(SHOP), merged.asks("marketing"), merged.anybody()
    for link in some:
        answer = manager.get(link)
        assert answer.status_code in (200, 303, 404, 422), link
        if answer.status_code == 200:
            assert not shown("zebra|SECRET|VEILPRD", answer), link
        assert marketing.get(link).status_code in (200, 303, 403, 404, 422)
        assert stranger.get(link).status_code in (303, 401), link


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_tell_no_more(merged: Merged, method: str) -> None:
    person = merged.asks(SHOP)
    foreign, never = (
        person.request(method, f"/customers/{key}") for key in (merged.keys[ZEBRA]["K1"], NEVER)
    )
    assert foreign.status_code == never.status_code == 405
    assert foreign.content == never.content and same_headers(foreign, never)
    for key in (merged.keys[ZEBRA]["K1"], NEVER):
        posted = person.post(f"/customers/{key}", headers={"X-HTTP-Method-Override": "GET"})
        assert posted.status_code == 405 and not shown("SECRET", posted)


def test_all_doors_take_their_methods_alone(merged: Merged) -> None:
    person, methods = merged.asks("executive"), {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}
    known: dict[str, set[str]] = {}
    for door in merged.doors:
        known.setdefault(door.path, set()).add(door.method)
    for door in merged.doors:
        address = door.addresses(merged.own_key("executive"))[0]
        for method in sorted(methods - known[door.path])[::2]:
            assert person.request(method, address).status_code == 405, (method, address)


def test_a_list_goes_on_for_its_own_question_alone(merged: Merged) -> None:
    """Where the API's list goes on, for another person, another filter, another page size, or written
    anew.
    """
    first = merged.asks("executive").get("/api/v1/customers?size=3").json()["next"]
    assert merged.asks("executive").get(f"/api/v1/customers?size=3&cursor={first}").status_code == 200
    raw = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4))
    forged = base64.urlsafe_b64encode(raw[:16] + b'["0", "a"]').decode().rstrip("=")
    for role, asked in (
        (SHOP, f"cursor={first}"), ("south", f"cursor={first}"), ("executive", f"cursor={first}&brand=shop"),
        ("executive", f"cursor={forged}"), ("executive", f"cursor={first[:-4]}AAAA"), ("executive",
        "cursor=%00"),
    ):  # fmt: skip
        answer = merged.asks(role).get(f"/api/v1/customers?size=3&{asked}")
        assert answer.status_code == 422 and "brand" not in answer.text, asked


def medians(merged: Merged, times: int) -> tuple[float, float]:
    """Seconds in which a foreign customer and one that never was are refused, one after the other."""
    person, foreign = merged.asks(SHOP), list(merged.keys[ZEBRA].values())
    never = [uuid.uuid4().hex[:16] for _ in foreign]  # as many, so that as many answers are kept
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(times):
        for kept, key in zip(took, (keys[number % len(keys)] for keys in (foreign, never)), strict=True):
            began = time.perf_counter()
            assert person.get(f"/customers/{key}").status_code == 404
            kept.append(time.perf_counter() - began)
    return statistics.median(took[0]), statistics.median(took[1])


def test_a_foreign_customer_is_not_even_looked_for(merged: Merged, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same questions to the engine, whosever key it is: what takes as long because it is the same."""
    asked: list[str] = []
    rows = Reader.rows

    def noted(reader: Reader, query: str, **given: object) -> object:
        asked.append(f"{query} {reader.scope.id} {sorted(given)}")
        return rows(reader, query, **given)

    monkeypatch.setattr(Reader, "rows", noted)
    person, told_by = merged.asks(SHOP), []
    for key in (merged.keys[ZEBRA]["K1"], merged.keys["executive"]["C1"], NEVER):
        asked.clear()
        assert person.get(f"/customers/{key}").status_code == 404
        told_by.append(list(asked))
    assert told_by[0] == told_by[1] == told_by[2] and told_by[0]


@pytest.mark.long("400 requests, for their time")
def test_a_foreign_customer_is_refused_as_fast(merged: Merged) -> None:
    foreign, never = medians(merged, 200)
    assert abs(foreign - never) < 0.002 + 0.2 * never, (foreign, never)


def test_what_is_told_of_a_refusal_is_its_line(merged: Merged) -> None:
    person, before = merged.asks(SHOP), len(audit(merged))
    person.get(f"/customers/{merged.keys[ZEBRA]['K1']}")
    merged.asks("marketing").get("/customers/list.csv")
    (one, other) = audit(merged)[before:]
    assert (one["who"], one["outcome"], one["rows"]) == ("brand-manager-shop", 404, 0)
    assert (other["who"], other["outcome"], other["rows"]) == ("marketing", 403, 0)
    assert "serving" not in told(person.get("/customers/x"))
