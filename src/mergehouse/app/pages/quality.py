"""Data quality and freshness: how old the data is, which checks hold, what the last runs came to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from mergehouse.app.asked import AskedFor, about
from mergehouse.app.export import Export, Kind, exported
from mergehouse.app.figures.quality import Freshness, Quality, Run, last_runs, quality
from mergehouse.app.page import Page
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn
from mergehouse.app.writing import Writing

PAGE = Page(
    "/quality",
    "Data quality",
    "Trust",
    place=40,
    key="q",
    says="How old the data are, and which checks do not hold.",
)
LAYERS = {
    "bronze": "Bronze: as delivered",
    "silver": "Silver: clean",
    "gold": "Gold: figures",
    "other": "Brands and KPIs",
}
STATES = {
    "fresh": "fresh",
    "stale": "stale",
    "no limit": "no limit set",
    "no data": "no data",
}
COLUMNS = {
    "findings": {
        "table": "Table",
        "check": "Check",
        "severity": "Severity",
        "failures": "Rows or keys",
        "why": "Why it matters",
    },
    "tables": {
        "table": "Table",
        "checks": "Checks",
        "held": "Held",
        "errors": "Errors",
        "warnings": "Warnings",
        "checked": "Checked",
    },
}
router = APIRouter()


@router.get("/quality")
def show(request: Request, visitor: SignedIn, question: AskedFor) -> HTMLResponse:
    found = quality(visitor.reader, question.view.brand, _today(), _limits(request))
    runs = last_runs(visitor.reader) if visitor.is_admin else ()
    request.state.entry.rows += len(found.findings) + len(found.tables) + len(runs)
    return page(
        request,
        visitor,
        "quality",
        asked=question,
        found=found,
        runs=runs,
        layers=LAYERS,
        states=STATES,
        fresh_of=_fresh,
        runs_of=_runs,
        story=_story(found),
    )


@router.get("/quality/export")
def export(
    request: Request,
    visitor: SignedIn,
    question: AskedFor,
    of: Literal["findings", "tables"] = "findings",
    kind: Kind = "csv",
) -> Response:
    found = quality(visitor.reader, question.view.brand, _today(), _limits(request))
    rows = [vars(row) for row in (found.findings if of == "findings" else found.tables)]
    request.state.entry.rows += len(rows)
    told = {"page": "Data quality"} | about(question, visitor)
    return exported(Export(f"quality {of}", COLUMNS[of], rows, told), kind)


def _limits(request: Request) -> dict[str, int | None]:
    """By brand, after how many days without an order its data is too old."""
    brands = request.app.state.suite.project.brands
    return {name: brand.fresh_within_days for name, brand in brands.items()}


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _story(found: Quality) -> str:
    """The answer in a sentence."""
    stale = ", ".join(one.label for one in found.stale)
    old = f"The data of {stale} is older than it should be." if stale else ""
    if not found.tables:
        return old
    errors = sum(finding.severity == "error" for finding in found.findings)
    warnings = len(found.findings) - errors
    if errors:
        held = f"{errors} of {found.checks} checks fail that keep tables from being published."
    elif warnings:
        held = f"{found.held} of {found.checks} checks hold; the others warn, and hold no table back."
    else:
        held = f"All {found.checks} checks hold."
    return f"{held} {old}".strip()


def _fresh(found: Iterable[Freshness], write: Writing) -> list[dict[str, Any]]:
    return [
        {
            "brand": one.label,
            "last_order": write.date(one.last_order),
            "last_delivery": write.instant(one.last_delivery),
            "behind": one.days_behind,
            "limit": write.count(one.limit) if one.limit is not None else None,
            "state": STATES[one.state],
        }
        for one in found
    ]


def _runs(runs: Iterable[Run], write: Writing) -> list[dict[str, Any]]:
    return [
        {
            "started": write.instant(run.started),
            "ok": "done" if run.ok else "failed",
            "seconds": write.decimal(run.seconds, 1),
            "deliveries": run.deliveries,
            "built": run.built,
            "failed": run.failed,
            "findings": run.findings,
        }
        for run in runs
    ]
