"""A project whose lakehouse and landing zones are in an object store, against a real server."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop
from typer import Exit

import mergehouse.ingest.landing
from mergehouse.cli.commands import app
from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.published import published_versions
from mergehouse.operations.maintenance import maintain
from mergehouse.storage import open_store

pytestmark = pytest.mark.slow("deliveries and tables in an object store")

LONG = pytest.mark.long("an object store answers for each file")


def lines(first: int, count: int) -> list[str]:
    return [
        f"O{n},1,2024-03-{n % 28 + 1:02} 10:00:00,A{n % 5},Mug,{n % 3 + 1},2.50,C{n % 7},Germany,EUR"
        for n in range(first, first + count)
    ]


LOCATIONS = {
    "az": "az://{}/retail",
    "abfss": "abfss://{}@devstoreaccount1.dfs.core.windows.net/retail",
    "s3": "s3://{}/lake",
}


@pytest.fixture(params=["abfss", *(pytest.param(kind, marks=LONG) for kind in ("az", "s3"))])
def location(request: pytest.FixtureRequest) -> str:
    container = (
        request.getfixturevalue("bucket")
        if request.param == "s3"
        else request.getfixturevalue("azurite").new_container()
    )
    return LOCATIONS[request.param].format(container)


def in_store(shop: Shop, location: str) -> Shop:
    """The shop with its lakehouse in a store: what its folder held is carried there."""
    store, folder = open_store(location), shop.folder / "lakehouse"
    for file in (file for file in folder.rglob("*") if file.is_file() and file.name != ".lock"):
        store.put(file.relative_to(folder).as_posix(), file.read_bytes())
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text().replace("lakehouse: lakehouse", f"lakehouse: {location}"))
    assert location in config.read_text()
    return shop


@LONG
def test_run_incremental_run_query_and_maintain(
    shop: Shop, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_store(shop, location)
    shop.deliver_lines(*lines(0, 50))
    assert not shop.run().failed
    assert shop.rows("SELECT count(*) FROM silver.sales_clean") == [(50,)]

    shop.deliver_lines(*lines(50, 10), name="lines2.csv")
    later = shop.run()
    assert not later.failed and {"updated"} <= {t.status for t in later.tables}
    newest = Lakehouse(location, newest=True)
    assert published_versions(shop.lakehouse) == {n: newest.delta(n).version() for n in newest.tables()}
    updated = shop.rows("SELECT * FROM silver.sales_clean ORDER BY ALL")
    assert len(updated) == 60 and not shop.run().changed

    assert (
        not shop.run(full=True).failed
        and shop.rows("SELECT * FROM silver.sales_clean ORDER BY ALL") == updated
    )
    monkeypatch.setattr(Lakehouse, "tables", lambda _: ["bronze.shop_lines", "silver.sales_clean"])
    done = {m.table: m for m in maintain(shop.lakehouse, keep_hours=0, force=True)}
    assert done["silver.sales_clean"].removed and done["silver.sales_clean"].removed_bytes
    assert shop.rows("SELECT * FROM silver.sales_clean ORDER BY ALL") == updated


@LONG
def test_another_machine_reads_the_same_tables_and_copies_only_what_it_reads(
    shop: Shop, location: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_store(shop, location)
    shop.deliver_lines(*lines(0, 20))
    shop.run()
    monkeypatch.setenv("MERGEHOUSE_CACHE", str(tmp_path / "other"))
    assert shop.rows("SELECT sum(orders) FROM gold.sales_daily") == [(20,)]
    copies = sorted(
        file.relative_to(shop.lakehouse.root).parts[:2] for file in shop.lakehouse.root.rglob("*.parquet")
    )
    assert copies == [("gold", "sales_daily")]
    assert (tmp_path / "other").stat().st_mode & 0o077 == 0  # rows of customers: nobody else's business
    with pytest.raises(LakehouseError, match="disabled by configuration"):
        shop.rows("SELECT * FROM read_text('/etc/hostname')")


def test_landing_zone_in_the_store(shop: Shop, location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = f"{location}/raw/shop"
    shop.configure(f"raw: {zone}\n{SHOP_BRAND.lstrip()}")
    landing = open_store(zone)
    assert "no file matches lines*" in shop.failure() and zone in shop.failure()
    landing.put("lines1.csv", "\n".join([SHOP_HEADER, *lines(0, 5)]).encode())
    landing.put("notes.md", b"not an export")
    for n, month in enumerate((1, 2)):  # parts of one name
        part = "\n".join([SHOP_HEADER, *lines(10 + n, 1)])
        landing.put(f"lines/month={month}/part-0.csv", part.encode())
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("lines9.csv", "\n".join([SHOP_HEADER, *lines(20, 1)]))
    landing.put("all.zip", packed.getvalue())
    result = shop.run()
    assert sorted((b.source_file, b.rows) for b in result.ingest.new) == [
        ("all.zip/lines9.csv", 1),
        ("lines/month=1/part-0.csv", 1),
        ("lines/month=2/part-0.csv", 1),
        ("lines1.csv", 5),
    ]
    assert result.ingest.unread == {"shop": ["notes.md"]}
    assert shop.rows('SELECT month, "order" FROM bronze.shop_lines WHERE month IS NOT NULL ORDER BY 1') == [
        ("1", lines(10, 1)[0].split(",")[0]),
        ("2", lines(11, 1)[0].split(",")[0]),
    ]
    with monkeypatch.context() as patched:
        patched.setattr(mergehouse.ingest.landing, "download", None)
        assert not shop.run().ingest.new  # known by size and time: not read again
    landing.put("lines2.csv", "\n".join(["order,line", "1,2"]).encode())
    failure = shop.failure()
    assert (
        f"{zone}/lines2.csv" in failure and "missing from the header" in failure and "copies" not in failure
    )
    assert shop.rows("SELECT count(*) FROM silver.sales_clean") == [(8,)]


@LONG
def test_command_line_on_a_store(shop: Shop, location: str, capsys: pytest.CaptureFixture[str]) -> None:
    in_store(shop, location)
    shop.deliver_lines(*lines(0, 20))
    assert command("doctor", shop) == 0 and location in capsys.readouterr().out
    assert command("run", shop) == 0
    out = capsys.readouterr().out
    assert f"Where    {location}" in out and f"Report   {location}/report.html" in out
    assert b"<html" in open_store(location).get("report.html").bytes().to_bytes()[:200]
    assert command("query", shop, "SELECT count(*) AS n FROM gold.sales_daily", "--format", "csv") == 0
    assert capsys.readouterr().out.startswith("n\n")
    joined = "SELECT count(*) > 0 AS found FROM Gold.Sales_Daily JOIN gold.dim_brand USING (source_system)"
    assert (
        command("query", shop, joined, "--format", "csv") == 0 and capsys.readouterr().out == "found\ntrue\n"
    )
    assert command("kpi", shop) == 0 and "Net revenue" in capsys.readouterr().out


def command(name: str, shop: Shop, *arguments: str) -> int:
    try:
        return app([name, *arguments, "-C", str(shop.folder)], standalone_mode=False) or 0
    except Exit as stopped:
        return stopped.exit_code


@LONG
@pytest.mark.science
def test_survival_and_model_cards_go_into_the_store(shop: Shop, bucket: str) -> None:
    from datetime import UTC, date, datetime

    from mergehouse.lakehouse.published import republishing
    from mergehouse.science.cards.contents import untrained_card
    from mergehouse.science.cards.pages import write_cards
    from mergehouse.science.survival.page import write_survival

    location = LOCATIONS["s3"].format(bucket)
    in_store(shop, location)
    shop.deliver_lines(*lines(0, 50))
    assert not shop.run().failed
    with republishing(shop.lakehouse):  # as training does
        page = write_survival(shop.project, "shop")
    card = untrained_card("shop", "churn_90d", date(2024, 3, 29), datetime.now(UTC), "Too short.")
    pages = [page, *write_cards(shop.project, [card])]
    assert page == f"{location}/models/shop-survival.html" and pages[1] == f"{location}/models/index.html"
    found = [bytes(shop.lakehouse.store.get(p.removeprefix(f"{location}/")).bytes()).decode() for p in pages]
    assert (
        "who buys again, who lapses" in found[0]
        and "Too short." in found[1]
        and "shop-survival.html" in found[1]
    )
    kept = (
        "SELECT customers FROM gold.survival_summary WHERE clock = 'purchase_to_purchase' AND customer_group"
        " = 'all'"
    )
    assert shop.rows(kept) == [(7,)]
