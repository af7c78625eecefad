"""Looking on as a role: for admins alone, never more than one's own, and kept by every link."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi import FastAPI
from tests.conftest import Shop
from tests.security.served_house import CANARIES, browser
from tests.suite import PASSWORD, suite, with_people

from mergehouse.access.people import People
from mergehouse.access.policy import load_policy

pytestmark = pytest.mark.slow("files of each role are written")


def audit(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "logs" / "audit.jsonl").read_text().splitlines()]


def addresses(text: str) -> tuple[list[str], list[str]]:
    """Links, those of plots among them, and where forms of filters go, their hidden fields as a query."""
    links = [unescape(link) for link in re.findall(r'<a [^>]*href="([^"]+)"', text)]
    for plot in re.findall(r'data-chart="([^"]+)"', text):
        links += re.findall(r'"(/[^"]*)"', unescape(plot))
    forms = []
    for action, inner in re.findall(
        r'<form method="get"[^>]* action="([^"]+)"[^>]*>(.*?)</form>', text, re.DOTALL
    ):
        fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', inner)
        forms.append(f"{action.split('?')[0]}?" + "&".join(f"{name}={value}" for name, value in fields))
    return links, forms


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_who_is_no_admin_looks_on_as_nobody(tmp_path: Path, quick: None, name: str) -> None:
    with_people(tmp_path)
    app = suite(tmp_path)
    client = browser(app, name)
    for page, _ in app.state.suite.pages:
        for role in ("admin", "executive", "manager", "unheard_of"):
            assert client.get(page.path, params={"view_as": role}).status_code == 403, (page.path, role)
    own = client.get("/about").text
    client.cookies.set("view_as", "admin")
    assert client.get("/about", headers={"view_as": "admin", "X-View-As": "admin"}).text == own
    assert "look-on" not in own and "You look on" not in own


def test_an_admin_looks_on_within_bounds(tmp_path: Path, quick: None) -> None:
    with_people(tmp_path).add("root", "Rita Root", ["admin"], PASSWORD)
    client = browser(suite(tmp_path), "root")
    assert "look-on" in client.get("/about").text
    shown = client.get("/about", params={"view_as": "manager"}).text
    assert "You look on as Manager of one brand" in shown and "<dd>Manager of one brand</dd>" in shown
    assert "look-on" not in shown  # what other roles there are is nothing of this role's
    line = audit(tmp_path)[-1]
    assert (line["who"], line["as"], line["scope"], line["outcome"]) == ("root", "manager", "manager", 200)
    for wrong in ("?view_as=unheard_of", "?view_as=", "?view_as=manager&view_as=executive"):
        assert client.get(f"/about{wrong}").status_code == 422, wrong
    for path in ("/theme", "/about"):
        assert client.post(f"{path}?view_as=manager").status_code in (403, 405)
    assert client.post("/theme?view_as=manager", data={"theme": "dark"}).status_code == 403
    assert "You look on" not in client.get("/about").text


def test_tokens_look_on_as_nobody(app: FastAPI, people: People) -> None:
    client = browser(app)
    client.headers["Authorization"] = f"Bearer {people.make_token('ann', 1)}"
    assert client.get("/api/v1/kpis").status_code == 200
    assert client.get("/api/v1/kpis", params={"view_as": "brand_manager_shop"}).status_code == 403


def test_every_link_of_every_page_keeps_the_role(app: FastAPI) -> None:
    """Those that it finds on the way are opened, too; of the other brand there is nothing on any."""
    client, role = browser(app, "ann"), "brand_manager_shop"
    for page, _ in app.state.suite.pages:  # what an admin has seen before must not be shown again
        client.get(page.path)
    ahead, seen = [f"{page.path}?view_as={role}" for page, _ in app.state.suite.pages], set()
    while ahead and len(seen) < 60:
        address = ahead.pop(0)
        parts = urlsplit(address)
        if parts.path in seen:
            continue
        seen.add(parts.path)
        answer = client.get(address)
        if answer.status_code == 303:
            ahead.insert(0, answer.headers["location"])
            seen.remove(parts.path)
            continue
        assert answer.status_code in (200, 403, 404), (address, answer.status_code)
        assert not (found := CANARIES.search(answer.text)), (address, found)
        if answer.status_code != 200 or "html" not in answer.headers["content-type"]:
            continue
        assert "You look on as Brand manager Shop" in answer.text, address
        links, forms = addresses(answer.text)
        end = [link for link in links if link.split("?")[0] == parts.path and "view_as" not in link]
        assert len(end) == 1, (address, end)
        for link in links + forms:
            if link in end or link.startswith(("/static/", "#", "http")):
                continue
            assert dict(parse_qsl(urlsplit(link).query)).get("view_as") == role, (address, link)
            ahead.append(link)
        assert not re.search(r'method="post"[^>]*action="[^"]*view_as', answer.text)
    assert len(seen) >= len(app.state.suite.pages)
    assert "Zebra" in client.get("/").text  # back to what is the admin's own


def test_never_more_than_ones_own(house: Shop) -> None:
    policy = load_policy(house.project)
    for mine in policy.roles:
        own = policy.scope([mine])
        for role in policy.roles:
            seen = policy.within(own, role)
            theirs = policy.scope([role])
            assert own and seen and theirs
            assert seen.group == (own.group and theirs.group) and seen.persons == (
                own.persons and theirs.persons
            )
            assert set(seen.masks) == {*own.masks, *theirs.masks}
            assert policy.within(seen, mine) == seen
    managers = [policy.scope([f"brand_manager_{brand}"]) for brand in ("shop", "zebra")]
    assert managers[0] and managers[1]
    nothing = policy.within(managers[0], "brand_manager_zebra")
    assert nothing and not nothing.is_whole and len(nothing.rows[0]) == 2
    assert policy.within(managers[0], "unheard_of") is None
