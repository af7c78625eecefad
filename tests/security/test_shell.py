"""What the shell of the web suite refuses: without a session, from elsewhere, too often, too much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient
from tests.security.doors import doors
from tests.suite import PASSWORD, Gateway, suite, with_people

from mergehouse.access import passwords
from mergehouse.access.people import People
from mergehouse.app import bundle
from mergehouse.app.envelope import HEADERS, LARGEST_BODY, LONGEST_QUERY
from mergehouse.app.page import Page, all_pages
from mergehouse.app.server import Suite
from mergehouse.app.visitor import allowed
from mergehouse.app.visitor import signed_in as signed_in_visitor

ORIGIN = "http://localhost"


@pytest.fixture
def people(tmp_path: Path) -> People:
    return with_people(tmp_path)


@pytest.fixture
def app(tmp_path: Path, people: People) -> FastAPI:
    return suite(tmp_path)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    yield browser(app)


def browser(app: FastAPI, origin: str = ORIGIN) -> TestClient:
    return TestClient(app, base_url=origin, follow_redirects=False, raise_server_exceptions=False)


def signed_in(client: TestClient, name: str = "ann", password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in", data={"name": name, "password": password, **more})


def audit(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "logs" / "audit.jsonl").read_text().splitlines()]


def test_every_door_but_a_few_asks_who_is_there(app: FastAPI) -> None:
    asked = [(door.method, door.path) for door in doors(app)]
    assert ("GET", "/about") in asked and ("POST", "/theme") in asked
    for method, path in asked:
        answer = browser(app).request(method, path)
        if path.startswith("/api/"):
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer", path
            continue
        if method == "GET":
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in?next=%2F"), path
        else:
            assert answer.status_code == 401, path
        part = browser(app).request(method, path, headers={"HX-Request": "true"})
        assert part.status_code == 401, path
        assert path.startswith("/api/") or part.headers["hx-redirect"] == "/sign-in", path


def test_a_page_keeps_to_its_path() -> None:
    """Sign-in leads back to paths of pages alone, and the header marks a page by its path."""
    for page, router in all_pages():
        paths = [route.path for route in router.routes if isinstance(route, APIRoute)]
        assert paths
        assert all(path == page.path or path.startswith(f"{page.path}/") for path in paths), page


def test_every_answer_carries_the_headers(app: FastAPI, client: TestClient) -> None:
    signed_in(client)
    gone = bundle.load_bundle().path("app.js")
    answers = {
        "page": client.get("/about"),
        "static": client.get(gone),
        "not found": client.get("/nowhere"),
        "refused": client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}),
        "method": client.put("/about"),
        "host": client.get("/about", headers={"Host": "evil.example"}),
        "large": client.post("/sign-in", content=b"x" * (LARGEST_BODY + 1)),
        "long": client.get("/about?" + "a" * (LONGEST_QUERY + 1)),
        "health": client.get("/health"),
    }
    with patch("mergehouse.app.pages.about.page", side_effect=RuntimeError("secret of the code")):
        answers["failed"] = client.get("/about")
    statuses = {name: answer.status_code for name, answer in answers.items()}
    assert statuses == {
        "page": 200, "static": 200, "not found": 404, "refused": 403, "method": 405, "host": 400,
        "large": 413, "long": 414, "health": 200, "failed": 500,
    }  # fmt: skip
    for name, answer in answers.items():
        for header, value in HEADERS.items():
            assert answer.headers.get_list(header) == [value], (name, header)
        assert "server" not in answer.headers and "strict-transport-security" not in answer.headers
        cached = "public, max-age=31536000, immutable" if name == "static" else "private, no-store"
        assert answer.headers["cache-control"] == cached, name
    assert answers["page"].headers["vary"] == "Cookie, HX-Request"
    assert "secret" not in answers["failed"].text and "request <code>" in answers["failed"].text
    over_tls = browser(app, "https://localhost").get("/nowhere")
    assert over_tls.headers["strict-transport-security"].startswith("max-age=31536000")


def test_a_session_ends_where_it_is_kept(client: TestClient, people: People, app: FastAPI) -> None:
    """The cookie as somebody has copied it, after each of what ends a session."""
    for end in (
        lambda: client.post("/sign-out"),
        lambda: people.set_password("ann", PASSWORD),
        lambda: people.set_roles("ann", ["executive"]),
        lambda: people.disable("ann"),
    ):
        signed_in(client)
        copied = dict(client.cookies)
        assert browser_with(app, copied).get("/about").status_code == 200
        end()
        assert browser_with(app, copied).get("/about").status_code == 303
    assert signed_in(client).status_code == 401  # disabled
    people.enable("ann")
    assert browser_with(app, copied).get("/about").status_code == 303


def browser_with(app: FastAPI, cookies: dict[str, str]) -> TestClient:
    client = browser(app)
    client.cookies.update(cookies)
    return client


def test_a_cookie_from_before_is_not_taken_up(app: FastAPI, people: People) -> None:
    client = browser_with(app, {"mergehouse": "chosen-by-somebody-else"})
    answer = signed_in(client)
    assert answer.cookies["mergehouse"] not in ("", "chosen-by-somebody-else")
    assert browser_with(app, {"mergehouse": "chosen-by-somebody-else"}).get("/about").status_code == 303
    first = answer.cookies["mergehouse"]
    second = signed_in(browser_with(app, {"mergehouse": first})).cookies["mergehouse"]
    assert second != first
    assert people.of_session(first) is None and people.of_session(second) is not None


@pytest.mark.parametrize("value", ["", "x" * 8000, "null", "a.b.c", "%00"])
def test_a_cookie_that_is_no_session_opens_nothing(app: FastAPI, value: str) -> None:
    assert browser_with(app, {"mergehouse": value}).get("/about").status_code == 303


def test_flags_of_the_cookie(tmp_path: Path, app: FastAPI, people: People) -> None:
    written = signed_in(browser(app)).headers["set-cookie"]
    assert written.startswith("mergehouse=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in written.split(";")}
    public = suite(tmp_path, hosts=["bi.example.com"], on_loopback=False)
    for client in (browser(public, "https://bi.example.com"), browser(public, "http://bi.example.com")):
        written = signed_in(client).headers["set-cookie"]
        assert written.startswith("__Host-mergehouse=")
        parts = {part.strip() for part in written.split(";")}
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= parts
        assert not any(part.startswith("Domain") for part in parts)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://localhost"}, 403),  # another scheme
        ({"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Origin": ORIGIN}, 303),
        ({}, 303),
    ],
)
def test_forms_of_other_sites_are_refused(app: FastAPI, headers: dict[str, str], status: int) -> None:
    client = browser(app)
    assert (
        client.post("/sign-in", data={"name": "ann", "password": PASSWORD}, headers=headers).status_code
        == status
    )
    assert bool(client.cookies) == (status == 303)


def test_attempts_are_counted_by_account(app: FastAPI, client: TestClient, tmp_path: Path) -> None:
    statuses = [signed_in(client, "ann", "wrong password").status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    late = signed_in(client)
    assert late.status_code == 429 and late.headers["retry-after"] == "60"
    assert signed_in(client, "bob").status_code == 303
    refused = [line for line in audit(tmp_path) if line["outcome"] == 429]
    assert {line["account"] for line in refused} == {"ann"} and len(refused) == 2


def test_attempts_are_counted_by_address(client: TestClient) -> None:
    statuses = [signed_in(client, f"user{number}", "wrong password").status_code for number in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    spoofed = client.post(
        "/sign-in", data={"name": "bob", "password": PASSWORD}, headers={"X-Forwarded-For": "203.0.113.7"}
    )
    assert spoofed.status_code == 429


def test_who_is_unknown_is_told_the_same(client: TestClient) -> None:
    unknown, wrong = signed_in(client, "nobody", "wrong password"), signed_in(client, "ann", "wrong password")
    assert unknown.status_code == wrong.status_code == 401
    assert unknown.text.replace("nobody", "ann") == wrong.text
    assert "wrong password" not in wrong.text


def test_as_many_hashes_for_the_unknown(client: TestClient) -> None:
    with patch.object(passwords._hasher, "verify", wraps=passwords._hasher.verify) as verify:
        signed_in(client, "ann", "wrong password")
        signed_in(client, "nobody", "wrong password")
        assert verify.call_count == 2
        signed_in(client, "bob", "x" * (passwords.LONGEST + 1))
        assert verify.call_count == 2  # not worth a hash


def test_no_more_hashes_than_two_at_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.01)
    with passwords._turn(), passwords._turn():
        assert signed_in(client).status_code == 429
    assert signed_in(client).status_code == 303


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/about", "%2f%2fevil",
        "/\t/evil.example", "/about\n//evil", "/unknown", "/aboutx", "/about/../../x", "/about//evil",
        "about", "javascript:alert(1)", "/" + "a" * 3000, "\x00/about",
    ],
)  # fmt: skip
def test_nobody_is_sent_elsewhere(client: TestClient, target: str) -> None:
    assert signed_in(client, next=target).headers["location"] == "/"
    assert client.get("/sign-in", params={"next": target}).headers["location"] == "/"


def test_who_has_signed_in_comes_back(client: TestClient) -> None:
    asked = client.get("/about?brand=shop&page=2")
    form = client.get(asked.headers["location"]).text
    assert 'name="next" value="/about?brand=shop&amp;page=2"' in form
    assert (
        signed_in(client, next="/about?brand=shop&page=2").headers["location"] == "/about?brand=shop&page=2"
    )


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "evil#", ""]
)
def test_only_names_that_it_has(client: TestClient, host: str) -> None:
    signed_in(client)
    assert client.get("/about", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["//about", "/about/", "/about;x", "/ABOUT", "/about/../about", "/static/../static/x", "/about%00"],
)
def test_other_spellings_of_a_path_are_no_door(app: FastAPI, path: str) -> None:
    answer = browser(app).request("GET", f"{ORIGIN}{path}")
    assert answer.status_code in (303, 404)
    assert "Ann" not in answer.text


def test_what_is_not_there_looks_always_the_same(app: FastAPI, client: TestClient) -> None:
    signed_in(client)
    paths = [
        "/nowhere",
        "/persons/1",
        "/static/0000000000000000/none.js",
        "/static/1/app.js",
        "/about/x?y=z",
    ]
    answers = [client.get(path) for path in paths] + [browser(app).get("/nowhere")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    headers = [sorted((n, v) for n, v in answer.headers.items() if n != "date") for answer in answers]
    assert all(each == headers[0] for each in headers)


@pytest.mark.parametrize("name", ["..%2fdigest", "%2e%2e/digest", "digest", "..%5cdigest", "app.js%00"])
def test_static_files_are_those_of_the_bundle(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{'0' * 16}/{name}").status_code == 404


def test_nothing_is_allowed_that_no_role_allows(client: TestClient, tmp_path: Path) -> None:
    signed_in(client, "eve")
    answer = client.get("/about")
    assert answer.status_code == 403 and "Eve" not in answer.text
    line = audit(tmp_path)[-1]
    assert (line["who"], line["scope"], line["outcome"]) == ("eve", None, 403)
    assert 'action="/sign-out"' in answer.text
    client.post("/sign-out")
    assert client.get("/about").status_code == 303


def test_a_page_that_needs_more_is_no_door(app: FastAPI, client: TestClient) -> None:
    """Nor is it in the header of who cannot open it."""
    router = APIRouter()
    page = Page("/persons", "Single persons", "Customers", frozenset({"persons"}))

    @router.get("/persons")
    def persons() -> str:
        return "their rows"

    app.include_router(router, dependencies=[Depends(signed_in_visitor), allowed(page)])
    app.state.suite.pages.append((page, router))
    for name, status, is_shown in (("ann", 403, False), ("bob", 200, True)):
        signed_in(client, name)
        answer = client.get("/persons")
        assert (answer.status_code, "their rows" in answer.text) == (status, is_shown)
        assert ("Single persons" in client.get("/about").text) == is_shown


def test_a_body_without_a_length_is_cut_off(client: TestClient) -> None:
    sent = []

    def pieces() -> Iterator[bytes]:
        for _ in range(1000):
            sent.append(1)
            yield b"x" * 1024

    answer = client.post(
        "/sign-in", content=pieces(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 413
    assert client.post("/sign-in", content=b"", headers={"Content-Length": "-1"}).status_code == 413


def test_a_value_that_cannot_be_is_not_echoed(app: FastAPI, client: TestClient) -> None:
    @app.get("/number")
    def number(size: int) -> int:
        return size

    answer = client.get("/number", params={"size": "'; DROP TABLE secret;--"})
    assert answer.status_code == 422
    assert "DROP" not in answer.text and "size" not in answer.text


def test_no_answer_without_its_line(app: FastAPI, client: TestClient, tmp_path: Path) -> None:
    signed_in(client)
    client.get("/about", params={"q": 'a\r\n{"who": "forged"}\x1b[2J', "x": "y" * 5000})
    line = audit(tmp_path)[-1]
    assert line["who"] == "ann" and line["scope"] == "executive" and line["outcome"] == 200
    assert line["what"] == "GET /about" and line["from"] == "testclient"
    assert line["parameters"][0] == ["q", 'a\r\n{"who": "forged"}\x1b[2J']
    assert len(line["parameters"][1][1]) == 200
    assert PASSWORD not in (tmp_path / "logs" / "audit.jsonl").read_text()
    assert (tmp_path / "logs" / "audit.jsonl").stat().st_mode & 0o777 == 0o600
    with patch("mergehouse.app.audit.os.write", side_effect=OSError("disk full")):
        answer = client.get("/about")
    assert answer.status_code == 500 and "Ann" not in answer.text


def test_a_policy_that_has_become_unreadable_lets_nobody_in(
    app: FastAPI, client: TestClient, tmp_path: Path
) -> None:
    signed_in(client)
    state: Suite = app.state.suite
    assert client.get("/about").status_code == 200
    from mergehouse.errors import ConfigError

    def refuse(_: object) -> Any:
        raise ConfigError(f"{tmp_path}/access.yml: roles: nonsense")

    state.open_access = refuse
    (tmp_path / "access.yml").write_text("nonsense, and longer than it was before")
    answer = client.get("/about")
    assert answer.status_code == 503 and "nonsense" not in answer.text and str(tmp_path) not in answer.text
    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200


def test_before_anything_was_published(tmp_path: Path, people: People) -> None:
    client = browser(suite(tmp_path, Gateway(version=None)))
    signed_in(client)
    answer = client.get("/about")
    assert (
        answer.status_code == 200 and "Nothing is published" in answer.text and "/secret" not in answer.text
    )
    assert client.get("/ready").json() == {"status": "not ready", "why": "no figures are there yet"}


def test_behind_a_prefix(tmp_path: Path, people: People) -> None:
    """The proxy may take the prefix off the path, or leave it."""
    app = suite(tmp_path, prefix="/bi")
    client = browser(app)
    assert client.get("/bi/about").headers["location"] == "/bi/sign-in?next=%2Fabout"
    assert client.get("/about").headers["location"] == "/bi/sign-in?next=%2Fabout"
    assert client.get("/bi").headers["location"] == "/bi/sign-in?next=%2F"  # as people type it
    answer = client.post("/bi/sign-in", data={"name": "ann", "password": PASSWORD, "next": "/about"})
    assert answer.headers["location"] == "/bi/about"
    assert client.get("/bistro").status_code == 404
    text = client.get("/bi/about").text
    links = [part.split('"')[0] for part in text.split('href="')[1:] + text.split('src="')[1:]]
    assert links and all(link.startswith(("/bi/", "#")) for link in links)


def test_names_with_markup_are_text(tmp_path: Path, people: People, app: FastAPI) -> None:
    people.add("mal", "<img src=x onerror=alert(1)>", ["executive"], PASSWORD)
    client = browser(app)
    signed_in(client, "mal")
    text = client.get('/about?x="><script>alert(1)</script>').text
    assert "<img src=x" not in text and "<script>alert" not in text
    wrong = signed_in(browser(app), '"><script>alert(1)</script>').text
    assert "<script>alert" not in wrong
