"""One customer, to whom one comes from a list."""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.kinds import cards, table
from mergehouse.platform.powerbi.report.layout import CONTENT, cell
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages.customers import EXPECTED, REVENUE, RISK, TIER
from mergehouse.platform.powerbi.report.pages.header import drilled_header

COLUMN = "Customer by brand[{}]".format
CARDS = (
    ("orders", "Customer by brand[Orders of customers]", "Orders", "Orders with a sale"),
    ("revenue", REVENUE, "Net revenue so far", "Net revenue so far"),
    ("margin", "Customer by brand[Margin of customers]", "Margin so far", "Margin so far"),
    ("expected", EXPECTED, "Expected in 12 months", "Net margin expected within 12 months"),
)


HIGH = 172


def page(model: SemanticModel) -> Page:
    """Reasons have a table of their own: a role that may not know of other brands has no such columns, and
    sees the scores all the same.
    """
    first, second, third = (CONTENT + 100 + n * (HIGH + 17) for n in range(3))
    return Page(
        "customer",
        "Customer",
        drilled_header(model.name, "Customer", COLUMN("Customer in view"), ("Brand",)),
        [
            *cards(CARDS, CONTENT),
            table(
                "brands",
                cell(0, 12, first, HIGH),
                {
                    "Brand[Brand]": "Brand",
                    COLUMN("Segment"): "Segment",
                    COLUMN("First order date"): "First order",
                    COLUMN("Last order date"): "Last order",
                    COLUMN("Recency days"): "Days since",
                    COLUMN("Orders of customers"): "Orders",
                    REVENUE: "Net revenue",
                    COLUMN("Returns of customers"): "Returns",
                    COLUMN("Margin of customers"): "Margin",
                },
                (
                    "At which brands?",
                    "Up to each brand's as-of date",
                    "Table: the customer's orders and money at each brand",
                ),
            ),
            table(
                "scores",
                cell(0, 12, second, HIGH),
                {
                    "Brand[Brand]": "Brand",
                    COLUMN("Churn probability 90 days"): "Chance of no purchase in 90 days",
                    RISK: "Risk",
                    TIER: "Value",
                    EXPECTED: "Expected in 12 months",
                },
                (
                    "What is expected?",
                    "Scores at each brand's as-of date",
                    "Table: the customer's scores at each brand",
                ),
            ),
            table(
                "reasons",
                cell(0, 12, third, HIGH),
                {
                    "Brand[Brand]": "Brand",
                    COLUMN("Reason 1"): "What moves the chance most",
                    COLUMN("Reason 2"): "What comes second",
                    COLUMN("Reason 3"): "What comes third",
                },
                (
                    "Why?",
                    "What moves the chance of no purchase within 90 days",
                    "Table: the reasons for the customer's chance at each brand",
                ),
            ),
        ],
        kind="Drillthrough",
        drill=COLUMN("Customer"),
    )
