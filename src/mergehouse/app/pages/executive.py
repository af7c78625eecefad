"""The first page: how much, up or down, where, and whether to trust it."""

from __future__ import annotations

from typing import Any, Literal, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from mergehouse.app.asked import Asked, about
from mergehouse.app.export import Export, Kind, exported
from mergehouse.app.figures.cards import SALES
from mergehouse.app.figures.executive import Executive, executive
from mergehouse.app.figures.trend import Scale
from mergehouse.app.filters import Looked, LookedAt
from mergehouse.app.page import Page
from mergehouse.app.parameters import one_of
from mergehouse.app.plots import executive as plots
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn, Visitor
from mergehouse.app.written import executive as files

PAGE = Page("/", "Executive", "Overview")
OWN: dict[str, tuple[str, ...]] = {
    "measure": SALES,
    "scale": get_args(Scale),
}  # parameters of this page alone; the first is usual
router = APIRouter()


@router.get("/")
def show(request: Request, visitor: SignedIn, looked: LookedAt) -> HTMLResponse:
    own, figures = _asked(request, visitor, looked)
    tokens = plots.tokens_of([brand.name for brand in looked.offered.brands])
    kept = {name: value for name, value in own.items() if value != OWN[name][0]}
    prefix = request.app.state.suite.prefix

    def narrowed(**changed: str) -> str:
        return f"{prefix}/?{urlencode(looked.view.query(**changed) | kept)}"

    context = {
        "figures": figures,
        "own": kept,
        "measures": SALES,
        "tokens": tokens,
        "trends": plots.trend_plots(figures, tokens, looked.words),
        "pairs": plots.pairs(figures, tokens, looked.words, narrowed),
        "regions": plots.regions_plot(figures, tokens, looked.words, narrowed),
        "categories": plots.categories_plot(figures, tokens, looked.words),
    }
    return page(request, visitor, "executive", **looked.shown, **context)


@router.get("/executive/export")
def export(
    request: Request,
    visitor: SignedIn,
    looked: LookedAt,
    of: Literal["kpis", "trend", "regions", "categories"] = "kpis",
    kind: Kind = "csv",
) -> Response:
    """What the page shows, with its filters."""
    own, figures = _asked(request, visitor, looked)
    columns, rows = files.TABLES[of](figures)
    request.state.entry.rows += len(rows)
    said = {"page": "Executive", "period": looked.words.period()} | looked.view.query()
    if of == "trend":
        said |= own
    return exported(
        Export(f"executive {of}", columns, rows, about(Asked(looked.offered, looked.view), visitor) | said),
        kind,
    )


def _asked(request: Request, visitor: Visitor, looked: Looked) -> tuple[dict[str, Any], Executive]:
    own: dict[str, Any] = {name: one_of(request, name, values) or values[0] for name, values in OWN.items()}
    return own, executive(visitor.reader, looked.view, looked.offered, own["measure"], own["scale"])
