"""Publishing, where something is in the way; tests/parity publishes on Spark."""

from __future__ import annotations

import pytest
from tests.conftest import Shop
from tests.platform.databricks_session import Spark

from mergehouse.errors import CheckFailed, LakehouseError
from mergehouse.platform.databricks.publish import publish
from mergehouse.release.export.export import release


def test_whoever_sees_less_than_they_wrote_is_told_why(sold: Shop) -> None:
    made = release(sold.project)
    names = [table.name for table in made.manifest.tables]
    assert [line.split(":")[0] for line in publish(Spark(), made.root, "retail_dev")] == names  # type: ignore[arg-type]
    spark = Spark(hidden="gold.sales_daily")
    with pytest.raises(
        LakehouseError, match="3 rows were written and 0 can be seen. .*`mergehouse_pipeline`"
    ):
        list(publish(spark, made.root, "retail_dev"))  # type: ignore[arg-type]
    assert spark.said[-1].startswith("INSERT OVERWRITE TABLE `retail_dev`.`gold`.`sales_daily` SELECT ")


def test_a_damaged_release_touches_nothing(sold: Shop) -> None:
    made = release(sold.project)
    file = next(sold.folder.glob("lakehouse/release/gold/sales_daily/**/*.parquet"))
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1])
    spark = Spark()
    with pytest.raises(CheckFailed, match="broken, .* fault(?s:.*)Nothing was published"):
        list(publish(spark, made.root, "retail_dev"))  # type: ignore[arg-type]
    assert spark.said == []
