"""Metric views: the KPI catalogue as Databricks' own semantic layer, one view for each table that KPIs are
measured over.

Source of the format: Databricks' metric view YAML reference, specification 1.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contract_of
from mergehouse.kpi.catalogue import Kpi
from mergehouse.platform.databricks.statements import named

VERSION = 1.1
FORMATS = {"integer": ({"type": "number"}, 0), "percent": ({"type": "percentage"}, 1)}  # and money
ROUNDED = {"money": 2, "percent": 6}  # places of a ratio, as in the catalogue
ABOUT = ("string", "date", "boolean")  # types of columns that figures can be cut by


def metric_views(kpis: Iterable[Kpi]) -> dict[str, str]:
    """The views' names, each with the table that its KPIs are measured over.

    >>> from mergehouse.kpi.catalogue import catalogue
    >>> list(metric_views(catalogue()))
    ['gold.sales_daily_kpis', 'gold.customer_brand_360_kpis']
    """
    return {f"{kpi.table}_kpis": kpi.table for kpi in kpis if kpi.table}


def metric_view_statements(catalog: str, kpis: Iterable[Kpi]) -> list[str]:
    """A statement for each view.

    >>> from mergehouse.kpi.catalogue import catalogue
    >>> print(metric_view_statements("c", catalogue())[0])
    CREATE OR REPLACE VIEW `c`.`gold`.`sales_daily_kpis` WITH METRICS LANGUAGE YAML AS $$
    version: 1.1
    comment: Daily sales figures of every brand and country. ...
    """
    kpis = list(kpis)
    made = []
    for view, table in metric_views(kpis).items():
        text = yaml.safe_dump(
            definition(catalog, table, kpis), sort_keys=False, allow_unicode=True, width=100_000
        )
        place = named(catalog, *view.split("."))
        made.append(f"CREATE OR REPLACE VIEW {place} WITH METRICS LANGUAGE YAML AS $$\n{text}$$")
    return made


def definition(catalog: str, table: str, kpis: Iterable[Kpi]) -> dict[str, Any]:
    """What a view says: its table, what figures can be cut by, and the table's KPIs with their ratios.

    >>> from mergehouse.kpi.catalogue import catalogue
    >>> view = definition("c", "gold.sales_daily", catalogue())
    >>> [dimension["name"] for dimension in view["dimensions"]]
    ['order_date', 'source_system', 'country_code', 'region', 'margin_method']
    >>> [measure["expr"] for measure in view["measures"] if measure["name"] in ("gmv", "aov")]
    ['SUM(gmv_eur)', 'ROUND(MEASURE(gmv) / NULLIF(MEASURE(orders), 0), 2)']
    """
    contract, kpis = contract_of(table), list(kpis)
    own = {kpi.name for kpi in kpis if kpi.table == table}
    shown = [kpi for kpi in kpis if kpi.name in own or (kpi.ratio and own.issuperset(kpi.ratio))]
    return {
        "version": VERSION,
        "comment": f"{contract.meaning} One row of its table is {contract.grain}.",
        "source": ".".join([catalog, table]),
        "dimensions": [  # newer pages say `fields`, and take both
            {"name": name, "expr": name, "comment": contract.columns[name].meaning}
            for name in _dimensions(contract)
        ],
        "measures": [_measure(kpi) for kpi in shown],
    }


def _dimensions(contract: Contract) -> list[str]:
    """Columns that tell groups of rows apart; neither persons nor what tells about other brands."""
    return [
        name
        for name, column in contract.columns.items()
        if column.type in ABOUT and column.pii == "none" and not column.across_brands
    ]


def _measure(kpi: Kpi) -> dict[str, Any]:
    currency = {"type": "currency", "currency_code": kpi.unit}
    shown, places = FORMATS.get(kpi.format, (currency, 2))
    return {
        "name": kpi.name,
        "expr": expression(kpi),
        "display_name": kpi.label,
        "comment": kpi.meaning,
        "format": {**shown, "decimal_places": {"type": "exact", "places": places}},
    }


def expression(kpi: Kpi) -> str:
    """A KPI as a metric view computes it; a ratio divides two measures of the view.

    >>> from mergehouse.kpi.catalogue import catalogue
    >>> [expression(kpi) for kpi in catalogue() if kpi.name in ("returns", "return_rate")]
    ['SUM(returns_eur)', 'ROUND(MEASURE(returns) / NULLIF(MEASURE(gmv), 0), 6)']
    """
    if not kpi.ratio:
        return kpi.measure_sql()
    numerator, denominator = kpi.ratio
    return f"ROUND(MEASURE({numerator}) / NULLIF(MEASURE({denominator}), 0), {ROUNDED[kpi.format]})"
