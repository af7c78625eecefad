"""How often customers of two brands who are two persons agree by chance: the `u` of each level.

Counted over all pairs by GROUP BY where a level asks for equal values alone; a sample sees too few such pairs
of a million customers by a million.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from mergehouse.identity.comparisons import Agreement, Comparison

SAMPLED = 3000  # customers; all pairs of them that are of two brands, some millions
HALF = 0.5  # is added to each count of pairs, so that a level that none was seen at has no share of 0


def shares_among_two_persons(
    connection: duckdb.DuckDBPyConnection, compared: Sequence[Comparison]
) -> dict[str, list[tuple[float, bool]]]:
    """For each comparison the share of pairs at each level, from equal to different, and whether all pairs
    were counted, from the tables `customers` and `exact`. Pairs of `exact` are of one person, and left out.
    """
    sampled = _sampled(connection, compared)
    return {
        comparison.name: _shares(connection, comparison, levels)
        for comparison, levels in zip(compared, sampled, strict=True)
    }


def _shares(
    connection: duckdb.DuckDBPyConnection, comparison: Comparison, sampled: dict[int, int]
) -> list[tuple[float, bool]]:
    known = _known_pairs(connection, comparison)
    counted: list[tuple[Agreement, float]] = []
    for condition in comparison.conditions:
        if not condition.equal:
            break
        earlier = sum(pairs for before, pairs in counted if {*before.equal} >= {*condition.equal})
        counted.append((condition, _equal_pairs(connection, condition.equal) - earlier))
    exact = [(pairs + HALF) / (known + 1) for _, pairs in counted]
    rest = [sampled.get(level, 0) + HALF for level in range(len(counted), len(comparison.conditions) + 1)]
    left = (1 - sum(exact)) / sum(rest)
    return [*((share, True) for share in exact), *((pairs * left, False) for pairs in rest)]


def _equal_pairs(connection: duckdb.DuckDBPyConnection, columns: Iterable[str]) -> int:
    """Pairs of customers of two brands with equal values, without those of the table `exact`."""
    names = ", ".join(columns)
    return connection.sql(f"""
        WITH counted AS (
            SELECT source_system, {names}, count(*)::HUGEINT AS n FROM customers
            WHERE {" AND ".join(f"{column} IS NOT NULL" for column in columns)}
            GROUP BY ALL
        ), valued AS (
            SELECT sum(n) AS n, sum(n * n) AS of_one_brand FROM counted GROUP BY {names}
        )
        SELECT
            coalesce((SELECT sum(n * n - of_one_brand) // 2 FROM valued), 0) - (
                SELECT count(*) FROM exact
                    JOIN customers AS l ON l.id = id_l JOIN customers AS r ON r.id = id_r
                WHERE {" AND ".join(f"l.{column} = r.{column}" for column in columns)}
            )
    """).fetchall()[0][0]


def _known_pairs(connection: duckdb.DuckDBPyConnection, comparison: Comparison) -> int:
    """Pairs of customers of two brands of which the comparison says anything, without those of `exact`."""
    names = ", ".join(comparison.columns)
    filled = ", ".join(f"CASE WHEN {name} IS NOT NULL THEN '' END AS {name}" for name in comparison.columns)
    return connection.sql(f"""
        WITH patterns AS (SELECT source_system, {filled}, count(*)::HUGEINT AS n FROM customers GROUP BY ALL),
        overall AS (SELECT {names}, sum(n) AS n FROM patterns GROUP BY ALL),
        pairs AS (
            SELECT l.n * r.n AS n, {sides(comparison.columns)} FROM overall AS l CROSS JOIN overall AS r
            UNION ALL
            SELECT -l.n * r.n, {sides(comparison.columns)}
            FROM patterns AS l JOIN patterns AS r USING (source_system)
            UNION ALL
            SELECT -2, {sides(comparison.columns)}
            FROM exact JOIN customers AS l ON l.id = id_l JOIN customers AS r ON r.id = id_r
        )
        SELECT coalesce(sum(n) // 2, 0) FROM pairs WHERE NOT ({comparison.unknown})
    """).fetchall()[0][0]


def _sampled(connection: duckdb.DuckDBPyConnection, compared: Sequence[Comparison]) -> list[dict[int, int]]:
    """For each comparison how many pairs of a sample are at each level; as many customers of each brand, and
    the same ones whatever the order of rows.
    """
    columns = {column: None for comparison in compared for column in comparison.columns}
    levels = ", ".join(f"histogram({_level(comparison)})" for comparison in compared)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE sampled AS
        SELECT * EXCLUDE (place)
        FROM (
            SELECT *, row_number() OVER (PARTITION BY source_system ORDER BY md5(customer_code)) AS place
            FROM customers
        )
        ORDER BY place, md5(customer_code), id
        LIMIT {SAMPLED}
    """)
    found = connection.sql(f"""
        SELECT {levels}
        FROM (
            SELECT {sides(columns)} FROM sampled AS l JOIN sampled AS r ON l.source_system < r.source_system
            ANTI JOIN exact ON id_l = l.id AND id_r = r.id
        )
    """).fetchall()[0]
    return [levels or {} for levels in found]


def _level(comparison: Comparison) -> str:
    conditions = "".join(
        f" WHEN {condition.sql} THEN {level}" for level, condition in enumerate(comparison.conditions)
    )
    return f"CASE WHEN {comparison.unknown} THEN NULL{conditions} ELSE {len(comparison.conditions)} END"


def sides(columns: Iterable[str]) -> str:
    """Columns of two customers, `l` and `r`, by the names that comparisons have for them.

    >>> sides(["city"])
    'l.city AS city_l, r.city AS city_r'
    """
    return ", ".join(f"l.{column} AS {column}_l, r.{column} AS {column}_r" for column in columns)
