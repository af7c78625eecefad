"""The first page: how much, up or down, where, and whether to trust it."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mergehouse.app.asked import about
from mergehouse.app.colours import tokens_of
from mergehouse.app.export import Export, exported
from mergehouse.app.figures.cards import SALES
from mergehouse.app.figures.executive import Executive, executive
from mergehouse.app.figures.trend import Scale
from mergehouse.app.filters import Looked, LookedAt
from mergehouse.app.page import Page
from mergehouse.app.parameters import one_of
from mergehouse.app.plots.brand_pairs import pairs
from mergehouse.app.plots.parts import categories_plot, regions_plot
from mergehouse.app.plots.trend import trend_plots
from mergehouse.app.rendering import link_to, page
from mergehouse.app.visitor import SignedIn, Visitor
from mergehouse.app.written import executive as files

PAGE = Page(
    "/",
    "Executive",
    "Overview",
    key="e",
    says="How much is sold, up or down, where, and whether to trust it.",
)
# parameters of this page alone; the first value is usual
OWN: dict[str, tuple[str, ...]] = {"measure": SALES, "scale": get_args(Scale)}
DOWNLOADS = tuple(f"{table}.{kind}" for table in files.TABLES for kind in ("csv", "parquet"))
router = APIRouter()


@router.get("/")
def show(request: Request, visitor: SignedIn, looked: LookedAt) -> Response:
    own: dict[str, Any] = {name: one_of(request, name, values) or values[0] for name, values in OWN.items()}
    figures = executive(visitor.reader, looked.view, looked.offered, own["measure"], own["scale"])
    if wanted := one_of(request, "download", DOWNLOADS):
        table, kind = wanted.split(".")
        file = _download(table, visitor, looked, own, figures)
        request.state.entry.rows += len(file.rows)
        return exported(file, "parquet" if kind == "parquet" else "csv")
    tokens = tokens_of([brand.name for brand in looked.offered.brands])

    def here_to(**changed: str) -> str:
        """This page with filters or parameters of its own changed."""
        filters = {name: value for name, value in changed.items() if name not in OWN}
        return link_to(request, "/", **looked.view.query(**filters), **_kept(own | changed))

    context = {
        "figures": figures,
        "own": _kept(own),
        "here_to": here_to,
        "measures": SALES,
        "tokens": tokens,
        "trends": trend_plots(figures, tokens, looked.words),
        "pairs": pairs(figures, tokens, looked.words, here_to),
        "regions": regions_plot(figures, tokens, looked.words, here_to),
        "categories": categories_plot(figures, tokens, looked.words),
    }
    return page(request, visitor, "executive", **looked.shown, **context)


def _kept(own: dict[str, Any]) -> dict[str, str]:
    """The page's own parameters that say something."""
    return {name: value for name, value in own.items() if name in OWN and value != OWN[name][0]}


def _download(
    wanted: str, visitor: Visitor, looked: Looked, own: dict[str, Any], figures: Executive
) -> Export:
    """What the page shows, with its filters."""
    columns, rows = files.TABLES[wanted](figures)
    said = {"page": "Executive"} | looked.view.query() | {"period": looked.words.period()}
    if wanted == "trend":
        said |= own
    return Export(f"executive {wanted}", columns, rows, about(looked, visitor) | said)
