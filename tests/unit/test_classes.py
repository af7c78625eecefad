"""Classes in SQL have the edges that pages offer."""

from __future__ import annotations

import duckdb

from mergehouse.access.classes import MACROS, ORDERS, RECENCY, SILENT, SPENT, VALUE


def test_every_value_is_in_the_class_of_its_edge() -> None:
    connection = duckdb.connect()
    connection.execute(MACROS)
    for name, edges in (("orders", ORDERS), ("silent", SILENT), ("spent", SPENT), ("value", VALUE)):
        sql = f"SELECT v, {name}_class(v) FROM range(-5, 2000) AS t (v) WHERE v >= 1 OR '{name}' <> 'orders'"
        for value, found in connection.execute(sql).fetchall():
            assert found == max((edge for edge in edges if edge <= value), default=edges[0])
    for days, found in connection.execute(
        "SELECT v, recency_class(v) FROM range(0, 900) AS t (v)"
    ).fetchall():
        assert found == min((edge for edge in RECENCY if edge >= days), default=RECENCY[-1])
