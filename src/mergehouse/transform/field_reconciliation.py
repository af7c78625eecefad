"""Fields that two tables of one brand both carry: where they disagree, as a view, and which keys new
deliveries touch.

Everything here is generated Spark SQL text over the typed views of the sources; nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from mergehouse.engine.literal import literal
from mergehouse.project.brand import Brand
from mergehouse.project.sources import FieldReconciliation

DIFFERENCES = "staging.field_differences"
_NOTHING = ", ".join(
    f"CAST(NULL AS STRING) AS {name}"
    for name in ("source_system", "field", "key_column", "key_value", "used", "other")
)


def differences_view(brands: list[Brand], delivered: set[tuple[str, str]]) -> str:
    """SQL of `staging.field_differences`: a row for each key and pair of values on which two tables disagree.

    `delivered` are (brand, source) with at least one delivery; rules over any other source are left out.

    >>> differences_view([], set()).endswith("WHERE FALSE")  # nothing to compare
    True
    """
    parts = [
        differences_between(brand, rules, {table: f"typed.{brand.name}_{table}" for table in brand.sources})
        for brand in brands
        for rules in compared_together(
            rules_over(brand, {table for name, table in delivered if name == brand.name})
        )
    ]
    return " UNION ALL ".join(parts) or f"SELECT {_NOTHING} WHERE FALSE"


def rules_over(brand: Brand, tables: set[str]) -> list[FieldReconciliation]:
    """The brand's rules over these of its sources alone.

    >>> rule = FieldReconciliation(
    ...     field="price", use="lines.price", against="items.price", key="item", why="checked"
    ... )
    >>> brand = mh.project("shop").brands["shop"].model_copy(update={"reconcile": [rule]})
    >>> len(rules_over(brand, {"lines", "items"})), len(rules_over(brand, {"lines"}))
    (1, 0)
    """
    return [rule for rule in brand.reconcile if {_table(rule.use), _table(rule.against)} <= tables]


def compared_together(rules: list[FieldReconciliation]) -> list[list[FieldReconciliation]]:
    """Rules over the same rows of the same two tables, which are compared in one pass.

    >>> price = FieldReconciliation(
    ...     field="price", use="lines.price", against="items.price", key="item", why="checked"
    ... )
    >>> title = price.model_copy(update={"field": "title", "use": "items.title", "against": "lines.title"})
    >>> weight = price.model_copy(update={"against": "stock.weight"})
    >>> [len(rules) for rules in compared_together([price, title, weight])]
    [2, 1]
    """
    groups: dict[tuple[str, ...], list[FieldReconciliation]] = defaultdict(list)
    for rule in rules:
        groups[(*tables_compared([rule]), rule.key, *rule.sum_over)].append(rule)
    return list(groups.values())


def differences_between(
    brand: Brand, rules: list[FieldReconciliation], relations: Mapping[str, object]
) -> str:
    """SQL of the keys for which the rules' two tables disagree, with both values as text.
    `relations` are those to read the tables from.

    >>> import duckdb
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> rule = FieldReconciliation(
    ...     field="price", use="lines.price", against="items.price", key="item", why="checked"
    ... )
    >>> tables = {"lines": "(SELECT 'P1' AS item, 5 AS price)", "items": "(SELECT 'P1' AS item, 6 AS price)"}
    >>> sql = differences_between(mh.project("shop").brands["shop"], [rule], tables)
    >>> duckdb.sql(to_duckdb(sql)).project("key_value, used, other").fetchall()
    [('P1', '5', '6')]
    """
    key, (first, second) = f"`{rules[0].key}`", tables_compared(rules)
    sides = " JOIN ".join(
        f"({_side(relations[table], table, rules)}) AS `{table}`" for table in (first, second)
    )
    differ = " OR ".join(f"NOT ({_column(rule.use)} <=> {_column(rule.against)})" for rule in rules)
    found = ", ".join(
        f"STRUCT({literal(r.field)} AS field, {_text(brand, r.use)} AS used,"
        f" {_text(brand, r.against)} AS other, "
        f"NOT ({_column(r.use)} <=> {_column(r.against)}) AS differs)"
        for r in rules
    )
    return (
        f"SELECT DISTINCT {literal(brand.name)} AS source_system, d.field,"
        f" {literal(rules[0].key)} AS key_column, key_value, d.used, d.other"
        f" FROM (SELECT CAST(`{first}`.{key} AS STRING) AS key_value,"
        f" EXPLODE(ARRAY({found})) AS d FROM {sides} ON `{first}`.{key} = `{second}`.{key} WHERE {differ}) AS"
        " pairs WHERE d.differs"
    )


def _side(relation: object, table: str, rules: list[FieldReconciliation]) -> str:
    """One table's compared columns by key: the different values there are, or their sum over rows that count
    once.
    """
    names = [
        side.split(".")[1] for rule in rules for side in (rule.use, rule.against) if _table(side) == table
    ]
    key = rules[0].key
    summed = rules[0].sum_over if _table(rules[0].use) == table else []
    columns = ", ".join(f"`{c}`" for c in dict.fromkeys([key, *summed, *names]))
    rows = f"SELECT DISTINCT {columns} FROM {relation}"
    if not summed:
        return rows
    sums = ", ".join(f"SUM(`{c}`) AS `{c}`" for c in names)
    return f"SELECT `{key}`, {sums} FROM ({rows}) AS once GROUP BY `{key}`"


def tables_compared(rules: list[FieldReconciliation]) -> tuple[str, str]:
    """The two tables that rules over the same tables compare, in the order of their names.

    >>> rule = FieldReconciliation(
    ...     field="price", use="lines.price", against="items.price", key="item", why="checked"
    ... )
    >>> tables_compared([rule])
    ('items', 'lines')
    """
    first, second = sorted((_table(rules[0].use), _table(rules[0].against)))
    return first, second


def _table(side: str) -> str:
    return side.split(".")[0]


def _column(side: str) -> str:
    table, column = side.split(".")
    return f"`{table}`.`{column}`"


def _text(brand: Brand, side: str) -> str:
    """The value as people write it: a number without the zeros that its type has behind it."""
    table, column = side.split(".")
    written = f"CAST({_column(side)} AS STRING)"
    source = brand.sources.get(table)
    if source and source.columns[column].type in ("number", "percent"):
        short = f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {written}))"
        written = f"CASE WHEN {written} LIKE '%.%' THEN {short} ELSE {written} END"
    return f"COALESCE({written}, '')"
