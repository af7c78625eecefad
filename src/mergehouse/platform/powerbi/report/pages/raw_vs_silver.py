"""Raw vs Silver: the way from the raw sum to GMV, step by step, to the cent."""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.controls import slicer
from mergehouse.platform.powerbi.report.filters import Values
from mergehouse.platform.powerbi.report.kinds import table, waterfall
from mergehouse.platform.powerbi.report.layout import CONTENT, STRIP, cell
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages.header import HIGH, header

VALUE, STEP = "Raw vs Silver[Step value]", "Cleaning step[Cleaning step]"
STEP_CODE, FIGURE_CODE = "Raw vs Silver[Step]", "Raw vs Silver[KPI]"


def page(model: SemanticModel) -> Page:
    """One brand at a time: amounts up to the step Currency are in its own currency."""
    steps = Values(STEP_CODE, ("clean",), excluded=True)  # the sum of the others, which the plot draws itself
    money, lines = Values(FIGURE_CODE, ("gmv_eur",)), Values(FIGURE_CODE, ("order_lines",))
    return Page(
        "raw_vs_silver",
        "Raw vs Silver",
        header(model.name, "Raw vs Silver: what cleaning changes", ()),
        [
            slicer(
                "choose_brand",
                cell(9, 3, STRIP, HIGH),
                "Brand[Brand]",
                "Brand",
                choice="always one",
                sync=False,
            ),
            waterfall(
                "money",
                cell(0, 8, CONTENT, 318),
                (STEP, VALUE),
                (
                    "From the raw sum to GMV",
                    "Amounts in the brand's currency; the step Currency leads to EUR; the total is GMV",
                    "Steps: from the sum of all raw amounts to GMV, each with what it changes",
                ),
                labels={VALUE: "Amount"},
                filters=[money, steps],
            ),
            waterfall(
                "lines",
                cell(0, 8, CONTENT + 334, 316),
                (STEP, VALUE),
                (
                    "From the delivered lines to those of goods sold",
                    "Order lines; the total is the lines of goods sold",
                    "Steps: from all delivered order lines to those of goods sold",
                ),
                labels={VALUE: "Order lines"},
                filters=[lines, steps],
            ),
            table(
                "steps",
                cell(8, 4, CONTENT, 318),
                {STEP: "Step", VALUE: "Amount"},
                ("Step by step", "They add up to the cent", "Table: what each step changes in money"),
                totals=False,
                sort=(STEP, "Ascending"),
                formats={VALUE: "#,0.00"},
                filters=[money],
            ),
            table(
                "line_steps",
                cell(8, 4, CONTENT + 334, 316),
                {STEP: "Step", VALUE: "Order lines"},
                ("Line by line", "They add up, too", "Table: what each step changes in order lines"),
                totals=False,
                sort=(STEP, "Ascending"),
                formats={VALUE: "#,0"},
                filters=[lines],
            ),
        ],
    )
