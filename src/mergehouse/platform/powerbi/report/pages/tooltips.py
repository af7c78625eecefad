"""What is shown over a mark of a plot: a brand's figures, a segment's."""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.kinds import card
from mergehouse.platform.powerbi.report.layout import Place
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages.customers import CUSTOMERS, EXPECTED, REVENUE

PLACES = [Place(x, y, 148, 108) for y in (8, 124) for x in (8, 164)]


def brand(model: SemanticModel) -> Page:
    return _tooltip(
        "tooltip_brand",
        "Brand",
        (
            ("net_revenue", "Sales[Net revenue per day]", "Net revenue a day"),
            ("change", "Sales[Net revenue year on year]", "Year on year"),
            ("aov", "Sales[Average order value in window]", "Average order value"),
            ("margin_rate", "Sales[Margin rate in window]", "Margin rate"),
        ),
    )


def segment(model: SemanticModel) -> Page:
    return _tooltip(
        "tooltip_segment",
        "Segment in short",
        (
            ("customers", CUSTOMERS, "Customers"),
            ("revenue", REVENUE, "Net revenue"),
            ("active_rate", "Brand clock[Active rate where observable]", "Active rate"),
            ("expected", EXPECTED, "Expected in 12 months"),
        ),
    )


def _tooltip(name: str, title: str, figures: tuple[tuple[str, str, str], ...]) -> Page:
    cards = [
        card(figure, place, measure, label, label, size=12)
        for (figure, measure, label), place in zip(figures, PLACES, strict=True)
    ]
    return Page(name, title, [], cards, kind="Tooltip")
