"""Metric views and dashboards, computed: their SQL over Gold, by any engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from tests.conftest import Shop

from mergehouse.kpi.catalogue import catalogue, compute
from mergehouse.kpi.formula import Values
from mergehouse.platform.databricks.metric_views import definition


def measured(run: Callable[[str], list[tuple]], table: str) -> Values:
    """The measures of a table's metric view, for each brand and for all of them, as `MEASURE` takes them."""
    view = definition("c", table, catalogue())
    expressions = {measure["name"]: measure["expr"] for measure in view["measures"]}
    filled = {
        name: re.sub(r"MEASURE\((\w+)\)", lambda asked: expressions[asked[1]], expression)
        for name, expression in expressions.items()
    }
    columns, source = ", ".join(filled.values()), table.replace(".", "_")
    values: Values = {}
    for scope, by in (("source_system", " GROUP BY source_system"), ("'group'", "")):
        for row in run(f"SELECT {scope}, {columns} FROM {source}{by}"):
            values[row[0]] = dict(zip(filled, map(_exact, row[1:]), strict=True))
    return values


def catalogue_over(shop: Shop, table: str) -> Values:
    """The catalogue's own figures of the KPIs that a table's metric view has."""
    shown = {measure["name"] for measure in definition("c", table, catalogue())["measures"]}
    return {
        scope: {kpi: _exact(value) for kpi, value in named.items() if kpi in shown}
        for scope, named in compute(shop.lakehouse).items()
    }


def _exact(value: object) -> Decimal | None:
    """Counts, money and shares as the catalogue has them: six places at the most."""
    if value is None:
        return None
    return Decimal(str(value)).quantize(Decimal("0.000001"), ROUND_HALF_UP).normalize() + 0
