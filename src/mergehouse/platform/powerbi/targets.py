"""The table of targets, which no table of Gold has: mappings/targets.csv, by DAX, and what they have come to.

The rules are those of the web suite (app/figures/targets.py): a target is of a whole brand, or of all
together, in a period of the calendar; a value is of the days of it that there are data of, and blank where
data begin within it or are of other days at each brand.
"""

from __future__ import annotations

import datetime as dt

from mergehouse.kpi.catalogue import Kpi
from mergehouse.kpi.formula import GROUP
from mergehouse.kpi.periods import calendar_period
from mergehouse.kpi.targets import target_rows
from mergehouse.platform.powerbi.dax import measure_name, text
from mergehouse.platform.powerbi.objects import Column, Measure, Relationship, Table
from mergehouse.platform.powerbi.star import BRANDS
from mergehouse.project.config import Project

TARGETS, OWNER = "Targets", "Brand key"
COLUMNS = (
    Column(OWNER, f"[{OWNER}]", "string", "Whose target it is; `group`: of all together", is_hidden=True),
    Column("Target of", "[Target of]", "string", "Brand, or all together"),
    Column("KPI key", "[KPI key]", "string", "The KPI in the catalogue", is_hidden=True),
    Column("KPI", "[KPI]", "string", "What is aimed at"),
    Column("Period", "[Period]", "string", "A year, a quarter or a month of the calendar"),
    Column("First day", "[First day]", "dateTime", "Of the period", "yyyy-mm-dd"),
    Column("Last day", "[Last day]", "dateTime", "Of the period", "yyyy-mm-dd"),
    Column("Aimed at", "[Aimed at]", "double", "In the KPI's unit: euros, counts, shares", is_hidden=True),
)  # fmt: skip
TYPES = {"string": "STRING", "dateTime": "DATETIME", "double": "DOUBLE"}


def targets(project: Project, kpis: list[Kpi]) -> Table | None:
    """Every target of the project with its measures; None where it has none.

    >>> targets(mh.project("shop"), []) is None
    True
    """
    _, rows = target_rows(project)
    if not rows:
        return None
    named = {kpi.name: kpi for kpi in kpis}
    types = ", ".join(f'"{column.name}", {TYPES[column.type]}' for column in COLUMNS)
    cells = [_cells(project, named, *(cell or "" for cell in row)) for row in rows]
    listed = ",\n        ".join(f"{{ {', '.join(row)} }}" for row in cells)
    return Table(
        TARGETS,
        "What is aimed at, as the project's file of targets had it when this model was written. One row is"
        " one target.",
        COLUMNS,
        dax=f"DATATABLE (\n    {types},\n    {{\n        {listed}\n    }}\n)",
        measures=_measures([named[name] for name in dict.fromkeys(row[0] or "" for row in rows)]),
    )


def joined_to_brands(tables: tuple[Table, ...]) -> tuple[Relationship, ...]:
    """Who chooses a brand has its targets alone."""
    there = any(table.name == TARGETS for table in tables)
    return (Relationship(TARGETS, OWNER, BRANDS, "Brand key"),) if there else ()


def _cells(
    project: Project, kpis: dict[str, Kpi], kpi: str, brand: str, period: str, value: str
) -> list[str]:
    found = calendar_period(period)
    assert found
    first, after = found
    label = "All brands" if brand == GROUP else project.brands[brand].label
    days = (str(first), str(after - dt.timedelta(days=1)))
    return [*map(text, (brand, label, kpi, kpis[kpi].label, period, *days)), value]


def _measures(kpis: list[Kpi]) -> tuple[Measure, ...]:
    values = "".join(
        f",\n            {text(kpi.name)},"
        f" CALCULATE ( {measure_name(kpi.label)}, REMOVEFILTERS ( 'Brand' ), days, owners )"
        for kpi in kpis
    )
    ratios = ", ".join(text(kpi.name) for kpi in kpis if kpi.ratio)
    is_sum = f" && NOT SELECTEDVALUE ( 'Targets'[KPI key] ) IN {{ {ratios} }}" if ratios else ""
    number, folder = "#,0.00##", "Targets"
    return (
        Measure(
            "Target",
            "IF ( COUNTROWS ( 'Targets' ) = 1, SUM ( 'Targets'[Aimed at] ) )",
            "What is aimed at, of one target: a year is not added to its months. In the KPI's unit.",
            number,
            folder,
        ),
        Measure(
            "Value for target",
            f"""VAR since = MIN ( 'Targets'[First day] )
VAR until = MAX ( 'Targets'[Last day] )
VAR owner = SELECTEDVALUE ( 'Targets'[Brand key] )
VAR owners = FILTER ( ALL ( 'Brand'[Brand key] ), owner = {text(GROUP)} || 'Brand'[Brand key] = owner )
VAR sellers = CALCULATETABLE ( FILTER ( owners, [Days of data] > 0 ), REMOVEFILTERS ( 'Brand' ) )
VAR without = FILTER ( sellers, [First day] > since || [As-of day] <= since )
VAR ending = MINX ( sellers, MIN ( [As-of day] - 1, until ) )
VAR differing = FILTER ( sellers, MIN ( [As-of day] - 1, until ) <> ending )
VAR days = FILTER ( ALL ( 'Date' ), 'Date'[Date] >= since && 'Date'[Date] <= ending )
RETURN
    IF (
        COUNTROWS ( 'Targets' ) = 1 && NOT ISFILTERED ( 'Country' )
            && NOT ISEMPTY ( sellers ) && ISEMPTY ( without ) && ISEMPTY ( differing ),
        SWITCH (
            SELECTEDVALUE ( 'Targets'[KPI key] ){values}
        )
    )""",
            "What the KPI of one target is in the days of its period that there are data of; blank where data"
            " begin within the period, are of other days at each brand, or a country is chosen: targets are"
            " of whole brands.",
            number,
            folder,
        ),
        Measure(
            "To target",
            "VAR reached = [Value for target]\nRETURN IF ( NOT ISBLANK ( reached ), reached - [Target] )",
            "The value less what is aimed at. Of returns and the return rate less is better.",
            number,
            folder,
        ),
        Measure(
            "Target reached",
            f"IF ( [Target] > 0{is_sum}, DIVIDE ( [Value for target], [Target] ) )",
            "How much of a sum that is aimed at there is; blank for rates.",
            "0.0 %",
            folder,
        ),
    )
