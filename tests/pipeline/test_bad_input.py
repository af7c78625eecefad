"""Files, headers and folders that cannot be used: each ends in one clear message."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop

from mergehouse.errors import ConfigError, LakehouseError
from mergehouse.ingest import inspection

GOOD = "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"


def test_missing_file_names_pattern_folder_and_key(shop: Shop) -> None:
    (shop.raw / "notes.txt").write_text("x")
    message = shop.failure()
    assert (
        "lines*" in message
        and str(shop.raw) in message
        and "notes.txt" in message
        and "sources.lines.files" in message
    )


def test_a_kind_of_file_that_is_not_read(shop: Shop) -> None:
    shop.deliver("[]", "lines.pdf")
    message = shop.failure()
    assert "lines.pdf: files of this kind are not read" in message and ".xlsx" in message


def test_empty_file(shop: Shop) -> None:
    shop.deliver("")
    assert "lines.csv: the file is empty" in shop.failure()


def test_header_only_loads_nothing_and_says_so(shop: Shop) -> None:
    shop.deliver(SHOP_HEADER + "\n")
    result = shop.run(until="silver")
    assert not result.failed
    assert result.ingest.new[0].rows == 0
    assert "no rows" in result.ingest.new[0].drift
    assert shop.rows("SELECT count(*) FROM silver.sales_clean") == [(0,)]


ENCODINGS = ["utf-16", "utf-16-le", "utf-8-sig", "cp1252"]


@pytest.fixture(scope="module")
def encoded(open_shop: Callable[[], Shop]) -> Shop:
    """The same line in each of the encodings, a file each."""
    shop = open_shop()
    for n, encoding in enumerate(ENCODINGS):
        content = (
            f"{SHOP_HEADER}\nA{n},1,2026-03-01 10:00:00,P1,Crème brûlée,2,5.00,77,Côte d'Ivoire,EUR\n".encode(
                encoding
            )
        )
        shop.deliver(b"\xff\xfe" + content if encoding == "utf-16-le" else content, f"lines_{n}.csv")
    assert not shop.run(until="silver").failed
    return shop


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_give_the_same_text(encoded: Shop, encoding: str) -> None:
    order = f"A{ENCODINGS.index(encoding)}"
    assert encoded.rows(f"SELECT title, country FROM bronze.shop_lines WHERE \"order\" = '{order}'") == [
        ("Crème brûlée", "Côte d'Ivoire")
    ]
    assert encoded.rows(f"SELECT country_code FROM silver.sales_clean WHERE order_id = '{order}'") == [
        ("CI",)
    ]


def test_wrongly_declared_encoding(shop: Shop) -> None:
    shop.configure(SHOP_BRAND.replace('files: "lines*"', 'files: "lines*"\n    encoding: ascii'))
    shop.deliver(f"{SHOP_HEADER}\n{GOOD.replace('Mug', 'Mügge')}\n")
    assert "not ascii text" in shop.failure()


def test_open_quote_stops_the_file(shop: Shop) -> None:
    shop.deliver_lines(
        GOOD,
        'A2,1,2026-03-01 10:00:00,P1,"Mug,2,5.00,77,Germany,EUR',
        *[GOOD.replace("A1", f"B{i}") for i in range(50)],
    )
    message = shop.failure()
    assert "row counts do not reconcile" in message and "quote" in message
    assert not shop.lakehouse.exists("bronze.shop_lines")


def test_quotes_that_are_letters_and_swallow_lines_are_said(shop: Shop) -> None:
    """Where A1 says `"Best` and A3 `mug"`, A2 is within quotes; a text of two lines is one."""
    letters, lines, declared = shop.brands("letters", "lines", "declared")
    declared.configure(SHOP_BRAND.replace('files: "lines*"', "files: lines*\n    quote: ''"))
    titles = {letters: ['"Best', "Mug", 'mug"'], lines: ['"Best, large,\nmug"'] * 3}
    for brand in (letters, lines, declared):
        rows = [
            f"A{n},1,2026-03-01 10:00:00,P1,{title},1,5.00,77,Germany,EUR"
            for n, title in enumerate(titles.get(brand, titles[letters]), start=1)
        ]
        brand.deliver_lines(*rows)
    result = shop.run(until="silver")
    assert not result.failed
    counted = "SELECT source_system, count(*) FROM silver.sales_clean GROUP BY 1 ORDER BY 1"
    assert shop.rows(counted) == [("declared", 3), ("letters", 1), ("lines", 3)]
    said = {c.table: c.sample for c in result.checks if c.check == "deliveries_are_sound" and not c.passed}
    assert [*said] == ["bronze.letters_lines"]
    assert "1 cell(s) in quotes hold whole lines" in said["bronze.letters_lines"][0]["doubt"]


def test_a_file_of_torn_lines_alone_is_not_loaded(shop: Shop) -> None:
    """Its header has a column more than its lines: to load nothing without a word would look like a day
    without sales.
    """
    shop.deliver_lines(GOOD, GOOD.replace("A1", "A2"), header=f"{SHOP_HEADER},")
    message = shop.failure()
    assert "no line could be split into the 11 columns of the header (line 2: too_few_columns)" in message
    assert "The header ends with a delimiter that its lines lack: take it away." in message
    assert not shop.lakehouse.exists("bronze.shop_lines") and not shop.lakehouse.exists("bronze.rejected")


def test_lines_with_a_number_in_front_that_the_header_lacks_are_explained(shop: Shop) -> None:
    shop.deliver_lines(f"1,{GOOD}", f"2,{GOOD.replace('A1', 'A2')}")
    assert "Its lines have a cell more than the header, as where R's `write.table`" in shop.failure()


def test_line_ends_of_two_kinds_and_bad_bytes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a file is cut into pieces to be read: a line end of two bytes stays one, and bad bytes are
    their line's affair.
    """
    good = GOOD.replace("Mug", "Crème brûlée")
    text = f"{SHOP_HEADER}\r\n".encode() + "\r\n".join(good.replace("A1", f"G{i}") for i in range(9)).encode()
    monkeypatch.setattr(inspection, "CHUNK", text.index(b"\r\n", 300) + 1)
    shop.deliver(text + b"\n" + GOOD.replace("Mug", "M@g").encode().replace(b"@", b"\xff\xfe") + b"\n")
    batch = shop.run(until="silver").ingest.new[0]
    assert (batch.rows, batch.rejected_rows, batch.encoding) == (9, 1, "utf-8")
    assert shop.rows("SELECT reason_code, source_line FROM bronze.rejected") == [("bad_bytes", 11)]


def test_duplicate_header_names(shop: Shop) -> None:
    shop.deliver_lines(GOOD, header=SHOP_HEADER.replace("title", "price"))
    assert "`price` is there 2 times" in (message := shop.failure())
    assert "`header: price 1`" in message and "Nothing of this source was loaded" in message


def test_renamed_column_stops_the_source_and_suggests(shop: Shop) -> None:
    shop.deliver_lines(GOOD, header=SHOP_HEADER.replace("country", "countries"))
    message = shop.failure()
    assert "`country`" in message and "`countries` is new" in message
    assert not shop.lakehouse.exists("bronze.shop_lines")


def test_headers_that_clash_with_ours_or_with_each_other(shop: Shop) -> None:
    shop.deliver_lines(GOOD + ",9,x", header=SHOP_HEADER + ",batch_id,Größe")
    shop.run(until="bronze")
    assert shop.rows("SELECT batch_id_delivered, größe FROM bronze.shop_lines") == [("9", "x")]
    shop.deliver_lines(GOOD + ",9,x,,z", header=SHOP_HEADER + ",a b,a&b,,", name="lines_2.csv")
    batch = shop.run(until="bronze").ingest.new[0]
    assert shop.rows(
        "SELECT a_b, a_b_2, unnamed, unnamed_2 FROM bronze.shop_lines WHERE a_b IS NOT NULL"
    ) == [("9", "x", None, "z")]
    assert (
        "new column `a&b` kept as `a_b_2`" in batch.drift
        and "new column `` kept as `unnamed_2`" in batch.drift
    )
    shop.configure(
        SHOP_BRAND.replace(
            "      qty: {type: number}", "      batch_id: {type: text}\n      qty: {type: number}"
        )
    )
    with pytest.raises(ConfigError, match="`batch_id` is added by Bronze"):
        shop.run()


def test_optional_source_that_never_came(shop: Shop) -> None:
    shop.configure(
        SHOP_BRAND
        + "  goods:\n    files: 'goods*'\n    optional: true\n    columns: {sku: {type: code}, cost: {type:"
        " number}}\n"
    )
    (shop.brand / "products.sql").write_text("SELECT sku AS product_code, cost AS unit_cost FROM goods")
    shop.deliver_lines(GOOD)
    assert not shop.run().failed
    assert shop.rows("SELECT margin_method FROM gold.sales_daily") == [("estimated",)]
    shop.deliver("sku,cost\nP1,2.00\n", "goods.csv")
    assert not shop.run().failed
    assert shop.rows("SELECT margin_method FROM gold.sales_daily") == [("actual",)]


def test_gzip_cut_off_in_the_middle(shop: Shop) -> None:
    lines = "\n".join(GOOD.replace("A1", f"A{i * 7919}") for i in range(5000))
    packed = gzip.compress(f"{SHOP_HEADER}\n{lines}\n".encode())
    shop.deliver(packed[: len(packed) // 2], "lines.csv.gz")
    assert "gzip stream ends in the middle" in shop.failure()
    shop.deliver(packed, "lines.csv.gz")
    assert shop.run(until="bronze").ingest.new[0].rows == 5000


def test_file_that_is_no_gzip(shop: Shop) -> None:
    shop.deliver(f"{SHOP_HEADER}\n{GOOD}\n", "lines.csv.gz")
    assert "not a sound gzip file" in shop.failure()


def test_workbook_and_parquet_that_are_none(shop: Shop) -> None:
    shop.deliver("no workbook", "lines.xlsx")
    assert "not a readable workbook" in shop.failure()
    (shop.raw / "lines.xlsx").unlink()
    shop.deliver("no parquet", "lines.parquet")
    assert "not a readable Parquet file" in shop.failure()


def test_lakehouse_without_write_permission(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "project")
    shop.deliver_lines(GOOD)
    root = shop.folder / "lakehouse"
    root.mkdir(mode=0o555)
    nobody = 65534
    if os.geteuid() == 0:
        for parent in (shop.folder, *shop.folder.parents):
            if parent.stat().st_uid == 0 and parent != parent.parent and "pytest" in str(parent):
                parent.chmod(0o755)
        os.seteuid(nobody)
    try:
        with pytest.raises(LakehouseError, match="cannot be written: no permission"):
            shop.run()
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


@pytest.mark.long("three runs, one on a full disk")
def test_disk_full_leaves_the_published_tables_and_a_rerun_heals(shop: Shop) -> None:
    shop.deliver_lines(GOOD)
    assert not shop.run().failed
    before = shop.rows("SELECT * FROM silver.sales_clean")
    lines = [
        GOOD.replace("A1", f"Z{i * 7919 % 100_003}").replace("Mug", f"Mug {i * 104_729}")
        for i in range(20_000)
    ]
    shop.deliver_lines(*lines, name="lines_2.csv")

    def no_file_above_100_kb() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    command = [
        sys.executable,
        "-c",
        "from mergehouse.cli.main import main; main()",
        "run",
        "-C",
        str(shop.folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=no_file_above_100_kb)
    assert done.returncode == 1, done.stderr
    assert "files may not grow any further" in done.stdout and "Traceback" not in done.stdout + done.stderr
    assert shop.rows("SELECT * FROM silver.sales_clean") == before
    assert not shop.run().failed
    assert shop.rows("SELECT count(*) FROM silver.sales_clean") == [(20_001,)]
