"""Rows of order lines that name another row as their parent, in a column that their SQL does not read: a part
of a bundle, the article that was sent of a configured product.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlglot import exp

from mergehouse.engine.literal import literal, no_rows
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import ORDER_LINES, line_sources
from mergehouse.transform.brand_sql import resolved
from mergehouse.transform.delivered_columns import delivered_columns

# What a row calls itself, where the name of the column of its parent does not tell.
OWN = ("id", "item_id", "line_id", "line_item_id", "order_item_id", "line", "line_no", "line_number")
PARENT = re.compile("_?parent_?")


def parents(names: Collection[str]) -> dict[str, str]:
    """By columns that name a parent row those that they name it by.

    >>> parents(["item_id", "sku", "parent_item_id", "parent_sku", "parent", "grandparents"])
    {'parent_item_id': 'item_id', 'parent_sku': 'sku', 'parent': 'item_id'}
    """
    found = {
        name: next((own for own in (PARENT.sub("", name), *OWN) if own in names), "")
        for name in names
        if "parent" in name.split("_")
    }
    return {name: own for name, own in found.items() if own}


def unread_parents_view(brands: list[Brand], delivered: list[Batch]) -> str:
    """SQL of `staging.unread_parents`: by delivered row of order lines, and by column, declared or not, that
    names a parent, what the row calls itself (`own_id`) and its parent (`parent_id`).

    >>> unread_parents_view([], []).endswith("WHERE FALSE")
    True
    """
    selects = []
    for brand in brands:
        named = {table: parents(names) for table, names in delivered_columns(brand, delivered).items()}
        if any(named.values()):
            query, lines = resolved(brand, brand.folder / ORDER_LINES), line_sources(brand)
            read = {column.name for column in query.find_all(exp.Column)} | {*brand.leave_out}
            selects += [
                _select(brand, table, name, own)
                for table, found in named.items()
                for name, own in found.items()
                if table in lines and name not in read
            ]
    texts = dict.fromkeys(("source_system", "said_by", "batch_id", "own_id", "parent_id"), "STRING")
    return " UNION ALL ".join(selects) or no_rows(texts | {"source_row": "BIGINT"})


def _select(brand: Brand, table: str, name: str, own: str) -> str:
    return (
        f"SELECT {literal(brand.name)} AS source_system, {literal(f'{table}.{name}')} AS said_by,"
        f" batch_id, source_row, UPPER(TRIM(`{own}`)) AS own_id, UPPER(TRIM(`{name}`)) AS parent_id"
        f" FROM {bronze_table(brand.name, table)}"
    )
