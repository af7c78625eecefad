"""One segment, to which one comes from its name on another page."""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.filters import Largest
from mergehouse.platform.powerbi.report.kinds import EUROS, bars, cards, matrix, table
from mergehouse.platform.powerbi.report.layout import CONTENT, cell
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages.customers import (
    CARDS,
    CUSTOMERS,
    EXPECTED,
    REVENUE,
    RISK,
    SCORED,
    SEGMENT,
    TIER,
)
from mergehouse.platform.powerbi.report.pages.header import drilled_header

NAME = "segment"
MOST = 50  # customers that are listed
COLUMN = "Customer by brand[{}]".format


def page(model: SemanticModel) -> Page:
    second = CONTENT + 100
    return Page(
        NAME,
        "Segment",
        drilled_header(model.name, "Segment", COLUMN("Segment in view"), ("Brand", "Region", "Country")),
        [
            *cards(CARDS, CONTENT),
            table(
                "listed",
                cell(0, 8, second, 550),
                {
                    COLUMN("Customer"): "Customer",
                    "Brand[Brand]": "Brand",
                    COLUMN("Last order date"): "Last order",
                    COLUMN("Frequency"): "Orders",
                    REVENUE: "Net revenue",
                    EXPECTED: "Expected",
                    RISK: "Risk",
                },
                (
                    "Who are they?",
                    f"The {MOST} with the most net revenue; a customer opens by drilling through",
                    "Table: the customers of the segment with the most net revenue",
                ),
                sort=(REVENUE, "Descending"),
                formats={REVENUE: EUROS, EXPECTED: EUROS},
                filters=[Largest(COLUMN("Customer"), REVENUE, MOST)],
            ),
            matrix(
                "risk_and_value",
                cell(8, 4, second, 267),
                (RISK, TIER, {CUSTOMERS: "Customers"}),
                (
                    "Risk and value",
                    "Customers with scores",
                    "Table: customers of the segment by risk and tier of value",
                ),
                shaded=True,
                filters=[SCORED],
            ),
            bars(
                "regions",
                cell(8, 4, second + 283, 267),
                ("Country[Region]", "Brand[Brand]", CUSTOMERS),
                (
                    "Where do they live?",
                    "Customers by region and brand",
                    "Bars: customers of the segment by region",
                ),
                coloured="Brand[Brand]",
            ),
        ],
        kind="Drillthrough",
        drill=SEGMENT,
    )
