"""Customers: all of them by segment, the list of some, one of them."""

from __future__ import annotations

import re
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from mergehouse.access.gateway import Reader
from mergehouse.app import parameters
from mergehouse.app.asked import about
from mergehouse.app.export import Export, exported
from mergehouse.app.figures.annotations import annotated
from mergehouse.app.figures.customer_list import (
    MOST,
    NO_SCORE,
    RECENCIES,
    SIZE,
    SORTS,
    Asked,
    CustomerList,
    customer,
    customer_list,
)
from mergehouse.app.figures.customers import PROSPECTS, RISKS, TIERS, overview, segment_names
from mergehouse.app.filters import Looked, LookedAt
from mergehouse.app.page import Page
from mergehouse.app.plots import customers as plots
from mergehouse.app.rendering import link_to, page
from mergehouse.app.visitor import SignedIn, Visitor, allowed

PAGE = Page(
    "/customers",
    "Customers",
    "Customers",
    key="c",
    says="Who the customers are, what they bring, and who is about to go.",
)
PERSONS = allowed(Page("/customers/list", "Customer list", "Customers", frozenset({"persons"})))
KEY = re.compile(r"[0-9a-f]{16}")
COLUMNS = {
    "customer": "Customer",
    "brand": "Brand",
    "country": "Country",
    "region": "Region",
    "segment": "Segment",
    "risk_band": "Risk",
    "churn_probability": "Chance of no purchase within 90 days",
    "clv_tier": "Value tier",
    "clv_12m": "Expected value in 12 months, EUR",
    "last_order_date": "Last purchase",
    "days": "Days since",
    "orders": "Orders",
    "net_revenue": "Net revenue, EUR",
}
router = APIRouter()


@router.get("/customers")
def show(request: Request, visitor: SignedIn, looked: LookedAt) -> HTMLResponse:
    figures = overview(visitor.reader, looked.view, looked.offered)

    def listed(segment: str) -> str:
        return link_to(request, "/customers/list", **looked.view.query(), segment=segment)

    segments = plots.segment_map(figures, listed if visitor.scope.persons else None)
    context = {"figures": figures, "segment_map": segments, "risks": RISKS, "tiers": TIERS}
    return page(request, visitor, "customers", **looked.shown_as_of, **context)


@router.get("/customers/list", dependencies=[PERSONS])
def show_list(request: Request, visitor: SignedIn, looked: LookedAt) -> HTMLResponse:
    asked = _asked(request, visitor.reader)
    listed = customer_list(visitor.reader, looked.view, asked)
    request.state.entry.rows = len(listed.rows)
    context = {
        "listed": listed,
        "asked": asked,
        "own": _own(asked),
        "segments": (*segment_names(visitor.reader), PROSPECTS),
        "risks": (*RISKS, NO_SCORE),
        "tiers": (*TIERS, NO_SCORE),
        "recencies": RECENCIES,
        "size": SIZE,
        "most": MOST,
    }
    return page(request, visitor, "customer_list", **looked.shown_as_of, **context)


@router.get("/customers/list.{kind}", dependencies=[PERSONS])
def save_list(
    request: Request, visitor: SignedIn, looked: LookedAt, kind: Literal["csv", "parquet"]
) -> Response:
    """The whole list, up to a limit, in the order in which it is seen."""
    asked = _asked(request, visitor.reader)
    listed = customer_list(visitor.reader, looked.view, Asked(**vars(asked) | {"page": 1}), MOST)
    request.state.entry.rows = len(listed.rows)
    return exported(_export(request, visitor, looked, asked, listed), kind)


@router.get("/customers/{key}", dependencies=[PERSONS])
def show_customer(request: Request, visitor: SignedIn, looked: LookedAt, key: str) -> HTMLResponse:
    """404 for a key that is another scope's as for one that is nobody's: only the own scope is looked at."""
    found = customer(visitor.reader, key) if KEY.fullmatch(key) else None
    if found is None:
        raise HTTPException(404)
    request.state.entry.rows = len(found.orders) + len(found.brands)
    brand = found.brands[0]["source_system"] if len(found.brands) == 1 else None
    timeline, notes = plots.timeline(found, annotated(visitor.reader, brand, looked.offered), looked.words)
    context = {
        "found": found,
        "own": _own(_asked(request, visitor.reader)),
        "timeline": timeline,
        "notes": notes,
    }
    return page(request, visitor, "customer", **looked.shown_as_of, **context)


def _asked(request: Request, reader: Reader) -> Asked:
    """The list in an address: 422 where something is not offered."""
    return Asked(
        segment=parameters.one_of(request, "segment", (*segment_names(reader), PROSPECTS)),
        risk=parameters.one_of(request, "risk", (*RISKS, NO_SCORE)),
        tier=parameters.one_of(request, "tier", (*TIERS, NO_SCORE)),
        recency=parameters.one_of(request, "recency", RECENCIES),
        search=parameters.text(request, "q"),
        sort=parameters.one_of(request, "sort", SORTS) or SORTS[0],
        descending=parameters.one_of(request, "dir", ("asc", "desc")) != "asc",
        page=parameters.step(request, "page", range(1, MOST // SIZE + 1)) or 1,
    )


def _own(asked: Asked) -> dict[str, Any]:
    """As it stands in the address, without what holds anyway and the page."""
    return {
        name: value
        for name, value in {
            "segment": asked.segment,
            "risk": asked.risk,
            "tier": asked.tier,
            "recency": asked.recency,
            "q": asked.search,
            "sort": asked.sort if asked.sort != SORTS[0] else None,
            "dir": None if asked.descending else "asc",
        }.items()
        if value
    }


def _export(request: Request, visitor: Visitor, looked: Looked, asked: Asked, listed: CustomerList) -> Export:
    columns = COLUMNS if not listed.together else {k: v for k, v in COLUMNS.items() if k != "brand"}
    said = about(looked, visitor) | looked.places | _own(asked)
    said = {"page": "Customer list"} | said | {"address": str(request.url)}
    return Export("customers", columns, listed.rows, said, listed.found)
