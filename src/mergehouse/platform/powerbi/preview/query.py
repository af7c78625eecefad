"""Queries over Gold as a table of the model sees it, joined to what the model joins it to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp, parse_one

from mergehouse.lakehouse.reader import quoted, rows
from mergehouse.platform.powerbi.objects import Relationship, SemanticModel, Table
from mergehouse.platform.powerbi.preview.clock import YEAR
from mergehouse.platform.powerbi.preview.measures import Aggregate
from mergehouse.platform.powerbi.preview.reading import DrawnFilter
from mergehouse.platform.powerbi.report.fields import Field

WINDOWS = "preview.windows"
DAY = "order_date"


class Query:
    """A query over a table of the model, `f`, joined to what the model joins it to."""

    def __init__(self, model: SemanticModel, table: Table):
        self.model, self.table = model, table
        self.joins: dict[str, str] = {}
        self.given: dict[str, str] = {}

    def column(self, field: Field) -> str:
        """A column in SQL; what it is joined from is taken along."""
        if field.table == "Week":
            return f"CAST(FLOOR(date_diff('day', w.after, f.{DAY}) / 7.0) AS INTEGER)"
        source = self.model.column(field.table, field.name).source.strip("[]")
        return f"{self._table(field.table)}.{quoted(source)}"

    def place(self, field: Field) -> str:
        """By what the values of a column are sorted."""
        by = self.model.column(field.table, field.name).sort_by
        return self.column(replace(field, name=by)) if by else self.column(field)

    def days(self, days: str) -> list[str]:
        """The condition that a day is one of a brand's window; none without one."""
        if not days:
            return []
        self.joins["w"] = f"JOIN {WINDOWS} AS w ON w.source_system = f.source_system"
        since = {"window": "w.since", "year before": "w.year_before", "week": "w.first_week"}[days]
        until = {"window": "w.until", "year before": f"w.until - {YEAR.days}", "week": "w.until"}[days]
        return [f"f.{DAY} BETWEEN {since} AND {until}"]

    def condition(self, condition: DrawnFilter) -> str:
        """A filter in SQL; its values are parameters."""
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
        """A row for each combination of keys: `k0`, ... with their places `p0`, ..., and the `value`."""
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
            entity = self.model.table(join.to_table).entity or made_by_dax(join.to_table)
            self.joins[alias] = (
                f"LEFT JOIN {entity} AS {alias} ON {alias}.{quoted(one)} = {before}.{quoted(many)}"
            )
            before = alias
        return before

    def _joined(self, start: str, end: str) -> list[Relationship]:
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


def aggregate_sql(part: Aggregate) -> str:
    """An aggregate whose columns are those of the table itself, not of what it is joined to."""

    def qualified(node: exp.Expression) -> exp.Expression:
        return exp.column(node.name, table="f") if isinstance(node, exp.Column) else node

    measured = parse_one(part.sql, read="duckdb").transform(qualified)
    if not part.a_day:
        return measured.sql("duckdb")
    return f"SUM(CAST({measured.this.sql('duckdb')} AS DECIMAL(38, 12)) / w.days)"


def made_by_dax(table: str) -> str:
    """A table that DAX makes in Power BI, and that is loaded here."""
    return f"preview.{quoted(table)}"
