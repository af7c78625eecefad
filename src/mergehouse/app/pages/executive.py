"""The first page: how much, up or down, where, and whether to trust it."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from mergehouse.app.figures.cards import SALES
from mergehouse.app.figures.executive import executive
from mergehouse.app.figures.trend import Scale
from mergehouse.app.filters import LookedAt
from mergehouse.app.page import Page
from mergehouse.app.parameters import one_of
from mergehouse.app.plots import executive as plots
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn

PAGE = Page("/", "Executive", "Overview")
OWN: dict[str, tuple[str, ...]] = {
    "measure": SALES,
    "scale": get_args(Scale),
}  # parameters of this page alone; the first is usual
router = APIRouter()


@router.get("/")
def show(request: Request, visitor: SignedIn, looked: LookedAt) -> HTMLResponse:
    own: dict[str, Any] = {name: one_of(request, name, values) or values[0] for name, values in OWN.items()}
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
