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
    """The aggregate as a SQL expression. Not for ratios, which divide two measures.

    >>> measure_sql({"sum": "gmv_eur", "count_distinct": None, "where": {}})
    'SUM(gmv_eur)'
    >>> measure_sql({"sum": None, "count_distinct": "customer_id", "where": {"frequency": "> 0"}})
    'COUNT(DISTINCT CASE WHEN frequency > 0 THEN customer_id END)'
    """
    kept = " AND ".join(f"{column} {test}" for column, test in kpi["where"].items())
    measured = kpi["count_distinct"] or kpi["sum"]
    value = f"CASE WHEN {kept} THEN {measured} END" if kept else measured
    return f"COUNT(DISTINCT {value})" if kpi["count_distinct"] else f"SUM({value})"


def money_ratio_sql(numerator: str, denominator: str) -> str:
    """One column over another to the cent, rounded half up, empty where that is 0; neither is below 0.

    In whole numbers, since engines divide decimals differently.

    >>> print(money_ratio_sql("gmv_eur", "orders"))
    CASE WHEN orders > 0 THEN
    (2 * CAST(gmv_eur * 100 AS BIGINT) + orders) DIV (2 * orders) * CAST(0.01 AS DECIMAL(3, 2)) END
    """
    return (
        f"CASE WHEN {denominator} > 0 THEN (2 * CAST({numerator} * 100 AS BIGINT) + {denominator})"
        f" DIV (2 * {denominator}) * CAST(0.01 AS DECIMAL(3, 2)) END"
    )


def kpi_sql(
    table: str, kpis: list[dict[str, Any]], measure: Callable[[dict[str, Any]], str] = measure_sql
) -> str:
    """One query for all measures of a Gold table: a row per brand and one for the group.

    >>> gmv = {"name": "gmv", "sum": "gmv_eur", "count_distinct": None, "where": {}}
    >>> print(kpi_sql("gold.sales", [gmv]))
    SELECT COALESCE(source_system, 'group') AS scope, SUM(gmv_eur) AS gmv FROM gold.sales
    GROUP BY GROUPING SETS ((source_system), ()) ORDER BY scope
    """
    measures = ", ".join(f"{measure(k)} AS {k['name']}" for k in kpis)
    return (
        f"SELECT COALESCE(source_system, '{GROUP}') AS scope, {measures} FROM {table} "
        f"GROUP BY GROUPING SETS ((source_system), ()) ORDER BY scope"
    )


def totals(
    kpis: list[dict[str, Any]],
    tables: Iterable[str],
    measured: Callable[[str, list[dict[str, Any]]], list[dict[str, Any]]],
) -> Values:
    """Every KPI per scope (brand names, then `group`), over the `tables` that are there; None where a ratio
    has no denominator.

    `measured` gives the rows of `kpi_sql` of a table and its KPIs.

    >>> gmv = dict(name="gmv", table="t", sum="eur", count_distinct=None, where={}, ratio=None, format="")
    >>> orders = gmv | {"name": "orders", "sum": "orders"}
    >>> aov = dict(name="aov", table=None, ratio=("gmv", "orders"), format="money")
    >>> rows = [{"scope": "a", "gmv": 10, "orders": 3}, {"scope": "b", "gmv": 5, "orders": 0}]
    >>> {scope: named["aov"] for scope, named in totals([gmv, orders, aov], ["t"], lambda *_: rows).items()}
    {'a': Decimal('3.33'), 'b': None}
    """
    values: Values = {}
    for table in tables:
        for row in measured(table, [k for k in kpis if k["table"] == table]):
            scope = values.setdefault(row.pop("scope"), {})
            scope.update({name: None if v is None else Decimal(v) for name, v in row.items()})
    for scope in values.values():
        scope.update(ratios(kpis, scope, everywhere=True))
    ordered = sorted(values, key=lambda s: (s == GROUP, s))
    return {scope: {k["name"]: values[scope].get(k["name"]) for k in kpis} for scope in ordered}


def ratios(
    kpis: list[dict[str, Any]], measures: dict[str, Value], everywhere: bool = False
) -> dict[str, Value]:
    """The ratios whose two measures are there, or with `everywhere` all; None without a denominator.

    >>> aov = dict(name="aov", ratio=("gmv", "orders"), format="money")
    >>> ratios([aov], {"gmv": Decimal(10), "orders": Decimal(3)}), ratios([aov], {"gmv": Decimal(10)})
    ({'aov': Decimal('3.33')}, {})
    """
    return {
        kpi["name"]: _ratio(measures.get(kpi["ratio"][0]), measures.get(kpi["ratio"][1]), kpi["format"])
        for kpi in kpis
        if kpi["ratio"] and (everywhere or all(measure in measures for measure in kpi["ratio"]))
    }


def _ratio(numerator: Value, denominator: Value, shown: str) -> Value:
    if numerator is None or not denominator:
        return None
    places = Decimal("0.01") if shown == "money" else Decimal("0.000001")
    return (numerator / denominator).quantize(places, ROUND_HALF_UP)
