"""Figures of visuals from Gold: measures by columns, filtered, as a visual's own query would have them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import polars

from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import database, load, rows
from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.ordered_values import ordered
from mergehouse.platform.powerbi.preview.clock import BrandDays, Window, windows
from mergehouse.platform.powerbi.preview.measures import Aggregate, Formula, Value, formula_of
from mergehouse.platform.powerbi.preview.query import WINDOWS, Query, aggregate_sql, made_by_dax
from mergehouse.platform.powerbi.preview.reading import DrawnFilter
from mergehouse.platform.powerbi.report.fields import Field
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import countries

CHOSEN = re.compile(r"SELECTEDVALUE \( '(?P<table>[^']+)'\[(?P<column>[^\]]+)\] \)")
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Row:
    """`keys`: the values of columns; `places`: by what they are sorted; `values`: of the measures."""

    keys: Key
    places: Key
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Gold:
    """`connection` has the model's tables as views; `unknown`: measures that only Power BI can
    tell.
    """

    model: SemanticModel
    connection: Any
    windows: dict[str, Window]
    churn_after_days: dict[str, int]
    unknown: set[str] = field(default_factory=set)

    def rows(
        self, columns: Sequence[Field], measures: Sequence[Field], where: Sequence[DrawnFilter] = ()
    ) -> list[Row]:
        """A row for each combination of values of which any measure tells something, in their own order."""
        where = [self._ranked(each, where) for each in where]
        found: dict[Key, list[Value]] = {}
        places: dict[Key, Key] = {}
        for place, measure in enumerate(measures):
            formula = formula_of(measure, self.model)
            if not formula:
                self.unknown.add(measure.query_ref)
                continue
            for keys, (where_sorted, value) in self._measured(formula, columns, where).items():
                found.setdefault(keys, [None] * len(measures))[place] = value
                places[keys] = where_sorted
        if not measures:
            places = self._keys(columns, where)
            found = {keys: [] for keys in places}
        made = [Row(keys, places[keys], tuple(values)) for keys, values in found.items()]
        told = [row for row in made if not row.values or any(value is not None for value in row.values)]
        return sorted(told, key=lambda row: [(place is None, place) for place in row.places])

    def value(self, measure: Field, where: Sequence[DrawnFilter] = ()) -> Value:
        """A measure without a cut."""
        found = self.rows([], [measure], where)
        return found[0].values[0] if found else None

    def words(self, measure: str, where: Sequence[DrawnFilter] = ()) -> str:
        """What a measure that is a text says; empty where only Power BI can tell."""
        if chosen := CHOSEN.fullmatch(self.model.measure(measure)[1].dax):
            name = f"{chosen['table']}.{chosen['column']}"
            return ", ".join(v for each in where if each.column.query_ref == name for v in each.values)
        if measure == "Window in words":
            return "; ".join(window.words for window in self._in_order())
        if measure == "Methods":
            clock = "Calendar" if any(window.is_common for window in self._in_order()) else "Own"
            told = "; ".join(map(self._methods, self._in_order()))
            return f"{told}. Clock: {clock}. Amounts in euros, at the rate of the order's day."
        if measure == "Bounds in words":
            return ", ".join(f"{tier} as it is" for tier in ("Top", "High", "Medium"))
        self.unknown.add(measure)
        return ""

    def _in_order(self) -> list[Window]:
        return sorted(self.windows.values(), key=lambda window: window.brand.label)

    def _methods(self, window: Window) -> str:
        sql = (
            "SELECT DISTINCT margin_method AS method FROM gold.sales_daily"
            " WHERE source_system = $brand AND margin_method <> 'none'"
        )
        methods = [row["method"] for row in rows(self.connection, sql, {"brand": window.brand.brand})]
        costs = methods[0] if len(methods) == 1 else "mixed" if methods else "unknown"
        told = f"{window.brand.label}: as of {window.brand.after}, costs {costs}"
        return told + ("" if self._is_observable(window) else ", churn not observable yet")

    def _is_observable(self, window: Window) -> bool:
        return window.brand.days > self.churn_after_days.get(window.brand.brand, 0)

    def _ranked(self, condition: DrawnFilter, others: Sequence[DrawnFilter]) -> DrawnFilter:
        """The values with the most of a measure, for those that are asked for by it."""
        if not condition.by:
            return condition
        told = [other for other in others if other is not condition and not other.by]
        found = self.rows([condition.column], [condition.by], told)
        most = sorted(found, key=lambda row: row.values[0] or 0, reverse=True)[: condition.count]
        return DrawnFilter(condition.column, tuple(str(row.keys[0]) for row in most))

    def _measured(
        self, formula: Formula, columns: Sequence[Field], where: Sequence[DrawnFilter]
    ) -> dict[Key, tuple[Key, Value]]:
        by_brand = any(column.table == "Brand" for column in columns)
        brands = self._brands(where)
        if formula.compared and not by_brand and len({(w.since, w.until) for w in brands}) > 1:
            return {}
        parts = [self._aggregated(part, columns, where) for part in formula.parts]
        keys = dict.fromkeys(key for part in parts for key in part)
        made = {
            key: (
                next(part[key][0] for part in parts if key in part),
                formula.made(*(part[key][1] if key in part else None for part in parts)),
            )
            for key in keys
        }
        if formula.observable:
            return self._observable(made, columns, brands)
        return self._shares(made, formula, columns, where) if formula.of_all else made

    def _brands(self, where: Sequence[DrawnFilter]) -> list[Window]:
        labels = [c for c in where if c.column.query_ref == "Brand.Brand" and not c.excluded]
        return [w for w in self.windows.values() if all(w.brand.label in c.values for c in labels)]

    def _observable(
        self, made: dict[Key, tuple[Key, Value]], columns: Sequence[Field], brands: Sequence[Window]
    ) -> dict[Key, tuple[Key, Value]]:
        short = {w.brand.label for w in brands if not self._is_observable(w)}
        place = next((n for n, column in enumerate(columns) if column.query_ref == "Brand.Brand"), None)
        if place is None:
            return {} if short else made
        return {key: value for key, value in made.items() if key[place] not in short}

    def _shares(
        self,
        made: dict[Key, tuple[Key, Value]],
        formula: Formula,
        columns: Sequence[Field],
        where: Sequence[DrawnFilter],
    ) -> dict[Key, tuple[Key, Value]]:
        others = [n for n, column in enumerate(columns) if column.table != "Brand"]
        every = [condition for condition in where if condition.column.table != "Brand"]
        whole = self._measured(replace(formula, of_all=False), [columns[n] for n in others], every)
        totals = {key: value for key, (_, value) in whole.items()}
        return {
            key: (place, value / total if value is not None and total else None)
            for key, (place, value) in made.items()
            for total in [totals.get(tuple(key[n] for n in others))]
        }

    def _aggregated(
        self, part: Aggregate, columns: Sequence[Field], where: Sequence[DrawnFilter]
    ) -> dict[Key, tuple[Key, Value]]:
        query = Query(self.model, self.model.table(part.table))
        keys = [query.column(column) for column in columns]
        places = [query.place(column) for column in columns]
        measured = aggregate_sql(part)
        kept = query.days(part.days)
        conditions = [*kept, *(query.condition(condition) for condition in where)]
        found = self._weeks_without_sales(columns, where) if part.days == "week" else {}
        return found | {
            tuple(row[f"k{n}"] for n in range(len(keys))): (
                tuple(row[f"p{n}"] for n in range(len(keys))),
                None if row["value"] is None else Decimal(row["value"]),
            )
            for row in query.run(self.connection, keys, places, measured, conditions)
        }

    def _weeks_without_sales(
        self, columns: Sequence[Field], where: Sequence[DrawnFilter]
    ) -> dict[Key, tuple[Key, Value]]:
        """Nothing was sold in a week that was delivered: 0, as the model has it, and no gap in a line."""
        names = [column.query_ref for column in columns]
        if not {"Week.Week"} <= {*names} <= {"Week.Week", "Brand.Brand"}:
            return {}
        found: dict[Key, tuple[Key, Value]] = {}
        for window in self._brands(where):
            for week in range((window.first_week - window.end).days // 7, 0):
                given = {"Week.Week": week, "Brand.Brand": window.brand.label}
                key = tuple(given[name] for name in names)
                found[key] = (key, Decimal(0))
        return found

    def _keys(self, columns: Sequence[Field], where: Sequence[DrawnFilter]) -> dict[Key, Key]:
        """Without measures: the combinations in the table from which all the others are joined."""
        ones = {join.to_table for join in self.model.relationships}
        many = [column.table for column in columns if column.table not in ones]
        query = Query(self.model, self.model.table((many or [columns[0].table])[0]))
        keys, places = [query.column(c) for c in columns], [query.place(c) for c in columns]
        found = query.run(self.connection, keys, places, "COUNT(*)", [query.condition(c) for c in where])
        indices = range(len(keys))
        return {tuple(row[f"k{n}"] for n in indices): tuple(row[f"p{n}"] for n in indices) for row in found}


def gold(lakehouse: Lakehouse, project: Project, model: SemanticModel) -> Gold:
    """The published Gold of a project, as its model has it. Raises LakehouseError where there is none yet."""
    entities = {table.entity for table in model.tables if table.entity.startswith("gold.")}
    there = [name for name in sorted(entities) if lakehouse.exists(name)]
    if not there:
        raise LakehouseError(
            f"nothing is published yet in {lakehouse.location}; `mergehouse run` builds the tables."
        )
    connection = lakehouse.reading(*there, connection=database())
    connection.execute("CREATE SCHEMA IF NOT EXISTS preview")
    found = rows(
        connection,
        "SELECT source_system AS brand, label, first_order_date AS first, as_of_date AS after"
        " FROM gold.dim_brand WHERE first_order_date IS NOT NULL AND as_of_date IS NOT NULL ORDER BY label",
    )
    brands = [BrandDays(**row) for row in found]
    by_brand = windows(brands)
    _load_windows(connection, by_brand)
    named = {"country_code": "Country code", "country": "Country", "region": "Region"}
    load(
        connection,
        f"TABLE {made_by_dax('Country')}",
        polars.DataFrame(countries(project)).select(list(named)).rename(named),
    )
    for each in ordered():
        names = [f"Value{n}" for n in range(1, 5)]
        values = [(*value, n) for n, value in enumerate(each.values)]
        load(connection, f"TABLE {made_by_dax(each.name)}", polars.DataFrame(values, names, orient="row"))
    days = {name: project.churn_after_days(name) for name in project.brands}
    return Gold(model, connection, by_brand, days)


def _load_windows(connection: Any, by_brand: dict[str, Window]) -> None:
    frame = polars.DataFrame(
        [
            {
                "source_system": name,
                "since": window.since,
                "until": window.until,
                "after": window.end,
                "year_before": window.year_before,
                "first_week": window.first_week,
                "days": 7 * window.weeks,
            }
            for name, window in by_brand.items()
        ],
        schema={
            "source_system": polars.String,
            "since": polars.Date,
            "until": polars.Date,
            "after": polars.Date,
            "year_before": polars.Date,
            "first_week": polars.Date,
            "days": polars.Int64,
        },
    )
    load(connection, f"TABLE {WINDOWS}", frame)
