"""What a scope may see of a published table: rows by its rules, columns by its masks, keys of its own."""

from __future__ import annotations

from collections.abc import Iterable

from mergehouse.access.policy import COLUMNS, Rule, Scope
from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.reader import quoted, text

KEY, CUSTOMERS = "customer_id", "gold.customer_brand_360"
PLAIN = KEY  # and two ways to the scope's own key, which give the same
HASHED = f"substr(sha256(getvariable('salt') || {KEY}), 1, 16)"
LOOKED_UP = f"COALESCE((SELECT scope_key FROM scope_keys WHERE known_as = {KEY}), {HASHED})"


def cut(name: str, scope: Scope, brands: Iterable[str], key_as: str = HASHED) -> str:
    """A table under `published` as the scope may see it, as a SELECT. Customers' keys are HASHED with the
    variable `salt`, which is the scope's; LOOKED_UP in the table `scope_keys`, where they are already; or
    PLAIN, where customers are only counted by them.

    >>> scope = Scope(((Rule(column="brand", values=("shop",)),),), ("personal",), False, True, "Shop")
    >>> "is_cross_brand" in cut("gold.customer_brand_360", scope, ["shop", "other"])
    False
    >>> cut("gold.customer_360", scope, ["shop", "other"])[-13:]
    'WHERE (FALSE)'
    """
    columns = {
        column: contract
        for column, contract in contract_of(name).columns.items()
        if contract.pii not in set(scope.masks) - {"pseudonym"}
        and not (contract.across_brands == "all" and not scope.group)
    }
    if contract_of(name).across_brands and not scope.group:
        where = ["FALSE"]
    elif not scope.is_whole and KEY in columns and name != CUSTOMERS and not _has_columns(scope, columns):
        # cut by its customers, who are told by country where the table is not
        among = predicate(scope, contract_of(CUSTOMERS).columns, brands)
        theirs = f"SELECT source_system, {KEY} FROM published.{quoted(CUSTOMERS)} WHERE {among}"
        where = [f"(source_system, {KEY}) IN ({theirs})"]
    else:
        where = [predicate(scope, columns, brands)]
    key, shown = contract_of(name).key, []
    for column, contract in columns.items():
        sql = quoted(column)
        if column == KEY:
            sql = key_as
        elif contract.across_brands and not scope.group:  # a list: columns with `all` are gone
            tells = " OR ".join(f"starts_with({sql}, {text(value)})" for value in contract.across_brands)
            if column in key:
                where.append(f"NOT ({tells})")
            else:
                sql = f"CASE WHEN NOT ({tells}) THEN {sql} END"
        shown.append(f"{sql} AS {quoted(column)}")
    return f"SELECT {', '.join(shown)} FROM published.{quoted(name)} WHERE ({') AND ('.join(where)})"


def _has_columns(scope: Scope, columns: Iterable[str]) -> bool:
    return {COLUMNS[rule.column] for rules in scope.rows for rule in rules} <= set(columns)


def predicate(scope: Scope, columns: Iterable[str], brands: Iterable[str]) -> str:
    """Which rows of a table with these columns the scope may see, as a condition.

    A table without the column of a rule shows nothing of it, and rules about brands name the brands that are
    left, so that rows of the group, of both or of none are not among them.

    >>> scope = Scope(((Rule(column="brand", operator="not in", values=("b",)),),), (), False, True, "a")
    >>> predicate(scope, ["source_system"], ["a", "b"]), predicate(scope, ["month"], ["a", "b"])
    ("(source_system IN ('a'))", '(FALSE)')
    """
    if scope.is_whole:
        return "TRUE"
    there = set(columns)
    return " OR ".join(
        f"({' AND '.join(_condition(rule, there, tuple(brands)) for rule in rules)})" for rules in scope.rows
    )


def _condition(rule: Rule, there: set[str], brands: tuple[str, ...]) -> str:
    column = COLUMNS[rule.column]
    if column not in there:
        return "FALSE"
    operator, values = rule.operator, rule.values
    if rule.column == "brand":
        listed = [b for b in brands if (b in values) == (operator == "in")]
        operator, values = "in", tuple(listed)
    if not values:
        return "FALSE"
    return f"{column} {operator.upper()} ({', '.join(text(value) for value in values)})"
