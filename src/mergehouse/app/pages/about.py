"""Who you are here, what you may see, and which data it is."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from mergehouse.app.page import Page
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn

PAGE = Page("/about", "About you", "You", place=90, key="a")
router = APIRouter()


@router.get("/about")
def about(request: Request, visitor: SignedIn) -> HTMLResponse:
    return page(request, visitor, "about")
