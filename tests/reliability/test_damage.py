"""Logs and data files that are broken or gone: runs make again what they can, from raw what is still there,
and say what cannot be had.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.conftest import Shop, prepared_shop

from mergehouse.display import HARD_SPACE
from mergehouse.errors import LakehouseError, MergehouseError
from mergehouse.ingest.bronze import read_batches
from mergehouse.lakehouse.query import run_query
from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.run import check

pytestmark = pytest.mark.slow("each damage is mended by a run")

CHECK = "table_is_as_written"
SALES, LINES, LEDGER = "gold.sales_daily", "bronze.shop_lines", "bronze.batches"
GMV = Decimal("50.00")  # five orders of two mugs at 5.00


def two_deliveries(shop: Shop) -> None:
    for name, days in (("lines1.csv", (1, 2, 3)), ("lines2.csv", (4, 5))):
        orders = (f"A{n},1,2026-03-{n:02} 10:00:00,P1,Mug,2,5.00,77,Germany,EUR" for n in days)
        shop.deliver_lines(*orders, name=name)
        assert not shop.run().failed


@pytest.fixture
def twice(tmp_path: Path) -> Shop:
    """A shop that was delivered to twice. Its files lie where the ledger has seen them."""
    shop = prepared_shop("two deliveries", two_deliveries, tmp_path / "project")
    shop.run()
    return shop


def log(shop: Shop, table: str) -> Path:
    return shop.lakehouse.path(table) / "_delta_log"


def last_commit(shop: Shop, table: str) -> Path:
    return max(log(shop, table).glob("*.json"))


def data_files(shop: Shop, table: str) -> list[Path]:
    """Those that are published, the oldest first."""
    files = [Path(file) for file in shop.lakehouse.delta(table).file_uris()]
    return sorted(files, key=lambda file: file.stat().st_mtime)


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def said(result: RunResult) -> dict[str, str]:
    return {c.table: c.why for c in result.checks if c.check == CHECK and not c.passed}


def figures(shop: Shop) -> tuple[Decimal, int, list[tuple[str, int]]]:
    ((gmv,),) = shop.rows(f"SELECT sum(gmv_eur) FROM {SALES}")
    ((lines,),) = shop.rows(f"SELECT count(*) FROM {LINES}")
    loaded = [(b.source_file, b.rows) for b in read_batches(shop.lakehouse) if b.status == "loaded"]
    return gmv, lines, sorted(loaded)


RIGHT = (GMV, 5, [("lines1.csv", 3), ("lines2.csv", 2)])


def broken_logs(shop: Shop) -> set[str]:
    """Every way in which a log can break, each in another layer."""
    cut(last_commit(shop, SALES))
    last_commit(shop, "gold.dim_brand").write_bytes(b"")
    shutil.rmtree(log(shop, "silver.sales_clean"))
    for commit in log(shop, "silver.order_lines").glob("*.json"):
        commit.write_text('{"add": {"path"')
    (log(shop, LINES) / "_last_checkpoint").write_text('{"version": 77, "size": 3}')
    last_commit(shop, LEDGER).write_text("null")
    shop.lakehouse.delta("monitor.runs").create_checkpoint()
    next(log(shop, "monitor.runs").glob("*.checkpoint.parquet")).write_bytes(b"PAR1 no more")
    built = {SALES, "gold.dim_brand", "silver.sales_clean", "silver.order_lines"}
    return built | {LINES, LEDGER, "monitor.runs"}


def broken_files(shop: Shop) -> set[str]:
    for table in (SALES, "silver.sales_clean", LINES, "monitor.quality_results"):
        data_files(shop, table)[0].unlink()
    cut(data_files(shop, "gold.dim_brand")[0])
    cut(data_files(shop, LEDGER)[0])
    return {SALES, "silver.sales_clean", LINES, "monitor.quality_results", "gold.dim_brand", LEDGER}


@pytest.mark.parametrize("broken", [broken_logs, broken_files])
def test_damage_heals_in_one_run(twice: Shop, broken: Callable[[Shop], set[str]]) -> None:
    runs = twice.rows("SELECT count(*) FROM monitor.runs")
    tables = broken(twice)
    assert {c.table for c in check(twice.project) if c.check == CHECK} >= tables
    result = twice.run()
    assert not result.failed and set(said(result)) == tables
    assert figures(twice) == RIGHT
    assert twice.rows("SELECT count(*) FROM monitor.runs") == [(runs[0][0] + 1,)]
    assert not twice.run().changed


def test_tables_that_are_gone_are_made_again(twice: Shop) -> None:
    """A ledger made again has the time at which rows came, as they say themselves."""
    before = {b.batch_id: b.ingest_ts for b in read_batches(twice.lakehouse) if b.status == "loaded"}
    for table in (SALES, "silver.orders", LEDGER):
        shutil.rmtree(twice.lakehouse.path(table))
    assert not twice.run().failed and figures(twice) == RIGHT
    after = {b.batch_id: b.ingest_ts for b in read_batches(twice.lakehouse)}
    assert after.keys() == before.keys()
    first = min(before, key=lambda batch: before[batch])
    assert after[first] == before[first]
    assert not twice.run().changed


def test_what_is_neither_in_bronze_nor_in_raw_is_named_before_anything_is_given_up(twice: Shop) -> None:
    data_files(twice, LINES)[0].unlink()
    (twice.raw / "lines1.csv").unlink()
    result = twice.run()
    message = str(result.ingest.failures[LINES])
    assert (
        "of 3 rows of lines1.csv 0 are there" in message and "`mergehouse run --full --from-raw`" in message
    )
    assert result.failed and twice.rows(f"SELECT sum(gmv_eur) FROM {SALES}") == [(GMV,)]
    result = twice.run(from_raw=True)
    assert not result.failed and "Of 3 rows of lines1.csv 0 are there" in said(result)[LINES]
    assert figures(twice) == (Decimal("20.00"), 2, [("lines2.csv", 2)])
    twice.deliver_lines(
        *(f"A{n},1,2026-03-{n:02} 10:00:00,P1,Mug,2,5.00,77,Germany,EUR" for n in (1, 2, 3)),
        name="lines1.csv",
    )
    assert not twice.run().failed and figures(twice)[0] == GMV


def test_rows_that_neither_ledger_nor_raw_know_are_not_given_up_by_the_way(twice: Shop) -> None:
    shutil.rmtree(twice.lakehouse.path(LEDGER))
    cut(last_commit(twice, LINES))
    (twice.raw / "lines1.csv").unlink()
    result = twice.run()
    assert result.failed and "3 rows are of no delivery" in said(result)[LINES]
    assert figures(twice) == (GMV, 5, [("lines2.csv", 2)])


def test_killed_while_it_loads_again_the_next_run_goes_on(
    twice: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mergehouse.ingest import reloading

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    for moment in ("write_anew", "BronzeSource.load"):
        data_files(twice, LINES)[0].unlink()
        holder, _, name = f"mergehouse.ingest.reloading.{moment}".rpartition(".")
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(f"{holder}.{name}", killed)
            twice.run()
        assert reloading is not None
        assert not twice.run().failed and figures(twice) == RIGHT


def test_one_broken_table_stops_no_query_that_does_not_name_it(twice: Shop) -> None:
    cut(last_commit(twice, "gold.category_perf"))
    data_files(twice, "gold.dim_product")[0].unlink()
    lakehouse = twice.lakehouse
    assert json.loads(run_query(lakehouse, f"SELECT sum(gmv_eur) AS gmv FROM {SALES}", "json"))
    assert run_query(lakehouse, "SELECT 1 AS one", "csv") == "one\n1\n"
    shown = repr(lakehouse).replace(HARD_SPACE, " ")
    assert "as of     shop 2026-03-06" in shown and "category_perf unreadable" in shown
    with pytest.raises(LakehouseError, match=r"`gold\.category_perf`: .*the table's log .* `mergehouse run`"):
        run_query(lakehouse, "FROM gold.category_perf")
    with pytest.raises(MergehouseError, match="`mergehouse run` mends it"):
        run_query(lakehouse, "FROM gold.dim_product")
