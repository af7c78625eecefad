"""Who asks, and what they may see: every route but sign-in and health depends on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from mergehouse.access.people import Person
from mergehouse.app.looking_on import asked_for
from mergehouse.app.page import Page

if TYPE_CHECKING:
    from mergehouse.app.server import Suite

LONGEST_COOKIE = 100  # letters of a session's secret


@dataclass(frozen=True)
class Visitor:
    """A person who has signed in, for one request. `scope` is what the answer may be made of, and nothing
    else: their own, or a narrower one when they look on as somebody else.
    """

    person: Person
    scope: Any
    labels: tuple[str, ...]  # of their roles
    is_admin: bool
    open_reader: Callable[[], Any]
    looks_on_as: str | None = None  # the label of a role
    may_look_on: tuple[tuple[str, str], ...] = ()  # roles and their labels

    @cached_property
    def reader(self) -> Any:
        """Reads the scope's files, all of one version. Raises AccessError where there are none yet."""
        return self.open_reader()

    def may_open(self, page: Page) -> bool:
        has = {
            "group": self.scope.group,
            "persons": self.scope.persons,
            "admin": self.is_admin,
            "identity": self.scope.identity,
        }
        return all(has[need] for need in page.needs)


def cookie_name(is_secure: bool) -> str:
    return "__Host-mergehouse" if is_secure else "mergehouse"


def session_of(request: Request) -> str | None:
    """The secret of the session that a request brings along."""
    suite: Suite = request.app.state.suite
    secret = request.cookies.get(cookie_name(suite.is_secure(request)))
    return secret if secret and len(secret) <= LONGEST_COOKIE else None


def signed_in(request: Request) -> Visitor:
    """The visitor, or the way to sign in; 403 where no role of theirs allows anything."""
    suite: Suite = request.app.state.suite
    secret = session_of(request)
    person = suite.people.of_session(secret) if secret else None
    if person is None:
        raise _sign_in_first(request, suite)
    return visitor_for(request, person)


def visitor_for(request: Request, person: Person) -> Visitor:
    """What a person who has shown who they are may see; 403 where no role of theirs allows anything."""
    suite: Suite = request.app.state.suite
    entry = request.state.entry
    entry.person = person.name
    access = suite.access()
    policy, held = access.policy, person.roles
    scope = policy.scope(held)
    if scope is None:
        raise HTTPException(403)
    is_admin = policy.is_admin(held)
    offered = tuple((name, role.label) for name, role in policy.roles.items()) if is_admin else ()
    if seen_as := asked_for(request, policy, is_admin):
        scope, held = policy.within(scope, seen_as), (seen_as,)
        entry.seen_as = seen_as
    entry.scope = scope.id
    labels = tuple(policy.roles[name].label for name in held if name in policy.roles)
    return Visitor(
        person=person,
        scope=scope,
        labels=labels,
        is_admin=is_admin and policy.is_admin(held),
        open_reader=lambda: access.gateway.reader(scope),
        looks_on_as=labels[0] if seen_as else None,
        may_look_on=() if seen_as else offered,  # what else there is, is nothing of that role's
    )


SignedIn = Annotated[Visitor, Depends(signed_in)]


def allowed(page: Page) -> Any:
    """A dependency: 403 where a page needs more than the visitor has, 404 where they are not even to know
    whether there is one.
    """

    def check(visitor: SignedIn) -> None:
        if not visitor.may_open(page):
            raise HTTPException(404 if "identity" in page.needs else 403)

    return Depends(check)


def _sign_in_first(request: Request, suite: Suite) -> HTTPException:
    """A page goes to sign-in and comes back; a part of one takes the whole there; all else is refused."""
    asked = request.state.entry.path
    if request.url.query:
        asked += f"?{request.url.query}"
    target = f"{suite.prefix}/sign-in?next={quote(asked, safe='')}"
    if request.headers.get("HX-Request"):
        return HTTPException(401, headers={"HX-Redirect": f"{suite.prefix}/sign-in"})
    if request.method != "GET" or asked.startswith("/api/"):
        return HTTPException(401)
    return HTTPException(303, headers={"Location": target})
