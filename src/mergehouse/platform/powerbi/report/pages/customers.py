"""Customer Segmentation: who brings the money, and who of them is likely to go."""

from __future__ import annotations

from dataclasses import replace

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.bookmarks import Bookmark, Group
from mergehouse.platform.powerbi.report.controls import views
from mergehouse.platform.powerbi.report.filters import Values
from mergehouse.platform.powerbi.report.kinds import EUROS, bars, cards, matrix, table, treemap
from mergehouse.platform.powerbi.report.layout import CONTENT, cell
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages.header import header
from mergehouse.platform.powerbi.report.visuals import Visual, words

NAME = "customers"
VIEWS = Group(
    "customers_views",
    "Customer Segmentation: plot or table",
    (
        Bookmark("customers_table", "Table", NAME, shown="segments", hidden="treemap"),
        Bookmark("customers_plot", "Plot", NAME, shown="treemap", hidden="segments"),
    ),
)
SEGMENT, CUSTOMERS = "Customer by brand[Segment]", "Customer by brand[Customers]"
REVENUE = "Customer by brand[Net revenue of customers]"
RISK, TIER = "Risk[Risk]", "Value tier[Value tier]"
SCORED = Values("Customer by brand[Risk band]", ("high", "medium", "low"))
EXPECTED = "Customer by brand[Expected CLV]"
CARDS = (
    ("customers", CUSTOMERS, "Customers", "Customers who have bought"),
    (
        "active_rate",
        "Brand clock[Active rate where observable]",
        "Active rate",
        "Share that bought within the churn limit",
    ),
    (
        "repeat_rate",
        "Customer by brand[Repeat rate]",
        "Repeat rate",
        "Share with at least two orders at one brand",
    ),
    ("revenue", REVENUE, "Net revenue so far", "Net revenue of known customers so far"),
    ("expected", EXPECTED, "Expected in 12 months", "Net margin expected of customers within 12 months"),
)
SECOND = CONTENT + 100
TITLE = "Which customers bring the money?"
NOBODY = "Prospects"  # known, but without a purchase


def page(model: SemanticModel) -> Page:
    return Page(
        NAME,
        "Customer Segmentation",
        header(model.name, "Customer Segmentation", ("Brand", "Region", "Country")),
        [
            *cards(CARDS, CONTENT),
            *_segments(),
            _risk_and_value(),
            _recency(),
        ],
    )


def _segments() -> list[Visual]:
    place = cell(0, 7, SECOND + 36, 514)
    bought = [Values(SEGMENT, (NOBODY,), excluded=True)]
    shown = {
        SEGMENT: "Segment",
        CUSTOMERS: "Customers",
        REVENUE: "Net revenue",
        "Brand clock[Active rate where observable]": "Active",
        EXPECTED: "Expected",
    }
    return [
        replace(
            words(
                "segments_title", cell(0, 5, SECOND, 28), "Which customers bring the money?", 12, bold=True
            ),
            beside=tuple(shown),
        ),
        replace(views("views", cell(5, 2, SECOND, 28), VIEWS.name), beside=tuple(shown)),
        table(
            "segments",
            place,
            shown,
            (
                "",
                "RFM segments within each brand; EUR so far, and net margin expected within 12 months",
                "Table: customers, net revenue and expected value of each segment",
            ),
            sort=(REVENUE, "Descending"),
            filters=bought,
            formats={REVENUE: EUROS, EXPECTED: EUROS},
            tooltip="tooltip_segment",
        ),
        treemap(
            "treemap",
            place,
            (SEGMENT, CUSTOMERS, REVENUE),
            (
                "",
                "Area: customers. Shade: net revenue",
                "Areas: how many customers each segment has, the darker the more they brought",
            ),
            hidden=True,
            filters=bought,
            tooltip="tooltip_segment",
        ),
    ]


def _risk_and_value() -> Visual:
    return matrix(
        "risk_and_value",
        cell(7, 5, SECOND, 250),
        (
            RISK,
            TIER,
            {CUSTOMERS: "Customers", EXPECTED: "Expected"},
        ),
        (
            "Who is worth keeping, and likely to go?",
            "Customers with scores, by risk and tier of expected value; EUR",
            "Table: customers and their expected value by risk of leaving and tier of value",
        ),
        shaded=True,
        formats={EXPECTED: EUROS},
        filters=[SCORED],
    )


def _recency() -> Visual:
    return bars(
        "regions",
        cell(7, 5, SECOND + 266, 284),
        ("Country[Region]", "Brand[Brand]", CUSTOMERS),
        ("Where do they live?", "Customers by region and brand", "Bars: customers by region and brand"),
        coloured="Brand[Brand]",
        tooltip="tooltip_brand",
    )
