"""Spark on a lakehouse in an object store: the server reads and writes it, and the embedded engine goes on
from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import Shop
from tests.parity.conftest import NOW
from tests.storage.servers import Azurite
from tests.storage.test_stores import in_store, lines

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.long("Spark plans every query")
@pytest.mark.sail
def test_spark_writes_and_the_embedded_engine_goes_on(
    shop: Shop, sail: SparkSession, azurite: Azurite
) -> None:
    in_store(shop, f"az://{azurite.new_container()}/retail")
    shop.deliver_lines(*lines(0, 30))
    first = shop.run(spark=sail, now=NOW)
    assert not first.failed, [t for t in first.tables if t.status == "failed"]
    assert not [file for files in shop.lakehouse.store.list(".tmp/") for file in files]
    shop.deliver_lines(*lines(30, 5), name="lines2.csv")
    later = shop.run()
    assert not later.failed and "updated" in {t.status for t in later.tables}
    assert shop.rows("SELECT count(*), sum(quantity) FROM silver.sales_clean") == [(35, 69)]
