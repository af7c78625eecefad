"""The application: who may open which door, and what is around every answer."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Receive, Scope, Send

from mergehouse.access.gateway import NothingYet, TooSlow, UnknownQuery
from mergehouse.access.passwords import Busy
from mergehouse.access.people import People
from mergehouse.app import bundle, health, identity_provider, metrics, sign_in
from mergehouse.app.answers import NotAsked
from mergehouse.app.api import routes
from mergehouse.app.api.routes import with_token
from mergehouse.app.audit import Audit
from mergehouse.app.bundle import Bundle, load_bundle
from mergehouse.app.envelope import Envelope
from mergehouse.app.identity_provider import Provider
from mergehouse.app.page import Page, all_pages
from mergehouse.app.rendering import behind, error_page
from mergehouse.app.sign_in import Attempts
from mergehouse.app.turns import TooMany, Turns, in_turn
from mergehouse.app.view import UnknownFilter
from mergehouse.app.visitor import SignedIn, allowed, signed_in
from mergehouse.errors import MergehouseError
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import countries
from mergehouse.storage import state_of

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
ACCESS_FILE = "access.yml"
SUPERVISED = ("/health", "/ready", "/metrics")


@dataclass(frozen=True)
class Access:
    """The policy, and the gateway that keeps to it."""

    policy: Any
    gateway: Any


def open_access(project: Project, release: str | None = None) -> Access:
    """Raises ConfigError where access.yml cannot be used."""
    from mergehouse.access.gateway import Gateway
    from mergehouse.access.policy import load_policy

    policy = load_policy(project)
    return Access(policy, Gateway(project, policy, release, metrics.count_query))


@dataclass
class Suite:
    """What every request needs, in `app.state.suite`."""

    project: Project
    open_access: Callable[..., Access]
    people: People
    bundle: Bundle
    pages: list[tuple[Page, APIRouter]]
    prefix: str
    on_loopback: bool
    is_public: bool  # whether others than this machine reach it
    provider: Provider | None = None
    attempts: Attempts = field(default_factory=Attempts)
    turns: Turns = field(default_factory=Turns)
    _access: tuple[object, Access] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def access(self) -> Access:
        """What access.yml says now: when the file has changed it is read again, and the next request obeys.

        Raises ConfigError while it cannot be used: then nobody sees anything.
        """
        seen = state_of(self.project.folder / ACCESS_FILE)
        with self._lock:
            if self._access is None or self._access[0] != seen:
                self._access = None
                self._access = seen, self.open_access(self.project)
            return self._access[1]

    @cached_property
    def _places(self) -> dict[str, str]:
        return {row["country_code"]: row["country"] for row in countries(self.project)}

    def place(self, code: str) -> str:
        """What the project calls a code of countries.csv; the code itself where it is not there."""
        return self._places.get(code, code)

    def is_secure(self, request: Request) -> bool:
        """Whether cookies are for encrypted connections alone: always, but on this machine itself."""
        return not self.on_loopback or request.url.scheme == "https"


def create_app(
    project: Project,
    *,
    hosts: Sequence[str] = LOOPBACK_NAMES,
    prefix: str = "",
    on_loopback: bool = True,
    is_public: bool = False,
    release: str | None = None,
    provider: Provider | None = None,
    open_access: Callable[..., Access] = open_access,
) -> FastAPI:
    """The suite of a project. `hosts`: names by which browsers reach it; `prefix`: the path under which a
    proxy offers it, such as `/bi`; `release`: where releases are that it shows in the lakehouse's place.

    Raises ConfigError where access.yml or the bundle of scripts and styles cannot be used.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    people, pages = People(project.folder), all_pages()
    if release:
        open_access = functools.partial(open_access, release=release)
    suite = Suite(
        project, open_access, people, load_bundle(), pages, prefix, on_loopback, is_public, provider
    )
    suite.access()
    app.state.suite = suite
    for open_to_all in (
        bundle.router,
        health.router,
        metrics.router,
        sign_in.router,
        identity_provider.router,
    ):
        app.include_router(open_to_all)
    for page, router in suite.pages:
        app.include_router(router, dependencies=[Depends(signed_in), allowed(page), Depends(in_turn)])
    app.include_router(routes.router, dependencies=[Depends(with_token), Depends(in_turn)])
    app.add_api_route("/", _first_page, methods=["GET"])
    for kind, answer in ERRORS.items():
        app.add_exception_handler(kind, answer)
    app.add_middleware(KnownHosts, allowed_hosts=list(hosts), www_redirect=False)
    # the last one added is the outermost
    app.add_middleware(Envelope, audit=Audit(project.folder), prefix=prefix)
    return app


class KnownHosts(TrustedHostMiddleware):
    """Refuses other names than the suite's, but to supervisors, who ask by whatever address a process has."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = scope["type"] == "http" and scope["state"]["entry"].path in SUPERVISED
        await (self.app if asks else super().__call__)(scope, receive, send)


def _first_page(request: Request, visitor: SignedIn) -> Response:
    suite: Suite = request.app.state.suite
    for page, _ in suite.pages:
        if visitor.may_open(page):
            query = f"?{request.url.query}" if visitor.looks_on_as else ""
            return RedirectResponse(f"{suite.prefix}{page.path}{query}", 303)
    raise HTTPException(403)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 303:
        return Response(status_code=303, headers=error.headers)
    answer = error_page(request.scope, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _not_understood(request: Request, error: Exception) -> Response:
    return error_page(request.scope, 422)


def _not_asked(request: Request, error: Exception) -> Response:
    """A program is told what it can ask instead."""
    return error_page(request.scope, 422, words=str(error))


def _too_busy(request: Request, error: Exception) -> Response:
    answer = error_page(request.scope, 429)
    answer.headers["Retry-After"] = "60"
    return answer


def _too_many(request: Request, error: Exception) -> Response:
    answer = error_page(request.scope, 503, kind="many")
    answer.headers["Retry-After"] = "5"
    return answer


def _too_slow(request: Request, error: Exception) -> Response:
    return error_page(request.scope, 503, kind="slow")


def _not_now(request: Request, error: Exception) -> Response:
    """What mergehouse itself refuses: its words are for the audit, since they may name files."""
    request.state.entry.words["error"] = str(error)[:300]
    return error_page(request.scope, 503)


def _not_yet(request: Request, error: Exception) -> Response:
    """The first figures of a role take as long as there are customers: some seconds for a million."""
    if behind(request.app.state.suite) != "writing":
        return _not_now(request, error)
    answer = error_page(request.scope, 503, kind="soon")
    answer.headers["Retry-After"] = "5"
    return answer


ERRORS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    HTTPException: _refused,
    RequestValidationError: _not_understood,
    Busy: _too_busy,
    TooMany: _too_many,
    TooSlow: _too_slow,
    NotAsked: _not_asked,
    UnknownFilter: _not_understood,
    UnknownQuery: _not_understood,
    NothingYet: _not_yet,
    MergehouseError: _not_now,
}
