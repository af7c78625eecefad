"""What an object store refuses or interrupts: one clear message, no half table, and a rerun that heals."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Shop, prepared_shop
from tests.storage.servers import KEY, Azurite
from tests.storage.test_stores import in_store, lines

import mergehouse.storage
from mergehouse.errors import ConfigError, LakehouseError, MergehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.storage import failure, located

pytestmark = pytest.mark.slow("an object store that fails")

SALES = "+silver.sales_clean"  # with what it is made of: the other tables take the same ways
LONG = pytest.mark.long("an object store answers for each file")


@pytest.fixture
def published(azurite: Azurite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shop:
    """A shop with ten lines published in the store, and a second delivery that is not loaded yet."""
    monkeypatch.setattr(mergehouse.storage, "RETRY_SECONDS", 1)
    shop = in_store(
        prepared_shop("ten lines", ten_lines, tmp_path / "project"), f"az://{azurite.new_container()}/retail"
    )
    shop.deliver_lines(*lines(10, 10), name="lines2.csv")
    return shop


def ten_lines(shop: Shop) -> None:
    shop.deliver_lines(*lines(0, 10))
    assert not shop.run().failed


def state(shop: Shop) -> dict[str, tuple[int, int]]:
    """Version and rows of every Silver and Gold table."""
    names = [name for name in shop.lakehouse.tables() if name.startswith(("silver.", "gold."))]
    return {name: (shop.lakehouse.delta(name).version(), shop.lakehouse.rows(name)) for name in names}


def messages(shop: Shop) -> list[str]:
    """What a run has to say that fails."""
    try:
        result = shop.run(select=SALES)
    except MergehouseError as error:
        return [str(error)]
    assert result.failed
    return [t.reason for t in result.tables if t.status == "failed"] + [
        str(e) for e in result.ingest.failures.values()
    ]


WORDS = {403: "access is denied", 429: "too busy", 503: "too busy", 0: "connection failed"}


MOMENTS = [
    "GET .*comp=list",
    "GET .*/silver/.*_delta_log",
    "PUT .*/bronze/.*parquet",
    "PUT .*/silver/.*parquet",
    "PUT .*/silver/.*_delta_log",
]
FAULTS = [(moment, status) for moment in MOMENTS for status in WORDS]


@LONG
@pytest.mark.parametrize(("match", "status"), FAULTS)
def test_a_store_that_fails(published: Shop, azurite: Azurite, status: int, match: str) -> None:
    before = state(published)
    azurite.fail(match, status)
    said = messages(published)
    assert said and all(
        WORDS[status] in text and "az://" in text and KEY not in text and "\n" not in text for text in said
    )
    azurite.recover()
    assert state(published) == before
    assert not published.run(select=SALES).failed
    assert published.rows("SELECT count(*) FROM silver.sales_clean") == [(20,)]


@LONG
@pytest.mark.parametrize("after", [0, 1, 3, 6, 10, 15, 20])
def test_a_connection_lost_in_the_middle_leaves_no_half_table(
    published: Shop, azurite: Azurite, after: int
) -> None:
    azurite.fail("PUT", 0, after)
    assert any("connection failed" in text for text in messages(published))
    azurite.recover()
    for name in published.lakehouse.tables():
        # every file that a version names is there, whole
        rows = published.lakehouse.table(name).arrow().num_rows
        assert rows == published.lakehouse.rows(name)
    assert not published.run(select=SALES).failed
    assert published.rows("SELECT count(*), count(DISTINCT order_id) FROM silver.sales_clean") == [(20, 20)]
    assert published.rows("SELECT count(*) FROM bronze.shop_lines") == [(20,)]


@LONG
def test_a_container_that_is_not_there(tmp_path: Path, azurite: Azurite) -> None:
    shop = in_store(Shop(tmp_path / "project"), "az://nosuchcontainer/retail")
    shop.deliver_lines(*lines(0, 1))
    (said,) = messages(shop)
    assert "az://nosuchcontainer/retail: there is no such container" in said


@LONG
def test_no_credentials(shop: Shop, monkeypatch: pytest.MonkeyPatch, azurite: Azurite) -> None:
    for name in azurite.environment:
        monkeypatch.delenv(name)
    with pytest.raises(LakehouseError, match="no credentials were found"):
        Lakehouse("az://lake/retail").exists("silver.orders")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://host/lake", "`ftp://` is not supported; expected a path or one of abfss"),
        ("az://lake/retail?sv=2024&sig=topsecret", "a location carries no key, token or password"),
        ("s3://key:topsecret@bucket/retail", "a location carries no key, token or password"),
        ("az:///retail", "expected az://container/folder"),
        ("az://lake/../other", "expected az://container/folder"),
    ],
)
def test_locations_that_cannot_be_used(shop: Shop, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        located(shop.folder, text)
    assert words in str(error.value) and "topsecret" not in str(error.value)


def test_no_token_in_an_unforeseen_error() -> None:
    said = failure(
        "az://lake/retail",
        "Error performing GET https://a.blob.core.windows.net/lake?sig=topsecret in 3ms - odd",
    )
    assert said == "az://lake/retail: Error performing GET in 3ms - odd."
