"""Which keys of compared fields new deliveries touch."""

from __future__ import annotations

from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.delivery import bronze_table
from mergehouse.project.config import Brand
from mergehouse.transform.field_reconciliation import (
    compared_together,
    differences_between,
    rules_over,
    tables_compared,
)
from mergehouse.transform.incremental.affected_rows import SCHEMA, Touched
from mergehouse.transform.source_views import latest, typed_column, typed_rows
from mergehouse.transform.staging_views import version_key


def touched_differences(brands: list[Brand], known: list[Batch], new: list[Batch]) -> Touched:
    """What `new` batches touch in the view: `versions` are the keys, `now` is what the view says of them."""
    result = Touched()
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
            prefix = f"{SCHEMA}.fields__{brand.name}_{key}"
            result.views[prefix] = " UNION ".join(
                _keys(brand, t, key, batches, new) for t in tables if t in arrived
            )
            for table in tables:
                result.views[f"{prefix}__{table}"] = _rows(brand, table, key, batches, prefix)
            keys.append(
                f"SELECT '{brand.name}' AS source_system, '{key}' AS key_column, CAST(`{key}` AS STRING) AS"
                f" key_value FROM {prefix}"
            )
            now += [
                differences_between(brand, rules, lambda table, prefix=prefix: f"{prefix}__{table}")
                for rules in of_key
            ]  # type: ignore[misc]
    result.versions, result.now = " UNION ALL ".join(keys), " UNION ALL ".join(now)
    return result


def _keys(brand: Brand, table: str, key: str, batches: list[Batch], new: list[Batch]) -> str:
    """SQL of the keys of a source's new rows, and of the versions that these replace."""
    of_table = [b for b in batches if b.source_table == table]
    arrived = ", ".join(repr(b.batch_id) for b in of_table if b in new)
    where = _versions(brand, table, key, of_table, f"batch_id IN ({arrived})")
    return (
        f"SELECT {typed_column(brand, table, key, of_table)} AS `{key}` FROM"
        f" {bronze_table(brand.name, table)} WHERE {where}"
    )


def _rows(brand: Brand, table: str, key: str, batches: list[Batch], keys: str) -> str:
    """SQL of a source's rows as its typed view has them, of some keys at least."""
    of_table = [b for b in batches if b.source_table == table]
    wanted = f"{typed_column(brand, table, key, of_table)} IN (SELECT `{key}` FROM {keys})"
    return latest(
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
