"""Tables that somebody or something else has changed: a run notices, mends what it can make again, and says
so; a release is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake
from tests.conftest import Shop

from mergehouse.errors import CheckFailed, LakehouseError
from mergehouse.lakehouse.integrity import faults
from mergehouse.lakehouse.writing import append, restore
from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.run import check
from mergehouse.release.export.export import release

pytestmark = pytest.mark.slow("each touch is noticed by a run")

MUGS = Decimal("30.00")  # three orders of two mugs at 5.00
CHECK = "table_is_as_written"
SALES, LINES = "gold.sales_daily", "bronze.shop_lines"


def gmv(shop: Shop) -> Decimal:
    return shop.rows(f"SELECT sum(gmv_eur) FROM {SALES}")[0][0]


def said(result: RunResult) -> dict[str, str]:
    return {c.table: c.why for c in result.checks if c.check == CHECK and not c.passed}


def delta(shop: Shop, table: str) -> DeltaTable:
    """As another program opens it."""
    return DeltaTable(str(shop.lakehouse.path(table)))


def double(shop: Shop, table: str) -> None:
    write_deltalake(delta(shop, table), shop.lakehouse.query(f"FROM {table}").to_arrow_table(), mode="append")


def files(shop: Shop, table: str) -> list[Path]:
    return [Path(file) for file in shop.lakehouse.delta(table).file_uris()]


def dropped_and_made_again(shop: Shop, table: str) -> None:
    rows = shop.lakehouse.query(f"FROM {table}").to_arrow_table()
    for file in sorted(shop.lakehouse.path(table).rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    write_deltalake(str(shop.lakehouse.path(table)), rows.slice(0, 1))


def test_others_commits_and_exchanged_files_are_undone_in_one_run(sold: Shop) -> None:
    sold.run(select="gold.dim_product", full=True)
    before = {table: sold.lakehouse.rows(table) for table in sold.lakehouse.tables()}
    double(sold, SALES)
    delta(sold, "silver.sales_clean").delete("order_id = 'A1'")
    delta(sold, "silver.orders").update({"order_id": "'A9'"}, predicate="order_id = 'A2'")
    dropped_and_made_again(sold, "silver.products_clean")
    delta(sold, "gold.dim_product").restore(0)
    files(sold, "gold.dim_brand")[0].write_bytes(files(sold, "gold.dim_date")[0].read_bytes())
    double(sold, "bronze.batches")
    delta(sold, "monitor.runs").delete()
    result = sold.run()
    found = said(result)
    assert not result.failed and set(found) == {
        SALES, "silver.sales_clean", "silver.orders", "silver.products_clean", "gold.dim_product",
        "gold.dim_brand", "bronze.batches", "monitor.runs",
    }  # fmt: skip
    assert "another program wrote version 1 (WRITE, 20" in found[SALES].lower().replace("write", "WRITE")
    assert "bytes; the log says" in found["gold.dim_brand"] and "built again" in found["gold.dim_brand"]
    assert "is put back" in found["bronze.batches"]
    after = {table: sold.lakehouse.rows(table) for table in sold.lakehouse.tables()}
    assert {t: n for t, n in after.items() if not t.startswith("monitor.")} == {
        t: n for t, n in before.items() if not t.startswith("monitor.")
    }
    assert gmv(sold) == MUGS and sold.rows("SELECT order_id FROM silver.orders ORDER BY 1")[1] == ("A2",)
    assert not sold.run().changed and not faults(sold.lakehouse, count_rows=True)


def test_a_delivery_is_not_added_to_rows_of_somebody_else(sold: Shop) -> None:
    double(sold, "silver.sales_clean")
    sold.deliver_lines("A4,1,2026-03-04 10:00:00,P1,Mug,2,5.00,77,Germany,EUR", name="lines2.csv")
    assert "silver.sales_clean" in said(sold.run())
    assert gmv(sold) == MUGS + 10


def test_maintenance_and_comments_of_others_are_no_change(sold: Shop) -> None:
    for table in (SALES, LINES):
        write = delta(sold, table)
        write.optimize.compact()
        write.vacuum(retention_hours=200, dry_run=False)
        write.alter.set_table_description("read by Power BI")
    result = sold.run()
    assert not said(result) and {table.status for table in result.tables} == {"fresh"}


def test_a_file_of_the_same_size_with_other_rows_is_found(sold: Shop) -> None:
    """Padded before its footer, where no reader looks."""
    file = files(sold, SALES)[0]
    size, other = file.stat().st_size, file.with_suffix(".other")
    columns = "order_date, country_code, region, gmv_eur"
    sold.lakehouse.query(f"SELECT {columns} FROM {SALES} LIMIT 1").write_parquet(str(other))
    content = other.read_bytes()
    other.unlink()
    footer = 8 + struct.unpack("<I", content[-8:-4])[0]
    file.write_bytes(content[:-footer] + b"\0" * (size - len(content)) + content[-footer:])
    assert file.stat().st_size == size
    assert [f.table for f in faults(sold.lakehouse, count_rows=True).values()] == [SALES]
    with pytest.raises(CheckFailed, match=r"`gold\.sales_daily`: its file .* has 1 rows; the log says 3"):
        release(sold.project)


def test_bronze_that_somebody_changed_stops_its_source_until_told_to_load_again(sold: Shop) -> None:
    delta(sold, LINES).update({"qty": "'9'"}, predicate="source_row = 1")
    result = sold.run()
    assert result.failed and "`mergehouse run --full --from-raw`" in str(result.ingest.failures[LINES])
    assert gmv(sold) == MUGS
    assert [c.table for c in check(sold.project) if c.check == CHECK] == [LINES]
    result = sold.run(from_raw=True)
    assert not result.failed and "written anew" in said(result)[LINES]
    assert sold.rows(f"SELECT qty FROM {LINES} WHERE source_row = 1") == [("2",)]
    assert not sold.run().changed


def test_rows_in_bronze_that_no_delivery_brought_are_found(sold: Shop) -> None:
    other = sold.lakehouse.query(f"SELECT * REPLACE ('other' AS batch_id) FROM {LINES} LIMIT 2")
    append(sold.lakehouse, LINES, other)  # as a killed run leaves them whose file then went
    result = sold.run()
    assert result.failed and said(result)[LINES].startswith("2 rows are of no delivery")
    assert not sold.run(from_raw=True).failed
    assert sold.rows(f"SELECT count(*) FROM {LINES}") == [(3,)]


@pytest.mark.parametrize(
    "touch",
    [lambda shop: double(shop, SALES), lambda shop: files(shop, SALES)[0].unlink()],
    ids=["doubled", "a file gone"],
)
def test_nothing_is_released_that_was_not_built(sold: Shop, touch: Callable[[Shop], None]) -> None:
    touch(sold)
    with pytest.raises(
        CheckFailed, match=r"`gold\.sales_daily`: .*Nothing was released; `mergehouse run`"
    ) as e:
        release(sold.project)
    assert e.value.exit_code == 1
    assert [c.table for c in check(sold.project) if c.check == CHECK] == [SALES]


@pytest.mark.long("two runs of two brands")
def test_brands_whose_sources_are_sound_go_on(sold: Shop) -> None:
    """The other brand's figures stay as they were, in tables that somebody has changed, too."""
    other = sold.another("kiosk")
    other.deliver_lines("K1,1,2026-03-05 10:00:00,P1,Mug,1,7.00,78,Germany,EUR")
    assert not sold.run().failed and gmv(sold) == MUGS + 7
    delta(sold, "bronze.kiosk_lines").delete()
    double(sold, "silver.order_lines")
    sold.deliver_lines("A4,1,2026-03-04 10:00:00,P1,Mug,2,5.00,77,Germany,EUR", name="lines2.csv")
    result = sold.run()
    assert set(result.faults) == {"kiosk"} and gmv(sold) == MUGS + 10 + 7


def test_a_table_cannot_be_put_back_whose_files_are_gone(sold: Shop) -> None:
    sold.run(full=True)
    runs = delta(sold, "monitor.runs")
    runs.delete()
    runs.vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert "cannot be put back" in said(sold.run())["monitor.runs"]
    with pytest.raises(LakehouseError, match="monitor.runs"):
        restore(sold.lakehouse, "monitor.runs", 0, None)
