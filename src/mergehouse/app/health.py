"""What a supervisor asks without signing in: is the process alive, and can it answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from mergehouse.errors import MergehouseError

if TYPE_CHECKING:
    from mergehouse.app.server import Suite

NEWER = {"": {}, "writing": {"newer": "being prepared"}, "failed": {"newer": "could not be prepared"}}
router = APIRouter()


@router.get("/health")
def health() -> JSONResponse:
    return JSONResponse({"status": "alive"})


@router.get("/ready")
def ready(request: Request) -> JSONResponse:
    """503 and why, in words that name nothing, until a role has figures to read. They may be older than what
    is published: `newer` says so.
    """
    suite: Suite = request.app.state.suite
    why, newer = "access.yml cannot be used", NEWER[""]
    try:
        access = suite.access()
        newer = NEWER[access.gateway.behind()]
        why = "people.db cannot be used"
        suite.people.users()
        why = "no role is allowed anything"
        scopes = [scope for name in access.policy.roles if (scope := access.policy.scope([name]))]
        first = scopes[0]
        why = "no figures are there yet"
        access.gateway.reader(first)
    except (MergehouseError, IndexError):
        return JSONResponse({"status": "not ready", "why": why} | newer, 503)
    return JSONResponse({"status": "ready"} | newer)
