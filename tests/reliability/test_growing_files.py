"""A file that was read before it was whole counts once: what it became takes the place of what it was."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, SHOP_ORDER_LINES, Shop
from tests.pipeline.rebuilds import differences

from mergehouse.ingest import duckdb_loader, together
from mergehouse.ingest.inspection import CHUNK, beginnings, inspect
from mergehouse.pipeline.results import RunResult

pytestmark = pytest.mark.slow("several deliveries, and rebuilds to compare with")

HEADER = "order,line,when,item,title,qty,customer,country,currency,price\n"
COUNTED = "+silver.sales_clean +silver.duplicates"
FOLDERS = 'files: ["lines*", "day*/lines*"]'


def line(order: str, price: str) -> str:
    return f"{order},1,2026-03-01 10:00:00,P1,Mug,1,77,Germany,EUR,{price}"


def without_line_numbers(shop: Shop) -> None:
    """The same line with another price is another line: nothing else tells that it was cut."""
    shop.configure(SHOP_BRAND.replace('files: "lines*"', FOLDERS))
    (shop.brand / "order_lines.sql").write_text(SHOP_ORDER_LINES.replace("line AS line_id, ", ""))


def statuses(result: RunResult) -> dict[str, str]:
    return {t.table: t.status for t in result.tables}


def sales(shop: Shop) -> list[tuple[str, float]]:
    rows = shop.rows(
        "SELECT order_id, CAST(sum(gmv_eur) AS DOUBLE) FROM silver.sales_clean GROUP BY 1 ORDER BY 1"
    )
    return [(order, amount) for order, amount in rows]


def test_what_a_file_became_takes_the_place_of_what_it_was(shop: Shop) -> None:
    without_line_numbers(shop)
    (shop.raw / "day1").mkdir()
    (shop.raw / "day2").mkdir()
    shop.deliver(HEADER + line("A1", "10.00") + "\n" + line("A2", "1"))  # of 12.50
    shop.deliver(gzip.compress((HEADER + line("B1", "2")).encode()), "lines_till.csv.gz")  # of 20.00
    shop.deliver(HEADER + line("C1", "3.00") + "\n", "day1/lines_web.csv")
    shop.deliver(HEADER + line("D1", "4"), "lines_other.csv")
    first = shop.run(select=COUNTED)
    assert not first.failed
    assert sales(shop) == [("A1", 10), ("A2", 1), ("B1", 2), ("C1", 3), ("D1", 4)]

    shop.deliver(HEADER + line("A1", "10.00") + "\n" + line("A2", "12.50") + "\n" + line("A3", "5.00") + "\n")
    whole = HEADER + line("B1", "20.00") + "\n"
    shop.deliver(gzip.compress(whole.encode(), mtime=1), "lines_till.csv.gz")
    shop.deliver(HEADER + line("C1", "3.00") + "\n" + line("C2", "6.00") + "\n", "day2/lines_web.csv")
    shop.deliver(HEADER + line("D2", "4.00") + "\n", "lines_other.csv")  # begins otherwise: another delivery
    second = shop.run(select=COUNTED)
    assert statuses(second)["silver.order_lines"] == statuses(second)["silver.sales_clean"] == "updated"
    assert sales(shop) == [
        ("A1", 10), ("A2", 12.5), ("A3", 5), ("B1", 20), ("C1", 3), ("C2", 6), ("D1", 4), ("D2", 4),
    ]  # fmt: skip
    assert shop.rows("SELECT count(*) FROM silver.duplicates") == [(0,)]
    ledger = "SELECT source_file, status FROM bronze.batches ORDER BY source_file, ingest_ts"
    assert shop.rows(ledger) == [
        ("day1/lines_web.csv", "replaced"), ("day2/lines_web.csv", "loaded"),
        ("lines.csv", "replaced"), ("lines.csv", "loaded"),
        ("lines_other.csv", "loaded"), ("lines_other.csv", "loaded"),
        ("lines_till.csv.gz", "replaced"), ("lines_till.csv.gz", "loaded"),
    ]  # fmt: skip
    said = {b.source_file: json.loads(b.drift) for b in second.ingest.new}
    assert said["day2/lines_web.csv"][0] == (
        "it begins as day1/lines_web.csv did when it was loaded, and counts in its place"
    )
    assert shop.rows("SELECT count(*) FROM bronze.shop_lines") == [(12,)]  # Bronze keeps what was delivered

    shop.deliver(  # and on the next day it has grown again
        HEADER + "\n".join([line("A1", "10.00"), line("A2", "12.50"), line("A3", "5.00"), line("A4", "7.00")])
    )
    third = shop.run(select=COUNTED)
    assert not third.failed and [t for t in third.tables if t.status != "fresh"]
    assert sales(shop)[:4] == [("A1", 10), ("A2", 12.5), ("A3", 5), ("A4", 7)]
    assert differences(shop.lakehouse, shop.folder) == {}


@pytest.mark.parametrize("others", [0, 2])
def test_a_file_that_is_still_written_waits(shop: Shop, monkeypatch: pytest.MonkeyPatch, others: int) -> None:
    """Alone, and among files that are loaded together."""
    without_line_numbers(shop)
    growing = shop.deliver(HEADER + line("A1", "10.00") + "\n", "lines_0.csv")
    for n in range(others):
        shop.deliver(HEADER + line(f"B{n}", "1.00") + "\n", f"lines_{n + 1}.csv")
    opened = duckdb_loader.opened

    def slow(delivery, *rest):  # the other program writes on between two looks at the file
        if delivery.path == growing and growing.read_text().count("\n") == 2:
            with growing.open("a") as file:
                file.write(line("A2", "2.00") + "\n")
        return opened(delivery, *rest)

    for module in (duckdb_loader, together):
        monkeypatch.setattr(module, "opened", slow)
    result = shop.run(until="bronze")
    assert result.ingest.failures == {}
    assert result.ingest.doubts == {
        "bronze.shop_lines": {"lines_0.csv": ["it changed while it was read, and is left for the next run"]}
    }
    assert [b.source_file for b in result.ingest.new] == [f"lines_{n + 1}.csv" for n in range(others)]
    monkeypatch.undo()
    assert [b.rows for b in shop.run(until="bronze").ingest.new] == [2]


def test_a_beginning_is_told_by_its_bytes(tmp_path: Path) -> None:
    whole = tmp_path / "whole.csv"
    content = bytes(range(1, 251)) * (CHUNK // 100)  # 2.5 chunks
    lengths = [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7]
    hashes = {}
    for length in lengths:
        whole.write_bytes(content[:length])
        hashes[length] = inspect(whole, "latin-1").sha256
    whole.write_bytes(content)
    assert beginnings(whole, lengths) == hashes
    assert beginnings(whole, [len(content) + 1]) == {}
