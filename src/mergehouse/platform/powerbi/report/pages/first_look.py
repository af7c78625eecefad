"""First Look: what was delivered, before cleaning, with the warning that it is so."""

from __future__ import annotations

from dataclasses import replace

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.filters import Values
from mergehouse.platform.powerbi.report.kinds import bars, card, columns, matrix, table
from mergehouse.platform.powerbi.report.layout import CONTENT, cell, row
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages.header import header
from mergehouse.platform.powerbi.report.visuals import Visual, words

VALUE, STEP = "Raw vs Silver[Step value]", "Cleaning step[Cleaning step]"
STEP_CODE, FIGURE_CODE = "Raw vs Silver[Step]", "Raw vs Silver[KPI]"
WARNING = (
    "Before cleaning: duplicates, returns and lines that are no goods are in these figures, each amount as if"
    " it were euros."
)


def page(model: SemanticModel) -> Page:
    """From Bronze where the model has it; else what Gold keeps of the raw figures."""
    has_bronze = model.has_table("Deliveries")
    content = _delivered() if has_bronze else _raw()
    return Page(
        "first_look",
        "First Look",
        header(model.name, "First Look: the exports as delivered", ("Brand",)),
        [
            words("warning", cell(0, 12, CONTENT, 28), WARNING, 12, bold=True, colour="worse"),
            *content,
        ],
    )


def _raw() -> list[Visual]:
    lines = [Values(FIGURE_CODE, ("order_lines",))]
    amount = [Values(FIGURE_CODE, ("gmv_eur",))]
    raw = Values(STEP_CODE, ("raw",))
    top, second, third = CONTENT + 44, CONTENT + 144, CONTENT + 348
    places = row(2, top, 84)
    came, summed = "Order lines as delivered", "Sum of all amounts as delivered"
    sums = (
        "What would a sum over them say?",
        "All amounts, returns subtracted, each in its own currency",
        "Bars: the sum of all amounts as delivered, by brand",
    )
    return [
        _only(card("lines", places[0], VALUE, came, came), lines, raw),
        _only(card("amount", places[1], VALUE, summed, summed), amount, raw),
        bars(
            "lines_by_brand",
            cell(0, 6, second, 188),
            ("Brand[Brand]", "", VALUE),
            ("How many lines came?", f"{came}, by brand", f"Bars: {came.lower()}, by brand"),
            labels={VALUE: "Order lines"},
            filters=[*lines, raw],
            coloured="Brand[Brand]",
        ),
        bars(
            "amount_by_brand",
            cell(6, 6, second, 188),
            ("Brand[Brand]", "", VALUE),
            sums,
            labels={VALUE: "Amount"},
            filters=[*amount, raw],
            coloured="Brand[Brand]",
        ),
        matrix(
            "lines_by_step",
            cell(0, 6, third, 302),
            (STEP, "Brand[Brand]", {VALUE: "Order lines"}),
            (
                "What is in the lines?",
                "Order lines that each step of cleaning takes out",
                "Table: order lines by step of cleaning and brand",
            ),
            totals=False,
            formats={VALUE: "#,0"},
            filters=lines,
        ),
        matrix(
            "amount_by_step",
            cell(6, 6, third, 302),
            (STEP, "Brand[Brand]", {VALUE: "Amount"}),
            (
                "What is in the sum?",
                "What each step of cleaning changes; from the step Currency on in EUR",
                "Table: amounts by step of cleaning and brand",
            ),
            totals=False,
            formats={VALUE: "#,0.00"},
            filters=amount,
        ),
    ]


def _only(visual: Visual, filters: list[Values], raw: Values) -> Visual:
    return replace(visual, filters=[*filters, raw])


def _delivered() -> list[Visual]:
    rows, rejected = "Deliveries[Rows delivered]", "Deliveries[Rows rejected]"
    top, second = CONTENT + 44, CONTENT + 172
    places = row(2, top, 112)
    return [
        card("rows", places[0], rows, "Rows loaded", "Rows loaded of all files"),
        card("rejected", places[1], rejected, "Rejected rows", "Lines that no parser could split"),
        table(
            "files",
            cell(0, 7, second, 462),
            {
                "Brand[Brand]": "Brand",
                "Deliveries[Source file]": "File",
                "Deliveries[Status]": "Status",
                rows: "Rows",
                rejected: "Rejected rows",
            },
            (
                "Which files came?",
                "A file delivered twice is loaded once",
                "Table: files with their rows, loaded and rejected",
            ),
        ),
        columns(
            "months",
            cell(7, 5, second, 462),
            ("Date[Month]", "Brand[Brand]", "Raw lines[Amount delivered]"),
            (
                "What would a sum over them say?",
                "All amounts by month, each in its own currency",
                "Columns: the sum of all amounts as delivered, by month and brand",
            ),
            labels={"Raw lines[Amount delivered]": "Amount"},
            coloured="Brand[Brand]",
        ),
    ]
