"""Unity Catalog: a catalog for each environment, its schemas, and a table for each contract that is released,
with comments, keys and PII tags.

The tables are managed ones, filled from releases: the lakehouse that runs build stays another place, which
nobody but the pipeline reads. So what readers see was checked and released, and filters on these tables,
which cannot be read at an earlier version, are in no run's way.
"""

from __future__ import annotations

from collections.abc import Iterable

from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.platform.databricks.statements import literal, named

GOLD, ACCESS, LANDING = "gold", "access", "landing"
VOLUME = "project"
SCHEMAS = {
    GOLD: "Business-ready tables, filled from releases; who sees which rows is set in `access.yml`.",
    ACCESS: "Functions that filter rows and mask columns of `gold`. Nobody reads here.",
    LANDING: "The mergehouse project: configuration, exports and releases.",
}
CUSTOMERS = "customers"  # in ACCESS: where customers are at home, for row filters
CUSTOMERS_COLUMNS = ("source_system", "customer_id", "region", "country_code")


def catalog(catalog: str, project: str) -> list[str]:
    """The catalog, its schemas, and the volume that holds the project's folder.

    >>> print(catalog("retail_dev", "retail")[0])
    CREATE CATALOG IF NOT EXISTS `retail_dev` COMMENT 'retail, by mergehouse'
    """
    return [
        f"CREATE CATALOG IF NOT EXISTS {named(catalog)} COMMENT {literal(f'{project}, by mergehouse')}",
        *(
            f"CREATE SCHEMA IF NOT EXISTS {named(catalog, schema)} COMMENT {literal(about)}"
            for schema, about in SCHEMAS.items()
        ),
        f"CREATE VOLUME IF NOT EXISTS {named(catalog, LANDING, VOLUME)} COMMENT 'Folder of the project'",
    ]


def tables(catalog: str, contracts: Iterable[Contract]) -> list[str]:
    """Every table as its contract has it, empty.

    >>> from mergehouse.contracts.registry import contract_of
    >>> print(tables("c", [contract_of("gold.model_promotions")])[0])
    CREATE TABLE IF NOT EXISTS `c`.`gold`.`model_promotions` (
      `decided_ts` TIMESTAMP NOT NULL COMMENT ...
    """
    return [_table(catalog, contract) for contract in contracts]


def _table(catalog: str, contract: Contract) -> str:
    lines = [
        f"{named(column)} {promise.type.upper()}"
        f"{'' if promise.nullable else ' NOT NULL'} COMMENT {literal(_said(promise))}"
        for column, promise in contract.columns.items()
    ]
    if not any(contract.columns[column].nullable for column in contract.key):
        key = ", ".join(map(named, contract.key))
        lines.append(f"CONSTRAINT {named(contract.table.split('.')[1] + '_key')} PRIMARY KEY ({key})")
    body = ",\n  ".join(lines)
    return (
        f"CREATE TABLE IF NOT EXISTS {named(catalog, *contract.table.split('.'))} (\n  {body}\n)"
        f" USING DELTA COMMENT {literal(contract.meaning)}"
    )


def descriptions(catalog: str, contracts: Iterable[Contract]) -> list[str]:
    """What tables and columns mean, as contracts say today, and the tag `pii` of columns about persons.

    >>> from mergehouse.contracts.registry import contract_of
    >>> print(descriptions("c", [contract_of("gold.customer_360")])[-1])
    ALTER TABLE `c`.`gold`.`customer_360` ALTER COLUMN `customer_id` SET TAGS ('pii' = 'pseudonym')
    """
    made = []
    for contract in contracts:
        name = named(catalog, *contract.table.split("."))
        columns = contract.columns.items()
        made += [
            f"COMMENT ON TABLE {name} IS {literal(contract.meaning)}",
            *(
                f"ALTER TABLE {name} ALTER COLUMN {named(column)} COMMENT {literal(_said(promise))}"
                for column, promise in columns
            ),
            *(
                f"ALTER TABLE {name} ALTER COLUMN {named(column)} SET TAGS ('pii' = {literal(promise.pii)})"
                for column, promise in columns
                if promise.pii != "none"
            ),
        ]
    return made


def _said(promise: ColumnContract) -> str:
    return f"{promise.meaning} (in {promise.unit})" if promise.unit else promise.meaning
