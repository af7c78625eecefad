"""The campaign planner: whom to write to, and whether it is worth it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from mergehouse.access.classes import ORDERS, SILENT, SPENT
from mergehouse.access.gateway import Reader
from mergehouse.app import parameters
from mergehouse.app.asked import about
from mergehouse.app.export import MOST_ROWS, Export, exported
from mergehouse.app.figures.annotations import annotated
from mergehouse.app.figures.campaign import Plan, campaign, contacts
from mergehouse.app.figures.customers import RISKS, segment_names
from mergehouse.app.filters import LookedAt
from mergehouse.app.page import Page
from mergehouse.app.plots import customers as plots
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn, allowed

PAGE = Page(
    "/campaign",
    "Campaign",
    "Customers",
    place=2,
    key="p",
    says="Whom to write to, what it may bring, and how one will know.",
)
PERSONS = allowed(Page("/campaign/contacts.csv", "Contacts", "Customers", frozenset({"persons"})))
COLUMNS = {
    "customer": "Customer",
    "brand_numbers": "Numbers at the brands",
    "part": "Contact or control",
    "segment": "Segment",
    "risk_band": "Risk",
    "country": "Country",
    "days_since_purchase": "Days since the last purchase",
    "orders": "Orders",
    "net_revenue_eur": "Net revenue, EUR",
    "clv_12m_eur": "Expected value in 12 months, EUR",
}
PERCENT = Decimal(100)
router = APIRouter()


@router.get("/campaign")
def show(request: Request, visitor: SignedIn, looked: LookedAt) -> HTMLResponse:
    plan = _plan(request, visitor.reader)
    planned = campaign(visitor.reader, looked.view, plan)
    said = annotated(visitor.reader, looked.view.brand, looked.offered)
    chart, notes, past = plots.replays(planned, said, looked.words)
    context = {
        "plan": plan,
        "planned": planned,
        "own": _own(plan),
        "replays": chart,
        "notes": notes,
        "past": past,
        "undrawn": sum(1 for each in planned.replays if each.cutoff and each.customers < plots.FEWEST_DRAWN),
        "segments": segment_names(visitor.reader),
        "risks": RISKS,
        "grids": {"days": SILENT, "orders": ORDERS, "euros": SPENT},
        "most": MOST_ROWS,
    }
    return page(request, visitor, "campaign", **looked.shown_as_of, **context)


@router.get("/campaign/contacts.csv", dependencies=[PERSONS])
def save_contacts(request: Request, visitor: SignedIn, looked: LookedAt) -> Response:
    """Whom to write to, and whom to set aside, for the CRM."""
    plan = _plan(request, visitor.reader)
    planned = campaign(visitor.reader, looked.view, plan)
    rows = contacts(visitor.reader, looked.view, plan, MOST_ROWS)
    request.state.entry.rows = len(rows)
    found = planned.listed if planned.listed > MOST_ROWS else None  # fewer: all of them are in the file
    said = about(looked, visitor) | looked.places | _own(plan)
    said = {"page": "Campaign contacts"} | said | {"address": str(request.url)}
    return exported(Export("campaign contacts", COLUMNS, rows, said, found), "csv")


def _plan(request: Request, reader: Reader) -> Plan:
    """The plan in an address: 422 where something is not offered."""
    usual = Plan()
    rate = parameters.number(request, "rate", Decimal("0.1"), PERCENT)
    control = parameters.number(request, "control", Decimal(0), Decimal(50))
    days_from = parameters.step(request, "from", SILENT)
    cost = parameters.number(request, "cost", Decimal(0), Decimal(1000))
    return Plan(
        days_from=usual.days_from if days_from is None else days_from,
        days_below=parameters.step(request, "below", SILENT[1:]),
        orders_from=parameters.step(request, "orders", ORDERS) or usual.orders_from,
        eur_from=parameters.step(request, "spent", SPENT) or usual.eur_from,
        segment=parameters.one_of(request, "segment", segment_names(reader)),
        risk=parameters.one_of(request, "risk", RISKS),
        cost=usual.cost if cost is None else cost,
        budget=parameters.number(request, "budget", Decimal(1), Decimal(100_000_000)),
        rate=usual.rate if rate is None else rate / PERCENT,
        control=usual.control if control is None else control / PERCENT,
    )


def _own(plan: Plan) -> dict[str, Any]:
    """The plan as it stands in the address, without what holds anyway."""
    usual = Plan()
    named = {
        "from": (plan.days_from, usual.days_from),
        "below": (plan.days_below, None),
        "orders": (plan.orders_from, usual.orders_from),
        "spent": (plan.eur_from, usual.eur_from),
        "segment": (plan.segment, None),
        "risk": (plan.risk, None),
        "cost": (plan.cost, usual.cost),
        "budget": (plan.budget, None),
        "rate": (plan.rate * PERCENT, usual.rate * PERCENT),
        "control": (plan.control * PERCENT, usual.control * PERCENT),
    }
    return {
        name: f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
        for name, (value, held) in named.items()
        if value is not None and value != held
    }
