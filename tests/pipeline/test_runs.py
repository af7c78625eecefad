"""Reruns: nothing to do, only what is stale, one at a time, killed at any moment, back in time."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import deltalake
import polars
import pytest
from tests.command import COMMAND
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop, broken_promises, prepared_shop, shop_with_rates
from tests.prepared import prepared

import mergehouse as mh
from mergehouse.contracts.contract import Contract
from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.errors import ConfigError, LakehouseError, ModelError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import Stamp
from mergehouse.pipeline.run import check, run
from mergehouse.project.settings import Limits

LINE = "A{n},1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"


def lines(*numbers: int) -> list[str]:
    return [LINE.format(n=n) for n in numbers]


def versions(shop: Shop) -> dict[str, int]:
    return {name: shop.lakehouse.delta(name).version() for name in shop.lakehouse.tables()}


def statuses(result: object) -> dict[str, str]:
    return {t.table: t.status for t in result.tables}  # type: ignore[attr-defined]


def test_run_without_change_writes_nothing(shop: Shop) -> None:
    shop.deliver_lines(*lines(1, 2))
    shop.run()
    before = versions(shop)
    again = shop.run()
    assert not again.changed and set(statuses(again).values()) == {"fresh"}
    assert versions(shop) == before


def test_known_content_is_not_loaded_again(shop: Shop) -> None:
    file = shop.deliver_lines(*lines(1, 2))
    shop.run("bronze")
    (shop.raw / "lines_copy.csv").write_bytes(file.read_bytes())
    os.utime(file)  # touched, not changed
    result = shop.run("bronze")
    assert [b.status for b in result.ingest.new] == ["repeat", "repeat"]
    assert shop.rows("SELECT count(*) FROM bronze.shop_lines") == [(2,)]


def test_full_rebuilds_everything_to_the_same_rows(sold: Shop) -> None:
    before = sold.rows("SELECT * FROM gold.customer_360")
    again = sold.run(full=True)
    assert set(statuses(again).values()) == {"built"}
    assert sold.rows("SELECT * FROM gold.customer_360") == before


def test_changed_mapping_rebuilds_only_what_reads_it(sold: Shop) -> None:
    segments = sold.folder / "mappings" / "rfm_segments.csv"
    segments.write_text(segments.read_text().replace("Champions", "Stars"))
    built = {name for name, status in statuses(sold.run()).items() if status == "built"}
    assert built == {"gold.customer_360", "gold.customer_brand_360", "gold.cross_brand_customers"}


def test_select_and_until(shop: Shop) -> None:
    shop.deliver_lines(*lines(1))
    assert shop.run(until="bronze").tables == []
    assert {t.table.split(".")[0] for t in shop.run(until="silver").tables} == {"silver"}
    chosen = statuses(shop.run(select="+gold.sales_daily"))
    assert "silver.sales_clean" in chosen and "gold.customer_360" not in chosen
    assert set(statuses(shop.run(select="gold.customer_brand_360+"))) == {
        "gold.customer_brand_360",
        "gold.customer_360",
        "gold.cross_brand_customers",
    }
    with pytest.raises(ConfigError, match="did you mean `gold.sales_daily`"):
        shop.run(select="gold.sales_dayly")
    with pytest.raises(ConfigError, match="expected bronze, silver or gold"):
        shop.run(until="platinum")


def test_second_delivery_adds_and_corrections_count(sold: Shop) -> None:
    sold.deliver_lines(LINE.format(n=1).replace("5.00", "6.00"), *lines(4), name="lines_2.csv")
    sold.run("silver")
    rows = sold.rows("SELECT order_id, amount_eur FROM silver.sales_clean ORDER BY 1")
    assert [(o, float(a)) for o, a in rows] == [("A1", 12.0), ("A2", 10.0), ("A3", 10.0), ("A4", 10.0)]
    assert sold.rows("SELECT kind, order_id FROM silver.duplicates") == [("superseded", "A1")]


def test_genuine_equal_products_in_one_order_are_kept(shop: Shop) -> None:
    """Without line numbers: other quantity or price is another line, the same everything is a repeat."""
    sql = (shop.brand / "order_lines.sql").read_text().replace("line AS line_id, ", "")
    (shop.brand / "order_lines.sql").write_text(sql)
    base = LINE.format(n=1)
    shop.deliver_lines(
        base, base.replace(",2,", ",3,"), base.replace("5.00", "4.50"), base, base.replace("A1,1", "A1,9")
    )
    shop.run("silver")
    assert shop.rows("SELECT source_row FROM silver.sales_clean ORDER BY 1") == [(2,), (3,), (5,)]
    assert shop.rows("SELECT source_row, kept_source_row, kind FROM silver.duplicates ORDER BY 1") == [
        (1, 5, "within_delivery"), (4, 5, "within_delivery"),
    ]  # fmt: skip


def test_an_order_of_two_days_and_two_countries_counts_once(shop: Shop) -> None:
    """On its first day, in the country that comes first by its code, where none of its money may be."""
    shop.deliver_lines(
        "A1,1,2026-03-01 23:00:00,P1,Mug,2,5.00,77,Germany,EUR",
        "A1,2,2026-03-02 10:00:00,P2,Cup,1,3.00,77,Australia,EUR",
    )
    assert not shop.run().failed
    assert shop.rows("SELECT country_code, region, gmv_eur FROM silver.orders") == [
        ("AU", "Rest of world", Decimal("13.00"))
    ]
    assert shop.rows(
        "SELECT order_date, country_code, region, orders, gmv_eur, margin_method"
        " FROM gold.sales_daily ORDER BY ALL"
    ) == [
        (dt.date(2026, 3, 1), "AU", "Rest of world", 1, Decimal("0.00"), "none"),
        (dt.date(2026, 3, 1), "DE", "North Europe", 0, Decimal("10.00"), "estimated"),
        (dt.date(2026, 3, 2), "AU", "Rest of world", 0, Decimal("3.00"), "estimated"),
    ]


def test_reordered_columns_are_fine_and_new_ones_are_drift(sold: Shop) -> None:
    sold.deliver(
        "currency,Order,line,when,item,title,qty,price,customer,Store No.,country\n"
        "EUR,A4,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,0042,Germany\n",
        "lines_2.csv",
    )
    result = sold.run("silver")
    assert not result.failed
    assert sold.rows('SELECT "order", store_no FROM bronze.shop_lines ORDER BY 1') == [
        ("A1", None),
        ("A2", None),
        ("A3", None),
        ("A4", "0042"),
    ]
    drift = [d for (d,) in sold.rows("SELECT drift FROM monitor.schema_history ORDER BY drift")]
    assert drift == [
        "columns arrive in another order than declared",
        "new column `Store No.` kept as `store_no`",
    ]


def test_text_stays_as_delivered_in_bronze(shop: Shop) -> None:
    shop.deliver_lines(
        "A1,1,2026-03-01 10:00:00,007,nan ,2,5.00,0012,  Germany,EUR",
        'A2,1,2026-03-01 10:00:00,NULL,"a ""b""\nc",2,5.00,,N/A,EUR',
    )
    shop.run(until="bronze")
    assert shop.rows("SELECT item, title, customer, country FROM bronze.shop_lines ORDER BY source_row") == [
        ("007", "nan ", "0012", "  Germany"),
        ("NULL", 'a "b"\nc', None, "N/A"),
    ]


def test_failing_check_keeps_the_previous_version_and_blocks_what_follows(shop: Shop) -> None:
    shop.deliver_lines(*lines(1))
    shop.run()
    before = versions(shop)
    hierarchy = shop.folder / "mappings" / "hierarchy.csv"
    hierarchy.write_text(re.sub("Unmapped,Unmapped,.*\n", "", hierarchy.read_text()))
    shop.deliver_lines(*lines(2), name="lines_2.csv")
    result = shop.run()
    status = statuses(result)
    assert status["silver.products_clean"] == "failed" and status["silver.sales_clean"] == "blocked"
    assert status["silver.duplicates"] == "fresh" and status["silver.product_months"] == "updated"
    assert result.failed
    for table in ("silver.products_clean", "silver.sales_clean", "gold.sales_daily"):
        assert versions(shop)[table] == before[table]
    assert shop.rows("SELECT count(*) FROM silver.sales_clean") == [(1,)]
    broken = next(c for c in result.checks if c.stops_publication)
    assert broken.check == "cost_is_known" and broken.sample


def test_second_run_is_refused_with_the_pid_of_the_first(shop: Shop) -> None:
    shop.deliver_lines(*lines(1))
    holder = (
        "import sys, time; from mergehouse.lakehouse.delta import Lakehouse; from mergehouse.lakehouse.lock"
        " import exclusive\nwith exclusive(Lakehouse(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", holder, str(shop.folder / "lakehouse")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        with pytest.raises(LakehouseError, match=f"pid {first.pid}"):
            shop.run()
    finally:
        first.kill()
        first.wait()
    assert not shop.run("bronze").failed


def thousands() -> list[str]:
    delivered = [LINE.format(n=n).replace("P1", f"P{n % 50}") for n in range(3_000)]
    return [*delivered, "torn,row", *delivered[:100]]


def run_with_thousands(shop: Shop) -> None:
    shop.deliver_lines(*thousands())
    assert not shop.run().failed


@pytest.mark.long("thousands of lines, three times")
@pytest.mark.parametrize(
    "moment",
    [
        "bronze/shop_lines/_delta_log/0*.json",
        "bronze/rejected/_delta_log/0*.json",
        "silver/duplicates/part-*",
        "gold/dim_brand/_delta_log/0*.json",
    ],
)
def test_killed_at_any_moment_a_rerun_gives_the_same_tables(shop: Shop, tmp_path: Path, moment: str) -> None:
    """SIGKILL as soon as a file of that name appears, then a rerun: the tables are those of an undisturbed
    run.
    """
    shop.deliver_lines(*thousands())
    process = subprocess.Popen(
        [*COMMAND, "run", "-C", str(shop.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while (
        not list((shop.folder / "lakehouse").glob(moment))
        and time.monotonic() < deadline
        and process.poll() is None
    ):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not shop.run().failed

    undisturbed = prepared_shop("undisturbed", run_with_thousands, tmp_path / "undisturbed")
    for table in (
        "bronze.shop_lines",
        "bronze.rejected",
        "silver.sales_clean",
        "silver.duplicates",
        "gold.sales_daily",
        "gold.customer_360",
    ):
        sql = (
            f"SELECT * EXCLUDE (ingest_ts) FROM {table} ORDER BY ALL"
            if table.startswith("bronze")
            else f"SELECT * FROM {table} ORDER BY ALL"
        )
        assert shop.rows(sql) == undisturbed.rows(sql), table
    assert not list((shop.folder / "lakehouse").glob(".tmp/*"))
    again = shop.run()
    assert not again.changed


def test_time_travel(sold: Shop) -> None:
    lakehouse = mh.open(sold.folder)
    first = lakehouse.table("silver.sales_clean")
    instant = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    time.sleep(1.1)
    sold.deliver_lines(*lines(4), name="lines_2.csv")
    sold.run("silver")
    assert lakehouse.table("silver.sales_clean").polars().height == 4
    assert lakehouse.table("silver.sales_clean", version=first.version).polars().height == 3
    assert lakehouse.table("silver.sales_clean", as_of=instant).polars().height == 3
    with pytest.raises(LakehouseError, match=r"no version 99 \(versions 0 to 1\)"):
        lakehouse.table("silver.sales_clean", version=99)
    with pytest.raises(LakehouseError, match="did you mean `silver.sales_clean`"):
        lakehouse.table("silver.sale_clean")


def test_a_table_may_be_partitioned_anew(tmp_path: Path) -> None:
    lakehouse = Lakehouse(tmp_path / "lakehouse")
    engine = DuckDBEngine(Limits(), lakehouse, tmp_path / "scratch")
    columns = {
        name: {"type": kind, "nullable": False, "meaning": name}
        for name, kind in (("brand", "string"), ("n", "int"))
    }
    flat = Contract(table="gold.t", grain="one n", meaning="t", key=["n"], columns=columns)
    by_brand = flat.model_copy(update={"partition_by": ["brand"]})
    for version, (contract, brands) in enumerate(
        [(flat, "'a', 'b'"), (by_brand, "'a', 'b', 'c'"), (flat, "'d'"), (flat, "'e'")]
    ):
        staged = engine.stage(
            contract, f"SELECT brand, 1 AS n FROM (SELECT EXPLODE(ARRAY({brands})) AS brand) AS b"
        )
        assert engine.publish(staged, Stamp("f")) == version
        assert lakehouse.delta("gold.t").metadata().partition_columns == contract.partition_by
        assert {
            f"'{row['brand']}'" for row in lakehouse.delta("gold.t").to_pyarrow_table().to_pylist()
        } == set(brands.split(", "))
    assert len(lakehouse.table("gold.t", version=0).polars()) == 2  # as it was


def test_a_row_without_a_partition_is_not_lost(tmp_path: Path) -> None:
    """Partitions are written one by one: a row that belongs to none stops the table."""
    engine = DuckDBEngine(Limits(), Lakehouse(tmp_path / "lakehouse"), tmp_path / "scratch")
    columns = {
        name: {"type": kind, "nullable": True, "meaning": name}
        for name, kind in (("brand", "string"), ("n", "int"))
    }
    contract = Contract(
        table="gold.t", grain="one n", meaning="t", key=["n"], columns=columns, partition_by=["brand"]
    )
    with pytest.raises(ModelError, match="`gold.t`: rows without a value in brand"):
        engine.stage(contract, "SELECT EXPLODE(ARRAY('a', NULL)) AS brand, 1 AS n")


def test_readers_agree(sold: Shop) -> None:
    table = mh.open(sold.folder).table("gold.sales_daily")
    frame = table.polars()
    assert frame["gmv_eur"].dtype == polars.Decimal(18, 2)
    assert frame["source_system"].to_list() == ["shop"] * 3  # the partition column comes back
    assert table.arrow().num_rows == len(table.pandas()) == len(table.duckdb().fetchall()) == 3


def test_deletion_vectors_and_column_mapping_take_the_safe_reader(tmp_path: Path) -> None:
    """A plain list of Parquet files would show deleted rows; delta-rs cannot write such a table, so its
    protocol is made by hand.
    """
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.lakehouse.files import needs_safe_reader

    deltalake.write_deltalake(tmp_path / "gold" / "plain", polars.DataFrame({"a": [1, 2]}))
    shutil.copytree(tmp_path / "gold" / "plain", tmp_path / "gold" / "foreign")
    log = tmp_path / "gold" / "foreign" / "_delta_log" / f"{0:020}.json"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    for entry in entries:
        if "protocol" in entry:
            entry["protocol"] = {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": ["deletionVectors"],
                "writerFeatures": ["deletionVectors"],
            }
    log.write_text("\n".join(map(json.dumps, entries)))
    lakehouse = Lakehouse(tmp_path)
    assert not needs_safe_reader(lakehouse.delta("gold.plain")) and needs_safe_reader(
        lakehouse.delta("gold.foreign")
    )
    assert (
        sorted(lakehouse.table("gold.foreign").duckdb().fetchall())
        == sorted(lakehouse.table("gold.plain").duckdb().fetchall())
        == [(1,), (2,)]
    )


def test_check_finds_what_was_changed_behind_the_pipeline(sold: Shop) -> None:
    assert all(c.passed for c in check(sold.project) if c.severity == "error")
    sold.lakehouse.delta("silver.orders").delete("order_id = 'A1'")
    failed = {(c.table, c.check) for c in check(sold.project) if not c.passed}
    assert ("gold.sales_daily", "gold_equals_silver") in failed


def test_freshness_is_recorded_and_reported(shop: Shop) -> None:
    shop.configure(SHOP_BRAND + "fresh_within_days: 3\n")
    shop.deliver_lines(*lines(1))
    result = shop.run()
    late = next(c for c in result.checks if c.check == "fresh_enough")
    behind = shop.rows("SELECT days_behind, last_order_date FROM monitor.freshness")
    assert late.failures == behind[0][0] - 3 > 0 and str(behind[0][1]) == "2026-03-01"
    assert not result.failed  # a warning


def test_what_a_run_leaves_behind_is_as_its_contracts_say(shop: Shop) -> None:
    """Ledger, torn lines and run log, with a finding, a drift, a repeat, and a source that stopped."""
    bad = LINE.format(n=3).replace(",2,", ",x,")
    file = shop.deliver_lines(
        *lines(1, 2), bad, "torn,row", header=SHOP_HEADER.replace("order,line", "line,order")
    )
    shop.run()
    (shop.raw / "lines_copy.csv").write_bytes(file.read_bytes())
    shop.deliver_lines(LINE.format(n=4) + ",x", name="lines_drifted.csv", header=SHOP_HEADER + ",till")
    shop.run()
    file.unlink()
    shop.deliver("no header", "lines_3.csv")
    assert shop.run().failed
    tables = ("runs", "quality_results", "schema_history", "freshness")
    found = {
        name: broken_promises(shop.lakehouse, name)
        for name in ("bronze.batches", "bronze.rejected", *(f"monitor.{t}" for t in tables))
    }
    assert found == dict.fromkeys(found, [])
    assert shop.rows("SELECT ok, new_batches FROM monitor.runs ORDER BY started") == [
        (True, 1),
        (True, 2),
        (False, 0),
    ]
    assert shop.rows("SELECT DISTINCT status FROM bronze.batches ORDER BY 1") == [("loaded",), ("repeat",)]


def test_missing_source_blocks_only_its_brand_tables(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "bare")  # without the rates that other shops begin with
    result = run(shop.project)
    assert list(result.ingest.failures) == ["bronze.shop_lines"]
    assert statuses(result)["silver.fx_rates_eur"] == "built"
    assert statuses(result)["gold.sales_daily"] == "blocked"


def test_a_folder_whose_name_a_url_would_write_otherwise(tmp_path: Path) -> None:
    """Blanks, umlauts, an ampersand in the path of a project: built, brought up to date, read."""
    shop = Shop(prepared("shop", shop_with_rates, tmp_path / "Müller & Söhne" / "project"))
    shop.deliver_lines("A1,1,2024-05-01 10:00:00,P1,Mug,2,5.00,C1,Germany,EUR")
    assert not shop.run("silver").failed
    shop.deliver_lines("A2,1,2024-05-02 10:00:00,P1,Mug,1,5.00,C1,Germany,EUR", name="lines2.csv")
    result = shop.run("silver")
    assert not result.failed and shop.rows("SELECT count(*), sum(amount_eur) FROM silver.sales_clean") == [
        (2, Decimal("15.00"))
    ]
    assert {t.table: t.status for t in result.tables}["silver.sales_clean"] == "updated"


def test_steps_from_raw_to_clean_add_up_whatever_the_decimals(shop: Shop) -> None:
    """3 x 0.123456785 twice, -0.000000005 back, 0.0049 more: nothing is lost between the steps."""
    third = "A1,1,2026-03-01 10:00:00,P1,Mug,3,0.123456785,77,Germany,EUR"
    shop.deliver_lines(
        third,
        third,
        "A2,1,2026-03-01 10:00:00,P1,Mug,-1,0.000000005,77,Germany,EUR",
        "A3,1,2026-03-01 10:00:00,P1,Mug,1,0.0049,77,Germany,GBP",
    )
    assert not [c for c in shop.run().checks if c.check == "waterfall_adds_up" and not c.passed]
    steps = dict(shop.rows("SELECT step, value FROM gold.kpi_raw_vs_silver WHERE kpi = 'gmv_eur'"))
    assert steps["raw"] == Decimal("0.745640705") and steps["duplicates"] == Decimal("-0.370370355")
    assert steps["returns"] == Decimal("0.000000005") and steps["clean"] == Decimal("0.38")
