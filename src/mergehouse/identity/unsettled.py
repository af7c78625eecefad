"""Customers whose entry in the registry may change: a delivery brings few, whatever the registry holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import polars as pl

from mergehouse.contracts.registry import contract_of
from mergehouse.contracts.types import duckdb_type, frame_schema
from mergehouse.identity.clusters import KEY, OWN
from mergehouse.identity.registry import COUNTED, GONE
from mergehouse.identity.tables import ATTRIBUTES, REGISTRY, SEEN, XREF
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import frame, load

READ = {
    "registry": (REGISTRY, [name for name in contract_of(REGISTRY).columns if name != "recorded_at"]),
    "xref": (XREF, ["source_system", "source_customer_id", "customer_id", "method", "score"]),
    "attributes": (ATTRIBUTES, KEY),
    "seen": (SEEN, KEY),
}
THERE = ("attributes", "seen")  # who is a customer
FEW = 20_000  # rows
SAME = f"USING ({', '.join(KEY)})"
# An entry that makes a number a customer of its own, under its own id. Ids that are counted up are looked for
# in all that were ever given.
ENTERED = f"""
    SELECT source_system, customer_code, customer_id,
        event <> '{GONE}' AND method = '{OWN}' AND score IS NULL
        AND customer_id = source_system || ':' || customer_code AND NOT contains(customer_id, '{COUNTED}')
        AS is_settled
    FROM registry"""
UNKNOWN = """
    SELECT source_system, source_customer_id AS customer_code, customer_id, method, score FROM xref AS x
    ANTI JOIN entered AS e ON e.source_system = x.source_system AND e.customer_code = x.source_customer_id
        AND e.customer_id = x.customer_id"""
UNSETTLED = f"""
    SELECT source_system, customer_code FROM entered WHERE NOT is_settled
    UNION SELECT * FROM attributes ANTI JOIN entered {SAME}
    UNION SELECT * FROM seen ANTI JOIN entered {SAME}
    UNION SELECT source_system, customer_code FROM entered ANTI JOIN attributes {SAME} ANTI JOIN seen {SAME}
    UNION SELECT source_system, customer_code FROM unknown
    UNION SELECT * FROM named"""
# who else has an id that one of them had
OWNERS = f"""
    SELECT DISTINCT source_system, customer_code FROM entered
    SEMI JOIN (
        SELECT customer_id FROM entered SEMI JOIN unsettled {SAME} UNION SELECT customer_id FROM unknown
    ) USING (customer_id)
    ANTI JOIN unsettled {SAME}"""


@dataclass(frozen=True)
class Unsettled:
    """`members` are the customers that there are (KEY); `registry` has all entries of theirs and of those
    that are gone, but for when they were made. `unknown` are published customers (KEY, customer_id, method,
    score) with ids that the registry does not know. `last_entry` is that of the whole registry.
    """

    members: pl.DataFrame
    registry: pl.DataFrame
    unknown: pl.DataFrame
    last_entry: int


def unsettled(lakehouse: Lakehouse, named: pl.DataFrame) -> Unsettled:
    """Everybody but those who are, and always were, a customer of their own, and whom no evidence has `named`
    (KEY): of these there is nothing to enter, and no id of theirs is anybody else's.
    """
    connection = lakehouse.reading(*(table for table, _ in READ.values() if lakehouse.exists(table)))
    for name, (table, columns) in READ.items():
        connection.execute(f"CREATE VIEW {name} AS {chosen(lakehouse, table, columns)}")
    return unsettled_of(connection, named)


def unsettled_of(connection: duckdb.DuckDBPyConnection, named: pl.DataFrame) -> Unsettled:
    """The same of what `connection` reads as `registry`, `xref`, `attributes` and `seen`."""
    load(connection, "TABLE named", named.select(KEY))
    for name, sql in (("entered", ENTERED), ("unknown", UNKNOWN), ("unsettled", UNSETTLED)):
        connection.execute(f"CREATE TABLE {name} AS {sql}")
    connection.execute(f"INSERT INTO unsettled {OWNERS}")
    members = " UNION ".join(f"SELECT * FROM {those} SEMI JOIN unsettled {SAME}" for those in THERE)
    return Unsettled(
        read(connection, members, REGISTRY),
        read(connection, f"SELECT * FROM registry SEMI JOIN unsettled {SAME}", REGISTRY),
        read(connection, "SELECT * FROM unknown", REGISTRY),
        connection.execute("SELECT coalesce(max(entry), 0) FROM registry").fetchall()[0][0],
    )


def read(connection: duckdb.DuckDBPyConnection, sql: str, table: str) -> pl.DataFrame:
    """What a query finds, in the types that the columns of a table have. Few rows go through Python: PyArrow,
    which many are read with, takes longer to load.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS {sql}")
    kinds, found = frame_schema(contract_of(table).types), connection.table("found")
    schema = pl.Schema({name: kinds[name] for name in found.columns})
    if len(found) < FEW:
        return pl.DataFrame(found.fetchall(), schema, orient="row")
    return frame(found).cast(schema)


def chosen(lakehouse: Lakehouse, table: str, columns: Iterable[str]) -> str:
    """SQL of some columns of a table; without rows where it is not there, NULL where it is of before they
    were.
    """
    kinds = {n: duckdb_type(kind) for n, kind in contract_of(table).types.items() if n in {*columns}}
    if not lakehouse.exists(table):
        nulls = ", ".join(f"NULL::{kind} AS {name}" for name, kind in kinds.items())
        return f"SELECT {nulls} WHERE false"
    names = [field.name for field in lakehouse.delta(table).schema().fields]
    there = (name if name in names else f"NULL::{kind} AS {name}" for name, kind in kinds.items())
    return f"SELECT {', '.join(there)} FROM {table}"
