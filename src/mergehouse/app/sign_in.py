"""Sign in, sign out, light or dark, and whether letters are shortcuts."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException

from mergehouse.access.passwords import LONGEST
from mergehouse.access.people import Person
from mergehouse.app.rendering import NO_KEYS, THEMES, open_page
from mergehouse.app.visitor import SignedIn, cookie_name, session_of

if TYPE_CHECKING:
    from mergehouse.app.server import Suite

LONGEST_NAME, LONGEST_NEXT = 64, 2000
WRONG = "Name or password is wrong."
YEAR_SECONDS = 365 * 86_400
router = APIRouter()


class Attempts:
    """Attempts to sign in, counted by account and by address, each process its own."""

    def __init__(self) -> None:
        self.limiter = MovingWindowRateLimiter(MemoryStorage())
        self.of_account = (RateLimitItemPerMinute(5), RateLimitItemPerHour(30))
        self.of_address = (RateLimitItemPerMinute(20), RateLimitItemPerHour(200))

    def allow(self, name: str | None, address: str) -> bool:
        """Counts one more. False where there were too many, of one or the other. Without a name, which only
        the identity provider knows then, of the address alone.
        """
        counted = [self.limiter.hit(limit, "account", name) for limit in self.of_account if name is not None]
        counted += [self.limiter.hit(limit, "address", address) for limit in self.of_address]
        return all(counted)

    def forget(self, name: str) -> None:
        for limit in self.of_account:
            self.limiter.clear(limit, "account", name)


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "") -> Response:
    suite: Suite = request.app.state.suite
    target = known_path(suite, next)
    secret = session_of(request)
    if secret and suite.people.of_session(secret):
        return RedirectResponse(suite.prefix + target, 303)
    return sign_in_form(request, next=target)


def sign_in_form(
    request: Request, status: int = 200, next: str = "/", name: str = "", problem: str = ""
) -> Response:
    has_provider = request.app.state.suite.provider is not None
    given = {"next": next, "name": name, "problem": problem, "has_provider": has_provider}
    return open_page(request, "sign_in", status, **given)


@router.post("/sign-in")
def sign_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    """The answer to a wrong name is that to a wrong password, and takes as long."""
    suite: Suite = request.app.state.suite
    entry = request.state.entry
    name, target = name.strip().lower()[: LONGEST_NAME + 1], known_path(suite, next)
    entry.words["account"] = name
    if not suite.attempts.allow(name, entry.address):
        raise HTTPException(429, headers={"Retry-After": "60"})
    known = len(name) <= LONGEST_NAME and len(password) <= LONGEST
    person = suite.people.signed_in(name, unicodedata.normalize("NFC", password)) if known else None
    if person is None:
        return sign_in_form(request, 401, target, name, WRONG)
    suite.attempts.forget(name)
    return begun(request, _redirect(request, target), person)


def begun(request: Request, answer: Response, person: Person) -> Response:
    """The answer with a new session of who has just shown who they are; what there was before ends."""
    suite: Suite = request.app.state.suite
    if old := session_of(request):
        suite.people.end_session(old)
    request.state.entry.person = person.name
    secret = suite.people.begin_session(person)
    return with_cookie(request, answer, cookie_name(suite.is_secure(request)), secret)


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """For everybody: who has a session but no role must be able to end it."""
    suite: Suite = request.app.state.suite
    suite.people.end_session(session_of(request) or "")
    return with_cookie(request, _redirect(request, "/sign-in"), cookie_name(suite.is_secure(request)), "")


@router.post("/theme")
def set_theme(
    request: Request, visitor: SignedIn, theme: Annotated[str, Form()] = "", next: Annotated[str, Form()] = ""
) -> Response:
    """Light, dark, or as the machine has it."""
    chosen = theme if theme in THEMES else ""
    target = known_path(request.app.state.suite, next)
    return with_cookie(request, _redirect(request, target), "theme", chosen, YEAR_SECONDS)


@router.post("/keys")
def set_keys(
    request: Request, visitor: SignedIn, keys: Annotated[str, Form()] = "", next: Annotated[str, Form()] = ""
) -> Response:
    """Whether single letters do something (WCAG 2.1.4); they do unless it is said."""
    target = known_path(request.app.state.suite, next)
    chosen = NO_KEYS if keys == NO_KEYS else ""
    return with_cookie(request, _redirect(request, target), "keys", chosen, YEAR_SECONDS)


def _redirect(request: Request, path: str) -> RedirectResponse:
    return RedirectResponse(request.app.state.suite.prefix + path, 303)


def with_cookie(
    request: Request, answer: Response, name: str, value: str, seconds: int | None = None
) -> Response:
    """With a cookie that scripts cannot read; without a value it is taken away."""
    answer.set_cookie(
        name,
        value,
        max_age=seconds if value else 0,
        secure=request.app.state.suite.is_secure(request),
        httponly=True,
        samesite="lax",
        path="/",
    )
    return answer


def known_path(suite: Suite, asked: str) -> str:
    """A path of one of the suite's pages with its query, as asked for; the first page where it is none."""
    first = "/"
    if len(asked) > LONGEST_NEXT or not asked.isprintable() or "\\" in asked or asked.startswith("//"):
        return first
    try:
        parts = urlsplit(asked)
    except ValueError:
        return first
    if parts.scheme or parts.netloc or not asked.isascii():
        return first
    paths = [page.path for page, _ in suite.pages]
    is_known = any(parts.path == path or parts.path.startswith(f"{path}/") for path in paths)
    return asked if is_known and ".." not in parts.path and "//" not in parts.path else first
