"""Fields that two tables of one brand both carry: where they disagree, as a view, and which keys new deliveries touch.

Everything here is generated Spark SQL text over the typed views of the sources; nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.reader import bronze_table
from mergehouse.project import Brand, FieldReconciliation
from mergehouse.staging import latest, literal, typed_column, typed_rows, version_key
from mergehouse.touched import SCHEMA, Touched

_NOTHING = ", ".join(f"CAST(NULL AS STRING) AS {name}" for name in ("source_system", "field", "key_column", "key_value", "used", "other"))


def differences_view(brands: list[Brand], delivered: set[tuple[str, str]]) -> str:
    """SQL of `staging.field_differences`: a row for each key and pair of values on which two tables disagree.

    `delivered` are (brand, source) with at least one delivery; rules over any other source are left out.
    """
    parts = [
        _differences(brand, rules, lambda table, brand=brand: f"typed.{brand.name}_{table}")  # type: ignore[misc]
        for brand in brands
        for rules in _together(rules_over(brand, {table for name, table in delivered if name == brand.name}))
    ]
    return " UNION ALL ".join(parts) or f"SELECT {_NOTHING} WHERE FALSE"


def rules_over(brand: Brand, tables: set[str]) -> list[FieldReconciliation]:
    """The brand's rules over these of its sources alone."""
    return [rule for rule in brand.reconcile if {_table(rule.use), _table(rule.against)} <= tables]


def touched_differences(brands: list[Brand], known: list[Batch], new: list[Batch]) -> Touched:
    """What `new` batches touch in the view: `versions` are the keys, `now` is what the view says of them."""
    result = Touched()
    keys, now = [], []
    for brand in brands:
        batches = [b for b in known + new if b.source_system == brand.name]
        arrived = {b.source_table for b in new if b.source_system == brand.name}
        groups = _together(rules_over(brand, {b.source_table for b in batches}))
        for key in dict.fromkeys(rules[0].key for rules in groups):
            of_key = [rules for rules in groups if rules[0].key == key]
            tables = sorted({table for rules in of_key for table in _tables(rules)})
            if not arrived & set(tables):
                continue
            prefix = f"{SCHEMA}.fields__{brand.name}_{key}"
            result.views[prefix] = " UNION ".join(_keys(brand, t, key, batches, new) for t in tables if t in arrived)
            for table in tables:
                result.views[f"{prefix}__{table}"] = _rows(brand, table, key, batches, prefix)
            keys.append(
                f"SELECT '{brand.name}' AS source_system, '{key}' AS key_column, CAST(`{key}` AS STRING) AS key_value FROM {prefix}"
            )
            now += [_differences(brand, rules, lambda table, prefix=prefix: f"{prefix}__{table}") for rules in of_key]  # type: ignore[misc]
    result.versions, result.now = " UNION ALL ".join(keys), " UNION ALL ".join(now)
    return result


def _together(rules: list[FieldReconciliation]) -> list[list[FieldReconciliation]]:
    """Rules over the same rows of the same two tables, which are compared in one pass."""
    groups: dict[tuple[str, ...], list[FieldReconciliation]] = defaultdict(list)
    for rule in rules:
        groups[(*_tables([rule]), rule.key, *rule.sum_over)].append(rule)
    return list(groups.values())


def _differences(brand: Brand, rules: list[FieldReconciliation], relation: Callable[[str], str]) -> str:
    """SQL of the keys for which the rules' two tables disagree, with both values as text."""
    key, (first, second) = f"`{rules[0].key}`", _tables(rules)
    sides = " JOIN ".join(f"({_side(relation(table), table, rules)}) AS {table}" for table in (first, second))
    differ = " OR ".join(f"NOT ({_column(rule.use)} <=> {_column(rule.against)})" for rule in rules)
    found = ", ".join(
        f"STRUCT({literal(r.field)} AS field, {_text(r.use)} AS used, {_text(r.against)} AS other, "
        f"NOT ({_column(r.use)} <=> {_column(r.against)}) AS differs)"
        for r in rules
    )
    return (
        f"SELECT DISTINCT '{brand.name}' AS source_system, d.field, '{rules[0].key}' AS key_column, key_value, d.used, d.other FROM ("
        f"SELECT CAST({first}.{key} AS STRING) AS key_value, EXPLODE(ARRAY({found})) AS d "
        f"FROM {sides} ON {first}.{key} = {second}.{key} WHERE {differ}) AS pairs WHERE d.differs"
    )


def _side(relation: str, table: str, rules: list[FieldReconciliation]) -> str:
    """One table's compared columns by key: the different values there are, or their sum over rows that count once."""
    names = [side.split(".")[1] for rule in rules for side in (rule.use, rule.against) if _table(side) == table]
    key = rules[0].key
    summed = rules[0].sum_over if _table(rules[0].use) == table else []
    columns = ", ".join(f"`{c}`" for c in dict.fromkeys([key, *summed, *names]))
    rows = f"SELECT DISTINCT {columns} FROM {relation}"
    if not summed:
        return rows
    sums = ", ".join(f"SUM(`{c}`) AS `{c}`" for c in names)
    return f"SELECT `{key}`, {sums} FROM ({rows}) AS once GROUP BY `{key}`"


def _keys(brand: Brand, table: str, key: str, batches: list[Batch], new: list[Batch]) -> str:
    """SQL of the keys of a source's new rows, and of the versions that these replace."""
    of_table = [b for b in batches if b.source_table == table]
    arrived = ", ".join(repr(b.batch_id) for b in of_table if b in new)
    where = _versions(brand, table, key, of_table, f"batch_id IN ({arrived})")
    return f"SELECT {typed_column(brand, table, key, of_table)} AS `{key}` FROM {bronze_table(brand.name, table)} WHERE {where}"


def _rows(brand: Brand, table: str, key: str, batches: list[Batch], keys: str) -> str:
    """SQL of a source's rows as its typed view has them, of some keys at least."""
    of_table = [b for b in batches if b.source_table == table]
    wanted = f"{typed_column(brand, table, key, of_table)} IN (SELECT `{key}` FROM {keys})"
    return latest(version_key(brand, table), typed_rows(brand, table, of_table, _versions(brand, table, key, of_table, wanted)))


def _versions(brand: Brand, table: str, key: str, batches: list[Batch], where: str) -> str:
    """The condition widened to all versions of the rows that meet it, where another version may have another `key`."""
    own = version_key(brand, table)
    if not own or key in own:
        return where
    columns = [typed_column(brand, table, name, batches) for name in own]
    filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    same = columns[0] if len(columns) == 1 else f"({', '.join(columns)})"
    found = f"SELECT {', '.join(columns)} FROM {bronze_table(brand.name, table)} WHERE ({where}) AND {filled}"
    return f"{same} IN ({found}) OR NOT ({filled})"  # rows without a key of their own count as versions of one


def _tables(rules: list[FieldReconciliation]) -> tuple[str, str]:
    first, second = sorted((_table(rules[0].use), _table(rules[0].against)))
    return first, second


def _table(side: str) -> str:
    return side.split(".")[0]


def _column(side: str) -> str:
    table, column = side.split(".")
    return f"{table}.`{column}`"


def _text(side: str) -> str:
    return f"COALESCE(CAST({_column(side)} AS STRING), '')"
