"""Functions that contracts of `test_computed` name: what a table that Python computes looks like."""

from __future__ import annotations

import polars as pl

from mergehouse.pipeline.computed import Request, Rows

calls: list[str] = []  # what has been computed, in order
behaviour = {"version": "1", "lacking": "", "fail": ""}


def groups(request: Request) -> Rows:
    """Customers of `silver.orders` by whether they came back."""
    calls.append("groups")
    if behaviour["fail"]:
        raise ValueError(behaviour["fail"])
    orders = request.lakehouse.table("silver.orders").polars()
    counted = orders.group_by("customer_id").len()
    name = pl.when(pl.col("len") > 1).then(pl.lit("regular")).otherwise(pl.lit("new"))
    return Rows(
        counted.select("customer_id", name.alias("group_name"), pl.lit(len(orders)).alias("seen_orders"))
    )


def version(_: Request) -> str:
    return behaviour["version"]


def lacking() -> str:
    return behaviour["lacking"]
