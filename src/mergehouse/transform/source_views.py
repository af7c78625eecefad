"""A source as its brand declares it: SQL that reads Bronze text in its types, each batch in the formats found
in it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from mergehouse.engine.literal import folded, literal
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch, replaced_among
from mergehouse.ingest.cells import instant_value, is_unread, typed_value
from mergehouse.project.brand import Brand
from mergehouse.project.folding import spellings
from mergehouse.project.sources import Source

ROW_COLUMNS = ("batch_id", "source_row", "ingest_ts", "source_file")


def typed_rows(brand: Brand, table: str, batches: list[Batch], where: str = "") -> str:
    """SQL of every delivered row of a source in its types, or of those that meet a condition on the Bronze
    columns. Of a batch that another of them replaces there are none.

    >>> from mergehouse.engine.dialect import to_duckdb
    >>> from mergehouse.ingest.bronze import read_batches
    >>> lakehouse, brand = mh.open("shop"), mh.project("shop").brands["shop"]
    >>> sql = typed_rows(brand, "lines", read_batches(lakehouse), where="source_row = 2")
    >>> lakehouse.query(to_duckdb(sql)).project("title, price").fetchall()
    [('Lamp', Decimal('30.000000000'))]
    """
    source = brand.sources[table]
    columns = [f"{typed_column(brand, table, name, batches)} AS `{name}`" for name in source.columns]
    for name, told in instant_columns(source).items():
        columns.append(f"{_of_batches(batches, partial(instant_value, name, source))} AS `{told}`")
    for name, unread in unread_columns(source).items():
        columns.append(f"{_of_batches(batches, partial(is_unread, name, source))} AS `{unread}`")
    conditions = [f"({where})"] if where else []
    if replaced := replaced_among(batches):
        conditions.append(f"NOT {among_batches(replaced)}")
    condition = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f"SELECT {', '.join(columns)}, {', '.join(ROW_COLUMNS)} FROM"
        f" {bronze_table(brand.name, table)}{condition}"
    )


def typed_column(brand: Brand, table: str, name: str, batches: list[Batch]) -> str:
    """The expression over Bronze that reads one declared column, each batch in the formats found in it.

    >>> brand = mh.project("shop").brands["shop"]
    >>> typed_column(brand, "lines", "price", batches=[])  # nothing was delivered, so nothing can be read
    'NULL'
    """
    return _of_batches(
        batches, lambda formats: typed_value(name, brand.sources[table], formats, brand.timezone)
    )


def instant_columns(source: Source) -> dict[str, str]:
    """By the name of each column of times, the column beside it that holds the instant, where it is told.

    >>> instant_columns(Source(files="*", columns={"sold": {"type": "timestamp"}, "day": {"type": "date"}}))
    {'sold': 'sold_utc'}
    """
    times = [name for name, column in source.columns.items() if column.type == "timestamp"]
    return {name: told for name in times if (told := f"{name}_utc") not in source.columns}


def unread_columns(source: Source) -> dict[str, str]:
    """By the name of each column of numbers, or of yes and no, the column beside it that is true of cells
    that say something and cannot be read.

    >>> unread_columns(Source(files="*", columns={"price": {"type": "number"}, "day": {"type": "date"}}))
    {'price': 'price_unread'}
    """
    read = [name for name, c in source.columns.items() if c.type in ("number", "percent", "boolean")]
    return {name: unread for name in read if (unread := f"{name}_unread") not in source.columns}


def among_batches(batches: list[Batch]) -> str:
    """The condition that rows of these batches meet.

    >>> from types import SimpleNamespace
    >>> among_batches([SimpleNamespace(batch_id="b1"), SimpleNamespace(batch_id="b2")])
    "batch_id IN ('b1', 'b2')"
    """
    return f"batch_id IN ({', '.join(literal(b.batch_id) for b in batches)})"


def latest(source: Source, key: list[str], rows: str) -> str:
    """Where there is a key, only the latest version of each, and none of those that were deleted.

    >>> import duckdb
    >>> columns = "item, ingest_ts, source_row, price"
    >>> rows = f"SELECT * FROM (VALUES ('P1', 1, 1, 5), ('P1', 2, 1, 6)) AS t({columns})"
    >>> source = mh.project("shop").brands["shop"].sources["lines"]
    >>> sql = latest(source, ["item"], rows)
    >>> duckdb.sql(sql.replace("`", '"')).project("item, price").fetchall()
    [('P1', 6)]
    >>> latest(source, [], rows) == rows
    True
    """
    if not key:
        return rows
    columns = ", ".join(f"`{name}`" for name in key)
    declared = f"`{source.updated_at}` DESC, " if source.updated_at else ""
    return (
        f"SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {columns} ORDER BY {declared}"
        f"ingest_ts DESC, source_row DESC) AS version_rank FROM ({rows}) AS typed) AS ranked"
        " WHERE version_rank = 1" + "".join(f" AND NOT ({mark})" for mark in deletion_marks(source))
    )


def undated_versions(brand: Brand, table: str, key: list[str], batches: list[Batch]) -> str:
    """SQL of the keys of a source of which the version that came last does not count, since it says nothing
    in `updated_at`, with the files of both.

    >>> brand = mh.project("shop").brands["shop"]
    >>> brand.sources["lines"] = brand.sources["lines"].model_copy(update={"updated_at": "when"})
    >>> undated_versions(brand, "lines", ["item"], [])[:80]
    "SELECT 'shop' AS source_system, 'lines' AS source_table, `item` AS entry, counts"
    """
    columns = ", ".join(f"`{name}`" for name in key)
    entry = " || '-' || ".join(f"CAST(`{name}` AS STRING)" if key[1:] else f"`{name}`" for name in key)
    dated = f"`{brand.sources[table].updated_at}`"
    counts = f"{dated} DESC NULLS LAST, ingest_ts DESC, source_row DESC"
    return (
        f"SELECT {literal(brand.name)} AS source_system, {literal(table)} AS source_table, {entry} AS entry,"
        f" counts, source_file AS later FROM (SELECT {columns}, {dated}, source_file, ROW_NUMBER() OVER"
        f" (PARTITION BY {columns} ORDER BY ingest_ts DESC, source_row DESC) AS place,"
        f" FIRST_VALUE({dated}) OVER (PARTITION BY {columns} ORDER BY {counts}) AS counted,"
        f" FIRST_VALUE(source_file) OVER (PARTITION BY {columns} ORDER BY {counts}) AS counts"
        f" FROM ({typed_rows(brand, table, batches)}) AS typed) AS placed"
        f" WHERE place = 1 AND {dated} IS NULL AND counted IS NOT NULL"
    )


def deletion_marks(source: Source, alias: str = "") -> list[str]:
    """The conditions, each never NULL, any of which says that a typed row of the source is gone.

    >>> source = mh.project("shop").brands["shop"].sources["lines"]
    >>> deletion_marks(source.model_copy(update={"deleted": {"title": ["Gone"]}}), "l")
    ["COALESCE(REPLACE(REPLACE(UPPER(l.`title`), 'ẞ', 'SS'), 'İ', 'I') IN ('GONE'), FALSE)"]
    """
    marks = []
    for name, values in source.deleted.items():
        column = f"{alias}.`{name}`" if alias else f"`{name}`"
        if values:
            said = f"{folded(column)} IN ({', '.join(map(literal, spellings(values)))})"
            marks.append(f"COALESCE({said}, FALSE)")
        elif source.columns[name].type == "boolean":
            marks.append(f"COALESCE({column}, FALSE)")
        else:
            marks.append(f"{column} IS NOT NULL")
    return marks


def _of_batches(batches: list[Batch], expression: Callable[[dict[str, Any]], str]) -> str:
    """One expression where all batches are written alike, else a CASE over the batches that are not written
    as most are: of a source with many, the SQL stays short. Numbers are `plain`, and texts are read
    `verbatim`, where all batches say so.
    """
    by_formats: dict[str, list[str]] = defaultdict(list)
    for batch in batches:
        by_formats[batch.formats].append(batch.batch_id)
    by_expression: dict[str, list[str]] = defaultdict(list)
    found = [json.loads(formats) for formats in by_formats]
    of_all = {
        said: set.intersection(*(set(formats.get(said, [])) for formats in found)) if found else set()
        for said in ("plain", "verbatim")
    }
    for formats, ids in zip(found, by_formats.values(), strict=True):
        by_expression[expression(formats | of_all)] += ids
    if len(by_expression) < 2:
        return next(iter(by_expression), "NULL")
    *others, (most, _) = sorted(by_expression.items(), key=lambda read: len(read[1]))
    cases = " ".join(f"WHEN batch_id IN ({', '.join(map(literal, ids))}) THEN {read}" for read, ids in others)
    return f"CASE {cases} ELSE {most} END"
