"""Rows of order lines, and of their orders, of which a column that order_lines.sql does not read says that
they were cancelled, deleted, a test or a payment: they count as the others do.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable

from sqlglot import exp

from mergehouse.engine.literal import literal, no_rows
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.voiding_cells import voiding
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import ORDER_LINES, line_sources, selects_of
from mergehouse.transform.brand_sql import resolved
from mergehouse.transform.line_joins import line_joins
from mergehouse.transform.source_views import among_batches


def unread_marks_view(brands: list[Brand], delivered: list[Batch]) -> str:
    """SQL of `staging.unread_marks`: by delivered row what a column says of it that neither order_lines.sql
    nor a rule of brand.yml reads, of the deliveries that have such cells. `value` is empty where any value
    says it, and `such_as` never. `is_order`: the row is what lines look up by their order's number.

    >>> unread_marks_view([], []).endswith("WHERE FALSE")
    True
    """
    marks = {formats: json.loads(formats).get("voiding", []) for formats in {b.formats for b in delivered}}
    said: dict[str, dict[tuple[str, str], list[Batch]]] = defaultdict(lambda: defaultdict(list))
    for batch in delivered:
        for name in marks[batch.formats]:
            said[batch.source_system][batch.source_table, name].append(batch)
    selects = []
    for brand in brands:
        if of_brand := said.get(brand.name):
            file = brand.folder / ORDER_LINES
            query = resolved(brand, file)
            lines, orders = line_sources(brand), _order_sources(selects_of(query, file), brand)
            read = _columns([query]) | {*brand.leave_out}
            selects += [
                _select(brand, table, name, batches, is_order=table not in lines)
                for (table, name), batches in sorted(of_brand.items())
                if table in lines | orders and name not in read | {*brand.sources[table].deleted}
            ]
    texts = dict.fromkeys(("source_system", "said_by", "value", "such_as", "batch_id"), "STRING")
    others = {"is_return": "BOOLEAN", "is_order": "BOOLEAN", "source_row": "BIGINT"}
    return " UNION ALL ".join(selects) or no_rows(texts | others)


def _order_sources(branches: Iterable[exp.Query], brand: Brand) -> set[str]:
    """The sources of which a LEFT JOIN of order lines looks up a row by what they give as order_id."""
    found = set[str]()
    for branch in branches:
        numbers = _columns(select for select in branch.selects if select.alias_or_name == "order_id")
        found |= {
            join.source
            for join in line_joins(branch, brand)
            if join.source and numbers & _columns([*join.wanted, *join.found])
        }
    return found


def _columns(values: Iterable[exp.Expr]) -> set[str]:
    return {column.name for value in values for column in value.find_all(exp.Column)}


def _select(brand: Brand, table: str, name: str, batches: list[Batch], is_order: bool) -> str:
    cells = f"`{name}`"
    said = f"UPPER(TRIM({cells}))"
    return " UNION ALL ".join(
        f"SELECT {literal(brand.name)} AS source_system, {literal(f'{table}.{name}')} AS said_by,"
        f" CAST({said if of.is_by_value else 'NULL'} AS STRING) AS value, {said} AS such_as, batch_id,"
        f" {str(of.is_return).upper()} AS is_return, {str(is_order).upper()} AS is_order, source_row"
        f" FROM {bronze_table(brand.name, table)}"
        f" WHERE {of.condition} AND {among_batches(batches)}"
        for of in voiding(name, cells)
    )
