"""Names of tables in a catalog are never taken from somebody else's; test_engines.py reads and writes by
name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mergehouse.engine.spark.catalog import Catalog
from mergehouse.engine.spark.engine import SparkEngine
from mergehouse.errors import ConfigError, LakehouseError
from mergehouse.lakehouse.delta import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.long("Spark plans every query"), pytest.mark.apache]


def test_a_name_of_another_table_stops_before_anything_is_written(
    named: SparkSession, tmp_path: Path
) -> None:
    named.sql("CREATE SCHEMA spark_catalog.silver")
    named.sql(f"CREATE TABLE spark_catalog.silver.orders (a INT) USING DELTA LOCATION '{tmp_path}/theirs'")
    lakehouse = Lakehouse(tmp_path / "ours")
    with pytest.raises(LakehouseError) as caught:
        Catalog(named, "spark_catalog", lakehouse).expect_free("silver.orders")
    text = str(caught.value)
    assert (
        "`spark_catalog.silver.orders` is already a table at" in text
        and "theirs" in text
        and str(tmp_path / "ours") in text
    )
    assert "engine.catalog" in text and "\n" not in text


def test_a_catalog_that_is_not_there_is_named(apache: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"the catalog `main` cannot be used on this Spark .*engine\.catalog"
    ):
        SparkEngine(apache, Lakehouse(tmp_path), str(tmp_path), "main")
