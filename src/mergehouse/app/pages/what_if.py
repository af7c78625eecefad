"""What if: other limits for who is silent, at risk or valuable, and for segments."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from mergehouse.access.classes import ORDERS
from mergehouse.app import parameters
from mergehouse.app.figures.what_if import CHANCES, DAYS, EUROS, RECENCIES, USUAL_CHANCE, Limits, what_if
from mergehouse.app.filters import LookedAt
from mergehouse.app.page import Page
from mergehouse.app.plots import customers as plots
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn

PAGE = Page(
    "/what-if",
    "What if",
    "Customers",
    place=1,
    key="w",
    says="What other limits of silence, risk and value would change.",
)
VALUE = ("top", "high", "medium")  # names of parameters, as are the following
RECENCY = ("r5", "r4", "r3", "r2")
FREQUENCY = ("f5", "f4", "f3", "f2")
router = APIRouter()


@router.get("/what-if")
def show(request: Request, visitor: SignedIn, looked: LookedAt) -> HTMLResponse:
    limits = Limits(
        days=parameters.step(request, "days", DAYS),
        chance=parameters.step(request, "chance", CHANCES),
        value=tuple(parameters.step(request, name, EUROS) for name in VALUE),
        recency=tuple(parameters.step(request, name, RECENCIES) for name in RECENCY),
        orders=tuple(parameters.step(request, name, ORDERS) for name in FREQUENCY),
    )
    figures = what_if(visitor.reader, looked.view, looked.offered, limits)
    context = {
        "figures": figures,
        "limits": limits,
        "own": _own(limits),
        "grids": {"days": DAYS, "chance": CHANCES, "euros": EUROS, "recency": RECENCIES, "orders": ORDERS},
        "usual_chance": USUAL_CHANCE,
        "names": {"value": VALUE, "recency": RECENCY, "orders": FREQUENCY},
        "worlds": plots.worlds,
        "states": plots.STATES,
    }
    return page(request, visitor, "what_if", **looked.shown_as_of, **context)


def _own(limits: Limits) -> dict[str, Any]:
    """The limits as they stand in the address."""
    named = {
        "days": limits.days,
        "chance": limits.chance,
        **dict(zip(VALUE, limits.value, strict=True)),
        **dict(zip(RECENCY, limits.recency, strict=True)),
        **dict(zip(FREQUENCY, limits.orders, strict=True)),
    }
    return {name: str(value) for name, value in named.items() if value is not None}
