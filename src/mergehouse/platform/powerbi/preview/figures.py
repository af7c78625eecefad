"""Figures of visuals from Gold: measures by columns, filtered, as a visual's own query would have them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import polars
from sqlglot import exp, parse_one

from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import database, load, quoted, rows
from mergehouse.platform.powerbi.objects import SemanticModel, Table
from mergehouse.platform.powerbi.ordered_values import ordered
from mergehouse.platform.powerbi.preview.clock import YEAR, BrandDays, Window, windows
from mergehouse.platform.powerbi.preview.measures import Aggregate, Formula, Value, formula_of
from mergehouse.platform.powerbi.preview.reading import Condition
from mergehouse.platform.powerbi.report.fields import Field
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import group_table

WINDOWS = "preview.windows"
DAY = "order_date"
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
        self, columns: Sequence[Field], measures: Sequence[Field], where: Sequence[Condition] = ()
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

    def value(self, measure: Field, where: Sequence[Condition] = ()) -> Value:
        """A measure without a cut."""
        found = self.rows([], [measure], where)
        return found[0].values[0] if found else None

    def words(self, measure: str, where: Sequence[Condition] = ()) -> str:
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
        return window.brand.days > self.churn_after_days[window.brand.brand]

    def _ranked(self, condition: Condition, others: Sequence[Condition]) -> Condition:
        """The values with the most of a measure, for those that are asked for by it."""
        if not condition.by:
            return condition
        told = [other for other in others if other is not condition and not other.by]
        found = self.rows([condition.column], [condition.by], told)
        most = sorted(found, key=lambda row: row.values[0] or 0, reverse=True)[: condition.count]
        return Condition(condition.column, tuple(str(row.keys[0]) for row in most))

    def _measured(
        self, formula: Formula, columns: Sequence[Field], where: Sequence[Condition]
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

    def _brands(self, where: Sequence[Condition]) -> list[Window]:
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
        where: Sequence[Condition],
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
        self, part: Aggregate, columns: Sequence[Field], where: Sequence[Condition]
    ) -> dict[Key, tuple[Key, Value]]:
        query = _Query(self.model, self.model.table(part.table))
        keys = [query.column(column) for column in columns]
        places = [query.place(column) for column in columns]
        measured = _of_table(part.sql)
        if part.a_day:
            inner = measured.removeprefix("SUM(").removesuffix(")")
            measured = f"SUM(CAST({inner} AS DECIMAL(38, 12)) / w.days)"
        kept = query.days(part.days)
        conditions = [*kept, *(query.condition(condition) for condition in where)]
        return {
            tuple(row[f"k{n}"] for n in range(len(keys))): (
                tuple(row[f"p{n}"] for n in range(len(keys))),
                None if row["value"] is None else Decimal(row["value"]),
            )
            for row in query.run(self.connection, keys, places, measured, conditions)
        }

    def _keys(self, columns: Sequence[Field], where: Sequence[Condition]) -> dict[Key, Key]:
        """Without measures: the combinations in the table from which all the others are joined."""
        ones = {join.to_table for join in self.model.relationships}
        many = [column.table for column in columns if column.table not in ones]
        query = _Query(self.model, self.model.table((many or [columns[0].table])[0]))
        keys, places = [query.column(c) for c in columns], [query.place(c) for c in columns]
        found = query.run(self.connection, keys, places, "COUNT(*)", [query.condition(c) for c in where])
        indices = range(len(keys))
        return {tuple(row[f"k{n}"] for n in indices): tuple(row[f"p{n}"] for n in indices) for row in found}


class _Query:
    """A query over a table of the model, `f`, joined to what the model joins it to."""

    def __init__(self, model: SemanticModel, table: Table):
        self.model, self.table = model, table
        self.joins: dict[str, str] = {}
        self.given: dict[str, str] = {}

    def column(self, field: Field) -> str:
        if field.table == "Week":
            return f"CAST(FLOOR(date_diff('day', w.after, f.{DAY}) / 7.0) AS INTEGER)"
        source = self.model.column(field.table, field.name).source.strip("[]")
        return f"{self._table(field.table)}.{quoted(source)}"

    def place(self, field: Field) -> str:
        """By what the values of a column are sorted."""
        by = self.model.column(field.table, field.name).sort_by
        return self.column(replace(field, name=by)) if by else self.column(field)

    def days(self, days: str) -> list[str]:
        if not days:
            return []
        self.joins["w"] = f"JOIN {WINDOWS} AS w ON w.source_system = f.source_system"
        since = {"window": "w.since", "year before": "w.year_before", "week": "w.first_week"}[days]
        until = {"window": "w.until", "year before": f"w.until - {YEAR.days}", "week": "w.until"}[days]
        return [f"f.{DAY} BETWEEN {since} AND {until}"]

    def condition(self, condition: Condition) -> str:
        names = []
        for value in condition.values:
            name = f"v{len(self.given)}"
            self.given[name] = value
            names.append(f"${name}")
        column = f"CAST({self.column(condition.column)} AS VARCHAR)"
        inside = f"{column} IN ({', '.join(names)})" if names else "FALSE"
        return f"({column} IS NULL OR NOT {inside})" if condition.excluded else inside

    def run(
        self, connection: Any, keys: Sequence[str], places: Sequence[str], measured: str, where: Sequence[str]
    ) -> list[dict[str, Any]]:
        chosen = [f"{sql} AS k{n}" for n, sql in enumerate(keys)]
        chosen += [f"MIN({sql}) AS p{n}" for n, sql in enumerate(places)]
        sql = f"SELECT {', '.join([*chosen, f'{measured} AS value'])} FROM {self.table.entity} AS f"
        sql += "".join(f" {join}" for join in self.joins.values())
        sql += f" WHERE {' AND '.join(where)}" if where else ""
        sql += f" GROUP BY {', '.join(keys)}" if keys else ""
        return rows(connection, sql, self.given)

    def _table(self, name: str) -> str:
        """How a joined table is called in the query."""
        if name == self.table.name:
            return "f"
        via = self._joined(self.table.name, name)
        before = "f"
        for join in via:
            alias = quoted(join.to_table)
            one = self.model.column(join.to_table, join.to_column).source.strip("[]")
            many = self.model.column(join.from_table, join.from_column).source
            entity = self.model.table(join.to_table).entity or _made(join.to_table)
            self.joins[alias] = (
                f"LEFT JOIN {entity} AS {alias} ON {alias}.{quoted(one)} = {before}.{quoted(many)}"
            )
            before = alias
        return before

    def _joined(self, start: str, end: str) -> list[Any]:
        """The joins that lead from one table to another, the shortest way."""
        ways = [[join] for join in self.model.relationships if join.from_table == start]
        while ways:
            found = next((way for way in ways if way[-1].to_table == end), None)
            if found:
                return found
            ways = [
                [*way, join]
                for way in ways
                for join in self.model.relationships
                if join.from_table == way[-1].to_table
            ]
        raise KeyError(f"{start} is not joined to {end}")


def _made(table: str) -> str:
    """A table that DAX makes in Power BI, and that is loaded here."""
    return f"preview.{quoted(table)}"


def _of_table(sql: str) -> str:
    """An aggregate whose columns are those of the table itself, not of what it is joined to."""

    def qualified(node: exp.Expression) -> exp.Expression:
        return exp.column(node.name, table="f") if isinstance(node, exp.Column) else node

    return parse_one(sql, read="duckdb").transform(qualified).sql("duckdb")


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
    columns, listed = group_table(project, "countries")
    countries = polars.DataFrame(listed, schema=list(columns), orient="row")
    named = {"country_code": "Country code", "country": "Country", "region": "Region"}
    load(connection, f"TABLE {_made('Country')}", countries.select(list(named)).rename(named))
    for each in ordered():
        names = [f"Value{n}" for n in range(1, 5)]
        values = [(*value, n) for n, value in enumerate(each.values)]
        load(connection, f"TABLE {_made(each.name)}", polars.DataFrame(values, names, orient="row"))
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
