"""Which pairs are compared at all: those that share a key of a rule; keys that too many share are left out.

Counted before any pair is made: one telephone number for 100,000 customers would make ten thousand million.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import polars as pl

from mergehouse.identity.person_rule import EXACT, IS_PERSON
from mergehouse.lakehouse.reader import frame

MOST_PAIRS_OF_A_KEY = 10_000
MOST_PAIRS_OF_A_RULE = 200_000  # or as many as there are customers, if these are more
RULES = {  # by name: columns needed, SQL of the key, null where a customer has none
    "email": (("email",), "email"),
    "mailbox": (("email",), "mailbox"),
    "phone": (("phone",), "phone"),
    "loyalty_card": (("loyalty_card",), "loyalty_card"),
    "birth_date, last_name": (("birth_date", "last_name"), "birth_date || last_name"),
    "birth_date, first_name": (("birth_date", "first_name"), "birth_date || first_name"),
    "birth_date, postcode": (("birth_date", "postcode"), "birth_date || postcode"),
    "last_name, postcode": (("last_name", "postcode"), "last_name || postcode"),
    "first_name, postcode": (("first_name", "postcode"), "first_name || postcode"),
    "address_line_1": (("address_line_1",), "address_line_1"),
    "address_line_2": (("address_line_2",), "address_line_2"),
    "both names, in any order": (
        ("first_name", "last_name"),
        "least(first_name, last_name) || ' ' || greatest(first_name, last_name)",
    ),
    "full_name, year of birth": (
        ("birth_date", "first_name", "last_name"),
        "full_name || substr(birth_date, 1, 4)",
    ),
    "full_name, city": (("first_name", "last_name", "city"), "full_name || city"),
    "last_name, year of birth": (("birth_date", "last_name"), "last_name || substr(birth_date, 1, 4)"),
    "first_name, year of birth": (("birth_date", "first_name"), "first_name || substr(birth_date, 1, 4)"),
    "last_name, day of birth": (("birth_date", "last_name"), "last_name || substr(birth_date, 6)"),
    "first_name, month of birth": (("birth_date", "first_name"), "first_name || substr(birth_date, 1, 7)"),
    "birth_date": (("birth_date",), "birth_date"),
    "postcode": (("postcode",), "postcode"),
}  # fmt: skip
LEFT_OUT = pl.Schema(
    {"rule": pl.String, "keys": pl.Int64, "pairs": pl.Int64, "largest": pl.Int64, "customers": pl.Int64}
)


_AGREEING = f"""
    JOIN customers AS l ON l.id = one.id JOIN customers AS r ON r.id = other.id
    WHERE {{}} AND {IS_PERSON}
"""


def pair_exactly(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Makes the table `exact` (id_l, id_r) of pairs of customers of two brands that agree by a rule of EXACT
    and are a person by the person rule, each once. Returns what was not paired, by LEFT_OUT.
    """
    _new_pairs(connection)
    left_out = []
    for columns in EXACT:
        _keyed(connection, " || ' ' || ".join(columns))
        _pair(connection, MOST_PAIRS_OF_A_KEY, _AGREEING.format(_equal(columns)))
        left_out.append(_left_out(connection, f"exact: {', '.join(columns)}", MOST_PAIRS_OF_A_KEY))
    connection.execute("CREATE TABLE exact AS SELECT DISTINCT * FROM pairs")
    return pl.concat(left_out)


def block(connection: duckdb.DuckDBPyConnection, attributes: Collection[str]) -> pl.DataFrame:
    """Makes the table `blocked` (id_l, id_r) of pairs of customers of two brands to compare, each once: those
    that share a key of a rule for which `attributes` suffice, without those of the table `exact`.

    Returns, by LEFT_OUT, what was not paired: of a rule the keys with more than MOST_PAIRS_OF_A_KEY pairs,
    their pairs, the largest's pairs, their customers. A rule whose other keys make more than
    MOST_PAIRS_OF_A_RULE, and more than there are customers, is left out with all keys.
    """
    _new_pairs(connection)
    customers = connection.sql("SELECT count(*) FROM customers").fetchall()[0][0]
    left_out = []
    for name, (needed, key) in RULES.items():
        if {*needed} <= {*attributes}:
            fits = _keyed(connection, key) <= max(MOST_PAIRS_OF_A_RULE, customers)
            largest = MOST_PAIRS_OF_A_KEY if fits else 0
            _pair(connection, largest)
            left_out.append(_left_out(connection, name, largest))
    connection.execute(
        "CREATE TABLE blocked AS SELECT DISTINCT * FROM pairs ANTI JOIN exact USING (id_l, id_r)"
    )
    return pl.concat([LEFT_OUT.to_frame(), *left_out])


def _new_pairs(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE OR REPLACE TEMP TABLE pairs (id_l BIGINT, id_r BIGINT)")


def _keyed(connection: duckdb.DuckDBPyConnection, key: str) -> int:
    """Makes the tables `keyed`, customers by their key, and `sizes`, how many pairs of two brands each key
    makes. Returns how many pairs the keys make that no limit leaves out.
    """
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE keyed AS
        SELECT id, source_system, hash({key}) AS key FROM customers WHERE {key} IS NOT NULL
    """)
    # pairs of different brands: half of what is left of all pairs without those of one brand
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE sizes AS
        SELECT key, sum(n) AS customers, (sum(n) * sum(n) - sum(n * n)) // 2 AS pairs
        FROM (SELECT key, source_system, count(*) AS n FROM keyed GROUP BY ALL)
        GROUP BY key HAVING pairs > 0
    """)
    fit = connection.sql(f"SELECT sum(pairs) FROM sizes WHERE pairs <= {MOST_PAIRS_OF_A_KEY}")
    return fit.fetchall()[0][0] or 0


def _pair(connection: duckdb.DuckDBPyConnection, largest: int, condition: str = "") -> None:
    """Adds to `pairs` those of keys with so many pairs at most."""
    connection.execute(f"""
        INSERT INTO pairs
        SELECT one.id, other.id
        FROM (FROM keyed SEMI JOIN (FROM sizes WHERE pairs <= {largest}) USING (key)) AS one
        JOIN keyed AS other ON one.key = other.key AND one.source_system < other.source_system
        {condition}
    """)


def _left_out(connection: duckdb.DuckDBPyConnection, rule: str, largest: int) -> pl.DataFrame:
    left_out = connection.sql(
        f"""
        SELECT ? AS rule, count(*) AS keys, sum(pairs)::BIGINT AS pairs, max(pairs)::BIGINT AS largest,
            sum(customers)::BIGINT AS customers
        FROM sizes WHERE pairs > {largest} HAVING count(*) > 0
        """,
        params=[rule],
    )
    return frame(left_out)


def _equal(columns: tuple[str, ...]) -> str:
    return " AND ".join(f"l.{column} = r.{column}" for column in columns)
