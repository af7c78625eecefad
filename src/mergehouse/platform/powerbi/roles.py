"""Roles of access.yml as row-level and object-level security.

A role sees the rows that the web suite's `access.cut` lets through, with two differences that Power BI asks
for: tables of names (`is_open` in star.yml) are cut by those of a role's rules alone that are about one of
their columns, as rows of facts would vanish with the names that they are joined to; and a value cannot be
hidden within a column, so a column with values across brands is hidden whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from mergehouse.access.cut import CUSTOMERS, KEY
from mergehouse.access.policy import COLUMNS, Policy, Rule, Scope
from mergehouse.access.small_cells import LEAST
from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contract_of
from mergehouse.kpi.formula import GROUP
from mergehouse.platform.powerbi.annotations import ANNOTATIONS
from mergehouse.platform.powerbi.dax import column_name, one_of, text
from mergehouse.platform.powerbi.objects import Role, Table
from mergehouse.platform.powerbi.star import star
from mergehouse.platform.powerbi.targets import OWNER, TARGETS

NOTHING = "FALSE()"


def roles(policy: Policy, tables: Iterable[Table], brands: list[str]) -> tuple[Role, ...]:
    """Each role of the policy. One without a rule for rows cannot be: access.yml is refused before."""
    there = list(tables)
    found = []
    for name, role in policy.roles.items():
        scope = policy.scope([name])
        assert scope
        rows = {table.name: rule for table in there if (rule := _rows(table, scope, there, brands))}
        hidden = {table.name: columns for table in there if (columns := _hidden(table, scope))}
        found.append(Role(name, f"{role.label}: {scope.label}", rows, hidden))
    return tuple(found)


def _rows(table: Table, scope: Scope, tables: list[Table], brands: list[str]) -> str:
    """The condition of a table's rows; empty where all are seen."""
    if table.name == TARGETS:
        return _of_whole_brands(column_name(TARGETS, OWNER), scope, brands)
    if table.name == ANNOTATIONS:
        return _of_brands(column_name(ANNOTATIONS, OWNER), scope, brands)
    if not table.entity:
        named = {column.source.strip("[]"): column.name for column in table.columns}
        return _of_names(
            table,
            scope,
            {"region": named.get("Region", ""), "country": named.get("Country code", "")},
            brands,
        )
    contract = contract_of(table.entity)
    tells_of_persons = any(column.pii != "none" for column in contract.columns.values())
    if (contract.across_brands and not scope.group) or (tells_of_persons and not scope.persons):
        return NOTHING
    if _is_open(table):
        named = {rule: table.named(column) for rule, column in COLUMNS.items() if _has(table, column)}
        return _of_names(table, scope, named, brands)
    parts = [] if scope.persons else [_large(table)]
    parts += [] if scope.group else [_across(table, contract)]
    if not scope.is_whole:
        has_all = all(_has(table, COLUMNS[rule.column]) for rules in scope.rows for rule in rules)
        if KEY in contract.columns and table.entity != CUSTOMERS and not has_all:
            parts.append(_of_their_customers(table, scope, tables, brands))
        else:
            parts.append(_any(table, scope, brands))
    return " && ".join(f"( {part} )" for part in parts if part)


def _of_names(table: Table, scope: Scope, named: dict[str, str], brands: list[str]) -> str:
    """A table of names shows those that a rule lets through, and all where no rule is about them."""
    alternatives = []
    for rules in scope.rows:
        about = [rule for rule in rules if named.get(rule.column)]
        if not about:
            return ""
        alternatives.append(
            " && ".join(_rule(rule, column_name(table.name, named[rule.column]), brands) for rule in about)
        )
    return " || ".join(f"( {each} )" for each in alternatives)


def _of_whole_brands(owner: str, scope: Scope, brands: list[str]) -> str:
    """What is said of brands, and of all together under `group`: nothing where a rule is about a place."""
    if scope.is_whole:
        return "" if scope.group else f"{owner} <> {text(GROUP)}"
    rows = [
        [_rule(rule, owner, brands) if rule.column == "brand" else NOTHING for rule in rules]
        for rules in scope.rows
    ]
    return " || ".join(f"( {' && '.join(rules)} )" for rules in rows)


def _of_brands(owner: str, scope: Scope, brands: list[str]) -> str:
    """What is said of brands whose names are seen, and of all together under `group`."""
    if scope.group:
        return ""
    rows = [
        [_rule(rule, owner, brands) for rule in rules if rule.column == "brand"]
        or [f"{owner} <> {text(GROUP)}"]
        for rules in scope.rows
    ]
    return " || ".join(f"( {' && '.join(rules)} )" for rules in rows)


def _any(table: Table, scope: Scope, brands: list[str]) -> str:
    return " || ".join(
        f"( {' && '.join(_condition(rule, table, brands) for rule in rules)} )" for rules in scope.rows
    )


def _condition(rule: Rule, table: Table, brands: list[str]) -> str:
    column = COLUMNS[rule.column]
    return (
        _rule(rule, column_name(table.name, table.named(column)), brands) if _has(table, column) else NOTHING
    )


def _rule(rule: Rule, column: str, brands: list[str]) -> str:
    if (
        rule.column == "brand"
    ):  # those that are left: rows of the group, of both or of none are not among them
        return one_of(
            column, [brand for brand in brands if (brand in rule.values) == (rule.operator == "in")]
        )
    listed = one_of(column, list(rule.values))
    return listed if rule.operator == "in" else f"NOT ISBLANK ( {column} ) && NOT {listed}"


def _of_their_customers(table: Table, scope: Scope, tables: list[Table], brands: list[str]) -> str:
    """Rows of customers whom the scope sees at that brand, where the table does not say of which place."""
    customers = next(each for each in tables if each.entity == CUSTOMERS)
    keys = ("source_system", KEY)
    mine = ", ".join(column_name(table.name, table.named(key)) for key in keys)
    theirs = [column_name(customers.name, customers.named(key)) for key in keys]
    chosen = ", ".join(f'"@{n}", {column}' for n, column in enumerate(theirs))
    kept = f"FILTER ( {column_name(customers.name, 'x').split('[')[0]}, {_any(customers, scope, brands)} )"
    return f"( {mine} ) IN SELECTCOLUMNS ( {kept}, {chosen} )"


def _across(table: Table, contract: Contract) -> str:
    """No row whose key says something about other brands, by how it begins."""
    told = [
        f"LEFT ( {column_name(table.name, table.named(name))}, {len(value)} ) = {text(value)}"
        for name, column in contract.columns.items()
        if name in contract.key and isinstance(column.across_brands, list)
        for value in column.across_brands
    ]
    return f"NOT ( {' || '.join(told)} )" if told else ""


def _large(table: Table) -> str:
    """No row that is about fewer customers than may be told; a blank counts nobody."""
    counted = next((given.counted for given in star().tables if given.name == table.name), "")
    if not counted:
        return ""
    column = column_name(table.name, table.named(counted))
    return f"ISBLANK ( {column} ) || {column} >= {LEAST}"


def _hidden(table: Table, scope: Scope) -> tuple[str, ...]:
    contract = contract_of(table.entity) if table.entity else None
    if contract is None:
        return ()
    return tuple(
        column.name
        for column in table.columns
        if (given := contract.columns[column.source]).pii in set(scope.masks) - {"pseudonym"}
        or (given.pii == "pseudonym" and "pseudonym" in scope.masks and column.source != KEY)
        or (given.across_brands and not scope.group and column.source not in contract.key)
    )


def _is_open(table: Table) -> bool:
    return any(given.name == table.name and given.is_open for given in star().tables)


def _has(table: Table, source: str) -> bool:
    return any(column.source == source for column in table.columns)
