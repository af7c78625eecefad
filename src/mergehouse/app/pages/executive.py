"""The first page: how much, up or down, where, and whether to trust it."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from mergehouse.app.figures.cards import SALES
from mergehouse.app.figures.executive import executive
from mergehouse.app.figures.trend import Scale
from mergehouse.app.filters import LookedAt
from mergehouse.app.page import Page
from mergehouse.app.plots import executive as plots
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn

PAGE = Page("/", "Executive", "Overview")
OWN = {"measure": SALES, "scale": get_args(Scale)}  # parameters of this page alone; the first is usual
router = APIRouter()


@router.get("/")
def show(request: Request, visitor: SignedIn, looked: LookedAt) -> HTMLResponse:
    own = _own(request)
    figures = executive(visitor.reader, looked.view, looked.offered, own["measure"], own["scale"])
    tokens = plots.tokens_of([brand.name for brand in looked.offered.brands])
    context = {
        "figures": figures,
        "own": {name: value for name, value in own.items() if value != OWN[name][0]},
        "measures": SALES,
        "tokens": tokens,
        "trends": plots.trend_plots(figures, tokens, looked.words),
        "pairs": plots.pairs(figures, tokens, looked.words),
        "regions": plots.regions_plot(figures, tokens, looked.words),
        "categories": plots.categories_plot(figures, tokens, looked.words),
    }
    return page(request, visitor, "executive", **looked.shown, **context)


def _own(request: Request) -> dict[str, Any]:
    """The page's own parameters: 422 where one is given twice, or has a value that is not offered."""
    chosen = {}
    for name, offered in OWN.items():
        given = request.query_params.getlist(name) or [offered[0]]
        if len(given) > 1 or given[0] not in offered:
            raise HTTPException(422)
        chosen[name] = given[0]
    return chosen
