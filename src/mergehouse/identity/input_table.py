"""The table of standardised customers that linkage works on, in a DuckDB of its own."""

from __future__ import annotations

import duckdb
import polars as pl

from mergehouse.identity.attributes import ATTRIBUTES, KEY
from mergehouse.lakehouse.reader import load


def load_customers(connection: duckdb.DuckDBPyConnection, customers: pl.DataFrame) -> None:
    """Makes the table `customers`: KEY, ATTRIBUTES, what is derived from them, and `id`, the customer's place
    in the order of brands and codes, whatever the order of `customers`.
    """
    in_order = customers.select(*KEY, *ATTRIBUTES).sort(KEY).with_row_index("id", offset=1)
    load(
        connection,
        "TABLE customers",
        in_order.with_columns(
            pl.col("id").cast(pl.Int64),
            full_name=pl.col("first_name") + " " + pl.col("last_name"),
            mailbox=pl.col("email").str.extract("^([^@]*)"),
        ),
    )


def usable_attributes(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Of ATTRIBUTES, those that customers of two brands or more have. A country alone is not compared: phones
    are read by it.
    """
    compared = [name for name in ATTRIBUTES if name != "country"]
    brands = ", ".join(f"count(DISTINCT source_system) FILTER ({name} IS NOT NULL)" for name in compared)
    counted = connection.sql(f"SELECT {brands} FROM customers").fetchall()[0]
    return tuple(name for name, count in zip(compared, counted, strict=True) if count > 1)
