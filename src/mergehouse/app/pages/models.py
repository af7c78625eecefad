"""Models: how long customers stay, how good the models were at past cut-offs, and what they go by."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from mergehouse.app.asked import Asked, AskedFor, about
from mergehouse.app.export import Export, Kind, exported
from mergehouse.app.figures.annotations import annotated
from mergehouse.app.figures.models import Card, Models, models
from mergehouse.app.page import Page
from mergehouse.app.rendering import page
from mergehouse.app.view import UnknownFilter
from mergehouse.app.visitor import SignedIn, Visitor
from mergehouse.app.written import models as written
from mergehouse.science.cards.names import METRIC_NAMES, title

PAGE = Page(
    "/models", "Models", "Trust", place=30, key="m", says="How good predictions were, and what they go by."
)
CLOCKS = {
    "purchase_to_purchase": "from a purchase to the next",
    "cutoff_to_purchase": "from any day to the next purchase",
    "cutoff_to_lapse": "from any day to lapsing",
}
SINCE = {
    "purchase_to_purchase": "by days after a purchase",
    "cutoff_to_purchase": "by days after any day",
    "cutoff_to_lapse": "by days after any day",
}
COLUMNS = {
    "metrics": {
        "target": "Target",
        "method": "Method",
        "metric": "Metric",
        "cutoff": "Cut-off",
        "value": "Value",
        "low": "Low",
        "high": "High",
        "customers": "Customers",
    },
    "survival": {
        "clock": "Clock",
        "group": "Customers",
        "day": "Day",
        "survival": "Share left",
        "low": "Low",
        "high": "High",
    },
    "drift": {"item": "Input", "psi": "PSI", "verdict": "Verdict"},
}
router = APIRouter()


@router.get("/models")
def show(
    request: Request,
    visitor: SignedIn,
    question: AskedFor,
    target: str = "",
    curve: str = "",
    customers: str = "",
) -> HTMLResponse:
    found = _models(question, visitor, curve, customers)
    card = _chosen(found, target) if found else None
    return page(
        request,
        visitor,
        "models",
        asked=question,
        found=found,
        card=card,
        said=annotated(visitor.reader, found.brand, question.offered) if found else (),
        clocks=CLOCKS,
        since=SINCE,
        title=title,
        own=_own(found, card),
        written=written,
        metric_names=METRIC_NAMES,
    )


@router.get("/models/export")
def export(
    request: Request,
    visitor: SignedIn,
    question: AskedFor,
    of: Literal["metrics", "survival", "drift"] = "metrics",
    target: str = "",
    curve: str = "",
    customers: str = "",
    kind: Kind = "csv",
) -> Response:
    found = _models(question, visitor, curve, customers)
    rows: list[dict[str, Any]] = []
    if found and of == "metrics" and (card := _chosen(found, target)):
        rows = [
            {"target": card.target, "method": m.name, "metric": metric, "cutoff": j.cutoff} | vars(j)
            for m in card.methods
            for metric, judged in m.judged.items()
            for j in judged
        ]
    elif found and of == "survival" and (survival := found.survival):
        rows = [
            {
                "clock": survival.clock,
                "group": group,
                "day": int(p.x),
                "survival": p.y,
                "low": p.low,
                "high": p.high,
            }
            for group, points in survival.curves.items()
            for p in points
        ]
    elif found and of == "drift":
        rows = [vars(one) for one in found.drift]
    request.state.entry.rows += len(rows)
    told = {"page": "Models", "model of": found.label if found else ""} | about(question, visitor)
    return exported(Export(f"models {of}", COLUMNS[of], rows, told), kind)


def _models(question: Asked, visitor: Visitor, curve: str, customers: str) -> Models | None:
    """Of the brand asked for; else of the first that has any. None without brands."""
    names = [question.view.brand] if question.view.brand else [one.name for one in question.offered.brands]
    first = None
    for name in names:
        found = models(visitor.reader, name, question.offered.label(name), curve or None, customers or None)
        first = first or found
        if any(card.method for card in found.cards):
            first = found
            break
    if first and (curve or customers):
        offered = first.survival
        groups = [group.name for group in offered.groups] if offered else []
        if not offered or (curve and curve not in offered.clocks) or (customers and customers not in groups):
            raise UnknownFilter("a curve that there is none of.")
    return first


def _chosen(found: Models, target: str) -> Card | None:
    """The card of a target; without one, of the first that has a model."""
    if target:
        if target not in {card.target for card in found.cards}:
            raise UnknownFilter("a target that there is no model of.")
        return next(card for card in found.cards if card.target == target)
    return next((card for card in found.cards if card.method), found.cards[0] if found.cards else None)


def _own(found: Models | None, card: Card | None) -> dict[str, str]:
    """The page's own parameters, for links that change one of them."""
    survival = found.survival if found else None
    chosen = {"target": card.target if card else None}
    if survival:
        chosen |= {"curve": survival.clock, "customers": survival.shown}
    return {name: value for name, value in chosen.items() if value}
