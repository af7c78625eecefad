"""Columns by which rows say that they are a part of another row: a bundle's, a configured product's. Where
order_lines.sql does not read them, what was sold once may count as a whole and as its parts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping

import duckdb

from mergehouse.ingest.written_values import batches_with
from mergehouse.lakehouse.reader import quoted

# What a row calls itself, where the name of the column of its parent does not tell.
OWN = ("id", "item_id", "line_id", "line_item_id", "order_item_id", "line", "line_no", "line_number")
PARENT = re.compile("_?parent_?")


def parents(names: Collection[str]) -> dict[str, str]:
    """By columns that name a parent row those that they name it by.

    >>> parents(["item_id", "sku", "parent_item_id", "parent_sku", "parent", "grandparents"])
    {'parent_item_id': 'item_id', 'parent_sku': 'sku', 'parent': 'item_id'}
    """
    words = {name: name.split("_") for name in names}
    found = {
        name: next((own for own in (PARENT.sub("", name), *OWN) if own in names), "")
        for name in names
        if "parent" in words[name]
    }
    return {name: own for name, own in found.items() if own}


def parent_columns(
    connection: duckdb.DuckDBPyConnection, rows: str, written: Mapping[str, str], batch: str | None = None
) -> dict[int, dict[str, str]]:
    """By batch such columns, declared or not, of which some cell names a row. Of columns of such names those
    that are `written` (by name, as `written_values` gives them) are asked there, others of the rows.

    >>> rows = "FROM (VALUES ('1', ''), ('2', '1')) AS t(id, parent_id)"
    >>> parent_columns(duckdb.connect(), rows, {})
    {0: {'parent_id': 'id'}}
    """
    names = connection.sql(f"SELECT * FROM ({rows}) LIMIT 0").columns
    by, found = quoted(batch) if batch else "0", defaultdict[int, dict[str, str]](dict)
    for name, own in parents(names).items():
        cells = f"(SELECT DISTINCT {by} AS batch, {quoted(name)} FROM ({rows}))"
        filled = f"FROM {written.get(name, cells)} WHERE TRIM({quoted(name)}) <> ''"
        for place in batches_with(connection, filled):
            found[place][name] = own
    return dict(found)
