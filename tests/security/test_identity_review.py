"""What brands tell of persons is shown to an admin who may see it, on one page; to nobody else, nowhere."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.security.merged import (
    ATTRIBUTES,
    IDENTITY,
    ROLES,
    SHOP,
    Merged,
    addresses,
    audit,
    same_headers,
    shown,
    shown_in,
    told,
)

from mergehouse.access.people import Person
from mergehouse.access.serving import serving_folder
from mergehouse.app.pages import identity_review
from mergehouse.identity.review import decide, decided
from mergehouse.project.known_pairs import DECISIONS

pytestmark = pytest.mark.parametrize("merged", ["lakehouse"], indirect=True)
NEVER = "0123456789abcdef"
OTHERS = tuple(role for role in ROLES if role != "admin") + ("south", "two")


@pytest.fixture
def decisions(merged: Merged) -> Path:
    """The project's, as they were before."""
    file = merged.shop.folder / "mappings" / DECISIONS
    before = file.read_text()
    yield file
    file.write_text(before)


def waiting(merged: Merged) -> str:
    """The pair that the page begins with."""
    return re.search('name="pair" value="([0-9a-f]{16})"', merged.asks("admin").get(IDENTITY).text)[1]


def test_an_admin_sees_both_records_and_nothing_runs_in_them(merged: Merged) -> None:
    answer = merged.asks("admin").get(IDENTITY)
    assert answer.status_code == 200 and shown(ATTRIBUTES, answer) == {
        "Zyxquil", "Quvondar", "zq@canary.example", "Canaryville"
    }  # fmt: skip
    assert "Canaryville &lt;img src=x onerror=alert(1)&gt;" in answer.text
    assert "2 pairs wait" in answer.text and "1 of 3 is decided" in answer.text
    assert (audit(merged)[-1]["who"], audit(merged)[-1]["rows"]) == ("admin", 2)


@pytest.mark.parametrize("role", OTHERS)
def test_for_others_it_is_an_address_that_never_was(merged: Merged, role: str, decisions: Path) -> None:
    person, pair, before = merged.asks(role), waiting(merged), decisions.read_text()
    never = person.get("/nowhere")
    assert never.status_code == 404
    for query in ("", f"?pair={pair}", f"?pair={NEVER}", f"?done={pair}", "?pair=", "?brand=zebra"):
        answer = person.get(IDENTITY + query)
        assert answer.status_code == 404 and answer.content == never.content, query
        assert same_headers(answer, never)
    for form in ({"pair": pair, "decision": "same"}, {"pair": NEVER, "decision": "same"}, {}):
        answer, never = (person.post(path, data=form) for path in (IDENTITY, "/nowhere"))
        assert answer.status_code == never.status_code == 404 and answer.content == never.content
    assert IDENTITY not in person.get("/about").text and decisions.read_text() == before


def test_two_roles_of_which_one_may_not_may_not(merged: Merged) -> None:
    both = merged.policy.scope(["admin", "executive"])
    assert not both.identity and merged.policy.scope(["admin"]).identity
    merged.people.add("both", "Both", ["admin", "executive"], "a good long password")
    client = merged.anybody()
    client.cookies.set(
        "mergehouse", merged.people.begin_session(Person("both", "Both", ("admin", "executive")))
    )
    assert client.get(IDENTITY).status_code == 404


@pytest.mark.slow("every address, asked by every role")
def test_no_attribute_is_in_any_other_answer(merged: Merged) -> None:
    """Of any role; the admin's other pages, downloads and figures for programs are among them."""
    for role in (*OTHERS, "admin"):
        person = merged.asks(role)
        for address in addresses(merged, role):
            if not address.startswith(IDENTITY):
                assert not shown(ATTRIBUTES, person.get(address)), (role, address)
    admin = merged.asks("admin")
    for role in (SHOP, "executive", "analyst"):
        assert admin.get(f"{IDENTITY}?view_as={role}").status_code == 404
    as_admin = admin.get(f"{IDENTITY}?view_as=admin").text
    assert 'name="decision"' not in as_admin and "decides nothing" in as_admin


def test_no_attribute_is_in_any_other_file(merged: Merged, decisions: Path) -> None:
    """Of the scopes' files one has them; what the server writes has none: audit, decisions, people."""
    merged.asks("admin").post(
        IDENTITY, data={"pair": waiting(merged), "decision": "different", "why": "twins"}
    )
    own = serving_folder(merged.shop.project) / merged.reader("admin").version
    with_them = []
    for file in own.parent.rglob("*.parquet"):
        content = f"{pl.read_parquet(file).to_dicts()}{pl.read_parquet_metadata(file)}".encode()
        if shown_in(ATTRIBUTES, (content + file.read_bytes()).decode(errors="ignore")):
            with_them.append(file.relative_to(own))
    (only,) = with_them
    assert only == Path(merged.policy.scope(["admin"]).id) / "lookup.identity_pairs.parquet"
    assert (own / only).stat().st_mode & 0o777 == 0o400  # its owner's
    for file in (decisions, *(merged.shop.folder / "logs").rglob("*"), merged.shop.folder / "people.db"):
        if file.is_file():
            assert not shown_in(ATTRIBUTES, file.read_bytes().decode(errors="ignore")), file
    assert not shown_in(ATTRIBUTES, merged.anybody().get("/metrics").text)


def test_a_decision_is_a_row_and_a_line_of_the_audit(merged: Merged, decisions: Path) -> None:
    admin, pair = merged.asks("admin"), waiting(merged)
    answer = admin.post(IDENTITY, data={"pair": pair, "decision": "same", "why": '=one, "phone"'})
    line = audit(merged)[-1]
    assert answer.status_code == 303 and f"done={pair}" in answer.headers["location"]
    assert (line["decided"], line["pair"], line["who"]) == ("same", "shop C21, zebra K10", "admin")
    row = decided(merged.shop.project).filter(customer_code_a="C21").to_dicts()
    assert [(each["decision"], each["decided_by"]) for each in row] == [("same", "admin")]
    after = admin.get(answer.headers["location"])
    assert "1 pair waits" in after.text and "C22" in after.text and "Decided: <strong>same" in after.text
    again = admin.get(f"{IDENTITY}?pair={pair}").text
    assert "Decided: same, by admin" in again and "Another decision takes its place" in again
    admin.post(IDENTITY, data={"pair": waiting(merged), "decision": "different"})
    assert "Nobody waits" in admin.get(IDENTITY).text


@pytest.mark.parametrize(
    "form, status",
    [
        ({"decision": "same"}, 422), ({"pair": NEVER, "decision": "same"}, 404),
        ({"pair": "../x", "decision": "same"}, 404), ({"decision": "maybe"}, 422),
        ({"decision": "later"}, 422), ({"decision": "same", "why": "x" * 201}, 422),
        ({"decision": "same", "why": "a\nshop,C1,zebra,K1,same,x,2026,"}, 422),
        ({"decision": "same", "why": "\u202e"}, 422),
    ],
)  # fmt: skip
def test_what_is_no_decision_changes_nothing(
    merged: Merged, decisions: Path, form: dict[str, str], status: int
) -> None:
    before = decisions.read_text()
    given = form if form == {"decision": "same"} else {"pair": waiting(merged)} | form
    answer = merged.asks("admin").post(IDENTITY, data=given)
    assert answer.status_code == status and decisions.read_text() == before
    assert not shown(ATTRIBUTES, answer)


def test_nobody_decides_from_elsewhere(merged: Merged, decisions: Path) -> None:
    """Another site's form, a token of a program, looking on, reading."""
    form, before = {"pair": waiting(merged), "decision": "same"}, decisions.read_text()
    admin = merged.asks("admin")
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        assert admin.post(IDENTITY, data=form, headers=headers).status_code == 403
    assert admin.post(f"{IDENTITY}?view_as=admin", data=form).status_code == 403
    with_token = merged.anybody(headers={"Authorization": admin.headers["Authorization"]})
    assert with_token.post(IDENTITY, data=form).status_code == 401
    assert admin.get(IDENTITY, params=form).status_code == 200
    assert decisions.read_text() == before


def test_where_mappings_cannot_be_written_nothing_is_offered(
    merged: Merged, decisions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_review.os, "access", lambda *_: False)
    text = merged.asks("admin").get(IDENTITY).text
    assert 'name="decision"' not in text and "mergehouse identity review" in text


def test_who_decide_at_once_lose_nothing(merged: Merged, decisions: Path) -> None:
    project, now = merged.shop.project, datetime(2026, 6, 1, tzinfo=UTC)
    pairs = [("shop", f"C{number}", "zebra", "K9") for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda pair: decide(project, pair, "different", "me", now), pairs))
    found = decided(project).filter(customer_code_b="K9")
    assert found.height == 40 and not list(decisions.parent.glob("*.unfinished"))


def test_what_is_told_of_a_pair_is_in_no_address(merged: Merged) -> None:
    """Addresses are kept by browsers and proxies: they have a key of the scope's own."""
    text = told(merged.asks("admin").get(IDENTITY))
    addresses_there = re.findall(r'(?:href|action)="([^"]*)"', text)
    assert addresses_there and not shown_in(r"\bC2\d\b|\bK10\b", " ".join(addresses_there))
