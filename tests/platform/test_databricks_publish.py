"""Publishing, where something is in the way; tests/parity publishes on Spark."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.conftest import Shop

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import CheckFailed, LakehouseError
from mergehouse.platform.databricks.publish import publish
from mergehouse.release.export.export import release


class Spark:
    """A session that keeps what it is told, whose tables have the columns of their contracts. A filter hides
    the rows of `hidden`.
    """

    def __init__(self, rows: dict[str, int], hidden: str = ""):
        self.said: list[str] = []
        self.rows, self.hidden = rows, hidden
        self.catalog = SimpleNamespace(tableExists=lambda name: "access" not in name)
        frame = SimpleNamespace(createOrReplaceTempView=lambda name: None)
        self.read = SimpleNamespace(parquet=lambda *files: frame)

    def sql(self, text: str) -> None:
        self.said.append(text)

    def table(self, name: str) -> Any:
        plain = ".".join(name.replace("`", "").split(".")[-2:])
        count = 0 if plain == self.hidden else self.rows[plain]
        return SimpleNamespace(dtypes=list(contract_of(plain).types.items()), count=lambda: count)


def test_whoever_sees_less_than_they_wrote_is_told_why(sold: Shop) -> None:
    made = release(sold.project)
    rows = {table.name: table.rows for table in made.manifest.tables}
    assert [line.split(":")[0] for line in publish(Spark(rows), made.root, "retail_dev")] == list(rows)  # type: ignore[arg-type]
    spark = Spark(rows, hidden="gold.sales_daily")
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
    spark = Spark({})
    with pytest.raises(CheckFailed, match="broken, .* fault(?s:.*)Nothing was published"):
        list(publish(spark, made.root, "retail_dev"))  # type: ignore[arg-type]
    assert spark.said == []
