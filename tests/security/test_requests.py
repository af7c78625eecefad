"""Requests that are not what a browser of ours would send: other spellings of paths, other headers, too
much of all.
"""

from __future__ import annotations

import gzip
import time

import pytest
from tests.security.doors import OPEN
from tests.security.merged import ORIGIN, SHOP, Merged, addresses, audit, told

from mergehouse.access.people import TOKEN_PREFIX, People
from mergehouse.app.envelope import HEADERS

SPELLINGS = (
    "/{}",
    "{};x",
    "{}/",
    "{}%00",
    "{}%2f",
    "{}/.",
    "/.{}",
    "{}%20",
    "/%2e%2e{}",
    "{}.html",
    "/x/..{}",
    "{}\\",
)


def spelled(path: str) -> list[str]:
    first = path[1:2]
    other = [path.upper(), f"/%{ord(first):02x}{path[2:]}"] if first.isalpha() else []
    return [shape.format(path) for shape in SPELLINGS] + other


def test_other_spellings_of_a_path_open_nothing(merged: Merged) -> None:
    """Whichever of them a server or a proxy takes for the path: who may enter is asked at the door itself."""
    stranger, marketing = merged.anybody(), merged.asks("marketing")
    for door in merged.doors:
        if door.method == "GET":
            path = door.addresses(merged.own_key(SHOP))[0].split("?")[0]
            for address in spelled(path):
                answer = stranger.request("GET", ORIGIN + address)
                assert answer.status_code in (303, 401, 404), address
                if "/customers/" in path:
                    assert marketing.request("GET", ORIGIN + address).status_code in (403, 404), address


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost/health?",
        "evil#",
        "localhost:80@evil",
        "",
        "[::1",
        "localhost\t",
        "xn--localhost",
    ],
)
def test_another_host_opens_nothing(merged: Merged, host: str) -> None:
    person = merged.asks("executive")
    for address in ("/", "/api/v1/brands", "/customers/list.csv"):
        assert person.get(address, headers={"Host": host}).status_code == 400


def test_a_page_of_another_site_changes_nothing(merged: Merged) -> None:
    """Every door that changes something, with a session and a form as a browser would send it."""
    person = merged.asks("executive")
    changing = {door.path for door in merged.doors if door.method not in ("GET", "HEAD")} | {
        "/sign-in",
        "/sign-out",
    }
    for path in changing:
        for headers in (
            {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"},
            {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
        ):  # fmt: skip
            answer = person.post(path, content=b"theme=dark", headers=headers)
            assert answer.status_code == 403 and "set-cookie" not in answer.headers, path
    assert person.get("/").status_code == 200  # the session is still there


def test_reading_changes_nothing(merged: Merged) -> None:
    """Links that another site has a browser open: no cookie, no file but the audit's line."""
    person = merged.asks("executive")
    before = {file for file in merged.shop.folder.rglob("*") if file.is_file()}
    for address in addresses(merged, "executive"):
        assert "set-cookie" not in person.get(address).headers, address
    assert {file for file in merged.shop.folder.rglob("*") if file.is_file()} == before


def test_every_door_carries_the_headers(merged: Merged) -> None:
    person, stranger = merged.asks("executive"), merged.anybody()
    for client in (person, stranger):
        for address in [
            *addresses(merged, "executive"),
            "/nowhere",
            *(path for path in OPEN if "{" not in path),
        ]:
            answer = client.get(address)
            for name, value in HEADERS.items():
                assert answer.headers.get_list(name) == [value], (address, name)
            assert "server" not in answer.headers and "x-powered-by" not in answer.headers
            assert answer.headers["cache-control"] == "private, no-store", address


@pytest.mark.parametrize(
    ("method", "address", "headers", "content", "statuses"),
    [
        ("GET", "/", {"Range": "bytes=" + ",".join(f"{n}-{n}" for n in range(2000))}, b"", (200,)),
        ("GET", "/?" + "&".join(f"a{n}=" for n in range(6000)), {}, b"", (414,)),
        ("GET", "/?" + "&".join(f"a{n}=" for n in range(1000)), {}, b"", (200, 303)),
        ("POST", "/sign-in", {"Content-Type": "application/x-www-form-urlencoded"},
        b"a=" + b"x" * 2_000_000, (413,)),
        ("POST", "/sign-in", {"Content-Type": "application/x-www-form-urlencoded"}, b"a&" * 30_000, (400,
        401, 422)),
        ("POST", "/sign-in", {"Content-Type": "application/x-www-form-urlencoded",
        "Content-Encoding": "gzip"},
         gzip.compress(b"name=x&a=" + b"y" * 30_000_000), (400, 401, 422)),
        ("POST", "/sign-in", {"Content-Type": "multipart/form-data; boundary=b"},
         b"--b\r\n" + b"X: y\r\n" * 9000 + b"\r\nv\r\n--b--\r\n", (400, 401, 422)),
        ("POST", "/sign-in", {"Content-Type": "multipart/form-data"}, b"--b", (400, 401, 422)),
        ("GET", "/", {"Cookie": "a=" + "b" * 60_000}, b"", (303,)),
        ("GET", "/", {"Accept-Language": "x-" * 20_000 + ",".join(f"l{n};q=0.{n}" for n in range(2000))},
        b"", (200,)),
    ],
    ids=["ranges", "parameters", "some parameters", "a body", "fields", "a gzip bomb", "headers of parts",
         "no boundary", "cookies", "languages"],
)  # fmt: skip
def test_too_much_is_refused_at_once(
    merged: Merged,
    method: str,
    address: str,
    headers: dict[str, str],
    content: bytes,
    statuses: tuple[int, ...],
) -> None:
    person = merged.asks("executive")
    began = time.process_time()
    answer = person.request(method, address, headers=headers, content=content)
    assert answer.status_code in statuses
    assert time.process_time() - began < 2
    assert person.get("/about").status_code == 200  # for others all is as it was


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Original-URL"]
)
def test_what_a_proxy_says_is_believed_of_no_other(merged: Merged, name: str) -> None:
    """Links and the line of the audit stay what they are."""
    person = merged.asks("executive")
    plain = person.get("/about").text
    assert person.get("/about", headers={name: "evil.example"}).text == plain
    assert audit(merged)[-1]["from"] == "testclient"


def test_a_token_opens_what_its_bearer_may_see_and_no_more(merged: Merged) -> None:
    people, stranger = merged.people, merged.anybody()
    people.add("programmer", "P", [SHOP], "a good long password")
    token = people.make_token("programmer", 1)
    bearer = {"Authorization": f"Bearer {token}"}
    api = [door.addresses("")[0] for door in merged.doors if door.is_for_programs]
    assert stranger.get("/api/v1/brands", headers=bearer).status_code == 200
    later = People(merged.shop.folder, now=lambda: time.time() + 2 * 86_400)
    assert later.of_token(token) is None
    for headers in (
        {}, {"Cookie": f"token={token}; mergehouse={token}"}, {"Authorization": token},
        {"Authorization": f"Basic {token}"},
        {"Authorization": f"Bearer {token}x"}, {"Authorization": f"Bearer {TOKEN_PREFIX}"},
        {"X-Api-Key": token},
        {"Authorization": "Bearer " + "x" * 9000}, {"Authorization": f"Bearer {token[:-1]}"},
    ):  # fmt: skip
        for address in api:
            said = f"{address}{'&' if '?' in address else '?'}token={token}&access_token={token}"
            answer = stranger.get(said, headers=headers)
            assert answer.status_code == 401 and token not in told(answer), headers
    assert stranger.get("/", headers=bearer).status_code == 303  # a token is no session
    for closed, opened in (
        (lambda: people.disable("programmer"), lambda: people.enable("programmer")),
        (
            lambda: people.set_roles("programmer", ["unheard_of"]),
            lambda: people.set_roles("programmer", [SHOP]),
        ),
    ):
        closed()
        assert stranger.get("/api/v1/brands", headers=bearer).status_code in (401, 403)
        opened()
        assert stranger.get("/api/v1/brands", headers=bearer).status_code == 200
    people.end_tokens("programmer")
    assert {stranger.get(address, headers=bearer).status_code for address in api} == {401}
    assert token not in (merged.shop.folder / "people.db").read_bytes().decode("latin-1")
    assert token not in (merged.shop.folder / "logs" / "audit.jsonl").read_text()


def test_two_cookies_of_one_name_open_no_more_than_one(merged: Merged) -> None:
    secrets = [merged.asks(role).cookies["mergehouse"] for role in (SHOP, "executive")]
    for first, second in (secrets, secrets[::-1], [secrets[0], "x"], ["x", "y"]):
        cookies = {"Cookie": f"mergehouse={first}; mergehouse={second}"}
        answer = merged.anybody().get("/about", headers=cookies)
        assert answer.status_code == (200 if second in secrets else 303)
        if second == secrets[0]:
            assert (
                "All brands together" in answer.text
                and "yes" not in answer.text.split("All brands together")[1][:30]
            )
