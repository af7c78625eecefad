"""Executive: how much, up or down, where, and whether to trust it."""

from __future__ import annotations

from dataclasses import replace

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.bookmarks import Bookmark, Group
from mergehouse.platform.powerbi.report.controls import slicer, views
from mergehouse.platform.powerbi.report.filters import Largest
from mergehouse.platform.powerbi.report.kinds import EUROS, bars, card, line, matrix, stacked, table
from mergehouse.platform.powerbi.report.layout import CONTENT, cell, row
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages.header import HIGH, header
from mergehouse.platform.powerbi.report.visuals import Visual, words

NAME = "executive"
VIEWS = Group(
    "executive_views",
    "Executive: plot or table",
    (
        Bookmark("executive_plot", "Plot", NAME, shown="trend", hidden="trend_table"),
        Bookmark("executive_table", "Table", NAME, shown="trend_table", hidden="trend"),
    ),
)
CARDS = (  # figure, its name, what it is compared with
    ("net_revenue", "Net revenue per day", "Net revenue a day", "Net revenue year on year"),
    ("gmv", "GMV per day", "GMV a day", "GMV year on year"),
    ("aov", "Average order value in window", "Average order value", "Average order value year on year"),
    ("margin", "Margin per day", "Margin a day", "Margin year on year"),
    ("return_rate", "Return rate in window", "Return rate", "Return rate year on year"),
)
BY_BRAND = {
    "Sales[Net revenue per day]": "Net revenue a day",
    "Sales[Net revenue year on year]": "year on year",
    "Sales[Average order value in window]": "Average order value",
    "Sales[Return rate in window]": "Return rate",
    "Sales[Margin rate in window]": "Margin rate",
    "Customer by brand[Customers]": "Customers",
    "Brand clock[Active rate where observable]": "Active rate",
}
SECOND, THIRD = CONTENT + 112, CONTENT + 404


def page(model: SemanticModel) -> Page:
    return Page(
        NAME,
        "Executive",
        header(
            model.name, "Executive", ("Brand", "Region", "Weeks", "Clock"), "Brand clock[Window in words]"
        ),
        [
            *_cards(),
            *_trend(),
            matrix(
                "brands",
                cell(8, 4, SECOND, 276),
                ("", "Brand[Brand]", BY_BRAND),
                (
                    "Brand against brand",
                    "Each in the window of its own clock",
                    "Table: the figures of each brand beside each other",
                ),
                on_rows=True,
                formats={"Sales[Net revenue per day]": EUROS},
                tooltip="tooltip_brand",
            ),
            *_explored(),
            *_categories(),
        ],
    )


def _cards() -> list[Visual]:
    return [
        card(
            name,
            place,
            f"Sales[{figure}]",
            label,
            f"{label}, and against a year before",
            below=[("year on year", f"Sales[{compared}]")],
        )
        for (name, figure, label, compared), place in zip(CARDS, row(5, CONTENT, 96), strict=True)
    ]


def _trend() -> list[Visual]:
    """The same weeks as lines and as a table: one is seen, the buttons beside the title exchange them."""
    place = cell(0, 8, SECOND + 36, 240)
    sub = "Net revenue by week, EUR; weeks before the end of each brand's clock"
    shown = {
        "Week[Week]": "Week",
        "Sales[Net revenue in week]": "Net revenue",
        "Sales[GMV in week]": "GMV",
        "Sales[Orders in week]": "Orders",
    }
    return [
        replace(
            words("trend_title", cell(0, 6, SECOND, 28), "The brands in their last weeks", 12, bold=True),
            beside=("Brand[Brand]", *shown),
        ),
        replace(views("views", cell(6, 2, SECOND, 28), VIEWS.name), beside=("Brand[Brand]", *shown)),
        line(
            "trend",
            place,
            ("Week[Week]", "Brand[Brand]", "Sales[Net revenue in week]"),
            ("", sub, "Lines: net revenue of each brand in the weeks before the end of its clock"),
            coloured="Brand[Brand]",
            tooltip="tooltip_brand",
        ),
        table(
            "trend_table",
            place,
            shown,
            (
                "",
                "By week, all brands; EUR",
                "Table: net revenue, GMV and orders in the weeks before the end of the clock",
            ),
            formats={"Sales[Net revenue in week]": EUROS, "Sales[GMV in week]": EUROS},
            hidden=True,
            sort=("Week[Week]", "Descending"),
        ),
    ]


def _explored() -> list[Visual]:
    """One plot for each figure by each dimension, as field parameters have them."""
    choice = row(2, THIRD, HIGH, 0, 5)
    return [
        slicer(
            "choose_measure",
            choice[0],
            "Measure[Measure]",
            "Figure",
            choice="always one",
            first="Net revenue",
            sync=False,
        ),
        slicer(
            "choose_dimension",
            choice[1],
            "Dimension[Dimension]",
            "By",
            choice="always one",
            first="Region",
            sync=False,
        ),
        bars(
            "explored",
            cell(0, 5, THIRD + HIGH + 8, 162),
            ("Country[Region]", "", "Sales[Net revenue]"),
            ("", "", "Bars: the chosen figure by the chosen dimension, of all time"),
            chosen={"Category": "Dimension[Dimension]", "Y": "Measure[Measure]"},
            fills={"Sales[Net revenue]": "muted"},
        ),
    ]


def _categories() -> list[Visual]:
    figure = "Category[Net revenue of products]"
    return [
        stacked(
            "categories",
            cell(5, 7, THIRD, 246),
            ("Product[Category]", "Brand[Brand]", figure),
            (
                "What brings the money",
                "The eight categories with the most net revenue, EUR, of all time",
                "Bars: net revenue of the eight largest categories, by brand",
            ),
            labels={figure: "Net revenue"},
            coloured="Brand[Brand]",
            filters=[Largest("Product[Category]", figure, 8)],
        )
    ]
