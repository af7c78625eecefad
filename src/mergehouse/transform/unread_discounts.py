"""Rows of order lines of which a column says a discount that order_lines.sql does not read."""

from __future__ import annotations

import json

from sqlglot import exp

from mergehouse.engine.literal import literal, no_rows
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.discount_cells import discounting
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import ORDER_LINES, line_sources
from mergehouse.transform.brand_sql import resolved

KINDS = {"source_system": "STRING", "said_by": "STRING", "batch_id": "STRING", "source_row": "BIGINT"}


def unread_discounts_view(brands: list[Brand], delivered: list[Batch]) -> str:
    """SQL of `staging.unread_discounts`: the delivered rows with a discount in a column, declared or not,
    that order_lines.sql does not read.

    >>> unread_discounts_view([], []).endswith("WHERE FALSE")
    True
    """
    written = {(b.source_system, b.source_table, b.formats) for b in delivered}
    selects = []
    for brand in brands:
        named = {
            (table, name)
            for system, table, formats in written
            if system == brand.name and table in brand.sources
            for name in (*brand.sources[table].columns, *_others(formats))
        }
        if told := sorted(column for column in named if discounting(column[1], "")):
            query, lines = resolved(brand, brand.folder / ORDER_LINES), line_sources(brand)
            read = {column.name for column in query.find_all(exp.Column)}
            selects += [_select(brand, *it) for it in told if it[0] in lines and it[1] not in read]
    return " UNION ALL ".join(selects) or no_rows(KINDS)


def _others(formats: str) -> list[str]:
    others: list[str] = json.loads(formats).get("others", [])
    return others


def _select(brand: Brand, table: str, name: str) -> str:
    return (
        f"SELECT {literal(brand.name)} AS source_system, {literal(f'{table}.{name}')} AS said_by, batch_id,"
        f" source_row FROM {bronze_table(brand.name, table)} WHERE {discounting(name, f'`{name}`')}"
    )
