"""Row filters: for each table a function that lets through the rows that `access.yml` gives to the roles of
whoever asks. A role is an account group of the same name.

The conditions are those of the dashboards' files (`access.cut`), translated, so that both let the same rows
through. Source of the statements: Databricks' pages on row filters and on CREATE FUNCTION (SQL).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.simplify import simplify

from mergehouse.access.cut import CUSTOMERS as CUSTOMERS_AT_BRANDS
from mergehouse.access.cut import cut
from mergehouse.access.policy import Policy
from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contract_of
from mergehouse.errors import ConfigError
from mergehouse.platform.databricks.statements import named
from mergehouse.platform.databricks.unity_catalog import ACCESS, CUSTOMERS, CUSTOMERS_COLUMNS

PIPELINE = "mergehouse_pipeline"  # the group that fills the tables: nothing is hidden from it


def member(group: str) -> exp.Expression:
    """Whether whoever asks is in a group.

    >>> print(member("équipe").sql(dialect="databricks", normalize_functions=False))
    is_account_group_member('équipe')
    """
    return exp.Anonymous(this="is_account_group_member", expressions=[exp.Literal.string(group)])


@dataclass(frozen=True)
class RowFilter:
    """What each role sees of a table: conditions over its columns. A role that sees nothing is not in it;
    whoever has one of the `barred` roles sees nothing, whatever other roles they have.
    """

    contract: Contract
    conditions: Mapping[str, exp.Expression]
    barred: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """What the conditions look at, in the table's order."""
        asked = {
            column.name
            for condition in self.conditions.values()
            for column in condition.find_all(exp.Column)
            if not column.find_ancestor(exp.Select)
        }
        return [name for name in self.contract.columns if name in asked]

    @property
    def asks_for_customers(self) -> bool:
        """Whether a condition looks up where a customer is at home."""
        return any(condition.find(exp.Select) for condition in self.conditions.values())

    def body(self, catalog: str) -> str:
        """The condition of all roles together."""
        seen = [
            exp.and_(member(role), _placed(condition, catalog)) for role, condition in self.conditions.items()
        ]
        allowed = exp.or_(exp.false(), *seen)
        if self.barred:
            allowed = exp.and_(exp.not_(exp.or_(*map(member, self.barred))), allowed)
        whole = simplify(exp.or_(member(PIPELINE), allowed))
        return whole.sql(dialect="databricks", normalize_functions=False)


def row_filters(policy: Policy, brands: Iterable[str], contracts: Iterable[Contract]) -> list[RowFilter]:
    """One for each table. Raises ConfigError where a role has the name of the pipeline's group.

    >>> from mergehouse.access.policy import load_policy
    >>> policy = load_policy(mh.project("shop"))
    >>> found = row_filters(policy, ["shop"], [contract_of("gold.sales_daily")])[0]
    >>> found.columns, found.conditions["brand_manager_shop"].sql()
    (['source_system'], "source_system IN ('shop')")
    """
    if PIPELINE in policy.roles:
        raise ConfigError(
            f"access.yml: roles.{PIPELINE}: this is the group that fills the tables on Databricks, from"
            " which nothing is hidden; call the role otherwise."
        )
    brands, without = list(brands), tuple(name for name, role in policy.roles.items() if not role.persons)
    return [
        RowFilter(
            contract, dict(_conditions(policy, brands, contract)), without if _is_of_persons(contract) else ()
        )
        for contract in contracts
    ]


def _is_of_persons(contract: Contract) -> bool:
    return any(contract.columns[name].pii != "none" for name in contract.key)


def _conditions(
    policy: Policy, brands: list[str], contract: Contract
) -> Iterable[tuple[str, exp.Expression]]:
    for name, role in policy.roles.items():
        scope = policy.scope([name])
        if scope is None or (_is_of_persons(contract) and not role.persons):
            continue
        where = sqlglot.parse_one(cut(contract.table, scope, brands), read="duckdb").args["where"].this.copy()
        condition = simplify(where)
        if not isinstance(condition, exp.Boolean) or condition.this:
            yield name, condition


def _placed(condition: exp.Expression, catalog: str) -> exp.Expression:
    """With the table of customers' homes, which has no filter, in the place of the dashboards' own table."""
    place = exp.to_table(f"{named(catalog, ACCESS, CUSTOMERS)}", dialect="databricks")
    return condition.transform(
        lambda node: place if isinstance(node, exp.Table) and node.name == CUSTOMERS_AT_BRANDS else node
    )


def filter_statements(catalog: str, filters: Iterable[RowFilter]) -> list[str]:
    """The functions, and each put on its table.

    >>> from mergehouse.access.policy import load_policy
    >>> policy = load_policy(mh.project("shop"))
    >>> found = row_filters(policy, ["shop"], [contract_of("gold.dim_date")])
    >>> print(filter_statements("c", found)[-1])
    ALTER TABLE `c`.`gold`.`dim_date` SET ROW FILTER `c`.`access`.`rows_of_dim_date` ON ()
    """
    filters = list(filters)
    made: list[str] = []
    if any(found.asks_for_customers for found in filters):
        homes = contract_of(CUSTOMERS_AT_BRANDS).types
        described = ", ".join(f"{named(name)} {homes[name].upper()}" for name in CUSTOMERS_COLUMNS)
        made.append(
            f"CREATE TABLE IF NOT EXISTS {named(catalog, ACCESS, CUSTOMERS)} ({described}) USING DELTA"
            " COMMENT 'Where customers are at home, for row filters; filled with each release'"
        )
    for found in filters:
        table = found.contract.table.split(".")[1]
        function = named(catalog, ACCESS, f"rows_of_{table}")
        takes = ", ".join(f"{name} {found.contract.types[name].upper()}" for name in found.columns)
        made.append(
            f"CREATE OR REPLACE FUNCTION {function}({takes}) RETURNS BOOLEAN RETURN {found.body(catalog)}"
        )
        place, on = named(catalog, *found.contract.table.split(".")), ", ".join(map(named, found.columns))
        made.append(f"ALTER TABLE {place} SET ROW FILTER {function} ON ({on})")
    return made
