"""Tables that somebody else writes too: another writer at the same moment, features that not every reader
knows.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars
import pytest
from deltalake import write_deltalake
from tests.conftest import Shop
from tests.pipeline.rebuilds import differences, line

from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse

pytestmark = pytest.mark.slow("several writers of a table")


@pytest.mark.long("five runs")
def test_another_writer_wins_and_the_run_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.deliver_lines(line("A1"))
    shop.run()
    rival = shop.lakehouse.table("silver.orders").arrow()
    path = shop.lakehouse.path("silver.orders")
    publish = DuckDBEngine.publish

    def late(self: DuckDBEngine, staged: object, stamp: object) -> int:
        if staged.contract.table == "silver.orders":  # type: ignore[attr-defined]
            write_deltalake(path, rival.slice(0, 0), mode="append")
        return publish(self, staged, stamp)  # type: ignore[arg-type]

    monkeypatch.setattr(DuckDBEngine, "publish", late)
    shop.deliver_lines(line("A2"), name="lines_2.csv")
    result = {t.table: t for t in shop.run().tables}
    assert (
        result["silver.orders"].status == "failed"
        and "another writer committed" in result["silver.orders"].reason
    )
    assert result["gold.sales_daily"].status == "blocked"
    assert shop.rows("SELECT count(*) FROM silver.orders") == [(1,)]
    monkeypatch.undo()
    assert not shop.run().failed
    assert (
        shop.rows("SELECT count(*) FROM silver.orders") == [(2,)]
        and differences(shop.lakehouse, shop.folder) == {}
    )


def require(path: Path, feature: str) -> None:
    """A commit that asks a feature of every reader."""
    version = len(list((path / "_delta_log").glob("*.json")))
    features = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": [feature],
        "writerFeatures": [feature],
    }
    (path / "_delta_log" / f"{version:020}.json").write_text(json.dumps({"protocol": features}))


def test_an_unknown_reader_feature_is_named(shop: Shop) -> None:
    shop.deliver_lines(line("A1"))
    shop.run(until="silver")
    require(shop.lakehouse.path("silver.orders"), "typeWidening")
    with pytest.raises(LakehouseError, match="silver.orders.* uses the Delta reader feature `typeWidening`"):
        Lakehouse(shop.lakehouse.location, newest=True).table("silver.orders")
    assert shop.lakehouse.rows("silver.orders") == 1  # the published version has no such feature
    assert "typeWidening" in next(t.reason for t in shop.run().tables if t.status == "failed")


def test_instants_without_a_zone_are_read_as_utc(shop: Shop) -> None:
    shop.deliver_lines(line("A1"))
    shop.run(until="silver")
    instants = polars.Series(shop.lakehouse.table("silver.orders").polars()["order_ts"])
    assert instants.dtype == polars.Datetime("us", "UTC") and str(instants[0]) == "2026-03-01 09:00:00+00:00"
