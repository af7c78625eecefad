"""Measures of a model, evaluated over the rows that its tables would have."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from tests.platform.vendors import asked

from mergehouse.kpi.catalogue import catalogue
from mergehouse.kpi.periods import calendar_period
from mergehouse.kpi.targets import target_rows
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import quoted
from mergehouse.platform.powerbi.annotations import ANNOTATIONS
from mergehouse.platform.powerbi.choices import CLOCKS, LONGEST, WEEKS
from mergehouse.platform.powerbi.objects import SemanticModel, Table
from mergehouse.platform.powerbi.ordered_values import ordered as ordered_values
from mergehouse.platform.powerbi.targets import TARGETS
from mergehouse.project.annotations import annotation_rows
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import countries

Filters = dict[str, list[Any]]  # values by `Table.Column`


def evaluate(
    model: SemanticModel,
    project: Project,
    questions: list[tuple[Filters, list[str]]],
    measures: dict[str, str] | None = None,
    rules: dict[str, str] | None = None,
    instead: dict[str, list[dict[str, Any]]] | None = None,
) -> list[dict[str, Any]]:
    """The value of measures, by name, under each question's filters; with others in the place of the model's,
    over the rows alone that `rules`, conditions in SQL by table, let through, and over rows `instead` of
    those of a table.
    """
    measures = measures or {each.name: each.dax for table in model.tables for each in table.measures}
    joins = [
        {
            "FromTable": join.from_table, "FromColumn": join.from_column,
            "ToTable": join.to_table, "ToColumn": join.to_column, "IsActive": 1,
        }
        for join in model.relationships
    ]  # fmt: skip
    given: dict[str, Any] = {
        "tables": {
            table.name: rows(table, project, (rules or {}).get(table.name, "TRUE")) for table in model.tables
        },
        "measures": measures,
        "relationships": joins,
        "questions": [{"filters": filters, "measures": names} for filters, names in questions],
    }
    for name, made in (instead or {}).items():
        columns = given["tables"][name]["columns"]
        given["tables"][name]["rows"] = [[row.get(column) for column in columns] for row in made]
    return asked("measures", "evaluate.py", given)


def rows(table: Table, project: Project, rule: str = "TRUE") -> dict[str, list[Any]]:
    """A table's columns and rows, as JSON takes them."""
    names = [column.name for column in table.columns]
    lakehouse = Lakehouse(project.lakehouse_location)
    if table.entity and lakehouse.exists(table.entity):
        columns = ", ".join(quoted(column.source) for column in table.columns)
        chosen = f"SELECT {columns} FROM {table.entity} WHERE {rule}"
        found = lakehouse.reading(table.entity).execute(chosen).fetchall()
    else:
        found = [] if table.entity else _made_by_dax(table.name, project)
    return {"columns": names, "rows": [[_told(value) for value in row] for row in found]}


def _made_by_dax(name: str, project: Project) -> list[tuple[Any, ...]]:
    if name == "Country":
        return [(row["country_code"], row["country"], row["region"]) for row in countries(project)]
    if name == ANNOTATIONS:
        return [_note(project, *row) for row in annotation_rows(project)[1]]
    if name == TARGETS:
        return [_target(project, *row) for row in target_rows(project)[1]]
    if ordered := [each for each in ordered_values() if each.name == name]:
        return [(*value, n) for n, value in enumerate(ordered[0].values)]
    return {
        "Clock": [(clock, meaning, n) for n, (clock, meaning) in enumerate(CLOCKS)],
        "Window": [(weeks,) for weeks in WEEKS],
        "Week": [(week,) for week in range(-LONGEST, 0)],
        "Inactivity days": [(days,) for days in range(60, 181, 5)],
        "Churn cut-off": [(step / 20,) for step in range(1, 20)],
        **{f"{tier} from": [(euros,) for euros in range(25, 5001, 25)] for tier in ("Top", "High", "Medium")},
    }.get(name, [])


def _target(project: Project, kpi: str, brand: str, period: str, value: str) -> tuple[Any, ...]:
    bounds = calendar_period(period)
    assert bounds
    label = project.brands[brand].label if brand in project.brands else "All brands"
    [named] = [each.label for each in catalogue() if each.name == kpi]
    return (brand, label, kpi, named, period, bounds[0], bounds[1] - dt.timedelta(days=1), Decimal(value))


def _note(project: Project, day: str, brand: str, who: str, note: str) -> tuple[Any, ...]:
    label = project.brands[brand].label if brand in project.brands else "All brands"
    return (brand, label, dt.date.fromisoformat(day), who, note)


def _told(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return f"d:{value:%Y-%m-%dT%H:%M:%S}"
    if isinstance(value, dt.date):
        return f"d:{value}"
    return float(value) if isinstance(value, Decimal) else value
