"""Identity review: two customers side by side, what speaks for one person and against it, a decision."""

from __future__ import annotations

import datetime as dt
import os
import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from mergehouse.access.gateway import Row
from mergehouse.app import parameters
from mergehouse.app.asked import AskedFor
from mergehouse.app.figures.identity_review import REASONS, Pairs, numbers, pairs, records
from mergehouse.app.page import Page
from mergehouse.app.rendering import link_to, page
from mergehouse.app.visitor import SignedIn
from mergehouse.identity.review import Decision, Waiting, decide

PAGE = Page(
    "/identity",
    "Identity",
    "Trust",
    frozenset({"identity"}),
    place=50,
    key="i",
    says="Which customers of two brands are one.",
)
KEY = re.compile(r"[0-9a-f]{16}")
LONGEST_WHY = 200  # letters
router = APIRouter()


@router.get("/identity")
def show(request: Request, visitor: SignedIn, question: AskedFor) -> HTMLResponse:
    """The pair of the address, or the first that waits. 404 for one that there is not."""
    found = pairs(visitor.reader, request.app.state.suite.project)
    asked, done = (_known(found, parameters.text(request, name)) for name in ("pair", "done"))
    row = asked or next(iter(found.waiting), None)
    shown = records(visitor.reader, row["pair"]) if row else None
    request.state.entry.rows = 2 if shown else 0
    return page(
        request,
        visitor,
        "identity_review",
        asked=question,
        view=question.view,
        found=found,
        row=row,
        shown=shown,
        done=done,
        reasons=REASONS,
        evidence=_waterfall(shown) if shown else None,
        compared=_compared,
        can_write=os.access(request.app.state.suite.project.mappings_folder, os.W_OK),
        longest=LONGEST_WHY,
    )


@router.post("/identity")
def take(
    request: Request,
    visitor: SignedIn,
    question: AskedFor,
    pair: Annotated[str, Form()],
    decision: Annotated[Decision, Form()],
    why: Annotated[str, Form()] = "",
) -> Response:
    """Adds a decision, and goes on to the next pair. The audit tells whose numbers it was about."""
    if len(why) > LONGEST_WHY or not (why.isprintable() or not why):
        raise HTTPException(422)
    project = request.app.state.suite.project
    found = pairs(visitor.reader, project)
    row = _known(found, pair)
    if row is None:
        raise HTTPException(404)
    one, two, three, four = numbers(row)
    decide(
        project, (one, two, three, four), decision, visitor.person.name, dt.datetime.now(dt.UTC), why.strip()
    )
    request.state.entry.words |= {"decided": decision, "pair": f"{one} {two}, {three} {four}"}
    after = {"pair": following} if (following := found.after(row)) else {}
    return RedirectResponse(link_to(request, "/identity", **question.view.query(), **after, done=pair), 303)


def _known(found: Pairs, pair: str | None) -> Row | None:
    """The pair of that key, None without one. 404 for one that there is not."""
    if pair is None:
        return None
    row = found.find(pair) if KEY.fullmatch(pair) else None
    if row is None:
        raise HTTPException(404)
    return row


def _waterfall(shown: Waiting) -> dict[str, Any] | None:
    """The evidence as a chart, from the weight of the prior to the sum. None where no model has weighed."""
    parts = [part for part in shown.evidence if part["weight"] is not None]
    if not parts:
        return None
    labels = [_compared(part["attribute"]) for part in parts]
    weights = [part["weight"] for part in parts]
    return {
        "kind": "waterfall",
        "name": "Evidence",
        "unit": "bits",
        "labels": [*labels, "Together"],
        "values": [*weights, sum(weights)],
        "totals": [*(False for _ in parts), True],
    }


def _compared(attribute: str) -> str:
    """A comparison's name. The prior is what any two customers have before they are compared."""
    return "Any two customers" if attribute == "prior" else attribute.replace("_", " ").capitalize()
