"""Customers of several brands on Spark: the other exports of these tests share none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import prepared_shop
from tests.several_brands import several_brands

from mergehouse.contracts.registry import MODELS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NAME = "gold.cross_brand_customers"
INPUTS = ("gold.dim_brand", "gold.customer_360", "gold.customer_brand_360", "silver.customer_days")


@pytest.mark.sail
@pytest.mark.long("a Spark Connect server starts")
def test_sail_agrees_on_customers_of_several_brands(tmp_path: Path, sail: SparkSession) -> None:
    shop = prepared_shop("several brands", several_brands, tmp_path / "project")
    sql = (MODELS / "gold" / "cross_brand_customers.sql").read_text()
    for name in INPUTS:
        view = name.replace(".", "_")
        sail.createDataFrame(shop.lakehouse.table(name).arrow()).createOrReplaceTempView(view)
        sql = sql.replace(f" {name} ", f" {view} ").replace(f" {name}\n", f" {view}\n")
    theirs = sorted(tuple(row) for row in sail.sql(sql).collect())
    assert theirs == sorted(shop.rows(f"FROM {NAME}")) and len(theirs) == 10
