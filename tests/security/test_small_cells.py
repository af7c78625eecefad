"""Whoever may not see persons cannot work out groups of fewer than five, with all the algebra there is."""

from __future__ import annotations

from itertools import combinations

import duckdb
import numpy as np
import pytest

from mergehouse.access.definitions import extracts, filled
from mergehouse.access.small_cells import LEAST, covered, is_covered, joined, levels

CELLS = "-- joined below five: brand; segment; region; days in order\nFROM cells"
TOLD_BY = ("brand", "segment", "region", "days")


@pytest.fixture
def cells() -> duckdb.DuckDBPyConnection:
    """Three brands of unlike sizes, most of their cells of 1 to 9 customers. `mark` has a bit for each cell:
    a sum of marks says which cells are in it.
    """
    connection, random = duckdb.connect(), np.random.default_rng(18)
    rows = [
        [brand, segment, region, days, int(customers)]
        for brand, most in (("big", 40), ("small", 4), ("tiny", 2))
        for segment in ("Champions", "Lost", "New")
        for region in ("North", "South")
        for days in (30, 60, 90, 120)
        if (customers := random.integers(0, most)) and (brand != "tiny" or segment == "Lost" and days == 30)
    ]
    columns = "brand TEXT, segment TEXT, region TEXT, days INT, customers INT, mark HUGEINT"
    connection.execute(f"CREATE TABLE cells ({columns})")
    marked = [(*row, 2**place) for place, row in enumerate(rows)]
    connection.executemany("INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?)", marked)
    return connection


def told(connection: duckdb.DuckDBPyConnection, sql: str) -> list[set[int]]:
    """Every sum that pages can show, of rows by any of their columns: the places of the cells in it."""
    ways = (by for size in range(len(TOLD_BY) + 1) for by in combinations(TOLD_BY, size))
    sets = ", ".join(f"({', '.join(by)})" for by in ways)
    marks = connection.execute(f"SELECT SUM(mark) FROM ({sql}) GROUP BY GROUPING SETS ({sets})").fetchall()
    return [{place for place in range(127) if mark >> place & 1} for (mark,) in marks]


def is_worked_out(wanted: set[int], sums: list[set[int]], count: int) -> bool:
    """Whether some sum and difference of what is told is exactly the customers of these cells."""
    matrix = np.array([[float(cell in one) for cell in range(count)] for one in sums])
    target = np.array([float(cell in wanted) for cell in range(count)])
    answer = np.linalg.lstsq(matrix.T, target, rcond=None)[0]
    return bool(np.allclose(matrix.T @ answer, target, atol=1e-6))


def test_no_subtraction_tells_of_fewer_than_five(cells: duckdb.DuckDBPyConnection) -> None:
    sizes = [row[0] for row in cells.execute("SELECT customers FROM cells ORDER BY mark").fetchall()]
    small = [{place} for place, size in enumerate(sizes) if size < LEAST]
    assert len(small) > 10
    as_they_are, as_joined = told(cells, "FROM cells"), told(cells, joined(cells, CELLS))
    assert all(is_worked_out(one, as_they_are, len(sizes)) for one in small)
    assert not any(is_worked_out(one, as_joined, len(sizes)) for one in small)
    assert min(sum(sizes[place] for place in one) for one in as_joined) >= LEAST


def test_sums_stay_those_of_all(cells: duckdb.DuckDBPyConnection) -> None:
    """But for brands that are joined: the tiny one has fewer than five, and the small one goes with it."""
    sql = "SELECT brand, sum(customers), sum(mark) FROM ({}) GROUP BY 1 ORDER BY 1"
    big, small, tiny = cells.execute(sql.format("FROM cells")).fetchall()
    assert tiny[1] < LEAST < small[1] < big[1]
    assert cells.execute(sql.format(joined(cells, CELLS))).fetchall() == [big]


def test_classes_go_with_the_next_lower_one(cells: duckdb.DuckDBPyConnection) -> None:
    rows = "(VALUES ('a', 10, 2), ('a', 20, 8), ('a', 30, 4), ('a', 40, 1), ('a', 50, 6))"
    sql = f"-- joined below five: b; days in order\nFROM {rows} AS t (b, days, customers)"
    assert cells.execute(joined(cells, sql)).fetchall() == [("a", 10, 15), ("a", 50, 6)]


def test_no_subtraction_tells_of_fewer_than_five_of_a_part(cells: duckdb.DuckDBPyConnection) -> None:
    """Of most cells some came back; neither of these nor of the others are fewer than five told."""
    cells.execute(
        "ALTER TABLE cells ADD COLUMN back INT; UPDATE cells SET back = customers * (mark % 7) // 6"
    )
    parts = cells.execute("SELECT back, customers - back FROM cells ORDER BY mark").fetchall()
    few = [{place} for place, sizes in enumerate(parts) if min(sizes) < LEAST]
    assert len(few) > 20
    told_of = told(cells, joined(cells, CELLS.replace("\n", "\n-- counted in two parts: back\n")))
    assert not any(is_worked_out(one, told_of, len(parts)) for one in few)
    for part in (0, 1):
        assert min(sum(parts[place][part] for place in one) for one in told_of) >= LEAST
    assert max(map(len, told_of)) == sum(
        brand == "big" for (brand,) in cells.execute("SELECT brand FROM cells").fetchall()
    )


def test_every_cube_of_customers_says_how_it_is_joined() -> None:
    cubes = [each for each in extracts() if each.name.startswith("cube.")]
    counted = {each.name for each in cubes if "AS customers" in filled(each.sql)}
    assert counted == {each.name for each in cubes if is_covered(each.sql)}
    assert {each.name for each in cubes if is_covered(each.sql) and not levels(each.sql)} == {
        "cube.customers"
    }
    for each in cubes:
        for part in ("came_back", "churned", "active_customers", "repeat_customers"):
            if f" AS {part}" in filled(each.sql):
                said = (f"counted in two parts: {part}\n", f"; {part} if ", f"not without persons: {part}\n")
                assert any(each_said in each.sql for each_said in said), each.name


def test_cells_without_a_part_are_counted_whole(cells: duckdb.DuckDBPyConnection) -> None:
    """The size of a cohort, beside those of it who came back: of the second month all but two did."""
    rows = (
        "(VALUES ('a', 0, 1, 9, NULL), ('a', 0, 2, 20, NULL), ('a', 1, 1, 9, 5), ('a', 1, 2, 20, 18),"
        " ('a', 1, 3, 30, 15))"
    )
    sql = (
        "-- joined below five: b; month_no; cohort\n-- counted in two parts: back\n"
        f"FROM {rows} AS t (b, month_no, cohort, customers, back)"
    )
    assert sorted(cells.execute(joined(cells, sql)).fetchall(), key=str) == [
        ("a", 0, 1, 9, None), ("a", 0, 2, 20, None), ("a", 1, 3, 30, 15), ("a", 1, None, 29, 23),
    ]  # fmt: skip


def test_customer_kpis_of_small_places_are_not_told() -> None:
    """Spain and France go, and are seven together; the South without its countries stays."""
    places = {("North", "DE"): 6, ("North", "NL"): 7, ("South", "ES"): 3, ("South", "FR"): 4}
    connection = duckdb.connect()
    connection.execute("SET VARIABLE is_group = TRUE")
    connection.execute(
        "CREATE SCHEMA gold; CREATE TABLE gold.customer_brand_360 (source_system TEXT, region TEXT,"
        " country_code TEXT, customer_id TEXT, frequency INT, is_churned BOOLEAN)"
    )
    for (region, country), customers in places.items():
        connection.execute(
            "INSERT INTO gold.customer_brand_360"
            " SELECT 'a', ?, ?, ? || i, 1 + i % 2, i < 1 FROM range(?) AS t (i)",
            [region, country, country, customers],
        )
    (cube,) = (filled(each.sql) for each in extracts() if each.name == "cube.customers")
    connection.execute(f"CREATE TABLE cells AS {cube}")
    told, shown = (
        {row[:3]: row[3] for row in connection.execute(sql).fetchall() if row[0] == "a"}
        for sql in (covered(connection, cube, "cells", persons) for persons in (True, False))
    )
    assert told == shown | {("a", *place): places[place] for place in (("South", "ES"), ("South", "FR"))}
    assert shown == {
        ("a", None, None): 20,
        ("a", "North", None): 13,
        ("a", "North", "DE"): 6,
        ("a", "North", "NL"): 7,
        ("a", "South", None): 7,
    }
    sql = covered(connection, cube, "cells", persons=False)
    parts = {
        row[:3]: row[3:]
        for row in connection.execute(
            f"SELECT source_system, region, country_code, active_customers, repeat_customers FROM ({sql})"
        ).fetchall()
        if row[0] == "a"
    }
    assert parts[("a", None, None)] == (None, 9)  # four have left; nine of twenty bought twice
    # of the South's seven three did, so the North's six of thirteen, the only other, are not told either
    assert parts[("a", "North", None)] == parts[("a", "South", None)] == (None, None)
