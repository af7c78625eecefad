"""Rows of order lines of which a column says a discount or a tax that order_lines.sql does not read."""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from mergehouse.engine.literal import literal, no_rows
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.money_columns import DISCOUNTS, TAXES, saying
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import ORDER_LINES, line_sources
from mergehouse.transform.brand_sql import resolved
from mergehouse.transform.delivered_columns import delivered_columns

KINDS = {
    "source_system": "STRING",
    "said_by": "STRING",
    "said": "DOUBLE",
    "batch_id": "STRING",
    "source_row": "BIGINT",
}


def unread_discounts_view(brands: list[Brand], delivered: list[Batch]) -> str:
    """SQL of `staging.unread_discounts`: the delivered rows with a discount in a column, declared or not,
    that order_lines.sql does not read. `said` is empty where it is no plain number.

    >>> unread_discounts_view([], []).endswith("WHERE FALSE")
    True
    """
    return _unread(DISCOUNTS, brands, delivered)


def unread_taxes_view(brands: list[Brand], delivered: list[Batch]) -> str:
    """SQL of `staging.unread_taxes`: the same of taxes, of brands that do not say whether prices have any.

    >>> unread_taxes_view([], []).endswith("WHERE FALSE")
    True
    """
    return _unread(TAXES, [brand for brand in brands if brand.prices is None], delivered)


def _unread(words: Collection[str], brands: list[Brand], delivered: list[Batch]) -> str:
    selects = []
    for brand in brands:
        columns = delivered_columns(brand, delivered).items()
        if told := [(table, n) for table, names in columns for n in names if saying(words, n, "")]:
            query, lines = resolved(brand, brand.folder / ORDER_LINES), line_sources(brand)
            read = {column.name for column in query.find_all(exp.Column)}
            selects += [_select(words, brand, *it) for it in told if it[0] in lines and it[1] not in read]
    return " UNION ALL ".join(selects) or no_rows(KINDS)


def _select(words: Collection[str], brand: Brand, table: str, name: str) -> str:
    return (
        f"SELECT {literal(brand.name)} AS source_system, {literal(f'{table}.{name}')} AS said_by,"
        f" TRY_CAST(REPLACE(`{name}`, ',', '.') AS DOUBLE) AS said, batch_id, source_row"
        f" FROM {bronze_table(brand.name, table)} WHERE {saying(words, name, f'`{name}`')}"
    )
