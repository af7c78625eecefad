"""Lines without a number that count once, since order_lines.sql makes the same of several rows of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlglot import exp

from mergehouse.engine.literal import literal, no_rows
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import ORDER_LINES, line_source, selects_of
from mergehouse.transform.brand_sql import resolved
from mergehouse.transform.delivered_columns import delivered_columns

# What a line says besides, in which versions of it may differ; see silver.duplicates.
BESIDES = {
    "cost", "profit", "list_price", "tax_rate", "tax_amount", "unit_of_measure", "status", "line_class",
}  # fmt: skip
KINDS = {
    "source_system": "STRING",
    "batch_id": "STRING",
    "source_row": "BIGINT",
    "amount_original": "DECIMAL(20, 9)",
    "currency": "STRING",
    "differ_in": "STRING",
}


def repeated_rows_view(brands: list[Brand], delivered: list[Batch]) -> str:
    """SQL of `staging.repeated_rows`: the lines that gave way to one of their own file, of brands that do not
    say what repeats are. `differ_in` has the columns in which the two rows differ, which order_lines.sql does
    not read, or for costs, taxes and the like alone; it is blank where they are alike.

    >>> repeated_rows_view([], []).endswith("WHERE FALSE")
    True
    """
    selects = [
        _select(brand, table, unread)
        for brand in brands
        if "repeats" not in brand.model_fields_set
        for table, unread in _unnumbered(brand, delivered_columns(brand, delivered))
    ]
    return " UNION ALL ".join(selects) or no_rows(KINDS)


def _unnumbered(brand: Brand, delivered: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    """The sources of lines without a number, with their columns that do not tell lines apart."""
    file = brand.folder / ORDER_LINES
    query = resolved(brand, file)
    branches = selects_of(query, file)
    given = [value for branch in branches for value in branch.selects if value.alias_or_name in BESIDES]
    besides = Counter(column.name for value in given for column in value.find_all(exp.Column))
    read = {*(Counter(column.name for column in query.find_all(exp.Column)) - besides), *brand.leave_out}
    if "line_id" in branches[0].named_selects:
        return
    for table in dict.fromkeys(line_source(branch, brand)[0] for branch in branches):
        if table in delivered and not brand.sources[table].key:
            yield table, [name for name in delivered[table] if name not in read]


def _select(brand: Brand, table: str, unread: list[str]) -> str:
    rows = bronze_table(brand.name, table)
    of_table = f"source_system = {literal(brand.name)} AND source_table = {literal(table)}"
    batches = f"(SELECT batch_id FROM bronze.batches WHERE {of_table})"
    joined, differ = f"LEFT SEMI JOIN {batches} AS b ON b.batch_id = d.batch_id", "''"
    if unread:
        joined = (
            f"JOIN {rows} AS r ON r.batch_id = d.batch_id AND r.source_row = d.source_row"
            f" JOIN {rows} AS k ON k.batch_id = d.kept_batch_id AND k.source_row = d.kept_source_row"
        )
        cases = (f"CASE WHEN NOT r.`{name}` <=> k.`{name}` THEN {literal(name)} END" for name in unread)
        differ = f"CONCAT_WS(', ', {', '.join(cases)})"
    return (
        "SELECT d.source_system, d.batch_id, d.source_row, d.amount_original, d.currency,"
        f" {differ} AS differ_in FROM silver.duplicates AS d {joined}"
        " WHERE d.kind = 'within_delivery' AND d.line_part = 1"
    )
