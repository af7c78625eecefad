"""What brand.yml says of order lines, as SQL over rows made up here."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot

from mergehouse.engine.dialect import to_duckdb
from mergehouse.errors import ConfigError
from mergehouse.project.brand import Brand
from mergehouse.project.sources import Source
from mergehouse.transform.order_rules import with_order_rules

COLUMNS = {
    "number": {"type": "code"}, "shop": {"type": "code"}, "sold_at": {"type": "timestamp"},
    "state": {"type": "text"}, "revision": {"type": "number"}, "changed_at": {"type": "timestamp"},
    "gone": {"type": "boolean"},
}  # fmt: skip
QUERY = "SELECT l.number AS order_id, l.sold_at AS order_local_ts, l.state AS status FROM lines AS l"
ROW = {
    "number": "'1'", "shop": "'S1'", "sold_at": "TIMESTAMP_NTZ '2026-03-01 23:30:00'",
    "state": "'open'", "revision": "CAST(9 AS DECIMAL(18, 4))",
    "changed_at": "TIMESTAMP_NTZ '2026-03-02 08:00:00'", "gone": "FALSE",
}  # fmt: skip


def result(
    column: str, row: dict[str, str], of_source: dict[str, object] | None = None, **rules: object
) -> object:
    """What the column holds for one row of the source, by rules of the source and of the brand."""
    source = Source(files="lines*", columns=COLUMNS, **(of_source or {}))
    brand = Brand(label="Shop", currency="EUR", sources={"lines": source}, **rules)
    query = with_order_rules(sqlglot.parse_one(QUERY, read="spark"), brand, "lines", "l")
    rows = ", ".join(f"{value} AS {name}" for name, value in (ROW | row).items())
    sql = f"WITH lines AS (SELECT {rows}) SELECT {column} FROM ({query.sql(dialect='spark')}) AS ruled"
    return duckdb.sql(to_duckdb(sql)).fetchall()[0][0]


@pytest.mark.parametrize(
    ("key", "row", "joined"),
    [
        (["shop"], {}, "1/S1"),
        (["order_id", "shop"], {}, "1/S1"),
        (["shop", "order_date"], {}, "1/S1/2026-03-01"),
        (["shop", "status"], {"shop": "NULL"}, "1//open"),
        (["shop"], {"number": "NULL"}, None),
    ],
)
def test_an_order_key_joins_what_tells_orders_apart(
    key: list[str], row: dict[str, str], joined: str | None
) -> None:
    assert result("order_id", row, order_key=key) == joined


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({}, None),
        ({"state": "' Cancelled'"}, "left_out"),
        ({"state": "NULL"}, None),
        ({"shop": "'S9'"}, "left_out"),
        ({"gone": "TRUE"}, "left_out"),
        ({"gone": "NULL"}, None),
        ({"gone": "TRUE", "number": "NULL"}, None),  # which order it was cannot be told
        ({"state": "'cancelled'", "number": "NULL"}, "left_out"),
    ],
)
def test_lines_are_left_out(row: dict[str, str], problem: str | None) -> None:
    rules = {"leave_out": {"status": ["cancelled", "it's a test"], "shop": ["s9"]}}
    assert result("problem", row, {"deleted": "gone"}, **rules) == problem


def test_later_versions_are_greater_texts() -> None:
    def revised(number: object) -> object:
        return result(
            "version", {"revision": f"CAST({number} AS DECIMAL(18, 4))"}, {"updated_at": "revision"}
        )

    def changed(time: str) -> object:
        return result("version", {"changed_at": f"TIMESTAMP_NTZ '{time}'"}, {"updated_at": "changed_at"})

    assert revised(9) < revised("9.5") < revised(10)
    times = ["2026-03-02 08:00:00", "2026-03-02 08:00:00.5", "2026-03-02 10:00:00", "2026-12-01 00:00:00"]
    assert sorted(map(changed, times)) == [changed(time) for time in times]


def test_a_rule_names_a_column_that_is_there() -> None:
    with pytest.raises(ConfigError, match=r"order_key: `shopp` is no column .* did you mean `shop`\?"):
        result("order_id", {}, order_key=["shopp"])
