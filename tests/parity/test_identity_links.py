"""What a model links is linked alike where Spark builds the tables: who is whom is found beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import prepared_shop
from tests.parity.conftest import NOW
from tests.parity.test_engines import differences, sound, with_engine
from tests.pipeline.test_identity import House, pairs_by_mail, two_brands  # noqa: F401 - a fixture

from mergehouse.lakehouse.delta import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.long("builds all tables twice on either engine")
@pytest.mark.sail
def test_a_models_links_reach_the_same_tables(tmp_path: Path, sail: SparkSession) -> None:
    """Of a first run, after which a model is there and all is built anew."""
    lakehouses = []
    for name, engine, options in (("embedded", "duckdb", {}), ("spark", "spark", {"spark": sail})):
        shop = prepared_shop("two brands with attributes", two_brands, tmp_path / name)
        House(shop).trained()
        with_engine(shop.folder, engine)
        sound(shop.run(now=NOW, full=True, **options))
        assert shop.rows(
            "SELECT customer_id, method FROM silver.customer_xref"
            " WHERE source_system = 'shop' AND source_customer_id = 'K1'"
        ) == [("other:K1", "probabilistic")]
        assert shop.rows("SELECT customer_id FROM gold.customer_360 WHERE frequency = 2") == [("other:K1",)]
        lakehouses.append(Lakehouse(shop.folder / "lakehouse"))
    assert differences(*lakehouses) == {}
