"""Many small deliveries: a table stays a few files, a lakehouse a few times its rows, and what was published
before can be read.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from tests.conftest import Shop, prepared_shop
from tests.pipeline.rebuilds import differences, line

from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import LiveFile, live_files
from mergehouse.lakehouse.folding import FILES, LARGE, fold, folded_with
from mergehouse.lakehouse.retention import let_go
from mergehouse.lakehouse.writing import append

DELIVERIES = 12
WHY = "twelve deliveries, each a run, and a rebuild to compare them with"


def small_deliveries(shop: Shop) -> None:
    """Each brings two new lines, and corrects a line of the one before."""
    for n in range(DELIVERIES):
        lines = [line(f"A{n}", day=1 + n, customer=str(n)), line(f"B{n}", day=1 + n, customer="1")]
        corrected = [line(f"A{n - 1}", day=n, customer=str(n - 1), quantity=7)] if n else []
        shop.deliver_lines(*lines, *corrected, name=f"lines_{n:02}.csv")
        assert not shop.run().failed


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return prepared_shop("worn", small_deliveries, tmp_path_factory.mktemp("worn") / "project")


def most_files(lakehouse: Lakehouse, name: str) -> int:
    files = Counter(file.partition for file in live_files(lakehouse.delta(name)))
    return max(files.values(), default=0)


def bytes_below(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.mark.long(WHY)
def test_a_partition_stays_three_files(worn: Shop) -> None:
    counts = {name: most_files(worn.lakehouse, name) for name in worn.lakehouse.tables()}
    assert {name: count for name, count in counts.items() if count > 3} == {}
    assert worn.rows("SELECT count(*) FROM bronze.shop_lines") == [(3 * DELIVERIES - 1,)]
    assert worn.rows("SELECT count(*), count(DISTINCT run_id) FROM monitor.runs") == [
        (DELIVERIES, DELIVERIES)
    ]


@pytest.mark.long(WHY)
def test_everything_below_the_lakehouse_is_at_most_three_times_what_a_first_run_makes(
    worn: Shop, shop: Shop
) -> None:
    for file in worn.raw.iterdir():
        shop.deliver(file.read_bytes(), file.name)
    assert not shop.run().failed
    assert bytes_below(worn.lakehouse.root) <= 3 * bytes_below(shop.lakehouse.root)


@pytest.mark.long(WHY)
def test_what_was_published_before_can_be_read_and_what_is_published_equals_a_rebuild(
    worn: Shop, tmp_path: Path
) -> None:
    shop = worn.copy(tmp_path / "project")
    lakehouse = shop.lakehouse
    for name in lakehouse.tables():
        if version := lakehouse.delta(name).version():
            assert lakehouse.table(name, version=version - 1).duckdb().fetchall() is not None
    orders = lakehouse.table("silver.orders")
    before = lakehouse.table("silver.orders", version=orders.version - 1)
    assert (orders.polars().height, before.polars().height) == (2 * DELIVERIES, 2 * DELIVERIES - 2)
    assert differences(lakehouse, shop.folder) == {}


def test_small_files_are_written_anew_together_and_large_ones_never() -> None:
    large, small = LiveFile("large", LARGE, 10**6, ()), [LiveFile(f"{n}", 900, 9, ()) for n in range(3)]
    elsewhere = [LiveFile(f"b{n}", 900, 9, ("b",)) for n in range(3)]
    assert set(folded_with([large, *small, *elsewhere], [], rows=9, partitions=[()])) == set(small)
    assert folded_with([large, *small[:2]], [], rows=9, partitions=[()]) == []
    # a file that is much larger than what comes waits for more
    medium = LiveFile("medium", 90_000, 900, ())
    assert set(folded_with([medium, *small], [], rows=9, partitions=[()])) == set(small)
    # what stays of a replaced file is written anyway
    assert set(folded_with(elsewhere[1:], elsewhere[:1], rows=0, partitions=[])) == set()


def test_a_row_is_written_again_a_few_times_only() -> None:
    """Of 500 deliveries of one kilobyte each: were all files folded every time, 125,000 would be written."""
    files: list[LiveFile] = []
    written = 0
    for n in range(500):
        folded = folded_with(files, [], rows=10, partitions=[()])
        size = 1_000 + sum(file.bytes for file in folded)
        files = [*(f for f in files if f not in folded), LiveFile(str(n), size, size // 100, ())]
        written += size
        assert len(files) <= FILES
    assert sum(file.bytes for file in files) == 500_000
    assert written < 25_000_000


@pytest.mark.parametrize("rule", [{"hours": 0, "copies": 1_000}, {"hours": 1, "copies": 0}])
def test_versions_go_by_age_and_by_size_and_the_log_with_them(
    tmp_path: Path, rule: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergehouse.lakehouse.retention.FLOOR", 0)
    lakehouse = Lakehouse(tmp_path)
    for n in range(30):
        append(lakehouse, "gold.notes", duckdb.sql(f"SELECT {n} AS note"))
        fold(lakehouse.delta("gold.notes"))
    newest = lakehouse.delta("gold.notes").version()
    assert let_go(lakehouse, "gold.notes", hours=1, copies=1_000) is None
    assert sorted(lakehouse.table("gold.notes", version=3).polars()["note"]) == [0, 1, 2, 3]
    gone = let_go(lakehouse, "gold.notes", **rule, needed=newest - 4)
    assert gone and gone.files and gone.oldest == newest - 4
    for version in range(gone.oldest, newest + 1):
        notes = lakehouse.table("gold.notes", version=version).polars()["note"]
        assert sorted(notes) == list(range(len(notes)))
    assert sorted(lakehouse.table("gold.notes").polars()["note"]) == list(range(30))
    with pytest.raises(LakehouseError, match=r"no version 3 \(versions \d+ to .*`retention`"):
        lakehouse.table("gold.notes", version=3)
    with pytest.raises(LakehouseError, match="the oldest is of"):
        lakehouse.table("gold.notes", as_of=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
