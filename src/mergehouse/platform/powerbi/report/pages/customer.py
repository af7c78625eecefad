"""One customer, to whom one comes from a list."""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.kinds import card, table
from mergehouse.platform.powerbi.report.layout import CONTENT, cell, row
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages.customers import EXPECTED, REVENUE
from mergehouse.platform.powerbi.report.pages.header import drilled_header

COLUMN = "Customer by brand[{}]".format
CARDS = (
    ("orders", "Sum(Customer by brand[Frequency])", "Orders", "Orders with a sale"),
    ("revenue", REVENUE, "Net revenue so far, EUR", "Net revenue so far"),
    ("margin", "Sum(Customer by brand[Margin (EUR)])", "Margin so far, EUR", "Margin so far"),
    ("expected", EXPECTED, "Expected in 12 months", "Net margin expected within 12 months"),
)


def page(model: SemanticModel) -> Page:
    second = CONTENT + 100
    return Page(
        "customer",
        "Customer",
        drilled_header(model.name, "One customer", ("Brand",)),
        [
            *(
                card(name, place, figure, label, alt)
                for (name, figure, label, alt), place in zip(CARDS, row(4, CONTENT, 84), strict=True)
            ),
            table(
                "brands",
                cell(0, 12, second, 267),
                {
                    "Brand[Brand]": "Brand",
                    COLUMN("Segment"): "Segment",
                    COLUMN("First order date"): "First order",
                    COLUMN("Last order date"): "Last order",
                    COLUMN("Recency days"): "Days since",
                    "Sum(Customer by brand[Frequency])": "Orders",
                    REVENUE: "Net revenue",
                    "Sum(Customer by brand[Returns (EUR)])": "Returns",
                    "Sum(Customer by brand[Margin (EUR)])": "Margin",
                },
                (
                    "At which brands?",
                    "Up to each brand's as-of date; EUR",
                    "Table: the customer's orders and money at each brand",
                ),
            ),
            table(
                "scores",
                cell(0, 12, second + 283, 267),
                {
                    "Brand[Brand]": "Brand",
                    COLUMN("Churn probability 90 days"): "Chance of no purchase in 90 days",
                    COLUMN("Risk band"): "Risk",
                    COLUMN("CLV tier"): "Value",
                    EXPECTED: "Expected in 12 months",
                    COLUMN("Reason 1"): "What moves the chance most",
                    COLUMN("Reason 2"): "second",
                    COLUMN("Reason 3"): "third",
                },
                (
                    "What is expected, and why?",
                    "Scores at each brand's as-of date",
                    "Table: the customer's scores at each brand with their reasons",
                ),
            ),
        ],
        kind="Drillthrough",
        drill=COLUMN("Customer"),
    )
