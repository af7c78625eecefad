"""Which keys of compared fields new deliveries affect."""

from __future__ import annotations

from mergehouse.engine import Relation
from mergehouse.engine.literal import literal
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import version_key
from mergehouse.transform.field_reconciliation import (
    DIFFERENCES,
    compared_together,
    differences_between,
    rules_over,
    tables_compared,
)
from mergehouse.transform.incremental.affected_rows import Affected
from mergehouse.transform.source_views import among_batches, latest, typed_column, typed_rows


def affected_differences(brands: list[Brand], known: list[Batch], new: list[Batch]) -> Affected:
    """What `new` batches affect in the view: `versions` are the keys, `now` is what the view says of them."""
    result = Affected(("source_system", "key_column", "key_value"))
    keys, now = [], []
    for brand in brands:
        batches = [b for b in known + new if b.source_system == brand.name]
        arrived = {b.source_table for b in new if b.source_system == brand.name}
        groups = compared_together(rules_over(brand, {b.source_table for b in batches}))
        for key in dict.fromkeys(rules[0].key for rules in groups):
            of_key = [rules for rules in groups if rules[0].key == key]
            tables = sorted({table for rules in of_key for table in tables_compared(rules)})
            if not arrived & set(tables):
                continue
            part = f"{brand.name}_{key}"
            of_rows = Relation("delivered", DIFFERENCES, part)
            sides = {table: Relation("delivered", DIFFERENCES, f"{part}_{table}") for table in tables}
            result.relations[of_rows] = " UNION ".join(
                _keys(brand, t, key, batches, new) for t in tables if t in arrived
            )
            for table, side in sides.items():
                result.relations[side] = _rows(brand, table, key, batches, of_rows)
            keys.append(
                f"SELECT {literal(brand.name)} AS source_system, {literal(key)} AS key_column,"
                f" CAST(`{key}` AS STRING) AS key_value FROM {of_rows}"
            )
            now += [differences_between(brand, rules, sides) for rules in of_key]
    result.versions, result.now = " UNION ALL ".join(keys), " UNION ALL ".join(now)
    return result


def _keys(brand: Brand, table: str, key: str, batches: list[Batch], new: list[Batch]) -> str:
    """SQL of the keys of a source's new rows, and of those that these replace."""
    of_table = [b for b in batches if b.source_table == table]
    changed = {b.batch_id for b in new} | {b.replaces for b in new}
    where = _versions(
        brand, table, key, of_table, among_batches([b for b in of_table if b.batch_id in changed])
    )
    return (
        f"SELECT {typed_column(brand, table, key, of_table)} AS `{key}` FROM"
        f" {bronze_table(brand.name, table)} WHERE {where}"
    )


def _rows(brand: Brand, table: str, key: str, batches: list[Batch], keys: Relation) -> str:
    """SQL of a source's rows as its typed view has them, of some keys at least."""
    of_table = [b for b in batches if b.source_table == table]
    wanted = f"{typed_column(brand, table, key, of_table)} IN (SELECT `{key}` FROM {keys})"
    return latest(
        brand.sources[table],
        version_key(brand, table),
        typed_rows(brand, table, of_table, _versions(brand, table, key, of_table, wanted)),
    )


def _versions(brand: Brand, table: str, key: str, batches: list[Batch], where: str) -> str:
    """The condition widened to all versions of the rows that meet it, where another version may have another
    `key`.
    """
    own = version_key(brand, table)
    if not own or key in own:
        return where
    columns = [typed_column(brand, table, name, batches) for name in own]
    filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    same = columns[0] if len(columns) == 1 else f"({', '.join(columns)})"
    found = f"SELECT {', '.join(columns)} FROM {bronze_table(brand.name, table)} WHERE ({where}) AND {filled}"
    return (  # rows without a key of their own count as versions of one
        f"{same} IN ({found}) OR NOT ({filled})"
    )
