"""Sign-in by an identity provider: OpenID Connect's code flow with PKCE, state and nonce, by Authlib.

Who somebody is says the pair of issuer and subject, never an e-mail address; what they may see say the groups
of the token and `serve.sign_in.roles`. A group that is not there gives nothing.

Source: OpenID Connect Core 1.0, 3.1; RFC 9207 for the issuer in the answer; RFC 9700 for the rest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from mergehouse.access.policy import Policy
from mergehouse.app.log import log
from mergehouse.app.sign_in import begun, known_path, sign_in_form, with_cookie
from mergehouse.app.visitor import LONGEST_COOKIE
from mergehouse.errors import ConfigError
from mergehouse.project.config import CONFIG_FILE, Project
from mergehouse.project.settings import SignIn
from mergehouse.project.validation import expect_known

if TYPE_CHECKING:
    from mergehouse.app.server import Suite

SECRET = "MERGEHOUSE_OIDC_SECRET"
DISCOVERY = "/.well-known/openid-configuration"
# signatures that only the provider can make: HS256 would be checked with a key that it shares
ALGORITHMS = {"EdDSA"} | {f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)}
SECONDS, LONGEST_LABEL = 5.0, 80
UNREACHABLE = "The identity provider does not answer. Try again in a minute."
REFUSED = "The identity provider did not sign you in. Try again."
NO_ROLE = "None of your groups gives access here. Ask whoever looks after this site."
router = APIRouter()


class Refused(Exception):
    """What came back from the provider signs nobody in."""


@dataclass(frozen=True)
class Identity:
    """Whom the provider has signed in."""

    issuer: str
    subject: str
    label: str
    groups: tuple[str, ...]


class Provider:
    """The provider of `serve.sign_in`. `transport`: the way to it, if not the network."""

    def __init__(self, settings: SignIn, secret: str, transport: Any = None):
        self.settings = settings
        more = {"transport": transport} if transport else {}
        self.client = OAuth().register(
            "provider",
            client_id=settings.client_id,
            client_secret=secret,
            server_metadata_url=settings.issuer.rstrip("/") + DISCOVERY,
            client_kwargs={
                "scope": settings.scope, "code_challenge_method": "S256", "timeout": SECONDS, **more
            },
        )  # fmt: skip

    def roles(self, groups: Iterable[str]) -> list[str]:
        return sorted({self.settings.roles[group] for group in groups if group in self.settings.roles})

    async def begin(self, request: Request, back: str) -> Response:
        """To the provider, and from there `back`; what is to be compared then is in `request.session`."""
        await self._known()
        sent: Response = await self.client.authorize_redirect(request, back)
        return sent

    async def finish(self, request: Request) -> Identity:
        """Who has come back. Raises Refused, or what Authlib raises, where that is nobody."""
        await self._known()
        if request.query_params.get("iss", self.settings.issuer) != self.settings.issuer:
            raise Refused("another issuer has answered")
        issuer, client_id = self.settings.issuer, self.settings.client_id
        expected = {
            "iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id},
            "nonce": {"essential": True}, "sub": {"essential": True},
        }  # fmt: skip
        token = await self.client.authorize_access_token(request, claims_options=expected)
        claims = token.get("userinfo")
        if not claims or claims["aud"] not in (client_id, [client_id]):
            raise Refused("there is no ID token for this client alone")
        subject, groups = claims["sub"], claims.get(self.settings.groups_claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise Refused("the subject is none")
        listed = groups if isinstance(groups, list) else []  # a text would be a group for each letter
        name = next((claims[key] for key in ("name", "preferred_username") if claims.get(key)), subject)
        label = "".join(letter for letter in str(name) if letter.isprintable())[:LONGEST_LABEL]
        return Identity(issuer, subject, label, tuple(g for g in listed if isinstance(g, str)))

    async def _known(self) -> None:
        """What the provider says of itself. Raises Refused where it is another than the settings say."""
        told = await self.client.load_server_metadata()
        if told.get("issuer") != self.settings.issuer:
            raise Refused(f"the provider calls itself {told.get('issuer')!r}")
        name = "id_token_signing_alg_values_supported"
        told[name] = sorted(ALGORITHMS.intersection(told.get(name) or ["RS256"])) or ["RS256"]


def provider_of(project: Project, policy: Policy) -> Provider | None:
    """The provider that mergehouse.yml names, None where it names none. Raises ConfigError where its secret
    is not set or a role is not in access.yml.
    """
    settings, file = project.config.serve.sign_in, project.folder / CONFIG_FILE
    if settings is None:
        return None
    for role in settings.roles.values():
        expect_known(role, policy.roles, file, "serve.sign_in.roles")
    if not (secret := os.environ.get(SECRET, "")):
        raise ConfigError(f"{file}: serve.sign_in: set {SECRET} to the secret of `{settings.client_id}`.")
    return Provider(settings, secret)


@router.get("/sign-in/provider")
async def to_provider(request: Request, next: str = "") -> Response:
    suite, provider = _provider(request)
    if not suite.attempts.allow(None, request.state.entry.address):
        raise HTTPException(429, headers={"Retry-After": "60"})
    request.scope["session"] = {}
    back = f"{request.url.scheme}://{request.url.netloc}{suite.prefix}/sign-in/callback"
    try:
        answer = await provider.begin(request, back)
    except Exception as error:  # of another's program, on the way to it: whatever it is, nobody is signed in
        return _failed(request, error, UNREACHABLE, 503)
    kept = json.dumps({"next": known_path(suite, next), "session": request.session})
    secret = await run_in_threadpool(suite.people.begin_sign_in, kept)
    return with_cookie(request, answer, _cookie(request), secret)


@router.get("/sign-in/callback")
async def from_provider(request: Request) -> Response:
    """Only to the browser that began, once, and within ten minutes."""
    suite, provider = _provider(request)
    secret = request.cookies.get(_cookie(request), "")[:LONGEST_COOKIE]
    found_again = await run_in_threadpool(suite.people.take_sign_in, secret)
    kept: dict[str, Any] = json.loads(found_again) if found_again else {}
    request.scope["session"] = kept.get("session", {})
    try:
        if not kept:
            raise Refused("this browser has not begun to sign in, or has finished")
        found = await provider.finish(request)
    except Exception as error:  # as above
        return _ended(request, _failed(request, error, REFUSED, 401))
    roles = provider.roles(found.groups)
    whoever = (found.issuer, found.subject, found.label, roles)
    person = await run_in_threadpool(suite.people.signed_in_by, *whoever)
    if person is None:
        return _ended(request, sign_in_form(request, 403, problem=NO_ROLE))
    answer = RedirectResponse(suite.prefix + kept["next"], 303)
    return _ended(request, await run_in_threadpool(begun, request, answer, person))


def _provider(request: Request) -> tuple[Suite, Provider]:
    suite: Suite = request.app.state.suite
    if suite.provider is None:
        raise HTTPException(404)
    return suite, suite.provider


def _cookie(request: Request) -> str:
    return "__Host-sign-in" if request.app.state.suite.is_secure(request) else "sign-in"


def _ended(request: Request, answer: Response) -> Response:
    return with_cookie(request, answer, _cookie(request), "")


def _failed(request: Request, error: Exception, words: str, status: int) -> Response:
    """Says as little as possible: what another has sent may hold anything."""
    why = str(error) if isinstance(error, Refused) else type(error).__name__
    log.warning("no sign-in by the identity provider", extra={"more": {"why": why[:200]}})
    request.state.entry.words["error"] = why[:200]
    return sign_in_form(request, status, problem=words)
