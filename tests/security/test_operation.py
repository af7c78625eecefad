"""The suite at work: looking on as a role, releases, figures that are kept up, turns, metrics, readiness."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.testclient import TestClient
from tests.conftest import Shop
from tests.security.test_scopes import two_brands
from tests.suite import PASSWORD, suite, with_people
from tests.suite import Gateway as GatewayOfNothing

from mergehouse.access.audience import audience, refresh_extracts
from mergehouse.access.gateway import Gateway, TooSlow, deadline
from mergehouse.access.people import People
from mergehouse.access.policy import load_policy
from mergehouse.access.serving import current_version, serving_folder
from mergehouse.app import metrics, turns
from mergehouse.app.serve import Service, expect_servable
from mergehouse.app.server import create_app
from mergehouse.app.turns import AT_ONCE, WAITING, TooMany, Turns, in_turn
from mergehouse.app.upkeep import Upkeep
from mergehouse.app.visitor import signed_in
from mergehouse.errors import AccessError, ConfigError, MergehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.published import publish
from mergehouse.release.export.export import release

NO_FILTER = dict.fromkeys(("brand", "region", "country", "since", "until"))
# of the other brand: what its name, customers, goods and orders are called
CANARIES = re.compile("zebra|hidden lamp|secret[12]|K7", re.IGNORECASE)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two brands that share a customer; ann, who is an admin, and bob, who manages the shop."""
    shop = two_brands(tmp_path_factory.mktemp("operation") / "shop")
    release(shop.project, to=str(shop.project.folder / "releases"))
    return shop


@pytest.fixture
def people(house: Shop, quick: None) -> Iterator[People]:
    found = People(house.project.folder)
    found.add("ann", "Ann Admin", ["admin"], PASSWORD)
    found.add("bob", "Bob Manager", ["brand_manager_shop"], PASSWORD)
    yield found
    found.file.unlink()


@pytest.fixture
def app(house: Shop, people: People) -> FastAPI:
    refresh_extracts(house.project)
    return create_app(house.project)


def browser(app: FastAPI, name: str | None = None) -> TestClient:
    client = TestClient(
        app, base_url="http://localhost", follow_redirects=False, raise_server_exceptions=False
    )
    if name:
        assert client.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 303
    return client


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


# Looking on as a role


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


# Releases


@pytest.fixture(scope="module")
def released(house: Shop) -> str:
    return str(house.project.folder / "releases")


def test_a_release_shows_what_its_lakehouse_shows(house: Shop, people: People, released: str) -> None:
    policy = refresh_extracts(house.project)
    assert refresh_extracts(house.project, release=released) == policy
    ours, theirs = (Gateway(house.project, policy, place) for place in (None, released))
    assert ours.root != theirs.root
    for scope in policy.scopes():
        here, there = ours.reader(scope), theirs.reader(scope)
        assert here.tables == there.tables
        for question, given in (("sales", NO_FILTER | {"by": "brand"}), ("brands", {})):
            found = here.rows(question, **given)
            assert found and there.rows(question, **given) == found
        assert (here.source, there.source) == ("lakehouse", "release 1.0.0")
        assert not here.absent and not any(name.startswith("gold.") for name in there.absent)
        assert {"cube.cohorts", "monitor.runs"} <= there.absent


def test_pages_of_a_release_say_what_it_lacks(house: Shop, people: People, released: str) -> None:
    refresh_extracts(house.project, release=released)
    client = browser(create_app(house.project, release=released), "ann")
    told = {}
    pages = [page for page, _ in client.app.state.suite.pages if "identity" not in page.needs]  # type: ignore[attr-defined]
    for page in pages:
        answer = client.get(page.path, follow_redirects=True)
        assert answer.status_code == 200 and "release 1.0.0" in answer.text, page.path
        told[page.path] = "which holds Gold alone" in answer.text
    assert told["/first-look"] and told["/quality"] and not told["/about"] and not told["/kpis"]
    refresh_extracts(house.project)
    both = (browser(create_app(house.project), "ann"), client)
    texts = [page.get("/", params={"period": "all"}, follow_redirects=True).text for page in both]
    cards = [re.findall(r'class="figure">(.*?)</', text, re.DOTALL) for text in texts]
    assert cards[0] and cards[0] == cards[1], cards


def test_a_damaged_release_is_not_shown(house: Shop, released: str, tmp_path: Path) -> None:
    root = Path(shutil.copytree(released, tmp_path / "releases"))
    file = next((root / "gold" / "sales_daily").rglob("*.parquet"))
    manifest = next(root.rglob("release_manifest.json"))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(AccessError, match="release 1.0.0: gold/sales_daily/.*its SHA-256"):
        refresh_extracts(house.project, release=str(root))
    file.write_bytes(content)
    manifest.write_text(manifest.read_text().replace("1.0.0", "1.0.1"))
    with pytest.raises(AccessError, match="release_manifest.json: its SHA-256"):
        refresh_extracts(house.project, release=str(root))
    with pytest.raises(MergehouseError, match="there is no release"):
        refresh_extracts(house.project, release=str(root / "nowhere"))
    assert current_version(serving_folder(house.project, str(root))) is None


# Figures that are kept up


def test_what_others_publish_is_shown_soon(
    house: Shop, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run by a machine that knows nothing of dashboards, and a user with two roles that nobody had."""
    refresh_extracts(house.project)
    upkeep = Upkeep(house.project, None)
    written: list[str] = []

    def here() -> None:
        written.append(Gateway(house.project, load_policy(house.project)).behind())
        refresh_extracts(house.project)

    monkeypatch.setattr(Upkeep, "_written", lambda self: (self._tell(True, False), here(), None)[-1])
    upkeep.look()
    assert written == []
    people.add("cleo", "Cleo", ["brand_manager_shop", "brand_manager_zebra"], PASSWORD)
    upkeep.look()
    policy = load_policy(house.project)
    both = policy.scope(["brand_manager_shop", "brand_manager_zebra"])
    assert both and written == ["writing"]
    gateway = Gateway(house.project, policy)
    assert gateway.reader(both).rows("brands") and gateway.behind() == ""
    lakehouse, before = Lakehouse(house.project.lakehouse_location), current_version(gateway.root)
    with exclusive(lakehouse):
        lakehouse.delta("gold.dim_brand").alter.set_table_properties({"delta.appendOnly": "false"})
        publish(lakehouse)
    upkeep.look()
    assert len(written) == 2 and current_version(gateway.root) != before
    assert gateway.reader(both).version == current_version(gateway.root)
    upkeep.look()
    assert len(written) == 2


def test_that_nobody_can_sign_in_any_more_is_said_once(
    house: Shop, people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Upkeep, "_is_behind", lambda self: False)
    upkeep, kept = Upkeep(house.project, None), people.file.read_bytes()
    upkeep.look()
    people.file.unlink()
    for _ in range(2):
        upkeep.look()
        upkeep._seen = None
    assert not people.file.exists()
    people.file.write_bytes(kept)
    said = [record.getMessage() for record in caplog.records if "Nobody can sign in" in record.getMessage()]
    assert len(said) == 1


def test_what_cannot_be_written_is_said(
    house: Shop, people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    policy = refresh_extracts(house.project)
    app = create_app(house.project)
    upkeep = Upkeep(house.project, None)
    monkeypatch.setattr(Upkeep, "_is_behind", lambda self: True)
    monkeypatch.setattr(Upkeep, "_written", lambda self: "/secret/serving: cannot be written (disk full).")
    upkeep.look()
    upkeep._seen = None
    upkeep.look()
    assert [record.more["why"] for record in caplog.records if hasattr(record, "more")] == [  # type: ignore[attr-defined]
        "/secret/serving: cannot be written (disk full)."
    ]
    assert Gateway(house.project, policy).behind() == "failed"
    client = browser(app, "bob")
    shown = client.get("/about").text
    assert "Newer figures could not be prepared" in shown and "/secret" not in shown
    assert client.get("/ready").json() == {"status": "ready", "newer": "could not be prepared"}
    monkeypatch.undo()
    upkeep._look_again = 0.0
    upkeep.look()
    assert "Newer figures" not in browser(app, "bob").get("/about").text


def test_a_lakehouse_that_has_gone_is_said(house: Shop, people: People) -> None:
    """Pages show what they showed, and say so, until it is there again."""
    policy = refresh_extracts(house.project)
    upkeep, lakehouse = Upkeep(house.project, None), house.folder / "lakehouse"
    away = lakehouse.rename(lakehouse.with_name("away"))
    try:
        upkeep.look()
        gateway = Gateway(house.project, policy)
        scope = policy.scope(["executive"])
        assert scope and gateway.behind() == "failed" and gateway.reader(scope).rows("brands")
    finally:
        shutil.rmtree(lakehouse, ignore_errors=True)
        away.rename(lakehouse)
    upkeep.look()
    assert gateway.behind() == ""


def test_it_does_not_begin_where_no_audit_can_be_kept(house: Shop, tmp_path: Path) -> None:
    shop = house.copy(tmp_path / "copy")
    shutil.rmtree(shop.folder / "logs", ignore_errors=True)
    (shop.folder / "logs").write_text("a file")
    with pytest.raises(ConfigError, match=r"audit\.jsonl: cannot be written: .*nothing is shown without it"):
        expect_servable(
            Service(shop.folder, None, "127.0.0.1", 8800, 1, (), (), ""), shop.project, allow_root=True
        )


def test_a_process_of_its_own_writes(house: Shop, people: People) -> None:
    shutil.rmtree(serving_folder(house.project), ignore_errors=True)
    upkeep = Upkeep(house.project, None)
    upkeep.look()
    policy = load_policy(house.project)
    gateway = Gateway(house.project, policy)
    assert all(gateway.reader(scope).rows("brands") for scope in policy.scopes())
    assert gateway.behind() == ""


def test_for_whom_figures_are_written(house: Shop, people: People) -> None:
    policy = load_policy(house.project)
    found = {scope.id for scope in audience(policy, people)}
    assert {scope.id for scope in policy.scopes()} <= found
    admin = policy.scope(["admin"])
    assert admin and {scope.id for role in policy.roles if (scope := policy.within(admin, role))} <= found
    people.add("dan", "Dan", ["analyst", "marketing"], PASSWORD)
    both = policy.scope(["analyst", "marketing"])
    assert both and both.id in {scope.id for scope in audience(policy, people)}
    people.disable("dan")
    assert both.id not in {scope.id for scope in audience(policy, people)} - {s.id for s in policy.scopes()}


# Turns


def test_two_of_a_person_at_once_and_others_are_not_kept_waiting(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SECONDS", 0.3)
    with_people(tmp_path)
    app, at_work, most, done = suite(tmp_path), 0, 0, asyncio.Event()
    router = APIRouter(dependencies=[Depends(signed_in), Depends(in_turn)])

    @router.get("/slow")
    async def slow() -> str:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await done.wait()
        at_work -= 1
        return "done"

    app.include_router(router)
    ann, bob = browser(app, "ann"), browser(app, "bob")

    def client(of: TestClient) -> httpx2.AsyncClient:
        transport, cookies = httpx2.ASGITransport(app=app), dict(of.cookies)
        return httpx2.AsyncClient(transport=transport, base_url="http://localhost", cookies=cookies)

    async def ask() -> tuple[list[httpx2.Response], httpx2.Response]:
        async with client(ann) as anns, client(bob) as bobs:
            many = [asyncio.create_task(anns.get("/slow")) for _ in range(6)]
            page = await bobs.get("/about")
            while sum(task.done() for task in many) < 4:
                await asyncio.sleep(0.01)
            done.set()
            return [await task for task in many], page

    answers, page = asyncio.run(ask())
    assert most == AT_ONCE and page.status_code == 200
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert "Other pages of yours are still being made" in refused.text
    assert refused.headers["retry-after"] == "5"
    assert not app.state.suite.turns._lines


def test_a_line_has_an_end() -> None:
    async def ask() -> None:
        line = Turns()

        async def one() -> None:
            async with line.turn("ann"):
                await asyncio.sleep(0.05)

        waiting = [asyncio.create_task(one()) for _ in range(AT_ONCE + WAITING)]
        await asyncio.sleep(0.01)
        with pytest.raises(TooMany, match="20 requests"):
            async with line.turn("ann"):
                pass
        async with line.turn("bob"):
            pass
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not line._lines

    asyncio.run(ask())


def test_queries_end_with_the_time_of_their_request(house: Shop, people: People) -> None:
    policy = refresh_extracts(house.project)
    scope = policy.scope(["admin"])
    assert scope
    reader = Gateway(house.project, policy).reader(scope)
    token = deadline.set(time.monotonic() - 1)
    try:
        with pytest.raises(TooSlow):
            reader.rows("brands")
        deadline.set(time.monotonic() + 0.2)
        began = time.perf_counter()
        with pytest.raises(TooSlow):
            reader._fetch("SELECT count(*) FROM range(10_000_000_000) AS a, range(1000) AS b", {})
        assert time.perf_counter() - began < 3
    finally:
        deadline.reset(token)
    assert reader.rows("brands")


def test_a_page_that_takes_too_long_says_so(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser(app, "ann")
    monkeypatch.setattr(turns, "SECONDS", -1.0)
    monkeypatch.setattr(Turns, "turn", lambda self, name: _at_once())
    answer = client.get("/")
    assert answer.status_code == 503 and "were not worked out in time" in answer.text


class _at_once:
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


# Metrics, readiness, prefix


def test_metrics_are_of_routes_and_of_nobody(app: FastAPI) -> None:
    client = browser(app, "ann")
    client.get("/", follow_redirects=True)
    client.get("/", follow_redirects=True)
    client.get("/nowhere/of/zebra")
    client.request("ZEBRA", "/about")
    text = browser(app).get("/metrics").text
    assert 'mergehouse_requests_total{method="GET",route="/",status="200"}' in text
    assert 'mergehouse_requests_total{method="GET",route="none",status="404"}' in text
    assert 'method="other"' in text
    for line in (
        "mergehouse_query_seconds_count",
        "mergehouse_answers_kept_total",
        "mergehouse_data_age_seconds",
    ):
        assert float(re.search(rf"^{line} (.+)$", text, re.MULTILINE)[1]) > 0  # type: ignore[index]
    assert "mergehouse_data_behind 0.0" in text
    assert not CANARIES.search(text) and "ann" not in re.findall(r'"([^"]*)"', text)


def test_who_may_have_metrics(house: Shop, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(metrics.TOKEN, raising=False)
    private, public = create_app(house.project), create_app(house.project, is_public=True)
    asked = [browser(app).get("/metrics", headers=h).status_code
             for app in (private, public) for h in ({}, {"Authorization": "Bearer "})]  # fmt: skip
    assert asked == [200, 200, 404, 404]
    monkeypatch.setenv(metrics.TOKEN, "a-token")
    for app in (private, public):
        client = browser(app)
        assert client.get("/metrics").status_code == 404
        assert client.get("/metrics?token=a-token").status_code == 404
        assert client.get("/metrics", headers={"Authorization": "Bearer a-toke"}).status_code == 404
        assert client.get("/metrics", headers={"Authorization": "Bearer a-token"}).status_code == 200


def test_readiness_says_why_not_and_names_nothing(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_people(tmp_path)
    app, without = suite(tmp_path), suite(tmp_path, gateway=GatewayOfNothing(None))
    answer = browser(without).get("/ready")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "not ready", "why": "no figures are there yet"},
    )
    assert browser(app).get("/ready").json() == {"status": "ready"}
    (tmp_path / "people.db").write_bytes(b"no database, but long enough to look like one" * 100)
    assert browser(app).get("/ready").json()["why"] == "people.db cannot be used"

    def refused(*_: object) -> None:
        raise ConfigError("/secret/access.yml: roles: expected one")

    monkeypatch.setattr(app.state.suite, "access", refused)
    answer = browser(app).get("/ready")
    assert (answer.status_code, answer.json()["why"]) == (503, "access.yml cannot be used")


def test_supervisors_ask_by_any_name(tmp_path: Path, quick: None) -> None:
    with_people(tmp_path)
    for app, prefix in ((suite(tmp_path), ""), (suite(tmp_path, prefix="/bi"), "/bi")):
        for path, status in (("/health", 200), ("/ready", 200), ("/about", 400), ("/healthy", 400)):
            for host in ("10.1.2.3:8800", "x/health?"):
                answer = browser(app).get(prefix + path, headers={"Host": host})
                assert answer.status_code == status, (prefix, path, host)


def test_behind_a_prefix_every_address_has_it(house: Shop, people: People) -> None:
    refresh_extracts(house.project)
    client = TestClient(
        create_app(house.project, prefix="/bi"), base_url="http://localhost", follow_redirects=False
    )
    client.post("/bi/sign-in", data={"name": "ann", "password": PASSWORD})
    for page, _ in client.app.state.suite.pages:  # type: ignore[attr-defined]
        for path in (f"/bi{page.path}", f"/bi{page.path}?view_as=brand_manager_shop"):
            answer = client.get(path)
            while answer.status_code == 303:
                assert answer.headers["location"].startswith("/bi/"), path
                answer = client.get(answer.headers["location"])
            written = re.findall(r' (?:href|src|action|hx-get)="([^"]+)"', answer.text)
            outside = [address for address in written if not address.startswith(("/bi/", "#"))]
            assert written and not outside, (path, outside)
