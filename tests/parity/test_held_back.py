"""A brand that is held back keeps its rows on Spark, too: those of the version before the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import Shop
from tests.pipeline.test_isolation import gmv, held, line, two

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.long("Spark plans every query")
@pytest.mark.sail
def test_a_brand_is_held_back_on_spark(shop: Shop, sail: SparkSession) -> None:
    other = two(shop)
    assert not shop.run("silver", spark=sail).failed
    for each in (shop, other):
        each.deliver_lines(line("A2", 2), name="lines_2.csv")
    other.deliver("", "lines_3.csv")
    assert "lines_3.csv" in held(shop.run("silver", spark=sail))["other"]
    assert gmv(shop) == {"shop": 20, "other": 10}
