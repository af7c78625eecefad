"""Nested columns of a Parquet file as rows of text: fields by their paths, a list of items as a row each."""

from __future__ import annotations

from typing import Any

import duckdb

from mergehouse.lakehouse.reader import quoted, text


def flattened(
    connection: duckdb.DuckDBPyConnection, relation: str, items: str | None
) -> tuple[str, list[str]]:
    """SELECT over the relation, all text, and what its columns are called: `customer.id` for the field of a
    struct. Where `items` names a list, its members are rows, and a row without any stays one.

    >>> rows = "(SELECT 7 AS id, [{'sku': 'P1', 'price': 5.250}, {'sku': 'P2', 'price': 1.0}] AS lines)"
    >>> sql, names = flattened(duckdb.connect(), rows, items="lines")
    >>> names, duckdb.sql(sql).fetchall()
    (['id', 'lines.sku', 'lines.price'], [('7', 'P1', '5.250'), ('7', 'P2', '1.000')])
    """
    columns: list[tuple[str, str]] = []
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
            columns.append((path, value))
    selected = ", ".join(f"CAST({value} AS VARCHAR) AS {quoted(path)}" for path, value in columns)
    return f"SELECT {selected} FROM {relation}", [path for path, _ in columns]


def _fields(path: str, value: str, kind: Any) -> list[tuple[str, str, Any]]:
    return [
        (f"{path}.{name}", f"struct_extract({value}, {text(name)})", child) for name, child in kind.children
    ]
