"""The KPI catalogue as an Open Semantic Interchange file: tables, how they refer to one another, metrics.

Source: open-semantic-interchange/OSI (Apache Ossie), core-spec, as of November 2026: version 0.2.0.dev0, the
only one with a schema, which is still in the making.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlglot
import yaml
from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contract_of
from mergehouse.kpi.catalogue import Kpi

Json = dict[str, Any]
VERSION = "0.2.0.dev0"
TYPES = {
    "string": "String", "date": "Date", "timestamp": "DateTimeTz", "boolean": "Boolean", "int": "Integer",
    "bigint": "Integer", "double": "Float",
}  # fmt: skip
OF_KPI = {"money": "Decimal", "percent": "Decimal", "integer": "Integer"}


def semantic_model(project: str, kpis: Iterable[Kpi]) -> str:
    """The file: the tables that KPIs are measured over, those that these refer to, and every KPI.

    >>> from mergehouse.kpi.catalogue import catalogue
    >>> model = yaml.safe_load(semantic_model("retail", catalogue()))["semantic_model"][0]
    >>> [dataset["name"] for dataset in model["datasets"]]
    ['sales_daily', 'customer_brand_360', 'dim_date', 'dim_brand', 'dim_customer']
    >>> model["metrics"][0]["expression"]["dialects"][0]["expression"]
    'SUM(sales_daily.gmv_eur)'
    """
    kpis = list(kpis)
    measured = dict.fromkeys(kpi.table for kpi in kpis if kpi.table)
    references = [found for table in measured for found in _references(contract_of(table))]
    tables = [*measured, *dict.fromkeys(table for _, _, table, _ in references if table not in measured)]
    model = {
        "name": project,
        "description": "KPIs of the group, each defined once.",
        "datasets": [_dataset(contract_of(table)) for table in tables],
        "relationships": [_relationship(*found) for found in references],
        "metrics": [_metric(kpi, {kpi.name: kpi for kpi in kpis}) for kpi in kpis],
    }
    return yaml.safe_dump(
        {"version": VERSION, "semantic_model": [model]}, sort_keys=False, allow_unicode=True, width=110
    )


def _references(contract: Contract) -> list[tuple[str, str, str, str]]:
    """Table and column, and the table and column that they refer to, of those that are released."""
    found = []
    for name, column in contract.columns.items():
        if column.references and column.references.startswith("gold."):
            table, _, other = column.references.rpartition(".")
            found.append((contract.table, name, table, other))
    return found


def _dataset(contract: Contract) -> Json:
    return {
        "name": _short(contract.table),
        "source": contract.table,
        "primary_key": contract.key,
        "description": f"{contract.meaning} One row is {contract.grain}.",
        "fields": [
            {
                "name": name,
                "expression": _expression(name),
                "description": column.meaning,
                "datatype": TYPES.get(column.type, "Decimal"),
            }
            for name, column in contract.columns.items()
        ],
    }


def _relationship(table: str, column: str, other: str, key: str) -> Json:
    return {
        "name": f"{_short(table)}_{column}",
        "from": _short(table),
        "to": _short(other),
        "from_columns": [column],
        "to_columns": [key],
    }


def _metric(kpi: Kpi, kpis: dict[str, Kpi]) -> Json:
    if kpi.ratio:
        numerator, denominator = (_measure(kpis[name]) for name in kpi.ratio)
        sql = f"{numerator} / NULLIF({denominator}, 0)"
    else:
        sql = _measure(kpi)
    return {
        "name": kpi.name,
        "expression": _expression(sql),
        "description": f"{kpi.label}: {kpi.meaning}",
        "datatype": OF_KPI[kpi.format],
    }


def _measure(kpi: Kpi) -> str:
    """A measure whose columns bear the name of their table."""
    tree = sqlglot.parse_one(kpi.measure_sql(), read="spark")
    for column in tree.find_all(exp.Column):
        column.set("table", exp.to_identifier(_short(str(kpi.table))))
    return tree.sql()


def _expression(sql: str) -> Json:
    return {"dialects": [{"dialect": "ANSI_SQL", "expression": sql}]}


def _short(table: str) -> str:
    return table.split(".")[1]
