"""Tables in an object store that somebody else has changed, or that lost files, heal as in a folder."""

from __future__ import annotations

import pytest
from deltalake import DeltaTable, write_deltalake
from tests.conftest import Shop
from tests.storage.test_stores import in_store

from mergehouse.lakehouse.owner import OWNER
from mergehouse.storage import delta_options, open_store

pytestmark = pytest.mark.slow("tables in an object store")

LINES = "bronze.shop_lines"


@pytest.mark.long("an object store answers for each file")
def test_what_was_changed_or_lost_in_a_store_heals(sold: Shop, bucket: str) -> None:
    location = f"s3://{bucket}/lake"
    in_store(sold, location)
    assert not sold.run().failed
    lakehouse, store = sold.lakehouse, open_store(location)
    rows = lakehouse.query("FROM gold.sales_daily").to_arrow_table()
    address, options = lakehouse.address("gold.sales_daily"), delta_options(location)
    write_deltalake(DeltaTable(address, storage_options=options), rows, mode="append")
    file = lakehouse.delta(LINES).file_uris()[0].rsplit("/", 1)[-1]
    store.delete(f"bronze/shop_lines/{file}")
    commit = max(f["path"] for f in store.list("silver/orders/_delta_log/").collect())
    store.put(commit, b'{"add": {"path"')
    result = sold.run()
    found = {c.table: c.why for c in result.checks if c.check == "table_is_as_written"}
    assert not result.failed and set(found) == {"gold.sales_daily", LINES, "silver.orders"}
    assert "is put back" in found["gold.sales_daily"] and "loaded again" in found[LINES]
    assert sold.rows("SELECT sum(gmv_eur) FROM gold.sales_daily")[0][0] == 30
    assert sold.rows(f"SELECT count(*) FROM {LINES}") == [(3,)]
    assert not sold.run().changed
    assert [f["path"] for f in store.list(".damaged/").collect()] and store.head(OWNER)
