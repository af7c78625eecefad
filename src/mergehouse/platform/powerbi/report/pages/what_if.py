"""What if: other limits for who is silent, at risk and valuable."""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.controls import slider
from mergehouse.platform.powerbi.report.filters import Values
from mergehouse.platform.powerbi.report.kinds import EUROS, bars, cards, sentence, table
from mergehouse.platform.powerbi.report.layout import CONTENT, cell, row
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages.customers import NOBODY, SCORED, SEGMENT, TIER
from mergehouse.platform.powerbi.report.pages.header import header

LIMITS = (
    ("days", "Inactivity days[Inactivity days]", "Silent after so many days"),
    ("chance", "Churn cut-off[Churn cut-off]", "At risk from a chance of"),
    ("top", "Top from[Top from]", "Top tier from so many euros"),
    ("high", "High from[High from]", "High tier from"),
    ("medium", "Medium from[Medium from]", "Medium tier from"),
)
FIGURE = "Customer by brand[{}]".format
CARDS = (
    ("silent", "Silent customers", "Silent", "Customers without a purchase for longer than the limit"),
    ("at_risk", "Customers at risk", "At risk", "Customers whose chance of leaving reaches the limit"),
    ("valuable", "Valuable customers", "Valuable", "Customers in the tiers Top and High, with these bounds"),
    ("both", "Valuable customers at risk", "Valuable and at risk", "Customers who are both"),
    (
        "clv",
        "CLV at risk",
        "Expected of those at risk",
        "Net margin expected within 12 months of those at risk",
    ),
)
SECOND, THIRD = CONTENT + 96, CONTENT + 196


def page(model: SemanticModel) -> Page:
    both = (FIGURE("Valuable customers at risk"), FIGURE("Customers at risk"))
    return Page(
        "what_if",
        "What if",
        header(model.name, "What if the limits were others?", ("Brand", "Region", "Country")),
        [
            *(
                slider(name, place, column, label)
                for (name, column, label), place in zip(LIMITS, row(5, CONTENT, 80), strict=True)
            ),
            *cards([(name, FIGURE(figure), label, alt) for name, figure, label, alt in CARDS], SECOND),
            table(
                "brands",
                cell(0, 7, THIRD, 170),
                {
                    "Brand[Brand]": "Brand",
                    FIGURE("Customers"): "Customers",
                    "Brand clock[Active customers where observable]": "Active",
                    "Brand clock[Active rate where observable]": "Active rate",
                    FIGURE("Silent customers"): "Silent",
                    FIGURE("Customers at risk"): "At risk",
                    FIGURE("Valuable customers"): "Valuable",
                    FIGURE("CLV at risk"): "Expected at risk",
                },
                (
                    "As it is, and with these limits",
                    "Active: by each brand's own limit; empty where it is not observable yet. Expected: EUR",
                    "Table: customers and active customers as it is; silent, at risk and valuable, by brand",
                ),
                formats={FIGURE("CLV at risk"): EUROS},
            ),
            table(
                "tiers",
                cell(0, 7, THIRD + 186, 228),
                {
                    TIER: "Tier of value",
                    FIGURE("Customers"): "Customers",
                    FIGURE("Customers with these bounds"): "Customers then",
                    FIGURE("Expected CLV"): "Expected",
                    FIGURE("Expected CLV with these bounds"): "Expected then",
                },
                (
                    "What customers are worth",
                    "As it is, and then with these bounds; expected net margin within 12 months, EUR",
                    "Table: customers and what is expected of them by tier of value, in both worlds",
                ),
                formats={FIGURE("Expected CLV"): EUROS, FIGURE("Expected CLV with these bounds"): EUROS},
                filters=[SCORED],
            ),
            sentence("bounds", cell(0, 7, THIRD + 420, 34), FIGURE("Bounds in words"), "Bounds of the tiers"),
            bars(
                "segments",
                cell(7, 5, THIRD, 454),
                (SEGMENT, "", both),
                (
                    "Whom would one lose?",
                    "Customers at risk with these limits, and the valuable among them, by segment",
                    "Bars: customers at risk, and valuable ones at risk, by segment",
                ),
                labels={both[0]: "Valuable and at risk", both[1]: "At risk"},
                filters=[Values(SEGMENT, (NOBODY,), excluded=True)],
                fills={both[0]: "ramp-5", both[1]: "ramp-2"},
                sort=(both[1], "Descending"),
                tooltip="tooltip_segment",
            ),
        ],
    )
