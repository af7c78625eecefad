"""KPIs as SQL and arithmetic: from the definitions of the catalogue, as plain dictionaries, to values.

Plain Python and SQL that DuckDB and Spark both take, so that the same code runs in a notebook on Fabric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

GROUP = "group"
Value = Decimal | None
Values = dict[str, dict[str, Value]]  # by scope and KPI


def measure_sql(kpi: dict[str, Any]) -> str:
    """The aggregate as a SQL expression. Not for ratios, which divide two measures."""
    kept = " AND ".join(f"{column} {test}" for column, test in kpi["where"].items())
    if kpi["count_distinct"]:
        value = f"CASE WHEN {kept} THEN {kpi['count_distinct']} END" if kept else kpi["count_distinct"]
        return f"COUNT(DISTINCT {value})"
    value = f"CASE WHEN {kept} THEN {kpi['sum']} END" if kept else kpi["sum"]
    return f"SUM({value})"


def kpi_sql(table: str, kpis: list[dict[str, Any]]) -> str:
    """One query for all measures of a Gold table: a row per brand and one for the group."""
    measures = ", ".join(f"{measure_sql(k)} AS {k['name']}" for k in kpis)
    return (
        f"SELECT COALESCE(source_system, '{GROUP}') AS scope, {measures} FROM {table} "
        f"GROUP BY GROUPING SETS ((source_system), ()) ORDER BY scope"
    )


def totals(
    kpis: list[dict[str, Any]], tables: Iterable[str], rows: Callable[[str], list[dict[str, Any]]]
) -> Values:
    """Every KPI per scope (brand names, then `group`), over the `tables` that are there; None where a ratio
    has no denominator.

    `rows` runs a query and returns its rows.
    """
    values: Values = {}
    for table in tables:
        for row in rows(kpi_sql(table, [k for k in kpis if k["table"] == table])):
            scope = values.setdefault(row.pop("scope"), {})
            scope.update({name: None if v is None else Decimal(v) for name, v in row.items()})
    for scope in values.values():
        for kpi in kpis:
            if kpi["ratio"]:
                numerator, denominator = kpi["ratio"]
                scope[kpi["name"]] = _ratio(scope.get(numerator), scope.get(denominator), kpi["format"])
    ordered = sorted(values, key=lambda s: (s == GROUP, s))
    return {scope: {k["name"]: values[scope].get(k["name"]) for k in kpis} for scope in ordered}


def _ratio(numerator: Value, denominator: Value, shown: str) -> Value:
    if numerator is None or not denominator:
        return None
    places = Decimal("0.01") if shown == "money" else Decimal("0.000001")
    return (numerator / denominator).quantize(places, ROUND_HALF_UP)
