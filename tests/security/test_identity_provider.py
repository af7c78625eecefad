"""Sign-in by an identity provider: what is refused of what comes back, and who somebody is then.

The provider is played here, so that it can lie; one test asks a real one.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.testclient import TestClient
from tests.suite import PASSWORD, suite, with_people

from mergehouse.access.people import BY_PROVIDER, SIGN_IN_SECONDS, People
from mergehouse.app.identity_provider import ALGORITHMS, SECRET, Provider, provider_of
from mergehouse.errors import ConfigError, MergehouseError
from mergehouse.project.settings import SignIn

ISSUER, CLIENT, BACK = "https://id.example", "dashboards", "/sign-in/callback"
SETTINGS = SignIn(issuer=ISSUER, client_id=CLIENT, roles={"board": "executive", "shop-leads": "manager"})
KEY, ANOTHER = (RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}) for _ in range(2))
PUBLIC = KEY.as_pem(private=False)


@dataclass
class Played:
    """A provider that says what a test wants. `lie` changes the claims, `sign` makes the token of them."""

    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "groups": ["board"]})
    lie: Callable[[dict[str, Any]], Any] = lambda claims: None
    sign: Callable[[dict[str, Any]], str] = lambda claims: signed(claims)
    metadata: dict[str, Any] = field(default_factory=dict)
    nonce: str = ""
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)  # ID tokens

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("openid-configuration"):
            told = {
                "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            }  # fmt: skip
            return httpx2.Response(200, json=told | self.metadata)
        if request.url.path == "/keys":
            return httpx2.Response(200, json={"keys": [KEY.as_dict(private=False)]})
        self.asked.append(parse_qs(request.content.decode()))
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": self.nonce,
            **self.claims,
        }
        self.lie(claims)
        self.sent.append(self.sign(claims))
        token = {"access_token": "a", "token_type": "Bearer", "id_token": self.sent[-1]}
        return httpx2.Response(200, json=token)


def signed(claims: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    header = {"alg": "RS256", "kid": "one"} | header
    registry = JWSRegistry(algorithms=["RS256", "HS256", "none"], strict_check_header=False)
    return jwt.encode(header, claims, key, registry=registry)


def by_hand(sign: Callable[[bytes], bytes], **header: Any) -> Callable[[dict[str, Any]], str]:
    """Tokens that no library makes."""

    def written(claims: dict[str, Any]) -> str:
        content = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        return (content + b"." + _base64(sign(content))).decode()

    return written


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def by_mac(content: bytes) -> bytes:
    return hmac.digest(PUBLIC, content, "sha256")


def by_key(content: bytes) -> bytes:
    signature: bytes = KEY.get_op_key("sign").sign(content, padding.PKCS1v15(), hashes.SHA256())
    return signature


@pytest.fixture
def people(tmp_path: Path) -> People:
    return with_people(tmp_path)


@pytest.fixture
def played() -> Played:
    return Played()


@pytest.fixture
def app(tmp_path: Path, people: People, played: Played) -> FastAPI:
    provider = Provider(SETTINGS, "secret of sixteen letters", transport=httpx2.MockTransport(played))
    return suite(tmp_path, provider=provider)


@pytest.fixture
def browser(app: FastAPI) -> Iterator[TestClient]:
    yield another(app)


def another(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://localhost", follow_redirects=False)


def begun(browser: TestClient, played: Played, next: str = "/about") -> dict[str, str]:
    """What the browser brings to the provider."""
    answer = browser.get("/sign-in/provider", params={"next": next})
    assert answer.status_code == 302, answer.text
    sent = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    played.nonce = sent["nonce"]
    return sent


def signed_in(browser: TestClient, played: Played, **more: str) -> Any:
    state = begun(browser, played)["state"]
    return browser.get(BACK, params={"code": "c", "state": state} | more)


def test_a_group_gives_a_role(browser: TestClient, played: Played, people: People) -> None:
    assert 'href="/sign-in/provider?next=' in browser.get("/sign-in").text
    sent = begun(browser, played, "/about?x=1")
    assert (sent["response_type"], sent["client_id"], sent["scope"]) == ("code", CLIENT, "openid profile")
    assert sent["code_challenge_method"] == "S256" and sent["redirect_uri"] == "http://localhost" + BACK
    answer = browser.get(BACK, params={"code": "c", "state": sent["state"], "iss": ISSUER})
    assert (answer.status_code, answer.headers["location"]) == (303, "/about?x=1")
    assert len(played.asked[0]["code_verifier"][0]) >= 43 and "client_secret" not in played.asked[0]
    assert "Executive" in browser.get("/about").text
    found = [user for user in people.users() if user.name.startswith(BY_PROVIDER)]
    assert [(user.label, user.roles) for user in found] == [("u-1", ("executive",))]


@pytest.mark.parametrize(
    "lie",
    [
        lambda claims: claims.update(nonce="another"),
        lambda claims: claims.pop("nonce"),
        lambda claims: claims.update(iss="https://evil.example"),
        lambda claims: claims.pop("iss"),
        lambda claims: claims.update(aud="another"),
        lambda claims: claims.update(aud="another", azp=CLIENT),
        lambda claims: claims.update(aud=[CLIENT, "another"], azp=CLIENT),
        lambda claims: claims.pop("aud"),
        lambda claims: claims.update(azp="another"),
        lambda claims: claims.update(exp=int(time.time()) - 3600),
        lambda claims: claims.pop("exp"),
        lambda claims: claims.update(sub=""),
        lambda claims: claims.update(sub=["u-1"]),
        lambda claims: claims.pop("sub"),
    ],
)
def test_a_token_with_other_claims_signs_nobody_in(
    browser: TestClient, played: Played, lie: Callable[[dict[str, Any]], Any]
) -> None:
    played.lie = lie
    assert_refused(browser, signed_in(browser, played))
    assert len(played.sent) == 1


@pytest.mark.parametrize(
    "sign",
    [
        by_hand(lambda content: b"", alg="none"),
        by_hand(by_mac, alg="HS256"),
        by_hand(by_mac, alg="HS256", kid="one"),
        lambda claims: signed(claims, OctKey.import_key("secret of sixteen letters"), alg="HS256"),
        lambda claims: signed(claims, ANOTHER),
        lambda claims: signed(claims, ANOTHER, jwk=ANOTHER.as_dict(private=False)),
        by_hand(by_key, alg="RS256", kid="one", crit=["unheard-of"], **{"unheard-of": True}),
        lambda claims: signed(claims)[:-4] + "AAAA",
        lambda claims: signed(claims | {"at_hash": "x"}),
        lambda claims: "",
        lambda claims: "a.b.c",
    ],
)
def test_a_token_with_another_signature_signs_nobody_in(
    browser: TestClient, played: Played, sign: Callable[[dict[str, Any]], str]
) -> None:
    played.sign = sign
    assert_refused(browser, signed_in(browser, played))
    assert len(played.sent) == 1


def test_tokens_made_by_hand_are_no_worse_than_others(browser: TestClient, played: Played) -> None:
    """So that those above are refused for what they are."""
    played.sign = by_hand(by_key, alg="RS256", kid="one")
    assert signed_in(browser, played).status_code == 303


def assert_refused(browser: TestClient, answer: Any, status: int = 401) -> None:
    assert answer.status_code == status, answer.headers
    assert "did not sign you in" in answer.text or status != 401
    assert browser.get("/about").status_code == 303


def test_a_callback_that_nobody_began(app: FastAPI, browser: TestClient, played: Played) -> None:
    assert_refused(browser, browser.get(BACK, params={"code": "c", "state": "forged"}))
    state = begun(browser, played)["state"]
    other = another(app)
    assert_refused(other, other.get(BACK, params={"code": "c", "state": state}))
    begun(other, played)
    assert_refused(other, other.get(BACK, params={"code": "c", "state": state}))
    for wrong in (
        {"state": "forged"},
        {},
        {"state": state, "iss": "https://evil.example"},
        {"error": "denied"},
    ):
        begun(browser, played)
        assert_refused(browser, browser.get(BACK, params={"code": "c"} | wrong))


def test_a_callback_is_good_once_and_not_for_long(
    app: FastAPI, browser: TestClient, played: Played, people: People
) -> None:
    state = begun(browser, played)["state"]
    kept = dict(browser.cookies)
    assert browser.get(BACK, params={"code": "c", "state": state}).status_code == 303
    assert "sign-in" not in browser.cookies
    copied = another(app)
    copied.cookies.update(kept)
    assert_refused(copied, copied.get(BACK, params={"code": "c", "state": state}))
    late = another(app)
    state = begun(late, played)["state"]
    people_of_app: People = app.state.suite.people
    people_of_app.now = lambda: time.time() + SIGN_IN_SECONDS + 1
    assert_refused(late, late.get(BACK, params={"code": "c", "state": state}))


def test_a_session_of_before_ends(app: FastAPI, browser: TestClient, played: Played) -> None:
    browser.post("/sign-in", data={"name": "bob", "password": PASSWORD})
    before = dict(browser.cookies)
    signed_in(browser, played)
    old = another(app)
    old.cookies.update(before)
    assert old.get("/about").status_code == 303
    assert "Executive" in browser.get("/about").text


@pytest.mark.parametrize("groups", [None, "board", [], ["boards"], {"board": True}, ["x"] * 500, [["board"]]])
def test_without_a_known_group_there_is_nothing(
    browser: TestClient, played: Played, people: People, groups: Any
) -> None:
    played.claims = {"sub": "u-1", "groups": groups, "email": "ann@example.com", "email_verified": False}
    answer = signed_in(browser, played)
    assert_refused(browser, answer, 403)
    assert "None of your groups" in answer.text
    assert not [user for user in people.users() if user.name.startswith(BY_PROVIDER)]


def test_many_groups_give_what_they_give(browser: TestClient, played: Played, people: People) -> None:
    played.claims = {"sub": "u-1", "groups": [f"g{n}" for n in range(498)] + ["shop-leads", "board"]}
    assert signed_in(browser, played).status_code == 303
    assert [u.roles for u in people.users() if u.name.startswith(BY_PROVIDER)] == [("executive", "manager")]


def test_who_somebody_is_says_the_subject(app: FastAPI, played: Played, people: People) -> None:
    """Neither a name nor an e-mail address, not even that of somebody who is known here."""
    for subject in ("u-1", "u-2", "u-1"):
        played.claims = {
            "sub": subject, "groups": ["board"], "email": "ann", "name": "ann", "preferred_username": "ann",
        }  # fmt: skip
        browser = another(app)
        assert signed_in(browser, played).status_code == 303
        assert "Signed in as</dt><dd>" + BY_PROVIDER in browser.get("/about").text
    assert len([user for user in people.users() if user.name.startswith(BY_PROVIDER)]) == 2
    assert next(user for user in people.users() if user.name == "ann").roles == ("executive",)


def test_a_group_that_is_gone_ends_what_it_gave(app: FastAPI, played: Played, people: People) -> None:
    first, second = another(app), another(app)
    assert signed_in(first, played).status_code == 303
    played.claims = {"sub": "u-1", "groups": []}
    assert_refused(second, signed_in(second, played), 403)
    assert first.get("/about").status_code == 303
    played.claims = {"sub": "u-1", "groups": ["board"]}
    name = next(user.name for user in people.users() if user.name.startswith(BY_PROVIDER))
    people.disable(name)
    assert_refused(second, signed_in(second, played), 403)


def test_users_of_the_provider_have_no_password_and_no_token(
    browser: TestClient, played: Played, people: People
) -> None:
    signed_in(browser, played)
    name = next(user.name for user in people.users() if user.name.startswith(BY_PROVIDER))
    for refused in (
        lambda: people.set_password(name, PASSWORD),
        lambda: people.make_token(name, 1),
        lambda: people.add(f"{BY_PROVIDER}mine", "", ["executive"], PASSWORD),
    ):
        with pytest.raises(MergehouseError, match="identity provider"):
            refused()
    for password in ("", PASSWORD):
        assert people.signed_in(name, password) is None


def test_another_provider_than_the_settings_say(browser: TestClient, played: Played) -> None:
    played.metadata = {"issuer": "https://evil.example"}
    answer = browser.get("/sign-in/provider")
    assert answer.status_code == 503 and "does not answer" in answer.text and "evil" not in answer.text


@pytest.mark.parametrize("next", ["//evil", "/\\evil", "https://evil.example", "/nowhere"])
def test_nobody_is_sent_elsewhere_afterwards(browser: TestClient, played: Played, next: str) -> None:
    state = begun(browser, played, next)["state"]
    answer = browser.get(BACK, params={"code": "c", "state": state, "next": next, "redirect_uri": next})
    assert answer.headers["location"] == "/"


def test_without_a_provider_there_is_no_such_door(tmp_path: Path, people: People) -> None:
    browser = another(suite(tmp_path))
    assert {browser.get(path).status_code for path in ("/sign-in/provider", BACK)} == {404}
    assert "organisation" not in browser.get("/sign-in").text


def test_settings_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project: Any = SimpleNamespace(
        folder=tmp_path, config=SimpleNamespace(serve=SimpleNamespace(sign_in=SETTINGS))
    )
    policy: Any = SimpleNamespace(roles={"executive": None, "manager": None})
    monkeypatch.delenv(SECRET, raising=False)
    with pytest.raises(ConfigError, match=SECRET):
        provider_of(project, policy)
    monkeypatch.setenv(SECRET, "secret")
    assert provider_of(project, policy) is not None
    with pytest.raises(ConfigError, match="did you mean `managers`"):
        provider_of(project, SimpleNamespace(roles={"executive": None, "managers": None}))  # type: ignore[arg-type]
    for issuer in ("http://id.example", "id.example", "http://localhost.evil.example/"):
        with pytest.raises(ValueError, match="issuer"):
            SignIn(issuer=issuer, client_id=CLIENT, roles={"a": "b"})
    assert not {"none", "HS256", "HS512"} & ALGORITHMS


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_with_a_provider_of_another_house(tmp_path: Path, people: People) -> None:
    mock = pytest.importorskip("oidc_provider_mock")
    claims = {"groups": ["board"], "name": "Uma One"}
    with mock.run_server_in_thread(user_claims=[mock.User(sub="u-1", claims=claims)]) as server:
        issuer = f"http://localhost:{server.server_port}"
        settings = SignIn(issuer=issuer, client_id=CLIENT, roles={"board": "executive"})
        browser = another(suite(tmp_path, provider=Provider(settings, "secret")))
        at_provider = browser.get("/sign-in/provider", params={"next": "/about"}).headers["location"]
        with httpx2.Client() as user:
            back = user.post(at_provider, data={"sub": "u-1"}).headers["location"]
        answer = browser.get(re.sub("^http://localhost", "", back))
        assert (answer.status_code, answer.headers["location"]) == (303, "/about"), answer.text
        assert "Uma One" in browser.get("/about").text
        assert_refused(another(browser.app), another(browser.app).get(re.sub("^http://localhost", "", back)))
