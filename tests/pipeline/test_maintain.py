"""Table care: fewer files, the same rows, versions of the last week readable, and nothing in the log a reader
may not know.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Shop, prepared_shop
from tests.pipeline.rebuilds import differences, line

from mergehouse.errors import MergehouseError
from mergehouse.operations.maintenance import maintain

pytestmark = pytest.mark.slow("many versions of a table are made")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop after three small deliveries, with a correction each. Read only."""
    return prepared_shop("used", three_deliveries, tmp_path_factory.mktemp("used") / "project")


def three_deliveries(shop: Shop) -> None:
    for n in range(3):
        shop.deliver_lines(
            line(f"A{n}", day=1 + n, customer=str(n)), line("A0", quantity=1 + n), name=f"lines_{n}.csv"
        )
        shop.run()


@pytest.fixture
def worn(used: Shop, tmp_path: Path) -> Shop:
    return used.copy(tmp_path / "worn")


@pytest.mark.long("maintenance and a rebuild of every table")
def test_maintain_compacts_and_changes_no_row(worn: Shop) -> None:
    rows = worn.rows("SELECT * FROM silver.sales_clean ORDER BY ALL")
    done = {m.table: m for m in maintain(worn.lakehouse)}
    assert done["silver.order_lines"].files_before == 3 and done["silver.order_lines"].files_after == 1
    assert max(m.files_after for name, m in done.items() if name.startswith("silver.")) == 1
    assert worn.rows("SELECT * FROM silver.sales_clean ORDER BY ALL") == rows
    assert list((worn.lakehouse.path("silver.order_lines") / "_delta_log").glob("*.checkpoint.parquet"))
    assert differences(worn.lakehouse, worn.folder) == {}


@pytest.mark.long("maintenance and a rebuild of every table")
def test_a_delivery_after_maintenance_goes_on(worn: Shop) -> None:
    worn.run()  # which notes where the copy's files are
    maintain(worn.lakehouse)
    assert not worn.run().changed
    worn.deliver_lines(line("B1", day=9), line("A2", day=3, quantity=9, customer="2"), name="lines_after.csv")
    statuses = {t.table: t.status for t in worn.run().tables}
    assert statuses["silver.sales_clean"] == "updated" and "built" not in {
        s for n, s in statuses.items() if n.startswith("silver.")
    }
    assert differences(worn.lakehouse, worn.folder) == {}


def test_old_versions_stay_for_a_week_unless_forced(worn: Shop) -> None:
    first = worn.lakehouse.table("silver.orders", version=0).polars()
    assert sum(m.removed for m in maintain(worn.lakehouse)) == 0
    assert worn.lakehouse.table("silver.orders", version=0).polars().equals(first)
    with pytest.raises(MergehouseError, match="less than 168 hours .* Add --force"):
        maintain(worn.lakehouse, keep_hours=0)
    assert sum(m.removed for m in maintain(worn.lakehouse, keep_hours=0, force=True)) > 0
    assert worn.rows("SELECT count(*) FROM silver.orders") == [(3,)]


def test_tables_ask_nothing_of_a_reader_that_fabric_databricks_and_delta_rs_do_not_all_know(
    worn: Shop,
) -> None:
    maintain(worn.lakehouse)
    for name in worn.lakehouse.tables():
        protocol = worn.lakehouse.delta(name).protocol()
        assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2), name
        assert not protocol.reader_features and not protocol.writer_features
        assert all(
            field.name.isidentifier() and field.name.islower()
            for field in worn.lakehouse.delta(name).schema().fields
        )
