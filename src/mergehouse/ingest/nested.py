"""Nested columns of a Parquet file as rows of text: fields by their paths, a list of items as a row each."""

from __future__ import annotations

from typing import Any

import duckdb

from mergehouse.lakehouse.reader import quoted, text


def flattened(
    connection: duckdb.DuckDBPyConnection, relation: str, items: str | None
) -> tuple[str, dict[str, str]]:
    """SELECT over the relation, all text, and the types of its columns by what they are called:
    `customer.id` for the field of a struct. Where `items` names a list, its members are rows, and a row
    without any stays one.

    >>> rows = "(SELECT 7 AS id, [{'sku': 'P1', 'price': 5.250}, {'sku': 'P2', 'price': 1.0}] AS lines)"
    >>> sql, types = flattened(duckdb.connect(), rows, items="lines")
    >>> types
    {'id': 'INTEGER', 'lines.sku': 'VARCHAR', 'lines.price': 'DECIMAL(4,3)'}
    >>> duckdb.sql(sql).fetchall()
    [('7', 'P1', '5.250'), ('7', 'P2', '1.000')]
    """
    columns: dict[str, str] = {}
    types: dict[str, str] = {}
    found = connection.sql(f"FROM {relation}")
    left: list[tuple[str, str, Any]] = [
        (name, quoted(name), kind) for name, kind in zip(found.columns, found.types, strict=True)
    ]
    members = 0
    while left:
        path, value, kind = left.pop(0)
        if kind.id == "struct":
            left[:0] = _fields(path, value, kind)
        elif kind.id == "list" and items and (items == path or items.startswith(f"{path}.")):
            members += 1
            member = f"member_{members}"
            filled = f"CASE WHEN len({value}) > 0 THEN {value} ELSE [NULL] END"
            relation = f"(SELECT *, unnest({filled}) AS {member} FROM {relation})"
            left.insert(0, (path, member, dict(kind.children)["child"]))
        else:
            is_nested = kind.id in ("list", "array", "map")  # as JSON has them
            if kind.id == "blob":  # text, to writers that mark it as none
                value = f"coalesce(TRY(decode({value})), CAST({value} AS VARCHAR))"
            columns[path], types[path] = f"to_json({value})" if is_nested else value, str(kind)
    selected = ", ".join(f"CAST({value} AS VARCHAR) AS {quoted(path)}" for path, value in columns.items())
    return f"SELECT {selected} FROM {relation}", types


def _fields(path: str, value: str, kind: Any) -> list[tuple[str, str, Any]]:
    return [
        (f"{path}.{name}", f"struct_extract({value}, {text(name)})", child) for name, child in kind.children
    ]
