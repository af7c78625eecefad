"""Rows of which a column that order_lines.sql does not read says that they were cancelled, deleted, a test or
a payment: they count as the others do.
"""

from __future__ import annotations

import json
from collections import defaultdict

from sqlglot import exp

from mergehouse.engine.literal import literal, no_rows
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.voiding_cells import voiding
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import ORDER_LINES, line_sources
from mergehouse.transform.brand_sql import resolved
from mergehouse.transform.source_views import among_batches


def unread_marks_view(brands: list[Brand], delivered: list[Batch]) -> str:
    """SQL of `staging.unread_marks`: by delivered row what a column says of it that neither order_lines.sql
    nor a rule of brand.yml reads, of the deliveries that have such cells. `value` is empty where any value
    says it, and `such_as` never.

    >>> unread_marks_view([], []).endswith("WHERE FALSE")
    True
    """
    selects = []
    for brand in brands:
        said = defaultdict[tuple[str, str], list[Batch]](list)
        for batch in delivered:
            if batch.source_system == brand.name:
                for name in json.loads(batch.formats).get("voiding", []):
                    said[batch.source_table, name].append(batch)
        if said:
            sources, read = line_sources(brand), _read(brand)
            selects += [
                _select(brand, table, name, batches)
                for (table, name), batches in sorted(said.items())
                if table in sources and name not in read | {*brand.sources[table].deleted}
            ]
    texts = dict.fromkeys(("source_system", "said_by", "value", "such_as", "batch_id"), "STRING")
    return " UNION ALL ".join(selects) or no_rows(texts | {"is_return": "BOOLEAN", "source_row": "BIGINT"})


def _read(brand: Brand) -> set[str]:
    query = resolved(brand, brand.folder / ORDER_LINES)
    return {column.name for column in query.find_all(exp.Column)} | {*brand.leave_out}


def _select(brand: Brand, table: str, name: str, batches: list[Batch]) -> str:
    said = f"UPPER(TRIM(`{name}`))"
    return " UNION ALL ".join(
        f"SELECT {literal(brand.name)} AS source_system, {literal(f'{table}.{name}')} AS said_by,"
        f" CAST({said if of.is_by_value else 'NULL'} AS STRING) AS value, {said} AS such_as, batch_id,"
        f" {str(of.is_return).upper()} AS is_return, source_row FROM {bronze_table(brand.name, table)}"
        f" WHERE {of.condition} AND {among_batches(batches)}"
        for of in voiding(name)
    )
