"""Files that are loaded together are what each of them is alone: rows, counts, formats, doubts, failures."""

from __future__ import annotations

import gzip
import json

import duckdb
import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop

from mergehouse.ingest.duckdb_loader import EmbeddedLoader
from mergehouse.ingest.ledger import Ledger
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.results import RunResult

pytestmark = pytest.mark.slow("thousands of files")

COLUMNS = SHOP_HEADER.split(",")
PLACES = ["lines*", "month=*/lines*"]
FOUND = (
    "batch_id, source_file, status, rows, rejected_rows, delimiter, encoding, formats, drift, content_bytes"
)


def line(order: str, day: str = "2026-03-01 10:00:00", title: str = "Mug", price: str = "5.00") -> str:
    return f"{order},1,{day},P1,{title},2,{price},77,Germany,EUR"


def text(*lines: str, header: str = SHOP_HEADER, end: str = "\n") -> str:
    return end.join([header, *lines]) + end


def mixed(shop: Shop) -> None:
    """Files of many kinds, in the order in which they are loaded."""
    shop.configure(SHOP_BRAND.replace('files: "lines*"', f"files: {json.dumps(PLACES)}"))
    backwards = ",".join(reversed(COLUMNS))
    files: dict[str, str | bytes] = {
        "lines_01.csv": text(line("A1", "4/5/2026")),  # nothing shows which is the month
        "lines_02.csv": text(line("A2", "25/5/2026"), line("A2", title='"two\nlines"')),
        "lines_03.csv": text(line("A3", "4/6/2026"), line("A3", price="1.000")),
        "lines_04.csv": "\ufeff" + text(line("A4", "5/25/2026"), line("A4", "6/25/2026")),
        "lines_05.csv": text(line("A5"), "torn,1", line("A5", title="Jug"), "torn,2"),
        "lines_06.csv": text(line("A6"), end="\r\n") + "\r\n\r\n",
        "lines_07.csv": text(line("A7", title="Käse")).encode("cp1252"),
        "lines_08.csv": text(
            *(",".join(reversed(line("A8").split(","))) for _ in range(2)), header=backwards
        ),
        "lines_09.csv": text(line("A9") + ",x,y", header=SHOP_HEADER + ",gift,Gift Wrap"),
        "lines_10.csv": text(line("B1", price="5|50")).replace(",", ";").replace("|", ","),
        "lines_11.csv": text(),
        "lines_12.csv": text(line("B2"), SHOP_HEADER, "Total" + "," * 9),
        "lines_13.csv": text(line("A1", "4/5/2026")),  # what the first says
        "lines_14.csv.gz": gzip.compress(text(line("B4"), line("B5", title="N/A")).encode()),
        "lines_15.jsonl": "\n".join(
            json.dumps(dict(zip(COLUMNS, line(o).split(","), strict=True))) for o in "CD"
        ),
        "lines_16.csv": "Export of March\n" + text(line("B6", price='"7,25"')),
        "lines_17.csv": text(line("B7"))[:-1],
        "lines_19[1]*.csv": text(line("B8"), "torn"),  # a pattern, to DuckDB
    }
    for name, content in files.items():
        shop.deliver(content, name)
    row = ", ".join(
        f"'{cell}' AS \"{name}\"" for name, cell in zip(COLUMNS, line("E1").split(","), strict=True)
    )
    duckdb.sql(f"COPY (SELECT {row}) TO '{shop.raw / 'lines_18.parquet'}'")
    for month in (1, 2):
        (shop.raw / f"month={month}").mkdir()
        shop.deliver(text(line("F1")), f"month={month}/lines_20.csv")


def found(shop: Shop, result: RunResult) -> dict[str, object]:
    columns = [
        name for name in shop.lakehouse.table("bronze.shop_lines").duckdb().columns if name != "ingest_ts"
    ]
    asked = ", ".join(f'"{name}"' for name in sorted(columns))
    return {
        "failures": [*map(str, result.ingest.failures.values())],
        "doubts": result.ingest.doubts,
        "ledger": shop.rows(f"SELECT {FOUND} FROM bronze.batches ORDER BY ingest_ts"),
        "rows": shop.rows(f"SELECT {asked} FROM bronze.shop_lines ORDER BY source_file, source_row"),
        "rejected": shop.rows(
            "SELECT batch_id, source_line, reason_code, raw_text FROM bronze.rejected ORDER BY ALL"
        ),
    }


def test_together_is_one_by_one(shop: Shop, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed(shop)
    other = shop.copy(tmp_path / "other")
    together = found(shop, shop.run(until="bronze"))
    monkeypatch.setattr(EmbeddedLoader, "at_once", 1)
    alone = found(other, other.run(until="bronze"))
    assert together == alone
    ledger = {row[1]: row for row in together["ledger"]}
    assert len(ledger) == 21 and not together["failures"]
    torn = [ledger[name][0] for name in ("lines_05.csv", "lines_05.csv", "lines_19[1]*.csv")]
    assert sorted(row[0] for row in together["rejected"]) == sorted(torn)
    assert ledger["lines_05.csv"][3:5] == (2, 2) and ledger["lines_13.csv"][2] == "repeat"
    dates = {name: json.loads(row[7]).get("dates", {}).get("when") for name, row in ledger.items()}
    assert dates["lines_01.csv"] == dates["lines_02.csv"] == dates["lines_03.csv"] == ["d/M/yyyy"]
    assert dates["lines_04.csv"] == ["M/d/yyyy"]
    lakehouse = shop.lakehouse
    assert lakehouse.table("bronze.shop_lines").version == 0  # one commit
    assert shop.run(until="bronze").ingest.new == []


def test_a_file_that_cannot_be_loaded_stops_those_behind_it(shop: Shop) -> None:
    for n in range(7):
        shop.deliver(text(line(f"A{n}")), f"lines_{n}.csv")
    shop.deliver(
        text('A5,1,2026-03-01 10:00:00,P1,"Mug,2,5.00,77,Germany,EUR', line("B"), line("C")), "lines_5.csv"
    )
    result = shop.run(until="bronze")
    assert "lines_5.csv" in str(result.ingest.failures["bronze.shop_lines"])
    loaded = "SELECT source_file FROM bronze.batches ORDER BY ingest_ts"
    assert [name for (name,) in shop.rows(loaded)] == [f"lines_{n}.csv" for n in range(5)]
    assert shop.rows("SELECT count(*) FROM bronze.shop_lines") == [(5,)]
    shop.deliver(text(line("A5")), "lines_5.csv")
    assert not shop.run(until="bronze").ingest.failures
    assert shop.rows('SELECT count(*), count(DISTINCT "order") FROM bronze.shop_lines') == [(7, 7)]


def test_a_run_that_dies_before_the_ledger_repeats_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        shop.deliver(text(line(f"A{n}"), "torn"), f"lines_{n}.csv")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "add", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            shop.run(until="bronze")
    shop.deliver(text(line("B1")), "lines_9.csv")
    assert Lakehouse(shop.lakehouse.location, newest=True).rows("bronze.shop_lines") == 4
    result = shop.run(until="bronze")
    assert [(b.rows, b.rejected_rows) for b in result.ingest.new] == [(1, 1)] * 4 + [(1, 0)]
    assert shop.rows("SELECT count(*) FROM bronze.shop_lines") == [(5,)]
    assert shop.rows("SELECT count(*) FROM bronze.rejected") == [(4,)]


def test_the_ledger_is_written_while_files_are_loaded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmbeddedLoader, "at_once", 2)
    monkeypatch.setattr("mergehouse.ingest.ledger.SECONDS", -1)
    for n in range(5):
        shop.deliver(text(line(f"A{n}")), f"lines_{n}.csv")
    shop.run(until="bronze")
    assert [shop.lakehouse.table(f"bronze.{name}").version for name in ("batches", "shop_lines")] == [2, 2]
