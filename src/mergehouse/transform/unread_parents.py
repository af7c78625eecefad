"""Rows of order lines that name another row as their parent, in a column that their SQL does not read."""

from __future__ import annotations

import json
from collections import defaultdict

from sqlglot import exp

from mergehouse.engine.literal import literal, no_rows
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import ORDER_LINES, line_sources
from mergehouse.transform.brand_sql import resolved
from mergehouse.transform.source_views import among_batches


def unread_parents_view(brands: list[Brand], delivered: list[Batch]) -> str:
    """SQL of `staging.unread_parents`: by delivered row of order lines, and by column that names a parent,
    what the row calls itself (`own_id`) and its parent (`parent_id`).

    >>> unread_parents_view([], []).endswith("WHERE FALSE")
    True
    """
    named = {formats: json.loads(formats).get("parents", {}) for formats in {b.formats for b in delivered}}
    found = defaultdict[tuple[str, str, str, str], list[Batch]](list)
    for batch in delivered:
        for name, own in named[batch.formats].items():
            found[batch.source_system, batch.source_table, name, own].append(batch)
    selects = []
    for brand in brands:
        of_brand = [key for key in sorted(found) if key[0] == brand.name and key[1] in line_sources(brand)]
        if of_brand:
            columns = resolved(brand, brand.folder / ORDER_LINES).find_all(exp.Column)
            read = {column.name for column in columns} | {*brand.leave_out}
            selects += [_select(*key, found[key]) for key in of_brand if key[2] not in read]
    texts = dict.fromkeys(("source_system", "said_by", "batch_id", "own_id", "parent_id"), "STRING")
    return " UNION ALL ".join(selects) or no_rows(texts | {"source_row": "BIGINT"})


def _select(brand: str, table: str, name: str, own: str, batches: list[Batch]) -> str:
    return (
        f"SELECT {literal(brand)} AS source_system, {literal(f'{table}.{name}')} AS said_by,"
        f" batch_id, source_row, UPPER(TRIM(`{own}`)) AS own_id, UPPER(TRIM(`{name}`)) AS parent_id"
        f" FROM {bronze_table(brand, table)} WHERE {among_batches(batches)}"
    )
