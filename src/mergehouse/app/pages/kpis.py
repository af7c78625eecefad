"""The KPI catalogue: what each number is, how it is come by, and what it is today."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from mergehouse import __version__
from mergehouse.app.figures.kpis import entries, entry
from mergehouse.app.filters import LookedAt
from mergehouse.app.page import Page
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn

PAGE = Page(
    "/kpis", "KPI catalogue", "Trust", place=80, key="k", says="What each number means and how it is come by."
)
router = APIRouter()


@router.get("/kpis")
def show_all(request: Request, visitor: SignedIn, looked: LookedAt) -> HTMLResponse:
    return page(
        request, visitor, "kpis", **looked.shown_as_of, entries=entries(visitor.reader, looked.offered)
    )


@router.get("/kpis/{name}")
def show_one(request: Request, visitor: SignedIn, looked: LookedAt, name: str) -> HTMLResponse:
    found = entry(visitor.reader, name, looked.view, looked.offered)
    if found is None:
        raise HTTPException(404)
    return page(request, visitor, "kpi", **looked.shown, entry=found, release=__version__)
