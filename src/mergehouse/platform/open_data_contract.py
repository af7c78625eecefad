"""Contracts as the Open Data Contract Standard has them, one file a table, for catalogues that read it.

Source: bitol-io/open-data-contract-standard, version 3.1.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

import mergehouse
from mergehouse.contracts.contract import Check, ColumnContract, Contract

Json = dict[str, Any]
STANDARD = "v3.1.0"
LOGICAL = {
    "string": "string", "date": "date", "timestamp": "timestamp", "boolean": "boolean", "int": "integer",
    "bigint": "integer", "double": "number",
}  # fmt: skip
SEVERITY = {"error": "error", "warn": "warning"}


def open_data_contracts(project: str, contracts: Iterable[Contract]) -> dict[str, str]:
    """The files, by their names.

    >>> from mergehouse.contracts.registry import contract_of
    >>> files = open_data_contracts("retail", [contract_of("gold.dim_brand")])
    >>> print(files["gold.dim_brand.odcs.yaml"])
    apiVersion: v3.1.0
    kind: DataContract
    id: retail.gold.dim_brand
    ...
    """
    return {
        _file(contract.table): yaml.safe_dump(
            open_data_contract(project, contract), sort_keys=False, allow_unicode=True, width=110
        )
        for contract in contracts
    }


def open_data_contract(project: str, contract: Contract) -> Json:
    """One contract. What the standard has no word for is a custom property.

    >>> from mergehouse.contracts.registry import contract_of
    >>> made = open_data_contract("retail", contract_of("gold.dim_brand"))
    >>> [column["name"] for column in made["schema"][0]["properties"] if column.get("primaryKey")]
    ['source_system']
    """
    layer, name = contract.table.split(".") if "." in contract.table else ("", contract.table)
    quality = [_table_check(contract, check) for check in contract.checks]
    table = {
        "id": name,
        "name": name,
        "physicalName": contract.table,
        "physicalType": "table",
        "logicalType": "object",
        "description": contract.meaning,
        "dataGranularityDescription": f"One row is {contract.grain}.",
        "properties": [_property(contract, column) for column in contract.columns],
        **({"quality": quality} if quality else {}),
    }
    return {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": f"{project}.{contract.table}",
        "name": contract.table,
        "version": mergehouse.__version__,
        "status": "active",
        "domain": layer or project,
        "dataProduct": project,
        "description": {"purpose": contract.meaning},
        "schema": [table],
    }


def _property(contract: Contract, name: str) -> Json:
    column = contract.columns[name]
    made: Json = {
        "id": name,
        "name": name,
        "logicalType": LOGICAL.get(column.type, "number"),
        "physicalType": column.type.upper(),
        "description": column.meaning,
        "required": not column.nullable,
    }
    if name in contract.key:
        made |= {"primaryKey": True, "primaryKeyPosition": contract.key.index(name) + 1}
    if name in contract.partition_by:
        made |= {"partitioned": True, "partitionKeyPosition": contract.partition_by.index(name) + 1}
    if column.pii != "none":
        made |= {"classification": column.pii, "tags": ["pii"]}
    bounds = {"minimum": column.min, "maximum": column.max}
    if given := {key: value for key, value in bounds.items() if value is not None}:
        made["logicalTypeOptions"] = given
    if column.values:
        made["quality"] = [_values(column)]
    if column.references:
        table, _, other = column.references.rpartition(".")
        made["relationships"] = [{"to": f"{_file(table)}#/schema/{table.split('.')[1]}/properties/{other}"}]
    if custom := _custom(column):
        made["customProperties"] = [{"property": key, "value": value} for key, value in custom.items()]
    return made


def _values(column: ColumnContract) -> Json:
    return {
        "type": "library",
        "metric": "invalidValues",
        "arguments": {"validValues": column.values},
        "mustBe": 0,
        "severity": SEVERITY[column.severity],
    }


def _custom(column: ColumnContract) -> Json:
    given = {"unit": column.unit, "kpi": column.kpi, "acrossBrands": column.across_brands}
    return {key: value for key, value in given.items() if value}


def _table_check(contract: Contract, check: Check) -> Json:
    """A check as a query for the number of its failures; what is empty breaks no condition."""
    failing = (
        f"({check.sql}) AS failing"
        if check.sql
        else f"{contract.table} WHERE NOT COALESCE({check.expect}, TRUE)"
    )
    return {
        "name": check.name,
        "description": check.why,
        "type": "sql",
        "query": f"SELECT COUNT(*) FROM {failing}",
        "mustBe": 0,
        "severity": SEVERITY[check.severity],
    }


def _file(table: str) -> str:
    return f"{table}.odcs.yaml"
