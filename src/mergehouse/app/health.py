"""What a supervisor asks without signing in: is the process alive, and can it answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from mergehouse.errors import MergehouseError

if TYPE_CHECKING:
    from mergehouse.app.server import Suite

router = APIRouter()


@router.get("/health")
def health() -> JSONResponse:
    return JSONResponse({"status": "alive"})


@router.get("/ready")
def ready(request: Request) -> JSONResponse:
    """503 until a role has files to read, and where access.yml or people.db cannot be used. Says no more."""
    suite: Suite = request.app.state.suite
    try:
        access = suite.access()
        suite.people.users()
        scopes = [scope for name in access.policy.roles if (scope := access.policy.scope([name]))]
        access.gateway.reader(scopes[0])
    except (MergehouseError, IndexError):
        return JSONResponse({"status": "not ready"}, 503)
    return JSONResponse({"status": "ready"})
